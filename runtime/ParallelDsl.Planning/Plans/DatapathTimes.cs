using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Plans;

/// <summary>The links of the ranks of one ring. All rings of a node work at once, so a ring has its ranks' even share of the network interfaces.</summary>
/// <param name="Ranks">n, how many ranks.</param>
/// <param name="PerNode">p, how many of them share a node.</param>
/// <param name="Devices">Devices of a node.</param>
/// <param name="Fabric">How they are joined.</param>
/// <param name="LinkBytesPerNanosecond">What a device sends to others of its node; over a mesh, in even parts to each.</param>
/// <param name="Interfaces">Network interfaces of a node.</param>
/// <param name="InterfaceGbps">Gigabits a second of one.</param>
/// <param name="Routes">Whether a hop between nodes takes several interfaces on one ring.</param>
internal readonly record struct RingLinks(
    int Ranks, int PerNode, int Devices, Fabric Fabric, long LinkBytesPerNanosecond, int Interfaces, long InterfaceGbps, bool Routes)
{
    /// <summary>Whether it goes over several nodes.</summary>
    public bool Crosses => Ranks > PerNode;

    /// <summary>The slowest links of all groups of nodes.</summary>
    /// <param name="cluster">The machines.</param>
    /// <param name="ranks">n.</param>
    /// <param name="perNode">p.</param>
    /// <param name="routes">Whether hops between nodes may take several interfaces, where there are some.</param>
    public static RingLinks Of(ClusterSpec cluster, int ranks, int perNode, bool routes)
    {
        NodeGroup[] groups = [.. cluster.Nodes.Items];
        int interfaces = ranks > perNode ? groups.Min(group => group.NicsPerNode) : 0;
        return new RingLinks(
            ranks,
            perNode,
            groups.Max(group => group.DevicesPerNode),
            groups.Any(group => group.Fabric == Fabric.Mesh) ? Fabric.Mesh : Fabric.Switch,
            Math.Max(1, groups.Min(group => group.Device.LinkBytesPerNanosecond)),
            interfaces,
            groups.Min(group => group.NicGbps),
            routes && interfaces > 1);
    }

    /// <summary>Nanoseconds of a hop.</summary>
    /// <param name="link">The most bytes from one rank to another of its node.</param>
    /// <param name="rank">The most bytes of one rank to all others of its node.</param>
    /// <param name="flow">The most bytes from one rank to one of another node.</param>
    /// <param name="node">The most bytes of the ring that leave a node.</param>
    public long Hop(long link, long rank, long flow, long node)
    {
        long inside = link == 0 ? 0 : Fabric == Fabric.Mesh
            ? Divide(checked(link * Math.Max(1, Devices - 1)), LinkBytesPerNanosecond)
            : Divide(rank, LinkBytesPerNanosecond);
        if (node == 0)
            return inside;
        long together = Divide(checked(node * 8 * Devices), checked(Interfaces * InterfaceGbps * PerNode));
        return Math.Max(inside, Math.Max(together, Divide(checked(flow * 8), InterfaceGbps)));
    }

    private static long Divide(long value, long divisor) => divisor == 0 ? 0 : (value / divisor) + (value % divisor == 0 ? 0 : 1);
}

/// <summary>What the ranks of one ring do with a full unit, in all layers together.</summary>
/// <param name="KeyValueBytes">R, bytes of keys and values of one rank.</param>
/// <param name="Swapped">What they swap where they swap tokens for heads, in each of the four exchanges of forward and backward on average.</param>
/// <param name="HeadsPercent">What the rank with the most heads computes then, in percent of an even share.</param>
/// <param name="Forward">Nanoseconds of attention to what comes in one hop.</param>
/// <param name="Backward">The same in the backward.</param>
internal readonly record struct RingLoad(long KeyValueBytes, HeadSwap Swapped, long HeadsPercent, long Forward, long Backward);

/// <summary>How long attention on one ring takes under each datapath, forward and backward of a full unit: in every hop the longer of computing
/// and transferring (after the ratio of both in TASP, arXiv 2509.26541; the closed forms are ours).</summary>
internal static class DatapathTimes
{
    /// <summary>What is chosen from; of equal times the earlier one: fewer messages, and less memory.</summary>
    public static EquatableArray<Datapath> Candidates { get; } = new([
        Datapath.Ring, Datapath.BidirectionalRing, Datapath.DoubleRing, Datapath.Hamiltonian, Datapath.Pairwise, Datapath.AllGather, Datapath.AllToAll]);

    /// <summary>The datapath with the least time.</summary>
    public static Datapath Least(in RingLinks links, in RingLoad load)
    {
        (Datapath best, long least) = (Datapath.Ring, long.MaxValue);
        foreach (Datapath candidate in Candidates)
        {
            // Of 4 and of 6 ranks they are pairwise ways, and called so.
            bool isPairwise = candidate == Datapath.Hamiltonian && IsDirect(candidate, links);
            if (isPairwise || (Itineraries.IsDense(candidate) && links.Ranks > Itineraries.MostRanks))
                continue;
            long time = Of(candidate, links, load);
            if (time < least)
                (best, least) = (candidate, time);
        }

        return best;
    }

    /// <summary>Nanoseconds of forward and backward under a datapath.</summary>
    public static long Of(Datapath datapath, in RingLinks links, in RingLoad load)
    {
        long hops = links.Ranks - 1;
        if (hops == 0)
            return load.Forward + load.Backward;
        long transfer = Transfer(datapath, links, load);
        switch (datapath)
        {
            case Datapath.AllToAll:
                return (4 * transfer) + (checked((load.Forward + load.Backward) * links.Ranks * load.HeadsPercent) / 100);
            case Datapath.AllGather:
                return Math.Max(load.Forward, transfer) + Math.Max(load.Backward, transfer) + (hops * (load.Forward + load.Backward)) + transfer;
            case Datapath.DoubleRing when IsNested(links):
                // Between nodes once a round, and gradients home.
                long across = (links.Ranks / links.PerNode) - 1;
                (long inside, long between) = Nested(links, load.KeyValueBytes);
                return Overlapped(load, hops - across, inside) + Overlapped(load, across, between) + load.Forward + load.Backward + between;
            default:
                // Where every rank sends its own rows there are no gradients yet in the first hop of the backward.
                long saved = IsDirect(datapath, links) ? Math.Max(load.Backward, 2 * transfer) - Math.Max(load.Backward, transfer) : 0;
                return Overlapped(load, hops, transfer) - saved + load.Forward + load.Backward + transfer;
        }
    }

    /// <summary>Nanoseconds of the longest hop.</summary>
    /// <param name="datapath">The datapath.</param>
    /// <param name="links">The links.</param>
    /// <param name="bytes">Of keys and values of one rank, where these travel; else of what it swaps, of heads that divide evenly: rings of fewer
    /// ranks, which are taken where they do not, have them so.</param>
    public static long LongestHop(Datapath datapath, in RingLinks links, long bytes)
    {
        if (datapath != Datapath.DoubleRing || !IsNested(links))
            return Transfer(datapath, links, new RingLoad(bytes, HeadSwap.Even(bytes, links.Ranks, links.PerNode), 100, 0, 0));
        (long inside, long between) = Nested(links, bytes);
        return Math.Max(inside, between);
    }

    /// <summary>Nanoseconds of a hop of keys and values.</summary>
    public static long Transfer(Datapath datapath, in RingLinks links, in RingLoad load)
    {
        (long ranks, long perNode, long bytes) = (links.Ranks, links.PerNode, load.KeyValueBytes);
        switch (datapath)
        {
            case Datapath.BidirectionalRing when ranks > 2:
                long half = Share(bytes, 2);
                return links.Hop(perNode > 1 ? half : 0, perNode > 2 ? 2 * half : half, half, links.Crosses ? 2 * half : 0);
            case Datapath.Hamiltonian when HasPaths(links):
                long path = Share(bytes, perNode);
                return links.Hop(path, (perNode - 1) * path, path, perNode * path);
            case Datapath.Hamiltonian or Datapath.Pairwise:
                return ToAll(links, Share(bytes, ranks - 1));
            case Datapath.AllGather:
                return ToAll(links, bytes);
            case Datapath.AllToAll:
                return ToAll(links, load.Swapped.Rank, load.Swapped.Node);
            default:
                // One hop leaves a node, over one interface or, in parts, over all.
                return links.Hop(
                    perNode > 1 ? bytes : 0, bytes, links.Routes ? Share(bytes, links.Interfaces) : bytes, links.Crosses ? bytes : 0);
        }
    }

    private static bool IsDirect(Datapath datapath, in RingLinks links) =>
        datapath == Datapath.Pairwise || (datapath == Datapath.Hamiltonian && links.Ranks is 4 or 6 && !HasPaths(links));

    private static bool IsNested(in RingLinks links) => links.Crosses && links.Ranks % links.PerNode == 0;

    // Hops of double rings round a node, and to the next.
    private static (long Inside, long Between) Nested(in RingLinks links, long bytes) =>
        (links.Hop(links.PerNode > 1 ? bytes : 0, bytes, 0, 0), links.Hop(0, 0, bytes, links.PerNode * bytes));

    private static bool HasPaths(in RingLinks links) =>
        links.Ranks % links.PerNode == 0 && Itineraries.HasPaths(links.Ranks, links.Ranks / links.PerNode);

    private static long ToAll(in RingLinks links, long each) => ToAll(links, each, links.PerNode * each);

    // From each rank to one other at most so much, and so much to all of one node.
    private static long ToAll(in RingLinks links, long each, long node)
    {
        long perNode = links.PerNode, others = links.Ranks - perNode;
        return links.Hop(perNode > 1 ? each : 0, (perNode - 1) * each, others > 0 ? each : 0, others * node);
    }

    // In the backward keys and gradients travel.
    private static long Overlapped(in RingLoad load, long hops, long transfer) =>
        hops * (Math.Max(load.Forward, transfer) + Math.Max(load.Backward, 2 * transfer));

    private static long Share(long bytes, long parts) => (bytes + parts - 1) / parts;
}
