using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tests.Execution;

/// <summary>What a random step plan may have.</summary>
[Flags]
public enum StepTraits
{
    /// <summary>Whole sequences on random rings, the same unit in both directions.</summary>
    None = 0,

    /// <summary>Sequences are cut anywhere.</summary>
    Slices = 1,

    /// <summary>Backward units hold other slices than forward units.</summary>
    Asymmetric = 2,

    /// <summary>Rows are remapped.</summary>
    Remap = 4,

    /// <summary>Everything at once.</summary>
    All = Slices | Asymmetric | Remap,
}

/// <summary>A random step plan that the program of a plan can run: any rings, any cuts, any units that respect the order of the last stage's
/// program, where a sequence's forwards come before its backwards, its slices' forwards in order and their backwards in reverse.</summary>
internal static class RandomStep
{
    public static StepPlan Of(Random random, ParallelPlan plan, IReadOnlyList<int[]> batch, StepTraits traits, Func<int, int[]?>? ringOf = null)
    {
        int dataRanks = plan.Mesh.Data, sequenceRanks = plan.Mesh.Sequence, units = plan.Batching.UnitsPerDataRank;
        (int[] forward, int[] backward) = Order(plan);
        StepPlan step = new();
        step.Reserve(dataRanks, sequenceRanks, units, batch.Count);
        for (int sequence = 0; sequence < batch.Count; sequence++)
            step.SetLength(sequence, batch[sequence].Length - 1, plan.Model.ContextLength);

        // Some rings are shared, some have the same members as others.
        for (int sequence = 0; sequence < batch.Count; sequence++)
        {
            int ring = sequence > 0 && random.Next(4) == 0 ? random.Next(step.RingCount) : -1;
            if (ring < 0 || ringOf?.Invoke(sequence) is not null)
                ring = AddRing(step, ringOf?.Invoke(sequence) ?? RandomRing(random, dataRanks, sequenceRanks), plan);
            int length = batch[sequence].Length - 1;
            int cuts = traits.HasFlag(StepTraits.Slices) ? random.Next(Math.Min(length, 5)) : 0;
            int[] starts = [0, .. Enumerable.Range(1, length - 1).OrderBy(_ => random.Next()).Take(cuts).Order()];

            // With one unit in both directions all slices share it: units neither fall nor rise then.
            int first = random.Next(units);
            int[] forwards = traits.HasFlag(StepTraits.Asymmetric)
                ? [.. starts.Select(_ => forward[random.Next(units)]).OrderBy(unit => Array.IndexOf(forward, unit))]
                : [.. starts.Select(_ => first)];
            int[] allowed = Allowed(plan, forwards[^1], backward);
            int[] backwards = traits.HasFlag(StepTraits.Asymmetric)
                ? [.. starts.Select(_ => allowed[random.Next(allowed.Length)]).OrderByDescending(unit => Array.IndexOf(backward, unit))]
                : forwards;
            for (int slice = 0; slice < starts.Length; slice++)
            {
                int end = slice + 1 < starts.Length ? starts[slice + 1] : length;
                step.AddSlice(new Slice(sequence, starts[slice], end - starts[slice], ring, forwards[slice], backwards[slice]));
            }
        }

        step.Gather();
        return step;
    }

    public static int AddRing(StepPlan step, int[] ranks, ParallelPlan plan)
    {
        int perNode = plan.Mesh.Size / plan.Cluster.Nodes.Sum(group => group.Count);
        int nodes = ranks
            .Select(rank => plan.Mesh.RankOf(new(rank / plan.Mesh.Sequence, rank % plan.Mesh.Sequence, 0)) / perNode)
            .Distinct()
            .Count();
        int ring = step.AddRing(ranks.Length == 1 ? Zone.Local : nodes == 1 ? Zone.IntraNode : Zone.InterNode);
        foreach (int rank in ranks)
            step.AddRingRank(rank);
        return ring;
    }

    /// <summary>The ranks of a data rank follow one another.</summary>
    private static int[] RandomRing(Random random, int dataRanks, int sequenceRanks)
    {
        int[] data = [.. Enumerable.Range(0, dataRanks).OrderBy(_ => random.Next()).Take(random.Next(1, dataRanks + 1))];
        return [.. data.SelectMany(dataRank => Enumerable.Range(0, sequenceRanks)
            .OrderBy(_ => random.Next())
            .Take(random.Next(1, sequenceRanks + 1))
            .Select(rank => (dataRank * sequenceRanks) + rank))];
    }

    /// <summary>The micro-batches in the order in which the last stage takes them, in both directions.</summary>
    private static (int[] Forward, int[] Backward) Order(ParallelPlan plan)
    {
        PipelineAction[] last = [.. LastStage(plan)];
        return (
            [.. last.Where(action => action.Kind == ActionKind.Forward).Select(action => action.MicroBatch)],
            [.. last.Where(action => action.Kind is ActionKind.Backward or ActionKind.BackwardInput).Select(action => action.MicroBatch)]);
    }

    private static int[] Allowed(ParallelPlan plan, int lastForward, int[] backward)
    {
        List<PipelineAction> last = [.. LastStage(plan)];
        int position = last.IndexOf(new PipelineAction(ActionKind.Forward, plan.Stages.Count - 1, lastForward));
        return [.. backward.Where(unit => last.FindIndex(action =>
            action.MicroBatch == unit && action.Kind is ActionKind.Backward or ActionKind.BackwardInput && action.MicroBatch == unit) > position)];
    }

    private static IEnumerable<PipelineAction> LastStage(ParallelPlan plan) =>
        plan.Programs[plan.Stages[^1].Device].Actions.Where(action => action.IsCompute && action.Stage == plan.Stages.Count - 1);
}
