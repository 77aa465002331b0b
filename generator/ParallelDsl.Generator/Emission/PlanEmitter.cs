using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Parsing;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Emission;

/// <summary>The plan as data, as its name and as a picture, and the bodies of the layer properties.</summary>
internal static class PlanEmitter
{
    public static string Emit(PlannedModel model) => ModelFile.Write(
        model.Declaration.Type,
        "the plan.",
        $"{RuntimeNames.ParallelModel}<{ModelFile.FullName(model.Declaration.Type)}>",
        writer => writer.Doc($"<code>\n{IndentedWriter.Xml(PlanText.Write(model.Plan).TrimEnd('\n'))}\n</code>", "remarks"),
        writer => WriteMembers(writer, model));

    private static void WriteMembers(IndentedWriter writer, PlannedModel model)
    {
        writer.Doc("The name of <see cref=\"Plan\"/>: equal plans have equal digests.")
            .Line(ModelFile.Generated)
            .Line($"public const string PlanDigest = \"{PlanDigest.Of(model.Plan)}\";")
            .Line()
            .Doc("Everything that was decided before a run.")
            .Line(ModelFile.Generated)
            .Line($"public static {RuntimeNames.ParallelPlan} Plan => CompiledPlan.Value;");

        for (int i = 0; i < model.Declaration.Layers.Count; i++)
        {
            if (model.Declaration.Layers[i].CanEmit)
                WriteLayer(writer.Line(), model, i);
        }

        string json = PlanJson.Write(model.Plan);
        string quotes = new('"', Math.Max(3, LongestRunOfQuotes(json) + 1));
        writer.Line()
            .Line("// A class of its own, so that the text is read at the first use of the plan and not of the model.")
            .Line(ModelFile.Generated)
            .Open("private static class CompiledPlan")
            .Line($"internal static readonly {RuntimeNames.ParallelPlan} Value = Read();")
            .Line()
            .Open($"private static {RuntimeNames.ParallelPlan} Read()")
            .Line($"{RuntimeNames.Parsed}<{RuntimeNames.ParallelPlan}> parsed =")
            .Indent().Line($"{RuntimeNames.PlanJson}.Read(Json);").Outdent()
            .Line($"return parsed.Value ?? throw new {RuntimeNames.InvalidOperation}(")
            .Indent()
            .Line($"$\"The compiled plan of {model.Declaration.Type.FullName} is of another version of ParallelDsl: {{parsed.Error}}\");")
            .Outdent()
            .Close()
            .Line()
            .Line("private const string Json =")
            .Indent()
            .Line(quotes)
            .Lines(json.TrimEnd('\n'))
            .Line(quotes + ";")
            .Outdent()
            .Close();
    }

    private static void WriteLayer(IndentedWriter writer, PlannedModel model, int index)
    {
        LayerDeclaration layer = model.Declaration.Layers[index];
        PlannedLayer[] planned = [.. model.Plan.Layers.Where(item => item.Declared == index)];
        long parameters = planned.Sum(item => item.Parameters);
        string name = NamePolicy.Identifier(layer.Spec.Name);
        string modifiers = layer.Modifiers.Length > 0 ? layer.Modifiers + " partial" : "partial";
        writer.Doc($"{NamePolicy.Quantity(planned.Length, planned[0].IsSlice ? "vocabulary slice" : "layer")}, {NamePolicy.Quantity(parameters, "parameter")}.")
            .Line(ModelFile.Generated)
            .Line($"{modifiers} {RuntimeNames.Layer} {name} => new(")
            .Indent()
            .Line($"nameof({name}),")
            .Line($"{RuntimeNames.LayerKind}.{layer.Spec.Kind},")
            .Line($"FirstIndex: {NamePolicy.Literal(planned[0].Index)},")
            .Line($"Repeat: {NamePolicy.Literal(planned.Length)},")
            .Line($"Parameters: {NamePolicy.Literal(parameters)});")
            .Outdent();
    }

    private static int LongestRunOfQuotes(string text)
    {
        int longest = 0, run = 0;
        foreach (char character in text)
        {
            run = character == '"' ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }

        return longest;
    }
}
