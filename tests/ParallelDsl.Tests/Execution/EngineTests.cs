using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>Evaluation, traffic, memory and repeatability of steps with rings, slices, different units and remapped rows.</summary>
public sealed class EngineTests(ITestOutputHelper output)
{
    private static readonly List<int[]> Batch = StepPlanTests.BatchOf(48, 9, 1, 5, 3, 7, 2, 1, 6);

    /// <summary>One sequence longer than half of the batch on all ranks of two data ranks, cut into slices that other backward units hold than
    /// forward units, rows remapped: equal to one rank, and to an independent model in float64.</summary>
    [Theory]
    [InlineData(PipelineSchedule.GPipe, 2)]
    [InlineData(PipelineSchedule.OneForwardOneBackward, 2)]
    [InlineData(PipelineSchedule.ZeroBubbleV, 2)]
    public void MergedDataRanksSlicesUnitsAndRemappingTogetherEqualOneRank(PipelineSchedule schedule, int pipeline)
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(2, 2, pipeline, schedule, 4, UnitTokens: 192), StepTraits.All);
        StepPlan step = Merged(plan);
        StepRun one = StepRun.OnOneRank(Batch), run = StepRun.Of(plan, Batch, step);
        double difference = run.DifferenceTo(one);
        output.WriteLine($"largest relative difference {difference:E2}");
        Assert.True(difference < 1e-5, $"differs by {difference:E2}");
        Assert.False(step.IsSymmetric);
        Assert.True(2 * (Batch[0].Length - 1) > step.TotalTokens);

        using RankModel weights = RankModel.Create<TinyModel<Untied>>(TinyModel<Untied>.PlanFor(new AxesSpec(MicroBatches: 1)), 0);
        weights.Store.Initialize(1);
        SortedDictionary<string, double[]> values = new(StringComparer.Ordinal);
        foreach (Parameter parameter in weights.Store.Parameters)
        {
            int start = 0;
            foreach (TensorRows tensor in parameter.Spec.Tensors)
            {
                float[] part = parameter.Weights.Span.Slice(start, tensor.Rows * parameter.Spec.Columns).ToArray();
                start += part.Length;
                values.Add(tensor.Name, Array.ConvertAll(part, value => (double)value));
            }
        }

        ReferenceModel reference = new(TinyModel<Untied>.Model, values);
        Assert.Equal(reference.Loss(Batch), run.Loss, 1e-6);

        // Central differences of some weights of every tensor.
        const double Step = 1e-4;
        foreach ((string name, float[] gradients) in run.Gradients)
        {
            double scale = gradients.Max(value => Math.Abs((double)value)), original = values[name][gradients.Length / 3];
            values[name][gradients.Length / 3] = original + Step;
            double above = reference.Loss(Batch);
            values[name][gradients.Length / 3] = original - Step;
            double below = reference.Loss(Batch);
            values[name][gradients.Length / 3] = original;
            Assert.Equal((above - below) / (2 * Step), gradients[gradients.Length / 3], 1e-4 * scale);
        }
    }

    [Fact]
    public void TheSameStepTwiceIsBitIdentical()
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(2, 2, 2, PipelineSchedule.GPipe, 4, UnitTokens: 192), StepTraits.All);
        StepPlan step = RandomStep.Of(new Random(5), plan, Batch, StepTraits.All);
        StepRun first = StepRun.Of(plan, Batch, step), second = StepRun.Of(plan, Batch, step, capacity: 64);
        Assert.Equal((first.Loss, first.Norm), (second.Loss, second.Norm));
        Assert.All(first.Gradients, pair => Assert.Equal(pair.Value, second.Gradients[pair.Key]));
        Assert.Equal(first.BytesSent, second.BytesSent);
    }

    /// <summary>To move rows away and back changes no bit of them: only sums over tokens, of weights' gradients and of the loss, come in another
    /// order.</summary>
    [Fact]
    public void RemappedRowsComeBackBitForBit()
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(2, 3, 1, PipelineSchedule.GPipe, 4, UnitTokens: 288), StepTraits.All);
        int moved = 0;
        for (int seed = 0; seed < 20; seed++)
        {
            StepPlan step = RandomStep.Of(new Random(seed), plan, Batch, StepTraits.All);
            RankThreads.Run(
                InProcessWorld.Create(plan.Mesh.Size, capacity: 1),
                transport =>
                {
                    StepLayout layout = new(2, 3, 4, transport.Rank, [0, 0, 0, 1, 1, 1]);
                    layout.Build(Batch, step);
                    using RingAttention ring = new(transport, [.. Enumerable.Range(0, transport.Size)]);
                    foreach (UnitLayout unit in (UnitLayout[])[.. layout.Forward, .. layout.Backward])
                    {
                        if (unit.IsRemapped)
                            Interlocked.Increment(ref moved);
                        using Kernels.TestMatrix rows = Filled(unit.Rows, step), attention = Filled(unit.AttentionRows, step);
                        using Kernels.TestMatrix there = new(unit.AttentionTokens, 5, 2), back = new(unit.Tokens, 5, 1);
                        if (!unit.IsRemapped && unit.Tokens == unit.AttentionTokens)
                            continue;
                        ring.ToAttention(unit, rows, there);
                        Assert.Equal(attention.ToBits(), there.ToBits());
                        ring.FromAttention(unit, there, back);
                        Assert.Equal(rows.ToBits(), back.ToBits());
                    }

                    ring.Flush();
                },
                TimeSpan.FromSeconds(10));
        }

        Assert.True(moved > 100, $"only {moved} units of a rank moved rows");
    }

    [Theory]
    [InlineData(1, 1, 1, StepTraits.Slices | StepTraits.Asymmetric)]
    [InlineData(2, 2, 2, StepTraits.All)]
    [InlineData(2, 2, 1, StepTraits.Slices | StepTraits.Asymmetric)]
    public void AnEvaluationGivesTheSameLoss(int data, int sequence, int pipeline, StepTraits traits)
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(data, sequence, pipeline, PipelineSchedule.GPipe, 4, UnitTokens: 96 * sequence), traits);
        double expected = StepRun.OnOneRank(Batch).Loss;
        for (int seed = 0; seed < 5; seed++)
        {
            StepPlan step = RandomStep.Of(new Random(seed), plan, Batch, traits);
            double loss = 0;
            StepRun after = StepRun.Of(plan, Batch, step, before: session =>
            {
                double own = session.Evaluate(Batch, step);
                if (session.Rank == 0)
                    loss = own;
            });
            Assert.Equal(expected, loss, 1e-5 * expected);
            Assert.Equal(expected, after.Loss, 1e-5 * expected);
        }
    }

    [Fact]
    public void AnEvaluationHoldsNoMoreThanLaterSlicesRead()
    {
        // Eight units: of the long sequence three slices in units 0 to 2; the others are whole.
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 1, 1, PipelineSchedule.GPipe, 8, UnitTokens: 96));
        StepPlan step = new();
        List<int[]> batch = StepPlanTests.BatchOf(30, 4, 4, 4, 4, 4);
        step.Reserve(1, 1, 8, batch.Count);
        for (int sequence = 0; sequence < batch.Count; sequence++)
            step.SetLength(sequence, batch[sequence].Length - 1, 48);
        RandomStep.AddRing(step, [0], plan);
        for (int slice = 0; slice < 3; slice++)
            step.AddSlice(new(0, 10 * slice, 10, 0, slice, 7 - slice));
        for (int sequence = 1; sequence < batch.Count; sequence++)
            step.AddSlice(new(sequence, 0, 4, 0, 2 + sequence, 2 + sequence));
        step.Gather();
        RankThreads.Run(1, transport =>
        {
            using RankModel model = RankModel.Create<TinyModel<Untied>>(plan, 0);
            using ThreadTeam team = new(1);
            using RankSession session = new(model, transport, team);
            session.Evaluate(batch, step);
            long unit = plan.Layers.Sum(layer => (long)TinyModel<Untied>.CreateLayer(layer).ActivationFloats) * 96 * sizeof(float);
            Assert.Equal(3 * unit, session.ActivationBytes);
        });
    }

    /// <summary>A token stays where its forward was: the remapped rows of a backward unit may be more than the plan's share, and find
    /// room.</summary>
    [Fact]
    public void RemappedRowsOfABackwardUnitMayBeMoreThanItsShare()
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(1, 2, 1, PipelineSchedule.GPipe, 3, UnitTokens: 48), StepTraits.All);
        Assert.Equal(24, plan.Batching.UnitTokensPerRank);
        List<int[]> batch = StepPlanTests.BatchOf(12, 12, 12, 12, 12, 12);
        StepPlan step = new();
        step.Reserve(1, 2, 3, batch.Count);
        for (int sequence = 0; sequence < batch.Count; sequence++)
            step.SetLength(sequence, 12, 48);
        RandomStep.AddRing(step, [0], plan);
        RandomStep.AddRing(step, [1], plan);

        // Of each forward unit one rank has both sequences, and the second goes to the other rank. Backward unit 0 has those that are on rank
        // 1 then, of which one is attended to on rank 0.
        int[] rings = [0, 0, 1, 1, 1, 1], backward = [1, 0, 0, 1, 0, 1];
        for (int sequence = 0; sequence < batch.Count; sequence++)
            step.AddSlice(new(sequence, 0, 12, rings[sequence], sequence / 2, backward[sequence]));
        step.Gather();
        StepLayout layout = new(1, 2, 3, 1, [0, 1]);
        layout.Build(batch, step);
        Assert.Equal((36, 24), (layout.Backward[0].Tokens, layout.Backward[0].AttentionTokens));
        Assert.InRange(StepRun.Of(plan, batch, step).DifferenceTo(StepRun.OnOneRank(batch)), 0, 1e-5);
    }

    /// <summary>What a rank sends for attention, exactly: nothing for a local sequence.</summary>
    [Fact]
    public void OnlyRingsSendKeysAndValues()
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 4, 1, PipelineSchedule.GPipe, 2, UnitTokens: 384));
        long[] alone = StepRun.Of(plan, Batch, StepOn(plan, [0], [1], [2], [3])).BytesSent;

        // Sequence 0 of 48 tokens on the ring 1 -> 3: each holds 24. Forward: keys and values once. Backward: once more, and the gradients of
        // the own ones and of the other's once each.
        long[] ring = StepRun.Of(plan, Batch, StepOn(plan, [1, 3], [1], [2], [3])).BytesSent;
        const long Bytes = 4L * 24 * (2 * 12) * 4 * 6;
        Assert.Equal([0, Bytes, 0, Bytes], ring.Zip(alone, (a, b) => a - b));
    }

    [Fact]
    public void ASteadyStateGrowsNoMore()
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(2, 2, 1, PipelineSchedule.GPipe, 4, UnitTokens: 192), StepTraits.All);
        StepPlan[] steps = [.. Enumerable.Range(0, 4).Select(seed => RandomStep.Of(new Random(seed), plan, Batch, StepTraits.All))];
        RankThreads.Run(plan.Mesh.Size, transport =>
        {
            using RankModel model = RankModel.Create<TinyModel<Untied>>(plan, transport.Rank);
            model.Store.Initialize(1);
            using ThreadTeam team = new(1);
            using RankSession session = new(model, transport, team);
            for (int round = 0; round < 40; round++)
                session.ComputeGradients(Batch, steps[round % 4]);
            List<long> allocated = [];
            long activations = session.ActivationBytes;
            for (int round = 0; round < 40; round++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                session.ComputeGradients(Batch, steps[round % 4]);
                allocated.Add(GC.GetAllocatedBytesForCurrentThread() - before);
            }

            // Now and then one more parcel is on its way at the same time than ever before.
            Assert.Equal(activations, session.ActivationBytes);
            Assert.InRange(allocated.Order().ElementAt(20), 0, 1_024);
        });
    }

    /// <summary>The first sequence on all ranks of both data ranks, in four slices; the others whole, each on one rank.</summary>
    private static StepPlan Merged(ParallelPlan plan)
    {
        // Backward units of a schedule that begins backwards early come after all forwards of their sequence: the last two do.
        StepPlan step = new();
        step.Reserve(2, 2, 4, Batch.Count);
        for (int sequence = 0; sequence < Batch.Count; sequence++)
            step.SetLength(sequence, Batch[sequence].Length - 1, plan.Model.ContextLength);
        RandomStep.AddRing(step, [2, 3, 0, 1], plan);
        for (int rank = 0; rank < 4; rank++)
            RandomStep.AddRing(step, [rank], plan);
        step.AddSlice(new(0, 0, 13, 0, 0, 3));
        step.AddSlice(new(0, 13, 1, 0, 0, 3));
        step.AddSlice(new(0, 14, 20, 0, 1, 2));
        step.AddSlice(new(0, 34, 14, 0, 2, 2));
        for (int sequence = 1; sequence < Batch.Count; sequence++)
            step.AddSlice(new(sequence, 0, Batch[sequence].Length - 1, 1 + (sequence % 3), sequence % 4, 3));
        step.Gather();
        return step;
    }

    /// <summary>Whole sequences: the first on the first ring, the others on the other rings by turns.</summary>
    private static StepPlan StepOn(ParallelPlan plan, params int[][] rings)
    {
        StepPlan step = new();
        step.Reserve(1, 4, 2, Batch.Count);
        for (int sequence = 0; sequence < Batch.Count; sequence++)
            step.SetLength(sequence, Batch[sequence].Length - 1, plan.Model.ContextLength);
        foreach (int[] ring in rings)
            RandomStep.AddRing(step, ring, plan);
        for (int sequence = 0; sequence < Batch.Count; sequence++)
            step.AddSlice(new(sequence, 0, Batch[sequence].Length - 1, sequence == 0 ? 0 : 1 + (sequence % 3), sequence % 2, sequence % 2));
        step.Gather();
        return step;
    }

    /// <summary>Rows that know which token they are.</summary>
    private static Kernels.TestMatrix Filled(RowRuns rows, StepPlan step)
    {
        Kernels.TestMatrix matrix = new(rows.Tokens, 5, 3);
        foreach (RowRun run in rows.Runs)
        {
            for (int i = 0; i < run.Length; i++)
            {
                for (int column = 0; column < 5; column++)
                    matrix.View[run.Row + i, column] = (step.Slices[run.Slice].Sequence * 1_000) + run.Position + i + (column / 8f);
            }
        }

        return matrix;
    }
}
