using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>A search for the fastest partition, placement and order of a <see cref="PipelineProblem"/>, in rounds. The same problem and
/// options give the same result everywhere.</summary>
/// <remarks>After AdaPtis (arXiv 2509.23722) and its public simulator's tuner; reconstructed. Round 0 times the known schedules and a sweep
/// of even partitions, regular placements and plain preferences of a list scheduler. Each later round improves one of the best
/// points by small changes of partition, placement or order; where the bubble is says which of the three is changed most
/// (<see cref="BubbleShare"/>), and a phase that finds nothing for a while gives way to the next. Changes that make it a little worse are
/// accepted, less and less so (threshold accepting). The last round exchanges actions within the best order.</remarks>
public sealed class TuningSearch
{
    private const int Elites = 4;

    // The rounds after the first: the rank of the point that is improved, what is accepted at the start in thousandths of the makespan, and
    // the share of the budget.
    private static readonly (int Rank, int Threshold, int Share)[] Rounds =
        [(0, 20, 1), (1, 20, 1), (2, 20, 1), (3, 20, 1), (0, 10, 2), (1, 10, 2), (0, 5, 2), (0, 2, 1)];

    // States of an exact search that count as one candidate.
    private const int NodesPerCandidate = 50;

    private readonly TuningOptions _options;
    private readonly TuningFreedom _freedom;
    private readonly StageTable _table;
    private readonly ListScheduler _scheduler;
    private readonly SchedulingRule _rule = new();
    private readonly long _smallestLayer;
    private readonly List<TuningPoint> _elites = [];
    private PipelineCandidate? _best;
    private bool _isOptimal;

    /// <summary>Prepares a search; <see cref="Advance"/> does its rounds.</summary>
    /// <exception cref="ArgumentException">The problem or the options cannot be meant, or nothing keeps the cap: the message names the
    /// smallest that can be kept.</exception>
    public TuningSearch(PipelineProblem problem, TuningOptions options)
    {
        problem.Check();
        (Problem, _options) = (problem, options);
        if (options.Budget < 1)
            throw new ArgumentException(Invariant($"a search needs a budget of at least one candidate, not {options.Budget}"), nameof(options));
        if (options.MaximumStagesPerDevice < 1)
            throw new ArgumentException(Invariant($"a device cannot have {options.MaximumStagesPerDevice} stages"), nameof(options));
        int stages = options.Placement?.Count ?? options.Partition?.Count ?? 0;
        if (options.Partition is not null || options.Placement is not null)
        {
            if (stages < problem.Devices || stages > problem.FreeLayers)
                throw new ArgumentException(Invariant($"{problem.FreeLayers} layers on {problem.Devices} devices do not make {stages} stages"));
            NamedPipelines.BoundariesOf(
                problem,
                options.Partition ?? NamedPipelines.EvenPartition(problem, stages),
                options.Placement ?? PipelinePrograms.CyclicPlacement(stages, problem.Devices));
        }

        long least = SmallestCap.Of(problem, options);
        if (least > problem.ActivationCap)
        {
            string smallest = least == SmallestCap.Bound(problem) ? "the smallest" : "the smallest found";
            throw new ArgumentException(Invariant(
                $"no pipeline keeps an activation cap of {problem.ActivationCap}; {smallest} is {least}: one unit alone holds {least} on some device"));
        }

        _freedom = new(
            options.Partition is null, options.Placement is null, options.TunesOrder, (long)problem.Devices * options.MaximumStagesPerDevice);
        _table = new StageTable(problem);
        _scheduler = new ListScheduler(_table);
        _smallestLayer = problem.Layers.Min(layer =>
            problem.TicksOn(0, layer.Forward) + problem.TicksOn(0, layer.BackwardInput) + problem.TicksOn(0, layer.BackwardWeight));
        LowerBound = PipelineBound.Of(problem);
    }

    /// <summary>Goes on from what <see cref="Save"/> gave, to the very result of a search that was never interrupted.</summary>
    /// <param name="problem">The problem of that search.</param>
    /// <param name="options">Its options.</param>
    /// <param name="state">The text.</param>
    /// <exception cref="FormatException">The text is malformed, was changed, or is the state of another search.</exception>
    /// <exception cref="ArgumentException">See <see cref="TuningSearch(PipelineProblem, TuningOptions)"/>.</exception>
    public static TuningSearch Resume(PipelineProblem problem, TuningOptions options, string state)
    {
        var search = new TuningSearch(problem, options);
        (search.Round, search.Searched, search._isOptimal, search._best, IReadOnlyList<TuningPoint> elites) =
            TuningState.Read(problem, options, state);
        search._elites.AddRange(elites);
        return search;
    }

    /// <summary>The state between two rounds as text, for <see cref="Resume"/>.</summary>
    /// <exception cref="InvalidOperationException">No round is done.</exception>
    public string Save() => new TuningState(Round, Searched, _isOptimal, Best, _elites).Write(Problem, _options);

    /// <summary>What is searched for.</summary>
    public PipelineProblem Problem { get; }

    /// <summary>A makespan that nothing beats.</summary>
    public long LowerBound { get; }

    /// <summary>Candidates simulated so far.</summary>
    public int Searched { get; private set; }

    /// <summary>Rounds done.</summary>
    public int Round { get; private set; }

    /// <summary>Whether the budget is spent, or nothing can be better.</summary>
    public bool IsDone => Round > 0 && (Searched >= _options.Budget || _isOptimal || _best!.Makespan == LowerBound || Round > Rounds.Length + 1);

    /// <summary>The best so far; of round 0 or later.</summary>
    public PipelineCandidate Best => _best ?? throw new InvalidOperationException("no round of the search is done");

    /// <summary>Does the next round.</summary>
    public void Advance(CancellationToken cancellation = default)
    {
        if (Round == 0)
            Sweep(cancellation);
        else if (Round == 1 && SmallProblems.Fits(Problem))
            Enumerate(cancellation);
        else if (Round <= Rounds.Length)
            Anneal(cancellation);
        else
            Polish(cancellation);
        Round++;
    }

    private void Sweep(CancellationToken cancellation)
    {
        foreach (PipelineCandidate seed in TuningSeeds.Of(Problem, _options, all: _options.Budget >= 1000))
        {
            cancellation.ThrowIfCancellationRequested();
            Searched++;
            if (_best is null || seed.Makespan < _best.Makespan)
                _best = seed;
        }

        // At least one point, since no known schedule may keep the cap.
        int most = Math.Max(Searched + 1, _options.Budget / 3);
        var found = new List<TuningPoint>();
        foreach (TuningPoint point in TuningSweep.Points(Problem, _options))
        {
            if (Searched >= most && found.Count > 0)
                break;
            cancellation.ThrowIfCancellationRequested();
            if (Evaluate(point, long.MaxValue))
                found.Add(point);
        }

        if (found.Count == 0)
        {
            TuningPoint point = SmallestCap.Point(Problem, _options);
            Evaluate(point, long.MaxValue);
            found.Add(point);
        }

        // The best of every kind of layout, so that rounds start from different ones.
        foreach (TuningPoint point in found.OrderBy(point => point.Makespan))
        {
            if (_elites.Count < Elites && !_elites.Exists(elite => elite.Layout.IsLike(point.Layout, Problem.Devices)))
                _elites.Add(point);
        }

        Keep(_elites[0]);
    }

    // Every layout of a small problem: what comes out is the optimum, and the search is over.
    private void Enumerate(CancellationToken cancellation)
    {
        long nodes = (long)_options.Budget * NodesPerCandidate;
        if (SmallProblems.Search(Problem, _options, _table, _best!.Makespan, ref nodes, cancellation) is { } found)
        {
            _table.Fill(found.Layout);
            _best = PipelineCandidate.Of(
                Problem,
                PipelineSchedule.Adaptive,
                new(found.Layout.First),
                new(found.Layout.Device),
                _table.OrdersOf(found.Orders));
        }

        _isOptimal = nodes > 0;
    }

    // Whether the point is feasible and takes no longer than the limit; then it knows its makespan.
    private bool Evaluate(TuningPoint point, long limit)
    {
        Searched++;
        _table.Fill(point.Layout);
        if (!_table.IsFeasible)
            return false;
        point.Apply(_table, _rule);
        point.Makespan = _scheduler.Run(_rule, limit);
        return point.Makespan <= limit && point.Makespan != long.MaxValue;
    }

    private void Keep(TuningPoint point)
    {
        if (_best is not null && point.Makespan >= _best.Makespan)
            return;
        Searched--;
        Evaluate(point, long.MaxValue);
        _best = PipelineCandidate.Of(
            Problem, PipelineSchedule.Adaptive, new(point.Layout.First), new(point.Layout.Device), _scheduler.Orders());
    }

    // Points stand in order of their makespans when the first has to be chosen again.
    private void Anneal(CancellationToken cancellation)
    {
        (int elite, int threshold, int share) = Rounds[Round - 1];
        if (elite == 0)
        {
            // A sort that keeps the order of equals: List.Sort need not do so alike everywhere.
            TuningPoint[] sorted = [.. _elites.OrderBy(point => point.Makespan)];
            _elites.Clear();
            _elites.AddRange(sorted);
        }

        if (elite >= _elites.Count)
            return;
        TuningPoint current = _elites[elite], best = current;
        var random = new SearchRandom((ulong)(Round * 1_000_003));
        int shares = 1 + Rounds.Skip(Round - 1).Sum(round => round.Share);
        int first = Searched, budget = (int)Math.Max(1, (long)(_options.Budget - Searched) * share / shares), stalled = 0, turn = 0;
        Evaluate(current, long.MaxValue);
        TuningPhase preferred = _scheduler.Bubbles(current.Makespan).Phase(_smallestLayer);
        while (Searched - first < budget)
        {
            if ((Searched & 63) == 0)
                cancellation.ThrowIfCancellationRequested();

            // The preferred phase draws most changes, but never all; one that finds nothing for long hands over.
            var phase = (TuningPhase)(((int)preferred + turn) % 3);
            if (random.Next(10) < 4)
                phase = (TuningPhase)random.Next(3);
            TuningPoint? changed = TuningMoves.Draw(Problem, current, phase, _freedom, ref random);
            if (changed is null)
            {
                // Draws that fail cost nothing, but must not go on for ever.
                if (++stalled > 50L * budget)
                    break;
                continue;
            }

            long left = (budget - (Searched - first)) * 1000L / budget;
            long tolerated = current.Makespan * threshold / 1000 * left / 1000 * left / 1000;
            if (!Evaluate(changed, current.Makespan + (tolerated * random.Next(1024) / 1024)))
            {
                if (++stalled % (16 * current.Layout.Stages) == 0)
                    turn++;
                continue;
            }

            (stalled, turn) = changed.Makespan < current.Makespan ? (0, 0) : (stalled, turn);
            current = changed;
            preferred = _scheduler.Bubbles(current.Makespan).Phase(_smallestLayer);
            if (current.Makespan < best.Makespan)
                best = current;
        }

        _elites[elite] = best;
        Keep(best);
    }

    private void Polish(CancellationToken cancellation)
    {
        PipelineCandidate best = _best!;
        int moves = _options.Budget - Searched;
        Searched = _options.Budget;
        if (best.Schedule != PipelineSchedule.Adaptive)
            return;
        _table.Fill(Layout.Of([.. best.Boundaries], [.. best.StageDevices]));
        int[][] orders = _table.CodesOf(best.Orders);
        var random = new SearchRandom((ulong)Round);
        if (new OrderPolish(_table, orders).Run(moves, ref random, cancellation) < best.Makespan)
        {
            _best = PipelineCandidate.Of(
                Problem, PipelineSchedule.Adaptive, best.Boundaries, best.StageDevices, _table.OrdersOf(orders));
        }
    }
}
