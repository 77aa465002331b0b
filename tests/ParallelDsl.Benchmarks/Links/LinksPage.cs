using System.Globalization;
using System.Text;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>Writes the page of the benchmark.</summary>
internal static class LinksPage
{
    public static string Write((FabricResult Mesh, FabricResult Nodes) unshaped, FabricResult mesh, FabricResult hub, FabricResult nodes)
    {
        StringBuilder page = new();
        LinkSpec spec = mesh.Spec;
        page.Append("# Datapaths of attention, measured on shaped links\n\n")
            .Append("Made by `dotnet run -c Release --project tests/ParallelDsl.Benchmarks -- links` as root; do not edit. Every rank is a process in a network namespace of its\n")
            .Append("own; links are pairs of virtual Ethernet interfaces, each direction shaped by a token bucket; the ranks are joined by `SocketTransport` (TCP), the same for\n")
            .Append("all datapaths. Who sends what to whom in which hop is what the runtime's itineraries say, and what arrives is checked by sums of its bits in every run. Keys and values\n")
            .Append("travel fused, in two buffers: what came last is attended to and passed on while the next comes. Every datapath has as many calls as there are ranks. The double ring\n")
            .Append("sends to the next node from the start of a round on, which overlaps more than the runtime's; on a mesh and a switch it is drawn over two rings of rings, where the runtime's\n")
            .Append("would be one ring, so that its own attention has no line there. Cases run in random order; medians, and in brackets the shortest and the longest, of ")
            .Append(CultureInfo.InvariantCulture, $"{spec.Rounds} runs.\n\n")
            .Append("The ratio is the time of all calls by the time that the single ring's communication takes alone. For this curve a call is a *timed wait that uses no processor*,\n")
            .Append("for a few processors run all the ranks. The lines \"forward\" and \"forward and backward\" are the runtime's own causal attention (`RingAttention`), one sequence on all\n")
            .Append("ranks, over the same links, its output and gradients compared between datapaths; in the backward keys and values travel again, and gradients behind them.\n")
            .Append("Predicted: a max-plus model of latency + bytes / rate for each hop, both measured with one message between two ranks (the fastest of nine), and links that carry one message after the other, the bucket's burst ahead of their rate.\n\n");

        page.Append("## Aims\n\n| | measured | aim |\n|---|---|---|\n");
        Aim("mesh, exchange alone: multi-ring over single ring", mesh.Speedup(Exchanges.MultiRing, 0), "at least 3.58x; above 6x of the ideal 7x");
        Aim("mesh, exchange alone: time of multi-ring by pairwise", ByPairwise(LinkWork.Waits), "0.90x to 1.10x");
        Aim("mesh, the runtime's attention, forward: time of multi-ring by pairwise", ByPairwise(LinkWork.Forward), "0.90x to 1.10x");
        Aim("mesh, the runtime's attention, forward and backward: time of multi-ring by pairwise", ByPairwise(LinkWork.Training), "0.90x to 1.10x");
        Aim("switch, exchange alone: multi-ring over single ring", hub.Speedup(Exchanges.MultiRing, 0), "0.95x to 1.05x: no gain there");
        Aim("mesh, the runtime's attention, forward: multi-ring over single ring", mesh.Speedup(mesh.Of(Exchanges.MultiRing, LinkWork.Forward)), "as the exchange alone");
        Aim("mesh, the runtime's attention, forward and backward: multi-ring over single ring", mesh.Speedup(mesh.Of(Exchanges.MultiRing, LinkWork.Training)), "as the exchange alone");
        Aim("two nodes, exchange alone: paths over one global ring", nodes.Speedup(Exchanges.MultiRing, 0), "at least 4x");
        FabricResult[] shaped = [mesh, hub, nodes];
        double[] errors = [.. shaped.SelectMany(result => result.Results).Where(item => item.Error is not null).Select(item => Math.Abs(item.Error!.Value))];
        page.Append(CultureInfo.InvariantCulture, $"| mean error of the model over all {errors.Length} cases | {errors.Average():P1} | at most 10 % |\n\n");

        page.Append("![Speed over the single ring, measured and predicted, by ratio](datapaths.svg)\n\n");
        Section(page, mesh, "Mesh", $"{spec.Fabric.Ranks} ranks, a link for each pair, {spec.Fabric.LinkMegabits} Mbit/s in each direction; {Kilobytes(spec)} KiB of keys and values on each rank. Multi-ring: {spec.Fabric.Ranks - 1} Hamiltonian cycles that share no link.");
        Section(page, hub, "Switch", $"{hub.Spec.Fabric.Ranks} ranks, one port each, {hub.Spec.Fabric.LinkMegabits} Mbit/s out and in; {Kilobytes(hub.Spec)} KiB on each rank. The negative control: one ring already fills the ports.");
        LinkFabric two = nodes.Spec.Fabric;
        Section(page, nodes, "Two nodes", $"{two.Nodes} nodes of {two.PerNode} ranks: a mesh of {two.LinkMegabits} Mbit/s inside a node, and a port of {two.PortMegabits} Mbit/s out and in for each rank to a switch between nodes; {Kilobytes(nodes.Spec)} KiB on each rank. Multi-ring: {two.PerNode} rings over both nodes, made of Hamiltonian paths.");

        Processors(page, unshaped, shaped);
        return page.ToString();

        double ByPairwise(LinkWork work) => mesh.Of(Exchanges.MultiRing, work).Median / mesh.Of(Exchanges.Pairwise, work).Median;

        void Aim(string what, double factor, string aim) => page.Append(CultureInfo.InvariantCulture, $"| {what} | {factor:F2}x | {aim} |\n");
    }

    private static void Processors(StringBuilder page, (FabricResult Mesh, FabricResult Nodes) unshaped, FabricResult[] shaped)
    {
        (FabricResult fabric, LinkResult worst) = shaped.SelectMany(fabric => fabric.Results, (fabric, item) => (fabric, item)).MaxBy(pair => pair.item.MachineShare);
        page.Append("## Are processors the limit?\n\n")
            .Append(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} processors. The tables above say for each case how busy they were: with the processes of the ranks, and with anything (the system's network work, which shaping\n")
            .Append(CultureInfo.InvariantCulture, $"makes more of, and other programs too). Most in {worst.Exchange}, {Work(worst)}, over the {fabric.Spec.Fabric.Name}: {worst.MachineShare:P0}. The same exchanges *without* shaping, where processors are the\n")
            .Append("limit:\n\n| fabric | datapath | ms | Mbit/s on all links together | ms with shaping | share of that time that the exchange needs without it |\n|---|---|---|---|---|---|\n");
        foreach ((FabricResult free, FabricResult bound) in (ReadOnlySpan<(FabricResult, FabricResult)>)[(unshaped.Mesh, shaped[0]), (unshaped.Nodes, shaped[2])])
        {
            LinkSpec spec = free.Spec;
            foreach (string exchange in bound.Exchanges)
            {
                (double alone, double held) = (free.Of(exchange, 0).Median, bound.Of(exchange, 0).Median);
                double megabits = (double)Kilobytes(spec) * 1_024 * 8 * spec.Fabric.Ranks * (spec.Fabric.Ranks - 1) / (alone / 1e9) / 1e6;
                page.Append(CultureInfo.InvariantCulture, $"| {bound.Spec.Fabric.Name} | {exchange} | {alone / 1e6:F1} | {megabits:N0} | {held / 1e6:F1} | {alone / held:P0} |\n");
            }
        }
    }

    private static string Work(LinkResult item) => item switch
    {
        { Work: LinkWork.Forward } => "forward",
        { Work: LinkWork.Training } => "forward and backward",
        { Ratio: 0 } => "exchange alone",
        _ => item.Ratio.ToString("0.##", CultureInfo.InvariantCulture),
    };

    private static int Kilobytes(LinkSpec spec) => spec.Rows * 2 * spec.Width * sizeof(float) / 1_024;

    private static void Section(StringBuilder page, FabricResult result, string title, string what)
    {
        page.Append(CultureInfo.InvariantCulture, $"## {title}\n\n{what} One message: {result.Link.Latency / 1e3:F0} us and {8e3 / result.Link.PerByte:F1} Mbit/s");
        if (result.Spec.Fabric.Kind == LinkKind.Nodes)
            page.Append(CultureInfo.InvariantCulture, $" inside a node, {result.Port.Latency / 1e3:F0} us and {8e3 / result.Port.PerByte:F1} Mbit/s between nodes");
        page.Append(CultureInfo.InvariantCulture, $". The single ring's communication: {result.RingTime / 1e6:F1} ms. Mean error of the model {result.ModelError.Mean:P1}, worst {result.ModelError.Most:P1}.\n\n")
            .Append("| datapath | ratio | ms | over single ring | predicted ms | error | processors, ranks | processors, all |\n|---|---|---|---|---|---|---|---|\n");
        foreach (LinkResult item in result.Results)
        {
            string predicted = item.Predicted is { } time ? string.Create(CultureInfo.InvariantCulture, $"{time / 1e6:F1} | {item.Error:P1}") : "|";
            page.Append(CultureInfo.InvariantCulture, $"| {item.Exchange} | {Work(item)} | {item.Median / 1e6:F1} ({item.Least / 1e6:F1} to {item.Most / 1e6:F1}) | {result.Speedup(item):F2}x | {predicted} | {item.ProcessorShare:P0} | {item.MachineShare:P0} |\n");
        }

        Loads(page, result);
    }

    private static void Loads(StringBuilder page, FabricResult result)
    {
        page.Append("\nLinks of one more exchange alone, by the interfaces' counters (with headers and acknowledgements). A direction is busy while it carries more than half of its\n")
            .Append("rate, looked at every 5 ms.\n\n")
            .Append("| datapath | directions | carry data | bytes of one that does, least to most | busy, least to most of those | bytes of all |\n|---|---|---|---|---|---|\n");
        for (int exchange = 0; exchange < result.Exchanges.Length; exchange++)
        {
            LinkLoad[] loads = [.. result.Loads.Where(load => load.Exchange == exchange)];
            // Others carry acknowledgements and agreements of the ranks alone.
            LinkLoad[] used = [.. loads.Where(load => load.Bytes > loads.Max(other => other.Bytes) / 10)];
            page.Append(CultureInfo.InvariantCulture, $"| {result.Exchanges[exchange]} | {loads.Length} | {used.Length} | {used.Min(load => load.Bytes):N0} to {used.Max(load => load.Bytes):N0} | {used.Min(load => load.BusySeconds / load.Seconds):P0} to {used.Max(load => load.BusySeconds / load.Seconds):P0} | {loads.Sum(load => load.Bytes):N0} |\n");
        }

        page.Append("\n<details><summary>Every direction of every link: bytes, and milliseconds busy</summary>\n\n| direction |");
        foreach (string exchange in result.Exchanges)
            page.Append(CultureInfo.InvariantCulture, $" {exchange} |");
        page.Append("\n|---|").Append(string.Concat(Enumerable.Repeat("---|", result.Exchanges.Length))).Append('\n');
        foreach (IGrouping<string, LinkLoad> link in result.Loads.GroupBy(load => load.Link))
        {
            page.Append(CultureInfo.InvariantCulture, $"| {link.Key} |");
            foreach (LinkLoad load in link.OrderBy(load => load.Exchange))
                page.Append(CultureInfo.InvariantCulture, $" {load.Bytes:N0}, {load.BusySeconds * 1e3:F0} |");
            page.Append('\n');
        }

        page.Append("\n</details>\n\n");
    }
}
