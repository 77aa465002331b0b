using System.Runtime.InteropServices;
using ParallelDsl.Reporting;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>Datapaths of attention on shaped links: ranks are processes, each in a network namespace, joined by a mesh, by a switch, and as two
/// nodes. Writes <c>docs/benchmarks/datapaths.md</c> and its picture. Needs root.</summary>
internal static class LinksBenchmark
{
    private const int Width = EngineAttention.Shape.Width;

    /// <summary>Of each rank. These and the rates below leave the processors time, as the page shows: shaping costs a good part of it, by the packet.</summary>
    private const int Rows = 128;

    private static readonly double[] Curve = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2];
    private static readonly double[] Few = [0.25, 1];

    private static readonly LinkFabric Mesh = new("mesh", LinkKind.Mesh, 8, 1, 5, 0);
    private static readonly LinkFabric Switch = new("switch", LinkKind.Switch, 8, 1, 10, 0);
    private static readonly LinkFabric Nodes = new("two nodes", LinkKind.Nodes, 16, 2, 6, 3);

    public static int Run(BenchmarkOptions options)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess || !SystemCommand.Exists("ip") || !SystemCommand.Exists("tc"))
        {
            Console.Error.WriteLine("links: needs Linux, root, and the programs ip and tc (iproute2), for network namespaces with shaped links; nothing was done");
            return 2;
        }

        using CancellationTokenSource cancellation = new();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
        string folder = Directory.CreateTempSubdirectory("paralleldsl-links-").FullName;
        try
        {
            LinkNetwork.RemoveAbandoned();
            // Half of the rounds are enough for a curve of many points.
            int rounds = (options.Rounds / 2) + 1;
            LinkSpec[] specs =
            [
                new(Mesh with { Name = "mesh, not shaped", LinkMegabits = 0 }, Rows, Width, rounds, [], false, folder, 1),
                new(Nodes with { Name = "two nodes, not shaped", LinkMegabits = 0, PortMegabits = 0 }, Rows, Width, rounds, [], false, folder, 2),
                new(Mesh, Rows, Width, rounds, Curve, true, folder, 3),
                new(Switch, Rows, Width, rounds, Few, true, folder, 4),
                new(Nodes, Rows, Width, rounds, Few, true, folder, 5),
            ];
            FabricResult[] results = [.. specs.Select(spec => Measure(spec, cancellation.Token))];
            string docs = Path.Combine(Repository.Root(), "docs", "benchmarks");
            AtomicFile.WriteText(Path.Combine(docs, "datapaths.svg"), LinksChart.Write(results[2]));
            AtomicFile.WriteText(Path.Combine(docs, "datapaths.md"), LinksPage.Write((results[0], results[1]), results[2], results[3], results[4]));
            Console.WriteLine($"wrote {Path.Combine(docs, "datapaths.md")}");
            options.WriteJson(results);
            return 0;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("links: cancelled; the namespaces are removed");
            return 1;
        }
        catch (InvalidOperationException exception)
        {
            Console.Error.WriteLine($"links: {exception.Message}");
            return 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        void Cancel(PosixSignalContext context)
        {
            context.Cancel = true;
            cancellation.Cancel();
        }
    }

    private static FabricResult Measure(LinkSpec spec, CancellationToken cancellation)
    {
        FabricResult result = FabricResult.Of(spec, LinkProcesses.Run(spec, cancellation));
        Console.WriteLine(FormattableString.Invariant(
            $"{spec.Fabric.Name}: link {result.Link.Latency / 1e3:F0} us + {1 / result.Link.PerByte * 8e3:F1} Mbit/s, port {result.Port.Latency / 1e3:F0} us + {1 / result.Port.PerByte * 8e3:F1} Mbit/s, ring {result.RingTime / 1e6:F1} ms"));
        foreach (LinkResult item in result.Results)
        {
            string work = item switch
            {
                { Work: LinkWork.Forward } => "forward",
                { Work: LinkWork.Training } => "with backward",
                { Ratio: 0 } => "exchange",
                _ => FormattableString.Invariant($"{item.Ratio:F2}"),
            };
            // What has no rate has no prediction.
            string predicted = spec.Fabric.LinkMegabits == 0 || item.Predicted is null ? "" : FormattableString.Invariant($", predicted {item.Predicted / 1e6,8:F1} ms {item.Error,7:P1}");
            Console.WriteLine(FormattableString.Invariant(
                $"  {item.Exchange,-24} {work,13}: {item.Median / 1e6,8:F1} ms ({item.Least / 1e6:F1}-{item.Most / 1e6:F1}), x{result.Speedup(item):F2}{predicted}, processors {item.ProcessorShare:P0} of the ranks, {item.MachineShare:P0} of all"));
        }

        return result;
    }
}
