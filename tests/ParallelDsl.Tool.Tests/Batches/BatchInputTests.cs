using System.Text.Json;
using ParallelDsl.Tool.Tests.Commands;
using static ParallelDsl.Tool.Tests.Batches.BatchCase;

namespace ParallelDsl.Tool.Tests.Batches;

/// <summary>Each wrong input is one line and an exit code.</summary>
public sealed class BatchInputTests : IDisposable
{
    private const string Strategies = "joint, hierarchical, asymmetric, te-cp, te-cp-tuned, all-gather-cp, hybrid-dp, wlb, groups, lpt-blocks, "
        + "whole-sample, whole-sample-tuned";

    private const string NoRoom = "[0-9]+ tokens find no room: the batch has 6 sequences and 3840000 tokens; "
        + "each of 4 devices has room for [0-9]+ tokens of all layers \\([0-9]+ with recomputation\\)\n";

    private readonly BatchCase _case = new();

    public void Dispose() => _case.Dispose();

    [Theory]
    [InlineData("0", "expected a whole number of tokens from 1 to 2147483647, found '0'")]
    [InlineData("-5", "expected a whole number of tokens from 1 to 2147483647, found '-5'")]
    [InlineData("+5", "expected a whole number of tokens from 1 to 2147483647, found '+5'")]
    [InlineData("12.5", "expected a whole number of tokens from 1 to 2147483647, found '12.5'")]
    [InlineData("1,024", "expected a whole number of tokens from 1 to 2147483647, found '1,024'")]
    [InlineData("1e3", "expected a whole number of tokens from 1 to 2147483647, found '1e3'")]
    [InlineData("NaN", "expected a whole number of tokens from 1 to 2147483647, found 'NaN'")]
    [InlineData("12 34", "expected a whole number of tokens from 1 to 2147483647, found '12 34'")]
    [InlineData("2147483648", "expected a whole number of tokens from 1 to 2147483647, found '2147483648'")]
    [InlineData("99999999999999999999999", "expected a whole number of tokens from 1 to 2147483647, found '99999999999999999999999'")]
    [InlineData("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        "expected a whole number of tokens from 1 to 2147483647, found 'abcdefghijklmnopqrstuvwxyzabcdefghijklmn...'")]
    public void Wrong_lengths(string line, string fault)
    {
        string path = _case.Write("wrong.txt", $"100\n\n200\n{line}\n");
        Refuses(_case.RunWith(path), 2, $"{path}: line 4, length: {fault}");
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData(" \r\n\r\n\t\n")]
    public void Files_without_lengths(string text)
    {
        string path = _case.Write("empty.txt", text);
        Refuses(_case.RunWith(path), 2, $"{path}: has no lengths; write one a line");
    }

    [Fact]
    public void Files_that_are_none()
    {
        Refuses(_case.RunWith(_case.File("missing.txt")), 2, $"{_case.File("missing.txt")}: no such file");
        Refuses(_case.RunWith(_case.Folder), 2, $"{_case.Folder}: is a folder; name a file in it");
    }

    [Fact]
    public void Sequences_over_the_context_are_cut()
    {
        CommandOutcome cut = _case.Run("--context", "2000", "--strategy", "te-cp", "--over", "none", "--json");
        Assert.Equal((0, "cut 5 sequences to the context of 2,000 tokens\n"), (cut.ExitCode, cut.Error));

        // Without a context the tokens of a batch are it.
        string path = _case.Write("longer.txt", "100\n20000\n");
        cut = _case.RunWith(path, "--strategy", "te-cp", "--over", "none", "--json");
        Assert.Equal((0, "cut 1 sequence to the context of 16,384 tokens\n"), (cut.ExitCode, cut.Error));
    }

    [Fact]
    public void A_sequence_for_which_no_memory_is_enough()
    {
        string path = _case.Write("long.txt", "5\n16000000\n");
        CommandOutcome outcome = _case.RunWith(path, "--tokens", "16777216");
        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Output));
        Assert.Matches($"^paralleldsl batch: .*long.txt: line 2, length: 16000000 tokens are more than the [0-9]+ that all 4 devices have room for\n$", outcome.Error);
    }

    [Fact]
    public void A_batch_for_which_memory_is_too_small()
    {
        // With a context of the whole batch there is one pack, and no room for it.
        string path = _case.Write("many.txt", string.Concat(Enumerable.Repeat("640000\n", 6)));
        CommandOutcome outcome = _case.RunWith(path, "--tokens", "16777216", "--strategy", "whole-sample", "--over", "none");
        Assert.Equal((1, ""), (outcome.ExitCode, outcome.Output));
        Assert.Matches($"^paralleldsl batch: --strategy whole-sample: {NoRoom}$", outcome.Error);

        // Beside another it is left out, and the note says why; in others' speed-ups it is not there.
        outcome = _case.RunWith(path, "--tokens", "16777216", "--strategy", "te-cp,whole-sample", "--over", "te-cp,whole-sample", "--json");
        Assert.Equal(0, outcome.ExitCode);
        Assert.Matches($"^left out whole-sample: {NoRoom}$", outcome.Error);
        JsonElement strategy = Assert.Single(Parse(outcome.Output).GetProperty("strategies").EnumerateArray());
        Assert.Equal("te-cp", strategy.GetProperty("strategy").GetString());
        Assert.Equal("{\"te-cp\":1.000}", strategy.GetProperty("summary").GetProperty("speedupOver").GetRawText());
    }

    [Fact]
    public void A_model_for_which_memory_is_too_small() => Refuses(
        CommandOutcome.Of("batch", "--lengths", _case.Lengths, "--cluster", _case.Cluster, "--model", "30b"),
        1,
        "the state of 30b, 121 GiB on each of 4 devices, leaves no room for a token");

    [Theory]
    [InlineData("--strategy: no strategy is called 'joined'; did you mean joint?; known are " + Strategies + " and all", "--strategy", "joined")]
    [InlineData("--strategy: no strategy is called 'zzzzzzzz'; known are " + Strategies + " and all", "--strategy", "zzzzzzzz")]
    [InlineData("--strategy: no strategy is called ''; known are " + Strategies + " and all", "--strategy", "te-cp,")]
    [InlineData("--strategy: te-cp stands there twice", "--strategy", "te-cp,te-cp")]
    [InlineData("--over: no baseline is called 'joint'; known are te-cp, te-cp-tuned, all-gather-cp, hybrid-dp, wlb, groups, lpt-blocks, "
        + "whole-sample, whole-sample-tuned and all and none", "--over", "joint")]
    [InlineData("--model: no model and no file is called '8b'; did you mean 3b or 7b or 13b?; known are 3b, 7b, 13b, 30b, moe-8x550m", "--model", "8b")]
    [InlineData("--cluster: no cluster and no file is called 'a800-2x9'; did you mean a800-2x8 or a800-4x8 or a800-16x8?; "
        + "known are a800-2x8, a800-4x8, a800-16x8, h800-4x8, h200-4x8", "--cluster", "a800-2x9")]
    [InlineData("nowhere/cluster.json: no such file", "--cluster", "nowhere/cluster.json")]
    [InlineData("--tokens: expected a whole number from 1 to 16777216, found '0' (see paralleldsl batch --help)", "--tokens", "0")]
    [InlineData("--tokens: expected a whole number from 1 to 16777216, found '-1' (see paralleldsl batch --help)", "--tokens", "-1")]
    [InlineData("--tokens: expected a whole number from 1 to 16777216, found 'NaN' (see paralleldsl batch --help)", "--tokens", "NaN")]
    [InlineData("--tokens: expected a whole number from 1 to 16777216, found '1e6' (see paralleldsl batch --help)", "--tokens", "1e6")]
    [InlineData("--context: expected a whole number from 1 to 16777216, found '99999999999999999999' (see paralleldsl batch --help)",
        "--context", "99999999999999999999")]
    [InlineData("--batches: expected a whole number from 1 to 1000, found '0' (see paralleldsl batch --help)", "--batches", "0")]
    [InlineData("--stages: expected a whole number from 1 to 4096, found '0' (see paralleldsl batch --help)", "--stages", "0")]
    [InlineData("--units: expected a whole number from 1 to 4096, found '5000' (see paralleldsl batch --help)", "--units", "5000")]
    [InlineData("--seed: expected a whole number from 0 to 9223372036854775807, found '-1' (see paralleldsl batch --help)", "--seed", "-1")]
    [InlineData("--stages 3: does not divide the 4 devices of the cluster", "--stages", "3")]
    [InlineData("--stages 8: are more than the 4 layers of the model", "--cluster", "a800-2x8", "--stages", "8")]
    [InlineData("--svg: needs the name of a file", "--svg", "")]
    [InlineData("unknown option '--length'; did you mean --lengths? (see paralleldsl batch --help)", "--length", "x")]
    public void Wrong_options(string line, params string[] options) => Refuses(_case.Run(options), 2, line);

    [Fact]
    public void What_is_missing()
    {
        Refuses(CommandOutcome.Of("batch", "--cluster", "a800-2x8"), 2, "Option '--lengths' is required (see paralleldsl batch --help)");
        Refuses(CommandOutcome.Of("batch", "--lengths", _case.Lengths), 2, "Option '--cluster' is required (see paralleldsl batch --help)");
    }

    [Fact]
    public void Wrong_clusters_and_models()
    {
        string cluster = _case.Write("wrong.cluster.json", "{\"name\": \"c\",\n \"colour\": \"red\", \"nodes\": [{\"device\": \"L4\"}]}");
        CommandOutcome outcome = CommandOutcome.Of("batch", "--lengths", _case.Lengths, "--cluster", cluster);
        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Output));
        Assert.StartsWith($"paralleldsl batch: {cluster}: line 2, column ", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("colour", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(1, outcome.Error.Count(character => character == '\n'));

        string model = _case.Write("wrong.model.json", "{\"name\": \"m\", \"layers\": 0}");
        outcome = CommandOutcome.Of("batch", "--lengths", _case.Lengths, "--cluster", "a800-2x8", "--model", model);
        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Output));
        Assert.StartsWith($"paralleldsl batch: {model}: line 1, column 25, layers: ", outcome.Error, StringComparison.Ordinal);

        string vast = _case.Write("vast.cluster.json", "{\"name\": \"v\", \"nodes\": [{\"count\": 1000, \"devicesPerNode\": 8, \"device\": \"L4\", \"nicsPerNode\": 1, \"nicGbps\": 1}]}");
        Refuses(CommandOutcome.Of("batch", "--lengths", _case.Lengths, "--cluster", vast), 2, $"{vast}: has 8000 devices, more than the 4096 that can be planned for");
    }

    [Fact]
    public void More_sequences_than_can_be_planned()
    {
        string path = _case.Write("ones.txt", string.Concat(Enumerable.Repeat("1\n", 65_537)));
        Refuses(_case.RunWith(path, "--tokens", "70000"), 2, "--tokens 70000: makes a batch of 65537 sequences, more than the 65536 that can be planned");
    }
}
