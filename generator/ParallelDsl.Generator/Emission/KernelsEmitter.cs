using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Generator.Emission;

/// <summary>The library's layers, each closed over one shape of the model: here its kernels become this model's kernels.</summary>
internal static class KernelsEmitter
{
    public static string Emit(PlannedModel model) => ModelFile.Write(
        model.Declaration.Type, "the library's kernels, compiled for its shapes.", string.Empty, null, writer =>
        {
            writer.Doc("The layers of the library, each specialised to one shape of this model.")
                .Line(ModelFile.Generated)
                .Open("private static class Kernels");
            for (int i = 0; i < model.Plan.Model.Layers.Count; i++)
            {
                LayerSpec layer = model.Plan.Model.Layers[i];
                string shape = GeneratedNames.ShapeOf(layer.Name);
                (i == 0 ? writer : writer.Line())
                    .Doc(Describe(layer))
                    .Line($"internal static {RuntimeNames.LayerModule} {Factory(layer)}({RuntimeNames.PlannedLayer} layer) =>")
                    .Indent();
                _ = layer.Kind switch
                {
                    LayerKind.TransformerBlock => writer.Line($"new {RuntimeNames.TransformerLayer}<{shape}>(layer);"),
                    LayerKind.Embedding => WholeOrSlice(RuntimeNames.EmbeddingLayer, RuntimeNames.EmbeddingSliceLayer),
                    _ => WholeOrSlice(RuntimeNames.LanguageModelHeadLayer, RuntimeNames.HeadSliceLayer),
                };
                writer.Outdent();

                // A plan with other slices than the compiled one runs too, such as that of one rank, where all is whole.
                IndentedWriter WholeOrSlice(string whole, string slice) => writer
                    .Line("layer.IsSlice")
                    .Indent()
                    .Line($"? new {slice}<{shape}>(layer)")
                    .Line($": new {whole}<{shape}>(layer);")
                    .Outdent();
            }

            writer.Close();
        });

    /// <summary>The name of the method that makes a layer.</summary>
    public static string Factory(LayerSpec layer) => "Create" + layer.Name;

    private static string Describe(LayerSpec layer) => layer.Kind switch
    {
        LayerKind.Embedding => "Token ids to vectors: whole, or a slice of the vocabulary.",
        LayerKind.TransformerBlock => $"One transformer block with {NamePolicy.Quantity(layer.Heads, "head")}.",
        _ => layer.TiedWeights
            ? "Norm, the projection by the embedding's table, cross-entropy: whole, or a slice of the vocabulary."
            : "Norm, projection, cross-entropy: whole, or a slice of the vocabulary.",
    };
}
