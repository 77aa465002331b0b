using ParallelDsl.Benchmarks;
using ParallelDsl.Benchmarks.Batches;
using ParallelDsl.Benchmarks.Collectives;
using ParallelDsl.Benchmarks.Links;
using ParallelDsl.Benchmarks.Measured;
using ParallelDsl.Benchmarks.MeasuredBatches;
using ParallelDsl.Benchmarks.Pipelines;

// Each benchmark is one name; the rest of the command line is its own.
var benchmarks = new SortedDictionary<string, Func<BenchmarkOptions, int>>(StringComparer.Ordinal)
{
    ["attention"] = AttentionBenchmark.Run,
    ["batches"] = BatchesBenchmark.Run,
    ["collectives"] = CollectivesBenchmark.Run,
    ["generator"] = GeneratorBenchmark.Run,
    ["links"] = LinksBenchmark.Run,
    ["matrix"] = MatrixBenchmark.Run,
    ["measured"] = MeasuredBenchmark.Run,
    ["measured-batches"] = MeasuredBatchesBenchmark.Run,
    ["pipelines"] = PipelinesBenchmark.Run,
    ["plan-step"] = PlanStepBenchmark.Run,
    ["simulator"] = SimulatorBenchmark.Run,
    ["step"] = StepBenchmark.Run,
    ["transfers"] = TransferBenchmark.Run,
    ["tuner"] = TunerBenchmark.Run,
};

// Children of the collectives benchmark, not benchmarks.
if (args is [OpenMpiRank.Library or OpenMpiRank.Ours, string socket])
    return OpenMpiRank.Run(args[0], socket);
// What "links" starts, once for each rank.
if (args is ["links-rank", .. string[] rest])
    return LinkRank.Run(rest);
if (args.Length == 0 || !benchmarks.TryGetValue(args[0], out Func<BenchmarkOptions, int>? run))
{
    Console.Error.WriteLine($"usage: dotnet run -c Release --project tests/ParallelDsl.Benchmarks -- {string.Join('|', benchmarks.Keys)} [--json FILE] [--rounds N]");
    return 2;
}
if (!BenchmarkOptions.TryParse(args.AsSpan(1), out BenchmarkOptions? options, out string? error))
{
    Console.Error.WriteLine(error);
    return 2;
}
return run(options);
