using ParallelDsl.Planning.Pipelines.Tuning;
using static System.FormattableString;

namespace ParallelDsl.Planning.Plans;

/// <summary>A long search for the pipeline of a model whose schedule is <see cref="PipelineSchedule.Adaptive"/>, round by round, so that
/// whoever runs it can save it and stop. What it finds does not depend on where it was interrupted. Where its best does not fit in
/// memory, it searches again under a smaller cap.</summary>
public sealed class AdaptiveSearch
{
    private readonly PlanFrame _frame;
    private readonly TuningOptions _options;
    private readonly PipelineProblem[] _problems;
    private int _attempt;
    private TuningSearch _search;
    private PlanSketch? _found;

    private AdaptiveSearch(PlanFrame frame, TuningOptions options, PipelineProblem[] problems, int attempt, TuningSearch search) =>
        (_frame, _options, _problems, _attempt, _search) = (frame, options, problems, attempt, search);

    /// <summary>Candidates simulated so far under the present cap.</summary>
    public int Searched => _search.Searched;

    /// <summary>Candidates that are simulated under one cap, more or less.</summary>
    public int Budget => _options.Budget;

    /// <summary>Rounds done under the present cap.</summary>
    public int Round => _search.Round;

    /// <summary>The simulated step of the best so far, in ticks; null before the first round.</summary>
    public long? Makespan => _search.Round == 0 ? null : _search.Best.Makespan;

    /// <summary>A simulated step that nothing beats, in ticks.</summary>
    public long LowerBound => _search.LowerBound;

    /// <summary>Whether there is nothing left to do.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Prepares a search.</summary>
    /// <param name="request">A request with an adaptive schedule.</param>
    /// <param name="budget">Candidates to simulate, at least 1.</param>
    /// <exception cref="ArgumentException">The schedule is another one, the request is wrong or too large, or has so little memory that
    /// there is nothing to search.</exception>
    public static AdaptiveSearch Start(PlanRequest request, int budget)
    {
        (PlanFrame frame, TuningOptions options, PipelineProblem[] problems) = Prepare(request, budget);
        return new AdaptiveSearch(frame, options, problems, 0, new TuningSearch(problems[0], options));
    }

    /// <summary>Goes on from what <see cref="Save"/> gave.</summary>
    /// <param name="request">The request of that search.</param>
    /// <param name="budget">Its budget.</param>
    /// <param name="state">The text.</param>
    /// <exception cref="ArgumentException">See <see cref="Start"/>.</exception>
    /// <exception cref="FormatException">The text is malformed, was changed, or is the state of another search.</exception>
    public static AdaptiveSearch Resume(PlanRequest request, int budget, string state)
    {
        (PlanFrame frame, TuningOptions options, PipelineProblem[] problems) = Prepare(request, budget);
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                var search = new AdaptiveSearch(
                    frame, options, problems, attempt, TuningSearch.Resume(problems[attempt], options, state));
                search.Settle();
                return search;
            }
            catch (FormatException exception) when (attempt + 1 < problems.Length && exception.Message.Contains(TuningState.Foreign))
            {
                // The state of a search under another cap, perhaps.
            }
        }
    }

    /// <summary>Does the next round.</summary>
    /// <exception cref="OperationCanceledException">Cancellation was asked for; the round is lost, so go on from what was saved.</exception>
    public void Advance(CancellationToken cancellation = default)
    {
        _search.Advance(cancellation);
        Settle();

        // With the next cap a search starts; its first round is done too, so that there is something to save.
        while (_search.Round == 0 && !IsDone)
        {
            _search.Advance(cancellation);
            Settle();
        }
    }

    /// <summary>The state between two rounds as text, for <see cref="Resume"/>.</summary>
    /// <exception cref="InvalidOperationException">No round is done.</exception>
    public string Save() => _search.Save();

    /// <summary>The plan with the best pipeline: of this search, or of the short one of a compilation where that is as fast.</summary>
    /// <exception cref="InvalidOperationException">The search is not done.</exception>
    public PlanResult Plan(CancellationToken cancellation = default)
    {
        if (!IsDone)
            throw new InvalidOperationException("the search is not done");
        PlanResult compiled = Planner.Plan(_frame.Request, cancellation);
        if (_found is null)
            return compiled;
        ParallelPlan found = Planner.Build(_found, cancellation);
        return compiled is Planned { Plan.Estimates.Makespan: var makespan } && makespan <= found.Estimates.Makespan ? compiled : new Planned(found);
    }

    private static (PlanFrame Frame, TuningOptions Options, PipelineProblem[] Problems) Prepare(PlanRequest request, int budget)
    {
        request = Planner.WithDefaults(request);
        if (request.Axes.Schedule != PipelineSchedule.Adaptive)
            throw new ArgumentException(Invariant($"the schedule is {request.Axes.Schedule}; only an Adaptive one is searched for"), nameof(request));
        if (budget < 1)
            throw new ArgumentException(Invariant($"a search needs a budget of at least one candidate, not {budget}"), nameof(budget));
        EquatableArray<PlanProblem> wrong = RequestChecks.Run(request);
        if (wrong.Count > 0)
            throw new ArgumentException($"{wrong[0].Message}; {wrong[0].Fix}", nameof(request));
        if (Planner.Excess(request) is { } excess)
            throw new ArgumentException(excess, nameof(request));
        var frame = new PlanFrame(request);
        PipelineProblem[] problems = [.. AdaptivePlanning.Problems(frame, CancellationToken.None)];
        return problems.Length > 0
            ? (frame, AdaptivePlanning.Options(frame, budget), problems)
            : throw new ArgumentException(
                $"one unit alone does not fit in the memory of {request.Cluster.Name}, whatever the pipeline", nameof(request));
    }

    // Where a search is done its best is the result if it fits; else the next cap is searched.
    private void Settle()
    {
        if (!_search.IsDone)
            return;
        PlanSketch sketch = AdaptivePlanning.Sketch(_frame, _search.Best);
        if (sketch.Fits)
            _found = sketch;
        IsDone = sketch.Fits || _attempt + 1 == _problems.Length;
        if (!IsDone)
            _search = new TuningSearch(_problems[++_attempt], _options);
    }
}
