using System.Text;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Strategies;
using ParallelDsl.Reporting;

namespace ParallelDsl.Tool.Batches;

/// <summary>The loads of ranks as bars of letters.</summary>
internal static class RankBars
{
    private const int Indent = 2;
    private const int BarWidth = 25;

    private static readonly (char Letter, Func<PassWork, long> Flops)[] Parts =
    [
        ('-', work => work.Linear),
        ('l', work => work.Local),
        ('n', work => work.IntraNode),
        ('x', work => work.InterNode),
    ];

    /// <summary>Writes a row for each rank.</summary>
    /// <param name="text">Where.</param>
    /// <param name="title">The title.</param>
    /// <param name="ranks">What the ranks compute.</param>
    /// <param name="loads">Their tokens.</param>
    public static void Write(StringBuilder text, string title, RankWork[] ranks, EquatableArray<RankLoad> loads)
    {
        long forward = ranks.Max(rank => rank.Forward.Total), backward = ranks.Max(rank => rank.Backward.Total);
        text.Append(title).Append('\n');
        PlanTextTable table = new PlanTextTable(BatchText.Width, Indent).Number("rank").Number("tokens")
            .Text("forward".PadRight(BarWidth)).Number("sum").Text("backward".PadRight(BarWidth)).Number("sum");
        for (int rank = 0; rank < ranks.Length; rank++)
        {
            table.Row(
                Readable.Exact(rank),
                Readable.Exact(loads[rank].Tokens),
                Bar(ranks[rank].Forward, forward),
                Readable.Flops(ranks[rank].Forward.Total),
                Bar(ranks[rank].Backward, backward),
                Readable.Flops(ranks[rank].Backward.Total));
        }

        table.WriteTo(text);
        text.Append("  - linear modules; attention of sequences l on one rank, n inside a node, x between nodes\n");
    }

    /// <summary>A bar whose parts end where they do on the scale, so that no rounding adds up.</summary>
    public static string Bar(PassWork work, long widest)
    {
        var bar = new StringBuilder(BarWidth);
        long sum = 0;
        foreach ((char letter, Func<PassWork, long> flops) in Parts)
        {
            sum += flops(work);
            int end = widest == 0 ? 0 : (int)Math.Round((decimal)sum * BarWidth / widest, MidpointRounding.AwayFromZero);
            bar.Append(letter, end - bar.Length);
        }

        return bar.ToString();
    }
}
