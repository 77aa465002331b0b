using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>One step of a pipeline on several data ranks, every one of which takes the same number of slots through it. What a slot takes
/// forward and what it takes backward are given apart, for the units of both may differ.</summary>
public sealed class StepWork
{
    /// <summary>A step in which nothing takes any time yet.</summary>
    /// <param name="dataRanks">D, the data ranks.</param>
    /// <param name="stages">P, the stages, one a position of the pipeline axis.</param>
    /// <param name="slots">M, the slots of a data rank, forward and backward.</param>
    /// <param name="lag">L: the backward of slot b comes after the forward of slot min(b + L, M - 1), on every stage. 0 is 1F1B; from M - 1
    /// on all forwards come first, as in GPipe.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count is not positive, or the lag negative.</exception>
    public StepWork(int dataRanks, int stages, int slots, int lag = 0)
    {
        if (dataRanks < 1 || stages < 1 || slots < 1 || lag < 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(lag), Invariant($"{dataRanks} data ranks, {stages} stages, {slots} slots and a lag of {lag}"));
        }

        (DataRanks, Stages, Slots, Lag) = (dataRanks, stages, slots, lag);
        (Forward, Backward) = (new long[dataRanks * stages * slots], new long[dataRanks * stages * slots]);
        (ForwardLeaders, BackwardLeaders) = (new int[dataRanks * slots], new int[dataRanks * slots]);
        Hops = new long[stages - 1];
        for (int rank = 0; rank < dataRanks; rank++)
        {
            for (int slot = 0; slot < slots; slot++)
                (ForwardLeaders[(rank * slots) + slot], BackwardLeaders[(rank * slots) + slot]) = (rank, rank);
        }
    }

    /// <summary>D, the data ranks.</summary>
    public int DataRanks { get; }

    /// <summary>P, the stages.</summary>
    public int Stages { get; }

    /// <summary>M, the slots of a data rank.</summary>
    public int Slots { get; }

    /// <summary>L, the lag of backwards.</summary>
    public int Lag { get; }

    /// <summary>Nanoseconds of the forward of slot u of data rank d on stage s, at <see cref="Cell"/>.</summary>
    public long[] Forward { get; }

    /// <summary>The same of the backward.</summary>
    public long[] Backward { get; }

    /// <summary>For slot u of data rank d, at d M + u, the first of the data ranks whose forwards of this slot are one: d itself where it
    /// is alone. They start together, when all are ready, and end together, after the longest of their times.</summary>
    public int[] ForwardLeaders { get; }

    /// <summary>The same of the backward.</summary>
    public int[] BackwardLeaders { get; }

    /// <summary>Nanoseconds of a hop between stage s and stage s + 1, either way.</summary>
    public long[] Hops { get; }

    /// <summary>Where the times of slot <paramref name="slot"/> of data rank <paramref name="dataRank"/> on <paramref name="stage"/>
    /// stand.</summary>
    public int Cell(int dataRank, int stage, int slot) => (((dataRank * Stages) + stage) * Slots) + slot;

    /// <summary>Sets the times of a slot, the same on every stage.</summary>
    public void SetSlot(int dataRank, int slot, long forward, long backward)
    {
        for (int stage = 0; stage < Stages; stage++)
            (Forward[Cell(dataRank, stage, slot)], Backward[Cell(dataRank, stage, slot)]) = (forward, backward);
    }

    /// <summary>The forwards of <paramref name="stage"/> before its first pair of a forward and a backward: P - 1 - s + L, or
    /// all.</summary>
    public int WarmUpOf(int stage) => (int)Math.Min(Slots, Stages - 1L - stage + Lag);
}

/// <summary>Simulated times of a step.</summary>
/// <param name="Makespan">Nanoseconds from the first action to the last.</param>
/// <param name="Busy">Nanoseconds of actions of data rank d on stage s, at d P + s; of joined ones as long as all are at it.</param>
/// <param name="Bubble">What is left of the makespan.</param>
public sealed record StepTimes(long Makespan, long[] Busy, long[] Bubble);
