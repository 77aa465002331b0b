using System.Globalization;
using System.Text;
using ParallelDsl.Benchmarks.Measured;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Simulation.Clusters;
using ParallelDsl.Reporting;
using ParallelDsl.Transports;

namespace ParallelDsl.Benchmarks.MeasuredBatches;

/// <summary>Simulated against measured steps of variable-length batches: what tokens and pairs cost is fitted to steps of whole sequences on two data
/// ranks; then other batches, under every strategy, are predicted and run on two ranks. Writes
/// <c>docs/benchmarks/measured-batches.md</c>.</summary>
internal static class MeasuredBatchesBenchmark
{
    private const int Ranks = 2;
    private const int StepsOfRound = 3;
    private const int CalibrationBatches = 3;
    private const int Batches = 3;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public static int Run(BenchmarkOptions options)
    {
        MeasuredStrategy[] strategies = MeasuredStrategy.All();
        List<int[]>[] calibrating = [.. Enumerable.Range(0, CalibrationBatches).Select(seed => Batch(100 + seed, seed))];
        List<int[]>[] batches = [.. Enumerable.Range(0, Batches).Select(seed => Batch(seed, seed))];
        StepPlan[] known = [.. calibrating.Select(strategies[0].PlanStep)];
        StepPlan[,] steps = new StepPlan[strategies.Length, Batches];
        List<long>[,] predicted = new List<long>[strategies.Length, Batches], measured = new List<long>[strategies.Length, Batches];
        for (int strategy = 0; strategy < strategies.Length; strategy++)
        {
            for (int batch = 0; batch < Batches; batch++)
                (steps[strategy, batch], predicted[strategy, batch], measured[strategy, batch]) = (strategies[strategy].PlanStep(batches[batch]), [], []);
        }

        List<double> loads = [];
        BatchCalibration costs = default;
        TransferCost transfer = TransferCost.Measure();
        EfficiencyCurve curve = HostCurve.Measure();
        Console.WriteLine("attention, thousandths of its rate on long sequences: " + string.Join(", ", curve.Points.Select(point => $"{point.Tokens}: {point.Permille}")));
        Measured.Exchange exchange = new(Ranks);
        RankThreads.Run(
            InProcessWorld.Create(Ranks),
            transport =>
            {
                PipelineRun<Long64>[] calibrations = [.. calibrating.Select((batch, index) =>
                    new PipelineRun<Long64>(strategies[0].Plan, transport, batch, known[index], exchange))];
                PipelineRun<Long64>[] runs = [.. from strategy in Enumerable.Range(0, strategies.Length)
                                                 from batch in Enumerable.Range(0, Batches)
                                                 select new PipelineRun<Long64>(strategies[strategy].Plan, transport, batches[batch], steps[strategy, batch], exchange)];
                for (int round = 0; round < options.Rounds; round++)
                {
                    RecordedStep[][] recorded = [.. calibrations.Select(run => run.Record(StepsOfRound).Quiet)];
                    if (recorded.Any(quiet => quiet.Length == 0))
                        continue;
                    if (transport.Rank == 0)
                    {
                        costs = BatchCalibration.Of(known.Zip(recorded), curve);
                        for (int index = 0; index < runs.Length; index++)
                        {
                            (int strategy, int batch) = (index / Batches, index % Batches);
                            predicted[strategy, batch].Add(strategies[strategy].Predict(steps[strategy, batch], costs, curve, transfer));
                        }
                    }

                    calibrations[0].Barrier();
                    for (int index = 0; index < runs.Length; index++)
                    {
                        RecordedStep[] quiet = runs[index].Record(StepsOfRound).Quiet;
                        if (transport.Rank == 0)
                            measured[index / Batches, index % Batches].AddRange(quiet.Select(step => step.Makespan));
                    }

                    if (transport.Rank == 0)
                    {
                        loads.Add(ProcessorWait.MachineLoad());
                        Console.WriteLine(FormattableString.Invariant(
                            $"round {loads.Count}: a token {costs.Forward.Token:F0} + {costs.Backward.Token:F0} ns, a pair {costs.Forward.Pair:F1} + {costs.Backward.Pair:F1} ns, a pass {costs.Forward.Constant / 1e3:F0} + {costs.Backward.Constant / 1e3:F0} us"));
                    }
                }

                foreach (PipelineRun<Long64> run in (PipelineRun<Long64>[])[.. calibrations, .. runs])
                    run.Dispose();
            },
            Patience);

        List<Row> rows = [];
        for (int strategy = 0; strategy < strategies.Length; strategy++)
        {
            for (int batch = 0; batch < Batches; batch++)
            {
                if (measured[strategy, batch].Count == 0 || predicted[strategy, batch].Count == 0)
                {
                    Console.Error.WriteLine("other processes disturbed every step of some run: repeat it on a quiet machine");
                    return 1;
                }

                StepPlan step = steps[strategy, batch];
                Row row = new(
                    strategies[strategy].Name,
                    batch,
                    step.SequenceCount,
                    step.TotalTokens,
                    step.SliceCount,
                    Median.Of(predicted[strategy, batch]),
                    Median.Of(measured[strategy, batch]));
                rows.Add(row);
                Console.WriteLine(FormattableString.Invariant(
                    $"{row.Strategy,-36} batch {batch}: {row.Predicted / 1e6,8:F2} ms predicted, {row.Measured / 1e6,8:F2} ms measured, {row.Error,7:P1}"));
            }
        }

        Console.WriteLine(FormattableString.Invariant($"mean error {rows.Average(row => Math.Abs(row.Error)):P1}, worst {rows.Max(row => Math.Abs(row.Error)):P1}"));
        string path = Path.Combine(Repository.Root(), "docs", "benchmarks", "measured-batches.md");
        AtomicFile.WriteText(path, Page(rows, costs, curve, transfer, loads));
        Console.WriteLine($"wrote {path}");
        options.WriteJson(rows);
        return 0;
    }

    // A long sequence, some of middling length, many short ones; calibration batches have other mixes than those that are predicted.
    private static List<int[]> Batch(int seed, int mix)
    {
        Random random = new(seed);
        int[] longest = [2_048, 1_536, 1_024];
        List<int> lengths = [longest[mix % longest.Length], .. Enumerable.Range(0, 4).Select(_ => random.Next(200, 900)), .. Enumerable.Range(0, 24).Select(_ => random.Next(16, 160))];
        return [.. lengths.Select(length => Enumerable.Range(0, length + 1).Select(_ => random.Next(258)).ToArray())];
    }

    private static string Page(List<Row> rows, BatchCalibration costs, EfficiencyCurve curve, TransferCost transfer, List<double> loads)
    {
        StringBuilder page = new();
        page.Append("# Variable-length batches: simulated against measured\n\n")
            .Append("Made by `dotnet run -c Release --project tests/ParallelDsl.Benchmarks -- measured-batches`; do not edit. A real model (width 64, four blocks, context 2,048) on\n")
            .Append("two in-process ranks of one thread each. What a token and a pair of query and key cost is fitted, by least squares, to three batches of whole sequences on\n")
            .Append("two data ranks, with a curve of how much slower attention is on short sequences; with these the cluster simulator predicts a step of three *other* batches under every strategy, and then they run. A step is from the\n")
            .Append("first computation to the last; gradient reduction and optimizer are left out, as in the simulator. Medians of quiet steps.\n\n")
            .Append(CultureInfo.InvariantCulture, $"Fitted: a token {costs.Forward.Token:F0} ns forward and {costs.Backward.Token:F0} backward, a pair {costs.Forward.Pair:F2} and {costs.Backward.Pair:F2} ns, a pass {costs.Forward.Constant / 1e3:F0} and {costs.Backward.Constant / 1e3:F0} us;\n")
            .Append(CultureInfo.InvariantCulture, $"a message {transfer.LatencyNanoseconds / 1e3:F1} us and {transfer.BytesPerNanosecond:F1} bytes a nanosecond.\nAttention alone, measured by length, in thousandths of its rate on the longest: {string.Join(", ", curve.Points.Select(point => $"{point.Tokens}: {point.Permille}"))}. Load of the machine {loads.Min():F1} to {loads.Max():F1}.\n\n")
            .Append(CultureInfo.InvariantCulture, $"**Mean error {rows.Average(row => Math.Abs(row.Error)):P1}, worst {rows.Max(row => Math.Abs(row.Error)):P1}.**\n\n")
            .Append("| strategy | batch | sequences | tokens | slices | simulated ms | measured ms | error |\n|---|---|---|---|---|---|---|---|\n");
        foreach (Row row in rows)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {row.Strategy} | {row.Batch} | {row.Sequences} | {row.Tokens:N0} | {row.Slices} | {row.Predicted / 1e6:F2} | {row.Measured / 1e6:F2} | {row.Error:P1} |\n");
        }

        return page.ToString();
    }

    private sealed record Row(string Strategy, int Batch, int Sequences, long Tokens, int Slices, long Predicted, long Measured)
    {
        public double Error => (Predicted - Measured) / (double)Measured;
    }
}
