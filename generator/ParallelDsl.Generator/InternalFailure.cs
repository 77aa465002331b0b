using System.Globalization;

namespace ParallelDsl.Generator;

/// <summary>What an exception of the generator's own becomes: it never reaches the compiler, which would drop all generated code for it.</summary>
internal static class InternalFailure
{
    /// <summary>The exception on one line: its type, its message and the innermost method of ours.</summary>
    public static string Describe(Exception exception)
    {
        string trace = exception.StackTrace ?? string.Empty;
        string frame = trace.Split('\n').Select(line => line.Trim()).FirstOrDefault(line => line.Contains("ParallelDsl.")) ?? "no frame";
        return string.Format(
            CultureInfo.InvariantCulture, "{0}: {1} ({2})", exception.GetType().Name, exception.Message.Replace('\r', ' ').Replace('\n', ' '), frame);
    }
}
