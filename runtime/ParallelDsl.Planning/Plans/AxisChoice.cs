using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using static System.FormattableString;

namespace ParallelDsl.Planning.Plans;

/// <summary>Degrees whose product is the number of devices.</summary>
internal readonly record struct AxisChoice(int Data, int Sequence, int Pipeline)
{
    private const int Most = 6;

    /// <summary>The factorisations of <paramref name="devices"/> nearest to the declared degrees: those that keep the most of them, then
    /// those that change them the least. Only such as the rest of the declaration allows, where there are any.</summary>
    public static AxisChoice[] Nearest(ModelSpec model, AxesSpec axes, int devices, int most = Most)
    {
        var choices = new List<AxisChoice>();
        long[] divisors = Divisors.Of(devices);
        foreach (long data in divisors)
        {
            foreach (long sequence in divisors)
            {
                if (devices / data % sequence == 0)
                    choices.Add(new((int)data, (int)sequence, (int)(devices / data / sequence)));
            }
        }

        AxisChoice[] ordered =
        [
            .. choices.OrderByDescending(choice => choice.Kept(axes)).ThenBy(choice => choice.Distance(axes))
                .ThenByDescending(choice => choice.Data).ThenByDescending(choice => choice.Sequence),
        ];
        AxisChoice[] allowed = [.. ordered.Where(choice => choice.IsAllowed(model, axes)).Take(most)];
        return allowed.Length > 0 ? allowed : [.. ordered.Take(most)];
    }

    /// <summary>The axis to change, and its degree, where the first of <paramref name="choices"/> changes only one.</summary>
    public static (PlanSubject Subject, long? Degree) SingleChange(AxesSpec axes, AxisChoice[] choices)
    {
        AxisChoice best = choices[0];
        PlanSubject subject = best.Pipeline != axes.Pipeline ? PlanSubject.PipelineAxis
            : best.Sequence != axes.Sequence ? PlanSubject.SequenceAxis
            : PlanSubject.DataAxis;
        int degree = subject switch
        {
            PlanSubject.DataAxis => best.Data,
            PlanSubject.SequenceAxis => best.Sequence,
            _ => best.Pipeline,
        };
        return (subject, best.Kept(axes) == 2 ? degree : null);
    }

    /// <inheritdoc/>
    public override string ToString() => Invariant($"data {Data} x sequence {Sequence} x pipeline {Pipeline}");

    private int Kept(AxesSpec axes) =>
        (Data == axes.Data ? 1 : 0) + (Sequence == axes.Sequence ? 1 : 0) + (Pipeline == axes.Pipeline ? 1 : 0);

    private long Distance(AxesSpec axes) =>
        Math.Abs((long)Data - axes.Data) + Math.Abs((long)Sequence - axes.Sequence) + Math.Abs((long)Pipeline - axes.Pipeline);

    private bool IsAllowed(ModelSpec model, AxesSpec axes)
    {
        long granule = Sequence == 1 ? 1 : 2L * Sequence;
        long layers = LayerCosts.Count(model, axes.VocabularySlices);
        int least = PipelineOrders.LeastMicroBatches(axes.Schedule, Pipeline);
        bool rounds = axes.Schedule != PipelineSchedule.Interleaved || axes.MicroBatches % Pipeline == 0;
        bool microBatches = axes.Pipeline == Pipeline
            || axes.MicroBatches == PipelineOrders.LeastMicroBatches(axes.Schedule, axes.Pipeline)
            || (axes.MicroBatches >= least && rounds);
        bool tokens = model.ContextLength % granule == 0 && axes.UnitTokens % granule == 0;
        return tokens && microBatches && (long)Pipeline * Math.Max(1, axes.Chunks) <= layers;
    }
}

/// <summary>Divisors of whole numbers.</summary>
internal static class Divisors
{
    private const int Most = 6;

    /// <summary>The divisors of <paramref name="value"/>, ascending.</summary>
    public static long[] Of(long value)
    {
        var small = new List<long>();
        var large = new List<long>();
        for (long divisor = 1; divisor * divisor <= value; divisor++)
        {
            if (value % divisor != 0)
                continue;
            small.Add(divisor);
            if (divisor != value / divisor)
                large.Add(value / divisor);
        }

        large.Reverse();
        return [.. small, .. large];
    }

    /// <summary>At most six divisors of <paramref name="value"/> that are allowed, those nearest to <paramref name="wanted"/>
    /// first.</summary>
    public static long[] Nearest(long value, long wanted, Func<long, bool>? isAllowed = null) =>
        [.. Of(value).Where(divisor => isAllowed?.Invoke(divisor) ?? true).OrderBy(divisor => Math.Abs(divisor - wanted)).Take(Most)];
}
