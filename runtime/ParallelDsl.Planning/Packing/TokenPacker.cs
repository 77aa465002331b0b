using static System.FormattableString;

namespace ParallelDsl.Planning.Packing;

/// <summary>A batch that cannot be packed.</summary>
/// <param name="message">What is wrong, with the numbers.</param>
public sealed class PackingException(string message) : Exception(message);

/// <summary>Packs whole sequences into a fixed number of units so that they hold near-equal numbers of tokens: longest first into the
/// least filled unit (LPT; Graham, 1969). Every rank that knows the lengths gets the same answer with no communication. O(n log n),
/// no allocation once <see cref="StepPlan"/> has grown.</summary>
/// <remarks>A sequence takes its length rounded up to the granule. Of equally filled units the lower micro-batch is first, then the lower
/// data rank, so that data ranks fill evenly. The least filled unit has the most room: where that is too little, the batch does not
/// fit.</remarks>
public static class TokenPacker
{
    private const int Fits = -1;

    /// <summary>Packs the first <paramref name="count"/> of <paramref name="lengths"/>.</summary>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="count">How many sequences.</param>
    /// <param name="dataRanks">The data degree.</param>
    /// <param name="sequenceRanks">The sequence degree: every sequence lies on all ranks of its data rank.</param>
    /// <param name="unitsPerDataRank">Units of each data rank.</param>
    /// <param name="unitTokens">Tokens that a unit may hold.</param>
    /// <param name="granule">What lengths are rounded up to a multiple of.</param>
    /// <param name="contextLength">The longest sequence.</param>
    /// <param name="into">Receives the result; not to be used after an exception.</param>
    /// <exception cref="PackingException">A length is not between 1 and the context length, or the batch does not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Another number is not positive, or there are fewer lengths than said.</exception>
    public static void Pack(
        int[] lengths, int count, int dataRanks, int sequenceRanks, int unitsPerDataRank, int unitTokens, int granule, int contextLength, StepPlan into)
    {
        Load(lengths, count, dataRanks, sequenceRanks, unitsPerDataRank, contextLength, into);
        ThrowUnlessFits(Assign(into, unitTokens, granule), unitTokens, granule, into);
    }

    /// <summary>The same, but false where the batch does not fit.</summary>
    /// <inheritdoc cref="Pack(int[], int, int, int, int, int, int, int, StepPlan)"/>
    public static bool TryPack(
        int[] lengths, int count, int dataRanks, int sequenceRanks, int unitsPerDataRank, int unitTokens, int granule, int contextLength, StepPlan into)
    {
        Load(lengths, count, dataRanks, sequenceRanks, unitsPerDataRank, contextLength, into);
        return Assign(into, unitTokens, granule) == Fits;
    }

    private static void Load(int[] lengths, int count, int dataRanks, int sequenceRanks, int unitsPerDataRank, int contextLength, StepPlan into)
    {
        if (count < 0 || count > lengths.Length)
            throw new ArgumentOutOfRangeException(nameof(count), Invariant($"{count} of {lengths.Length} lengths"));
        into.Reserve(dataRanks, sequenceRanks, unitsPerDataRank, count);
        for (int sequence = 0; sequence < count; sequence++)
            into.SetLength(sequence, lengths[sequence], contextLength);
    }

#if NET
    /// <summary>Packs all <paramref name="lengths"/>.</summary>
    /// <inheritdoc cref="Pack(int[], int, int, int, int, int, int, int, StepPlan)"/>
    public static void Pack(
        ReadOnlySpan<int> lengths, int dataRanks, int sequenceRanks, int unitsPerDataRank, int unitTokens, int granule, int contextLength, StepPlan into)
    {
        Load(lengths, dataRanks, sequenceRanks, unitsPerDataRank, contextLength, into);
        ThrowUnlessFits(Assign(into, unitTokens, granule), unitTokens, granule, into);
    }

    /// <summary>The same, but false where the batch does not fit.</summary>
    /// <inheritdoc cref="Pack(int[], int, int, int, int, int, int, int, StepPlan)"/>
    public static bool TryPack(
        ReadOnlySpan<int> lengths, int dataRanks, int sequenceRanks, int unitsPerDataRank, int unitTokens, int granule, int contextLength, StepPlan into)
    {
        Load(lengths, dataRanks, sequenceRanks, unitsPerDataRank, contextLength, into);
        return Assign(into, unitTokens, granule) == Fits;
    }

    private static void Load(ReadOnlySpan<int> lengths, int dataRanks, int sequenceRanks, int unitsPerDataRank, int contextLength, StepPlan into)
    {
        into.Reserve(dataRanks, sequenceRanks, unitsPerDataRank, lengths.Length);
        for (int sequence = 0; sequence < lengths.Length; sequence++)
            into.SetLength(sequence, lengths[sequence], contextLength);
    }
#endif

    private static void ThrowUnlessFits(int misfit, int unitTokens, int granule, StepPlan into)
    {
        if (misfit == Fits)
            return;
        string units = Invariant($"{into.Units} units of {unitTokens} tokens with lengths rounded up to multiples of {granule}");
        string batch = Invariant($"the batch has {into.SequenceCount} sequences and {into.TotalTokens} tokens");
        throw new PackingException(Invariant($"sequence {misfit} fits into none of {units}: {batch}"));
    }

    // Gives every sequence its unit and its slice; returns the first sequence that finds no room, or Fits.
    private static int Assign(StepPlan plan, int unitTokens, int granule)
    {
        int misfit = Group(plan, unitTokens, granule, out _);
        if (misfit == Fits)
            WriteSlices(plan);
        return misfit;
    }

    /// <summary>Gives every sequence of a plan its unit (<see cref="StepPlan.UnitOf"/>), but no slices.</summary>
    /// <param name="plan">A plan whose lengths are set.</param>
    /// <param name="unitTokens">Tokens that a unit may hold.</param>
    /// <param name="granule">What lengths are rounded up to a multiple of.</param>
    /// <param name="missing">How many tokens more the emptiest unit would have to hold.</param>
    /// <returns>The first sequence that finds no room, or a negative number.</returns>
    internal static int Group(StepPlan plan, int unitTokens, int granule, out long missing)
    {
        missing = 0;
        if (unitTokens < 1 || granule < 1)
            throw new ArgumentOutOfRangeException(nameof(unitTokens), Invariant($"units of {unitTokens} tokens in granules of {granule}"));
        plan.SortKeys();
        for (int unit = 0; unit < plan.Units; unit++)
            plan.Heap[unit] = unit; // Empty, in order of preference: a heap already.

        for (int i = 0; i < plan.SequenceCount; i++)
        {
            int sequence = plan.SequenceAt(i, out int length);
            long charge = (length + (granule - 1L)) / granule * granule;
            long filled = (plan.Heap[0] >> 32) + charge;
            if (filled > unitTokens)
            {
                missing = filled - unitTokens;
                return sequence;
            }

            int preference = (int)(plan.Heap[0] & 0xFFFF_FFFF);
            plan.UnitOf[sequence] = plan.UnitIndex(preference % plan.DataRanks, preference / plan.DataRanks);
            ReplaceLeast(plan.Heap, plan.Units, (filled << 32) | (uint)preference);
        }

        return Fits;
    }

    /// <summary>Makes every sequence one slice, on the ring of all ranks of its data rank.</summary>
    internal static void WriteSlices(StepPlan plan)
    {
        Zone zone = plan.SequenceRanks == 1 ? Zone.Local : Zone.IntraNode;
        for (int dataRank = 0; dataRank < plan.DataRanks; dataRank++)
        {
            plan.AddRing(zone);
            for (int rank = 0; rank < plan.SequenceRanks; rank++)
                plan.AddRingRank((dataRank * plan.SequenceRanks) + rank);
        }

        for (int sequence = 0; sequence < plan.SequenceCount; sequence++)
        {
            int dataRank = plan.UnitOf[sequence] / plan.MicroBatches, unit = plan.UnitOf[sequence] % plan.MicroBatches;
            plan.AddSlice(new Slice(sequence, 0, plan.Lengths[sequence], dataRank, unit, unit));
        }

        plan.Gather();
    }

    private static void ReplaceLeast(long[] heap, int count, long item)
    {
        int hole = 0;
        while (true)
        {
            int child = (2 * hole) + 1;
            if (child >= count)
                break;
            if (child + 1 < count && heap[child + 1] < heap[child])
                child++;
            if (heap[child] >= item)
                break;
            heap[hole] = heap[child];
            hole = child;
        }

        heap[hole] = item;
    }
}
