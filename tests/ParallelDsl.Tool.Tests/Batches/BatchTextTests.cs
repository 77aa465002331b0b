using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Strategies;
using ParallelDsl.Testing;
using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Batches;

public sealed class BatchTextTests : IDisposable
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private readonly BatchCase _case = new();

    public void Dispose() => _case.Dispose();

    [Fact]
    public Task Explains_itself() => Snapshot.Verify(CommandOutcome.Of("batch", "--help").Output);

    // Planning is measured: what it takes is left out.
    [Fact]
    public Task Of_two_strategies() => Snapshot.Verify(Regex.Replace(
        _case.Run("--strategy", "te-cp,groups", "--over", "te-cp,te-cp-tuned", "--batches", "2").Output,
        " +(planning +share|[0-9.,]+ (ns|us|ms|s) +[0-9.,]+ %)\n",
        "\n"));

    [Fact]
    public void Says_what_the_json_says()
    {
        string[] options = ["--strategy", "all", "--batches", "2", "--seed", "3"];
        string text = _case.Run(options).Output;
        JsonElement[] strategies = [.. _case.Json(options).GetProperty("strategies").EnumerateArray()];
        string[] ours = [.. StrategyNames.All.Except(StrategyNames.Baselines)];
        foreach (JsonElement strategy in strategies)
        {
            string name = strategy.GetProperty("strategy").GetString()!;
            JsonElement summary = strategy.GetProperty("summary");
            string[] cells = CellsOf(text, name, 0);
            string time = (summary.GetProperty("meanSimulatedNs").GetInt64() / 1_000_000m).ToString("N3", CultureInfo.InvariantCulture);
            Assert.Equal(time, cells[0]);
            Assert.Contains(Three(summary.GetProperty("forwardImbalance")), cells);
            Assert.Contains(Three(summary.GetProperty("backwardImbalance")), cells);
            if (ours.Contains(name))
            {
                int column = Array.IndexOf(ours, name);
                foreach (JsonProperty speedup in summary.GetProperty("speedupOver").EnumerateObject())
                    Assert.Equal(Three(speedup.Value), CellsOf(text, speedup.Name, 1)[column]);
            }
        }

        JsonElement joint = strategies[0].GetProperty("batches")[0];
        string[] bars = RowsAfter(text, "Load of each rank in the first of 2 batches, joint (simulated)\n");
        JsonElement[] ranks = [.. joint.GetProperty("ranks").EnumerateArray()];
        Assert.Equal(ranks.Length, bars.Length);
        for (int rank = 0; rank < ranks.Length; rank++)
        {
            Assert.Matches($"^ +{rank} +{Readable.Exact(ranks[rank].GetProperty("tokens").GetInt64())}  ", bars[rank]);
            Assert.Contains(Readable.Flops(ranks[rank].GetProperty("forwardCost").GetInt64()), bars[rank], StringComparison.Ordinal);
            Assert.EndsWith(Readable.Flops(ranks[rank].GetProperty("backwardCost").GetInt64()), bars[rank], StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("te-cp,wlb,groups", "all", 1)]
    [InlineData("joint", "none", 2)]
    [InlineData("hierarchical", "te-cp", 1)]
    public void Is_at_most_100_columns_wide(string strategy, string over, int stages)
    {
        CommandOutcome outcome = CommandOutcome.Of(
            "batch", "--lengths", _case.Lengths, "--cluster", "a800-2x8", "--model", "3b", "--strategy", strategy, "--over", over, "--stages", $"{stages}");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.All(outcome.Output.Split('\n'), line => Assert.InRange(line.Length, 0, 100));
        foreach (string title in outcome.Output.Split('\n').Where(line => line.StartsWith("Load", StringComparison.Ordinal) || line.StartsWith("3b", StringComparison.Ordinal)))
            Assert.Contains("simulated", title, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hierarchical")]
    [InlineData("joint")]
    [InlineData("groups")]
    [InlineData("lpt-blocks")]
    public void Drawn_parts_are_what_the_ranks_compute(string strategy)
    {
        string svg = _case.File("loads.svg"), html = _case.File("loads.html");
        CommandOutcome outcome = _case.Run("--strategy", strategy, "--over", "te-cp", "--json", "--svg", svg, "--html", html);
        Assert.Equal((0, $"wrote {html}\nwrote {svg}\n"), (outcome.ExitCode, outcome.Error));
        JsonElement[] ranks = [.. BatchCase.Parse(outcome.Output).GetProperty("batches")[0].GetProperty("ranks").EnumerateArray()];
        XElement drawing = XDocument.Load(svg).Root!;
        Assert.Contains("simulated", drawing.Element(Svg + "title")!.Value, StringComparison.Ordinal);
        var bars = drawing.Descendants(Svg + "rect")
            .Where(bar => bar.Element(Svg + "title") is not null)
            .Select(bar => (Tip: bar.Element(Svg + "title")!.Value, Width: double.Parse((string)bar.Attribute("width")!, CultureInfo.InvariantCulture)))
            .ToList();
        foreach ((string pass, string member) in new[] { ("forward", "forwardCost"), ("backward", "backwardCost") })
        {
            // The widest rank fills the scale, the others have their share of it.
            double[] widths = [.. Enumerable.Range(0, ranks.Length).Select(rank =>
                bars.Where(bar => bar.Tip.StartsWith($"rank {rank}, {pass}, ", StringComparison.Ordinal)).Sum(bar => bar.Width))];
            double most = ranks.Max(rank => rank.GetProperty(member).GetDouble());
            for (int rank = 0; rank < ranks.Length; rank++)
                Assert.Equal(ranks[rank].GetProperty(member).GetDouble() / most, widths[rank] / widths.Max(), tolerance: 0.001);
        }

        string page = File.ReadAllText(html);
        Assert.Contains($"Load of each rank, {strategy} (simulated)", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_ranks_are_drawn_in_part()
    {
        string svg = _case.File("loads.svg");
        CommandOutcome outcome = CommandOutcome.Of(
            "batch", "--lengths", _case.Lengths, "--cluster", "a800-16x8", "--model", "3b", "--strategy", "whole-sample", "--over", "none", "--svg", svg);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        string drawing = File.ReadAllText(svg);
        Assert.Contains("64 ranks not drawn", drawing, StringComparison.Ordinal);
        Assert.Contains(">rank 127<", drawing, StringComparison.Ordinal);
        Assert.Equal(128, RowsAfter(outcome.Output, "Load of each rank, whole-sample (simulated)\n").Length);
    }

    private static string Three(JsonElement ratio) => ratio.GetDecimal().ToString("0.000", CultureInfo.InvariantCulture);

    // The cells of the row of a strategy in the table of that index.
    private static string[] CellsOf(string text, string name, int table) =>
        Regex.Split(Regex.Matches(text, $"^  {name}(?: \\+)? +(.*)$", RegexOptions.Multiline)[table].Groups[1].Value, " {2,}");

    private static string[] RowsAfter(string text, string title)
    {
        int start = text.IndexOf(title, StringComparison.Ordinal) + title.Length;
        string[] lines = text[start..].Split('\n');
        return [.. lines.Skip(1).TakeWhile(line => !line.StartsWith("  -", StringComparison.Ordinal))];
    }
}
