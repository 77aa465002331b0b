using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>An evaluation and steps of training over the same plan: figures, gradients of the last step, and the traffic of every rank by tag.</summary>
internal sealed record RoutedRun(
    double Evaluation, List<(double Loss, double Norm)> Steps, SortedDictionary<string, float[]> Gradients, CountingTransport[] Transports)
{
    public static RoutedRun Of(
        ParallelPlan plan,
        IReadOnlyList<int[]> batch,
        StepPlan step,
        int steps = 1,
        int capacity = 1,
        Func<int, bool>? takesPart = null,
        Action<int, int, int>? beforeSend = null)
    {
        RankModel[] models = [.. Enumerable.Range(0, plan.Mesh.Size).Select(rank => RankModel.Create<TinyModel<Untied>>(plan, rank))];
        CountingTransport[] transports = new CountingTransport[plan.Mesh.Size];
        List<(double, double)> figures = [];
        double evaluation = 0;
        try
        {
            RankThreads.Run(
                InProcessWorld.Create(plan.Mesh.Size, capacity),
                inner =>
                {
                    int rank = inner.Rank;
                    CountingTransport transport = transports[rank] =
                        new CountingTransport(inner, beforeSend is null ? null : (destination, tag) => beforeSend(rank, destination, tag));
                    if (takesPart?.Invoke(rank) == false)
                        return;
                    models[rank].Store.Initialize(1);
                    using ThreadTeam team = new(1);
                    using RankSession session = new(models[rank], transport, team);
                    double loss = session.Evaluate(batch, step);
                    if (rank == 0)
                        evaluation = loss;
                    for (int i = 0; i < steps; i++)
                    {
                        (double, double) result = session.ComputeGradients(batch, step);
                        if (rank == 0)
                            figures.Add(result);
                    }
                },
                TimeSpan.FromSeconds(20));
            return new RoutedRun(evaluation, figures, GradientTable.Gradients(models), transports);
        }
        finally
        {
            foreach (RankModel model in models)
                model.Dispose();
        }
    }

    /// <summary>What all ranks sent with these tags.</summary>
    public Traffic SentWith(params int[] tags) => Transports.Aggregate(default(Traffic), (sum, transport) => sum + transport.SentWith(tags));

    /// <summary>Every bit of every figure and gradient is the same.</summary>
    public void AssertSameBits(RoutedRun other)
    {
        Assert.Equal(other.Evaluation, Evaluation);
        Assert.Equal(other.Steps, Steps);
        Assert.Equal(other.Gradients.Keys, Gradients.Keys);
        foreach ((string tensor, float[] values) in other.Gradients)
            Assert.True(values.AsSpan().SequenceEqual(Gradients[tensor]), $"{tensor} differs");
    }

    /// <summary>What relays receive they send, every rank by itself; what is sent with a tag is received; and parts and undivided hops
    /// together bring what undivided hops bring.</summary>
    public void AssertConserves(RoutedRun direct)
    {
        foreach (CountingTransport transport in Transports)
        {
            Assert.Equal(
                transport.ReceivedWith(HopTags.ToRelay, HopTags.BetweenRelays), transport.SentWith(HopTags.BetweenRelays, HopTags.FromRelay));
        }

        foreach (int tag in (int[])[HopTags.KeyValue, HopTags.Gradient, HopTags.Row, HopTags.ToRelay, HopTags.BetweenRelays, HopTags.FromRelay])
            Assert.Equal(SentWith(tag), Transports.Aggregate(default(Traffic), (sum, transport) => sum + transport.ReceivedWith(tag)));
        Assert.Equal(0, direct.SentWith(HopTags.ToRelay, HopTags.BetweenRelays, HopTags.FromRelay).Messages);
        Assert.Equal(
            direct.SentWith(HopTags.KeyValue, HopTags.Gradient).Floats, SentWith(HopTags.KeyValue, HopTags.Gradient, HopTags.FromRelay).Floats);
    }
}
