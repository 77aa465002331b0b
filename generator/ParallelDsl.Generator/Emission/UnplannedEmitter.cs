using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Parsing;
using ParallelDsl.Generator.Planning;

namespace ParallelDsl.Generator.Emission;

/// <summary>A model that has no plan still gets its members, which say why when they are called: so the only errors of a wrong declaration are
/// its own diagnostics, and not one more for every use of the model.</summary>
internal static class UnplannedEmitter
{
    private static readonly string[] Constants =
        ["ContextLength", "DataRanks", "SequenceRanks", "PipelineRanks", "UnitsPerDataRank", "UnitTokens", "Granule"];

    private static readonly string[] Groups = ["DataGroupOf", "SequenceGroupOf", "PipelineGroupOf"];

    public static string Emit(ModelOutcome outcome)
    {
        ModelDeclaration declaration = outcome.Declaration;
        bool complete = declaration.Taken.Count == 0;
        string contract = complete ? $"{RuntimeNames.ParallelModel}<{ModelFile.FullName(declaration.Type)}>" : string.Empty;
        return ModelFile.Write(declaration.Type, "there is no plan; every member says why.", contract, null, writer =>
        {
            writer.Line("// Not planned:");
            foreach (string reason in outcome.Reasons)
                writer.Line("// " + OneLine(reason));
            writer.Line();

            Member("PlanDigest", "string PlanDigest");
            Member("Plan", $"{RuntimeNames.ParallelPlan} Plan");
            foreach (string constant in Constants)
                Member(constant, "int " + constant);
            Member("CreateLayer", $"{RuntimeNames.LayerModule} CreateLayer({RuntimeNames.PlannedLayer} layer)");
            Member("StageOf", "int StageOf(int layer)");
            Member("ProgramOf", "string ProgramOf(int position)");
            Member("TryPlanStep", $"bool TryPlanStep({RuntimeNames.Lengths} lengths, {RuntimeNames.StepPlan} step)");
            Member("PlanStep", $"{RuntimeNames.StepPlan} PlanStep({RuntimeNames.Lengths} lengths)");
            Member("CoordinateOf", $"{RuntimeNames.Coordinate} CoordinateOf(int rank)");
            foreach (string name in Groups)
                Member(name, $"{RuntimeNames.Lengths} {name}(int rank)");
            Member(GeneratedNames.RingOf, $"{RuntimeNames.Lengths} {GeneratedNames.RingOf}(int ring)");
            Member(GeneratedNames.SendsTo, $"{RuntimeNames.Lengths} {GeneratedNames.SendsTo}(int position)");
            Member(GeneratedNames.ReceivesFrom, $"{RuntimeNames.Lengths} {GeneratedNames.ReceivesFrom}(int position)");
            foreach (LayerDeclaration layer in declaration.Layers)
                WriteLayer(writer, layer);

            writer.Line($"private static {RuntimeNames.InvalidOperation} Unplanned() => new({Literal(outcome)});");

            void Member(string name, string signature)
            {
                if (declaration.Taken.Contains(name))
                    return;
                writer.Doc("Not planned; throws, and says why.")
                    .Line(ModelFile.Generated)
                    .Line($"public static {signature} => throw Unplanned();")
                    .Line();
            }
        });
    }

    private static void WriteLayer(IndentedWriter writer, LayerDeclaration layer)
    {
        if (!layer.CanEmit)
            return;
        string modifiers = layer.Modifiers.Length > 0 ? layer.Modifiers + " partial" : "partial";
        writer.Doc("Not planned; throws, and says why.")
            .Line(ModelFile.Generated)
            .Line($"{modifiers} {RuntimeNames.Layer} {NamePolicy.Identifier(layer.Spec.Name)} => throw Unplanned();")
            .Line();
    }

    private static string Literal(ModelOutcome outcome)
    {
        string text = $"{outcome.Declaration.Type.FullName} has no plan. " + string.Join(" ", outcome.Reasons.Select(OneLine));
        return Microsoft.CodeAnalysis.CSharp.SymbolDisplay.FormatLiteral(text, quote: true);
    }

    private static string OneLine(string text) => string.Concat(
        text.Select(character => char.IsControl(character) || character is '\u2028' or '\u2029' ? ' ' : character));
}
