using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Tests.Plans;

public class PlannerTests
{
    [Fact]
    public void The_pinned_plan()
    {
        ParallelPlan plan = Requests.Plan(Requests.Pinned);
        Assert.Equal(new AxesSpec(2, 2, 2, MicroBatches: 8, Chunks: 1, UnitTokens: 8_192), plan.Axes);
        Assert.Equal([Axis.Sequence, Axis.Data, Axis.Pipeline], plan.Mesh.Order);
        Assert.Equal([(0, 8, 0), (8, 6, 1)], plan.Stages.Select(stage => (stage.FirstLayer, stage.LayerCount, stage.Device)));
        Assert.Equal(new BatchingPlan(8, 8_192, 4_096, 4), plan.Batching);
        Assert.Equal([0, 1], Assert.Single(plan.Rings));
        Assert.Equal([2, 1], plan.Memory.Select(memory => memory.UnitsInFlight));

        // Stage 0, one rank: 7 blocks, 4,096 tokens, half of 8,192 x 8,193 / 2 pairs.
        const long linear = 7 * 12_582_912L * 4_096, pairs = 8_192L * 8_193 / 4, attention = 7 * 3_072 * pairs;
        static long Ticks(long flops) => (((flops * 100) - 1) / (989_000 * 40)) + 1;
        Assert.Equal((Ticks(linear + attention), Ticks(linear + (attention / 2 * 5)), Ticks(linear)),
            (plan.Stages[0].Forward, plan.Stages[0].BackwardInput, plan.Stages[0].BackwardWeight));

        // Stage 1 is on the other node: 4,096 hidden vectors of 1,536 bytes over a quarter of four interfaces of 50 B/ns.
        Assert.Equal(((4_096 * 1_536) + 49) / 50, plan.Stages[0].Hop);
        Assert.Equal(0, plan.Stages[1].Hop);

        // Data: half of position 0's gradients shared by 2 sequence ranks, sent once: 2 x 1/2 x 1/2. Pipeline: 8 units of 4,096 vectors.
        long parameters = (50_257L * 768) + (7 * 6_292_992);
        Assert.Equal(parameters * 4 / 2, plan.Estimates.DataBytes);
        Assert.Equal((parameters * 4) + (4 * 7 * 1_024L * 4_096 * 8), plan.Estimates.SequenceBytes);
        Assert.Equal(8 * 4_096 * 1_536L, plan.Estimates.PipelineBytes);

        // A step of one data rank: 8 units of 8,192 tokens and 8,192 x 8,193 / 2 pairs.
        long unit = (3 * 8_192L * ((12 * 12_582_912L) + 77_194_752)) + (12 * 3_072L / 2 * 7 * (8_192L * 8_193 / 2));
        Assert.Equal(8 * unit, plan.Estimates.DataRankFlops);
    }

    [Fact]
    public void Memory_of_the_pinned_plan()
    {
        ParallelPlan plan = Requests.Plan(Requests.Pinned);
        long parameters = (50_257L * 768) + (7 * 6_292_992);

        // Two units in flight. An unsplit backward holds the gradients of two blocks: 3 w + 2 k + 2 f each. Scratch: f. Transfers: four
        // hidden vectors, and four times keys and values of the ring.
        const long activations = 7 * 22_584L, gradients = 2 * 2 * ((3 * 768) + (2 * 256) + (2 * 2_048)), scratch = 2 * 2_048;
        const long transfers = (4 * 1_536) + (4 * 1_024);
        Assert.Equal(
            new DeviceMemory(
                0, 2 * parameters, 4 * parameters, 12 * parameters, 2 * 4_096 * activations, 4_096 * (gradients + scratch + transfers), 2, 80L << 30),
            plan.Memory[0]);
        Assert.Equal(18 * parameters, plan.Memory[0].Weights + plan.Memory[0].Gradients + plan.Memory[0].Optimizer);
    }

    [Fact]
    public void A_tied_head_on_another_device_needs_its_own_table()
    {
        const long table = 50_257L * 768;
        long Weights(bool tied, int pipeline) => Requests.Plan(new(
            Requests.Gpt(tied: tied), Requests.Lab, new AxesSpec(8 / pipeline, 1, pipeline, MicroBatches: 8))).Memory.Sum(memory => memory.Weights);
        Assert.Equal(Weights(tied: false, 2), Weights(tied: true, 2));
        Assert.Equal(Weights(tied: false, 1) - (2 * table), Weights(tied: true, 1));
    }

    [Fact]
    public void Faster_positions_take_more_layers()
    {
        var cluster = new ClusterSpec("Mixed", [
            new(1, 1, DeviceCatalogue.Of(DeviceKind.A100Sxm80), Fabric.Switch, 1, 100),
            new(1, 1, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 1, 100),
        ]);
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(repeat: 40), cluster, new AxesSpec(Pipeline: 2)));
        Assert.True(plan.Stages[1].LayerCount > 2 * plan.Stages[0].LayerCount);
        Assert.Equal(80L << 30, plan.Memory[0].Available);

        // Ranks 0 and 1 are the two positions; one interface of 12.5 B/ns.
        Assert.Equal(8_192 * 1_536L * 8 / 100 + 1, plan.Stages[0].Hop);
    }

    [Fact]
    public void The_smallest_device_of_a_position_counts()
    {
        var cluster = new ClusterSpec("Mixed", [
            new(1, 1, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 1, 100),
            new(1, 1, DeviceCatalogue.Of(DeviceKind.L4), Fabric.Switch, 1, 100),
        ]);
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(context: 1_024), cluster, new AxesSpec(Data: 2)));
        Assert.Equal(24L << 30, plan.Memory[0].Available);
        ParallelPlan alone = Requests.Plan(new(
            Requests.Gpt(context: 1_024), new ClusterSpec("One", [cluster.Nodes[1]]), new AxesSpec()));
        Assert.Equal(alone.Stages[0].Forward, plan.Stages[0].Forward);
    }

    [Fact]
    public void The_largest_published_models_stay_within_64_bits()
    {
        // Llama 3.1 405B, 16 M tokens a step on 16,384 devices: more than 2^63 FLOPs in all.
        var model = new ModelSpec("Llama405", 8_192, new([
            new LayerSpec("Tokens", LayerKind.Embedding, Vocabulary: 128_256, Width: 16_384),
            new LayerSpec("Blocks", LayerKind.TransformerBlock, Repeat: 126, Heads: 128, KeyValueHeads: 8, FeedForward: 53_248),
            new LayerSpec("Head", LayerKind.LanguageModelHead)]));
        var cluster = new ClusterSpec("Large", new([new NodeGroup(2_048, 8, DeviceCatalogue.Of(DeviceKind.H200Sxm), Fabric.Switch, 8, 400)]));
        PlanResult result = Planner.Plan(new PlanRequest(model, cluster, new AxesSpec(Data: 16, Sequence: 8, Pipeline: 128, MicroBatches: 128)));
        ParallelPlan plan = Assert.IsType<Planned>(result).Plan;
        Assert.True((decimal)plan.Axes.Data * plan.Estimates.DataRankFlops > long.MaxValue);
    }

    [Fact]
    public void One_rank_takes_every_unit()
    {
        ParallelPlan plan = Requests.Plan(Requests.Pinned);
        ParallelPlan single = Assert.IsType<Planned>(Planner.SingleRank(plan)).Plan;
        Assert.Equal((1, 16, 8_192), (single.Mesh.Size, single.Axes.MicroBatches, single.Axes.UnitTokens));
        Assert.Equal(DeviceKind.Host, single.Cluster.Nodes[0].Device.Kind);
        Assert.Equal(plan.Batching.Granule, single.Batching.Granule);
        Assert.Equal(plan.Axes.Data * plan.Estimates.DataRankFlops, single.Estimates.DataRankFlops);
        Assert.StartsWith("F0.0 X0.0 F0.1 X0.1", PipelineText.Write(single.Programs[0]), StringComparison.Ordinal);
        Assert.Empty(PlanChecks.Validate(single));

        // Far beyond the host's memory, and planned all the same.
        Assert.True(single.Memory[0].Needed > single.Memory[0].Available);
    }

    [Fact]
    public void All_problems_are_found_at_once()
    {
        var model = new ModelSpec("M", 100, [
            new("A", LayerKind.TransformerBlock, 1, Heads: 3, KeyValueHeads: 2, FeedForward: 0),
            new("E", LayerKind.Embedding, Vocabulary: -1, Width: 64),
            new("B", LayerKind.TransformerBlock, 0, Heads: 64, FeedForward: 8),
            new("H", LayerKind.LanguageModelHead),
        ]);
        EquatableArray<PlanProblem> problems = Requests.Problems(
            new(model, Requests.Lab, new AxesSpec(3, 3, 3, PipelineSchedule.GPipe, 2, 2, 64)));
        Assert.Equal(
            [
                (PlanProblemCode.NotPositive, PlanSubject.Layer, 0, "FeedForward"),
                (PlanProblemCode.HeadsDoNotDivideWidth, PlanSubject.Layer, 0, "Heads"),
                (PlanProblemCode.KeyValueHeadsDoNotDivideHeads, PlanSubject.Layer, 0, "KeyValueHeads"),
                (PlanProblemCode.LayerOrder, PlanSubject.Layer, 1, ""),
                (PlanProblemCode.NotPositive, PlanSubject.Layer, 1, "Vocabulary"),
                (PlanProblemCode.NotPositive, PlanSubject.Layer, 2, "Repeat"),
                (PlanProblemCode.OddHeadWidth, PlanSubject.Layer, 2, "Heads"),
                (PlanProblemCode.AxesDoNotMatchDevices, PlanSubject.PipelineAxis, -1, "Degree"),
                (PlanProblemCode.ChunksDoNotFitSchedule, PlanSubject.PipelineAxis, -1, "Chunks"),
                (PlanProblemCode.MoreStagesThanLayers, PlanSubject.PipelineAxis, -1, "Degree"),
                (PlanProblemCode.FewerMicroBatchesThanStages, PlanSubject.PipelineAxis, -1, "MicroBatches"),
                (PlanProblemCode.ContextDoesNotDivide, PlanSubject.SequenceAxis, -1, "Degree"),
                (PlanProblemCode.UnitShorterThanContext, PlanSubject.DataAxis, -1, "UnitTokens"),
            ],
            problems.Select(problem => (problem.Code, problem.Subject, problem.Layer, problem.Field)));
        Assert.All(problems, problem =>
        {
            Assert.NotEmpty(problem.Message);
            Assert.NotEmpty(problem.Fix);
            Assert.DoesNotContain(".", problem.Message.Substring(problem.Message.Length - 1), StringComparison.Ordinal);
        });
    }

    private static PlanProblem Only(PlanRequest request) => Assert.Single(Requests.Problems(request));

    [Fact]
    public void No_layers() => Assert.Equal(
        (PlanProblemCode.NoLayers, "M has no layers"),
        (Only(new(new("M", 8, default), Requests.Hosts(1), new())).Code, Only(new(new("M", 8, default), Requests.Hosts(1), new())).Message));

    [Theory]
    [InlineData(new[] { LayerKind.Embedding }, "M has no language model head")]
    [InlineData(new[] { LayerKind.LanguageModelHead }, "M has no embedding")]
    [InlineData(new[] { LayerKind.Embedding, LayerKind.Embedding, LayerKind.LanguageModelHead }, "the embedding L1 is layer 2 of 3")]
    [InlineData(new[] { LayerKind.Embedding, LayerKind.LanguageModelHead, LayerKind.LanguageModelHead }, "the language model head L1 is layer 2 of 3")]
    public void Layers_out_of_order(LayerKind[] kinds, string message)
    {
        EquatableArray<LayerSpec> layers = kinds.Select((kind, index) => new LayerSpec($"L{index}", kind, Vocabulary: 8, Width: 8)).ToEquatableArray();
        PlanProblem problem = Only(new(new("M", 8, layers), Requests.Hosts(1), new()));
        Assert.Equal((PlanProblemCode.LayerOrder, message), (problem.Code, problem.Message));
    }

    [Fact]
    public void A_repeated_head()
    {
        ModelSpec model = Requests.Tiny() with { Layers = [Requests.Tiny().Layers[0], Requests.Tiny().Layers[2] with { Repeat = 2 }] };
        Assert.Equal((PlanProblemCode.LayerOrder, "Repeat"), (Only(new(model, Requests.Hosts(1), new())).Code, Only(new(model, Requests.Hosts(1), new())).Field));
    }

    [Fact]
    public void Axes_that_do_not_match_suggest_the_nearest_that_do()
    {
        PlanProblem problem = Only(new(Requests.Gpt(), Requests.Lab, new AxesSpec(2, 2, 3)));
        Assert.Equal((PlanProblemCode.AxesDoNotMatchDevices, PlanSubject.PipelineAxis, "Degree"), (problem.Code, problem.Subject, problem.Field));
        Assert.Equal("data 2 x sequence 2 x pipeline 3 = 12 ranks, and Lab has 8 devices", problem.Message);
        Assert.Equal(
            "choose degrees whose product is the number of devices: data 2 x sequence 2 x pipeline 2; data 2 x sequence 1 x pipeline 4; "
            + "data 1 x sequence 2 x pipeline 4; data 4 x sequence 2 x pipeline 1; data 2 x sequence 4 x pipeline 1; data 4 x sequence 1 x pipeline 2",
            problem.Fix);
        Assert.Equal([2], problem.Suggestions);

        problem = Requests.Problems(new(Requests.Gpt(), Requests.Lab, new AxesSpec(int.MaxValue, int.MaxValue, 1)))[0];
        Assert.Contains("= 4,611,686,014,132,420,609 ranks", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Heads()
    {
        ModelSpec With(int heads, int keyValueHeads) => Requests.Gpt() with
        {
            Layers = [Requests.Gpt().Layers[0], new("B", LayerKind.TransformerBlock, 1, Heads: heads, KeyValueHeads: keyValueHeads, FeedForward: 8), Requests.Gpt().Layers[2]],
        };
        PlanProblem problem = Only(new(With(10, 5), Requests.Hosts(1), new(UnitTokens: 8_192)));
        Assert.Equal(PlanProblemCode.HeadsDoNotDivideWidth, problem.Code);
        Assert.Equal("the width of 768 is not divisible by the 10 heads of B", problem.Message);
        Assert.Equal([8, 12, 6, 4, 16, 3], problem.Suggestions);

        problem = Only(new(With(256, 256), Requests.Hosts(1), new()));
        Assert.Equal((PlanProblemCode.OddHeadWidth, "the heads of B are 3 wide (768 / 256), and rotary embedding turns pairs"), (problem.Code, problem.Message));
        Assert.Equal(192, problem.Suggestions[0]);

        problem = Only(new(With(12, 5), Requests.Hosts(1), new()));
        Assert.Equal(PlanProblemCode.KeyValueHeadsDoNotDivideHeads, problem.Code);
        Assert.Equal([4, 6, 3, 2, 1, 12], problem.Suggestions);
    }

    [Theory]
    [InlineData(8, PipelineSchedule.OneForwardOneBackward, 8, 0, PlanProblemCode.MoreStagesThanLayers, "Degree", 4L)]
    [InlineData(2, PipelineSchedule.Interleaved, 8, 3, PlanProblemCode.MoreStagesThanLayers, "Chunks", 2L)]
    [InlineData(4, PipelineSchedule.OneForwardOneBackward, 3, 0, PlanProblemCode.FewerMicroBatchesThanStages, "MicroBatches", 4L)]
    [InlineData(2, PipelineSchedule.Interleaved, 5, 0, PlanProblemCode.MicroBatchesDoNotDivide, "MicroBatches", 4L)]
    [InlineData(2, PipelineSchedule.Interleaved, 4, 1, PlanProblemCode.ChunksDoNotFitSchedule, "Chunks", 2L)]
    [InlineData(2, PipelineSchedule.GPipe, 4, 2, PlanProblemCode.ChunksDoNotFitSchedule, "Chunks", 1L)]
    [InlineData(2, PipelineSchedule.ZeroBubbleH2, 4, 2, PlanProblemCode.ChunksDoNotFitSchedule, "Chunks", 1L)]
    [InlineData(2, PipelineSchedule.ZeroBubbleV, 4, 1, PlanProblemCode.ChunksDoNotFitSchedule, "Chunks", 2L)]
    [InlineData(2, PipelineSchedule.DualPipeV, 4, 3, PlanProblemCode.ChunksDoNotFitSchedule, "Chunks", 2L, 6)]
    [InlineData(2, PipelineSchedule.Adaptive, 4, 2, PlanProblemCode.ChunksDoNotFitSchedule, "Chunks", 0L)]
    [InlineData(4, PipelineSchedule.ZeroBubbleV, 8, 0, PlanProblemCode.MoreStagesThanLayers, "Degree", 2L)]
    [InlineData(6, PipelineSchedule.Adaptive, 8, 0, PlanProblemCode.MoreStagesThanLayers, "Degree", 3L)]
    [InlineData(2, PipelineSchedule.DualPipeV, 3, 0, PlanProblemCode.FewerMicroBatchesThanStages, "MicroBatches", 4L)]
    [InlineData(2, PipelineSchedule.DualPipeV, 1, 0, PlanProblemCode.FewerMicroBatchesThanStages, "MicroBatches", 4L)]
    [InlineData(4, PipelineSchedule.Adaptive, 3, 0, PlanProblemCode.FewerMicroBatchesThanStages, "MicroBatches", 4L)]
    public void Pipelines(int pipeline, PipelineSchedule schedule, int microBatches, int chunks, PlanProblemCode code, string field, long suggestion, int blocks = 3)
    {
        ModelSpec model = Requests.Tiny() with { Layers = Requests.Tiny().Layers.Select(layer => layer with { Repeat = Math.Min(layer.Repeat, blocks) }).ToEquatableArray() };
        PlanProblem problem = Only(new(model, Requests.Hosts(pipeline), new AxesSpec(1, 1, pipeline, schedule, microBatches, chunks)));
        Assert.Equal((code, field), (problem.Code, problem.Field));
        Assert.Contains(suggestion, problem.Suggestions);
    }

    [Fact]
    public void A_schedule_that_does_not_exist()
    {
        PlanProblem problem = Only(new(Requests.Tiny(), Requests.Hosts(2), new AxesSpec(1, 1, 2, (PipelineSchedule)8)));
        Assert.Equal(("Schedule", "there is no schedule 8"), (problem.Field, problem.Message));
    }

    [Fact]
    public void Contexts_and_units()
    {
        PlanProblem problem = Only(new(Requests.Tiny(context: 60), Requests.Hosts(4), new AxesSpec(1, 4)));
        Assert.Equal((PlanProblemCode.ContextDoesNotDivide, PlanSubject.SequenceAxis), (problem.Code, problem.Subject));
        Assert.Equal("the context length of 60 is not divisible by 8, twice the sequence degree of 4", problem.Message);
        Assert.Equal([3, 5, 2, 6, 1, 10], problem.Suggestions);

        problem = Only(new(Requests.Tiny(context: 64), Requests.Hosts(4), new AxesSpec(1, 4, UnitTokens: 100)));
        Assert.Equal((PlanProblemCode.ContextDoesNotDivide, PlanSubject.DataAxis, "UnitTokens"), (problem.Code, problem.Subject, problem.Field));
        Assert.Equal([96, 104], problem.Suggestions);

        problem = Only(new(Requests.Tiny(context: 64), Requests.Hosts(4), new AxesSpec(1, 4, UnitTokens: 56)));
        Assert.Equal((PlanProblemCode.UnitShorterThanContext, 64L), (problem.Code, problem.Suggestions[0]));
    }

    [Theory]
    [InlineData(0, 1, 1, 1, "Count")]
    [InlineData(1, -1, 1, 1, "DevicesPerNode")]
    [InlineData(2, 1, 0, 1, "NicsPerNode")]
    [InlineData(2, 1, 1, 0, "NicGbps")]
    public void Clusters(int count, int devices, int nics, int rate, string field)
    {
        var cluster = new ClusterSpec("C", [new(count, devices, DeviceCatalogue.Of(DeviceKind.Host), Fabric.Switch, nics, rate)]);
        PlanProblem problem = Only(new(Requests.Tiny(), cluster, new AxesSpec(2)));
        Assert.Equal((PlanProblemCode.NotPositive, PlanSubject.Cluster, field), (problem.Code, problem.Subject, problem.Field));
        Assert.Equal(PlanSubject.Cluster, Only(new(Requests.Tiny(), new ClusterSpec("C", default), new AxesSpec(2))).Subject);
    }

    [Fact]
    public void Memory_tells_what_is_needed_and_the_smallest_change()
    {
        PlanProblem problem = Only(new(Requests.Gpt(), Requests.Lab, new AxesSpec(8, UnitTokens: 1 << 20)));
        Assert.Equal((PlanProblemCode.DoesNotFit, "UnitTokens"), (problem.Code, problem.Field));
        Assert.Equal(
            "Samples.Gpt does not fit in memory: pipeline position 0 needs 497.54 of 80.00 GiB (2.56 weights, gradients and optimizer, "
            + "463.98 activations of 1 unit in flight, 31.00 workspace)",
            problem.Message);
        Assert.StartsWith("give UnitTokens the value 131,072: pipeline position 0 needs 64.43 of 80.00 GiB", problem.Fix, StringComparison.Ordinal);
        Assert.Equal([131_072], problem.Suggestions);
        Assert.IsType<Planned>(Planner.Plan(new(Requests.Gpt(), Requests.Lab, new AxesSpec(8, UnitTokens: (int)problem.Suggestions[0]))));
    }

    [Fact]
    public void A_leaner_schedule_is_tried_before_other_degrees()
    {
        PlanProblem problem = Only(new(Requests.Gpt(), Requests.Lab, new AxesSpec(4, 1, 2, PipelineSchedule.GPipe, 64)));
        Assert.StartsWith("choose PipelineSchedule.OneForwardOneBackward", problem.Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_degrees_are_tried_last()
    {
        PlanProblem problem = Only(new(Requests.Gpt(context: 1 << 18), Requests.Lab, new AxesSpec(8)));
        Assert.StartsWith("choose data", problem.Fix, StringComparison.Ordinal);
        problem = Only(new(Requests.Gpt(context: 1 << 21), Requests.Lab, new AxesSpec(8)));
        Assert.StartsWith("use more devices", problem.Fix, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2_000_000, 1, 1, 4, "the mesh has")]
    [InlineData(1, 1, 1, 20_000, "has 20,002 layers")]
    [InlineData(1, 5_000, 5_000, 9_000, "the pipeline has 5,000 stages")]
    [InlineData(1, 1_000, 1_000, 2_000, "the programs have")]
    public void What_is_too_large_is_refused(int data, int pipeline, int microBatches, int blocks, string message)
    {
        var cluster = new ClusterSpec("C", [new(data * pipeline / 1_000 + 1, 1_000, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 8, 400)]);
        cluster = cluster with { Nodes = [cluster.Nodes[0] with { Count = 1, DevicesPerNode = data * pipeline }] };
        PlanResult result = Planner.Plan(new(Requests.Gpt(repeat: blocks), cluster, new AxesSpec(data, 1, pipeline, MicroBatches: microBatches)));
        Assert.Contains(message, Assert.IsType<TooLarge>(result).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_beyond_64_bits_are_too_large()
    {
        var model = new ModelSpec("M", int.MaxValue, [
            new("E", LayerKind.Embedding, Vocabulary: int.MaxValue, Width: 1 << 30),
            new("B", LayerKind.TransformerBlock, 9_000, Heads: 2, FeedForward: int.MaxValue),
            new("H", LayerKind.LanguageModelHead),
        ]);
        Assert.Contains("64 bits", Assert.IsType<TooLarge>(Planner.Plan(new(model, Requests.Hosts(1), new AxesSpec()))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "0.00")]
    [InlineData(1L << 30, "1.00")]
    [InlineData((1L << 30) - 1, "1.00")]
    [InlineData(3L << 29, "1.50")]
    [InlineData(5_368_709, "0.00")]
    [InlineData(5_368_710, "0.01")]
    [InlineData(long.MaxValue, "8,589,934,592.00")]
    public void GiB_have_two_decimals(long bytes, string text) => Assert.Equal(text, MemoryProblem.GiB(bytes));
}
