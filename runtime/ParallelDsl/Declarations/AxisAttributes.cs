namespace ParallelDsl;

/// <summary>The data axis: ranks along it hold the same weights and take different sequences; their gradients are summed once a step.</summary>
/// <param name="degree">The number of ranks along the axis, at least 1.</param>
/// <remarks>A model without this attribute has a data axis of degree 1.</remarks>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class DataAxisAttribute(int degree) : Attribute
{
    /// <summary>The number of ranks along the axis.</summary>
    public int Degree { get; } = degree;

    /// <summary>How the sequences of a batch are grouped into units (micro-batches). With <see cref="Packing.Asymmetric"/> a sequence may be cut
    /// into slices that lie in several units, as far as the schedule lets units lie open together: all of them with
    /// <see cref="PipelineSchedule.GPipe"/>, as many as memory allows with <see cref="PipelineSchedule.OneForwardOneBackward"/>; with the other
    /// schedules sequences stay whole.</summary>
    /// <value>Default <see cref="Packing.Tokens"/>.</value>
    public Packing Packing { get; set; }

    /// <summary>Tokens that one unit may hold over the whole sequence axis.</summary>
    /// <value>0, the default, means the context length; otherwise at least the context length (with <see cref="Packing.Asymmetric"/> the units
    /// that may exchange slices must hold it together) and, where there is a sequence axis, a multiple of twice its degree.</value>
    public int UnitTokens { get; set; }
}

/// <summary>The sequence axis: ranks along it hold the same weights and each holds a part of every sequence; keys and values travel between
/// them during attention.</summary>
/// <param name="degree">The number of ranks along the axis, at least 1.</param>
/// <remarks>A model without this attribute has a sequence axis of degree 1. The context length is a multiple of twice the degree.</remarks>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class SequenceAxisAttribute(int degree) : Attribute
{
    /// <summary>The number of ranks along the axis.</summary>
    public int Degree { get; } = degree;

    /// <summary>How a sequence is divided over the axis. With <see cref="SequenceBalance.Hierarchical"/> it is spread over as few ranks as it
    /// needs, and all but attention works on equal shares of a unit's tokens.</summary>
    /// <value>Default <see cref="SequenceBalance.Zigzag"/>.</value>
    public SequenceBalance Balance { get; set; }

    /// <summary>How keys and values travel between the ranks that share a sequence.</summary>
    /// <value>Default <see cref="Datapath.Ring"/>.</value>
    public Datapath Datapath { get; set; }

    /// <summary>The same where those ranks lie on several nodes.</summary>
    /// <value>Left out, it is <see cref="Datapath"/>.</value>
    public Datapath InterNodeDatapath { get; set; }

    /// <summary>Which device of the next node a device sends to where keys and values, or gradients, travel on paths over nodes.</summary>
    /// <value>Default <see cref="NodeRail.Cross"/>.</value>
    public NodeRail Rail { get; set; }

    /// <summary>From how many tokens a rank on a sequence is spread over a ring, in percent of those with which the ring's transfers hide behind
    /// attention. Only with <see cref="SequenceBalance.Hierarchical"/> or <see cref="Packing.Asymmetric"/>.</summary>
    /// <value>Default 100; from 0, which spreads whatever balances better, to 10,000, which keeps sequences together.</value>
    public int OverlapPercent { get; set; } = 100;
}

/// <summary>The pipeline axis: ranks along it hold different layers, and the units (micro-batches) of a step pass through them.</summary>
/// <param name="degree">The number of ranks along the axis, at least 1.</param>
/// <remarks>A model without this attribute has a pipeline axis of degree 1. The model has at least as many layers, repetitions and
/// <see cref="VocabularySlices"/> counted, as there are stages: the degree times <see cref="Chunks"/>; with
/// <see cref="PipelineSchedule.Adaptive"/>, at least as many as the degree.</remarks>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class PipelineAxisAttribute(int degree) : Attribute
{
    /// <summary>The number of ranks along the axis.</summary>
    public int Degree { get; } = degree;

    /// <summary>The order of the actions on each device; with <see cref="PipelineSchedule.ZeroBubbleV"/> and
    /// <see cref="PipelineSchedule.DualPipeV"/> the stages of a device too, and with <see cref="PipelineSchedule.Adaptive"/> everything: which
    /// layers are a stage, where it lies and what comes when, by a short search within the compilation, or as a plan file of
    /// <c>paralleldsl plan --search</c> says.</summary>
    /// <value>Default <see cref="PipelineSchedule.OneForwardOneBackward"/>.</value>
    public PipelineSchedule Schedule { get; set; } = PipelineSchedule.OneForwardOneBackward;

    /// <summary>Units (micro-batches) that each data rank takes through the pipeline in one step.</summary>
    /// <value>0, the default, means as many as the degree, and twice as many for <see cref="PipelineSchedule.DualPipeV"/>; otherwise at least
    /// that, and a multiple of the degree for <see cref="PipelineSchedule.Interleaved"/>.</value>
    public int MicroBatches { get; set; }

    /// <summary>Stages on each device.</summary>
    /// <value>0, the default, means 2 for <see cref="PipelineSchedule.Interleaved"/>, <see cref="PipelineSchedule.ZeroBubbleV"/> and
    /// <see cref="PipelineSchedule.DualPipeV"/>, and 1 otherwise. More than 2 only with <see cref="PipelineSchedule.Interleaved"/>, which needs
    /// at least 2. Left out with <see cref="PipelineSchedule.Adaptive"/>, which finds how many stages each device has.</value>
    public int Chunks { get; set; }

    /// <summary>Into how many layers, each with a near equal part of the token ids, the embedding and the head are divided, so that a large
    /// vocabulary does not make one stage the slowest. They form two chains whose links lie on any stages; the weights and checkpoints
    /// are those of the whole (after Vocabulary Parallelism, arXiv 2411.05288; reconstructed).</summary>
    /// <value>0, the default, and 1 leave both whole; at most the vocabulary.</value>
    public int VocabularySlices { get; set; }
}
