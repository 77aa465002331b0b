using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Tests.Simulation;

/// <summary>Times programs the slow way, as longest paths: raises every start until nothing that it waits for ends later.</summary>
internal static class NaiveTimes
{
    /// <summary>The start and end of every computation, and of every transfer under the name of its send, whether or not the programs have
    /// one. Null when they wait for one another.</summary>
    public static Dictionary<PipelineAction, (long Start, long End)>? Of(
        EquatableArray<PipelineProgram> programs, EquatableArray<int> placement, StageCosts costs, bool exclusiveLinks)
    {
        var ticks = new Dictionary<PipelineAction, long>();
        var waits = new List<(PipelineAction Before, PipelineAction After)>();
        var links = new Dictionary<(int, int), List<(int Position, PipelineAction Send)>>();
        var all = programs.SelectMany(program => program.Actions).ToHashSet();
        for (int device = 0; device < programs.Count; device++)
        {
            PipelineAction? before = null;
            List<PipelineAction> program = [.. programs[device].Actions];
            foreach (PipelineAction action in program.Where(action => action.IsCompute))
            {
                ticks.Add(action, costs.Of(action));
                if (before is { } earlier)
                    waits.Add((earlier, action));
                before = action;
                (ActionKind kind, int stage, _) = action;
                if (kind == ActionKind.BackwardWeight)
                    waits.Add((action with { Kind = ActionKind.BackwardInput }, action));
                if (kind is ActionKind.Backward or ActionKind.BackwardInput)
                    waits.Add((action with { Kind = ActionKind.Forward }, action));
                int consumer = stage + (kind == ActionKind.Forward ? 1 : -1);
                if (kind == ActionKind.BackwardWeight || consumer < 0 || consumer == placement.Count)
                    continue;
                PipelineAction after = action with { Stage = consumer };
                PipelineAction send = action with { Kind = kind == ActionKind.Forward ? ActionKind.SendForward : ActionKind.SendBackward };
                if (placement[consumer] == device)
                {
                    waits.Add((action, after));
                    continue;
                }

                ticks.Add(send, costs.Hop[Math.Min(stage, consumer)]);
                waits.Add((action, send));
                waits.Add((send, after));
                if (!links.TryGetValue((device, placement[consumer]), out List<(int Position, PipelineAction Send)>? link))
                    links.Add((device, placement[consumer]), link = []);
                link.Add((program.IndexOf(all.Contains(send) ? send : action), send));
            }
        }

        if (exclusiveLinks)
        {
            foreach (List<(int Position, PipelineAction Send)> link in links.Values)
            {
                List<PipelineAction> order = [.. link.OrderBy(each => each.Position).Select(each => each.Send)];
                waits.AddRange(order.Zip(order.Skip(1)));
            }
        }

        // First with one tick for everything, so that a cycle of actions that take no time shows as well.
        return Longest(waits, ticks.ToDictionary(each => each.Key, _ => 1L)) is null ? null : Longest(waits, ticks);
    }

    private static Dictionary<PipelineAction, (long Start, long End)>? Longest(
        List<(PipelineAction Before, PipelineAction After)> waits, Dictionary<PipelineAction, long> ticks)
    {
        Dictionary<PipelineAction, long> starts = ticks.ToDictionary(each => each.Key, _ => 0L);
        bool rises = true;
        for (int round = 0; rises; round++)
        {
            // A path has each action at most once, so starts that still rise after so many rounds are on a cycle.
            if (round > ticks.Count)
                return null;
            rises = false;
            foreach ((PipelineAction before, PipelineAction after) in waits)
            {
                long end = starts[before] + ticks[before];
                if (end > starts[after])
                    (starts[after], rises) = (end, true);
            }
        }

        return starts.ToDictionary(each => each.Key, each => (each.Value, each.Value + ticks[each.Key]));
    }
}
