using ParallelDsl.Collectives;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;

namespace ParallelDsl.Execution;

/// <summary>One rank during one run: its links to the other ranks, and a step of training or evaluation on them.</summary>
internal sealed unsafe class RankSession : IDisposable
{
    private readonly RankModel _model;
    private readonly ThreadTeam _team;
    private readonly ProcessGroup _world;
    private readonly GradientBuckets _buckets;
    private readonly ProcessGroup _pipeline;
    private readonly ProcessGroup[] _tied;
    private readonly RingAttention _ring;
    private readonly Relay? _relay;
    private readonly RankExecutor _executor;
    private readonly StepLayout _layout;
    private readonly LossSum _loss = new();

    /// <summary>Links <paramref name="model"/> to the others over <paramref name="transport"/>.</summary>
    /// <param name="model">The rank's part of the model.</param>
    /// <param name="transport">The rank's transport.</param>
    /// <param name="team">The rank's threads.</param>
    /// <param name="clock">Takes the times of the actions of every step of training; null where nobody asks for them.</param>
    /// <param name="gradients">How gradients are summed over replicas; null is <see cref="GradientOptions.Default"/>.</param>
    public RankSession(RankModel model, ITransport transport, ThreadTeam team, ActionClock? clock = null, GradientOptions? gradients = null)
    {
        _model = model;
        _team = team;
        ParallelPlan plan = model.Plan;
        Mesh mesh = plan.Mesh;
        Coordinate own = model.Coordinate;
        _world = new ProcessGroup(transport, [.. Enumerable.Range(0, mesh.Size)], Context.World);
        _buckets = new GradientBuckets(
            model,
            transport,
            RanksWhere(other => other.Pipeline == own.Pipeline),
            Context.Replicas,
            plan.ReductionAt(own.Pipeline),
            gradients ?? GradientOptions.Default);
        _pipeline = new ProcessGroup(transport, RanksWhere(other => other.Data == own.Data && other.Sequence == own.Sequence), Context.Pipeline);
        _tied = [.. model.TiedTables.Select(table => new ProcessGroup(
            transport, [mesh.RankOf(own with { Pipeline = table.First }), mesh.RankOf(own with { Pipeline = table.Last })], Context.Tied))];

        // The replicas stand in the order of their attention ranks.
        var datapaths = RingDatapaths.Of(plan);
        NodeRoutes? routes = plan.Batching.Routes && datapaths.InterNode == Datapath.Ring ? new NodeRoutes(plan, own.Pipeline) : null;
        _ring = new RingAttention(transport, _buckets.Ranks, routes, RingFloats(model));
        if (routes is { IsAny: true })
            _relay = new Relay(transport, [.. _buckets.Ranks], routes, plan.Stages, model.Layers, datapaths);
        _executor = new RankExecutor(plan, transport, team, _ring, model.Layers, clock, _relay, _buckets);
        _layout = new StepLayout(
            mesh.Data,
            mesh.Sequence,
            plan.Batching.UnitsPerDataRank,
            (own.Data * mesh.Sequence) + own.Sequence,
            plan.Batching.Remaps ? [.. StepConstants.Of(plan).Nodes] : null,
            plan.Batching.UnitTokensPerRank,
            datapaths);
    }

    /// <summary>Sums gradients over replicas.</summary>
    public GradientBuckets Buckets => _buckets;

    /// <summary>The rank.</summary>
    public int Rank => _model.Rank;

    /// <summary>Bytes of activation buffers so far.</summary>
    public long ActivationBytes => _executor.ActivationBytes;

    /// <summary>Bytes of the other buffers so far.</summary>
    public long WorkspaceBytes => _executor.WorkspaceBytes + _ring.Bytes + (_relay?.Bytes ?? 0);

    /// <summary>Forwards, backwards and the reduction of gradients, which are then the same on all replicas.</summary>
    /// <param name="batch">The step's sequences, each with one token more than its length.</param>
    /// <param name="step">Their grouping into units.</param>
    /// <returns>The mean loss and the norm of the gradient, the same on every rank.</returns>
    public (double Loss, double GradientNorm) ComputeGradients(IReadOnlyList<int[]> batch, StepPlan step)
    {
        Prepare(batch, step);
        _model.Store.Gradients.Clear();
        _buckets.Begin();
        _executor.Train(_layout, _loss);

        // Every rank takes its tables in the order of the slices: of those that are left, the first one of all has both its ranks there.
        for (int i = 0; i < _tied.Length; i++)
            Sum(_tied[i], _model.TiedTables[i].Table.Gradients.Data, _model.TiedTables[i].Table.Spec.Length);
        _buckets.Finish();

        double squares = Reduction.SumOfSquares(_team, _model.Store.Gradients.Pointer, _model.Store.Length);
        for (int i = 0; i < _tied.Length; i++)
        {
            TiedTable tied = _model.TiedTables[i];
            if (tied.IsSecond)
                squares -= Reduction.SumOfSquares(_team, tied.Table.Gradients.Data, tied.Table.Spec.Length);
        }

        double norm = Math.Sqrt(Math.Max(0, _pipeline.AllReduce(squares)));
        return (MeanLoss(step), norm);
    }

    /// <summary>The mean loss without gradients, the same on every rank.</summary>
    /// <param name="batch">The sequences, each with one token more than its length.</param>
    /// <param name="step">Their grouping into units.</param>
    public double Evaluate(IReadOnlyList<int[]> batch, StepPlan step)
    {
        Prepare(batch, step);
        _executor.Evaluate(_layout, _loss);
        return MeanLoss(step);
    }

    /// <summary>AdamW on this rank's parameters.</summary>
    public void Update(in AdamWStep step)
    {
        ParameterStore store = _model.Store;
        AdamW.Step(_team, store.Weights.Pointer, store.Gradients.Pointer, store.FirstMoment.Pointer, store.SecondMoment.Pointer, store.DecayedLength, step);
        long rest = store.Length - store.DecayedLength;
        AdamW.Step(
            _team,
            store.Weights.Pointer + store.DecayedLength,
            store.Gradients.Pointer + store.DecayedLength,
            store.FirstMoment.Pointer + store.DecayedLength,
            store.SecondMoment.Pointer + store.DecayedLength,
            rest,
            step with { WeightDecay = 0 });
    }

    /// <summary>Whether any rank asks for it: the same answer on every rank.</summary>
    public bool Any(bool asked) => _world.AllReduce(asked ? 1 : 0) > 0;

    /// <summary>Returns once every rank has called it.</summary>
    public void Barrier() => _world.Barrier();

    /// <inheritdoc/>
    public void Dispose()
    {
        _buckets.Dispose();
        _executor.Dispose();
        _ring.Dispose();
        _relay?.Dispose();
    }

    private void Prepare(IReadOnlyList<int[]> batch, StepPlan step)
    {
        _layout.Build(batch, step);
        _loss.Nats = 0;
        _loss.Scale = 1f / step.TotalTokens;
    }

    /// <summary>A rank may hold more gradients than a span.</summary>
    private static void Sum(ProcessGroup group, float* values, long length)
    {
        const int LongestSpan = 1 << 30;
        for (long start = 0; start < length; start += LongestSpan)
            group.AllReduce(new Span<float>(values + start, (int)Math.Min(LongestSpan, length - start)));
    }

    private double MeanLoss(StepPlan step) => _world.AllReduce(_loss.Nats) / step.TotalTokens;

    /// <summary>Floats of the messages between attention ranks, as the plan counts them.</summary>
    private static long RingFloats(RankModel model)
    {
        ParallelPlan plan = model.Plan;
        LayerModule[] layers = [.. model.Layers.OfType<LayerModule>()];
        long moved = plan.Batching.Remaps ? layers.Max(layer => (long)layer.RemapFloats) : 0;
        IEnumerable<AttentionWidths> widths = layers.Select(layer => AttentionWidths.Of(plan.Model, layer.Layer));
        AxesSpec axes = plan.Axes.With(plan.Batching.Datapaths);
        RingReach reach = RingReach.Of(axes, plan.Cluster, plan.Mesh);
        return ExchangeMemory.Elements(axes, reach, widths, moved, plan.Batching.Window) * plan.Batching.UnitTokensPerRank;
    }

    private int[] RanksWhere(Func<Coordinate, bool> isMember)
    {
        Mesh mesh = _model.Plan.Mesh;
        return [.. Enumerable.Range(0, mesh.Size).Where(rank => isMember(mesh.CoordinateOf(rank))).OrderBy(rank => Order(mesh.CoordinateOf(rank)))];
    }

    /// <summary>Members stand in the order of their coordinates, so that sums do not depend on how the mesh is laid over devices.</summary>
    private static (int, int, int) Order(Coordinate coordinate) => (coordinate.Data, coordinate.Sequence, coordinate.Pipeline);

    /// <summary>One context for each family of groups: their operations may come in different orders on two ranks.</summary>
    private static class Context
    {
        public const int World = 0;
        public const int Replicas = 1;
        public const int Pipeline = 2;
        public const int Tied = 3;
    }
}
