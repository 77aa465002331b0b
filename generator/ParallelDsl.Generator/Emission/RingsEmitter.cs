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
/// it receives.</summary>
internal static class RingsEmitter
{
    // The compiler takes seconds for a table of a hundred thousand numbers; a larger one than this is made of the plan at its first use.
    private const int MostNumbers = 16_384;

    public static string Emit(PlannedModel model) => ModelFile.Write(
        model.Declaration.Type, "on which ways keys and values travel between its sequence ranks.", string.Empty, null, writer =>
        {
            ParallelPlan plan = model.Plan;
            Itinerary? ways = plan.Mesh.Sequence > 1 ? SequenceRings.ItineraryOf(plan) : null;
            if (plan.Mesh.Sequence > 1)
                writer.Line($"// Datapath {SequenceRings.DatapathOf(plan)}, of sequences that are spread over the whole sequence axis; SequenceGroupOf has the ranks at its positions.");
            if (!SequenceRings.AreAlike(plan))
                writer.Line("// Of the first data rank: ranks of others lie over nodes otherwise, and have other ways.");
            if (plan.Mesh.Sequence > 1)
                writer.Line();
            WriteRings(writer, model, ways);
            RouteTable routes = new(ways, plan.Mesh.Sequence);
            WriteRoutes(
                writer.Line(), model, routes, $"to which a position on the sequence axis sends keys and values: {Describe(ways, "goes to")}",
                GeneratedNames.SendsTo, GeneratedNames.RingSends, routes.To);
            WriteRoutes(
                writer.Line(), model, routes, $"from which a position on the sequence axis receives keys and values: {Describe(ways, "comes from")}",
                GeneratedNames.ReceivesFrom, GeneratedNames.RingReceives, routes.From);
            if (IsLarge(routes))
            {
                writer.Line()
                    .Line("// A class of its own, so that the tables are made at their first use and not at that of the model.")
                    .Line(ModelFile.Generated)
                    .Open($"private static class {GeneratedNames.RingRoutes}")
                    .Line($"internal static readonly {RuntimeNames.RouteTable} Value = {RuntimeNames.SequenceRings}.RoutesOf(Plan);")
                    .Close();
            }
        });

    private static bool IsLarge(RouteTable routes) => routes.Ranks * routes.Columns > MostNumbers;

    private static void WriteRings(IndentedWriter writer, PlannedModel model, Itinerary? ways)
    {
        EquatableArray<EquatableArray<int>> rings = model.Plan.Rings;
        int positions = model.Plan.Mesh.Sequence;
        bool isLarge = rings.Count > 1 && rings.Count * positions > MostNumbers;
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
            .Line(isLarge ? "? Plan.Rings[ring].AsSpan()" : $"? {GeneratedNames.Rings}.Slice(ring * SequenceRanks, SequenceRanks)")
            .Line($": throw new {RuntimeNames.OutOfRange}(nameof(ring), ring, "
                + $"\"{model.Declaration.Type.Name} has {NamePolicy.Quantity(rings.Count, "ring")}.\");")
            .Outdent();
        if (!isLarge)
            WriteRows(writer.Line(), GeneratedNames.Rings, positions, "ring", rings.Select(ring => (IEnumerable<int>)ring));
    }

    private static void WriteRoutes(
        IndentedWriter writer, PlannedModel model, RouteTable routes, string what, string name, string table, Func<int, int, int> at)
    {
        bool isLarge = IsLarge(routes);
        writer.Doc($"The positions {what}")
            .Line($"/// <exception cref=\"{RuntimeNames.OutOfRange}\">There is no such position.</exception>")
            .Line(ModelFile.Generated)
            .Line($"public static {RuntimeNames.Lengths} {name}(int position) => position is >= 0 and < SequenceRanks")
            .Indent()
            .Line(routes.Columns == 0 ? "? default"
                : isLarge ? $"? {GeneratedNames.RingRoutes}.Value.{name}(position)"
                : Invariant($"? {table}.Slice({(routes.Columns == 1 ? "" : Invariant($"{routes.Columns} * "))}position, {routes.Columns})"))
            .Line($": throw new {RuntimeNames.OutOfRange}(nameof(position), position, "
                + $"\"{model.Declaration.Type.Name} has {NamePolicy.Quantity(routes.Ranks, "sequence rank")}.\");")
            .Outdent();
        if (routes.Columns == 0 || isLarge)
            return;
        WriteRows(writer.Line(), table, routes.Ranks, "position", Enumerable.Range(0, routes.Ranks)
            .Select(position => Enumerable.Range(0, routes.Columns).Select(column => at(position, column))));
    }

    // The rule of RouteTable.ColumnOf, in words.
    private static string Describe(Itinerary? ways, string verb) => ways switch
    {
        null => "none, they do not travel.",
        { NodeHop: > 0 } => Invariant($"one in its node, and one in another for hops {ways.NodeHop}, {2 * ways.NodeHop} and so on, counted from 1."),
        { Forwards: true, Lanes: 1 } => "one, the same in every hop.",
        { Forwards: true } => "one for each ring, the same in every hop.",
        { Hops: 1 } => "all in one hop.",
        _ => Invariant($"one for each slot, in round 0; in round t a slot {verb} whom slot (slot + t) % {ways.Lanes} {verb} in round 0."),
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
