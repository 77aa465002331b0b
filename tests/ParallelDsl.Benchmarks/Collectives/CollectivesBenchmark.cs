using System.Globalization;
using System.Text;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Reporting;

namespace ParallelDsl.Benchmarks.Collectives;

/// <summary>Our collectives between threads against those of Open MPI between processes, of one machine in one run: a timing of each in turn.
/// Writes <c>docs/benchmarks/collectives.md</c>.</summary>
internal static class CollectivesBenchmark
{
    private const int LeastBytes = 64 << 10;

    public static int Run(BenchmarkOptions options)
    {
        List<CollectiveFigure> figures = [];
        string version = "";
        foreach (int size in new[] { 2, 4 })
        {
            OpenMpiWorld theirs;
            try
            {
                theirs = new(size);
            }
            catch (InvalidOperationException exception)
            {
                Console.Error.WriteLine(exception.Message);
                return 1;
            }

            using (theirs)
            using (InProcessRanks ours = new(size, CollectivePlan.Default))
            {
                version = theirs.Version;
                foreach (CollectiveCase item in CollectiveCase.All)
                    figures.Add(Measure(item, size, ours, theirs, options.Rounds));
            }
        }

        string path = Path.Combine(Repository.Root(), "docs", "benchmarks", "collectives.md");
        AtomicFile.WriteText(path, Page(figures, version, options.Rounds));
        Console.WriteLine($"wrote {path}");
        options.WriteJson(figures);
        return 0;
    }

    private static CollectiveFigure Measure(CollectiveCase item, int size, InProcessRanks ours, OpenMpiWorld theirs, int rounds)
    {
        double[] our = new double[rounds];
        double[] their = new double[rounds];
        for (int round = 0; round < rounds; round++)
        {
            our[round] = ours.Time(item);
            their[round] = theirs.Time(item);
        }

        CollectiveFigure figure = new(item.Name, size, item.Bytes, Sample.Of(our).Median, Sample.Of(their).Median);
        Console.WriteLine(FormattableString.Invariant(
            $"{size} ranks {item.Name,-15}{item.Size,7}{figure.OurSeconds * 1e6,12:F1} us{figure.TheirSeconds * 1e6,12:F1} us{figure.Ratio,8:F2}x"));
        return figure;
    }

    private static string Page(List<CollectiveFigure> figures, string version, int rounds)
    {
        StringBuilder text = new();
        List<CollectiveFigure> counted = [.. figures.Where(figure => figure.Bytes >= LeastBytes)];
        CollectiveFigure least = counted.MinBy(figure => figure.Ratio)!;
        double mean = Math.Exp(counted.Average(figure => Math.Log(figure.Ratio)));
        text.Append(CultureInfo.InvariantCulture, $"""
            # Collectives against Open MPI

            Made by `dotnet run -c Release --project tests/ParallelDsl.Benchmarks -- collectives`; do not edit. {Machine.Description()}; {version}.

            Float32 vectors on ranks of one machine: ours are threads with the in-process transport and the default algorithm (the direct exchange),
            theirs are processes of the same program under `mpirun`, with its own choice of algorithm and its default settings. A timing
            is that of many operations in a row, after some for warmth, from a barrier to the end on the slowest rank; the two sides take turns, the
            other one asleep. Medians of {rounds} turns. The size is that of the whole vector: of what is reduced, or of what is there after gathering.
            All-reduce is in place, the others are not. Where there are more ranks than processors both
            sides let other ranks run while they wait.

            **From 64 KB up: {mean:F2}x in the geometric mean; least {least.Ratio:F2}x ({least.Operation}, {least.Ranks} ranks, {least.Bytes >> 10} KB).** Above 1x ours is faster.


            """);
        foreach (IGrouping<string, CollectiveFigure> operation in figures.GroupBy(figure => figure.Operation))
        {
            text.Append(CultureInfo.InvariantCulture, $"## {char.ToUpperInvariant(operation.Key[0])}{operation.Key[1..]}\n\n");
            text.Append("| bytes | 2 ranks, ours, us | Open MPI, us | ratio | 4 ranks, ours, us | Open MPI, us | ratio |\n|---|---|---|---|---|---|---|\n");
            foreach (IGrouping<int, CollectiveFigure> row in operation.GroupBy(figure => figure.Bytes))
            {
                text.Append(CultureInfo.InvariantCulture, $"| {row.Key:N0} |");
                foreach (CollectiveFigure figure in row)
                    text.Append(CultureInfo.InvariantCulture, $" {figure.OurSeconds * 1e6:F1} | {figure.TheirSeconds * 1e6:F1} | {figure.Ratio:F2}x |");
                text.Append('\n');
            }

            text.Append('\n');
        }

        return text.ToString().TrimEnd('\n') + "\n";
    }

    private sealed record CollectiveFigure(string Operation, int Ranks, int Bytes, double OurSeconds, double TheirSeconds)
    {
        public double Ratio => TheirSeconds / OurSeconds;
    }
}
