using System.Globalization;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Tests.Plans;

public class PlanJsonTests
{
    public static TheoryData<string> Pinned => ["1F1B", "interleaved", "host"];

    private static ParallelPlan Plan(string name) => Requests.Plan(name switch
    {
        "1F1B" => Requests.Pinned,
        "interleaved" => Requests.PinnedInterleaved,
        _ => Requests.PinnedHost,
    });

    [Theory]
    [MemberData(nameof(Pinned))]
    public void Round_trips_exactly(string name)
    {
        ParallelPlan plan = Plan(name);
        string text = PlanJson.Write(plan);
        Parsed<ParallelPlan> parsed = PlanJson.Read(text);
        Assert.Null(parsed.Error);
        Assert.Equal(plan, parsed.Value);
        Assert.Equal(plan.GetHashCode(), parsed.Value!.GetHashCode());
        Assert.Equal(text, PlanJson.Write(parsed.Value));

        ParallelPlan single = Assert.IsType<Planned>(Planner.SingleRank(plan)).Plan;
        Assert.Equal(single, PlanJson.Read(PlanJson.Write(single)).Value);
    }

    [Fact]
    public void Members_of_datapaths_and_weights_stand_where_they_say_something()
    {
        string plain = PlanJson.Write(Plan("host"));
        Assert.All((string[])["atapath", "Percent"], member => Assert.DoesNotContain(member, plain, StringComparison.Ordinal));
        PlanRequest request = Requests.PinnedHost with { Axes = Requests.PinnedHost.Axes with { Balance = SequenceBalance.Hierarchical } };
        (AxesSpec Axes, string Members)[] cases =
        [
            (request.Axes with { Datapath = Datapath.AllToAll, InterNodeDatapath = Datapath.AllToAll }, ", \"datapath\": \"AllToAll\" }"),
            (request.Axes with { Datapath = Datapath.AllToAll }, ", \"datapath\": \"AllToAll\", \"interNodeDatapath\": \"Ring\" }"),
            (request.Axes with { InterNodeDatapath = Datapath.AllToAll }, ", \"interNodeDatapath\": \"AllToAll\" }"),
            (request.Axes with { OverlapPercent = 0, AttentionPercent = 250 }, ", \"overlapPercent\": 0, \"attentionPercent\": 250 }"),
        ];
        foreach ((AxesSpec axes, string members) in cases)
        {
            ParallelPlan plan = Requests.Plan(request with { Axes = axes });
            string text = PlanJson.Write(plan);
            Assert.Contains("\"balance\": \"Hierarchical\"" + members, text, StringComparison.Ordinal);
            Assert.Equal(plan, PlanJson.Read(text).Value);
        }

        string odd = PlanJson.Write(Requests.Plan(request with { Axes = cases[3].Axes }));
        Assert.Contains("the file was changed", PlanJson.Read(odd.Replace("t\": 250", "t\": 251", StringComparison.Ordinal)).Error!.Message, StringComparison.Ordinal);
        Assert.Contains("expected a whole number", PlanJson.Read(odd.Replace("t\": 250", "t\": 2500000000", StringComparison.Ordinal)).Error!.Message, StringComparison.Ordinal);
        string path = PlanJson.Write(Requests.Plan(request with { Axes = cases[2].Axes }));
        Assert.Contains("expected one of Ring, AllToAll", PlanJson.Read(path.Replace("\"AllToAll\"", "\"allToAll\"", StringComparison.Ordinal)).Error!.Message, StringComparison.Ordinal);
        ParallelPlan sound = Requests.Plan(request);
        Assert.StartsWith(
            "the plan is not sound: OverlapPercent of the sequence axis is -1",
            PlanJson.Read(PlanJson.Write(sound with { Axes = sound.Axes with { OverlapPercent = -1 } })).Error!.Message,
            StringComparison.Ordinal);
    }

    // A change of a digest is a change of plans: intended, and told to users.
    [Theory]
    [InlineData("1F1B", "4d05e5affea1a64e1cee79c958c78c3cc1b66cabca6e8b4060f5e8d09373528a")]
    [InlineData("interleaved", "9c0c87061add63bd05a4e9ebec94e46972ed4ccf988e14f0002305cd95377031")]
    [InlineData("host", "7a2f29335003077af7e7e4afc2f475e71c9f367c15eb0ea9b1b982b95529a378")]
    public void Digests_are_stable(string name, string digest) => Assert.Equal(digest, PlanDigest.Of(Plan(name)));

    [Fact]
    public void Text_is_readable_and_clean()
    {
        string text = PlanJson.Write(Plan("host"));
        string[] lines = text.Split('\n');
        Assert.Equal("", lines[^1]);
        Assert.All(lines, line => Assert.Equal(line.TrimEnd(), line));
        Assert.DoesNotContain('\r', text);
        Assert.Contains("    \"F0.0 SF0.0 F0.1 SF0.1 F0.2 SF0.2 F0.3 SF0.3 RB0.0 X0.0 RB0.1 X0.1 RB0.2 X0.2 RB0.3 X0.3\",", lines);
        Assert.Contains("  \"axes\": { \"data\": 2, \"sequence\": 2, \"pipeline\": 2, \"schedule\": \"GPipe\", \"microBatches\": 4, \"chunks\": 1, \"unitTokens\": 128 },", lines);
        Assert.StartsWith("{\n  \"format\": \"paralleldsl.plan/1\",\n  \"digest\": \"", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tr-TR")]
    [InlineData("fi-FI")]
    [InlineData("fa-IR")]
    [InlineData("sv-SE")]
    public void Nothing_depends_on_the_culture(string culture)
    {
        string Everything()
        {
            ParallelPlan plan = Plan("interleaved");
            return string.Join("\n", [
                PlanJson.Write(plan),
                PlanJson.Read(PlanJson.Write(plan)).Error?.ToString(),
                PlanJson.Read("{\n \"format\": -1}").Error!.ToString(),
                .. Requests.Problems(new(Requests.Gpt(), Requests.Lab, new AxesSpec(-3, 2, 3, PipelineSchedule.Interleaved, 7, 1, -100_000))).Select(problem => $"{problem.Message} {problem.Fix}"),
                .. Requests.Problems(new(Requests.Gpt(), Requests.Lab, new AxesSpec(8, UnitTokens: 1 << 20))).Select(problem => $"{problem.Message} {problem.Fix}"),
                ClusterFile.Parse("{\"NAME\": \"i\", \"nodes\": [{\"device\": \"H100SXM\", \"NICGBPS\": -1}]}").Error!.ToString(),
                ClusterFile.Parse("{\"name\": \"i\", \"nodes\": [{\"device\": \"h100sxi\"}], \"devices\": [{\"name\": \"x\", \"memoryGiB\": 1.5, \"teraFlops\": 2.5, \"memoryGBps\": 1, \"linkGBps\": 1}]}").Error!.ToString(),
            ]);
        }

        string invariant = Everything();
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
            Assert.Equal(invariant, Everything());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void A_text_that_ends_anywhere_is_an_error()
    {
        string text = PlanJson.Write(Plan("host")).TrimEnd();
        for (int length = 0; length < text.Length; length++)
            Assert.NotNull(PlanJson.Read(text[..length]).Error);
        Assert.Null(PlanJson.Read(text).Error);
    }

    [Fact]
    public void Damaged_texts_never_throw_and_never_pass() => Cases.Check(
        CsCheck.Gen.Select(CsCheck.Gen.Int[0, 1_000_000], CsCheck.Gen.Int[0, 94], CsCheck.Gen.Int[0, 2]), 2_000, input =>
        {
            (int at, int character, int kind) = input;
            string text = PlanJson.Write(HostPlan.Value);
            at %= text.Length;
            string damaged = kind switch
            {
                0 => text.Remove(at, 1),
                1 => text.Insert(at, ((char)(' ' + character)).ToString()),
                _ => text.Remove(at, 1).Insert(at, ((char)(' ' + character)).ToString()),
            };
            Parsed<ParallelPlan> parsed = PlanJson.Read(damaged);

            // Only spaces between values may change.
            Assert.True(parsed.Value is null != parsed.Error is null);
            if (parsed.Value is not null)
                Assert.Equal(HostPlan.Value, parsed.Value);
        });

    private static readonly Lazy<ParallelPlan> HostPlan = new(() => Plan("host"));

    [Fact]
    public void Errors_have_their_place()
    {
        string text = PlanJson.Write(Plan("host"));
        TextError Error(string part, string other) => PlanJson.Read(text.Replace(part, other, StringComparison.Ordinal)).Error!;

        Assert.Equal("line 2, column 13, format: expected 'paralleldsl.plan/1'", Error("plan/1", "plan/2").ToString());
        Assert.Equal((3, 13, "digest"), (Error("\"granule\": 4", "\"granule\": 8").Line, Error("\"granule\": 4", "\"granule\": 8").Column, Error("\"granule\": 4", "\"granule\": 8").Field));
        Assert.Contains("the file was changed after it was written", Error("\"granule\": 4", "\"granule\": 8").Message, StringComparison.Ordinal);
        Assert.Equal("programs[1]", Error("RF1.0 F1.0", "RF1.0 Q1.0").Field);
        Assert.Contains("action 1: 'Q1.0' is not an action", Error("RF1.0 F1.0", "RF1.0 Q1.0").Message, StringComparison.Ordinal);
        Assert.Contains("expected one of GPipe, OneForwardOneBackward, Interleaved, ", Error("\"GPipe\"", "\"1\"").Message, StringComparison.Ordinal);
        Assert.EndsWith(", found '1'", Error("\"GPipe\"", "\"1\"").Message, StringComparison.Ordinal);
        Assert.Contains("expected a whole number from -2147483648 to 2147483647", Error("\"granule\": 4", "\"granule\": 4000000000").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_that_is_not_sound_is_refused_even_with_a_right_digest()
    {
        ParallelPlan plan = Plan("host");
        ParallelPlan[] wrong =
        [
            plan with { Axes = plan.Axes with { Data = 4 } },
            plan with { Axes = plan.Axes with { MicroBatches = 0 } },
            plan with { Mesh = plan.Mesh with { Sequence = 4 } },
            plan with { Mesh = plan.Mesh with { Order = [plan.Mesh.Order[0], plan.Mesh.Order[0], plan.Mesh.Order[1]] } },
            plan with { Layers = plan.Layers.Skip(1).ToEquatableArray() },
            plan with { Stages = [plan.Stages[0], plan.Stages[1] with { FirstLayer = 0 }] },
            plan with { Stages = [plan.Stages[0], plan.Stages[1] with { Device = 2 }] },
            plan with { Stages = [plan.Stages[0], plan.Stages[1] with { Forward = 0 }] },
            plan with { Stages = [plan.Stages[0] with { LayerCount = int.MaxValue }, plan.Stages[1]] },
            plan with { Stages = [plan.Stages[0]] },
            plan with { Stages = default },
            plan with { Programs = [plan.Programs[0]] },
            plan with { Programs = [plan.Programs[1], plan.Programs[0]] },
            plan with { Programs = [plan.Programs[0], new(plan.Programs[1].Actions.Skip(1).ToEquatableArray())] },
            plan with { Batching = plan.Batching with { Granule = 3 } },
            plan with { Memory = default },
            plan with { Memory = [plan.Memory[0], plan.Memory[1] with { Weights = -1 }] },
            plan with { Memory = [plan.Memory[0], plan.Memory[1] with { Weights = long.MaxValue }] },
            plan with { Memory = [plan.Memory[0], plan.Memory[1] with { UnitsInFlight = 1 }] },
            plan with { Estimates = plan.Estimates with { Makespan = plan.Estimates.Makespan - 1 } },
            plan with { Model = plan.Model with { ContextLength = 63 } },
            plan with { Cluster = Requests.Lab },
        ];
        foreach (ParallelPlan candidate in wrong)
        {
            TextError? error = PlanJson.Read(PlanJson.Write(candidate)).Error;
            Assert.NotNull(error);
            Assert.StartsWith("the plan is not sound: ", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Names_with_any_character_survive()
    {
        PlanRequest request = Requests.PinnedHost with
        {
            Model = Requests.Tiny() with { Name = "\"\\\0\u2028\n\té\U0001F600\uD800" },
        };
        ParallelPlan plan = Requests.Plan(request);
        Assert.Equal(plan, PlanJson.Read(PlanJson.Write(plan)).Value);
    }
}
