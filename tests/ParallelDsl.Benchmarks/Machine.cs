using System.Globalization;

namespace ParallelDsl.Benchmarks;

/// <summary>What figures were measured on.</summary>
internal static class Machine
{
    public static string Description()
    {
        const string Processors = "/proc/cpuinfo";
        string? model = File.Exists(Processors)
            ? File.ReadLines(Processors).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            : null;
        return string.Create(CultureInfo.InvariantCulture, $"{model ?? "unknown processor"}, {Environment.ProcessorCount} cores, .NET {Environment.Version}");
    }
}
