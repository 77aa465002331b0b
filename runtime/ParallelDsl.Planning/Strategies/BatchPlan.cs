using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>What all ranks of a stage do in one slot of the pipeline.</summary>
/// <param name="Forward">The forward of one layer.</param>
/// <param name="Backward">The backward of one layer; other slices where groupings differ.</param>
/// <param name="Joined">Data ranks that start and end the slot together, in groups of at least two; a data rank is in one group at most.</param>
public sealed record UnitSlot(LayerWork Forward, LayerWork Backward, EquatableArray<EquatableArray<int>> Joined);

/// <summary>How one strategy runs one batch. Rank d S + s of a stage is rank s of data rank d; all stages do the same.</summary>
/// <param name="Strategy">The name of the strategy.</param>
/// <param name="Choice">What it chose, for people.</param>
/// <param name="Stages">P, pipeline stages.</param>
/// <param name="DataRanks">D: ranks that pass through the slots each at its own pace, but for joined slots.</param>
/// <param name="SequenceRanks">S, the ranks of a data rank, which pass through the slots together.</param>
/// <param name="Slots">The slots, in the order of their forwards and of their backwards.</param>
/// <param name="Lag">Slots by which a backward is later than in 1F1B: the backward of slot b follows the forward of slot b + lag.</param>
/// <param name="Recompute">Whether the backward repeats the forward, of which only layers' inputs are held.</param>
public sealed record BatchPlan(
    string Strategy,
    string Choice,
    int Stages,
    int DataRanks,
    int SequenceRanks,
    EquatableArray<UnitSlot> Slots,
    int Lag = 0,
    bool Recompute = false)
{
    /// <summary>R, the ranks of a stage.</summary>
    public int Ranks => DataRanks * SequenceRanks;
}

/// <summary>Consecutive tokens of a sequence whose queries one rank has.</summary>
/// <param name="Sequence">Index of the sequence in the batch.</param>
/// <param name="Start">The first token.</param>
/// <param name="Length">How many.</param>
/// <param name="Zone">How far the sequence is spread.</param>
public readonly record struct RankSlice(int Sequence, int Start, int Length, Zone Zone);

/// <summary>What one rank of a stage has to do in a step, in all layers: what is drawn of a plan.</summary>
/// <param name="Rank">The rank.</param>
/// <param name="Tokens">Tokens whose queries it has.</param>
/// <param name="ForwardCost">FLOPs of its forwards.</param>
/// <param name="BackwardCost">FLOPs of its backwards.</param>
/// <param name="Slices">Which tokens it has, by sequence and start.</param>
public sealed record RankLoad(int Rank, long Tokens, long ForwardCost, long BackwardCost, EquatableArray<RankSlice> Slices);

/// <summary>What a step takes in the simulator.</summary>
/// <param name="Nanoseconds">From the first forward to the end of the last backward.</param>
/// <param name="CrossNodeBytes">Bytes of keys, values, their gradients and remapped tokens between nodes, in all layers.</param>
/// <param name="Busy">Nanoseconds that each rank of a stage computes, in its layers.</param>
public sealed record SimulatedBatch(long Nanoseconds, long CrossNodeBytes, EquatableArray<long> Busy);

/// <summary>What a strategy makes of a batch: a plan with its simulated time and the loads of its ranks, or why nothing fits.</summary>
/// <param name="Plan">The plan, or null.</param>
/// <param name="Simulated">Its time in the simulator, or null.</param>
/// <param name="Loads">What each rank of a stage does.</param>
/// <param name="Candidates">How many plans were simulated to choose it.</param>
/// <param name="Infeasible">Why there is none: how many tokens find no room; null where there is one.</param>
public sealed record StrategyResult(BatchPlan? Plan, SimulatedBatch? Simulated, EquatableArray<RankLoad> Loads, int Candidates, string? Infeasible);
