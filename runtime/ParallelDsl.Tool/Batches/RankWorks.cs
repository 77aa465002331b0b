using ParallelDsl.Planning;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;
using ParallelDsl.Planning.Simulation.Clusters;
using ParallelDsl.Planning.Strategies;
using ParallelDsl.Reporting;

namespace ParallelDsl.Tool.Batches;

/// <summary>Tells what the ranks of a plan compute by the zones of their sequences.</summary>
internal static class RankWorks
{
    /// <summary>The ranks of a stage, in all layers of the model.</summary>
    public static RankWork[] Of(PlannedBatch batch)
    {
        BatchPlan plan = batch.Plan;
        SequenceCosts costs = batch.Problem.Model.Costs(plan.Recompute);
        int[] nodes = BatchSimulation.NodesOf(batch.Problem, plan.Stages);
        PassWork[] forward = PassOf(plan, nodes, slot => (slot.Forward, slot.ForwardPlaced), costs.TokenForward, costs.PairForward);
        PassWork[] backward = PassOf(plan, nodes, slot => (slot.Backward, slot.BackwardPlaced), costs.TokenBackward, costs.PairBackward);
        return [.. Enumerable.Range(0, plan.Ranks).Select(rank => new RankWork(rank, forward[rank], backward[rank]))];
    }

    private static PassWork[] PassOf(
        BatchPlan plan, int[] nodes, Func<UnitSlot, (LayerWork Layer, EquatableArray<PlacedPiece> Placed)> pass, long perToken, long perPair)
    {
        var work = new PassWork[plan.Ranks];
        void Attend(int rank, Zone zone, long start, long length)
        {
            long cost = perPair * SequenceCosts.Area(start, length);
            work[rank] = zone switch
            {
                Zone.Local => work[rank] with { Local = work[rank].Local + cost },
                Zone.IntraNode => work[rank] with { IntraNode = work[rank].IntraNode + cost },
                _ => work[rank] with { InterNode = work[rank].InterNode + cost },
            };
        }

        foreach (UnitSlot slot in plan.Slots)
        {
            (LayerWork layer, EquatableArray<PlacedPiece> direct) = pass(slot);
            for (int rank = 0; rank < work.Length; rank++)
                work[rank] = work[rank] with { Linear = work[rank].Linear + (perToken * layer.LinearTokens[rank]) };
            foreach (Exchange exchange in layer.Exchanges.Where(exchange => exchange.Kind != ExchangeKind.Direct))
            {
                Zone zone = SlotDraft.ZoneOf(exchange.Members, nodes);
                foreach (SequencePiece piece in exchange.Pieces)
                {
                    for (int member = 0; member < exchange.Members.Length; member++)
                    {
                        Segments segments = ZigzagSplit.SegmentsOf(piece.Length, exchange.Members.Length, member);
                        for (int index = 0; index < segments.Count; index++)
                            Attend(exchange.Members[member], zone, piece.Start + (long)segments[index].Start, segments[index].Length);
                    }
                }
            }

            foreach (IGrouping<int, PlacedPiece> sequence in direct.GroupBy(placed => placed.Piece.Sequence))
            {
                Zone zone = SlotDraft.ZoneOf([.. sequence.Select(placed => placed.Rank).Distinct()], nodes);
                foreach (PlacedPiece placed in sequence)
                    Attend(placed.Rank, zone, placed.Piece.Start, placed.Piece.Length);
            }
        }

        return work;
    }
}
