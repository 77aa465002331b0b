using System.Text.Json;
using System.Xml.Linq;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Testing;
using ParallelDsl.Tool.Tests.Commands;
using static ParallelDsl.Tool.Tests.Pipelines.PipelineCase;

namespace ParallelDsl.Tool.Tests.Pipelines;

/// <summary>Schedules, layouts and drawings that go out and come in.</summary>
public sealed class PipelineFileTests : IDisposable
{
    private readonly PipelineCase _case = new();

    public void Dispose() => _case.Dispose();

    [Theory]
    [InlineData("gpipe")]
    [InlineData("1f1b")]
    [InlineData("interleaved")]
    [InlineData("zb-h1")]
    [InlineData("zb-v")]
    [InlineData("dualpipe-v")]
    [InlineData("adaptive")]
    public void A_schedule_comes_back_as_it_went(string schedule)
    {
        foreach (string[] transfers in new string[][] { [], ["--csv-transfers"] })
        {
            string csv = _case.File("schedule.csv");
            JsonElement went = _case.Json(["--schedule", schedule, "--budget", "200", "--csv", csv, .. transfers]);
            CommandOutcome outcome = CommandOutcome.Of(
                "pipeline", "--layers", _case.Nano, "--from-csv", csv, "--partition", string.Join(',', Numbers(went, "partition")), "--json");
            Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
            JsonElement came = Parse(outcome.Output);
            Assert.Equal("csv", came.GetProperty("schedule").GetString());
            foreach (string member in new[] { "devices", "stages", "microBatches", "makespan", "partition", "placement", "work", "peakActivations", "programs" })
                Assert.Equal(went.GetProperty(member).GetRawText(), came.GetProperty(member).GetRawText());
            Assert.Equal(transfers.Length > 0, File.ReadAllText(csv).Contains("SEND_F", StringComparison.Ordinal));
            Assert.NotNull(TorchScheduleFile.Parse(File.ReadAllText(csv)).Value);
        }
    }

    [Fact]
    public void A_schedule_without_a_partition_has_even_stages()
    {
        string csv = _case.Write("schedule.csv", "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n");
        CommandOutcome outcome = CommandOutcome.Of("pipeline", "--layers", _case.Nano, "--from-csv", csv, "--json", "--devices", "2", "--micro-batches", "2");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal([28, 28], Numbers(Parse(outcome.Output), "partition"));
    }

    [Theory]
    [InlineData("0F0,0B0\n1B0,1F0\n", "line 2, column 1, ranks[1].cells[0]: deadlock: device 1 at X1.0 waits for F1.0 of device 1, where it stands later")]
    [InlineData("0F0,0F1,2F0,0B0,2B0,2F1,0B1,2B1\n1F0,1B0,1F1,1B1\n",
        "line 1, column 13, ranks[0].cells[3]: deadlock: device 0 at X0.0 waits for X1.0 of device 1, device 1 at X1.0 waits for X2.0 of device 0")]
    [InlineData("0F0,0F0\n", "line 1, column 5, ranks[0].cells[1]")]
    [InlineData("0F0,0B0\n\n", "device 1 has no stage")]
    [InlineData("0F0,0SEND_F0,0RECV_B0,0B0\n1F0,1B0,1SEND_B0\n", "line 2: F1.0: its input from stage 0 is not there yet: RF1.0 does not stand before it")]
    [InlineData("0F0,0SEND_F0,0RECV_B0,0B0\n1RECV_F0,1F0,1B0\n", "line 2: the SB of stage 1 and micro-batch 0 is missing")]
    public void Schedules_that_cannot_be(string text, string fault)
    {
        string csv = _case.Write("schedule.csv", text);
        CommandOutcome outcome = CommandOutcome.Of("pipeline", "--layers", _case.Nano, "--from-csv", csv);
        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Output));
        Assert.StartsWith($"paralleldsl pipeline: {csv}: {fault}", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(outcome.Error.Length - 1, outcome.Error.IndexOf('\n', StringComparison.Ordinal));
    }

    [Fact]
    public void Options_that_a_schedule_file_decides()
    {
        string csv = _case.Write("schedule.csv", "0F0,0B0\n1F0,1B0\n");
        Refuses(_case.Run("--from-csv", csv), 2, "--devices 4: the schedule of --from-csv has 2 ranks");
        Refuses(
            CommandOutcome.Of("pipeline", "--layers", _case.Nano, "--from-csv", csv, "--micro-batches", "3"), 2,
            "--micro-batches 3: the schedule of --from-csv has 1 micro-batches");
        Refuses(_case.Run("--from-csv", csv, "--schedule", "1f1b"), 2, "--schedule: the file of --from-csv says that; ask for one of them");
        Refuses(
            CommandOutcome.Of("pipeline", "--layers", _case.Write("few.layers.json", SampleProfiles.Even(2)), "--from-csv",
                _case.Write("many.csv", "0F0,2F0,2B0,0B0\n1F0,1B0\n")),
            2,
            $"{_case.File("many.csv")}: has 3 stages, and the model only 2 layers for them");
        Refuses(
            CommandOutcome.Of("pipeline", "--layers", _case.Nano, "--from-csv", csv, "--activation-cap", "20"), 1,
            "--activation-cap 20: csv holds 28 layers x micro-batches on device 0");
    }

    [Fact]
    public void A_layout_goes_out_and_comes_in()
    {
        const string layout = "Et*14|(t*14|)*2,t*14L";
        Assert.Equal(layout, _case.Json("--schedule", "1f1b", "--layout").GetProperty("layout").GetString());
        Assert.Equal([14, 14, 14, 14], Numbers(_case.Json("--schedule", "1f1b", "--from-layout", layout), "partition"));
        Assert.Equal(8, _case.Json("--schedule", "interleaved", "--from-layout", "(Et*7|)*1,(t*7|)*6,t*7L").GetProperty("stages").GetInt32());
        Assert.Contains("\nlayout: Et*14|(t*14|)*2,t*14L\n", _case.Run("--schedule", "1f1b", "--layout").Output, StringComparison.Ordinal);
        Assert.Equal(
            layout, _case.Json("--schedule", "1f1b", "--layout", "--free-ends", "--partition", "15,14,14,15").GetProperty("layout").GetString());
    }

    [Fact]
    public void The_layout_of_DeepSeek()
    {
        string path = _case.Write("even.layers.json", SampleProfiles.Even(62, ends: true));
        CommandOutcome outcome = CommandOutcome.Of(
            "pipeline", "--layers", path, "--devices", "16", "--micro-batches", "32", "--schedule", "interleaved", "--free-ends",
            "--from-layout", "Et*3|(tt|)*29,m|L", "--json");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal([4, .. Enumerable.Repeat(2L, 29), 1, 1], Numbers(Parse(outcome.Output), "partition"));
    }

    [Fact]
    public void A_placement_that_is_not_cyclic_has_no_layout()
    {
        CommandOutcome outcome = _case.Run("--schedule", "zb-v", "--layout", "--json");
        Assert.Equal("no layout: Megatron-LM's layouts put stage s on device s modulo 4, and this placement does not\n", outcome.Error);
        Assert.False(Parse(outcome.Output).TryGetProperty("layout", out _));
        Assert.StartsWith("no layout: ", _case.Run("--schedule", "1f1b", "--vocabulary-slices", "2", "--layout", "--json").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_replace_what_was_there_and_leave_nothing_beside()
    {
        string csv = _case.Write("schedule.csv", "old"), svg = _case.Write("drawing.svg", "old");
        CommandOutcome outcome = _case.Run("--schedule", "1f1b", "--csv", csv, "--svg", svg, "--json");
        Assert.Equal((0, $"wrote {csv}\nwrote {svg}\n"), (outcome.ExitCode, outcome.Error));
        Assert.StartsWith("0F0,0F1,0F2,0F3,0B0,", File.ReadAllText(csv), StringComparison.Ordinal);
        Assert.Equal("svg", XDocument.Load(svg).Root!.Name.LocalName);
        Assert.Equal(
            ["drawing.svg", "nano.layers.json", "schedule.csv"], Directory.GetFiles(_case.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_fails_writes_nothing()
    {
        string csv = _case.Write("schedule.csv", "old"), missing = _case.File("missing/drawing.svg");
        Assert.Equal(1, _case.Run("--schedule", "1f1b", "--activation-cap", "1", "--csv", csv).ExitCode);
        Refuses(
            _case.Run("--schedule", "1f1b", "--csv", csv, "--svg", missing), 2,
            $"--svg {missing}: the folder {_case.File("missing")} does not exist; create it first");
        Refuses(_case.Run("--csv", csv, "--svg", csv), 2, $"--svg {csv}: is the file of --csv too");
        Assert.Equal("old", File.ReadAllText(csv));
    }

    [Theory]
    [InlineData("1f1b", "backward")]
    [InlineData("zb-v", "input gradient, weight gradient")]
    [InlineData("dualpipe-v", "input gradient, weight gradient, both in one")]
    public void A_drawing_has_a_box_for_every_action(string schedule, string legend)
    {
        string svg = _case.File("drawing.svg");
        JsonElement json = _case.Json("--schedule", schedule, "--svg", svg);
        XElement root = XDocument.Load(svg).Root!;
        XNamespace space = root.Name.Namespace;
        Assert.Equal(Programs(json).Sum(program => program.Length), root.Elements(space + "rect").Count(box => box.Element(space + "title") is not null));
        Assert.Contains("simulated", root.Element(space + "title")!.Value, StringComparison.Ordinal);
        string[] texts = [.. root.Elements(space + "text").Select(text => text.Value)];
        Assert.All(legend.Split(", "), name => Assert.Contains(texts, text => text.StartsWith(name, StringComparison.Ordinal)));
        Assert.Contains("prefers-color-scheme:dark", root.Element(space + "style")!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public Task A_drawing()
    {
        string path = _case.Write("even.layers.json", SampleProfiles.Even(40, ends: true)), svg = _case.File("drawing.svg");
        CommandOutcome outcome = CommandOutcome.Of("pipeline", "--layers", path, "--devices", "2", "--micro-batches", "4", "--schedule", "dualpipe-v", "--svg", svg);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        return Snapshot.Verify(File.ReadAllText(svg), extension: "svg");
    }
}
