using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>The executor runs whatever is legal, over the narrowest channels, and computes what one rank computes.</summary>
public sealed class RandomProgramTests(ITestOutputHelper output)
{
    private const int Seeds = 500;
    private const int Units = 8;

    // Short sequences, the context among them once, so that units are of uneven length and one holds several.
    private static readonly int[][] Batch =
    [
        .. new[] { 1, 9, 2, 3, 5, 1, 4, 2, 6, 3, 1 }.Select((length, index) =>
            Enumerable.Range(0, length + 1).Select(position => (7 + (index * 13) + (position * 29)) % TinyModel<Untied>.Vocabulary).ToArray()),
    ];

    // Lazy, because the ranks' threads read this class and would wait for the end of its initialisation.
    private static readonly Lazy<Result[]> References = new(() => [.. Enumerable.Range(1, 4).Select(slices => Run(PlanOf(1, slices), capacity: 64))]);

    [Fact]
    public void FiveHundredRandomProgramsComputeWhatOneRankComputes()
    {
        double worst = 0;
        int stages = 0, mixed = 0;
        for (int seed = 0; seed < Seeds; seed++)
        {
            // Every second program takes the units of every stage in order: then gradients are summed in one order, whatever the partition, the
            // placement and the rest of the order, and no bit may differ. In any order the sums are equal up to rounding.
            bool inOrder = seed % 2 == 0;
            (ParallelPlan plan, int slices) = RandomPlan(seed, inOrder);
            Result result = Run(plan, capacity: 1);
            if (inOrder)
            {
                // The norm is summed over other runs of the same numbers.
                Assert.Equal(References.Value[slices - 1].Norm, result.Norm, 1e-7);
                foreach ((string tensor, float[] values) in References.Value[slices - 1].Gradients)
                    Assert.True(values.AsSpan().SequenceEqual(result.Gradients[tensor]), $"seed {seed}: {tensor} differs from the same slices on one rank");
            }

            // References[0] has the whole vocabulary.
            Assert.Equal(References.Value[0].Loss, result.Loss, 1e-5 * References.Value[0].Loss);
            (double difference, string worstTensor) = GradientTable.Compare(References.Value[0].Gradients, result.Gradients);
            Assert.True(difference < 1e-5, $"seed {seed}: {worstTensor} differs by {difference:E2}");
            worst = Math.Max(worst, difference);
            stages += plan.Stages.Count;
            mixed += plan.Programs.Any(program => program.Actions.Any(action => action.Kind == ActionKind.Backward)
                && program.Actions.Any(action => action.Kind == ActionKind.BackwardInput)) ? 1 : 0;
        }

        output.WriteLine($"{Seeds} programs, {stages} stages, {mixed} with both kinds of backward on a device; largest relative difference {worst:E2}");
        Assert.True(mixed > Seeds / 2);
    }

    [Fact]
    public void ARemovedReceiveIsFoundAndNamed()
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            (ParallelPlan plan, _) = RandomPlan(seed, inOrder: false);
            EquatableArray<int> devices = plan.Stages.Select(stage => stage.Device).ToEquatableArray();
            Random random = new(seed);
            (int device, PipelineAction receive) = random.GetItems(
                plan.Programs.SelectMany((program, index) => program.Actions
                    .Where(action => action.Kind is ActionKind.ReceiveForward or ActionKind.ReceiveBackward)
                    .Select(action => (index, action))).ToArray(),
                1)[0];
            EquatableArray<PipelineProgram> without = plan.Programs.Select((program, index) => index == device
                ? new PipelineProgram(program.Actions.Where(action => action != receive).ToEquatableArray())
                : program).ToEquatableArray();

            // What needs the value stands in the program of its device and says which receive it misses.
            PipelineError error = Assert.Single(PipelineValidation.Validate(without, devices, Units));
            Assert.Equal(device, error.Device);
            Assert.Contains($"{PipelineText.Write(receive)} does not stand before it", error.Message, StringComparison.Ordinal);
            Assert.Equal((receive.Stage, receive.MicroBatch), Place(without[device].Actions[error.Position]));
        }

        static (int, int) Place(PipelineAction action) => (action.Stage, action.MicroBatch);
    }

    private static (ParallelPlan Plan, int Slices) RandomPlan(int seed, bool inOrder)
    {
        Random random = new(seed);
        int devices = random.Next(2, 9), slices = random.Next(1, 5);
        ParallelPlan plan = PlanOf(devices, slices);
        RandomProgram program = new(random, plan.Layers.Count, devices, Units, inOrder);
        Assert.Empty(PipelineValidation.Validate(program.Programs, program.StageDevices, Units));
        return (plan with
        {
            Stages = program.StageDevices.Select((device, stage) => new PlannedStage(
                stage, program.Boundaries[stage], program.Boundaries[stage + 1] - program.Boundaries[stage], device, 1, 1, 1, 1)).ToEquatableArray(),
            Programs = program.Programs,
        }, slices);
    }

    private static ParallelPlan PlanOf(int devices, int slices) => TinyModel<Untied>.PlanFor(
        new AxesSpec(Pipeline: devices, Schedule: PipelineSchedule.GPipe, MicroBatches: Units, VocabularySlices: slices));

    private static Result Run(ParallelPlan plan, int capacity)
    {
        StepPlan step = new();
        Assert.True(TokenPacker.TryPack(
            [.. Batch.Select(sequence => sequence.Length - 1)], 1, plan.Mesh.Sequence, Units, plan.Batching.UnitTokens, plan.Batching.Granule, TinyModel<Untied>.Context, step));
        RankModel[] models = [.. Enumerable.Range(0, plan.Mesh.Size).Select(rank => RankModel.Create<TinyModel<Untied>>(plan, rank))];
        (double Loss, double Norm) figures = default;
        try
        {
            RankThreads.Run(
                InProcessWorld.Create(plan.Mesh.Size, capacity),
                transport =>
                {
                    RankModel model = models[transport.Rank];
                    model.Store.Initialize(1);
                    using ThreadTeam team = new(1);
                    using RankSession session = new(model, transport, team);
                    (double loss, double norm) = session.ComputeGradients(Batch, step);
                    if (transport.Rank == 0)
                        figures = (loss, norm);
                },
                TimeSpan.FromSeconds(20));
            return new Result(figures.Loss, figures.Norm, GradientTable.Gradients(models));
        }
        finally
        {
            foreach (RankModel model in models)
                model.Dispose();
        }
    }

    private sealed record Result(double Loss, double Norm, SortedDictionary<string, float[]> Gradients);
}
