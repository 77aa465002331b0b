using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ParallelDsl.Tool.Launch;

/// <summary>Takes apart what the launcher prints with <c>--tag-output</c>. It marks what it happens to read, so a rank's line may come in several
/// pieces with those of others between them: pieces are put together, and each line is written whole behind its rank.</summary>
/// <param name="target">Where the lines of ranks go.</param>
/// <param name="other">Where the launcher's own go.</param>
/// <param name="ranks">The number of ranks: their numbers are as wide.</param>
internal sealed partial class RankOutput(TextWriter target, TextWriter other, int ranks)
{
    private readonly SortedDictionary<int, StringBuilder> _begun = [];
    private readonly int _width = (ranks - 1).ToString(CultureInfo.InvariantCulture).Length;

    /// <summary>Takes one line of the launcher.</summary>
    public void Take(string line)
    {
        MatchCollection tags = Tag().Matches(line);
        if (tags.Count == 0)
        {
            Write(other, line);
            return;
        }

        for (int index = 0; index < tags.Count; index++)
        {
            Match tag = tags[index];
            int start = tag.Index + tag.Length, end = index + 1 < tags.Count ? tags[index + 1].Index : line.Length;
            int rank = int.Parse(tag.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            if (!_begun.TryGetValue(rank, out StringBuilder? begun))
                _begun.Add(rank, begun = new StringBuilder());
            begun.Append(line, start, end - start);
            if (index + 1 == tags.Count)
                Flush(rank, begun);
        }
    }

    /// <summary>Writes the lines that no line end came for.</summary>
    public void End()
    {
        foreach ((int rank, StringBuilder begun) in _begun)
        {
            if (begun.Length > 0)
                Flush(rank, begun);
        }
    }

    private void Flush(int rank, StringBuilder begun)
    {
        // A terminal's line ends are not those of a file.
        string text = begun.ToString().TrimEnd('\r');
        begun.Clear();
        Write(target, $"[{rank.ToString(CultureInfo.InvariantCulture).PadLeft(_width)}] {text}");
    }

    private static void Write(TextWriter writer, string line)
    {
        lock (writer)
            writer.WriteLine(line);
    }

    [GeneratedRegex(@"\[\d+,(\d+)\]<(?:stdout|stderr|stddiag)>:")]
    private static partial Regex Tag();
}
