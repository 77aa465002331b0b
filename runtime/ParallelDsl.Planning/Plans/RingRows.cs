using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Rings;
using static System.FormattableString;

namespace ParallelDsl.Planning.Plans;

/// <summary>The rings of a plan file, a row each: the positions on the sequence axis in the order of travel, or the same as text. Text with network
/// interfaces at its ends, <c>"N0 0 1 3 2 N2"</c>, is a path of the positions of one node, as in RCCL's models of machines (<see cref="RingSetText"/>);
/// nodes are joined end to start of the same path.</summary>
internal static class RingRows
{
    /// <summary>Reads the rows. Whether they are rings, and whether the plan has a use for them, is known once all of it is read
    /// (<see cref="SequenceRings.FaultOf(ParallelPlan)"/>).</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="ranks">The positions of the axis as the file has it; proven by nothing.</param>
    public static EquatableArray<EquatableArray<int>> Read(JsonValue rows, int ranks)
    {
        List<JsonValue> items = rows.AsItems();
        var rings = items.Select((row, ring) => row.Kind == JsonKind.Text ? OfText(row, ring, ranks) : OfNumbers(row)).ToEquatableArray();
        int[] lengths = [.. items.Select(PathLength)];
        int odd = Array.FindIndex(lengths, length => length != lengths[0]);
        if (odd > 0)
            throw items[odd].Error(Invariant($"ring {odd} is {Describe(lengths[odd])}, where ring 0 is {Describe(lengths[0])}"));
        return rings;
    }

    /// <summary>What is wrong with rings that were written as paths on the nodes of a plan that is sound.</summary>
    public static RingFault? MisfitOf(JsonValue rows, ParallelPlan plan)
    {
        int written = NodesOf(rows, plan.Mesh.Sequence), nodes = SequenceRings.NodesOf(plan.Cluster, plan.Mesh);
        return written == 1 || written == nodes
            ? null
            : new RingFault(0, Invariant($"ring 0 is a path over {written} nodes, and the sequence axis lies evenly on {nodes}"));
    }

    /// <summary>The error of a fault, at the row of its ring.</summary>
    public static TextException ErrorOf(JsonValue rows, RingFault fault) =>
        (fault.Ring >= 0 && fault.Ring < rows.Items.Count ? rows.Items[fault.Ring] : rows).Error(fault.Message);

    private static EquatableArray<int> OfNumbers(JsonValue row) =>
        row.AsItems().Select(rank => (int)rank.AsWhole(0, int.MaxValue)).ToEquatableArray();

    private static EquatableArray<int> OfText(JsonValue row, int ring, int ranks)
    {
        int length = PathLength(row), positions = RingSetText.DevicesOf(row.Content);
        if (ranks is < 2 or > RingSets.MostDevices)
            throw row.Error(Invariant($"ring {ring} is text; there are such rings of 2 to {RingSets.MostDevices} positions, and the sequence axis has {ranks}"));
        if (length == ranks)
            throw row.Error(Invariant($"ring {ring} is a path that does not close: it has all {ranks} positions, and there is no other node on which it goes on"));
        if (length > 0 ? ranks % length != 0 : positions != ranks)
            throw row.Error(Invariant($"ring {ring} visits {positions} devices{(length > 0 ? " of every node" : "")}, where there are {ranks}"));
        (RingSet? set, TextError? error) = RingSetText.Parse(row.Content, ranks, length > 0 ? ranks / length : 1);
        if (error is not null)
            throw row.Error(Invariant($"ring {ring}, column {error.Column} of its text: {error.Message}"));
        return set!.Rings.Count == 1 ? set.Rings[0] : throw row.Error(Invariant($"ring {ring} is {set.Rings.Count} rings; write each as a row of its own"));
    }

    private static int NodesOf(JsonValue rows, int ranks) =>
        rows.Items.Count > 0 && PathLength(rows.Items[0]) is > 0 and int length ? ranks / length : 1;

    // The positions of a path of one node; 0 of a ring of all positions.
    private static int PathLength(JsonValue row) => row.Kind == JsonKind.Text && RingSetText.IsPath(row.Content) ? RingSetText.DevicesOf(row.Content) : 0;

    private static string Describe(int pathLength) => pathLength > 0 ? Invariant($"a path of {pathLength} devices of a node") : "a ring of all devices";
}
