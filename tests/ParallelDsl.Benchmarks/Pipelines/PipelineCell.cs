using ParallelDsl.Planning;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Benchmarks.Pipelines;

/// <summary>One model on one pipeline: known schedules and ours, simulated. All times are ticks of 0.01 ms.</summary>
internal sealed class PipelineCell
{
    private const int MostChunks = 8;

    private readonly LayerProfile _profile;
    private readonly int _budget;

    public PipelineCell(LayerProfile profile, int devices, int microBatches, long hop, int budget)
    {
        (_profile, Devices, MicroBatches, Hop, _budget) = (profile, devices, microBatches, hop, budget);
        Unsplit = Problem(profile.Layers, splitBackward: false);
        Whole = Problem(profile.Layers, splitBackward: true);
        Sliced = Problem(ProfileSlices.Cut(profile.Layers, devices), splitBackward: true) with { PinnedFirst = 0, PinnedLast = 0 };
    }

    public string Model => _profile.Model;

    public int Devices { get; }

    public int MicroBatches { get; }

    public long Hop { get; }

    /// <summary>With X, for the schedules that do not split backwards.</summary>
    public PipelineProblem Unsplit { get; }

    /// <summary>With B and W.</summary>
    public PipelineProblem Whole { get; }

    /// <summary>With B and W, embedding and head in as many slices as devices, anywhere. Slices hold nothing, as the whole layers do.</summary>
    public PipelineProblem Sliced { get; }

    /// <summary>Interleaved 1F1B with two stages a device and as many layers in each.</summary>
    public PipelineCandidate InterleavedTwo() => NamedPipelines.Of(Unsplit, PipelineSchedule.Interleaved, 2);

    /// <summary>The fastest of 1F1B and interleaved 1F1B over all stage counts, as many layers in each stage.</summary>
    public PipelineCandidate BestEven() => Best(Chunks().Select(chunks => NamedPipelines.Of(Unsplit, ScheduleOf(chunks), chunks)));

    /// <summary>The fastest of 1F1B and interleaved 1F1B over all stage counts, each with its own tuned layout.</summary>
    public PipelineCandidate BestLayout() => Best(Chunks().Select(chunks => LayoutTuner.Tune(Unsplit, ScheduleOf(chunks), chunks)));

    /// <summary>The fastest known schedule of all that keeps <paramref name="cap"/>, with even layers or even load; null if none does.</summary>
    public PipelineCandidate? BestKnown(long cap)
    {
        PipelineCandidate[] known =
        [
            .. TuningSeeds.Of(Unsplit with { ActivationCap = cap }, new TuningOptions(), all: true),
            .. TuningSeeds.Of(Whole with { ActivationCap = cap }, new TuningOptions(), all: true),
        ];
        return known.Length == 0 ? null : Best(known);
    }

    /// <summary>Our search under <paramref name="cap"/>.</summary>
    public PipelineCandidate Adaptive(PipelineProblem problem, long cap, bool tunesOrder = true) =>
        AdaptiveTuner.Tune(problem with { ActivationCap = cap }, new TuningOptions(_budget, TunesOrder: tunesOrder));

    private IEnumerable<int> Chunks() => Enumerable.Range(1, MostChunks).Where(chunks => chunks * Devices <= Whole.FreeLayers);

    private static PipelineSchedule ScheduleOf(int chunks) =>
        chunks == 1 ? PipelineSchedule.OneForwardOneBackward : PipelineSchedule.Interleaved;

    private static PipelineCandidate Best(IEnumerable<PipelineCandidate> candidates) => candidates.MinBy(candidate => candidate.Makespan)!;

    private PipelineProblem Problem(EquatableArray<ProfiledLayer> layers, bool splitBackward) => new(
        layers.Select(layer => new PipelineLayer(
            layer.Forward, layer.BackwardInput, layer.BackwardWeight, layer.Pinned == LayerPin.None ? 1 : 0)).ToEquatableArray(),
        Devices,
        MicroBatches,
        layers.Count(layer => layer.Pinned == LayerPin.First),
        layers.Count(layer => layer.Pinned == LayerPin.Last),
        Hop,
        SplitBackward: splitBackward);
}
