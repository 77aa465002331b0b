using ParallelDsl.Planning.Plans;
using ParallelDsl.Reporting;

namespace ParallelDsl.Tool.Commands;

/// <summary><c>plan --search</c>: a long search for the pipeline of an adaptive model. After every round its state is saved beside the
/// plan file, so that the same command goes on where it was stopped, to the very same result.</summary>
/// <param name="plan">The plan that was compiled.</param>
/// <param name="budget">Candidates to simulate.</param>
/// <param name="planFile">The plan file to write.</param>
internal sealed class PlanSearch(ParallelPlan plan, int budget, string planFile)
{
    /// <summary>What the names of plan files end in, by which the compiler finds them.</summary>
    public const string PlanExtension = ".plan.json";

    private const string StateExtension = ".search.json";

    /// <summary>The file that holds the state of the search while it is not done.</summary>
    public string StateFile { get; } = planFile[..^PlanExtension.Length] + StateExtension;

    /// <summary>Searches, writes the plan file and removes the state.</summary>
    /// <param name="display">Shows how far it is.</param>
    /// <param name="cancellation">Stops it between two rounds, or within one.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="CommandException">The search was stopped, the model cannot be searched for, or the state is of another search.</exception>
    public ParallelPlan Run(ISearchDisplay display, CancellationToken cancellation)
    {
        AdaptiveSearch search = Open(display);
        try
        {
            while (!search.IsDone)
            {
                search.Advance(cancellation);
                if (!search.IsDone)
                    AtomicFile.WriteText(StateFile, search.Save());
                display.Show(search);
                if (!search.IsDone)
                    cancellation.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException)
        {
            throw CommandException.Failed(
                File.Exists(StateFile)
                    ? $"stopped after round {search.Round}; the search is saved in {StateFile}, and the same command goes on with it"
                    : "stopped before the first round was done; nothing is saved");
        }

        if (search.Plan(CancellationToken.None) is not Planned found)
            throw CommandException.Failed($"{plan.Model.Name}: no pipeline fits in memory");
        AtomicFile.WriteText(planFile, PlanJson.Write(found.Plan));
        File.Delete(StateFile);
        return found.Plan;
    }

    private AdaptiveSearch Open(ISearchDisplay display)
    {
        PlanRequest request = new(plan.Model, plan.Cluster, plan.Axes);
        try
        {
            if (!File.Exists(StateFile))
                return AdaptiveSearch.Start(request, budget);
            AdaptiveSearch search = AdaptiveSearch.Resume(request, budget, File.ReadAllText(StateFile));
            display.Say($"goes on from {StateFile}, after round {search.Round}");
            return search;
        }
        catch (ArgumentException exception)
        {
            throw CommandException.BadInput($"{plan.Model.Name}: {exception.Message}");
        }
        catch (FormatException exception)
        {
            throw CommandException.BadInput($"{StateFile}: {exception.Message}; remove it to search from the start");
        }
    }
}
