using System.Diagnostics;
using ParallelDsl.Planning.Strategies;
using ParallelDsl.Reporting;

namespace ParallelDsl.Benchmarks.Batches;

/// <summary>Our strategies for batches of variable-length sequences against tuned ones of others, simulated; writes
/// <c>docs/benchmarks/variable-length.md</c>.</summary>
internal static class BatchesBenchmark
{
    public static int Run(BenchmarkOptions options)
    {
        LengthSet[] sets = LengthSet.All();
        BatchCell[] cells = [.. BatchCell.All(sets).Where(cell => options.Cells is not { } text || cell.Name.Contains(text, StringComparison.Ordinal))];
        BatchRow[] rows = new BatchRow[cells.Length];
        long started = Stopwatch.GetTimestamp();
        int done = 0;
        Parallel.For(0, cells.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, index =>
        {
            BatchRow row = rows[index] = BatchRow.Of(cells[index]);
            Console.WriteLine(FormattableString.Invariant(
                $"{Interlocked.Increment(ref done),3}/{cells.Length} {row.Cell,-50} joint {row[StrategyNames.Joint].Nanoseconds / 1e6,9:F1} ms, best other {row.Best.Strategy,-18} {row.Best.Nanoseconds / 1e6,9:F1} ms, ")
                + FormattableString.Invariant(
                    $"{row.OverBest(StrategyNames.Joint):F3}x; over te-cp {row.Over(StrategyNames.Joint, StrategyNames.RingContext):F2}x, plans {row[StrategyNames.Joint].Candidates}, {row.Best.Candidates} ({Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s)"));
        });

        options.WriteJson(rows);
        if (options.Cells is not null)
            return 0;
        string path = Path.Combine(Repository.Root(), "docs", "benchmarks", "variable-length.md");
        AtomicFile.WriteText(path, BatchesPage.Write(rows, sets));
        Console.WriteLine($"wrote {path}");
        return 0;
    }
}
