using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Planning.Plans;

/// <summary>What a plan is made from.</summary>
/// <param name="Model">The declared model.</param>
/// <param name="Cluster">The machines.</param>
/// <param name="Axes">The declared axes.</param>
public sealed record PlanRequest(ModelSpec Model, ClusterSpec Cluster, AxesSpec Axes);

/// <summary>What came of planning: never an exception.</summary>
public abstract record PlanResult;

/// <summary>A plan that is proven to fit.</summary>
public sealed record Planned(ParallelPlan Plan) : PlanResult;

/// <summary>No plan, and everything that stands in its way.</summary>
public sealed record Infeasible(EquatableArray<PlanProblem> Problems) : PlanResult;

/// <summary>The numbers leave 64 bits, or the plan would be too large to write down.</summary>
public sealed record TooLarge(string Message) : PlanResult;

/// <summary>Which rule of planning a request breaks.</summary>
public enum PlanProblemCode
{
    /// <summary>A dimension, degree or count is zero or negative.</summary>
    NotPositive,

    /// <summary>The model has no layers.</summary>
    NoLayers,

    /// <summary>The embedding is not the one first layer, or the head not the one last.</summary>
    LayerOrder,

    /// <summary>The width is not divisible by the number of heads.</summary>
    HeadsDoNotDivideWidth,

    /// <summary>The number of heads is not divisible by the number of key and value heads.</summary>
    KeyValueHeadsDoNotDivideHeads,

    /// <summary>The width of a head is odd, and rotary embedding turns pairs.</summary>
    OddHeadWidth,

    /// <summary>The product of the axes is not the number of devices.</summary>
    AxesDoNotMatchDevices,

    /// <summary>More stages than layers.</summary>
    MoreStagesThanLayers,

    /// <summary>Fewer micro-batches than stages (positions of the pipeline axis).</summary>
    FewerMicroBatchesThanStages,

    /// <summary>Interleaving needs micro-batches divisible by the pipeline degree.</summary>
    MicroBatchesDoNotDivide,

    /// <summary>Chunks given to a schedule that has none, or too few for interleaving.</summary>
    ChunksDoNotFitSchedule,

    /// <summary>The context length or the unit is not divisible by twice the sequence degree.</summary>
    ContextDoesNotDivide,

    /// <summary>A unit is shorter than the context, so the longest sequence fits nowhere.</summary>
    UnitShorterThanContext,

    /// <summary>The memory of a device is exceeded.</summary>
    DoesNotFit,

    /// <summary>More vocabulary slices than token ids.</summary>
    MoreSlicesThanVocabulary,

    /// <summary>A choice that its enumeration does not name.</summary>
    UndefinedChoice,

    /// <summary>A percentage is too small or too large.</summary>
    PercentOutOfRange,

    /// <summary>A setting that the others leave without effect.</summary>
    SettingWithoutEffect,
}

/// <summary>Which part of a declaration a problem belongs to.</summary>
public enum PlanSubject
{
    /// <summary>The model attribute.</summary>
    Model,

    /// <summary>The layer <see cref="PlanProblem.Layer"/>.</summary>
    Layer,

    /// <summary>The data axis.</summary>
    DataAxis,

    /// <summary>The sequence axis.</summary>
    SequenceAxis,

    /// <summary>The pipeline axis.</summary>
    PipelineAxis,

    /// <summary>The cluster.</summary>
    Cluster,
}

/// <summary>One thing that stands in the way of a plan.</summary>
/// <param name="Code">The rule.</param>
/// <param name="Subject">The part of the declaration.</param>
/// <param name="Layer">Index of the declared layer where <paramref name="Subject"/> is a layer, else -1.</param>
/// <param name="Field">The attribute's argument that is wrong, by the name of its property (<c>Heads</c>, <c>MicroBatches</c>, <c>Degree</c>), or empty.</param>
/// <param name="Message">What is wrong, with the numbers; one sentence, no full stop.</param>
/// <param name="Fix">What to write instead; one sentence, no full stop.</param>
/// <param name="Suggestions">Values of <paramref name="Field"/> that would do, best first; may be empty.</param>
public sealed record PlanProblem(
    PlanProblemCode Code, PlanSubject Subject, int Layer, string Field, string Message, string Fix, EquatableArray<long> Suggestions);
