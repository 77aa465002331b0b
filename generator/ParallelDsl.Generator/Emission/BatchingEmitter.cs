using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Emission;

/// <summary>What is decided at step time: how the sequences of a batch become units. Whole sequences by tokens are one call of the packer;
/// any other strategy is the step planner, specialised by a struct of constants.</summary>
internal static class BatchingEmitter
{
    private const string Pack = "lengths, DataRanks, SequenceRanks, UnitsPerDataRank, UnitTokens, Granule, ContextLength, step)";

    public static string Emit(PlannedModel model) => ModelFile.Write(
        model.Declaration.Type, "how the sequences of a batch become units.", string.Empty, null, writer =>
        {
            ParallelPlan plan = model.Plan;
            BatchingPlan batching = plan.Batching;
            bool plain = plan.Axes is { Packing: Packing.Tokens, Balance: SequenceBalance.Zigzag };
            Constant("ContextLength", plan.Model.ContextLength, "The longest sequence, tokens.");
            Constant("DataRanks", plan.Mesh.Data, "The degree of the data axis.");
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
                .Indent();
            if (plain)
                writer.Line($"{RuntimeNames.TokenPacker}.TryPack(").Indent().Line(Pack + ";").Outdent();
            else
                writer.Line($"{RuntimeNames.StepPlanner}.TryPlan(default({GeneratedNames.StepConstants}), lengths, step);");
            writer.Outdent()
                .Line()
                .Doc("Groups a step's sequences into units.")
                .Line("/// <param name=\"lengths\">Tokens of each sequence.</param>")
                .Line($"/// <exception cref=\"{RuntimeNames.PackingException}\">A sequence is empty or too long, or the units are too few.</exception>")
                .Line(ModelFile.Generated)
                .Open($"public static {RuntimeNames.StepPlan} PlanStep({RuntimeNames.Lengths} lengths)")
                .Line($"{RuntimeNames.StepPlan} step = new();");
            if (plain)
                writer.Line($"{RuntimeNames.TokenPacker}.Pack(").Indent().Line(Pack + ";").Outdent();
            else
                writer.Line($"{RuntimeNames.StepPlanner}.Plan(default({GeneratedNames.StepConstants}), lengths, step);");
            writer.Line("return step;").Close();
            if (!plain)
                WriteConstants(writer.Line(), plan);

            void Constant(string name, int value, string doc) => writer.Doc(doc)
                .Line(ModelFile.Generated)
                .Line($"public const int {name} = {NamePolicy.Literal(value)};")
                .Line();
        });

    private static void WriteConstants(IndentedWriter writer, ParallelPlan plan)
    {
        BatchingPlan batching = plan.Batching;
        var constants = StepConstants.Of(plan);
        SequenceCosts costs = constants.Costs;
        writer.Doc("What was decided about steps at compile time: constants, which the just-in-time compiler folds into the step planner.")
            .Line(ModelFile.Generated)
            .Open($"private readonly struct {GeneratedNames.StepConstants} : {RuntimeNames.StepConstants}")
            .Line($"public {RuntimeNames.Packing} Packing => {RuntimeNames.Packing}.{plan.Axes.Packing};")
            .Line()
            .Line($"public {RuntimeNames.SequenceBalance} Balance => {RuntimeNames.SequenceBalance}.{plan.Axes.Balance};")
            .Line();
        Number("ContextLength", plan.Model.ContextLength);
        Number("DataRanks", plan.Mesh.Data);
        Number("SequenceRanks", plan.Mesh.Sequence);
        Number("UnitsPerDataRank", batching.UnitsPerDataRank);
        Number("UnitTokensPerRank", batching.UnitTokensPerRank);
        Number("Granule", batching.Granule);
        writer.Line("// Units whose forwards all run before any of their backwards: slices may be exchanged between them.");
        Number("Window", batching.Window);
        writer.Line(plan.Axes.OverlapPercent == 100
            ? "// Tokens a rank from which a ring hides its transfers behind its attention."
            : FormattableString.Invariant($"// Tokens a rank from which rings are made: {plan.Axes.OverlapPercent} % of those with which transfers hide behind attention."));
        Number("IntraNodeTokens", batching.IntraNodeTokens);
        Number("InterNodeTokens", batching.InterNodeTokens);
        if (plan.Axes.AttentionPercent != 100)
            writer.Line(FormattableString.Invariant($"// In balancing, attention weighs {plan.Axes.AttentionPercent} % of its FLOPs."));
        writer.Line("// FLOPs of a (query, key) pair and of a token in the forward, the same in the backward, bytes of keys and values, of activations.")
            .Line($"public {RuntimeNames.SequenceCosts} Costs => new(")
            .Indent()
            .Line($"{NamePolicy.Literal(costs.PairForward)}, {NamePolicy.Literal(costs.TokenForward)}, "
                + $"{NamePolicy.Literal(costs.PairBackward)}, {NamePolicy.Literal(costs.TokenBackward)}, "
                + $"{NamePolicy.Literal(costs.KeyValueBytes)}, {NamePolicy.Literal(costs.ActivationBytes)});")
            .Outdent()
            .Line();
        WriteNodes(writer, constants.Nodes);
        writer.Close();

        void Number(string name, int value) => writer.Line($"public int {name} => {NamePolicy.Literal(value)};").Line();
    }

    // Ranks of a node that are neighbours need no table.
    private static void WriteNodes(IndentedWriter writer, EquatableArray<int> nodes)
    {
        int each = nodes.Count(node => node == nodes[0]);
        if (nodes.All(node => node == nodes[0]))
        {
            writer.Line($"public int NodeOf(int attentionRank) => {NamePolicy.Literal(nodes[0])};");
        }
        else if (Enumerable.Range(0, nodes.Count).All(rank => nodes[rank] == rank / each))
        {
            writer.Line($"public int NodeOf(int attentionRank) => attentionRank / {NamePolicy.Literal(each)};");
        }
        else
        {
            writer.Line("public int NodeOf(int attentionRank) => Nodes[attentionRank];")
                .Line()
                .Line($"private static {RuntimeNames.Lengths} Nodes => [{string.Join(", ", nodes.Select(node => NamePolicy.Literal(node)))}];");
        }
    }
}
