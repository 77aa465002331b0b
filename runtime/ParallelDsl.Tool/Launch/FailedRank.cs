using System.Globalization;
using System.Text.RegularExpressions;

namespace ParallelDsl.Tool.Launch;

/// <summary>Learns from the launcher's own words which rank ended a run.</summary>
internal sealed partial class FailedRank
{
    private int? _rank;
    private string? _end;

    /// <summary>Takes one line of the launcher.</summary>
    public void Take(string line)
    {
        if (Signalled().Match(line) is { Success: true } signal)
            (_rank, _end) = (Number(signal, 1), $"was killed by signal {signal.Groups[2].Value}");
        else if (_end is null && Named().Match(line) is { Success: true } named)
            _rank = Number(named, 1);
        else if (_end is null && _rank is not null && Exited().Match(line) is { Success: true } exit)
            _end = $"ended with exit code {exit.Groups[1].Value}";
    }

    /// <summary>Which rank ended how, or null where the launcher did not say.</summary>
    public string? Describe() => _rank is { } rank && _end is not null
        ? string.Create(CultureInfo.InvariantCulture, $"rank {rank} {_end}; the others were stopped")
        : null;

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"process rank (\d+) with PID \d+ on node \S+ exited on signal (\d+)")]
    private static partial Regex Signalled();

    [GeneratedRegex(@"Process name: \[\[\d+,\d+\],(\d+)\]")]
    private static partial Regex Named();

    [GeneratedRegex(@"Exit code: +(\d+)")]
    private static partial Regex Exited();
}
