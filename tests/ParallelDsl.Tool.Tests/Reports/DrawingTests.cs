using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;
using ParallelDsl.Reporting;
using ParallelDsl.Testing;

namespace ParallelDsl.Tool.Tests.Reports;

public class DrawingTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public Task Timeline_of_a_plan() => Snapshot.Verify(TimelineSvg.Write(SamplePlans.Fixed), extension: "svg");

    [Fact]
    public Task Mesh_of_a_plan() => Snapshot.Verify(MeshSvg.Write(SamplePlans.Fixed), extension: "svg");

    [Fact]
    public Task Memory_of_a_plan() => Snapshot.Verify(MemorySvg.Write(SamplePlans.Fixed), extension: "svg");

    [Fact]
    public Task Losses() => Snapshot.Verify(
        LossCurveSvg.Write([7, 6.5, double.NaN, 5.25, 5, 4.75], [7, 6.5], unigramLoss: 6, heldOutLoss: 4.9), extension: "svg");

    [Fact]
    public void Are_well_formed_and_inside_their_frame() => Cases.CheckPlans(80, plan =>
    {
        foreach (string svg in new[] { TimelineSvg.Write(plan), MeshSvg.Write(plan), MemorySvg.Write(plan) })
            CheckFrame(svg);
    });

    [Fact]
    public void A_box_is_drawn_for_every_computation() => Cases.CheckPlans(80, plan =>
    {
        Timeline timeline = PlanTimeline.Of(plan);
        string[] expected = [.. timeline.Devices.SelectMany(actions => actions).Where(timed => timed.Action.IsCompute)
            .Select(timed => $"{Readable.Exact(timed.Start)} to {Readable.Exact(timed.End)} ns").Order(StringComparer.Ordinal)];
        string[] drawn = [.. Parse(TimelineSvg.Write(plan)).Descendants(Svg + "rect").Elements(Svg + "title")
            .Select(title => Regex.Match(title.Value, "[0-9,]+ to [0-9,]+ ns").Value).Order(StringComparer.Ordinal)];
        Assert.Equal(expected, drawn);
    });

    [Fact]
    public void Every_rank_and_every_hop_is_drawn() => Cases.CheckPlans(80, plan =>
    {
        XDocument svg = Parse(MeshSvg.Write(plan));
        if (plan.Mesh.Size > 100)
            return;
        IEnumerable<string> ranks = svg.Descendants(Svg + "text").Select(text => text.Value).Where(text => text.StartsWith("rank ", StringComparison.Ordinal));
        Assert.Equal(plan.Mesh.Size, ranks.Distinct().Count());
        int hops = plan.Mesh.Data * plan.Mesh.Pipeline * plan.Rings.Sum(ring => ring.Count > 1 ? ring.Count : 0);
        Assert.Equal(hops, svg.Descendants(Svg + "path").Count(path => (string?)path.Attribute("class") == "ring-head"));
    });

    [Fact]
    public void Very_many_actions_are_drawn_in_spans()
    {
        string svg = TimelineSvg.Write(SamplePlans.Huge);
        CheckFrame(svg);
        Assert.True(svg.Length < 4_000_000, $"{svg.Length} characters");
        Assert.Contains("64 positions not drawn", svg, StringComparison.Ordinal);
        CheckFrame(MeshSvg.Write(SamplePlans.Huge));
        CheckFrame(MemorySvg.Write(SamplePlans.Huge));
    }

    [Fact]
    public void Names_are_escaped()
    {
        foreach (string svg in new[] { TimelineSvg.Write(SamplePlans.Hostile), MeshSvg.Write(SamplePlans.Hostile) })
        {
            CheckFrame(svg);
            Assert.DoesNotContain("<b>", svg, StringComparison.Ordinal);
            Assert.DoesNotContain("<img", svg, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_run_without_losses_is_said_to_be_one()
    {
        Assert.Contains("no step was run", LossCurveSvg.Write([]), StringComparison.Ordinal);
        Assert.Contains("no loss is a finite number", LossCurveSvg.Write([double.NaN, double.PositiveInfinity]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new double[] { 1 })]
    [InlineData(new double[] { 0, 0, 0 })]
    [InlineData(new double[] { -3, 1e6, double.NegativeInfinity, 2 })]
    [InlineData(new double[] { 1e-12, 2e-12 })]
    public void Odd_losses_stay_inside_the_frame(double[] losses)
    {
        CheckFrame(LossCurveSvg.Write(losses));
        CheckFrame(LossCurveSvg.Write(losses, losses, unigramLoss: 4, heldOutLoss: double.NaN));
    }

    private static XDocument Parse(string svg)
    {
        using var reader = XmlReader.Create(new StringReader(svg), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit });
        return XDocument.Load(reader);
    }

    private static void CheckFrame(string svg)
    {
        XElement root = Parse(svg).Root!;
        double[] frame = [.. ((string)root.Attribute("viewBox")!).Split(' ').Select(Number)];
        foreach (XElement element in root.Descendants(Svg + "rect").Concat(root.Descendants(Svg + "text")))
        {
            double x = Number((string)element.Attribute("x")!), y = Number((string)element.Attribute("y")!);
            double width = Number((string?)element.Attribute("width") ?? "0"), height = Number((string?)element.Attribute("height") ?? "0");
            Assert.True(width >= 0 && height >= 0, element.ToString());
            Assert.True(x >= frame[0] && y >= frame[1], element.ToString());
            Assert.True(x + width <= frame[0] + frame[2] + 0.02 && y + height <= frame[1] + frame[3] + 0.02, element.ToString());
        }

        foreach (Match number in Regex.Matches(string.Concat(root.Descendants(Svg + "path").Select(path => (string)path.Attribute("d")! + " ")), "[A-Za-z]{2,}"))
            Assert.Fail($"'{number.Value}' in a path");
    }

    private static double Number(string text) => double.Parse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
}
