using System.Globalization;
using System.Text;
using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;

namespace ParallelDsl.Generator.Emission;

/// <summary>Who talks to whom: the place of every rank on the mesh, and the groups of each axis, as tables.</summary>
internal static class CollectivesEmitter
{
    public static string Emit(PlannedModel model) => ModelFile.Write(
        model.Declaration.Type, "its ranks and their groups.", string.Empty, null, writer =>
        {
            Mesh mesh = model.Plan.Mesh;
            WriteDegree(writer, "SequenceRanks", mesh.Sequence, "sequence");
            WriteDegree(writer, "PipelineRanks", mesh.Pipeline, "pipeline");
            WriteCoordinates(writer, model);
            WriteGroups(writer.Line(), mesh, Axis.Data, Axis.Sequence, Axis.Pipeline, "hold the same weights and take different sequences");
            WriteGroups(writer.Line(), mesh, Axis.Sequence, Axis.Data, Axis.Pipeline, "hold parts of the same sequences");
            WriteGroups(writer.Line(), mesh, Axis.Pipeline, Axis.Data, Axis.Sequence, "hold different stages");
        });

    private static void WriteCoordinates(IndentedWriter writer, PlannedModel model)
    {
        Mesh mesh = model.Plan.Mesh;
        ClusterTopology topology = new(model.Plan.Cluster);
        writer.Doc("The place of a rank on every axis.")
            .Line($"/// <exception cref=\"{RuntimeNames.OutOfRange}\">There is no such rank.</exception>")
            .Line(ModelFile.Generated)
            .Line($"public static {RuntimeNames.Coordinate} CoordinateOf(int rank) => rank is >= 0 and < {NamePolicy.Literal(mesh.Size)}")
            .Indent()
            .Line("? new(Coordinates[3 * rank], Coordinates[(3 * rank) + 1], Coordinates[(3 * rank) + 2])")
            .Line($": throw new {RuntimeNames.OutOfRange}(nameof(rank), rank, \"{model.Declaration.Type.Name} has ranks 0 to {mesh.Size - 1}.\");")
            .Outdent()
            .Line()
            .Line("// Data, sequence, pipeline.")
            .Line(ModelFile.Generated)
            .Line($"private static {RuntimeNames.Lengths} Coordinates =>")
            .Line("[").Indent();
        for (int rank = 0; rank < mesh.Size; rank++)
        {
            Coordinate at = mesh.CoordinateOf(rank);
            writer.Line($"{at.Data}, {at.Sequence}, {at.Pipeline}, // rank {rank}, node {topology.Locate(rank).Node}");
        }

        writer.Outdent().Line("];");
    }

    private static void WriteDegree(IndentedWriter writer, string name, int degree, string axis) => writer
        .Doc($"The degree of the {axis} axis.")
        .Line(ModelFile.Generated)
        .Line($"public const int {name} = {NamePolicy.Literal(degree)};")
        .Line();

    /// <summary>The table of one axis: a group a row; rows run through the other two axes, <paramref name="faster"/> first.</summary>
    private static void WriteGroups(IndentedWriter writer, Mesh mesh, Axis axis, Axis faster, Axis slower, string shared)
    {
        writer.Doc($"The ranks of a rank's {axis.ToString().ToLowerInvariant()} group, itself included, in the order of the axis: they {shared}.")
            .Line($"/// <exception cref=\"{RuntimeNames.OutOfRange}\">There is no such rank.</exception>")
            .Line(ModelFile.Generated)
            .Open($"public static {RuntimeNames.Lengths} {axis}GroupOf(int rank)")
            .Line($"{RuntimeNames.Coordinate} at = CoordinateOf(rank);")
            .Line($"return {axis}Groups.Slice(((at.{slower} * {faster}Ranks) + at.{faster}) * {axis}Ranks, {axis}Ranks);")
            .Close()
            .Line()
            .Line(ModelFile.Generated)
            .Line($"private static {RuntimeNames.Lengths} {axis}Groups =>")
            .Line("[").Indent();
        int size = mesh.SizeOf(axis);
        for (int outer = 0; outer < mesh.SizeOf(slower); outer++)
        {
            for (int inner = 0; inner < mesh.SizeOf(faster); inner++)
                writer.Line(Row(Enumerable.Range(0, size).Select(position => mesh.RankOf(At(axis, position, faster, inner, slower, outer)))));
        }

        writer.Outdent().Line("];");
    }

    private static Coordinate At(Axis axis, int position, Axis faster, int inner, Axis slower, int outer)
    {
        return new Coordinate(On(Axis.Data), On(Axis.Sequence), On(Axis.Pipeline));

        int On(Axis wanted) => wanted == axis ? position : wanted == faster ? inner : wanted == slower ? outer : 0;
    }

    private static string Row(IEnumerable<int> ranks)
    {
        StringBuilder row = new();
        foreach (int rank in ranks)
            row.Append(row.Length > 0 ? ", " : "").Append(rank.ToString(CultureInfo.InvariantCulture));
        return row.Append(',').ToString();
    }
}
