using System.Globalization;
using System.Text;
using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;
using static System.FormattableString;

namespace ParallelDsl.Generator.Emission;

/// <summary>How keys and values travel between sequence ranks: the rings, and as tables to whom every position of the axis sends and from whom
/// it receives. The tables hold one hop, from which the others follow: they grow with the square of the positions and not with hops too.</summary>
internal static class RingsEmitter
{
    public static string Emit(PlannedModel model) => ModelFile.Write(
        model.Declaration.Type, "on which ways keys and values travel between its sequence ranks.", string.Empty, null, writer =>
        {
            ParallelPlan plan = model.Plan;
            Itinerary? ways = plan.Mesh.Sequence > 1 ? SequenceRings.ItineraryOf(plan) : null;
            if (plan.Mesh.Sequence > 1)
                writer.Line($"// Of sequences that are spread over all sequence ranks, under the datapath {SequenceRings.DatapathOf(plan)}.");
            if (!SequenceRings.AreAlike(plan))
                writer.Line("// Of the first data rank: ranks of others lie over nodes otherwise, and have other ways.");
            WriteRings(writer, model, ways);
            WriteTable(
                writer.Line(), model, ways, "To whom a position on the sequence axis sends", "goes to", GeneratedNames.SendsTo, GeneratedNames.RingSends,
                (hop, position, lane) => ways!.To(hop, position, lane));
            WriteTable(
                writer.Line(), model, ways, "From whom a position on the sequence axis receives", "comes from", GeneratedNames.ReceivesFrom,
                GeneratedNames.RingReceives, (hop, position, lane) => ways!.From(hop, position, lane));
        });

    private static void WriteRings(IndentedWriter writer, PlannedModel model, Itinerary? ways)
    {
        EquatableArray<EquatableArray<int>> rings = model.Plan.Rings;
        string doc = ways is { Forwards: true, NodeHop: 0 }
            ? "One ring: the positions on the sequence axis in the order in which keys and values pass them, and then the first again."
            : "The positions on the sequence axis in order; keys and values do not travel round all of them.";
        writer.Doc(rings.Count > 1
                ? $"{doc} All {rings.Count} rings carry a part of them at once, and no two share a link."
                : doc)
            .Line($"/// <exception cref=\"{RuntimeNames.OutOfRange}\">There is no such ring.</exception>")
            .Line(ModelFile.Generated)
            .Line($"public static {RuntimeNames.Lengths} {GeneratedNames.RingOf}(int ring) => ring is >= 0 and < {rings.Count}")
            .Indent()
            .Line($"? {GeneratedNames.Rings}.Slice(ring * SequenceRanks, SequenceRanks)")
            .Line($": throw new {RuntimeNames.OutOfRange}(nameof(ring), ring, "
                + $"\"{model.Declaration.Type.Name} has {NamePolicy.Quantity(rings.Count, "ring")}.\");")
            .Outdent()
            .Line();
        WriteRows(writer, GeneratedNames.Rings, model.Plan.Mesh.Sequence, "ring", rings.Select(ring => (IEnumerable<int>)ring));
    }

    private static void WriteTable(
        IndentedWriter writer, PlannedModel model, Itinerary? ways, string what, string verb, string name, string table, Func<int, int, int, int> at)
    {
        int positions = model.Plan.Mesh.Sequence;
        (int Hop, int Lane)[] columns = ways is null ? [] : [.. ColumnsOf(ways)];
        writer.Doc($"{what}, as positions: {Describe(ways, verb)}")
            .Line($"/// <exception cref=\"{RuntimeNames.OutOfRange}\">There is no such position.</exception>")
            .Line(ModelFile.Generated)
            .Line($"public static {RuntimeNames.Lengths} {name}(int position) => position is >= 0 and < SequenceRanks")
            .Indent()
            .Line(Invariant($"? {table}.Slice({columns.Length} * position, {columns.Length})"))
            .Line($": throw new {RuntimeNames.OutOfRange}(nameof(position), position, "
                + $"\"{model.Declaration.Type.Name} has {NamePolicy.Quantity(positions, "sequence rank")}.\");")
            .Outdent()
            .Line();
        WriteRows(writer, table, positions, "position", Enumerable.Range(0, columns.Length == 0 ? 0 : positions)
            .Select(position => columns.Select(column => at(column.Hop, position, column.Lane))));
    }

    private static IEnumerable<(int Hop, int Lane)> ColumnsOf(Itinerary ways)
    {
        for (int lane = 0; lane < ways.Lanes; lane++)
            yield return (1, lane);
        if (ways.NodeHop > 0)
            yield return (ways.NodeHop, 0);
    }

    private static string Describe(Itinerary? ways, string verb) => ways switch
    {
        null => "none, for keys and values do not travel.",
        { NodeHop: > 0 } => Invariant($"inside its node, and in every hop whose number is a multiple of {ways.NodeHop}, counted from 1, on another."),
        { Forwards: true, Lanes: 1 } => "the same in every hop.",
        { Forwards: true } => "on each ring, the same in every hop.",
        { Hops: 1 } => "all in one hop.",
        _ => Invariant($"by slot, in round 0. In round t a slot {verb} whom slot (slot + t) % {ways.Lanes} {verb} in round 0."),
    };

    private static void WriteRows(IndentedWriter writer, string table, int positions, string noun, IEnumerable<IEnumerable<int>> rows)
    {
        int width = (positions - 1).ToString(CultureInfo.InvariantCulture).Length, index = 0;
        writer.Line(ModelFile.Generated)
            .Line($"private static {RuntimeNames.Lengths} {table} =>")
            .Line("[").Indent();
        foreach (IEnumerable<int> row in rows)
        {
            StringBuilder line = new();
            foreach (int value in row)
                line.Append(value.ToString(CultureInfo.InvariantCulture).PadLeft(width)).Append(", ");
            writer.Line(Invariant($"{line}// {noun} {index++}"));
        }

        writer.Outdent().Line("];");
    }
}
