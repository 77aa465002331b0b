using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using ParallelDsl.Planning.Strategies;
using ParallelDsl.Reporting;

namespace ParallelDsl.Benchmarks.Batches;

/// <summary>Our strategies for batches of variable-length sequences against tuned ones of others, simulated; writes
/// <c>docs/benchmarks/variable-length.md</c>.</summary>
internal static partial class BatchesBenchmark
{
    public static int Run(BenchmarkOptions options)
    {
        LengthSet[] sets = LengthSet.All();
        BatchCell[] cells = [.. BatchCell.All(sets).Where(cell => options.Cells is not { } pattern || Regex.IsMatch(cell.Name, pattern))];
        BatchRow[] rows = new BatchRow[cells.Length];
        long started = Stopwatch.GetTimestamp();
        int done = 0;
        Parallel.For(0, cells.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, index =>
        {
            BatchRow row = rows[index] = BatchRow.Of(cells[index]);
            Console.WriteLine(FormattableString.Invariant(
                $"{Interlocked.Increment(ref done),3}/{cells.Length} {row.Cell,-50} joint {row[StrategyNames.Joint].Nanoseconds / 1e6,9:F1} ms, best other {row.Best.Strategy,-18} {row.Best.Nanoseconds / 1e6,9:F1} ms, ")
                + FormattableString.Invariant(
                    $"{row.OverBest(StrategyNames.Joint):F3}x; over te-cp {row.Over(StrategyNames.Joint, StrategyNames.RingContext):F2}x, compiled {row.CompiledOverBest:F3}x, plans {row[StrategyNames.Joint].Candidates}, {row.Best.Candidates} ({Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s)"));
        });

        AblationLadder[] ladders = [.. cells.Where(cell => cell.Group == CellGroup.FewInterfaces && LadderCells().IsMatch(cell.Name)).Select(AblationLadder.Of)];
        foreach (AblationLadder ladder in ladders)
            Console.WriteLine($"{ladder.Cell}: {string.Join(' ', ladder.Speedups.Select(speedup => speedup?.ToString("F2", CultureInfo.InvariantCulture) ?? "-"))}");
        options.WriteJson(rows);
        if (options.Cells is not null)
            return 0;
        string path = Path.Combine(Repository.Root(), "docs", "benchmarks", "variable-length.md");
        AtomicFile.WriteText(path, BatchesPage.Write(rows, sets, ladders));
        Console.WriteLine($"wrote {path}");
        return 0;
    }

    // Cells like those of Zeppelin's ablation.
    [GeneratedRegex("^7b, a800-[24]x8, [a-z-]*$")]
    private static partial Regex LadderCells();
}
