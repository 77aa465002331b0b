using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Reporting;

namespace ParallelDsl.Benchmarks.Collectives;

/// <summary>Our collectives between threads, and over Open MPI's messages between processes, against Open MPI's own, on one machine in one run: a timing of each in turn.
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
            try
            {
                using OpenMpiWorld theirs = new(size, OpenMpiRank.Library), over = new(size, OpenMpiRank.Ours);
                using InProcessRanks ours = new(size);
                version = theirs.Version;
                foreach (CollectiveCase item in CollectiveCase.All.Concat(size > 2 ? CollectiveCase.Others : []).Where(item => options.Cells is null || Regex.IsMatch($"{size} ranks {item.Name} {item.Size}", options.Cells)))
                    figures.Add(Measure(item, size, options.Rounds, ours.Time, over.Time, theirs.Time));
            }
            catch (InvalidOperationException exception)
            {
                Console.Error.WriteLine(exception.Message);
                return 1;
            }
        }

        options.WriteJson(figures);
        if (options.Cells is not null)
            return 0;
        string path = Path.Combine(Repository.Root(), "docs", "benchmarks", "collectives.md");
        AtomicFile.WriteText(path, Page(figures, version, options.Rounds));
        Console.WriteLine($"wrote {path}");
        return 0;
    }

    private static CollectiveFigure Measure(CollectiveCase item, int size, int rounds, params Func<CollectiveCase, double>[] sides)
    {
        double[][] seconds = [.. sides.Select(_ => new double[rounds])];
        for (int round = 0; round < rounds; round++)
        {
            for (int side = 0; side < sides.Length; side++)
                seconds[side][round] = sides[side](item);
        }

        // The sides of one round saw the same machine, so each round has its ratios; over rounds they are less noisy than the ratio of medians.
        double[] ratios = [.. seconds.Take(2).Select(side => Median(side.Select((own, round) => seconds[2][round] / own)))];
        double[] medians = [.. seconds.Select(Median)];
        CollectiveFigure figure = new(item.Name, item.Algorithm, size, item.Bytes, medians[0], medians[1], medians[2], ratios[0], ratios[1]);
        Console.WriteLine(FormattableString.Invariant(
            $"{size} ranks {item.Algorithm,-16}{item.Name,-15}{item.Size,7}{medians[0] * 1e6,12:F1} us{medians[1] * 1e6,12:F1} us{medians[2] * 1e6,12:F1} us{figure.Ratio,8:F2}x{figure.OverRatio,8:F2}x"));
        return figure;

        static double Median(IEnumerable<double> values) => Sample.Of([.. values]).Median;
    }

    private static string Page(List<CollectiveFigure> figures, string version, int rounds)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Collectives against Open MPI

            Made by `dotnet run -c Release --project tests/ParallelDsl.Benchmarks -- collectives`; do not edit. {Machine.Description()}; {version}.

            Float32 vectors on ranks of one machine. *In process*: ours, ranks that are threads with the in-process transport. *Over MPI*: ours, processes under
            `mpirun` with `MpiTransport`, which uses Open MPI's point-to-point messages alone. *Open MPI*: its own collectives between processes of the same program,
            with its choice of algorithm and its default settings. Ours are the default algorithm (the direct exchange), which sums in a fixed order. A timing
            is that of many operations in a row, after some for warmth, from a barrier to the end on the slowest rank; the sides take turns, the
            others asleep. Times are medians of {rounds} turns, and ratios are medians of the ratios of each turn. The size is that of the whole vector: of what is reduced, or of what is there after gathering.
            All-reduce is in place, the others are not. Where there are more ranks than processors all
            sides let other ranks run while they wait.

            | speed by Open MPI's own | 64 KB and more, geometric mean | least | aim | below 64 KB, geometric mean | least |
            |---|---|---|---|---|---|

            """);
        CollectiveFigure[] direct = [.. figures.Where(figure => figure.Algorithm == CollectiveAlgorithm.Direct)];
        Summary("in process", "at least 1x", figure => figure.Ratio);
        Summary("over MPI", "at least 0.9x", figure => figure.OverRatio);
        text.Append("\nAbove 1x ours is faster. Below 64 KB a message between processes costs us about a microsecond more than the library's own: its calls, a lock, and .NET's way there.\n\n");
        foreach (IGrouping<(string Operation, int Ranks), CollectiveFigure> group in direct.GroupBy(figure => (figure.Operation, figure.Ranks)).OrderBy(group => group.Key.Operation, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"## {char.ToUpperInvariant(group.Key.Operation[0])}{group.Key.Operation[1..]}, {group.Key.Ranks} ranks\n\n")
                .Append("| bytes | in process, us | over MPI, us | Open MPI, us | in process | over MPI |\n|---|---|---|---|---|---|\n");
            foreach (CollectiveFigure figure in group)
                text.Append(CultureInfo.InvariantCulture, $"| {figure.Bytes:N0} | {figure.OurSeconds * 1e6:F1} | {figure.OverSeconds * 1e6:F1} | {figure.TheirSeconds * 1e6:F1} | {figure.Ratio:F2}x | {figure.OverRatio:F2}x |\n");
            text.Append('\n');
        }

        text.Append("## Other algorithms: all-reduce, 4 ranks\n\nWhat a plan takes where links differ, here where all ranks share one memory: they send as often as their links would ask for, which brings nothing here. Two rings, and nodes of two ranks.\n\n")
            .Append("| algorithm | bytes | in process, us | over MPI, us | Open MPI, us | in process | over MPI |\n|---|---|---|---|---|---|---|\n");
        foreach (CollectiveFigure figure in figures.Except(direct))
            text.Append(CultureInfo.InvariantCulture, $"| {CollectiveCase.PlanOf(figure.Algorithm, figure.Ranks).Describe()} | {figure.Bytes:N0} | {figure.OurSeconds * 1e6:F1} | {figure.OverSeconds * 1e6:F1} | {figure.TheirSeconds * 1e6:F1} | {figure.Ratio:F2}x | {figure.OverRatio:F2}x |\n");
        return text.ToString().TrimEnd('\n') + "\n";

        void Summary(string side, string aim, Func<CollectiveFigure, double> ratio)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {side} |");
            foreach (bool isLarge in new[] { true, false })
            {
                CollectiveFigure[] counted = [.. direct.Where(figure => figure.Bytes >= LeastBytes == isLarge)];
                CollectiveFigure least = counted.MinBy(ratio)!;
                text.Append(CultureInfo.InvariantCulture, $" {Math.Exp(counted.Average(figure => Math.Log(ratio(figure)))):F2}x | {ratio(least):F3}x ({least.Operation}, {least.Ranks} ranks, {least.Bytes >> 10} KB) |");
                if (isLarge)
                    text.Append(CultureInfo.InvariantCulture, $" {aim} |");
            }

            text.Append('\n');
        }
    }

    private sealed record CollectiveFigure(string Operation, CollectiveAlgorithm Algorithm, int Ranks, int Bytes, double OurSeconds, double OverSeconds, double TheirSeconds, double Ratio, double OverRatio);
}
