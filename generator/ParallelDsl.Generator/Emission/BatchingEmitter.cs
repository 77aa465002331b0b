using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Emission;

/// <summary>What is decided at step time: which sequences of a batch go into which unit.</summary>
internal static class BatchingEmitter
{
    private const string Pack = "lengths, DataRanks, UnitsPerDataRank, UnitTokens, Granule, ContextLength, step)";

    public static string Emit(PlannedModel model) => ModelFile.Write(
        model.Declaration.Type, "how the sequences of a batch become units.", string.Empty, null, writer =>
        {
            BatchingPlan batching = model.Plan.Batching;
            Constant("ContextLength", model.Plan.Model.ContextLength, "The longest sequence, tokens.");
            Constant("DataRanks", model.Plan.Mesh.Data, "The degree of the data axis.");
            Constant("UnitsPerDataRank", batching.UnitsPerDataRank, "Units (micro-batches) of each data rank in a step.");
            Constant(
                "UnitTokens",
                batching.UnitTokens,
                $"Tokens that a unit may hold, {Readable.Exact(batching.UnitTokensPerRank)} on each rank of the sequence axis.");
            Constant("Granule", batching.Granule, "A sequence takes a multiple of this many tokens of its unit.");

            writer.Doc("Groups a step's sequences into units: the same answer on every rank, no allocation once <paramref name=\"step\"/> has grown.")
                .Line("/// <param name=\"lengths\">Tokens of each sequence.</param>")
                .Line("/// <param name=\"step\">Receives the answer.</param>")
                .Line("/// <returns>Whether they fit.</returns>")
                .Line($"/// <exception cref=\"{RuntimeNames.PackingException}\">A sequence is empty or longer than the context.</exception>")
                .Line(ModelFile.Generated)
                .Line($"public static bool TryPlanStep({RuntimeNames.Lengths} lengths, {RuntimeNames.StepPlan} step) =>")
                .Indent()
                .Line($"{RuntimeNames.TokenPacker}.TryPack(")
                .Indent().Line(Pack + ";").Outdent()
                .Outdent()
                .Line()
                .Doc("Groups a step's sequences into units.")
                .Line("/// <param name=\"lengths\">Tokens of each sequence.</param>")
                .Line($"/// <exception cref=\"{RuntimeNames.PackingException}\">A sequence is empty or too long, or the units are too few.</exception>")
                .Line(ModelFile.Generated)
                .Open($"public static {RuntimeNames.StepPlan} PlanStep({RuntimeNames.Lengths} lengths)")
                .Line($"{RuntimeNames.StepPlan} step = new();")
                .Line($"{RuntimeNames.TokenPacker}.Pack(")
                .Indent().Line(Pack + ";").Outdent()
                .Line("return step;")
                .Close();

            void Constant(string name, int value, string doc) => writer.Doc(doc)
                .Line(ModelFile.Generated)
                .Line($"public const int {name} = {NamePolicy.Literal(value)};")
                .Line();
        });
}
