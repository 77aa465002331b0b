using System.Globalization;
using System.Xml.Linq;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Reporting;
using ParallelDsl.Tool.Tests.Models;

namespace ParallelDsl.Tool.Tests.Commands;

/// <summary><c>plan --lengths --step-svg</c>. The picture of docs/08-variable-length.md is made by it: run with PARALLELDSL_UPDATE_DOCS=1 to make it
/// anew.</summary>
public sealed class PlanStepDrawingTests : IDisposable
{
    private static readonly string Assembly = typeof(Varied).Assembly.Location;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_picture_of_the_docs_is_what_the_command_draws()
    {
        string images = Path.Combine(Repository.Root, "docs", "images"), drawn = _folder.File("step.svg");
        CommandOutcome outcome = Run("plan", Assembly, "--model", "Varied", "--lengths", Path.Combine(images, "step-lengths.txt"), "--step-svg", drawn);
        Assert.Equal(new CommandOutcome(0, "", $"wrote {drawn}\n"), outcome);
        string accepted = Path.Combine(images, "step.svg");
        if (Environment.GetEnvironmentVariable("PARALLELDSL_UPDATE_DOCS") == "1")
            File.Copy(drawn, accepted, overwrite: true);
        Assert.Equal(File.ReadAllText(accepted).ReplaceLineEndings("\n"), File.ReadAllText(drawn));
    }

    [Fact]
    public void Every_share_of_a_slice_is_drawn_as_wide_as_what_it_computes()
    {
        int[] lengths = [15_000, 5_200, 3_100, 2_500, 2_400, 2_300];
        StepPlan step = Varied.PlanStep(lengths);
        Assert.True(step.IsSliced);
        XElement[] boxes =
        [
            .. XDocument.Parse(StepSvg.Write(Varied.Plan, step)).Descendants().Where(element => element.Name.LocalName == "rect" && element.HasElements),
        ];
        string[] titles = [.. boxes.Select(box => box.Elements().Single().Value)];
        for (int index = 0; index < step.SliceCount; index++)
        {
            Slice slice = step.Slices[index];
            string of = string.Create(
                CultureInfo.InvariantCulture, $"sequence {slice.Sequence}, tokens {slice.Start:N0} to {slice.End - 1:N0}, ring of {step.RingSize(slice.Ring)}");
            int shares = titles.Count(title => title.Contains(of, StringComparison.Ordinal));
            Assert.True(shares == 2 * step.RingSize(slice.Ring) || titles.Any(title => title.Contains("slices", StringComparison.Ordinal)), of);
        }

        // The last box of a row and unit ends inside the drawing.
        Assert.All(boxes, box => Assert.InRange(
            double.Parse(box.Attribute("x")!.Value, CultureInfo.InvariantCulture) + double.Parse(box.Attribute("width")!.Value, CultureInfo.InvariantCulture), 62, 1_160));
    }

    [Fact]
    public void Many_ranks_units_and_sequences_are_abbreviated()
    {
        StepConstants constants = StepConstants.Of(Varied.Plan) with
        {
            DataRanks = 40,
            SequenceRanks = 4,
            UnitsPerDataRank = 20,
            Window = 20,
            Nodes = new([.. Enumerable.Range(0, 160).Select(rank => rank / 4)]),
        };
        int[] lengths = [.. Enumerable.Range(0, 5_000).Select(index => 1 + (index * 37 % 900))];
        var step = new StepPlan();
        StepPlanner.Plan(constants, lengths, step);
        string svg = StepSvg.Write(Varied.Plan, step);
        Assert.Contains("96 ranks not drawn; 4 units not drawn", svg, StringComparison.Ordinal);
        Assert.True(svg.Length < 4_000_000, $"{svg.Length} characters");
    }

    [Fact]
    public void Bad_input_is_one_line()
    {
        string lengths = _folder.File("lengths.txt"), svg = _folder.File("step.svg");
        Refuses(2, "--step-svg: --lengths and --step-svg belong together", "--step-svg", svg);
        Refuses(2, "--lengths: --lengths and --step-svg belong together", "--lengths", lengths);
        Refuses(2, "no such file", "--lengths", lengths, "--step-svg", svg);
        File.WriteAllText(lengths, "5\n-1\n");
        Refuses(2, "line 2, length: expected a whole number of tokens", "--lengths", lengths, "--step-svg", svg);
        File.WriteAllText(lengths, "5\n\n16385\n");
        Refuses(2, "line 3, length: 16385 tokens are more than the context length of ParallelDsl.Tool.Tests.Models.Varied, 16384", "--lengths", lengths, "--step-svg", svg);
        File.WriteAllText(lengths, string.Concat(Enumerable.Repeat("16000\n", 4)));
        Refuses(1, "the batch has 4 sequences and 64000 tokens", "--lengths", lengths, "--step-svg", svg);
        Assert.False(File.Exists(svg));

        void Refuses(int code, string says, params string[] options)
        {
            CommandOutcome outcome = Run(["plan", Assembly, "--model", "Varied", .. options]);
            Assert.Equal((code, ""), (outcome.ExitCode, outcome.Output));
            Assert.Contains(says, outcome.Error, StringComparison.Ordinal);
            Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        }
    }

    private static CommandOutcome Run(params string[] arguments) => CommandOutcome.Of(arguments);
}
