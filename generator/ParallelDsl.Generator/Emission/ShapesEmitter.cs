using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Generator.Emission;

/// <summary>One shape for each declared layer: an empty struct of constants, which the JIT folds into the kernels that are generic over it.</summary>
internal static class ShapesEmitter
{
    public static string Emit(PlannedModel model) => ModelFile.Write(
        model.Declaration.Type, "the shapes of its layers, constants to the kernels.", string.Empty, null, writer =>
        {
            LayerSpec embedding = model.Plan.Model.Layers[0];
            for (int i = 0; i < model.Plan.Model.Layers.Count; i++)
                WriteShape(i == 0 ? writer : writer.Line(), model.Plan.Model.Layers[i], embedding);
        });

    private static void WriteShape(IndentedWriter writer, LayerSpec layer, LayerSpec embedding)
    {
        string contract = layer.Kind switch
        {
            LayerKind.Embedding => RuntimeNames.EmbeddingShape,
            LayerKind.TransformerBlock => RuntimeNames.TransformerShape,
            _ => RuntimeNames.HeadShape,
        };
        writer.Doc($"The shape of <see cref=\"{NamePolicy.Identifier(layer.Name)}\"/>: {Describe(layer, embedding)}.")
            .Line(ModelFile.Generated)
            .Open($"public readonly struct {GeneratedNames.ShapeOf(layer.Name)} : {contract}");
        (string Name, int Value)[] sizes = layer.Kind switch
        {
            LayerKind.Embedding => [("Vocabulary", layer.Vocabulary), ("Width", layer.Width)],
            LayerKind.TransformerBlock =>
            [
                ("Width", embedding.Width),
                ("Heads", layer.Heads),
                ("KeyValueHeads", KeyValueHeads(layer)),
                ("HeadWidth", embedding.Width / layer.Heads),
                ("FeedForward", layer.FeedForward),
            ],
            _ => [("Width", embedding.Width), ("Vocabulary", embedding.Vocabulary)],
        };
        foreach ((string name, int value) in sizes)
            writer.Line("/// <inheritdoc/>").Line($"public static int {name} => {NamePolicy.Literal(value)};").Line();
        if (layer.Kind == LayerKind.LanguageModelHead)
            writer.Line("/// <inheritdoc/>").Line($"public static bool TiedWeights => {(layer.TiedWeights ? "true" : "false")};").Line();
        writer.TrimBlankLine().Close();
    }

    private static string Describe(LayerSpec layer, LayerSpec embedding) => layer.Kind switch
    {
        LayerKind.Embedding => $"{NamePolicy.Quantity(layer.Vocabulary, "token id")} to vectors of width {NamePolicy.Number(layer.Width)}",
        LayerKind.TransformerBlock =>
            $"{NamePolicy.Quantity(layer.Heads, "query head")} on {NamePolicy.Quantity(KeyValueHeads(layer), "key and value head")}, "
            + $"each {NamePolicy.Number(embedding.Width / layer.Heads)} wide",
        _ => $"vectors of width {NamePolicy.Number(embedding.Width)} to {NamePolicy.Quantity(embedding.Vocabulary, "token")}",
    };

    private static int KeyValueHeads(LayerSpec layer) => layer.KeyValueHeads == 0 ? layer.Heads : layer.KeyValueHeads;
}
