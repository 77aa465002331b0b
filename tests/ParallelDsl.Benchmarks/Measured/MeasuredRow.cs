namespace ParallelDsl.Benchmarks.Measured;

/// <summary>One pipeline: medians over rounds of its simulated makespan, and over quiet steps of the measured one.</summary>
internal sealed record MeasuredRow(
    string Schedule,
    string Layout,
    long PredictedNanoseconds,
    long MeasuredNanoseconds,
    double LargestErrorOfARound,
    int StepsQuiet,
    int StepsRun)
{
    /// <summary>Simulated less measured, as a part of measured.</summary>
    public double Error => (PredictedNanoseconds - MeasuredNanoseconds) / (double)MeasuredNanoseconds;
}

/// <summary>All figures of a run.</summary>
/// <param name="Machine">Processor, cores and runtime.</param>
/// <param name="Rounds">Rounds of calibration, prediction and measurement.</param>
/// <param name="LeastLoad">The least mean load of the machine that a round saw, the benchmark's own two threads included.</param>
/// <param name="MostLoad">The most.</param>
/// <param name="HopNanoseconds">The median hop.</param>
/// <param name="Layers">The median costs of the layers.</param>
/// <param name="Rows">The pipelines.</param>
internal sealed record MeasuredFigures(
    string Machine, int Rounds, double LeastLoad, double MostLoad, long HopNanoseconds, MeasuredFigures.Layer[] Layers, MeasuredRow[] Rows)
{
    /// <summary>The mean of the absolute errors.</summary>
    public double MeanError => Rows.Average(row => Math.Abs(row.Error));

    internal sealed record Layer(string Name, long Forward, long BackwardInput, long BackwardWeight);
}
