using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Tool.Rings;

/// <summary>A ring set and what is said of it.</summary>
/// <param name="Set">The set.</param>
/// <param name="Check">What its check found.</param>
/// <param name="Links">How many links there are that rings could take.</param>
/// <param name="Most">How many ways there can be at most.</param>
/// <param name="Missing">The links that are missing.</param>
/// <param name="Rail">Where paths go on from node to node, or null.</param>
internal sealed record RingRun(RingSet Set, RingSetCheck Check, int Links, int Most, IReadOnlyList<DeviceLink> Missing, NodeRail? Rail)
{
    /// <summary>The name of the kind.</summary>
    public string Kind => Set.Kind switch
    {
        RingSetKind.Cycles => "cycles",
        RingSetKind.Paths => "paths",
        _ => "pairwise",
    };

    /// <summary>What the set is, in one line.</summary>
    public string Heading
    {
        get
        {
            string nodes = Set.Nodes == 1 ? "" : $" on {Readable.Exact(Set.Nodes)} nodes";
            string ways = Set.Kind switch
            {
                RingSetKind.Pairwise => $"pairwise, {Readable.Exact(Set.Slots, "slot")}",
                RingSetKind.Paths => Readable.Exact(Set.Slots, "ring") + " of paths",
                _ => Readable.Exact(Set.Slots, "ring"),
            };
            return $"{Readable.Exact(Set.Devices, "device")}{nodes}: {ways}, {Readable.Exact(Check.Arcs)} of {Readable.Exact(Links, "link")}";
        }
    }

    /// <summary>What is not as it would be with all links, or null.</summary>
    public string? Note
    {
        get
        {
            if (Set.Kind == RingSetKind.Pairwise && RingSet.MostCycles(Set.Devices) < Set.Devices - 1)
            {
                return $"at most {Readable.Exact(RingSet.MostCycles(Set.Devices), "cycle")} of {Readable.Exact(Set.Devices, "device")} share no link: "
                    + "every device sends its own parts, which uses all links";
            }

            if (Missing.Count > 0)
            {
                int all = Set.Kind == RingSetKind.Paths ? RingSet.MostPaths(Set.DevicesPerNode) : RingSet.MostCycles(Set.Devices), lost = all - Set.Slots;
                string fewer = lost == 0 ? $"the {Readable.Exact(all, "ring")} that all links have" : $"{Readable.Exact(lost, "ring")} fewer than {Readable.Exact(all)}";
                return $"without {Readable.Exact(Missing.Count, "link")}; {fewer}; no more than {Readable.Exact(Most)} can be";
            }

            return Set.Slots < Most ? $"there could be {Readable.Exact(Most)}" : null;
        }
    }
}
