namespace ParallelDsl.Planning.Packing;

/// <summary>Token packing with hierarchical balance: the sequences of each unit are placed on the ranks of its data rank.</summary>
internal static class HierarchicalStep
{
    /// <summary>Places the units that <see cref="TokenPacker.Group"/> made.</summary>
    public static bool TryPlace<TConstants>(TConstants constants, StepPlan plan, int rankTokens)
        where TConstants : struct, IStepConstants
    {
        StepWorkspace work = plan.Workspace;
        work.Begin(constants, plan, 1, plan.Units);
        work.Restart(plan);
        Array.Copy(plan.UnitOf, work.GroupOf, plan.SequenceCount);
        work.ListGroups(plan, plan.Units);
        int sequenceRanks = constants.SequenceRanks;
        for (int unit = 0; unit < plan.Units; unit++)
        {
            int microBatch = unit % plan.MicroBatches, start = work.Starts[unit], count = work.Starts[unit + 1] - start;
            work.Placement.Begin(
                work.World,
                work.World.FirstLane(unit / plan.MicroBatches),
                sequenceRanks,
                1,
                rankTokens,
                constants.IntraNodeTokens,
                constants.InterNodeTokens,
                plan.SequenceCount);
            if (!work.Placement.Place(plan, work.Costs, work.Order, start, count))
            {
                work.Misfit = new StepMisfit(work.Placement.Misfit.Sequence, work.Placement.Misfit.Missing, microBatch, 1);
                return false;
            }

            work.KeepRings(plan, unit);
        }

        for (int sequence = 0; sequence < plan.SequenceCount; sequence++)
        {
            int microBatch = plan.UnitOf[sequence] % plan.MicroBatches;
            plan.AddSlice(new Slice(sequence, 0, plan.Lengths[sequence], work.RingOf[sequence], microBatch, microBatch));
        }

        plan.Gather();
        return true;
    }
}
