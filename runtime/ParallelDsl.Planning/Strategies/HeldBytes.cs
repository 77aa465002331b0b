using ParallelDsl.Planning.Rings;
using ParallelDsl.Planning.Sequences;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>What a plan holds at once, of the rows that there are. The first stage holds the most: with P stages and a lag of L the forwards of P + L
/// slots are done before the first backward, and then a backward follows each forward.</summary>
/// <remarks>As our runtime takes memory: of slots that may exchange slices (a window of L + 1) everything is held until the last backward of the
/// window; a backward of other rows than one forward's gathers them in memory of its own; gradients of the keys and values of all rows of the step are
/// summed up. For all strategies alike: buffers of one layer's exchanges, in the backward with gradients.</remarks>
internal static class HeldBytes
{
    /// <summary>The most bytes that a device holds at once besides model state.</summary>
    public static long Peak(BatchProblem problem, BatchPlan plan)
    {
        long most = 0;
        long[] buffers = Buffers(problem, plan);
        for (int rank = 0; rank < plan.Ranks; rank++)
            most = Math.Max(most, OfRank(problem, plan, rank) + buffers[rank]);
        return most;
    }

    /// <summary>Bytes of one token of a unit that is full on every rank, from which follows how many tokens a unit may have.</summary>
    /// <param name="problem">The batch.</param>
    /// <param name="stages">P.</param>
    /// <param name="slots">M.</param>
    /// <param name="recompute">Whether the backward repeats the forward.</param>
    /// <param name="lag">L.</param>
    /// <param name="blocks">Keys and values of a rank, or gradients of both, that it has at once in an exchange; as many as on a ring at
    /// least.</param>
    public static long OfFullToken(BatchProblem problem, int stages, int slots, bool recompute, int lag, int blocks = 0)
    {
        BatchModel model = problem.Model;
        long layers = BatchSimulation.LayersOf(problem, stages), held = Math.Min(stages + (2L * lag), slots);
        if (lag > 0)
            held++;
        long bytes = held * layers * model.ActivationBytes(recompute);
        if (recompute)
            bytes += model.ActivationBytes(recompute: false);
        if (lag > 0)
            bytes += layers * slots * model.KeyValueBytesPerToken;
        return bytes + (Math.Max(BlocksOnRing, blocks) * (lag + 1L) * model.KeyValueBytesPerToken);
    }

    // Keys and values, those of the next hop, and gradients that a rank adds, has sent and gets.
    private const long BlocksOnRing = 5;

    private static long OfRank(BatchProblem problem, BatchPlan plan, int rank)
    {
        BatchModel model = problem.Model;
        long layers = BatchSimulation.LayersOf(problem, plan.Stages), row = layers * model.ActivationBytes(plan.Recompute);

        // Queries, keys, values and outputs of attention lie where its rows are, where these are others.
        long attended = plan.Recompute ? 0 : layers * ((2L * model.HiddenBytesPerToken) + model.KeyValueBytesPerToken);
        int window = plan.Lag + 1, slots = plan.Slots.Count, open = Math.Min(plan.Stages + plan.Lag, slots);
        bool gathers = plan.Lag > 0;
        long held = 0, peak = 0, all = 0;
        for (int step = 0; step < slots + open; step++)
        {
            int backward = step - open;
            if (backward >= 0)
            {
                long rows = plan.Slots[backward].Backward.LinearTokens[rank];
                long own = (gathers ? rows * row : 0) + (plan.Recompute ? rows * model.ActivationBytes(recompute: false) : 0);
                peak = Math.Max(peak, held + own);
                if ((backward + 1) % window == 0 || backward == slots - 1)
                {
                    for (int slot = backward / window * window; slot <= backward; slot++)
                        held -= OfForward(plan.Slots[slot].Forward);
                }
            }

            if (step < slots)
            {
                held += OfForward(plan.Slots[step].Forward);
                all += plan.Slots[step].Forward.LinearTokens[rank];
                peak = Math.Max(peak, held);
            }
        }

        return peak + (gathers ? all * layers * model.KeyValueBytesPerToken : 0);

        long OfForward(LayerWork work)
        {
            long linear = work.LinearTokens[rank];
            return (linear * row) + (work.RemapMoves.Length == 0 ? 0 : (AttentionRows(work, rank) - linear) * attended);
        }
    }

    private static long AttentionRows(LayerWork work, int rank)
    {
        long rows = 0;
        foreach (Exchange exchange in work.Exchanges)
        {
            int member = Array.IndexOf(exchange.Members, rank);
            foreach (SequencePiece piece in exchange.Pieces)
                rows += member < 0 ? 0 : ZigzagSplit.TokensOf(piece.Length, exchange.Members.Length, member);
        }

        return rows;
    }

    // For each rank the most bytes of one slot's exchanges in one layer.
    private static long[] Buffers(BatchProblem problem, BatchPlan plan)
    {
        long[] most = new long[plan.Ranks], bytes = new long[plan.Ranks];
        foreach (UnitSlot slot in plan.Slots)
        {
            // Backwards need more than forwards, and have the same rows or others of the same step.
            Array.Clear(bytes, 0, bytes.Length);
            foreach (Exchange exchange in slot.Backward.Exchanges)
            {
                for (int member = 0; member < exchange.Members.Length; member++)
                    bytes[exchange.Members[member]] += OfExchange(problem.Model, exchange, member);
            }

            for (int rank = 0; rank < most.Length; rank++)
                most[rank] = Math.Max(most[rank], bytes[rank]);
        }

        return most;
    }

    private static long OfExchange(BatchModel model, Exchange exchange, int member)
    {
        long keys = AttentionShares.KeyTokens(exchange) * model.KeyValueBytesPerToken;
        int count = exchange.Members.Length;
        switch (exchange.Kind)
        {
            case ExchangeKind.Ring:
                return Itineraries.BlocksAtOnce(exchange.Datapath, count) * ((keys + count - 1) / count);

            // Two chunks of heads at a time, and their gradients.
            case ExchangeKind.AllGather:
                return 2 * Math.Min(2, exchange.HeadChunks) * (keys / exchange.HeadChunks);

            // Queries, keys, values and outputs of the heads of this member, and their gradients.
            case ExchangeKind.Heads:
                long queries = exchange.Pieces.Sum(piece => (long)piece.Length) * 2 * model.HiddenBytesPerToken;
                return 2 * AttentionShares.Ceiling(keys + queries, exchange.HeadsOf(member), exchange.Heads);

            // Two fetches at a time, and their gradients.
            case ExchangeKind.Direct:
                long widest = 0;
                foreach ((int _, int to, long bytes) in exchange.Fetches)
                    widest = to == exchange.Members[member] ? Math.Max(widest, bytes) : widest;
                return 4 * widest;

            // Of earlier slices: keys and values, and their gradients.
            default:
                return 2 * exchange.Pieces.Sum(piece => (long)piece.Start) * model.KeyValueBytesPerToken;
        }
    }
}
