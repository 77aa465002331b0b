using ParallelDsl.Planning.Packing;
using static System.FormattableString;

namespace ParallelDsl.Planning.Plans;

/// <content>How batches are divided: choices, percentages, and whether the longest sequence finds room.</content>
internal sealed partial class RequestChecks
{
    /// <summary>The largest percentage: a hundredfold.</summary>
    public const int MaximumPercent = 10_000;

    // The schedule has a check of its own.
    private bool CheckChoices() =>
        CheckChoice(_axes.Packing, PlanSubject.DataAxis, "Packing")
        & CheckChoice(_axes.Balance, PlanSubject.SequenceAxis, "Balance")
        & CheckChoice(_axes.Datapath, PlanSubject.SequenceAxis, "Datapath")
        & CheckChoice(_axes.InterNodeDatapath, PlanSubject.SequenceAxis, "InterNodeDatapath")
        & CheckChoice(_axes.Rail, PlanSubject.SequenceAxis, "Rail");

    private bool CheckChoice<T>(T value, PlanSubject subject, string field)
        where T : struct, Enum
    {
        Type type = typeof(T);
        if (Enum.IsDefined(type, value))
            return true;
        string choices = string.Join(", ", Enum.GetNames(type).Select(name => $"{type.Name}.{name}"));
        Add(PlanProblemCode.UndefinedChoice, subject, -1, field, $"{value:D} is not a value of {type.Name}", $"write one of {choices}");
        return false;
    }

    private void CheckPercents()
    {
        CheckPercent(_axes.AttentionPercent, 1, PlanSubject.Model, "AttentionPercent", _model.Name);
        CheckPercent(_axes.OverlapPercent, 0, PlanSubject.SequenceAxis, "OverlapPercent", "the sequence axis");
    }

    private void CheckPercent(int percent, int least, PlanSubject subject, string field, string owner)
    {
        if (percent < least || percent > MaximumPercent)
        {
            Add(PlanProblemCode.PercentOutOfRange, subject, -1, field,
                Invariant($"{field} of {owner} is {percent:N0}"),
                Invariant($"give {field} a value from {least:N0} to {MaximumPercent:N0}, or leave it out, which is 100"),
                percent < least ? new long[] { 100, least }.Distinct() : [MaximumPercent, 100]);
        }
        else if (percent != 100 && _axes is { Packing: ParallelDsl.Packing.Tokens, Balance: SequenceBalance.Zigzag })
        {
            Add(PlanProblemCode.SettingWithoutEffect, subject, -1, field,
                Invariant($"{field} of {owner} is {percent:N0}, and whole sequences in zigzag chunks are divided by their tokens alone"),
                $"leave {field} out, or choose SequenceBalance.Hierarchical or Packing.Asymmetric", [100]);
        }
    }

    /// <summary>The problem of a plan under which the longest sequence fits into no step, or null. Exact for a sequence that has a step to
    /// itself: each slot takes a slice, which is cut where its largest share on a rank is known
    /// (<see cref="LanePlacement.RoomOf"/>).</summary>
    /// <param name="request">A sound request.</param>
    /// <param name="window">Units over which its slices may be spread.</param>
    public static PlanProblem? LongestSequence(PlanRequest request, int window)
    {
        AxesSpec axes = request.Axes;
        int context = request.Model.ContextLength;
        if (HoldsLongest(axes, context, window, axes.UnitTokens))
            return null;
        long units = axes.Packing == ParallelDsl.Packing.Asymmetric ? (long)window * axes.Data : 1;
        long granule = axes.Sequence == 1 ? 1 : 2L * axes.Sequence;
        long needed = Math.Max((axes.UnitTokens / granule) + 1, (((context + units - 1) / units) + granule - 1) / granule) * granule;
        while (!HoldsLongest(axes, context, window, needed))
            needed += granule;
        string held = Invariant($"which hold {units * axes.UnitTokens:N0} tokens");
        if (units * axes.UnitTokens >= context)
            held += Invariant($", but not its largest share on a rank in units of {axes.UnitTokens / axes.Sequence:N0}");
        return new PlanProblem(
            PlanProblemCode.UnitShorterThanContext,
            PlanSubject.DataAxis,
            -1,
            "UnitTokens",
            Invariant($"a sequence of the context length, {context:N0}, is spread over at most {units:N0} units ")
                + Invariant($"({window:N0} of each of {axes.Data:N0} data ranks), {held}"),
            Invariant($"give UnitTokens a value of at least {needed:N0}"),
            new([needed]));
    }

    private static bool HoldsLongest(AxesSpec axes, int context, int window, long unitTokens)
    {
        bool merges = axes.Packing == ParallelDsl.Packing.Asymmetric;
        int width = axes.Balance == SequenceBalance.Hierarchical ? 1 : axes.Sequence;
        long ranks = merges ? (long)axes.Data * axes.Sequence : axes.Sequence;
        int slots = merges ? window : 1;
        for (long ring = ranks; ring >= width; ring -= width)
        {
            if (LanePlacement.LargestShare(context, ring) <= LanePlacement.RoomOf(unitTokens / axes.Sequence, slots, ring))
                return true;
        }

        return false;
    }
}
