using System.Text.Json;
using System.Xml.Linq;
using ParallelDsl.Testing;
using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Rings;

public sealed class RingsCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CommandOutcome Run(params string[] options) => CommandOutcome.Of(["rings", .. options]);

    private static JsonElement Json(params string[] options)
    {
        CommandOutcome outcome = Run([.. options, "--json"]);
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.EndsWith("}\n", outcome.Output, StringComparison.Ordinal);
        Assert.Equal(1, outcome.Output.Count(character => character == '\n'));
        using JsonDocument document = JsonDocument.Parse(outcome.Output);
        return document.RootElement.Clone();
    }

    private static int[][] Rows(JsonElement json, string name) =>
        [.. json.GetProperty(name).EnumerateArray().Select(row => row.EnumerateArray().Select(value => value.GetInt32()).ToArray())];

    private static void Refuses(int exitCode, string line, params string[] options) =>
        Assert.Equal(new CommandOutcome(exitCode, "", $"paralleldsl rings: {line}\n"), Run(options));

    private string Write(string text)
    {
        File.WriteAllText(_folder.File("rings.txt"), text);
        return _folder.File("rings.txt");
    }

    [Fact]
    public Task Explains_itself() => Snapshot.Verify(Run("--help").Output);

    [Fact]
    public Task Of_five_devices() => Snapshot.Verify(Run("--devices", "5").Output);

    [Fact]
    public Task Of_six_devices() => Snapshot.Verify(Run("--devices", "6").Output);

    [Fact]
    public Task Of_two_nodes() => Snapshot.Verify(Run("--devices", "8", "--nodes", "2", "--rail", "aligned").Output);

    [Theory]
    [InlineData("cycles", 7, 56, "--devices", "8")]
    [InlineData("cycles", 1, 2, "--devices", "2")]
    [InlineData("cycles", 29, 870, "--devices", "30")]
    [InlineData("cycles", 61, 3_782, "--devices", "62")]
    [InlineData("cycles", 6, 48, "--devices", "8", "--without", "2-5")]
    [InlineData("cycles", 6, 48, "--devices", "8", "--without", "2-5,0>1")]
    [InlineData("pairwise", 3, 12, "--devices", "4")]
    [InlineData("pairwise", 5, 30, "--devices", "6", "--nodes", "1")]
    [InlineData("pairwise", 7, 56, "--devices", "8", "--pairwise")]
    [InlineData("paths", 8, 128, "--devices", "16", "--nodes", "2")]
    [InlineData("paths", 4, 48, "--devices", "12", "--nodes", "3", "--rail", "aligned")]
    [InlineData("paths", 6, 108, "--devices", "18", "--nodes", "3", "--rail", "cross")]
    [InlineData("paths", 7, 98, "--devices", "14", "--nodes", "2")]
    [InlineData("paths", 9, 243, "--devices", "27", "--nodes", "3", "--rail", "aligned")]
    [InlineData("paths", 1, 5, "--devices", "5", "--nodes", "5")]
    public void Json_that_adds_up(string kind, int slots, int arcs, params string[] options)
    {
        JsonElement json = Json(options);
        int devices = int.Parse(options[1]);
        Assert.Equal((devices, kind, arcs), (json.GetProperty("devices").GetInt32(), json.GetProperty("kind").GetString(), json.GetProperty("arcs").GetInt32()));
        Assert.True(json.GetProperty("verified").GetBoolean());
        int[][] rings = Rows(json, "rings"), send = Rows(json, "sendSlots"), receive = Rows(json, "receiveSlots");
        Assert.Equal(kind == "pairwise" ? 0 : slots, rings.Length);
        Assert.Equal(slots, json.GetProperty("slots").GetInt32());
        Assert.Equal(arcs, send.Sum(row => row.Count(slot => slot >= 0)));
        for (int from = 0; from < devices; from++)
        {
            Assert.Equal(Enumerable.Range(0, slots), send[from].Where(slot => slot >= 0).Order());
            Assert.Equal(Enumerable.Range(0, slots), receive[from].Where(slot => slot >= 0).Order());
            for (int to = 0; to < devices; to++)
                Assert.Equal(send[from][to], receive[to][from]);
        }

        for (int slot = 0; slot < rings.Length; slot++)
        {
            Assert.Equal(Enumerable.Range(0, devices), rings[slot].Order());
            for (int i = 0; i < devices; i++)
                Assert.Equal(slot, send[rings[slot][i]][rings[slot][(i + 1) % devices]]);
        }
    }

    [Fact]
    public void Missing_links_are_in_no_ring()
    {
        JsonElement json = Json("--devices", "8", "--without", "2-5,0>7");
        Assert.Equal([[2, 5], [5, 2], [0, 7]], Rows(json, "missing"));
        Assert.Equal((53, 6), (json.GetProperty("links").GetInt32(), json.GetProperty("mostSlots").GetInt32()));
        int[][] send = Rows(json, "sendSlots");
        Assert.Equal((-1, -1, -1), (send[2][5], send[5][2], send[0][7]));
        Assert.Contains(
            "without 3 links; 1 ring fewer than 7; no more than 6 can be\n", Run("--devices", "8", "--without", "2-5,0>7").Output, StringComparison.Ordinal);

        // With all links four devices have two.
        Assert.Contains(
            "without 2 links; the 2 rings that all links have; no more than 2 can be\n", Run("--devices", "4", "--without", "0-1").Output, StringComparison.Ordinal);
        Assert.Contains(
            "without 3 links; 1 ring fewer than 2; no more than 1 can be\n", Run("--devices", "4", "--without", "0-1,0>2").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_links_inside_nodes()
    {
        string[] options = ["--devices", "16", "--nodes", "2", "--without", "2-5,8>9"];
        JsonElement json = Json(options);
        Assert.Equal(("paths", 7, 7), (json.GetProperty("kind").GetString(), json.GetProperty("slots").GetInt32(), json.GetProperty("mostSlots").GetInt32()));
        Assert.Equal((7 * 16, 125), (json.GetProperty("arcs").GetInt32(), json.GetProperty("links").GetInt32()));
        int[][] send = Rows(json, "sendSlots");
        Assert.Equal((-1, -1, -1), (send[2][5], send[5][2], send[8][9]));
        Assert.All(send, (row, from) => Assert.InRange(row.Where((slot, to) => slot >= 0 && from / 8 != to / 8).Count(), 0, 1));
        Assert.Contains("without 3 links; 1 ring fewer than 8; no more than 7 can be\n", Run(options).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Rings_of_a_file()
    {
        string four = Write("0 1 2 3 4 5 6 7|0 3 6 1 4 7 2 5|0 5 2 7 4 1 6 3\n# against the first\n7 6 5 4 3 2 1 0\n");
        JsonElement json = Json("--devices", "8", "--rings", four);
        Assert.Equal((4, 32, true), (json.GetProperty("slots").GetInt32(), json.GetProperty("arcs").GetInt32(), json.GetProperty("verified").GetBoolean()));
        Assert.Contains("there could be 7\n", Run("--devices", "8", "--rings", four).Output, StringComparison.Ordinal);

        string paths = Write("N0 0 1 3 2 N2|N1 1 2 0 3 N3|N2 2 3 1 0 N0|N3 3 0 2 1 N1\n");
        Assert.Equal(12, Json("--devices", "4", "--rings", paths).GetProperty("arcs").GetInt32());
        Assert.Equal(
            Rows(Json("--devices", "12", "--nodes", "3"), "rings"), Rows(Json("--devices", "12", "--nodes", "3", "--rings", paths), "rings"));
    }

    [Fact]
    public void Wrong_files()
    {
        string path = Write("0 1 2 3 4\n0 2 4 1 3\n3 4 1 0 2\n");
        Refuses(2, $"{path}: line 3, column 1, ring 2: goes from 3 to 4, as ring 0 at line 1, column 1 does", "--devices", "5", "--rings", path);
        Refuses(2, $"{path}: line 1, column 1, ring 0: leaves out device 5; it needs all 6", "--devices", "6", "--rings", path);
        Refuses(2, $"{_folder.File("none.txt")}: no such file", "--devices", "6", "--rings", _folder.File("none.txt"));
        path = Write("0 1 2 3\n");
        Refuses(
            2,
            $"{path}: has rings of all devices: leave out --nodes, or write paths of a node with interfaces at both ends",
            "--devices", "4", "--nodes", "2", "--rings", path);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("-8")]
    [InlineData("1025")]
    [InlineData("99999999999999999999")]
    [InlineData("eight")]
    [InlineData("8.0")]
    public void Wrong_counts(string devices)
    {
        Refuses(2, $"--devices: expected a whole number from 2 to 1024, found '{devices}' (see paralleldsl rings --help)", "--devices", devices);
        string nodes = devices == "1" ? "0" : devices;
        Refuses(
            2, $"--nodes: expected a whole number from 1 to 1024, found '{nodes}' (see paralleldsl rings --help)", "--devices", "8", "--nodes", nodes);
    }

    [Theory]
    [InlineData(2, "Option '--devices' is required (see paralleldsl rings --help)")]
    [InlineData(2, "--nodes 3: does not divide the 8 devices", "--devices", "8", "--nodes", "3")]
    [InlineData(2, "--nodes 16: does not divide the 8 devices", "--devices", "8", "--nodes", "16")]
    [InlineData(2, "--nodes 2: nodes of 3 devices have no 3 paths that start and end once at each, as 4 devices have no 3 cycles; "
        + "cycles of all 6 devices need none (leave out --nodes)", "--devices", "6", "--nodes", "2")]
    [InlineData(2, "--rail: expected cross or aligned, found 'spine'", "--devices", "8", "--nodes", "2", "--rail", "spine")]
    [InlineData(2, "--rail: is for --nodes of 2 or more", "--devices", "8", "--rail", "cross")]
    [InlineData(1, "--rail aligned: paths of 2 devices on 3 nodes do not close along rails: that needs an even number of nodes, or nodes of an "
        + "odd number or a multiple of 4 devices; they close across rails", "--devices", "6", "--nodes", "3", "--rail", "aligned")]
    [InlineData(2, "--without: the link 2-8 has a device that is none of 0 to 7", "--devices", "8", "--without", "2-8")]
    [InlineData(2, "--without: the link 5>2 stands there twice", "--devices", "8", "--without", "2-5,5-2")]
    [InlineData(2, "--without: expected a link as in 2-5 (both ways) or 2>5 (one way), found 'x'", "--devices", "8", "--without", "x")]
    [InlineData(2, "--without: the link 2-2 is from a device to itself", "--devices", "8", "--without", "2-2")]
    [InlineData(1, "--without 0-1,0-2: leaves no way from some devices to others, so no ring", "--devices", "3", "--without", "0-1,0-2")]
    [InlineData(1, "--without 0-1: leaves no way from some devices to others, so no ring", "--devices", "2", "--without", "0-1")]
    [InlineData(1, "--without 1-2,2-3,1-3: no ring was found over the links that are left", "--devices", "4", "--without", "1-2,2-3,1-3")]
    [InlineData(1, "--without 7-1,7-2,7-3,7-4,7-5,7-6: no ring was found over the links that are left",
        "--devices", "8", "--without", "7-1,7-2,7-3,7-4,7-5,7-6")]
    [InlineData(2, "--without: is for at most 128 devices, not 129", "--devices", "129", "--without", "0-1")]
    [InlineData(2, "--without: is for nodes of at most 127 devices, not 128", "--devices", "256", "--nodes", "2", "--without", "0-1")]
    [InlineData(2, "--without: the link 3>4 leaves a node; those that are missing can be inside nodes", "--devices", "8", "--nodes", "2", "--without", "3>4")]
    [InlineData(1, "--without 0-1: no ring was found over the links that are left", "--devices", "4", "--nodes", "2", "--without", "0-1")]
    [InlineData(2, "--rail and --without exclude each other", "--devices", "8", "--nodes", "2", "--rail", "aligned", "--without", "0-1")]
    [InlineData(2, "--pairwise is for devices that are all linked: leave out --nodes", "--devices", "8", "--nodes", "2", "--pairwise")]
    [InlineData(2, "--without and --pairwise exclude each other", "--devices", "8", "--pairwise", "--without", "0-1")]
    [InlineData(2, "--svg: needs the name of a file", "--devices", "8", "--svg", "")]
    [InlineData(2, "unknown option '--device'; did you mean --devices? (see paralleldsl rings --help)", "--device", "8")]
    public void Wrong_options(int exitCode, string line, params string[] options) => Refuses(exitCode, line, options);

    [Theory]
    [InlineData("8", "1", 56)]
    [InlineData("6", "1", 30)]
    [InlineData("8", "2", 32)]
    public void Drawings_have_every_arc_twice(string devices, string nodes, int arcs)
    {
        string svg = _folder.File("rings.svg"), html = _folder.File("rings.html");
        CommandOutcome outcome = Run("--devices", devices, "--nodes", nodes, "--svg", svg, "--html", html, "--json");
        Assert.Equal((0, $"wrote {html}\nwrote {svg}\n"), (outcome.ExitCode, outcome.Error));
        XNamespace space = "http://www.w3.org/2000/svg";
        string[] tips = [.. XDocument.Load(svg).Descendants(space + "path").Select(path => path.Element(space + "title")?.Value).OfType<string>()];
        Assert.Equal(2 * arcs, tips.Length);
        Assert.Equal(arcs, tips.Distinct().Count());
        string page = File.ReadAllText(html);
        Assert.Contains("<svg", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
    }

    /// <summary>The pictures of docs/09-datapaths.md, by the commands that stand there: run with PARALLELDSL_UPDATE_DOCS=1 to make them anew.</summary>
    [Theory]
    [InlineData("rings.svg", "--devices", "8")]
    [InlineData("rings-nodes.svg", "--devices", "8", "--nodes", "2")]
    public void The_pictures_of_the_docs_are_what_the_command_draws(string name, params string[] options)
    {
        string docs = Path.Combine(Repository.Root, "docs"), drawn = _folder.File(name), accepted = Path.Combine(docs, "images", name);
        CommandOutcome outcome = Run([.. options, "--svg", drawn]);
        Assert.Equal((0, $"wrote {drawn}\n"), (outcome.ExitCode, outcome.Error));
        if (Environment.GetEnvironmentVariable("PARALLELDSL_UPDATE_DOCS") == "1")
            File.Copy(drawn, accepted, overwrite: true);
        Assert.Equal(File.ReadAllText(accepted).ReplaceLineEndings("\n"), File.ReadAllText(drawn));
        Assert.Contains(
            $"`paralleldsl rings {string.Join(' ', options)} --svg {name}`", File.ReadAllText(Path.Combine(docs, "09-datapaths.md")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("24")]
    [InlineData("25")]
    [InlineData("64")]
    [InlineData("130")]
    public void Is_at_most_100_columns_wide(string devices) =>
        Assert.All(Run("--devices", devices).Output.Split('\n'), line => Assert.InRange(line.Length, 0, 100));

    [Fact]
    public void Drawings_of_many_devices_show_some()
    {
        string svg = _folder.File("rings.svg");
        Assert.Equal(0, Run("--devices", "70", "--svg", svg).ExitCode);
        Assert.Contains("and 5 more", File.ReadAllText(svg), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_under_every_culture() =>
        Assert.Equal(Run("--devices", "14"), CommandOutcome.Under("tr-TR", "rings", "--devices", "14"));
}
