using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>ZB-H1 and ZB-H2, one stage a device: 1F1B with a split backward, whose W fill the gaps. After the automatic scheduler of Qi et
/// al., Zero Bubble Pipeline Parallelism (arXiv 2401.10241; facts from its public code, zb.py): unit by unit, every device does an F and a
/// B, and some W before them; what is left open is tried in all eight ways, and the shortest span is kept. Ours: a unit counts in full
/// until its W is done; a device with less work may wait longer; a warm-up that uneven costs leave legal.</summary>
/// <remarks>Where all stages cost f, b and w and hops are free, a capacity of p gives from p micro-batches on a span of
/// m(f+b+w) + (p-1)(f+b-w), as the authors say, or (p-1)b more than the work if w is longer than f. If f = b = w the makespan is
/// m(f+b+w) + (p-1)f, and a capacity of 2p gives a span without a gap from 2p micro-batches on.</remarks>
internal static class ZeroBubbleOrders
{
    /// <param name="placement">Stage s on device s.</param>
    /// <param name="microBatches">m.</param>
    /// <param name="costs">The costs of each stage.</param>
    /// <param name="capacity">The units that a device may hold: p, as the first device of 1F1B does, or more.</param>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public static EquatableArray<EquatableArray<PipelineAction>> Of(
        EquatableArray<int> placement, int microBatches, StageCosts costs, int capacity)
    {
        OrderDraft? best = null;

        // The memory of 1F1B is tried too, so that more memory never makes the span longer: greedy rules alone do not promise that.
        foreach (int units in new[] { placement.Count, capacity }.Distinct())
        {
            for (int choice = 0; choice < 8; choice++)
            {
                var draft = new OrderDraft(placement, microBatches, costs, units);
                new Rules(draft, microBatches, (choice & 1) != 0, (choice & 2) != 0, (choice & 4) != 0).Run();
                if (draft.IsBetterThan(best))
                    best = draft;
            }
        }

        return best!.Orders;
    }

    /// <param name="draft">What to write.</param>
    /// <param name="microBatches">m.</param>
    /// <param name="waitsForFirstBackward">Before its first B a device rather waits than does an F that would delay it.</param>
    /// <param name="holdsForwardsBack">A device that is ahead with F skips one that would come before the next device's B.</param>
    /// <param name="fillsShortGaps">W goes into a gap too short for it even where waiting would not lengthen the longest span.</param>
    private sealed class Rules(
        OrderDraft draft, int microBatches, bool waitsForFirstBackward, bool holdsForwardsBack, bool fillsShortGaps)
    {
        private int Devices => draft.Devices;

        public void Run()
        {
            for (int device = 0; device < Devices; device++)
                Put(ActionKind.Forward, device);
            WarmUp();
            for (int device = Devices - 1; device >= 0; device--)
                Put(ActionKind.BackwardInput, device);
            for (int unit = 1; unit < microBatches; unit++)
                Round();
            draft.PutWeights();
        }

        private void Put(ActionKind kind, int device)
        {
            if (!draft.TryPut(kind, device))
                throw new InvalidOperationException(PipelineText.Write(new PipelineAction(kind, device, draft.Count(kind, device))));
        }

        // As many F as fit into memory and into the time until the first gradient.
        private void WarmUp()
        {
            var more = new int[Devices];
            long backward = draft.Clock(Devices - 1) + draft.Cost(ActionKind.BackwardInput, Devices - 1);
            for (int device = Devices - 2; device >= 0; device--)
            {
                long arrival = backward + draft.Hop(device), clock = draft.Clock(device), cost = draft.Cost(ActionKind.Forward, device);
                int most = Math.Min(microBatches - 1, draft.Room(device));
                while (more[device] < most && (waitsForFirstBackward ? clock + cost <= arrival : clock < arrival))
                {
                    clock += cost;
                    more[device]++;
                }

                backward = Math.Max(clock, arrival) + draft.Cost(ActionKind.BackwardInput, device);
            }

            // A device is at least one unit ahead of the next, until there are no more.
            for (int device = 1; device < Devices; device++)
            {
                if (more[device - 1] < microBatches - 1)
                    more[device] = Math.Max(0, Math.Min(more[device], more[device - 1] - 1));
            }

            for (int device = 0; device < Devices; device++)
            {
                for (; more[device] > 0; more[device]--)
                    Put(ActionKind.Forward, device);
            }
        }

        // The next F of each device, and its next B.
        private void Round()
        {
            bool[] forwards = DevicesWithForward();
            for (int device = 0; device < Devices; device++)
            {
                if (!forwards[device])
                    continue;
                draft.MakeRoom(device);
                Fill(ActionKind.Forward, device);
                Put(ActionKind.Forward, device);
            }

            for (int device = Devices - 1; device >= 0; device--)
            {
                Fill(ActionKind.BackwardInput, device);

                // The first device is the last to end, and nobody waits for it.
                while (device == 0 && draft.Count(ActionKind.Forward, 0) == microBatches && draft.Delayed(0) > 0)
                    draft.PutWeight(0);
                Put(ActionKind.BackwardInput, device);
            }
        }

        private void Fill(ActionKind kind, int device)
        {
            if (draft.Arrival(kind, device) is { } arrival)
                draft.FillGap(device, arrival, draft.Slack(device), intoLongGap: true, fillsShortGaps);
        }

        private bool[] DevicesWithForward()
        {
            var forwards = new bool[Devices];
            for (int device = Devices - 1; device >= 0; device--)
            {
                // Only while the next one goes on too: else the distance between the two grows.
                forwards[device] = draft.Count(ActionKind.Forward, device) < microBatches && !SkipsForward(device)
                    && (device == Devices - 1 || forwards[device + 1]);
            }

            return forwards;
        }

        private bool SkipsForward(int device)
        {
            int next = device + 1;
            if (!holdsForwardsBack || next == Devices
                || draft.Count(ActionKind.Forward, device) < draft.Count(ActionKind.Forward, next) + 2)
            {
                return false;
            }

            // When the gradient arrives that the next device makes in this round.
            long gradient = draft.Clock(next) + draft.Cost(ActionKind.Forward, next) + draft.Cost(ActionKind.BackwardInput, next)
                + draft.Hop(device);
            long clock = draft.Clock(device);
            if (clock >= gradient)
                return true;
            bool fits = clock + WeightsBefore(device) + draft.Cost(ActionKind.Forward, device) <= gradient;
            return !fits && gradient - clock <= draft.Slack(device);
        }

        // Ticks of the W that have to make room for an F.
        private long WeightsBefore(int device)
        {
            int count = Math.Min(draft.Delayed(device), Math.Max(0, 1 - draft.Room(device)));
            return count * draft.Cost(ActionKind.BackwardWeight, device);
        }
    }
}
