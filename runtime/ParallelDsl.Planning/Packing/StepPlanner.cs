using static System.FormattableString;

namespace ParallelDsl.Planning.Packing;

/// <summary>Plans a step by its fixed strategy: the same answer on every rank with no communication, no allocation once the
/// <see cref="StepPlan"/> has grown. After Zeppelin (arXiv 2509.21841) for ranks and after SlimPack (arXiv 2509.26246) for units; both
/// reconstructed, and both in one.</summary>
/// <remarks>
/// <para>Token packing decides on the unit by tokens alone; its sequences stay whole, and forward and backward units are the same. With
/// hierarchical balance each unit's sequences are then placed on the ranks of its data rank.</para>
/// <para>Asymmetric packing divides the batch over windows by cost, places the sequences of each window on lanes (ranks, or with zigzag
/// balance whole data ranks) and fills the slots of every lane for the forward and for the backward. A sequence that one data rank cannot
/// take merges several.</para>
/// </remarks>
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
    /// <exception cref="ArgumentOutOfRangeException">Another number is not positive, or there are fewer lengths than said.</exception>
    public static bool TryPlan<TConstants>(TConstants constants, int[] lengths, int count, StepPlan into)
        where TConstants : struct, IStepConstants
    {
        if (count < 0 || count > lengths.Length)
            throw new ArgumentOutOfRangeException(nameof(count), Invariant($"{count} of {lengths.Length} lengths"));
        into.Reserve(constants.DataRanks, constants.SequenceRanks, constants.UnitsPerDataRank, count);
        int context = constants.ContextLength;
        for (int sequence = 0; sequence < count; sequence++)
            into.SetLength(sequence, lengths[sequence], context);
        return Decide(constants, into);
    }

    /// <summary>The same, but throws where the batch does not fit.</summary>
    /// <inheritdoc cref="TryPlan{TConstants}(TConstants, int[], int, StepPlan)"/>
    /// <exception cref="PackingException">A length is not between 1 and the context length, or the batch does not fit.</exception>
    public static void Plan<TConstants>(TConstants constants, int[] lengths, int count, StepPlan into)
        where TConstants : struct, IStepConstants
    {
        if (!TryPlan(constants, lengths, count, into))
            throw into.Workspace.Misfit.ToException(into, constants.UnitTokensPerRank);
    }

#if NET
    /// <summary>Plans all <paramref name="lengths"/>.</summary>
    /// <inheritdoc cref="TryPlan{TConstants}(TConstants, int[], int, StepPlan)"/>
    public static bool TryPlan<TConstants>(TConstants constants, ReadOnlySpan<int> lengths, StepPlan into)
        where TConstants : struct, IStepConstants
    {
        into.Reserve(constants.DataRanks, constants.SequenceRanks, constants.UnitsPerDataRank, lengths.Length);
        int context = constants.ContextLength;
        for (int sequence = 0; sequence < lengths.Length; sequence++)
            into.SetLength(sequence, lengths[sequence], context);
        return Decide(constants, into);
    }

    /// <summary>The same, but throws where the batch does not fit.</summary>
    /// <inheritdoc cref="Plan{TConstants}(TConstants, int[], int, StepPlan)"/>
    public static void Plan<TConstants>(TConstants constants, ReadOnlySpan<int> lengths, StepPlan into)
        where TConstants : struct, IStepConstants
    {
        if (!TryPlan(constants, lengths, into))
            throw into.Workspace.Misfit.ToException(into, constants.UnitTokensPerRank);
    }

#endif
    private static bool Decide<TConstants>(TConstants constants, StepPlan plan)
        where TConstants : struct, IStepConstants
    {
        if (constants.UnitTokensPerRank < 1 || constants.Window < 1)
        {
            throw new ArgumentOutOfRangeException(
                nameof(constants), Invariant($"windows of {constants.Window} units of {constants.UnitTokensPerRank} tokens a rank"));
        }

        // The tokens of a unit are counted in 32 bits.
        int rankTokens = Math.Min(constants.UnitTokensPerRank, int.MaxValue / constants.SequenceRanks);
        bool hierarchical = constants.Balance == SequenceBalance.Hierarchical;
        if (constants.Packing == ParallelDsl.Packing.Asymmetric)
            return AsymmetricStep.TryPlan(constants, plan, hierarchical ? 1 : constants.SequenceRanks, rankTokens);
        int misfit = TokenPacker.Group(plan, rankTokens * constants.SequenceRanks, hierarchical ? 1 : constants.Granule, out long missing);
        if (misfit >= 0)
        {
            plan.Workspace.Misfit = new StepMisfit(misfit, missing, 0, 0);
            return false;
        }

        if (hierarchical)
            return HierarchicalStep.TryPlace(constants, plan, rankTokens);
        TokenPacker.WriteSlices(plan);
        SetZones(constants, plan);
        return true;
    }

    private static void SetZones<TConstants>(TConstants constants, StepPlan plan)
        where TConstants : struct, IStepConstants
    {
        for (int ring = 0; ring < plan.RingCount; ring++)
        {
            for (int member = plan.RingStarts[ring] + 1; member < plan.RingStarts[ring + 1]; member++)
            {
                if (constants.NodeOf(plan.RingRanks[member]) != constants.NodeOf(plan.RingRanks[member - 1]))
                    plan.SetZone(ring, Zone.InterNode);
            }
        }
    }
}
