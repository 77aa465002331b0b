namespace ParallelDsl.Planning.Plans;

/// <summary>What a rank sends in a step along each axis, in bytes, at the position that sends the most.</summary>
/// <remarks>Gradients: a ring all-reduce over n ranks sends 2 (n - 1) / n of them; first over the sequence axis, then each rank its share
/// over the data axis. Ring attention: keys and values go n - 1 hops forward, n - 1 hops backward, and their gradients n hops, back to where
/// they belong. Pipeline: the output for the next stage, the gradient of the input, which is as wide as the input, for the one before, where
/// those lie elsewhere.</remarks>
internal readonly record struct StepTraffic(long Data, long Sequence, long Pipeline)
{
    public static StepTraffic Of(PlanFrame frame, StageLayout layout)
    {
        AxesSpec axes = frame.Request.Axes;
        long sequence = axes.Sequence, data = axes.Data, units = axes.MicroBatches;
        var most = new StepTraffic(0, 0, 0);
        for (int position = 0; position < axes.Pipeline; position++)
        {
            var held = new PositionLayers(frame, layout, position);
            long gradients = held.Parameters * Models.LayerCosts.GradientBytes;
            long keysAndValues = held.Layers.Sum(layer => layer.KeyValueBytes) * frame.Work.Tokens * units;
            long rings = sequence == 1 ? 0 : ((3 * sequence) - 2) * keysAndValues;
            long boundaries = 0;
            foreach (int stage in layout.StagesAt(position))
            {
                boundaries += layout.Sends(stage - 1) ? frame.BoundaryBytes(layout, stage - 1) : 0;
                boundaries += layout.Sends(stage) ? frame.BoundaryBytes(layout, stage) : 0;
            }

            most = new(
                Math.Max(most.Data, 2 * (data - 1) * (gradients / sequence) / data),
                Math.Max(most.Sequence, (2 * (sequence - 1) * gradients / sequence) + rings),
                Math.Max(most.Pipeline, boundaries * frame.Work.Tokens * units));
        }

        return most;
    }
}
