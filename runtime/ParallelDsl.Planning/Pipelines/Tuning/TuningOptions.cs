namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>How far and for what <see cref="AdaptiveTuner"/> searches.</summary>
/// <param name="Budget">Candidates to simulate, at least 1: what bounds the search, since no clock may.</param>
/// <param name="Partition">Free layers of every stage, where that is given; else null.</param>
/// <param name="Placement">The device of every stage, where that is given; else null.</param>
/// <param name="TunesOrder">Whether preferences of the order are searched for; else B and F take turns.</param>
/// <param name="MaximumStagesPerDevice">How many stages a device may have on average.</param>
public sealed record TuningOptions(
    int Budget = TuningOptions.DefaultBudget,
    EquatableArray<int>? Partition = null,
    EquatableArray<int>? Placement = null,
    bool TunesOrder = true,
    int MaximumStagesPerDevice = 8)
{
    /// <summary>Some seconds for a pipeline of ordinary size.</summary>
    public const int DefaultBudget = 40_000;
}
