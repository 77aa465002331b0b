using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tests.Execution;

/// <summary>What differs between the tiny models.</summary>
internal interface ITinyShape
{
    static abstract int Blocks { get; }

    static abstract bool TiesWeights { get; }

    /// <summary>Query heads; there are half as many key-value heads.</summary>
    static virtual int Heads => 4;
}

internal readonly struct Untied : ITinyShape
{
    public static int Blocks => 6;

    public static bool TiesWeights => false;
}

internal readonly struct Tied : ITinyShape
{
    public static int Blocks => 6;

    public static bool TiesWeights => true;
}

/// <summary>Fewer and wider heads: every tensor has the same name and shape as in <see cref="Untied"/>.</summary>
internal readonly struct WideHeads : ITinyShape
{
    public static int Blocks => 6;

    public static bool TiesWeights => false;

    public static int Heads => 2;
}

/// <summary>Three key-value heads.</summary>
internal readonly struct SixHeads : ITinyShape
{
    public static int Blocks => 6;

    public static bool TiesWeights => false;

    public static int Heads => 6;
}

/// <summary>Six key-value heads.</summary>
internal readonly struct TwelveHeads : ITinyShape
{
    public static int Blocks => 6;

    public static bool TiesWeights => false;

    public static int Heads => 12;
}

/// <summary>What the generator would emit, by hand: the runtime is tested without the generator.</summary>
internal sealed class TinyModel<TTiny> : IParallelModel<TinyModel<TTiny>>
    where TTiny : struct, ITinyShape
{
    public const int Context = 48;
    public const int Vocabulary = 61;

    public static readonly ModelSpec Model = new(
        "Tiny",
        Context,
        new([
            new LayerSpec("Tokens", LayerKind.Embedding, Vocabulary: Vocabulary, Width: 24),
            new LayerSpec("Blocks", LayerKind.TransformerBlock, Repeat: TTiny.Blocks, Heads: TTiny.Heads, KeyValueHeads: TTiny.Heads / 2, FeedForward: 40),
            new LayerSpec("Head", LayerKind.LanguageModelHead, TiedWeights: TTiny.TiesWeights),
        ]));

    public static ParallelPlan Plan { get; } = PlanFor(new AxesSpec(Data: 1, Sequence: 1, Pipeline: 1, MicroBatches: 4, UnitTokens: 96));

    public static ParallelPlan PlanFor(AxesSpec axes, int nodes = 1)
    {
        int devices = axes.Data * axes.Sequence * axes.Pipeline / nodes;
        NodeGroup node = new(nodes, devices, DeviceCatalogue.Of(DeviceKind.Host), Fabric.Switch, nodes > 1 ? devices : 0, nodes > 1 ? 100 : 0);
        PlanResult result = Planner.Plan(new PlanRequest(Model, new ClusterSpec("Host", new([node])), axes));
        return result is Planned planned ? planned.Plan : throw new InvalidOperationException(result.ToString());
    }

    public static LayerModule CreateLayer(PlannedLayer layer) => (layer.Kind, layer.IsSlice) switch
    {
        (LayerKind.Embedding, false) => new EmbeddingLayer<EmbeddingShape>(layer),
        (LayerKind.Embedding, true) => new EmbeddingSliceLayer<EmbeddingShape>(layer),
        (LayerKind.TransformerBlock, _) => new TransformerLayer<BlockShape>(layer),
        (_, false) => new LanguageModelHeadLayer<HeadShape>(layer),
        (_, true) => new HeadSliceLayer<HeadShape>(layer),
    };

    public static bool TryPlanStep(ReadOnlySpan<int> lengths, StepPlan step) =>
        TokenPacker.TryPack(lengths, 1, 1, 4, 96, 1, Context, step);

    private readonly struct EmbeddingShape : IEmbeddingShape
    {
        public static int Vocabulary => TinyModel<TTiny>.Vocabulary;

        public static int Width => 24;
    }

    private readonly struct BlockShape : ITransformerShape
    {
        public static int Width => 24;

        public static int FeedForward => 40;

        public static int Heads => TTiny.Heads;

        public static int KeyValueHeads => TTiny.Heads / 2;

        public static int HeadWidth => 24 / TTiny.Heads;
    }

    private readonly struct HeadShape : IHeadShape
    {
        public static int Width => 24;

        public static int Vocabulary => TinyModel<TTiny>.Vocabulary;

        public static bool TiedWeights => TTiny.TiesWeights;
    }
}
