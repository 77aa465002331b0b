using System.Globalization;

namespace ParallelDsl.Tool.Launch;

/// <summary>What of this machine this process may use, and so the ranks that it starts.</summary>
/// <param name="Processors">Processors: the threads of the hardware.</param>
/// <param name="Cores">Cores that these belong to: no more, and fewer where a core runs two threads.</param>
internal sealed record MachineProcessors(int Processors, int Cores)
{
    private const string AllowedField = "Cpus_allowed_list:";

    /// <summary>As Linux tells; where it does not, each processor counts as a core.</summary>
    public static MachineProcessors Own()
    {
        // Fewer than Linux names where a container has a share of their time.
        int processors = Environment.ProcessorCount;
        const string Status = "/proc/self/status";
        string? allowed = File.Exists(Status) ? File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(AllowedField, StringComparison.Ordinal)) : null;
        int cores = allowed is null ? processors : CountCores(allowed[AllowedField.Length..], "/sys/devices/system/cpu");
        return new MachineProcessors(processors, Math.Min(processors, cores));
    }

    /// <summary>The cores of some processors.</summary>
    /// <param name="list">The processors: <c>0-3,8</c>.</param>
    /// <param name="folder">Where Linux describes them.</param>
    internal static int CountCores(string list, string folder)
    {
        var cores = new HashSet<string>();
        foreach (int processor in Parse(list))
        {
            string number = processor.ToString(CultureInfo.InvariantCulture);
            string siblings = Path.Combine(folder, $"cpu{number}", "topology", "thread_siblings_list");
            cores.Add(File.Exists(siblings) ? File.ReadAllText(siblings) : number);
        }

        return cores.Count;
    }

    /// <summary>The numbers of a list of processors.</summary>
    internal static IEnumerable<int> Parse(string list)
    {
        foreach (string range in list.Trim().Split(','))
        {
            string[] ends = range.Split('-');
            int first = int.Parse(ends[0], CultureInfo.InvariantCulture), last = int.Parse(ends[^1], CultureInfo.InvariantCulture);
            for (int processor = first; processor <= last; processor++)
                yield return processor;
        }
    }
}
