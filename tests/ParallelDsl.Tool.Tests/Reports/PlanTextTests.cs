using System.Globalization;
using System.Text.RegularExpressions;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Testing;

namespace ParallelDsl.Tool.Tests.Reports;

public class PlanTextTests
{
    [Fact]
    public Task Of_a_plan() => Snapshot.Verify(SamplePlans.Fixed);

    [Fact]
    public void Long_plans_show_their_ends()
    {
        string text = PlanText.Write(SamplePlans.Huge);
        Assert.Contains("\n    ...  104 more\n", text, StringComparison.Ordinal);
        Assert.Contains("\n    127  Head ", text, StringComparison.Ordinal);
        Assert.Contains("\n ...  96 more\n 127  ", text, StringComparison.Ordinal);
        Assert.Contains("letters repeat after z", text, StringComparison.Ordinal);
        Assert.True(text.Split('\n').Length < 120);
    }

    [Fact]
    public void No_line_is_longer_than_100_columns() => Cases.CheckPlans(300, plan =>
    {
        string text = PlanText.Write(plan);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= PlanText.Width, $"{line.Length}: {line}"));
        Assert.DoesNotContain(text, character => char.IsControl(character) && character != '\n');
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(40)]
    [InlineData(72)]
    [InlineData(140)]
    public void A_timeline_keeps_to_its_width(int width) => Cases.CheckPlans(60, plan => Assert.All(
        PlanText.Timeline(plan, width).Split('\n'), line => Assert.True(line.Length <= width, $"{line.Length}: {line}")));

    [Fact]
    public void A_timeline_refuses_a_width_in_which_nothing_can_be_seen() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PlanText.Timeline(SamplePlans.Gpt, 39));

    [Fact]
    public void The_table_says_what_the_plan_says() => Cases.CheckPlans(200, plan =>
    {
        string[] lines = PlanText.Table(plan).TrimEnd('\n').Split('\n');
        long divisor = Regex.Match(lines[0], ", (ns|us|ms|s), simulated").Groups[1].Value switch { "ns" => 1, "us" => 1_000, "ms" => 1_000_000, _ => 1_000_000_000 };
        int shown = 0;
        foreach (string line in lines[2..])
        {
            if (line.TrimStart().StartsWith("...", StringComparison.Ordinal))
                continue;
            // From the right, because the columns of text may hold spaces: parameters is two words where it has a unit.
            string[] cells = Regex.Split(line.Trim(), "  +");
            PlannedStage stage = plan.Stages[(int)Number(cells[0])];
            shown++;
            Assert.Equal(stage.Device, Number(cells[2]));
            long[] expected = [stage.Forward, stage.BackwardInput, stage.BackwardWeight, stage.Hop];
            for (int i = 0; i < expected.Length; i++)
                Assert.True(Math.Abs((Number(cells[^(5 - i)]) * divisor) - expected[i]) <= divisor / 2, $"{line}: {expected[i]}");
            Assert.Equal(Readable.Count(PlanText.Parameters(plan, stage)), cells[^1]);
        }

        Assert.Equal(Math.Min(plan.Stages.Count, 24), shown);
    });

    [Fact]
    public void Every_rank_is_at_one_position() => Cases.CheckPlans(100, plan =>
    {
        var positions = PlanText.RanksByPosition(plan);
        var seen = new HashSet<int>();
        for (int position = 0; position < positions.Count; position++)
        {
            foreach (string run in positions[position].Split(','))
            {
                int[] ends = [.. run.Split('-').Select(end => int.Parse(end, CultureInfo.InvariantCulture))];
                for (int rank = ends[0]; rank <= ends[^1]; rank++)
                {
                    Assert.Equal(position, plan.Mesh.CoordinateOf(rank).Pipeline);
                    Assert.True(seen.Add(rank));
                }
            }
        }

        Assert.Equal(plan.Mesh.Size, seen.Count);
    });

    [Theory]
    [InlineData("tr-TR")]
    [InlineData("fi-FI")]
    [InlineData("ar-SA")]
    public void Is_the_same_in_every_culture(string culture)
    {
        string expected = PlanText.Write(SamplePlans.Interleaved);
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
            Assert.Equal(expected, PlanText.Write(SamplePlans.Interleaved));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData(0, "0", "0 B", "0 ns")]
    [InlineData(999, "999", "999 B", "999 ns")]
    [InlineData(1_000, "1.00 K", "1,000 B", "1.00 us")]
    [InlineData(1_024, "1.02 K", "1.00 KiB", "1.02 us")]
    [InlineData(99_949, "99.9 K", "97.6 KiB", "99.9 us")]
    [InlineData(99_950, "100 K", "97.6 KiB", "100 us")]
    [InlineData(999_499, "999 K", "976 KiB", "999 us")]
    [InlineData(999_500, "1.00 M", "976 KiB", "1.00 ms")]
    [InlineData(1_048_575, "1.05 M", "1.00 MiB", "1.05 ms")]
    [InlineData(-1_500, "-1.50 K", "-1.46 KiB", "-1.50 us")]
    [InlineData(long.MaxValue, "9,223 Q", "8.00 EiB", "9,223,372,037 s")]
    [InlineData(long.MinValue, "-9,223 Q", "-8.00 EiB", "-9,223,372,037 s")]
    public void Numbers_read_with_three_digits(long value, string count, string bytes, string duration)
    {
        Assert.Equal(count, Readable.Count(value));
        Assert.Equal(bytes, Readable.Bytes(value));
        Assert.Equal(duration, Readable.Duration(value));
    }

    [Fact]
    public void Names_that_are_no_names_do_not_break_lines()
    {
        string text = PlanText.Write(SamplePlans.Hostile);
        Assert.StartsWith("Plan of </script><b>&\"' ? Größe 模型\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain(text, character => char.IsControl(character) && character != '\n');
    }

    private static long Number(string cell) => long.Parse(cell, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
}
