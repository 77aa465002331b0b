using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Memory;

/// <summary>Adds up what the ranks at one position of the pipeline axis hold. Weights, gradients and optimizer state are whole on every
/// rank of the data and sequence axes (nothing is sharded yet).</summary>
public static class MemoryPlanner
{
    /// <summary>The memory of one position.</summary>
    /// <param name="device">The position.</param>
    /// <param name="layers">The layers of its stages.</param>
    /// <param name="tiedParameters">Weights of a table that a tied head there needs a copy of; 0 where the embedding is there too.</param>
    /// <param name="type">The training type.</param>
    /// <param name="hiddenBytes">Bytes of one hidden vector.</param>
    /// <param name="unitTokensPerRank">Tokens of a full unit on one rank.</param>
    /// <param name="sequence">The sequence degree.</param>
    /// <param name="pipeline">The pipeline degree.</param>
    /// <param name="peakActivationBytes">The most activation bytes a token of a unit held at once, over all its stages.</param>
    /// <param name="unitsInFlight">How many stage activations are held at the peak.</param>
    /// <param name="available">Memory of the smallest device.</param>
    public static DeviceMemory Of(
        int device,
        IReadOnlyList<PlannedLayer> layers,
        long tiedParameters,
        TrainingType type,
        long hiddenBytes,
        int unitTokensPerRank,
        int sequence,
        int pipeline,
        long peakActivationBytes,
        int unitsInFlight,
        long available)
    {
        long parameters = layers.Sum(layer => layer.Parameters) + tiedParameters;
        return new DeviceMemory(
            device,
            parameters * LayerCosts.WeightBytes(type),
            parameters * LayerCosts.GradientBytes,
            parameters * LayerCosts.OptimizerBytes(type),
            peakActivationBytes * unitTokensPerRank,
            WorkspaceBytes(layers, hiddenBytes, sequence, pipeline) * unitTokensPerRank,
            unitsInFlight,
            available);
    }

    /// <summary>Bytes of buffers for each token of a unit on one rank: gradients of a layer's output and input (2 hidden vectors); where
    /// there is a pipeline, one buffer for each of its four transfers (4 hidden vectors); where there is a ring, keys and values and their
    /// gradients, each twice, so that one is sent while the next arrives (4 x keys and values).</summary>
    private static long WorkspaceBytes(IReadOnlyList<PlannedLayer> layers, long hidden, int sequence, int pipeline)
    {
        long keyValue = layers.Max(layer => layer.KeyValueBytes);
        return (2 * hidden) + (pipeline > 1 ? 4 * hidden : 0) + (sequence > 1 ? 4 * keyValue : 0);
    }
}
