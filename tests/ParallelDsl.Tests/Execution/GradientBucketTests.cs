using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Tests.Collectives;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Gradients summed in buckets while the backwards still run, against their sum after the step.</summary>
public sealed class GradientBucketTests
{
    private static readonly GradientOptions AfterTheStep = new(int.MaxValue, Overlaps: false);

    [Theory]
    [InlineData(2, 1, 2, PipelineSchedule.OneForwardOneBackward, 1)]
    [InlineData(2, 1, 2, PipelineSchedule.Interleaved, 2)]
    [InlineData(3, 1, 2, PipelineSchedule.ZeroBubbleH1, 0)]
    [InlineData(2, 2, 1, PipelineSchedule.GPipe, 1)]
    [InlineData(1, 1, 2, PipelineSchedule.GPipe, 1)]
    public void BucketsGiveTheBitsOfTheSumAfterTheStep(int data, int sequence, int pipeline, PipelineSchedule schedule, int chunks)
    {
        AxesSpec axes = new(data, sequence, pipeline, schedule, 4, chunks, UnitTokens: 96);
        Check<Untied>(axes);
        Check<Tied>(axes);
    }

    /// <summary>A plan may sum the gradients of the replicas at one position round rings, here paths over two nodes, and at another
    /// otherwise.</summary>
    [Fact]
    public void GradientsThatGoRoundSeveralRingsEqualThoseOfOneRank()
    {
        List<int[]> batch = StepPlanTests.BatchOf(48, 9, 1, 5, 3, 7, 2, 1, 6);
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(2, 2, 2, PipelineSchedule.OneForwardOneBackward, 4, UnitTokens: 96), StepTraits.None);
        EquatableArray<EquatableArray<int>> rings = RingSets.OverNodes(2, 2, NodeRail.Cross).Set!.Rings;
        ParallelPlan ringed = plan with
        {
            Reductions = new([new CollectivePlan(CollectiveAlgorithm.MultiRing, Rings: rings), CollectivePlan.Default]),
        };
        StepPlan step = new();
        StepPlanner.Plan(StepConstants.Of(plan), [.. batch.Select(tokens => tokens.Length - 1)], step);
        StepRun run = StepRun.Of(ringed, batch, step), direct = StepRun.Of(plan, batch, step);
        Assert.True(run.DifferenceTo(StepRun.OnOneRank(batch)) < 1e-5);

        // The same sums in another order.
        Assert.Contains(run.Gradients, tensor => !tensor.Value.AsSpan().SequenceEqual(direct.Gradients[tensor.Key]));
        StepRun.Of(ringed, batch, step, capacity: 64).AssertSameBits(run);
    }

    [Fact]
    public void AFailureOfTheThreadThatReducesIsThatOfItsRank()
    {
        AxesSpec axes = new(2, 1, 2, PipelineSchedule.OneForwardOneBackward, 4, UnitTokens: 96);
        var errors = new Exception?[4];
        RankFailedException failure = Assert.Throws<RankFailedException>(() => Run<Untied>(
            axes,
            new GradientOptions(777, Overlaps: true),
            transport => new CountingTransport(transport, (_, _) =>
            {
                if (Thread.CurrentThread.Name == "gradients of rank 2")
                    throw new InvalidOperationException("the link is gone");
            }),
            errors));
        Assert.Equal(2, failure.Rank);
        Assert.Contains("the link is gone", failure.Message);
        Assert.All(errors, error => Assert.NotNull(error));
        Assert.All(errors.Where(error => error is TransportException), error => Assert.Contains("rank 2 aborted the run", error!.Message));
    }

    /// <summary>A thread that runs ahead waits for a rank that waits for this one, which computes: nobody waits for ever.</summary>
    [Fact]
    public unsafe void ARankThatComputesIsNotOneThatWaitsBecauseItsGradientsDo()
    {
        bool isAwaited = false;
        RankThreads.Run(
            InProcessWorld.Create(2),
            transport =>
            {
                float[] value = GC.AllocateArray<float>(1, pinned: true);
                fixed (float* data = value)
                {
                    if (transport.Rank == 1)
                    {
                        transport.Receive(0, 1, value);
                        transport.Lend(0, 2, data, 1);
                        transport.TakeBack(0, 2);
                        return;
                    }

                    ITransport ahead = transport.Ahead(() => isAwaited);
                    var thread = new Thread(() =>
                    {
                        ahead.Borrow(1, 2, 1);
                        ahead.Return(1, 2);
                    });
                    thread.Start();
                    Thread.Sleep(600);
                    transport.Send(1, 1, value);
                    isAwaited = true;
                    thread.Join();
                    Assert.Equal((1, 4), (ahead.MessagesSent, transport.BytesSent));
                }
            },
            TimeSpan.FromMilliseconds(150));
    }

    private static void Check<TTiny>(AxesSpec axes)
        where TTiny : struct, ITinyShape
    {
        Result expected = Run<TTiny>(axes, AfterTheStep);
        Assert.All(expected.Early, early => Assert.Equal(0, early));
        foreach (GradientOptions options in new GradientOptions[] { new(777, true), new(777, false), new(5_000, true) })
        {
            Same(Run<TTiny>(axes, options));
            Same(Run<TTiny>(axes, options, transport => new CopyingTransport(transport)));

            void Same(Result actual)
            {
                Assert.Equal((expected.Loss, expected.Norm), (actual.Loss, actual.Norm));
                Assert.All(expected.Gradients, pair => Assert.Equal(pair.Value, actual.Gradients[pair.Key]));
                bool overlaps = options.Overlaps && axes.Data * axes.Sequence > 1;
                Assert.All(actual.Early, early => Assert.Equal(overlaps, early > 0));
            }
        }
    }

    private static Result Run<TTiny>(
        AxesSpec axes, GradientOptions options, Func<ITransport, ITransport>? wrap = null, Exception?[]? errors = null)
        where TTiny : struct, ITinyShape
    {
        ParallelPlan plan = TinyModel<TTiny>.PlanFor(axes);
        IReadOnlyList<int[]> batch = Batches.Uneven(0);
        StepPlan step = new();
        TokenPacker.Pack(
            [.. batch.Select(sequence => sequence.Length - 1)],
            axes.Data, axes.Sequence, axes.MicroBatches, axes.UnitTokens, plan.Batching.Granule, TinyModel<TTiny>.Context, step);
        RankModel[] models = [.. Enumerable.Range(0, plan.Mesh.Size).Select(rank => RankModel.Create<TinyModel<TTiny>>(plan, rank))];
        var early = new int[plan.Mesh.Size];
        (double Loss, double Norm) figures = default;
        try
        {
            RankThreads.Run(
                InProcessWorld.Create(plan.Mesh.Size),
                inner =>
                {
                    ITransport transport = wrap?.Invoke(inner) ?? inner;
                    RankModel model = models[transport.Rank];
                    model.Store.Initialize(1);
                    using ThreadTeam team = new(1);
                    using RankSession session = new(model, transport, team, gradients: options);
                    try
                    {
                        // Twice: a step leaves nothing behind.
                        session.ComputeGradients(batch, step);
                        (double loss, double norm) = session.ComputeGradients(batch, step);
                        early[transport.Rank] = session.Buckets.Early;
                        if (transport.Rank == 0)
                            figures = (loss, norm);
                    }
                    catch (Exception exception) when (errors is not null)
                    {
                        errors[transport.Rank] = exception;
                        throw;
                    }
                },
                TimeSpan.FromSeconds(20));
            return new Result(figures.Loss, figures.Norm, GradientTable.Gradients(models), early);
        }
        finally
        {
            foreach (RankModel model in models)
                model.Dispose();
        }
    }

    private sealed record Result(double Loss, double Norm, SortedDictionary<string, float[]> Gradients, int[] Early);
}
