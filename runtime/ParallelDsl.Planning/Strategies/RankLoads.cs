using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Sums up what each rank of a plan has to do.</summary>
internal static class RankLoads
{
    /// <summary>The loads of all ranks of a stage, in FLOPs of all layers. Attention counts where it is done, linear work where the rows
    /// are after a remapping.</summary>
    public static EquatableArray<RankLoad> Of(BatchProblem problem, BatchPlan plan)
    {
        SequenceCosts costs = problem.Model.Costs(plan.Recompute);
        int[] nodes = BatchSimulation.NodesOf(problem, plan.Stages);
        long[] forward = new long[plan.Ranks], backward = new long[plan.Ranks];
        var slices = new List<RankSlice>[plan.Ranks];
        for (int rank = 0; rank < slices.Length; rank++)
            slices[rank] = [];
        foreach (UnitSlot slot in plan.Slots)
        {
            AddLinear(slot.Forward, costs.TokenForward, forward);
            AddLinear(slot.Backward, costs.TokenBackward, backward);
            foreach ((int rank, RankSlice slice) in Of(slot.Forward, slot.ForwardPlaced, nodes))
            {
                slices[rank].Add(slice);
                forward[rank] += costs.PairForward * SequenceCosts.Area(slice.Start, slice.Length);
            }

            foreach ((int rank, RankSlice slice) in Of(slot.Backward, slot.BackwardPlaced, nodes))
                backward[rank] += costs.PairBackward * SequenceCosts.Area(slice.Start, slice.Length);
        }

        var loads = new RankLoad[plan.Ranks];
        for (int rank = 0; rank < loads.Length; rank++)
        {
            RankSlice[] held = Joined(slices[rank]);
            loads[rank] = new RankLoad(rank, held.Sum(slice => (long)slice.Length), forward[rank], backward[rank], new(held));
        }

        return new(loads);
    }

    private static void AddLinear(LayerWork work, long cost, long[] loads)
    {
        for (int rank = 0; rank < loads.Length; rank++)
            loads[rank] += cost * work.LinearTokens[rank];
    }

    private static IEnumerable<(int Rank, RankSlice Slice)> Of(LayerWork work, EquatableArray<PlacedPiece> placed, int[] nodes)
    {
        foreach (Exchange exchange in work.Exchanges)
        {
            if (exchange.Kind == ExchangeKind.Direct)
                continue;
            int members = exchange.Members.Length;
            Zone zone = SlotDraft.ZoneOf(exchange.Members, nodes);
            foreach (SequencePiece piece in exchange.Pieces)
            {
                for (int member = 0; member < members; member++)
                {
                    Segments segments = ZigzagSplit.SegmentsOf(piece.Length, members, member);
                    for (int index = 0; index < segments.Count; index++)
                    {
                        int start = piece.Start + segments[index].Start;
                        yield return (exchange.Members[member], new(piece.Sequence, start, segments[index].Length, zone));
                    }
                }
            }
        }

        var zones = new Dictionary<int, Zone>();
        foreach (IGrouping<int, PlacedPiece> sequence in placed.GroupBy(piece => piece.Piece.Sequence))
            zones.Add(sequence.Key, SlotDraft.ZoneOf([.. sequence.Select(piece => piece.Rank).Distinct()], nodes));
        foreach (PlacedPiece piece in placed)
            yield return (piece.Rank, new(piece.Piece.Sequence, piece.Piece.Start, piece.Piece.Length, zones[piece.Piece.Sequence]));
    }

    // By sequence and start, neighbours as one.
    private static RankSlice[] Joined(List<RankSlice> slices)
    {
        var joined = new List<RankSlice>();
        foreach (RankSlice slice in slices.OrderBy(slice => slice.Sequence).ThenBy(slice => slice.Start))
        {
            RankSlice last = joined.Count > 0 ? joined[joined.Count - 1] : default;
            if (joined.Count > 0 && last.Sequence == slice.Sequence && last.Start + last.Length == slice.Start && last.Zone == slice.Zone)
                joined[joined.Count - 1] = last with { Length = last.Length + slice.Length };
            else
                joined.Add(slice);
        }

        return [.. joined];
    }
}
