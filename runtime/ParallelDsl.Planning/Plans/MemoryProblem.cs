using ParallelDsl.Planning.Pipelines;
using static System.FormattableString;

namespace ParallelDsl.Planning.Plans;

/// <summary>Tells by how much a plan exceeds the memory, and finds the smallest change that fits.</summary>
internal static class MemoryProblem
{
    private const int MaximumPositions = 8;
    private const int MaximumChoices = 12;

    // Of layers x stages and actions that changes are tried on: a second or so.
    private const long MaximumSteps = 40_000_000;

    public static PlanProblem Of(PlanSketch sketch, CancellationToken cancellation)
    {
        DeviceMemory[] exceeded = [.. sketch.Memory.Where(position => position.Needed > position.Available)];
        string positions = string.Join("; ", exceeded.Take(MaximumPositions).Select(Describe));
        string more = exceeded.Length > MaximumPositions ? Invariant($"; and {exceeded.Length - MaximumPositions} more") : "";
        PlanRequest declared = sketch.Frame.Request;
        string message = $"{declared.Model.Name} does not fit in memory: {positions}{more}";
        long steps = 0;
        foreach (Change change in Changes(declared))
        {
            cancellation.ThrowIfCancellationRequested();
            PlanRequest request = declared with { Axes = change.Axes };
            long stages = (long)change.Axes.Pipeline * Math.Max(1, change.Axes.Chunks);
            steps += stages * (sketch.Frame.Layers.Count + change.Axes.MicroBatches);
            if (steps > MaximumSteps)
                break;
            if (TrySketch(request) is not { Fits: true } changed)
                continue;
            DeviceMemory fullest = changed.Memory.OrderByDescending(position => position.Needed - position.Available).First();
            return new PlanProblem(
                PlanProblemCode.DoesNotFit,
                change.Subject,
                -1,
                change.Field,
                message,
                Invariant($"{change.Text}: {Describe(fullest)}"),
                change.Value is { } value ? new([value]) : default);
        }

        return new PlanProblem(
            PlanProblemCode.DoesNotFit,
            PlanSubject.PipelineAxis,
            -1,
            "",
            message,
            "use more devices, devices with more memory, a shorter context or a smaller model: no other layout that was tried fits",
            default);
    }

    private static string Describe(DeviceMemory position)
    {
        string state = GiB(position.Weights + position.Gradients + position.Optimizer);
        string units = Invariant($"{position.UnitsInFlight} {(position.UnitsInFlight == 1 ? "unit" : "units")} in flight");
        string activations = $"{GiB(position.Activations)} activations of {units}";
        return Invariant($"pipeline position {position.Device} needs {GiB(position.Needed)} of {GiB(position.Available)} GiB ")
            + $"({state} weights, gradients and optimizer, {activations}, {GiB(position.Workspace)} workspace)";
    }

    /// <summary>Bytes as GiB with two decimals, rounded to nearest.</summary>
    internal static string GiB(long bytes)
    {
        long whole = bytes >> 30;
        long hundredths = (((bytes & ((1L << 30) - 1)) * 100) + (1L << 29)) >> 30;
        return hundredths == 100 ? Invariant($"{whole + 1:N0}.00") : Invariant($"{whole:N0}.{hundredths:00}");
    }

    private static PlanSketch? TrySketch(PlanRequest request)
    {
        try
        {
            if (RequestChecks.Run(request).Count > 0 || Planner.Excess(request) is not null)
                return null;

            // A search for each of many changes would take long, and what it falls back on is enough to tell that a change fits.
            return request.Axes.Schedule == PipelineSchedule.Adaptive
                ? PlanSketch.Known(new PlanFrame(request), PipelineSchedule.OneForwardOneBackward, 1)
                : PlanSketch.Of(request, CancellationToken.None);
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private sealed record Change(AxesSpec Axes, PlanSubject Subject, string Field, long? Value, string Text);

    // Smallest first: smaller units, a schedule that holds less, other degrees, and at last other degrees with smaller units.
    private static IEnumerable<Change> Changes(PlanRequest request)
    {
        AxesSpec axes = request.Axes;
        int context = request.Model.ContextLength;
        for (int tokens = axes.UnitTokens / 2; tokens >= context; tokens /= 2)
        {
            yield return new(axes with { UnitTokens = tokens }, PlanSubject.DataAxis, "UnitTokens", tokens,
                Invariant($"give UnitTokens the value {tokens:N0}"));
        }

        if (axes.UnitTokens > context)
        {
            yield return new(axes with { UnitTokens = context }, PlanSubject.DataAxis, "UnitTokens", context,
                Invariant($"give UnitTokens the value {context:N0}, the context length"));
        }

        AxesSpec lean = axes with { Schedule = PipelineSchedule.OneForwardOneBackward, Chunks = 1 };
        if (axes.Schedule is not (PipelineSchedule.OneForwardOneBackward or PipelineSchedule.Adaptive))
        {
            yield return new(lean, PlanSubject.PipelineAxis, "Schedule", null,
                "choose PipelineSchedule.OneForwardOneBackward, which holds fewer units");
        }

        AxisChoice[] choices =
        [
            .. AxisChoice.Nearest(request.Model, axes, checked(axes.Data * axes.Sequence * axes.Pipeline), MaximumChoices)
                .Where(choice => (choice.Data, choice.Sequence, choice.Pipeline) != (axes.Data, axes.Sequence, axes.Pipeline)),
        ];
        foreach (AxesSpec start in axes.UnitTokens > context ? new[] { axes, axes with { UnitTokens = context } } : [axes])
        {
            foreach (AxisChoice choice in choices)
            {
                int least = PipelineOrders.LeastMicroBatches(axes.Schedule, choice.Pipeline);
                bool isDefault = axes.MicroBatches == PipelineOrders.LeastMicroBatches(axes.Schedule, axes.Pipeline);
                int microBatches = isDefault ? least : Math.Max(axes.MicroBatches, least);
                string with = start.UnitTokens == axes.UnitTokens ? "" : Invariant($", with UnitTokens {start.UnitTokens:N0}");
                string units = microBatches == axes.MicroBatches ? "" : Invariant($", with MicroBatches {microBatches:N0}");
                yield return new(
                    start with { Data = choice.Data, Sequence = choice.Sequence, Pipeline = choice.Pipeline, MicroBatches = microBatches },
                    PlanSubject.PipelineAxis,
                    "Degree",
                    null,
                    $"choose {choice}{units}{with}");
            }
        }
    }
}
