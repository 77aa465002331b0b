using System.Diagnostics;
using System.Text.Json;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>Runs the ranks of a fabric, each in its namespace, and collects what they measured.</summary>
internal static class LinkProcesses
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <exception cref="InvalidOperationException">A rank failed.</exception>
    /// <exception cref="OperationCanceledException">The benchmark was cancelled.</exception>
    public static LinkFigures[] Run(LinkSpec spec, CancellationToken cancellation)
    {
        using LinkNetwork network = LinkNetwork.Build(spec.Fabric);
        string file = Path.Combine(spec.Folder, "specification.json");
        File.WriteAllText(file, JsonSerializer.Serialize(spec));
        List<Process> processes = [];
        try
        {
            for (int rank = 0; rank < spec.Fabric.Ranks; rank++)
            {
                processes.Add(Process.Start(new ProcessStartInfo(
                    "ip",
                    ["netns", "exec", network.NamespaceOf(rank), Environment.ProcessPath!, .. HostArguments(), "links-rank", file, FormattableString.Invariant($"{rank}")])
                {
                    RedirectStandardInput = true,
                })!);
            }

            long started = Stopwatch.GetTimestamp();
            while (!processes.TrueForAll(process => process.HasExited))
            {
                if (processes.Find(process => process.HasExited && process.ExitCode != 0) is not null)
                    break;
                if (Stopwatch.GetElapsedTime(started) > Patience)
                    throw new InvalidOperationException($"{spec.Fabric.Name}: the ranks have not ended within {Patience}");
                cancellation.WaitHandle.WaitOne(100);
                cancellation.ThrowIfCancellationRequested();
            }

            for (int rank = 0; rank < processes.Count; rank++)
            {
                if (processes[rank].HasExited && processes[rank].ExitCode != 0)
                    throw new InvalidOperationException($"{spec.Fabric.Name}: rank {rank} ended with {processes[rank].ExitCode}");
            }

            return [.. Enumerable.Range(0, spec.Fabric.Ranks).Select(rank => JsonSerializer.Deserialize<LinkFigures>(File.ReadAllText(spec.ResultOf(rank)))!)];
        }
        finally
        {
            foreach (Process process in processes)
            {
                if (!process.HasExited)
                {
                    process.Kill();
                    process.WaitForExit();
                }

                process.Dispose();
            }
        }
    }

    // Where this is run as "dotnet X.dll", the ranks are too.
    private static string[] HostArguments() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(LinkProcesses).Assembly.Location] : [];
}
