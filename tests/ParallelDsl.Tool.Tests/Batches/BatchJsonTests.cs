using System.Text.Json;
using ParallelDsl.Planning.Strategies;
using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Batches;

/// <summary>What the JSON says adds up.</summary>
public sealed class BatchJsonTests : IDisposable
{
    // Of the model of the case: 2 (2 h^2 + 2 h h_k + 3 h i) a layer and an even share of the head; 4 h a pair and a layer.
    private const long TokenForward = (4 * 2 * ((2 * 512 * 512) + (2 * 512 * 256) + (3 * 512 * 1024))) + (2 * 512 * 1000);
    private const long PairForward = 4 * 4 * 512;

    private readonly BatchCase _case = new();

    public static TheoryData<string> Strategies => [.. StrategyNames.All];

    public void Dispose() => _case.Dispose();

    [Theory]
    [MemberData(nameof(Strategies))]
    public void Of_one_strategy(string strategy)
    {
        JsonElement json = _case.Json("--strategy", strategy, "--over", "te-cp,hybrid-dp", "--batches", "3", "--seed", "5");
        Check(json, strategy, batches: 3, ranks: 4);
        Assert.Equal(["te-cp", "hybrid-dp"], Names(json.GetProperty("summary").GetProperty("speedupOver")));
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void Of_one_strategy_in_a_pipeline(string strategy)
    {
        JsonElement json = _case.Json("--strategy", strategy, "--over", "none", "--stages", "2", "--units", "4");
        Check(json, strategy, batches: 1, ranks: json.GetProperty("batches")[0].GetProperty("ranks").GetArrayLength());
        Assert.Empty(json.GetProperty("summary").GetProperty("speedupOver").EnumerateObject());
    }

    [Fact]
    public void Of_all_strategies()
    {
        JsonElement json = _case.Json("--strategy", "all");
        Assert.Equal(["strategies"], Names(json));
        JsonElement[] strategies = [.. json.GetProperty("strategies").EnumerateArray()];
        Assert.Equal(StrategyNames.All, strategies.Select(strategy => strategy.GetProperty("strategy").GetString()!));
        Dictionary<string, long> times = strategies.ToDictionary(
            strategy => strategy.GetProperty("strategy").GetString()!, strategy => strategy.GetProperty("summary").GetProperty("meanSimulatedNs").GetInt64());
        foreach (JsonElement strategy in strategies)
        {
            string name = strategy.GetProperty("strategy").GetString()!;
            Check(strategy, name, batches: 1, ranks: 4);
            JsonProperty[] speedups = [.. strategy.GetProperty("summary").GetProperty("speedupOver").EnumerateObject()];
            Assert.Equal(StrategyNames.Baselines, speedups.Select(speedup => speedup.Name));
            foreach (JsonProperty speedup in speedups)
                Assert.Equal(Math.Round((decimal)times[speedup.Name] / times[name], 3, MidpointRounding.AwayFromZero), speedup.Value.GetDecimal());
        }
    }

    [Fact]
    public void Alone_or_among_others_a_strategy_says_the_same()
    {
        JsonElement all = _case.Json("--strategy", "hierarchical,te-cp,groups", "--over", "te-cp");
        foreach (JsonElement strategy in all.GetProperty("strategies").EnumerateArray())
        {
            JsonElement alone = _case.Json("--strategy", strategy.GetProperty("strategy").GetString()!, "--over", "te-cp");
            Assert.Equal(WithoutPlanningTime(strategy), WithoutPlanningTime(alone));
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes()
    {
        string[] options = ["batch", "--lengths", _case.Lengths, "--cluster", _case.Cluster, "--model", _case.Model, "--batches", "3", "--seed", "11", "--json", "--strategy", "joint,groups", "--tokens", "9000"];
        string first = WithoutPlanningTime(BatchCase.Parse(CommandOutcome.Of(options).Output));
        Assert.Equal(first, WithoutPlanningTime(BatchCase.Parse(CommandOutcome.Of(options).Output)));
        Assert.Equal(first, WithoutPlanningTime(BatchCase.Parse(CommandOutcome.Under("tr-TR", options).Output)));
        options[10] = "12";
        Assert.NotEqual(first, WithoutPlanningTime(BatchCase.Parse(CommandOutcome.Of(options).Output)));
    }

    [Fact]
    public void Line_ends_and_blank_lines_do_not_matter()
    {
        string text = File.ReadAllText(_case.Lengths);
        string windows = _case.Write("windows.txt", "\uFEFF" + text.Replace("\n", "\r\n", StringComparison.Ordinal));
        string blank = _case.Write("blank.txt", "\n  " + text.Replace("\n", " \n\n", StringComparison.Ordinal).TrimEnd());
        string[] options = ["--strategy", "te-cp", "--over", "none", "--json"];
        string expected = WithoutPlanningTime(BatchCase.Parse(_case.Run(options).Output));
        Assert.Equal(expected, WithoutPlanningTime(BatchCase.Parse(_case.RunWith(windows, options).Output)));
        Assert.Equal(expected, WithoutPlanningTime(BatchCase.Parse(_case.RunWith(blank, options).Output)));
    }

    [Fact]
    public void Clusters_and_models_that_are_built_in()
    {
        foreach (string cluster in new[] { "a800-2x8", "h200-4x8" })
        {
            CommandOutcome outcome = CommandOutcome.Of(
                "batch", "--lengths", _case.Lengths, "--cluster", cluster, "--model", "moe-8x550m", "--strategy", "groups", "--over", "none", "--json");
            Assert.True(outcome.ExitCode == 0, outcome.Error);
            JsonElement batch = BatchCase.Parse(outcome.Output).GetProperty("batches")[0];
            Assert.Equal(cluster == "a800-2x8" ? 16 : 32, batch.GetProperty("ranks").GetArrayLength());

            // All of the file is one batch.
            Assert.Equal((BatchCase.LongTail.Length, BatchCase.LongTail.Sum()), (batch.GetProperty("sequences").GetInt32(), batch.GetProperty("tokens").GetInt32()));
        }
    }

    private static void Check(JsonElement json, string strategy, int batches, int ranks)
    {
        Assert.Equal(["strategy", "batches", "summary"], Names(json));
        Assert.Equal(strategy, json.GetProperty("strategy").GetString());
        JsonElement[] items = [.. json.GetProperty("batches").EnumerateArray()];
        Assert.Equal(batches, items.Length);
        foreach (JsonElement batch in items)
            CheckBatch(batch, ranks);

        JsonElement summary = json.GetProperty("summary");
        Assert.Equal(["meanSimulatedNs", "speedupOver", "forwardImbalance", "backwardImbalance"], Names(summary));
        decimal mean = items.Average(batch => batch.GetProperty("simulatedNs").GetDecimal());
        Assert.InRange(summary.GetProperty("meanSimulatedNs").GetDecimal() - mean, -0.5m, 0.5m);
        Assert.Equal(Imbalance(items, "forwardCost"), summary.GetProperty("forwardImbalance").GetDecimal());
        Assert.Equal(Imbalance(items, "backwardCost"), summary.GetProperty("backwardImbalance").GetDecimal());
    }

    private static void CheckBatch(JsonElement batch, int ranks)
    {
        Assert.Equal(["sequences", "tokens", "planNs", "simulatedNs", "crossNodeBytes", "ranks"], Names(batch));
        Assert.True(batch.GetProperty("planNs").GetInt64() > 0);
        Assert.True(batch.GetProperty("simulatedNs").GetInt64() > 0);
        JsonElement[] items = [.. batch.GetProperty("ranks").EnumerateArray()];
        Assert.Equal(ranks, items.Length);
        var slices = new List<(int Sequence, int Start, int Length, string Zone, int Rank)>();
        for (int rank = 0; rank < ranks; rank++)
        {
            JsonElement item = items[rank];
            Assert.Equal(["rank", "tokens", "forwardCost", "backwardCost", "slices"], Names(item));
            Assert.Equal(rank, item.GetProperty("rank").GetInt32());
            foreach (JsonElement slice in item.GetProperty("slices").EnumerateArray())
            {
                Assert.Equal(["sequence", "start", "length", "zone"], Names(slice));
                slices.Add((
                    slice.GetProperty("sequence").GetInt32(), slice.GetProperty("start").GetInt32(), slice.GetProperty("length").GetInt32(),
                    slice.GetProperty("zone").GetString()!, rank));
            }

            Assert.Equal(item.GetProperty("tokens").GetInt64(), slices.Where(slice => slice.Rank == rank).Sum(slice => (long)slice.Length));
        }

        long tokens = batch.GetProperty("tokens").GetInt64();
        Assert.Equal(tokens, items.Sum(item => item.GetProperty("tokens").GetInt64()));
        Assert.InRange(tokens, 1, 16_384);

        // Every sequence is tiled, and what all ranks compute is what its triangle costs, however it was cut.
        var sequences = slices.GroupBy(slice => slice.Sequence).OrderBy(sequence => sequence.Key).ToList();
        Assert.Equal(Enumerable.Range(0, batch.GetProperty("sequences").GetInt32()), sequences.Select(sequence => sequence.Key));
        long forward = 0, backward = 0;
        foreach (IGrouping<int, (int Sequence, int Start, int Length, string Zone, int Rank)> sequence in sequences)
        {
            int end = 0;
            foreach ((int _, int start, int length, string _, int _) in sequence.OrderBy(slice => slice.Start))
            {
                Assert.Equal(end, start);
                Assert.True(length > 0);
                end += length;
            }

            long pairs = (long)end * (end + 1) / 2;
            forward += (PairForward * pairs) + (TokenForward * end);
            backward += (PairForward / 2 * 5 * pairs) + (2 * TokenForward * end);
            CheckZones([.. sequence.Select(slice => (slice.Zone, slice.Rank))], ranks);
        }

        Assert.Equal(forward, items.Sum(item => item.GetProperty("forwardCost").GetInt64()));
        Assert.Equal(backward, items.Sum(item => item.GetProperty("backwardCost").GetInt64()));
    }

    // A zone is at least as wide as where the slices lie. Four ranks are on two nodes, two on one.
    private static void CheckZones((string Zone, int Rank)[] slices, int ranks)
    {
        int[] held = [.. slices.Select(slice => slice.Rank).Distinct()];
        int nodes = ranks == 4 ? held.Select(rank => rank / 2).Distinct().Count() : 1;
        Assert.All(slices, slice => Assert.Contains(slice.Zone, new[] { "local", "intra-node", "inter-node" }));
        if (nodes > 1)
            Assert.Contains("inter-node", slices.Select(slice => slice.Zone));
        if (slices.All(slice => slice.Zone == "local"))
            Assert.Single(held);
    }

    private static decimal Imbalance(JsonElement[] batches, string cost) => Math.Round(
        batches.Average(batch =>
        {
            long[] costs = [.. batch.GetProperty("ranks").EnumerateArray().Select(rank => rank.GetProperty(cost).GetInt64())];
            return costs.Max() * (decimal)costs.Length / costs.Sum();
        }),
        3,
        MidpointRounding.AwayFromZero);

    private static string WithoutPlanningTime(JsonElement json) =>
        System.Text.RegularExpressions.Regex.Replace(json.GetRawText(), "\"planNs\":[0-9]+", "\"planNs\":0");

    private static string[] Names(JsonElement json) => [.. json.EnumerateObject().Select(member => member.Name)];
}
