using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>A ring set, or why there is none.</summary>
/// <param name="Set">The set, or null.</param>
/// <param name="Misfit">Why there is none and what there is instead, or null.</param>
public sealed record RingSetResult(RingSet? Set, string? Misfit);

/// <summary>Ring sets of devices that are all linked to each other.</summary>
public static class RingSets
{
    /// <summary>The most devices of a set: its tables grow with the square of them.</summary>
    public const int MostDevices = 1_024;

    /// <summary>All links of <paramref name="devices"/> devices: as n - 1 cycles or, of 4 and 6 devices, of which there are no n - 1
    /// cycles, pairwise.</summary>
    /// <param name="devices">n.</param>
    /// <param name="cancellation">Ends the search that some numbers of devices take.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 2 devices or more than <see cref="MostDevices"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    public static RingSet Complete(int devices, CancellationToken cancellation = default)
    {
        if (devices is < 2 or > MostDevices)
        {
            throw new ArgumentOutOfRangeException(
                nameof(devices), Invariant($"rings of {devices} devices; there are rings of 2 to {MostDevices}"));
        }

        return CycleDecomposition.Of(devices, cancellation) is { } rings
            ? new RingSet(RingSetKind.Cycles, devices, 1, rings)
            : RingSet.Pairwise(devices);
    }

    /// <summary>All links inside nodes, and one out of and one into each device.</summary>
    /// <param name="nodes">How many nodes, at least 2.</param>
    /// <param name="perNode">Devices of a node; of all numbers but 3 and 5 there are paths.</param>
    /// <param name="rail">Which device of the next node a device sends to.</param>
    /// <param name="cancellation">Ends the search that some numbers of devices take.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 2 nodes, no devices, or more than <see cref="MostDevices"/> in
    /// all.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    public static RingSetResult OverNodes(int nodes, int perNode, NodeRail rail, CancellationToken cancellation = default)
    {
        if (nodes < 2 || perNode < 1 || (long)nodes * perNode > MostDevices)
        {
            throw new ArgumentOutOfRangeException(
                nameof(nodes), Invariant($"rings of {nodes} nodes of {perNode} devices; there are rings of 2 nodes or more and up to {MostDevices} devices"));
        }

        if (!NodePaths.Exist(perNode))
        {
            return new RingSetResult(null, Invariant(
                $"nodes of {perNode} devices have no {perNode} paths that start and end once at each, as {perNode + 1} devices have no {perNode} cycles; cycles of all {nodes * perNode} devices need none"));
        }

        if (rail == NodeRail.Aligned && !NodePaths.CanAlign(nodes, perNode))
        {
            return new RingSetResult(null, Invariant(
                $"paths of {perNode} devices on {nodes} nodes do not close along rails: that needs an even number of nodes, or nodes of an odd number or a multiple of 4 devices; they close across rails"));
        }

        return new RingSetResult(
            new RingSet(RingSetKind.Paths, nodes * perNode, nodes, NodePaths.Rings(nodes, perNode, rail, cancellation)), null);
    }
}
