using ParallelDsl.Tool.Tests.Commands;
using static ParallelDsl.Tool.Tests.Pipelines.PipelineCase;

namespace ParallelDsl.Tool.Tests.Pipelines;

/// <summary>Each wrong input is one line and an exit code.</summary>
public sealed class PipelineInputTests : IDisposable
{
    private readonly PipelineCase _case = new();

    public void Dispose() => _case.Dispose();

    [Theory]
    [InlineData("--schedule: no schedule is called '1f2b'; did you mean 1f1b?; known are gpipe, 1f1b, interleaved, zb-h1, zb-h2, zb-v, dualpipe-v, adaptive and all",
        "--schedule", "1f2b")]
    [InlineData("--schedule zb-h1: always splits the backward into B and W; leave --split-backward out", "--schedule", "zb-h1", "--split-backward", "false")]
    [InlineData("--split-backward: expected true or false, found 'yes'", "--split-backward", "yes")]
    [InlineData("--hop: expected a whole number from 0 to 1000000000000, found '-5' (see paralleldsl pipeline --help)", "--hop", "-5")]
    [InlineData("--hop: expected a whole number from 0 to 1000000000000, found 'NaN' (see paralleldsl pipeline --help)", "--hop", "NaN")]
    [InlineData("--budget: expected a whole number from 1 to 100000000, found '0' (see paralleldsl pipeline --help)", "--budget", "0")]
    [InlineData("--partition: has 3 stages, fewer than the 4 devices", "--partition", "14,14,28")]
    [InlineData("--partition: has 55 layers, and the model has 56 that are not pinned", "--schedule", "1f1b", "--partition", "14,14,14,13")]
    [InlineData("--partition: has 56 layers, and the model has 58", "--schedule", "1f1b", "--free-ends", "--partition", "14,14,14,14")]
    [InlineData("--partition: '1x' is not a number of layers; write one over 0 for each stage, as in 14,14,14,14", "--partition", "14,14,14,1x")]
    [InlineData("--partition: '0' is not a number of layers; write one over 0 for each stage, as in 14,14,14,14", "--partition", "28,14,14,0")]
    [InlineData("--schedule 1f1b: the partition has 5 stages, and the placement 4", "--schedule", "1f1b", "--partition", "10,10,10,10,16")]
    [InlineData("--placement: lists the stages of 3 devices, and --devices says 4", "--placement", "0;1;2")]
    [InlineData("--placement: stage 3 is missing; stages go from 0 to 4", "--placement", "0;1;2;4")]
    [InlineData("--placement: stage 2 is on device 2 and on device 3", "--placement", "0;1;2;2,3")]
    [InlineData("--placement: stage 0 stands twice on device 0", "--placement", "0,0;1;2;3")]
    [InlineData("--placement: device 2 has no stage", "--placement", "0;1;;2")]
    [InlineData("--placement: '-1' is not the number of a stage; write the stages of each device, as in 0,4;1,5;2;3", "--placement", "0;1;2;-1")]
    [InlineData("--placement: has 5 stages, and the partition 4", "--partition", "14,14,14,14", "--placement", "0,4;1;2;3")]
    [InlineData("--schedule interleaved: Interleaved runs over stages on devices 0, 1, 2, 3, 0, 1, 2, 3, and the placement is 0, 1, 2, 3, 3, 2, 1, 0",
        "--schedule", "interleaved", "--placement", "0,7;1,6;2,5;3,4")]
    [InlineData("--schedule 1f1b: OneForwardOneBackward has one stage a device, not 2", "--schedule", "1f1b", "--chunks", "2")]
    [InlineData("--schedule interleaved: 56 layers do not make 80 stages", "--schedule", "interleaved", "--chunks", "20")]
    [InlineData("--chunks 3: is 12 stages on 4 devices, and the partition has 4", "--partition", "14,14,14,14", "--chunks", "3")]
    [InlineData("--free-ends and --vocabulary-slices contradict each other; ask for one of them", "--free-ends", "--vocabulary-slices", "2")]
    [InlineData("--partition and --from-layout contradict each other; ask for one of them", "--partition", "1", "--from-layout", "EtL")]
    [InlineData("--csv-transfers: goes with --csv", "--csv-transfers")]
    [InlineData("--csv: shows one schedule, and --schedule all makes several; name one", "--schedule", "all", "--csv", "x.csv")]
    [InlineData("--layout: shows one schedule, and --schedule all makes several; name one", "--schedule", "all", "--layout")]
    [InlineData("--svg: needs the name of a file", "--svg", "")]
    [InlineData("--from-layout: line 1, column 12: 'x' is no layer; known are E embedding, t transformer, m MTP, L loss", "--from-layout", "Et*14|t*14|x")]
    [InlineData("--from-layout: the last layer is not the loss, L", "--from-layout", "Et|t|t|t")]
    [InlineData("--from-layout: stage 3 has no layer; with --free-ends the embedding and the loss count", "--from-layout", "Et|t|t|L")]
    [InlineData("unknown option '--layer'; did you mean --layers or --layout? (see paralleldsl pipeline --help)", "--layer", "x")]
    public void Contradictions(string line, params string[] options) => Refuses(_case.Run(options), 2, line);

    [Fact]
    public void What_is_missing()
    {
        Refuses(CommandOutcome.Of("pipeline", "--layers", _case.Nano, "--devices", "4"), 2, "--micro-batches is required");
        Refuses(CommandOutcome.Of("pipeline", "--layers", _case.Nano, "--micro-batches", "4"), 2, "--devices is required");
        Refuses(CommandOutcome.Of("pipeline", "--devices", "4"), 2, "Option '--layers' is required (see paralleldsl pipeline --help)");
    }

    [Fact]
    public void More_stages_than_layers() => Refuses(
        CommandOutcome.Of("pipeline", "--layers", _case.Nano, "--devices", "57", "--micro-batches", "4"),
        2,
        $"{_case.Nano}: has 56 layers that are not pinned, fewer than a stage for each of 57 devices");

    [Theory]
    [InlineData("""{"kind": "mamba", "forward": -1, "backwardInput": 1, "backwardWeight": 1}""",
        "column 30, layers[0].forward: expected a number from 0 to 10000000000, found -1")]
    [InlineData("""{"kind": "mamba", "forward": NaN, "backwardInput": 1, "backwardWeight": 1}""",
        "column 30, layers[0].forward: expected a value, found 'N'")]
    [InlineData("""{"kind": "mambo", "forward": 1, "backwardInput": 1, "backwardWeight": 1}""",
        "column 10, layers[0].kind: the kind 'mambo' is unknown; did you mean 'mamba'? known are embedding, head, mamba, feed-forward, attention, "
        + "mixture-of-experts, transformer-block")]
    public void Wrong_profiles(string layer, string fault)
    {
        string path = _case.Write("wrong.layers.json", "{\"model\": \"m\", \"unit\": \"ms\", \"layers\": [\n" + layer + "\n]}");
        Refuses(CommandOutcome.Of("pipeline", "--layers", path, "--devices", "1", "--micro-batches", "1"), 2, $"{path}: line 2, {fault}");
    }

    [Fact]
    public void Profiles_that_are_no_files()
    {
        string missing = _case.File("missing.json");
        Refuses(CommandOutcome.Of("pipeline", "--layers", missing, "--devices", "1", "--micro-batches", "1"), 2, $"{missing}: no such file");
        Refuses(CommandOutcome.Of("pipeline", "--layers", _case.Folder, "--devices", "1", "--micro-batches", "1"), 2, $"{_case.Folder}: is a folder; name a file in it");
    }

    [Fact]
    public void Nothing_to_slice()
    {
        string path = _case.Write("even.layers.json", SampleProfiles.Even(8));
        Refuses(
            CommandOutcome.Of("pipeline", "--layers", path, "--devices", "2", "--micro-batches", "2", "--vocabulary-slices", "2"),
            2,
            $"{path}: layers: has no pinned embedding or head that --vocabulary-slices could cut");
    }

    [Fact]
    public void A_schedule_over_the_cap_is_infeasible() =>
        Refuses(_case.Run("--schedule", "1f1b", "--activation-cap", "55"), 1, "--activation-cap 55: 1f1b holds 56 layers x micro-batches on device 0");

    [Theory]
    [InlineData("adaptive")]
    [InlineData("all")]
    public void A_cap_that_nothing_keeps_is_infeasible(string schedule) => Refuses(
        _case.Run("--schedule", schedule, "--activation-cap", "13"),
        1,
        "--activation-cap: no pipeline keeps an activation cap of 13; the smallest is 14: one unit alone holds 14 on some device");
}
