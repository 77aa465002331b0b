using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Plans;

/// <summary>What a rank sends in a step along each axis, in bytes, at the position that sends the most.</summary>
/// <remarks>Gradients: a ring all-reduce over n ranks sends 2 (n - 1) / n of them; first over the sequence axis, then each rank its share
/// over the data axis. Ring attention: keys and values go n - 1 hops forward, n - 1 hops backward, and their gradients n hops, back to where
/// they belong, or straight home in n - 1 where every rank sends its own to all others. Where tokens are swapped for heads the rank with the most or the
/// fewest heads sends the most (<see cref="HeadSwap.MostSent"/>), of blocks with different numbers of heads at most as much as these together.
/// Pipeline: the output for the next stage, the gradient of the input, which is as wide as the input, for the one before, where
/// those lie elsewhere.</remarks>
internal readonly record struct StepTraffic(long Data, long Sequence, long Pipeline)
{
    private const int StatisticBytes = 4;

    /// <summary>The traffic of a layout.</summary>
    /// <param name="frame">What the layout lies in.</param>
    /// <param name="layout">The stages.</param>
    /// <param name="datapath">How keys and values travel over the sequence axis.</param>
    /// <param name="rings">The rings of the sequence axis, where they are known.</param>
    public static StepTraffic Of(PlanFrame frame, StageLayout layout, Datapath datapath, EquatableArray<EquatableArray<int>> rings = default)
    {
        AxesSpec axes = frame.Request.Axes;
        long sequence = axes.Sequence, data = axes.Data, units = axes.MicroBatches;
        var most = new StepTraffic(0, 0, 0);
        for (int position = 0; position < axes.Pipeline; position++)
        {
            var held = new PositionLayers(frame, layout, position);
            long gradients = held.Parameters * LayerCosts.GradientBytes;
            long attention = datapath == Datapath.AllToAll
                ? held.Layers.Sum(layer => HeadSwap.MostSent(frame.Request.Model, layer, axes.Sequence, StatisticBytes)) * frame.Work.Tokens * units
                : sequence == 1 ? 0 : Blocks(datapath, sequence, rings.Count) * held.Layers.Sum(layer => layer.KeyValueBytes) * frame.Work.Tokens * units;
            long boundaries = 0;
            foreach (int stage in layout.StagesAt(position))
            {
                boundaries += layout.Sends(stage - 1) ? frame.BoundaryBytes(layout, stage - 1) : 0;
                boundaries += layout.Sends(stage) ? frame.BoundaryBytes(layout, stage) : 0;
            }

            most = new(
                Math.Max(most.Data, 2 * (data - 1) * (gradients / sequence) / data),
                Math.Max(most.Sequence, (2 * (sequence - 1) * gradients / sequence) + attention),
                Math.Max(most.Pipeline, boundaries * frame.Work.Tokens * units));
        }

        return most;
    }

    // Several rings are passed on along, also those of 4 and 6 ranks: of as many as there are in a node, or of a plan file.
    private static long Blocks(Datapath datapath, long ranks, int rings) =>
        rings > 1 || Itineraries.Forwards(datapath, ranks) ? (3 * ranks) - 2 : 3 * (ranks - 1);
}
