using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>One step under a given step plan: its loss, the norm of its gradient, the gradients, and what every rank sent.</summary>
internal sealed record StepRun(double Loss, double Norm, SortedDictionary<string, float[]> Gradients, long[] BytesSent)
{
    /// <summary>The whole batch on one rank, in units of whole sequences.</summary>
    public static StepRun OnOneRank(IReadOnlyList<int[]> batch) => OnOneRank<Untied>(batch);

    /// <summary>The same of another model.</summary>
    public static StepRun OnOneRank<TTiny>(IReadOnlyList<int[]> batch)
        where TTiny : struct, ITinyShape
    {
        ParallelPlan plan = TinyModel<TTiny>.PlanFor(new AxesSpec(MicroBatches: 2, UnitTokens: 480));
        StepPlan step = new();
        TokenPacker.Pack([.. batch.Select(sequence => sequence.Length - 1)], 1, 1, 2, 480, 1, TinyModel<TTiny>.Context, step);
        return Of<TTiny>(plan, batch, step);
    }

    /// <summary>A step of training from the same weights, over channels of the given capacity.</summary>
    public static StepRun Of(ParallelPlan plan, IReadOnlyList<int[]> batch, StepPlan step, int capacity = 1, Action<RankSession>? before = null) =>
        Of<Untied>(plan, batch, step, capacity, before);

    /// <summary>The same of another model.</summary>
    public static StepRun Of<TTiny>(
        ParallelPlan plan, IReadOnlyList<int[]> batch, StepPlan step, int capacity = 1, Action<RankSession>? before = null)
        where TTiny : struct, ITinyShape
    {
        RankModel[] models = [.. Enumerable.Range(0, plan.Mesh.Size).Select(rank => RankModel.Create<TinyModel<TTiny>>(plan, rank))];
        (double Loss, double Norm) figures = default;
        long[] sent = new long[plan.Mesh.Size];
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
                    before?.Invoke(session);
                    (double loss, double norm) = session.ComputeGradients(batch, step);
                    sent[transport.Rank] = transport.BytesSent;
                    if (transport.Rank == 0)
                        figures = (loss, norm);
                },
                TimeSpan.FromSeconds(20));
            return new StepRun(figures.Loss, figures.Norm, GradientTable.Gradients(models), sent);
        }
        finally
        {
            foreach (RankModel model in models)
                model.Dispose();
        }
    }

    /// <summary>Every bit of every figure and gradient is the same.</summary>
    public void AssertSameBits(StepRun other)
    {
        Assert.Equal((other.Loss, other.Norm), (Loss, Norm));
        foreach ((string tensor, float[] values) in other.Gradients)
            Assert.True(values.AsSpan().SequenceEqual(Gradients[tensor]), $"{tensor} differs");
    }

    /// <summary>The largest relative difference of the losses, the norms and the gradients.</summary>
    public double DifferenceTo(StepRun expected) => Math.Max(
        Math.Max(Math.Abs(Loss - expected.Loss) / expected.Loss, Math.Abs(Norm - expected.Norm) / expected.Norm),
        GradientTable.Compare(expected.Gradients, Gradients).Difference);
}
