using System.Diagnostics;
using ParallelDsl.Data;
using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;
using ParallelDsl.Transports;

namespace ParallelDsl.Training;

/// <summary>Trains a declared model under its plan: every rank on a thread of this process, or, over a transport between processes, this process's
/// rank. Then every process makes a trainer of its own with the same arguments and calls the same members in the same order.</summary>
/// <typeparam name="TModel">The declared model.</typeparam>
/// <example>
/// <code>
/// using var trainer = new Trainer&lt;Gpt&gt;(documents, new TrainerOptions { Steps = 200 });
/// trainer.Train(progress: report => Console.WriteLine(report));
/// trainer.Save("checkpoints");
/// </code>
/// </example>
public sealed partial class Trainer<TModel> : IDisposable
    where TModel : IParallelModel<TModel>
{
    private readonly RankModel[] _models;
    private readonly ThreadTeam[] _teams;
    private readonly ActionClock?[] _clocks;
    private readonly IReadOnlyList<int[]> _documents;
    private readonly ITransport? _transport;
    private SamplerState _position;
    private Exception? _failure;
    private bool _isRunning;

    /// <summary>Makes the model on every rank, with weights from the seed.</summary>
    /// <param name="documents">Token ids, each document at least 2 of them: a document of n + 1 tokens is a sequence of length n. None longer than the context.</param>
    /// <param name="options">How to train; null for the defaults.</param>
    /// <param name="plan">Another plan of the same model, such as the one-rank plan that parity is checked against; null for the compiled one.</param>
    /// <param name="transport">This process's rank, where the others are other processes; it stays open. Null where all ranks are threads of this one.</param>
    /// <exception cref="ArgumentException">A document is too short, too long or holds an id outside the vocabulary; or the plan is of another model, has another number of ranks than the transport, or its programs are not sound.</exception>
    public Trainer(IReadOnlyList<int[]> documents, TrainerOptions? options = null, ParallelPlan? plan = null, ITransport? transport = null)
    {
        Options = options ?? new TrainerOptions();
        Options.Validate();
        Plan = plan ?? TModel.Plan;
        if (Plan.Model != TModel.Plan.Model)
            throw new ArgumentException($"The plan is of {Plan.Model.Name} and its layers, not of {typeof(TModel)} as compiled; plan this model again.", nameof(plan));
        if (PipelineValidation.Validate(Plan.Programs, Plan.Stages.Select(stage => stage.Device).ToEquatableArray(), Plan.Batching.UnitsPerDataRank) is [var fault, ..])
            throw new ArgumentException($"The programs of the plan are not sound: {fault}.", nameof(plan));
        if (transport is not null && transport.Size != Plan.Mesh.Size)
            throw new ArgumentException($"The plan has {Plan.Mesh.Size} ranks, but the transport joins {transport.Size}: start {Plan.Mesh.Size} processes.", nameof(transport));
        StepGrouping.Check(documents, Plan.Model);
        _documents = documents;
        _transport = transport;
        int threads = Options.ThreadsPerRank > 0 ? Options.ThreadsPerRank : Math.Max(1, Environment.ProcessorCount / Plan.Mesh.Size);
        IEnumerable<int> ranks = transport is null ? Enumerable.Range(0, Plan.Mesh.Size) : [transport.Rank];
        _models = [.. ranks.Select(rank => RankModel.Create<TModel>(Plan, rank))];
        _teams = [.. _models.Select(_ => new ThreadTeam(threads))];
        _clocks = [.. _models.Select(model => Options.TimesActions ? new ActionClock(Plan.Programs[model.Coordinate.Pipeline]) : null)];
        foreach (RankModel model in _models)
            model.Store.Initialize(Options.Seed);
    }

    /// <summary>The plan that is run.</summary>
    public ParallelPlan Plan { get; }

    /// <summary>How it is trained.</summary>
    public TrainerOptions Options { get; }

    /// <summary>Steps done.</summary>
    public int StepsDone { get; private set; }

    /// <summary>The number of weights of the model; a tied table counts once.</summary>
    public long ParameterCount => Plan.Layers.Sum(layer => layer.Parameters);

    internal IReadOnlyList<RankModel> Models => _models;

    /// <summary>Trains <paramref name="steps"/> more steps, or up to <see cref="TrainerOptions.Steps"/>.</summary>
    /// <param name="steps">How many; null for the rest of the run.</param>
    /// <param name="progress">Told after each step, on rank 0's thread and in its process alone: keep it short. It may call <see cref="Save"/>, unless the ranks are processes.</param>
    /// <param name="cancellation">Ends the run after the step that is under way, on every rank.</param>
    /// <returns>Whether all steps were done.</returns>
    /// <exception cref="RankFailedException">A rank failed; the inner exception says why.</exception>
    /// <remarks>After a loss that is no longer a number (<see cref="TrainingDivergedException"/> inside) the weights are those before that step, and
    /// can be saved. After any other failure only a new trainer goes on, from a checkpoint.</remarks>
    public bool Train(int? steps = null, Action<StepReport>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(steps ?? 0, nameof(steps));
        int first = StepsDone, last = first + (steps ?? Math.Max(0, Options.Steps - first));
        SamplerState position = _position;
        Run(session =>
        {
            BatchSampler sampler = new(_documents, Options.Seed, position, StepGrouping.Of<TModel>(Plan));
            StepPlan grouping = new();
            for (int step = first; step < last; step++)
            {
                // Ranks see the request at different times: they go by what all know.
                if (session.Any(cancellation.IsCancellationRequested))
                    return;
                StepReport report = StepOnce(session, sampler.Next(grouping), grouping, step);

                // Whoever is told of a step may save it: every rank must have its new weights. They do not change again before
                // rank 0 has taken part in the next step.
                session.Barrier();
                if (IsFirst(session))
                {
                    _position = sampler.State;
                    Finish(report, session.Rank == 0 ? progress : null);
                }
            }
        });
        return StepsDone == last;
    }

    /// <summary>Trains one step on the given sequences.</summary>
    /// <param name="sequences">Token ids; a sequence of n + 1 tokens has n targets.</param>
    /// <exception cref="RankFailedException">They do not fit one step (<see cref="PackingException"/> inside), or a rank failed.</exception>
    public StepReport Step(IReadOnlyList<int[]> sequences)
    {
        StepGrouping.Check(sequences, Plan.Model);
        StepReport done = default;
        Run(session =>
        {
            StepPlan grouping = new();
            if (!StepGrouping.Of<TModel>(Plan).TryGroup([.. sequences], grouping))
                throw new PackingException($"{sequences.Count} sequences do not fit one step of {Plan.Mesh.Data} x {Plan.Batching.UnitsPerDataRank} units of {Plan.Batching.UnitTokens} tokens; give fewer.");
            StepReport report = StepOnce(session, sequences, grouping, StepsDone);
            if (IsFirst(session))
                done = report;
        });
        Finish(done, null);
        return done;
    }

    /// <summary>The mean loss (nats a target token) over <paramref name="sequences"/>, without training on them.</summary>
    /// <param name="sequences">Any number of them; as many batches as they need.</param>
    public double Evaluate(IReadOnlyList<int[]> sequences)
    {
        StepGrouping.Check(sequences, Plan.Model);
        double nats = 0;
        long tokens = 0;
        Run(session =>
        {
            StepGrouping grouping = StepGrouping.Of<TModel>(Plan);
            StepPlan step = new();
            for (int done = 0; done < sequences.Count; done += step.SequenceCount)
            {
                List<int[]> batch = grouping.Take(sequences, done);
                grouping.GroupMost(batch, step);
                double loss = session.Evaluate(batch, step);
                if (IsFirst(session))
                {
                    nats += loss * step.TotalTokens;
                    tokens += step.TotalTokens;
                }
            }
        });
        return nats / tokens;
    }

    /// <summary>When the actions of a rank's program started and ended in the last step of training, in program order, in nanoseconds of a clock
    /// that all ranks share. A receive lasts from the call to the arrival; a send as long as it holds up the rank. Before the first step all
    /// times are 0.</summary>
    /// <param name="rank">The rank.</param>
    /// <exception cref="InvalidOperationException"><see cref="TrainerOptions.TimesActions"/> is off.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rank is not one of this process.</exception>
    /// <remarks>Call it between runs, or when told of a step.</remarks>
    public IReadOnlyList<TimedAction> ActionTimes(int rank) => _clocks[IndexOf(rank)]?.Read()
        ?? throw new InvalidOperationException($"The trainer takes no times: set {nameof(TrainerOptions)}.{nameof(TrainerOptions.TimesActions)}.");

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ThreadTeam team in _teams)
            team.Dispose();
        foreach (RankModel model in _models)
            model.Dispose();
    }

    private StepReport StepOnce(RankSession session, IReadOnlyList<int[]> batch, StepPlan grouping, int step)
    {
        long started = Stopwatch.GetTimestamp();
        (double loss, double norm) = session.ComputeGradients(batch, grouping);
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
            throw new TrainingDivergedException(step + 1, loss, norm);
        float clip = Options.GradientClip;
        float rate = Options.LearningRateAt(step);
        session.Update(new AdamWStep
        {
            LearningRate = rate,
            Beta1 = Options.Beta1,
            Beta2 = Options.Beta2,
            Epsilon = Options.Epsilon,
            WeightDecay = Options.WeightDecay,
            Step = step + 1,
            GradientScale = clip > 0 && norm > clip ? (float)(clip / norm) : 1,
        });
        return new StepReport(step + 1, loss, norm, rate, grouping.TotalTokens, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private void Finish(StepReport report, Action<StepReport>? progress)
    {
        StepsDone = report.Step;
        progress?.Invoke(report);
    }

    /// <summary>Whether a session's rank is the one that keeps the trainer's state in this process: all ranks have the same.</summary>
    private bool IsFirst(RankSession session) => session.Rank == _models[0].Rank;

    private int IndexOf(int rank)
    {
        int index = rank - _models[0].Rank;
        return (uint)index < (uint)_models.Length ? index : throw new ArgumentOutOfRangeException(nameof(rank), rank, "The rank is not one of this process.");
    }

    private void Run(Action<RankSession> body)
    {
        RunRanks(transport =>
        {
            int index = IndexOf(transport.Rank);
            using RankSession session = new(_models[index], transport, _teams[index], _clocks[index]);
            body(session);
        });
    }

    private void RunRanks(Action<ITransport> body)
    {
        ThrowIfFailed();
        try
        {
            _isRunning = true;
            if (_transport is null)
                RankThreads.Run(Plan.Mesh.Size, body);
            else
                RankThreads.RunOwn(_transport, body, IsShared);
        }
        catch (Exception exception) when (exception is not RankFailedException { InnerException: { } cause } || !IsShared(cause))
        {
            _failure = exception;
            throw;
        }
        finally
        {
            _isRunning = false;
        }
    }

    /// <summary>What stops every rank before it touches the weights; after any other failure ranks may be a step apart.</summary>
    private static bool IsShared(Exception cause) => cause is TrainingDivergedException or PackingException;

    private void ThrowIfFailed()
    {
        if (_failure is not null)
            throw new InvalidOperationException("This trainer's ranks stopped in the middle of a step. Make a new trainer and resume from the last checkpoint.", _failure);
    }
}

/// <summary>The loss or the gradient is no longer a number; the weights are as before the step.</summary>
public sealed class TrainingDivergedException(int step, double loss, double gradientNorm) : Exception(
    FormattableString.Invariant(
        $"Step {step} gave the loss {loss} and the gradient norm {gradientNorm}. The weights are those of step {step - 1}; lower the learning rate or the clip."));
