using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Plans;

/// <summary>Everything that is decided before a run: one immutable value. Planners make it, the simulator replays it, the runtime
/// executes it, reports draw it, JSON carries it, its digest names it.</summary>
/// <param name="Model">The model as declared.</param>
/// <param name="Layers">Its layers, repetitions and vocabulary slices unrolled, in execution order.</param>
/// <param name="Cluster">The machines.</param>
/// <param name="Axes">The axes as declared, defaults filled in.</param>
/// <param name="Mesh">All axes together.</param>
/// <param name="Stages">The partition and the placement.</param>
/// <param name="Programs">One program for each position of the pipeline axis.</param>
/// <param name="Rings">The rings of the sequence axis: each is a cyclic order of positions on that axis. On several, which share no link, keys and
/// values travel at once.</param>
/// <param name="Batching">The constants of token packing.</param>
/// <param name="Memory">What each position of the pipeline axis needs, and has.</param>
/// <param name="Estimates">Simulated figures of one full step.</param>
/// <param name="Reductions">By position of the pipeline axis, how its replicas sum their gradients; none where all do it the default way.</param>
public sealed record ParallelPlan(
    ModelSpec Model,
    EquatableArray<PlannedLayer> Layers,
    ClusterSpec Cluster,
    AxesSpec Axes,
    Mesh Mesh,
    EquatableArray<PlannedStage> Stages,
    EquatableArray<PipelineProgram> Programs,
    EquatableArray<EquatableArray<int>> Rings,
    BatchingPlan Batching,
    EquatableArray<DeviceMemory> Memory,
    Estimates Estimates,
    EquatableArray<CollectivePlan> Reductions = default)
{
    /// <summary>The algorithm by which the replicas at a position of the pipeline axis sum their gradients.</summary>
    public CollectivePlan ReductionAt(int position) => Reductions.Count == 0 ? CollectivePlan.Default : Reductions[position];
}

/// <summary>The axes of a declaration.</summary>
/// <param name="Data">Degree of the data axis.</param>
/// <param name="Sequence">Degree of the sequence axis.</param>
/// <param name="Pipeline">Degree of the pipeline axis.</param>
/// <param name="Schedule">The order of the pipeline's actions.</param>
/// <param name="MicroBatches">Units that a data rank takes through the pipeline in one step; 0 means as many as <paramref name="Pipeline"/>,
/// and twice as many with DualPipeV.</param>
/// <param name="Chunks">Stages a device: any number from 2 when interleaved, 2 with the schedules in the shape of a V, 1 with others; 0 means
/// the fewest of them. Always 0 with an adaptive schedule, which finds its stages itself.</param>
/// <param name="UnitTokens">Tokens that one unit may hold over the whole sequence axis; 0 means the context length.</param>
/// <param name="VocabularySlices">Into how many layers, each with a slice of the vocabulary, the embedding and the head are divided; 0 and 1
/// leave them whole.</param>
/// <param name="Packing">How the sequences of a batch are grouped into units.</param>
/// <param name="Balance">How a sequence is spread over the sequence axis.</param>
/// <param name="Datapath">How keys and values travel between ranks of a node.</param>
/// <param name="InterNodeDatapath">The same between ranks of several nodes.</param>
/// <param name="OverlapPercent">From how many tokens a rank on a sequence is spread over a ring, in percent of the overlap rule's.</param>
/// <param name="AttentionPercent">What attention weighs against all other work in balancing, in percent of its FLOPs.</param>
/// <param name="Rail">Which device of the next node a device sends to on paths over nodes.</param>
public sealed record AxesSpec(
    int Data = 1,
    int Sequence = 1,
    int Pipeline = 1,
    PipelineSchedule Schedule = PipelineSchedule.OneForwardOneBackward,
    int MicroBatches = 0,
    int Chunks = 0,
    int UnitTokens = 0,
    int VocabularySlices = 1,
    ParallelDsl.Packing Packing = ParallelDsl.Packing.Tokens,
    SequenceBalance Balance = SequenceBalance.Zigzag,
    Datapath Datapath = Datapath.Ring,
    Datapath InterNodeDatapath = Datapath.Ring,
    int OverlapPercent = 100,
    int AttentionPercent = 100,
    NodeRail Rail = NodeRail.Cross)
{
    /// <summary>The axes with what was chosen in the place of <see cref="Datapath.Automatic"/>.</summary>
    public AxesSpec With(DatapathChoice? choice) => choice is null ? this : this with { Datapath = choice.IntraNode, InterNodeDatapath = choice.InterNode };
}

/// <summary>A contiguous run of layers.</summary>
/// <param name="Index">Position in execution order, from 0.</param>
/// <param name="FirstLayer">Index of its first layer.</param>
/// <param name="LayerCount">How many layers.</param>
/// <param name="Device">The position on the pipeline axis that holds it.</param>
/// <param name="Forward">Ticks (ns) of the forward of one full unit on the slowest device that holds it.</param>
/// <param name="BackwardInput">The same of B.</param>
/// <param name="BackwardWeight">The same of W.</param>
/// <param name="Hop">Ticks (ns) to move one full unit's output to the next stage; 0 on the same device and for the last stage.</param>
public sealed record PlannedStage(
    int Index, int FirstLayer, int LayerCount, int Device, long Forward, long BackwardInput, long BackwardWeight, long Hop);

/// <summary>The constants of packing. With token packing a sequence of length s takes s rounded up to a multiple of <paramref name="Granule"/> tokens of
/// a unit, which bounds what each sequence rank can get (its two zigzag chunks) by UnitTokens / Sequence exactly.</summary>
/// <param name="UnitsPerDataRank">Units (micro-batches) of each data rank in a step.</param>
/// <param name="UnitTokens">Tokens that a unit may hold over the whole sequence axis.</param>
/// <param name="UnitTokensPerRank">The same on one rank of the sequence axis.</param>
/// <param name="Granule">2 x the sequence degree, or 1 where there is none.</param>
/// <param name="Window">Units that may exchange slices, because the programs run all their forwards before any of their backwards: units
/// w Window to (w + 1) Window - 1. 1 where forward and backward of a sequence share a unit.</param>
/// <param name="Remaps">Whether the rows of a unit are moved to equal shares of its ranks for all but attention.</param>
/// <param name="Routes">Whether keys and values cross nodes over several network interfaces where that is predicted to be faster.</param>
/// <param name="IntraNodeTokens">The least tokens a rank from which a sequence is spread over a ring inside a node: those with which its transfers
/// hide behind its attention, or the part or multiple of them that was declared.</param>
/// <param name="InterNodeTokens">The same for a ring over several nodes.</param>
/// <param name="Datapaths">How keys and values travel where that was to be chosen; null where it was declared.</param>
public sealed record BatchingPlan(
    int UnitsPerDataRank,
    int UnitTokens,
    int UnitTokensPerRank,
    int Granule,
    int Window = 1,
    bool Remaps = false,
    bool Routes = false,
    int IntraNodeTokens = 0,
    int InterNodeTokens = 0,
    DatapathChoice? Datapaths = null);

/// <summary>The memory of the ranks at one position of the pipeline axis, in bytes.</summary>
/// <param name="Device">The position.</param>
/// <param name="Weights">Weights of its stages.</param>
/// <param name="Gradients">Their gradients.</param>
/// <param name="Optimizer">Moments, and master weights where the training type is 16 bits wide.</param>
/// <param name="Activations">The most that is held at once under this schedule.</param>
/// <param name="Workspace">Buffers of transfers, of the ring and of kernels.</param>
/// <param name="UnitsInFlight">Units whose activations are held at the peak, added up over its stages, each of which has a pool of its
/// own.</param>
/// <param name="Available">Memory of the smallest device at this position.</param>
public sealed record DeviceMemory(
    int Device, long Weights, long Gradients, long Optimizer, long Activations, long Workspace, int UnitsInFlight, long Available)
{
    /// <summary>All of it together.</summary>
    public long Needed => checked(Weights + Gradients + Optimizer + Activations + Workspace);
}

/// <summary>Simulated figures of one step with full units.</summary>
/// <param name="Makespan">Ticks (ns) from the first action to the last.</param>
/// <param name="Work">Ticks of computation on each position of the pipeline axis.</param>
/// <param name="DataRankFlops">FLOPs of a step on all ranks of one data rank; those of all data ranks may leave 64 bits.</param>
/// <param name="DataBytes">Bytes that one rank sends along the data axis for gradients in a step.</param>
/// <param name="SequenceBytes">Bytes that one rank sends along the sequence axis.</param>
/// <param name="PipelineBytes">Bytes that one rank sends along the pipeline axis.</param>
public sealed record Estimates(
    long Makespan, EquatableArray<long> Work, long DataRankFlops, long DataBytes, long SequenceBytes, long PipelineBytes);
