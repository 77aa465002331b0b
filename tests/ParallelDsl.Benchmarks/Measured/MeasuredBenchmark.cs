using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Reporting;
using ParallelDsl.Transports;

namespace ParallelDsl.Benchmarks.Measured;

/// <summary>Simulated against measured makespans: the simulator is given the costs of layers that were measured in another pipeline, and says how
/// long two real ranks take; then they run. Writes <c>docs/benchmarks/measured-pipelines.md</c>.</summary>
internal static class MeasuredBenchmark
{
    private const int Ranks = 2;
    private const int StepsOfRound = 3;
    private const int StepsOfTuning = 6;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public static int Run(BenchmarkOptions options)
    {
        ParallelPlan plan = Uneven128.Plan;
        Random random = new(1);
        List<int[]> batch = [.. Enumerable.Range(0, plan.Batching.UnitsPerDataRank)
            .Select(_ => Enumerable.Range(0, plan.Model.ContextLength + 1).Select(_ => random.Next(plan.Model.Layers[0].Vocabulary)).ToArray())];
        StepPlan grouping = new();
        Uneven128.TryPlanStep([.. batch.Select(sequence => sequence.Length - 1)], grouping);

        int layers = plan.Layers.Count, units = plan.Batching.UnitsPerDataRank;
        MeasuredPipeline calibration = MeasuredPipeline.Of("calibration", plan, LayerCalibration.Pipeline(layers, units));
        if (Tune(calibration, batch, grouping) is not { } problem)
            return Disturbed();
        MeasuredPipeline[] pipelines = MeasuredPipeline.All(plan, problem);
        Console.WriteLine($"{Ranks} ranks of one thread, {units} micro-batches of {plan.Batching.UnitTokens} tokens; {options.Rounds} rounds of {StepsOfRound} steps a pipeline");

        Tally tally = new(pipelines.Length);
        Exchange exchange = new(Ranks);
        RankThreads.Run(
            InProcessWorld.Create(Ranks),
            transport =>
            {
                using PipelineRun<Uneven128> calibrating = new(calibration.Plan, transport, batch, grouping, exchange);
                PipelineRun<Uneven128>[] runs = [.. pipelines.Select(pipeline => new PipelineRun<Uneven128>(pipeline.Plan, transport, batch, grouping, exchange))];
                for (int round = 0; round < options.Rounds; round++)
                {
                    (RecordedStep[] steps, _) = calibrating.Record(StepsOfRound);
                    if (steps.Length == 0)
                        continue;
                    if (transport.Rank == 0)
                        tally.Predict(pipelines, LayerCalibration.Problem(steps, layers, units));
                    calibrating.Barrier();
                    for (int index = 0; index < runs.Length; index++)
                    {
                        (RecordedStep[] quiet, int run) = runs[index].Record(StepsOfRound);
                        if (transport.Rank == 0)
                            tally.Add(index, quiet, run);
                    }

                    if (transport.Rank == 0)
                        tally.EndRound();
                }

                foreach (PipelineRun<Uneven128> run in runs)
                    run.Dispose();
            },
            Patience);

        if (!tally.IsComplete)
            return Disturbed();
        MeasuredFigures figures = tally.Figures(pipelines, [.. plan.Layers.Select(layer => layer.Name)], Machine.Description());
        Console.WriteLine(FormattableString.Invariant($"mean error {figures.MeanError:P1}; load {figures.LeastLoad:F1} to {figures.MostLoad:F1}"));
        string path = Path.Combine(Repository.Root(), "docs", "benchmarks", "measured-pipelines.md");
        AtomicFile.WriteText(path, MeasuredPage.Write(figures, plan));
        Console.WriteLine($"wrote {path}");
        options.WriteJson(figures);
        return 0;
    }

    /// <summary>The costs that layouts and orders are tuned for. Predictions use later ones.</summary>
    private static PipelineProblem? Tune(MeasuredPipeline calibration, List<int[]> batch, StepPlan grouping)
    {
        PipelineProblem? problem = null;
        Exchange exchange = new(Ranks);
        RankThreads.Run(
            InProcessWorld.Create(Ranks),
            transport =>
            {
                using PipelineRun<Uneven128> calibrating = new(calibration.Plan, transport, batch, grouping, exchange);
                (RecordedStep[] steps, _) = calibrating.Record(StepsOfTuning);
                if (transport.Rank == 0 && steps.Length > 0)
                    problem = LayerCalibration.Problem(steps, calibration.Plan.Layers.Count, batch.Count);
            },
            Patience);
        return problem;
    }

    private static int Disturbed()
    {
        Console.Error.WriteLine("Other processes disturbed every step of a pipeline: run it again when the machine is quiet.");
        return 1;
    }
}
