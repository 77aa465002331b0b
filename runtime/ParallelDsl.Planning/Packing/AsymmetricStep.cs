namespace ParallelDsl.Planning.Packing;

/// <summary>Asymmetric packing: windows, then lanes, then slots.</summary>
internal static class AsymmetricStep
{
    /// <summary>Plans a step.</summary>
    /// <param name="constants">What was fixed at compile time.</param>
    /// <param name="plan">A plan whose lengths are set.</param>
    /// <param name="width">Ranks of a lane.</param>
    /// <param name="rankTokens">Tokens that a unit may hold on one rank.</param>
    /// <returns>Whether the batch fits.</returns>
    public static bool TryPlan<TConstants>(TConstants constants, StepPlan plan, int width, int rankTokens)
        where TConstants : struct, IStepConstants
    {
        int units = constants.UnitsPerDataRank, slots = Math.Min(constants.Window, units), windows = (units + slots - 1) / slots;
        plan.SortKeys();
        plan.Workspace.Begin(constants, plan, width, windows);

        // Windows of equal tokens leave each the most room, where windows of equal cost do not fit.
        return TryWindows(constants, plan, rankTokens, windows, slots, byCost: true)
            || (windows > 1 && TryWindows(constants, plan, rankTokens, windows, slots, byCost: false));
    }

    private static bool TryWindows<TConstants>(TConstants constants, StepPlan plan, int rankTokens, int windows, int slots, bool byCost)
        where TConstants : struct, IStepConstants
    {
        StepWorkspace work = plan.Workspace;
        work.Restart(plan);
        if (!Divide(plan, work, rankTokens, windows, slots, byCost))
            return false;
        work.ListGroups(plan, windows);
        for (int window = 0; window < windows; window++)
        {
            int first = window * slots, slotCount = Math.Min(slots, plan.MicroBatches - first);
            int start = work.Starts[window], count = work.Starts[window + 1] - start;
            work.Placement.Begin(
                work.World,
                0,
                work.World.Lanes,
                slotCount,
                rankTokens,
                constants.IntraNodeTokens,
                constants.InterNodeTokens,
                plan.SequenceCount);
            if (!work.Placement.Place(plan, work.Costs, work.Order, start, count))
            {
                work.Misfit = new StepMisfit(work.Placement.Misfit.Sequence, work.Placement.Misfit.Missing, first, slotCount);
                return false;
            }

            work.KeepRings(plan, window);
            if (!FillSlots(plan, work, start, count, slotCount, rankTokens))
            {
                work.Misfit = new StepMisfit(work.Filling.Misfit, 0, first, slotCount);
                return false;
            }
        }

        work.WriteSlices(plan, slots);
        return true;
    }

    // Every sequence to the window that then costs least a slot and has room.
    private static bool Divide(StepPlan plan, StepWorkspace work, int rankTokens, int windows, int slots, bool byCost)
    {
        for (int window = 0; window < windows; window++)
        {
            work.GroupLoads[window] = 0;
            work.GroupRooms[window] = (long)rankTokens * plan.AttentionRanks * SlotsOf(window);
        }

        for (int i = 0; i < plan.SequenceCount; i++)
        {
            int sequence = plan.SequenceAt(i, out int length), least = -1;
            long most = 0;
            for (int window = 0; window < windows; window++)
            {
                most = Math.Max(most, work.GroupRooms[window]);
                if (work.GroupRooms[window] < length)
                    continue;
                if (least < 0 || work.GroupLoads[window] * SlotsOf(least) < work.GroupLoads[least] * SlotsOf(window))
                    least = window;
            }

            if (least < 0)
            {
                work.Misfit = new StepMisfit(sequence, length - most, 0, 0);
                return false;
            }

            work.GroupOf[sequence] = least;
            work.GroupLoads[least] += byCost ? work.Costs[sequence] : length;
            work.GroupRooms[least] -= length;
        }

        return true;

        int SlotsOf(int window) => Math.Min(slots, plan.MicroBatches - (window * slots));
    }

    private static bool FillSlots(StepPlan plan, StepWorkspace work, int start, int count, int slots, int rankTokens)
    {
        if (slots > 1)
            return work.Filling.Fill(plan, work.World, work.Placement, work.Order, start, count, slots, rankTokens);
        for (int i = start; i < start + count; i++)
        {
            work.Filling.Forward.Cuts.Put(work.Order[i], 0);
            work.Filling.Backward.Cuts.Put(work.Order[i], 0);
        }

        return true;
    }
}
