using static System.FormattableString;

namespace ParallelDsl.Planning.Packing;

/// <summary>Why a batch does not fit.</summary>
/// <param name="Sequence">The sequence that found no room.</param>
/// <param name="Missing">How many tokens are missing to it; 0 where the tokens that are left lie in different units of its ranks.</param>
/// <param name="FirstUnit">The first of the units that it might have run in.</param>
/// <param name="Units">How many units these are; 0 where it found no room in any of all data ranks.</param>
internal readonly record struct StepMisfit(int Sequence, long Missing, int FirstUnit, int Units)
{
    /// <summary>The error of a batch that did not fit, with the numbers.</summary>
    public PackingException ToException(StepPlan plan, int rankTokens)
    {
        long held = (long)plan.Units * plan.SequenceRanks * rankTokens;
        string units = Invariant($"{plan.Units} units of {plan.SequenceRanks} x {rankTokens} tokens");
        string batch = Invariant($"the batch has {plan.SequenceCount} sequences and {plan.TotalTokens} tokens");
        if (plan.TotalTokens > held)
            return new PackingException(Invariant($"{batch}, and {units} hold {held}: {plan.TotalTokens - held} tokens are missing"));
        string where = Units switch
        {
            0 => "any unit",
            1 => Invariant($"unit {FirstUnit}"),
            _ => Invariant($"units {FirstUnit} to {FirstUnit + Units - 1}"),
        };
        string why = Missing == 0 ? "its ranks have room only in different units" : Invariant($"{Missing} tokens are missing");
        return new PackingException(Invariant(
            $"sequence {Sequence} of {plan.Lengths[Sequence]} tokens finds no room in {where}, {why}: {batch}, and {units} hold {held}"));
    }
}
