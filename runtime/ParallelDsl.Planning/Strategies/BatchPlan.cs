using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Consecutive tokens of a sequence that one rank has.</summary>
/// <param name="Rank">The rank.</param>
/// <param name="Piece">Which tokens.</param>
public readonly record struct PlacedPiece(int Rank, SequencePiece Piece);

/// <summary>What all ranks of a stage do in one slot of the pipeline. Ranks that share an exchange, or between which rows move, start and end the
/// slot together; the others go on at their own pace.</summary>
/// <param name="Forward">The forward of one layer.</param>
/// <param name="Backward">The backward of one layer; other slices where groupings differ.</param>
/// <param name="ForwardPlaced">Who has what of the pieces of direct exchanges, which say only what that costs, in the forward.</param>
/// <param name="BackwardPlaced">The same in the backward.</param>
public sealed record UnitSlot(
    LayerWork Forward, LayerWork Backward, EquatableArray<PlacedPiece> ForwardPlaced, EquatableArray<PlacedPiece> BackwardPlaced);

/// <summary>How one strategy runs one batch; all stages do the same.</summary>
/// <param name="Strategy">The name of the strategy.</param>
/// <param name="Choice">What it chose, for people.</param>
/// <param name="Stages">P, pipeline stages.</param>
/// <param name="Slots">The slots, in the order of their forwards and of their backwards.</param>
/// <param name="Lag">Slots by which a backward is later than in 1F1B: the backward of slot b follows the forward of slot b + lag.</param>
/// <param name="Recompute">Whether the backward repeats the forward, of which only layers' inputs are held.</param>
public sealed record BatchPlan(
    string Strategy,
    string Choice,
    int Stages,
    EquatableArray<UnitSlot> Slots,
    int Lag = 0,
    bool Recompute = false)
{
    /// <summary>R, the ranks of a stage.</summary>
    public int Ranks => Slots[0].Forward.Ranks;
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
