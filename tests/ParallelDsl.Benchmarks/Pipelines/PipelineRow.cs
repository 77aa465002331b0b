using System.Diagnostics;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Benchmarks.Pipelines;

/// <summary>The figures of one cell. Makespans in ticks of 0.01 ms, peaks in layers x micro-batches; all simulated.</summary>
internal sealed record PipelineRow
{
    public required string Model { get; init; }

    public required int Devices { get; init; }

    public required int MicroBatches { get; init; }

    public required int HopPercent { get; init; }

    public required Run InterleavedTwo { get; init; }

    public required Run BestEven { get; init; }

    public required Run BestLayout { get; init; }

    /// <summary>The best known schedule under the cap of <see cref="BestLayout"/>.</summary>
    public required Run? BestKnown { get; init; }

    /// <summary>The least that ours is faster than the best known schedule, over the three caps; where any keeps them.</summary>
    public required double? LeastOverKnown { get; init; }

    /// <summary>Ours under the peak of <see cref="InterleavedTwo"/>, <see cref="BestEven"/> and <see cref="BestLayout"/>. What was found under
    /// a smaller cap counts under a larger one.</summary>
    public required Run UnderInterleavedTwo { get; init; }

    public required Run UnderBestEven { get; init; }

    public required Run UnderBestLayout { get; init; }

    /// <summary>Ours with embedding and head in slices, under the peak of <see cref="BestLayout"/>. A pipeline of whole ones counts: all slices
    /// of each may lie together.</summary>
    public required Run Sliced { get; init; }

    public required long LowerBound { get; init; }

    public required long SlicedLowerBound { get; init; }

    /// <summary>One step of the ladder each, under the peak of <see cref="InterleavedTwo"/>: 1F1B with as many layers in each stage, its best
    /// partition, partition and placement, and the order too, and the slices too.</summary>
    public required long[]? Ladder { get; init; }

    public required double SearchSeconds { get; init; }

    public double OverInterleavedTwo => InterleavedTwo.Makespan / (double)UnderInterleavedTwo.Makespan;

    public double OverBestEven => BestEven.Makespan / (double)UnderBestEven.Makespan;

    public double OverBestLayout => BestLayout.Makespan / (double)UnderBestLayout.Makespan;

    public double? OverBestKnown => BestKnown?.Makespan / (double)UnderBestLayout.Makespan;

    public double SlicedOverBestLayout => BestLayout.Makespan / (double)Sliced.Makespan;

    public static PipelineRow Of(PipelineCell cell, int hopPercent)
    {
        PipelineCandidate two = cell.InterleavedTwo(), even = cell.BestEven(), layout = cell.BestLayout();
        long started = Stopwatch.GetTimestamp();
        var found = new SortedDictionary<long, PipelineCandidate>();
        PipelineCandidate? best = null;
        foreach (long cap in new[] { two.Peak, even.Peak, layout.Peak }.Distinct().Order())
            found[cap] = best = Faster(best, cell.Adaptive(cell.Whole, cap));
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds / found.Count;
        PipelineCandidate sliced = Faster(found[layout.Peak], cell.Adaptive(cell.Sliced, layout.Peak));
        return new PipelineRow
        {
            Model = cell.Model,
            Devices = cell.Devices,
            MicroBatches = cell.MicroBatches,
            HopPercent = hopPercent,
            InterleavedTwo = Run.Of(two),
            BestEven = Run.Of(even),
            BestLayout = Run.Of(layout),
            BestKnown = cell.BestKnown(layout.Peak) is { } known ? Run.Of(known) : null,
            LeastOverKnown = found.Min(pair => cell.BestKnown(pair.Key)?.Makespan / (double)pair.Value.Makespan),
            UnderInterleavedTwo = Run.Of(found[two.Peak]),
            UnderBestEven = Run.Of(found[even.Peak]),
            UnderBestLayout = Run.Of(found[layout.Peak]),
            Sliced = Run.Of(sliced),
            LowerBound = PipelineBound.Of(cell.Whole),
            SlicedLowerBound = PipelineBound.Of(cell.Sliced),
            Ladder = hopPercent > 0 ? null :
            [
                NamedPipelines.Of(cell.Unsplit, PipelineSchedule.OneForwardOneBackward).Makespan,
                LayoutTuner.Tune(cell.Unsplit, PipelineSchedule.OneForwardOneBackward, 1).Makespan,
                cell.Adaptive(cell.Unsplit, two.Peak, tunesOrder: false).Makespan,
                found[two.Peak].Makespan,
                Faster(found[two.Peak], cell.Adaptive(cell.Sliced, two.Peak)).Makespan,
            ],
            SearchSeconds = seconds,
        };
    }

    private static PipelineCandidate Faster(PipelineCandidate? one, PipelineCandidate other) =>
        one is null || other.Makespan < one.Makespan ? other : one;

    /// <summary>What one pipeline takes and holds.</summary>
    internal sealed record Run(string Name, long Makespan, long Peak)
    {
        public static Run Of(PipelineCandidate candidate)
        {
            int chunks = candidate.StageDevices.Count / candidate.Orders.Count;
            string name = candidate.Schedule switch
            {
                PipelineSchedule.OneForwardOneBackward => "1F1B",
                PipelineSchedule.Interleaved => FormattableString.Invariant($"interleaved v={chunks}"),
                PipelineSchedule.ZeroBubbleH1 => "ZB-H1",
                PipelineSchedule.ZeroBubbleH2 => "ZB-H2",
                PipelineSchedule.ZeroBubbleV => "ZB-V",
                PipelineSchedule.Adaptive => FormattableString.Invariant($"{candidate.StageDevices.Count} stages"),
                _ => candidate.Schedule.ToString(),
            };
            return new(name, candidate.Makespan, candidate.Peak);
        }
    }
}
