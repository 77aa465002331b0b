namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Where devices are idle, and what to tune therefore: the control law of the AdaPtis tuner (arXiv 2509.23722; reconstructed).
/// All comparisons are strict.</summary>
/// <param name="Spread">The most idle ticks of any device less the fewest.</param>
/// <param name="Boundary">Idle ticks before first and after last actions, over all devices.</param>
/// <param name="Residual">Idle ticks in between, over all devices.</param>
internal readonly record struct BubbleShare(long Spread, long Boundary, long Residual)
{
    /// <summary>Loads that differ by more than a layer can be evened out by moving layers; else filling and draining is a matter of
    /// placement, and gaps are one of order.</summary>
    /// <param name="smallestLayer">Ticks of F, B and W of the cheapest layer.</param>
    public TuningPhase Phase(long smallestLayer) =>
        Spread > smallestLayer ? TuningPhase.Partition
        : Boundary > Residual ? TuningPhase.Placement
        : TuningPhase.Schedule;
}
