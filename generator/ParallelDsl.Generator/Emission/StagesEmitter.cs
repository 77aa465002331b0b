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
        EquatableArray<LayerSpec> layers = model.Plan.Model.Layers;
        writer.Doc("Makes a layer of the plan, or of another plan of this model, specialised to its shape.")
            .Line($"/// <exception cref=\"{RuntimeNames.OutOfRange}\">The model declares no such layer.</exception>")
            .Line(ModelFile.Generated)
            .Open($"public static {RuntimeNames.LayerModule} CreateLayer({RuntimeNames.PlannedLayer} layer) => layer.Declared switch");
        for (int declared = 0; declared < layers.Count; declared++)
            writer.Line($"{declared} => Kernels.{KernelsEmitter.Factory(layers[declared])}(layer),{Indices(model.Plan, declared)}");
        writer.Line($"_ => {Throw("layer", $"{model.Declaration.Type.Name} has declared layers 0 to {layers.Count - 1}.")},")
            .Close(";");
    }

    /// <summary>Which layers of the plan a declared layer became, as a comment.</summary>
    private static string Indices(ParallelPlan plan, int declared)
    {
        PlannedLayer[] planned = [.. plan.Layers.Where(layer => layer.Declared == declared)];
        string slices = planned[0].IsSlice ? ", slices of the vocabulary" : string.Empty;
        return planned.Length == 1
            ? $" // layer {planned[0].Index}"
            : $" // layers {planned[0].Index} to {planned[planned.Length - 1].Index}{slices}";
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
