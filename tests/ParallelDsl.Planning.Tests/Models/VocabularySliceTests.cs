using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Tests.Plans;

namespace ParallelDsl.Planning.Tests.Models;

public class VocabularySliceTests
{
    // Width 768, vocabulary 50,257 = 16,752 + 16,752 + 16,753.
    private const long Rows = 16_752;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(61, 4)]
    [InlineData(61, 61)]
    [InlineData(50_257, 48)]
    [InlineData(2_000_000_011, 10_000)]
    public void Slices_are_near_equal_and_cover_the_vocabulary(int vocabulary, int slices)
    {
        int next = 0;
        for (int slice = 0; slice < slices; slice++)
        {
            (int first, int rows) = VocabularySlice.Of(vocabulary, slice, slices);
            Assert.Equal(next, first);
            Assert.InRange(rows, vocabulary / slices, (vocabulary / slices) + 1);
            next += rows;
        }

        Assert.Equal(vocabulary, next);
    }

    [Fact]
    public void Both_chains_are_layers_of_their_own()
    {
        EquatableArray<PlannedLayer> layers = LayerCosts.Unroll(Requests.Gpt(repeat: 2), TrainingType.Float32, 3);
        Assert.Equal(
            ["Tokens[0]", "Tokens[1]", "Tokens[2]", "Blocks[0]", "Blocks[1]", "Head[0]", "Head[1]", "Head[2]"],
            layers.Select(layer => layer.Name));
        Assert.Equal([0, 1, 2, 0, 0, 0, 1, 2], layers.Select(layer => layer.Slice));
        Assert.Equal([3, 3, 3, 1, 1, 3, 3, 3], layers.Select(layer => layer.Slices));
        Assert.Equal([0, 0, 0, 0, 1, 0, 0, 0], layers.Select(layer => layer.Block));
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], layers.Select(layer => layer.Index));
        Assert.Equal(layers.Count, LayerCosts.Count(Requests.Gpt(repeat: 2), 3));
    }

    [Fact]
    public void Sizes_of_slices()
    {
        EquatableArray<PlannedLayer> layers = LayerCosts.Unroll(Requests.Gpt(), TrainingType.Float32, 3);
        Assert.Equal((Rows * 768, 0L, 4L * 768), (layers[0].Parameters, layers[0].ActivationBytes, layers[0].OutputBytes));
        Assert.Equal(((Rows + 1) * 768, 4L * 768, 4L * 768), (layers[2].Parameters, layers[2].ActivationBytes, layers[2].OutputBytes));

        // Between slices of the head three statistics travel with the hidden vector.
        Assert.Equal((768 + (Rows * 768), 2 * Rows * 768, 4 * ((2 * 768) + Rows + 1), 4L * (768 + 3)), Sizes(layers[15]));
        Assert.Equal((Rows * 768, 2 * Rows * 768, 4 * (768 + 3 + Rows), 4L * (768 + 3)), Sizes(layers[16]));
        Assert.Equal(((Rows + 1) * 768, 2 * (Rows + 1) * 768, 4 * (768 + 3 + Rows + 1 + 3), 0L), Sizes(layers[17]));

        // On accelerators the statistics stay float32.
        EquatableArray<PlannedLayer> narrow = LayerCosts.Unroll(Requests.Gpt(), TrainingType.BFloat16, 3);
        Assert.Equal(((2L * 768) + (4 * 3), (2 * 768) + (4 * (3 + Rows))), (narrow[16].OutputBytes, narrow[16].ActivationBytes));
        Assert.Equal([768L, 0, 0], LayerCosts.Unroll(Requests.Gpt(tied: true), TrainingType.Float32, 3).Skip(15).Select(layer => layer.Parameters));

        static (long, long, long, long) Sizes(PlannedLayer layer) =>
            (layer.Parameters, layer.LinearFlops, layer.ActivationBytes, layer.OutputBytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Slices_change_no_sum_over_the_model(bool tied)
    {
        EquatableArray<PlannedLayer> whole = LayerCosts.Unroll(Requests.Gpt(tied: tied), TrainingType.Float32);
        foreach (int slices in new[] { 2, 5, 64 })
        {
            EquatableArray<PlannedLayer> layers = LayerCosts.Unroll(Requests.Gpt(tied: tied), TrainingType.Float32, slices);
            Assert.Equal(whole.Sum(layer => layer.Parameters), layers.Sum(layer => layer.Parameters));
            Assert.Equal(whole.Sum(layer => layer.LinearFlops), layers.Sum(layer => layer.LinearFlops));
        }
    }

    [Fact]
    public void None_and_one_are_the_whole()
    {
        Assert.Equal(LayerCosts.Unroll(Requests.Gpt(), TrainingType.Float32), LayerCosts.Unroll(Requests.Gpt(), TrainingType.Float32, 0));
        ParallelPlan whole = Requests.Plan(Requests.Pinned);
        Assert.Equal(whole, Requests.Plan(Requests.Pinned with { Axes = Requests.Pinned.Axes with { VocabularySlices = 0 } }));
        Assert.DoesNotContain("slices", PlanJson.Write(whole), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Slices_even_out_a_pipeline_that_a_large_head_dominates()
    {
        // A head of five blocks' work: whole, it is a stage of its own that all others wait for.
        ModelSpec model = Requests.Gpt(context: 1_024, repeat: 6);
        AxesSpec axes = new(1, 1, 8, MicroBatches: 16);
        ParallelPlan whole = Requests.Plan(new(model, Requests.Hosts(8), axes));
        ParallelPlan sliced = Requests.Plan(new(model, Requests.Hosts(8), axes with { VocabularySlices = 8 }));
        Assert.Empty(PlanChecks.Validate(sliced));
        Assert.True(
            sliced.Estimates.Makespan * 3 < whole.Estimates.Makespan * 2,
            $"{sliced.Estimates.Makespan} ticks with slices, {whole.Estimates.Makespan} without");
    }

    [Fact]
    public void Every_slice_of_a_tied_head_away_from_its_table_needs_its_own_rows()
    {
        const long table = 50_257L * 768;
        long Weights(bool tied, int pipeline) => Requests.Plan(new(
            Requests.Gpt(context: 1_024, tied: tied), Requests.Lab, new AxesSpec(8 / pipeline, 1, pipeline, MicroBatches: 8, VocabularySlices: 3)))
            .Memory.Sum(memory => memory.Weights);
        Assert.Equal(Weights(tied: false, 2), Weights(tied: true, 2));
        Assert.Equal(Weights(tied: false, 1) - (2 * table), Weights(tied: true, 1));
    }

    [Fact]
    public void Plans_with_slices_are_written_and_read()
    {
        PlanRequest request = new(Requests.Gpt(tied: true), Requests.Lab, new AxesSpec(1, 2, 4, PipelineSchedule.Interleaved, 8, VocabularySlices: 5));
        ParallelPlan plan = Requests.Plan(request);
        Assert.Empty(PlanChecks.Validate(plan));
        string text = PlanJson.Write(plan);
        Assert.Contains("\"vocabularySlices\": 5 }", text, StringComparison.Ordinal);
        Assert.Contains("\"block\": 0 }", text, StringComparison.Ordinal);
        Assert.Contains("\"slice\": 4, \"slices\": 5 }", text, StringComparison.Ordinal);
        Assert.Equal(plan, PlanJson.Read(text).Value);
        Assert.NotEqual(PlanDigest.Of(plan), PlanDigest.Of(Requests.Plan(request with { Axes = request.Axes with { VocabularySlices = 4 } })));

        string shown = PlanText.Write(plan);
        Assert.Contains("5 vocabulary slices", shown, StringComparison.Ordinal);
        Assert.Contains("Head[", shown, StringComparison.Ordinal);
        Assert.Equal(1, Assert.IsType<Planned>(Planner.SingleRank(plan)).Plan.Axes.VocabularySlices);
    }

    [Fact]
    public void Wrong_numbers_of_slices_are_refused()
    {
        PlanProblem problem = Assert.Single(Requests.Problems(new(Requests.Tiny(), Requests.Hosts(2), new AxesSpec(Pipeline: 2, VocabularySlices: -1))));
        Assert.Equal((PlanProblemCode.NotPositive, PlanSubject.PipelineAxis, "VocabularySlices"), (problem.Code, problem.Subject, problem.Field));
        problem = Assert.Single(Requests.Problems(new(Requests.Tiny(), Requests.Hosts(2), new AxesSpec(Pipeline: 2, VocabularySlices: 98))));
        Assert.Equal((PlanProblemCode.MoreSlicesThanVocabulary, "VocabularySlices"), (problem.Code, problem.Field));
        Assert.Equal("98 vocabulary slices cannot each have one of 97 token ids", problem.Message);
        Assert.Equal([2], problem.Suggestions);
        Requests.Plan(new(Requests.Tiny(), Requests.Hosts(2), new AxesSpec(Pipeline: 2, VocabularySlices: 97)));
        Assert.Contains(
            "vocabulary slices",
            Assert.IsType<TooLarge>(Planner.Plan(new(Requests.Gpt(), Requests.Lab, new AxesSpec(8, VocabularySlices: 6_000)))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Stages_may_be_as_many_as_layers_with_slices()
    {
        // 6 blocks, whole embedding and head: 8 layers. Two slices each make 10.
        PlanProblem problem = Requests.Problems(new(Requests.Tiny(), Requests.Hosts(10), new AxesSpec(Pipeline: 10)))[0];
        Assert.Equal(PlanProblemCode.MoreStagesThanLayers, problem.Code);
        ParallelPlan plan = Requests.Plan(new(Requests.Tiny(), Requests.Hosts(10), new AxesSpec(Pipeline: 10, VocabularySlices: 2)));
        Assert.All(plan.Stages, stage => Assert.Equal(1, stage.LayerCount));

        // The hop between the slices of the head carries the statistics too.
        Assert.True(plan.Stages[8].Hop > plan.Stages[7].Hop);
    }
}
