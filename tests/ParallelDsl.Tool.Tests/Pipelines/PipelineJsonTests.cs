using System.Text.Json;
using ParallelDsl.Tool.Tests.Commands;
using static ParallelDsl.Tool.Tests.Pipelines.PipelineCase;

namespace ParallelDsl.Tool.Tests.Pipelines;

public sealed class PipelineJsonTests : IDisposable
{
    private const string OctoPipePartition = "2,2,2,2,2,2,2,3,2,3,2,3,2,3,3,2,3,3,2,2,2,3,3,1";
    private const string OctoPipePlacement = "0,4,8,12,16,19,20;1,5,9,13,17,21;2,6,10,14,18,22;3,7,11,15,23";

    private static readonly string[] Members =
    [
        "schedule", "devices", "stages", "microBatches", "partition", "placement", "makespan", "span", "lowerBound", "work", "warmupBubble",
        "residualBubble", "cooldownBubble", "peakActivations", "programs", "searchedCandidates", "planMs",
    ];

    private readonly PipelineCase _case = new();

    public void Dispose() => _case.Dispose();

    [Fact]
    public void The_published_1f1b()
    {
        JsonElement json = _case.Json("--schedule", "1f1b", "--partition", "14,14,14,14");
        Assert.Equal("1f1b", json.GetProperty("schedule").GetString());
        Assert.Equal(4, json.GetProperty("devices").GetInt32());
        Assert.Equal(4, json.GetProperty("stages").GetInt32());
        Assert.Equal(8, json.GetProperty("microBatches").GetInt32());
        Assert.Equal([14, 14, 14, 14], Numbers(json, "partition"));
        Assert.Equal("[[0],[1],[2],[3]]", json.GetProperty("placement").GetRawText());
        Assert.Equal(133_121, json.GetProperty("makespan").GetInt64());
        Assert.Equal(133_121, json.GetProperty("span").GetInt64());
        Assert.Equal([85_000, 76_160, 76_160, 103_456], Numbers(json, "work"));
        Assert.Equal([56, 42, 28, 14], Numbers(json, "peakActivations"));
        Assert.Equal(["F3.0", "X3.0", "F3.1", "X3.1"], Programs(json)[3][..4]);
        Assert.Equal(0, json.GetProperty("searchedCandidates").GetInt32());
        Assert.True(json.GetProperty("planMs").GetDecimal() >= 0);
    }

    [Fact]
    public void The_published_1f1b_with_split_backward()
    {
        JsonElement json = _case.Json("--schedule", "1f1b", "--partition", "14,14,14,14", "--split-backward", "true");
        Assert.Equal(126_300, json.GetProperty("makespan").GetInt64());
        Assert.Equal(["F3.0", "B3.0", "W3.0", "F3.1"], Programs(json)[3][..4]);
    }

    [Fact]
    public void The_published_interleaving() =>
        Assert.Equal(118_446, _case.Json("--schedule", "interleaved").GetProperty("makespan").GetInt64());

    [Fact]
    public void The_published_adaptive_layout()
    {
        JsonElement json = _case.Json("--partition", OctoPipePartition, "--placement", OctoPipePlacement, "--budget", "1500");
        Assert.Equal("adaptive", json.GetProperty("schedule").GetString());
        Assert.Equal([86_392, 84_880, 84_728, 84_776], Numbers(json, "work"));
        Assert.InRange(json.GetProperty("makespan").GetInt64(), json.GetProperty("lowerBound").GetInt64(), 89_882);
        Assert.Equal(86_392, json.GetProperty("lowerBound").GetInt64());
        Assert.Equal("[[0,4,8,12,16,19,20],[1,5,9,13,17,21],[2,6,10,14,18,22],[3,7,11,15,23]]", json.GetProperty("placement").GetRawText());
        Assert.Equal(OctoPipePartition, string.Join(',', Numbers(json, "partition")));
        Assert.InRange(json.GetProperty("searchedCandidates").GetInt32(), 1, 1600);
    }

    [Theory]
    [InlineData("gpipe", "X", 4)]
    [InlineData("1f1b", "X", 4)]
    [InlineData("interleaved", "X", 8)]
    [InlineData("zb-h1", "BW", 4)]
    [InlineData("zb-h2", "BW", 4)]
    [InlineData("zb-v", "BW", 8)]
    [InlineData("dualpipe-v", "XBW", 8)]
    [InlineData("adaptive", "BW", null)]
    public void Every_schedule_adds_up(string schedule, string backward, int? stages)
    {
        JsonElement json = _case.Json("--schedule", schedule, "--budget", "300", "--hop", "20", "--overhead", "3");
        Assert.Equal(Members, json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(schedule, json.GetProperty("schedule").GetString());
        Assert.True(stages is null || json.GetProperty("stages").GetInt32() == stages);
        long makespan = json.GetProperty("makespan").GetInt64();
        Assert.InRange(json.GetProperty("span").GetInt64(), 1, makespan);
        Assert.InRange(json.GetProperty("lowerBound").GetInt64(), 1, makespan);
        Assert.Equal(56, Numbers(json, "partition").Sum());
        for (int device = 0; device < 4; device++)
        {
            Assert.Equal(makespan, new[] { "work", "warmupBubble", "residualBubble", "cooldownBubble" }.Sum(member => Numbers(json, member)[device]));
            Assert.Equal(8 * json.GetProperty("placement")[device].GetArrayLength(), Programs(json)[device].Count(action => action[0] == 'F'));
        }

        string kinds = string.Concat(Programs(json).SelectMany(program => program).Select(action => action[0]).Where(kind => kind != 'F').Distinct().Order());
        Assert.Equal(string.Concat(backward.Order()), kinds);
    }

    [Fact]
    public void All_schedules_in_one_object()
    {
        JsonElement json = _case.Json("--schedule", "all", "--budget", "300");
        Assert.Equal(["schedules"], json.EnumerateObject().Select(member => member.Name));
        JsonElement[] schedules = [.. json.GetProperty("schedules").EnumerateArray()];
        Assert.Equal(
            ["gpipe", "1f1b", "interleaved", "zb-h1", "zb-h2", "zb-v", "dualpipe-v", "adaptive"],
            schedules.Select(schedule => schedule.GetProperty("schedule").GetString()));
        Assert.All(schedules, schedule => Assert.Equal(Members, schedule.EnumerateObject().Select(member => member.Name)));
        Assert.Equal(schedules.Min(Makespan), Makespan(schedules[^1]));

        static long Makespan(JsonElement schedule) => schedule.GetProperty("makespan").GetInt64();
    }

    [Fact]
    public void All_leaves_out_what_the_counts_or_the_cap_do_not_allow()
    {
        CommandOutcome outcome = CommandOutcome.Of(
            "pipeline", "--layers", _case.Nano, "--devices", "4", "--micro-batches", "6", "--schedule", "all", "--budget", "200", "--json", "--activation-cap", "60");
        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal(
            "left out gpipe: --activation-cap 60: gpipe holds 84 layers x micro-batches on device 0\n"
            + "left out interleaved: --schedule interleaved: interleaving takes micro-batches in rounds of 4 (the devices), and 6 is no multiple of it\n"
            + "left out zb-h2: --activation-cap 60: zb-h2 holds 84 layers x micro-batches on device 0\n"
            + "left out dualpipe-v: --schedule dualpipe-v: DualPipeV over 4 devices needs at least 8 micro-batches, two a device, not 6\n",
            outcome.Error);
        Assert.Equal(
            ["1f1b", "zb-h1", "zb-v", "adaptive"],
            Parse(outcome.Output).GetProperty("schedules").EnumerateArray().Select(schedule => schedule.GetProperty("schedule").GetString()));
    }

    [Fact]
    public void A_search_keeps_the_cap()
    {
        foreach (int cap in new[] { 56, 20, 14 })
            Assert.All(Numbers(_case.Json("--activation-cap", $"{cap}", "--budget", "300"), "peakActivations"), peak => Assert.InRange(peak, 1, cap));
    }

    [Fact]
    public void Free_ends_count_like_other_layers()
    {
        JsonElement json = _case.Json("--schedule", "1f1b", "--free-ends", "--partition", "15,15,15,13");
        Assert.Equal([60, 45, 30, 13], Numbers(json, "peakActivations"));
        JsonElement searched = _case.Json("--free-ends", "--budget", "300");
        Assert.Equal(58, Numbers(searched, "partition").Sum());
    }

    [Fact]
    public void Vocabulary_slices_are_layers_that_hold_nothing()
    {
        JsonElement whole = _case.Json("--schedule", "1f1b"), sliced = _case.Json("--schedule", "1f1b", "--vocabulary-slices", "3", "--partition", "17,14,14,17");
        Assert.Equal(Numbers(whole, "work"), Numbers(sliced, "work"));
        Assert.Equal(Numbers(whole, "peakActivations"), Numbers(sliced, "peakActivations"));
        JsonElement searched = _case.Json("--vocabulary-slices", "3", "--budget", "300");
        Assert.Equal(62, Numbers(searched, "partition").Sum());
        Assert.Equal(Numbers(whole, "work").Sum(), Numbers(searched, "work").Sum());
    }

    [Fact]
    public void A_given_placement_is_kept_and_the_partition_is_searched()
    {
        JsonElement json = _case.Json("--placement", "3,4;2,5;1,6;0,7", "--budget", "300");
        Assert.Equal("[[3,4],[2,5],[1,6],[0,7]]", json.GetProperty("placement").GetRawText());
        Assert.Equal("[[0],[1],[2],[3]]", _case.Json("--placement", "0;1;2;3", "--budget", "10").GetProperty("placement").GetRawText());
    }

    [Fact]
    public void A_given_partition_is_kept_and_the_placement_is_searched() =>
        Assert.Equal([10, 10, 10, 10, 16], Numbers(_case.Json("--partition", "10,10,10,10,16", "--budget", "300"), "partition"));

    [Fact]
    public void A_partition_says_how_often_to_interleave() =>
        Assert.Equal(12, _case.Json("--schedule", "interleaved", "--partition", "5,5,5,5,5,5,5,5,4,4,4,4").GetProperty("stages").GetInt32());

    [Fact]
    public void Chunks_bound_a_search()
    {
        Assert.Equal(4, _case.Json("--chunks", "1", "--budget", "300").GetProperty("stages").GetInt32());
        Assert.InRange(_case.Json("--chunks", "2", "--budget", "6000").GetProperty("stages").GetInt32(), 4, 8);
        Assert.Equal(28, _case.Json("--schedule", "interleaved", "--chunks", "7").GetProperty("stages").GetInt32());
    }

    [Fact]
    public void An_unsplit_search_has_no_W() =>
        Assert.DoesNotContain(Programs(_case.Json("--split-backward", "false", "--budget", "1200")).SelectMany(program => program), action => action[0] is 'B' or 'W');

    [Fact]
    public void Hops_and_overhead_take_time()
    {
        long free = _case.Json("--schedule", "1f1b").GetProperty("makespan").GetInt64();
        Assert.True(_case.Json("--schedule", "1f1b", "--hop", "100").GetProperty("makespan").GetInt64() > free);
        Assert.Equal(
            [85_160, 76_320, 76_320, 103_616], Numbers(_case.Json("--schedule", "1f1b", "--overhead", "10"), "work"));
    }

    [Fact]
    public void Exclusive_links_are_never_faster()
    {
        foreach (string schedule in new[] { "gpipe", "1f1b", "interleaved", "zb-v", "adaptive" })
        {
            string[] options = ["--schedule", schedule, "--budget", "200", "--hop"];
            long shared = Makespan([.. options, "9000"]), exclusive = Makespan([.. options, "9000", "--exclusive-links"]);
            Assert.True(exclusive >= shared, schedule);
            Assert.True(exclusive > shared || schedule != "gpipe");
            Assert.Equal(Makespan([.. options, "0"]), Makespan([.. options, "0", "--exclusive-links"]));
        }

        long Makespan(string[] options) => _case.Json(options).GetProperty("makespan").GetInt64();
    }

    [Fact]
    public void One_device()
    {
        CommandOutcome outcome = CommandOutcome.Of(
            "pipeline", "--layers", _case.Write("even.layers.json", SampleProfiles.Even(3)), "--devices", "1", "--micro-batches", "1", "--json", "--budget", "10");
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.Equal(9, Parse(outcome.Output).GetProperty("makespan").GetInt64());
    }

    [Theory]
    [InlineData("adaptive")]
    [InlineData("all")]
    [InlineData("zb-v")]
    public void Cultures_change_nothing(string schedule)
    {
        string[] arguments = ["pipeline", "--layers", _case.Nano, "--devices", "4", "--micro-batches", "8", "--schedule", schedule, "--budget", "200"];
        Assert.Equal(CommandOutcome.Of(arguments).Output, CommandOutcome.Under("tr-TR", arguments).Output);
        string json = CommandOutcome.Under("tr-TR", [.. arguments, "--json"]).Output;
        Assert.Equal(WithoutTimes(CommandOutcome.Of([.. arguments, "--json"]).Output), WithoutTimes(json));

        static string WithoutTimes(string text) => System.Text.RegularExpressions.Regex.Replace(text, "\"planMs\":[0-9]+(\\.[0-9])?}", "");
    }
}
