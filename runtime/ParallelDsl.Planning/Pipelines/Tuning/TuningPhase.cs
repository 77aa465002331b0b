namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>The three parts of a pipeline that tuning changes.</summary>
internal enum TuningPhase
{
    /// <summary>Which layers go together.</summary>
    Partition,

    /// <summary>Where stages lie, and how many there are.</summary>
    Placement,

    /// <summary>In which order devices work.</summary>
    Schedule,
}
