using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>ZB-V: two stages a device in the shape of a V, no gap with the memory of 1F1B where F, B and W cost the same. After the greedy
/// scheduler of Qi et al. (arXiv 2401.10241, whose V arXiv 2405.15362 takes further; facts from the public code, zbv.py): a warm-up after
/// which all devices can start their backwards, then rounds of a B and an F a device, with W before them. What is left open is tried in all
/// ways, each again with what the last try showed about the gaps of the devices, and the shortest span is kept. Ours: costs that differ
/// from stage to stage; a device that cannot go on sits out a round, and the second stage's room is kept free, so that nothing gets
/// stuck.</summary>
internal static class ZeroBubbleVOrders
{
    // The authors go on while it helps; a search inside the generator is bounded.
    private const int MostTries = 16;

    /// <param name="placement">Stages s and 2p - 1 - s on device s.</param>
    /// <param name="microBatches">m.</param>
    /// <param name="costs">The costs of each stage.</param>
    /// <param name="capacity">The stage activations that a device may hold; 2p is the memory of 1F1B, whose stages are twice as
    /// large.</param>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public static EquatableArray<EquatableArray<PipelineAction>> Of(
        EquatableArray<int> placement, int microBatches, StageCosts costs, int capacity)
    {
        OrderDraft? best = null;
        for (int choice = 0; choice < 4; choice++)
        {
            OrderDraft? before = null;
            for (int tries = 0; tries < MostTries; tries++)
            {
                var draft = new OrderDraft(placement, microBatches, costs, capacity);
                new Rules(draft, microBatches, before, (choice & 1) == 0, (choice & 2) == 0).Run();
                if (draft.IsBetterThan(best))
                    best = draft;
                if (before is not null && draft.Span >= before.Span)
                    break;
                before = draft;
            }
        }

        return best!.Orders;
    }

    /// <param name="draft">What to write.</param>
    /// <param name="microBatches">m.</param>
    /// <param name="before">The try before: a device that had slack at its end may wait so long from the start.</param>
    /// <param name="fillsBeforeForward">W goes into a gap before F that is too short for it, where waiting would lengthen the longest
    /// span.</param>
    /// <param name="fillsBeforeBackward">The same before B of the second stage of a device.</param>
    private sealed class Rules(
        OrderDraft draft, int microBatches, OrderDraft? before, bool fillsBeforeForward, bool fillsBeforeBackward)
    {
        private int Devices => draft.Devices;

        private static int First(int device) => device;

        private int Second(int device) => (2 * Devices) - 1 - device;

        private int Forwards(int stage) => draft.Count(ActionKind.Forward, stage);

        private int Backwards(int stage) => draft.Count(ActionKind.BackwardInput, stage);

        public void Run()
        {
            ReachTheTurn();
            WarmUp();
            bool goesOn = true;
            while (goesOn)
            {
                goesOn = Backward();
                goesOn |= Forward();
            }

            draft.PutWeights();
        }

        // The first unit through both stages of every device; until it comes back, more units on the way down.
        private void ReachTheTurn()
        {
            for (int device = 0; device < Devices; device++)
                draft.TryPut(ActionKind.Forward, First(device));
            for (int device = Devices - 1; device >= 0; device--)
            {
                while (draft.Arrival(ActionKind.Forward, Second(device)) is { } arrival
                    && draft.Room(First(device)) > 2 * device
                    && draft.Clock(device) + draft.Cost(ActionKind.Forward, First(device)) <= arrival
                    && PutDown(0, device))
                {
                }

                draft.TryPut(ActionKind.Forward, Second(device));
            }
        }

        // A unit further down the first stages, from one device to another.
        private bool PutDown(int from, int to)
        {
            bool reached = false;
            for (int device = from; device <= to; device++)
                reached = draft.TryPut(ActionKind.Forward, First(device));
            return reached;
        }

        private bool PutUp(int to)
        {
            bool reached = false;
            for (int device = Devices - 1; device >= to; device--)
                reached = draft.TryPut(ActionKind.Forward, Second(device));
            return reached;
        }

        // Every device does as many forwards as the one before it, with both stages in turn.
        private void WarmUp()
        {
            bool down = true;
            for (int device = 1; device < Devices; device++)
            {
                int stuck = 0;
                while (stuck < 2 && IsBehind(device))
                {
                    stuck = (down ? PutDown(device, Devices - 1) : PutUp(device)) ? 0 : stuck + 1;
                    down = !down;
                }
            }
        }

        private bool IsBehind(int device)
        {
            (int first, int second) = (Forwards(First(device)), Forwards(Second(device)));
            (int firstBefore, int secondBefore) = (Forwards(First(device - 1)), Forwards(Second(device - 1)));
            return first + second < firstBefore + secondBefore || (second <= secondBefore && secondBefore < microBatches);
        }

        // A B on each device: of the first stage where its gradient is there, else of the second.
        private bool Backward()
        {
            var takesFirst = new bool[Devices];
            for (int device = 0; device < Devices; device++)
            {
                takesFirst[device] = draft.Arrival(ActionKind.BackwardInput, First(device)) is not null
                    || Backwards(Second(device)) == microBatches;
            }

            // Gradients of first stages go up the devices, those of second stages down.
            bool any = false;
            for (int device = Devices - 1; device >= 0; device--)
                any |= takesFirst[device] && TryPut(ActionKind.BackwardInput, First(device), fills: true);
            for (int device = 0; device < Devices; device++)
                any |= !takesFirst[device] && TryPut(ActionKind.BackwardInput, Second(device), fillsBeforeBackward);
            return any;
        }

        // An F on each device: of the second stage where its input is there, else of the first.
        private bool Forward()
        {
            bool any = false;
            for (int device = 0; device < Devices; device++)
            {
                int stage = draft.Arrival(ActionKind.Forward, Second(device)) is null ? First(device) : Second(device);
                any |= draft.Arrival(ActionKind.Forward, stage) is not null && draft.MakeRoom(stage)
                    && TryPut(ActionKind.Forward, stage, fillsBeforeForward);
            }

            return any;
        }

        private bool TryPut(ActionKind kind, int stage, bool fills)
        {
            if (draft.Arrival(kind, stage) is not { } arrival)
                return false;
            int device = Math.Min(stage, (2 * Devices) - 1 - stage);
            long tolerated = draft.Slack(device);
            if (before is not null)
                tolerated = Math.Max(tolerated, before.Slack(device) - draft.Idle(device));
            draft.FillGap(device, arrival, tolerated, fills, intoShortGap: false);
            return draft.TryPut(kind, stage);
        }
    }
}
