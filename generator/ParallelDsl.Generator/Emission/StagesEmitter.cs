using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Emission;

/// <summary>The partition: which layers are which stage, and how each layer is made.</summary>
internal static class StagesEmitter
{
    public static string Emit(PlannedModel model) => ModelFile.Write(
        model.Declaration.Type, "its layers and the stages they form.", string.Empty, null, writer =>
        {
            WriteCreateLayer(writer, model);
            WriteStageOf(writer.Line(), model);
            WriteStages(writer.Line(), model.Plan);
        });

    private static void WriteCreateLayer(IndentedWriter writer, PlannedModel model)
    {
        EquatableArray<PlannedLayer> layers = model.Plan.Layers;
        writer.Doc("Makes the layer at <paramref name=\"index\"/> of the plan, specialised to its shape.")
            .Line($"/// <exception cref=\"{RuntimeNames.OutOfRange}\">The model has no such layer.</exception>")
            .Line(ModelFile.Generated)
            .Open($"public static {RuntimeNames.LayerModule} CreateLayer(int index) => index switch");
        for (int first = 0; first < layers.Count;)
        {
            int declared = layers[first].Declared;
            int last = first;
            while (last + 1 < layers.Count && layers[last + 1].Declared == declared)
                last++;
            string range = first == last ? $"{first}" : $">= {first} and <= {last}";
            writer.Line($"{range} => Kernels.{KernelsEmitter.Factory(model.Plan.Model.Layers[declared])}(Plan.Layers[index]),");
            first = last + 1;
        }

        writer.Line($"_ => {Throw("index", $"{model.Declaration.Type.Name} has layers 0 to {layers.Count - 1}.")},")
            .Close(";");
    }

    private static void WriteStageOf(IndentedWriter writer, PlannedModel model)
    {
        EquatableArray<PlannedStage> stages = model.Plan.Stages;
        int layers = model.Plan.Layers.Count;
        writer.Doc("The stage that holds a layer.")
            .Line($"/// <exception cref=\"{RuntimeNames.OutOfRange}\">The model has no such layer.</exception>")
            .Line(ModelFile.Generated)
            .Open("public static int StageOf(int layer) => layer switch")
            .Line($"< 0 or >= {layers} => {Throw("layer", $"{model.Declaration.Type.Name} has layers 0 to {layers - 1}.")},");
        for (int i = 0; i + 1 < stages.Count; i++)
            writer.Line($"< Stages.Stage{stages[i + 1].Index}.FirstLayer => {stages[i].Index},");
        writer.Line($"_ => {stages[stages.Count - 1].Index},").Close(";");
    }

    private static void WriteStages(IndentedWriter writer, ParallelPlan plan)
    {
        writer.Doc("The stages: contiguous runs of layers, each on one position of the pipeline axis.")
            .Line(ModelFile.Generated)
            .Open("public static class Stages");
        EquatableArray<string> ranks = PlanText.RanksByPosition(plan);
        foreach (PlannedStage stage in plan.Stages)
        {
            if (stage.Index > 0)
                writer.Line();
            string layers = IndentedWriter.Xml(PlanText.LayerNames(plan, stage));
            string places = (plan.Mesh.Size == plan.Mesh.Pipeline ? "rank " : "ranks ") + ranks[stage.Device];
            writer.Doc($"{layers}, {Readable.Count(PlanText.Parameters(plan, stage))} parameters, on {places}.\n"
                    + $"One full unit, simulated: F {Readable.Duration(stage.Forward)}, B {Readable.Duration(stage.BackwardInput)}, "
                    + $"W {Readable.Duration(stage.BackwardWeight)}.")
                .Open($"public static class Stage{stage.Index}");
            Constant("Its first layer.", "FirstLayer", stage.FirstLayer);
            Constant("How many layers it has.", "LayerCount", stage.LayerCount);
            Constant("The position on the pipeline axis that holds it.", "Device", stage.Device);
            writer.TrimBlankLine().Close();
        }

        writer.Close();

        void Constant(string doc, string name, int value) =>
            writer.Doc(doc).Line($"public const int {name} = {NamePolicy.Literal(value)};").Line();
    }

    private static string Throw(string argument, string message) =>
        $"throw new {RuntimeNames.OutOfRange}(nameof({argument}), {argument}, \"{message}\")";
}
