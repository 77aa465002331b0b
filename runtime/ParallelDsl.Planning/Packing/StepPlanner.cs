namespace ParallelDsl.Planning.Packing;

/// <summary>Plans a step by its fixed strategy: the same answer on every rank with no communication, no allocation once the
/// <see cref="StepPlan"/> has grown.</summary>
public static class StepPlanner
{
    /// <summary>Plans the first <paramref name="count"/> of <paramref name="lengths"/>.</summary>
    /// <typeparam name="TConstants">The constants, folded where it is a struct of constants.</typeparam>
    /// <param name="constants">What was fixed at compile time.</param>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="count">How many sequences.</param>
    /// <param name="into">Receives the result; not to be used after an exception or where the batch does not fit.</param>
    /// <returns>Whether the batch fits.</returns>
    /// <exception cref="PackingException">A length is not between 1 and the context length.</exception>
    public static bool TryPlan<TConstants>(TConstants constants, int[] lengths, int count, StepPlan into)
        where TConstants : struct, IStepConstants
    {
        if (constants.Packing == ParallelDsl.Packing.Tokens && constants.Balance == SequenceBalance.Zigzag)
        {
            return TokenPacker.TryPack(
                lengths,
                count,
                constants.DataRanks,
                constants.SequenceRanks,
                constants.UnitsPerDataRank,
                constants.UnitTokensPerRank * constants.SequenceRanks,
                constants.Granule,
                constants.ContextLength,
                into);
        }

        throw new NotSupportedException("hierarchical and asymmetric steps are planned by a later commit of this branch");
    }

#if NET
    /// <summary>.</summary>
    public static bool TryPlan<TConstants>(TConstants constants, ReadOnlySpan<int> lengths, StepPlan into)
        where TConstants : struct, IStepConstants => TryPlan(constants, lengths.ToArray(), lengths.Length, into);

    /// <summary>.</summary>
    public static void Plan<TConstants>(TConstants constants, ReadOnlySpan<int> lengths, StepPlan into)
        where TConstants : struct, IStepConstants
    {
        if (!TryPlan(constants, lengths.ToArray(), lengths.Length, into))
            throw new PackingException("TODO");
    }
#endif
}
