using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>A layer as Megatron-LM's layout strings know it.</summary>
public enum MegatronLayer
{
    /// <summary>E: the embedding.</summary>
    Embedding,

    /// <summary>t: a transformer (decoder) layer, whatever it is made of.</summary>
    Transformer,

    /// <summary>m: a layer of multi-token prediction.</summary>
    MultiTokenPrediction,

    /// <summary>L: the head and the loss.</summary>
    Loss,
}

/// <summary>The layers of one stage of a <see cref="MegatronLayout"/>.</summary>
/// <param name="Layers">In execution order; none is possible.</param>
public sealed record MegatronStage(EquatableArray<MegatronLayer> Layers)
{
    /// <summary>The number of layers that any stage could hold: all but the embedding and the loss, which are the pinned ends.</summary>
    public int UnpinnedLayers => Layers.Count(layer => layer is not (MegatronLayer.Embedding or MegatronLayer.Loss));
}

/// <summary>The layers of every stage, as Megatron-LM's option <c>--pipeline-model-parallel-layout</c> gives them. Stages stand in
/// execution order (there called VPP-major): with p devices stage s lies on device s modulo p, see
/// <see cref="PipelinePrograms.CyclicPlacement"/>.</summary>
/// <param name="Stages">The stages, in execution order.</param>
public sealed record MegatronLayout(EquatableArray<MegatronStage> Stages)
{
    /// <summary>The layout of a partition: the embedding before the first stage's layers, the loss after the last stage's.</summary>
    /// <param name="unpinnedLayers">How many transformer layers each stage has.</param>
    /// <exception cref="ArgumentException">No stages, or a negative count.</exception>
    public static MegatronLayout FromPartition(EquatableArray<int> unpinnedLayers)
    {
        if (unpinnedLayers.Count == 0)
            throw new ArgumentException("a layout needs at least one stage", nameof(unpinnedLayers));
        var stages = new MegatronStage[unpinnedLayers.Count];
        for (int stage = 0; stage < stages.Length; stage++)
        {
            if (unpinnedLayers[stage] < 0)
                throw new ArgumentException(Invariant($"{unpinnedLayers[stage]} layers of stage {stage}"), nameof(unpinnedLayers));
            IEnumerable<MegatronLayer> layers = Enumerable.Repeat(MegatronLayer.Transformer, unpinnedLayers[stage]);
            if (stage == 0)
                layers = layers.Prepend(MegatronLayer.Embedding);
            if (stage == stages.Length - 1)
                layers = layers.Append(MegatronLayer.Loss);
            stages[stage] = new MegatronStage(layers.ToEquatableArray());
        }

        return new MegatronLayout(stages.ToEquatableArray());
    }

    /// <summary>Why Megatron-LM would refuse to train with this layout, one sentence, or null: the embedding is the first layer and the
    /// loss the last, each once, and no transformer layer follows one of multi-token prediction.</summary>
    public string? Fault()
    {
        MegatronLayer[] layers = [.. Stages.SelectMany(stage => stage.Layers)];
        if (layers.Length == 0 || layers[0] != MegatronLayer.Embedding)
            return "the first layer is not the embedding, E";
        if (layers[layers.Length - 1] != MegatronLayer.Loss)
            return "the last layer is not the loss, L";
        for (int i = 1; i < layers.Length; i++)
        {
            if (layers[i] == MegatronLayer.Embedding)
                return "the embedding, E, stands there a second time";
            if (layers[i] == MegatronLayer.Loss && i < layers.Length - 1)
                return "the loss, L, is not the last layer";
            if (layers[i] == MegatronLayer.Transformer && layers[i - 1] == MegatronLayer.MultiTokenPrediction)
                return "a transformer layer, t, stands after one of multi-token prediction, m";
        }

        return null;
    }
}
