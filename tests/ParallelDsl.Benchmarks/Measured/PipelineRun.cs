using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;
using ParallelDsl.Transports;

namespace ParallelDsl.Benchmarks.Measured;

/// <summary>One rank of one plan that is run step by step, with the other plans in turn on the same threads.</summary>
/// <typeparam name="TModel">The declared model.</typeparam>
internal sealed class PipelineRun<TModel> : IDisposable
    where TModel : IParallelModel<TModel>
{
    // Buffers grow and pages are touched for the first time in these.
    private const int WarmUpSteps = 2;

    // Tries for each quiet step that is asked for.
    private const int MostTries = 8;

    private readonly ThreadTeam _team;
    private readonly RankModel _model;
    private readonly ActionClock _clock;
    private readonly RankSession _session;
    private readonly List<int[]> _batch;
    private readonly StepPlan _grouping;
    private readonly Exchange _exchange;

    /// <summary>Makes the rank's part and warms it up; every rank calls it at the same point.</summary>
    public PipelineRun(ParallelPlan plan, ITransport transport, List<int[]> batch, StepPlan grouping, Exchange exchange)
    {
        _team = new ThreadTeam(1);
        _model = RankModel.Create<TModel>(plan, transport.Rank);
        _model.Store.Initialize(1);
        _clock = new ActionClock(plan.Programs[_model.Coordinate.Pipeline]);
        _session = new RankSession(_model, transport, _team, _clock);
        (_batch, _grouping, _exchange) = (batch, grouping, exchange);
        for (int step = 0; step < WarmUpSteps; step++)
            _session.ComputeGradients(_batch, _grouping);
    }

    /// <summary>Returns once every rank has called it.</summary>
    public void Barrier() => _session.Barrier();

    /// <summary>Runs until there are <paramref name="steps"/> quiet steps, or gives up. Which steps are kept does not depend on how long anything
    /// took, only on what other processes took from the ranks.</summary>
    /// <returns>The quiet steps, and how many were run: the same on every rank.</returns>
    public (RecordedStep[] Quiet, int Run) Record(int steps)
    {
        List<RecordedStep> recorded = [];
        while (recorded.Count < steps * MostTries && recorded.Count(step => step.IsQuiet) < steps)
            recorded.Add(Step());
        return ([.. recorded.Where(step => step.IsQuiet)], recorded.Count);
    }

    public void Dispose()
    {
        _session.Dispose();
        _model.Dispose();
        _team.Dispose();
    }

    private RecordedStep Step()
    {
        _session.Barrier();
        long before = ProcessorWait.OfThisThread();
        _session.ComputeGradients(_batch, _grouping);
        _exchange.Waits[_model.Rank] = ProcessorWait.OfThisThread() - before;
        _exchange.Times[_model.Rank] = _clock.Read();
        _session.Barrier();
        RecordedStep step = new([.. _exchange.Times], [.. _exchange.Waits]);
        _session.Barrier();
        return step;
    }
}

/// <summary>What ranks tell one another after a step.</summary>
internal sealed class Exchange(int ranks)
{
    public TimedAction[][] Times { get; } = new TimedAction[ranks][];

    public long[] Waits { get; } = new long[ranks];
}
