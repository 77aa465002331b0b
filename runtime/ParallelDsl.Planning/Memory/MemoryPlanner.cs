using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Memory;

/// <summary>Adds up what the ranks at one position of the pipeline axis hold. Weights, gradients and optimizer state are whole on every
/// rank of the data and sequence axes (nothing is sharded yet).</summary>
/// <remarks>Buffers of collectives are not counted: up to <see cref="Collectives.CollectivePlan.ShortBytes"/> for each group, and where ranks
/// share no memory, up to three of <see cref="Collectives.CollectivePlan.BlockBytes"/> for the replicas' gradients and one for each tied
/// table that two positions share.</remarks>
public static class MemoryPlanner
{
    /// <summary>Vectors that a rank of a pipeline may have computed and not yet sent before it waits.</summary>
    public const int OutgoingBuffers = 4;

    /// <summary>The memory of one position.</summary>
    /// <param name="device">The position.</param>
    /// <param name="parameters">Weights of its stages, copies of a tied table included.</param>
    /// <param name="type">The training type.</param>
    /// <param name="stages">Its stages.</param>
    /// <param name="widestScratch">Bytes a token that the neediest of its layers uses within a pass.</param>
    /// <param name="transferBytes">Bytes a token of all buffers of transfers: of the pipeline and of the ring.</param>
    /// <param name="unitTokensPerRank">Tokens of a full unit on one rank.</param>
    /// <param name="available">Memory of the smallest device.</param>
    public static DeviceMemory Of(
        int device,
        long parameters,
        TrainingType type,
        IReadOnlyList<StageMemory> stages,
        long widestScratch,
        long transferBytes,
        int unitTokensPerRank,
        long available) => new(
            device,
            parameters * LayerCosts.WeightBytes(type),
            parameters * LayerCosts.GradientBytes,
            parameters * LayerCosts.OptimizerBytes(type),
            stages.Sum(stage => stage.ActivationBytes * stage.Units) * unitTokensPerRank,
            (stages.Sum(stage => stage.GradientBytes * stage.Gradients) + widestScratch + transferBytes) * unitTokensPerRank,
            stages.Sum(stage => stage.Units),
            available);

    /// <summary>Bytes a token of what is sent along the pipeline: <see cref="OutgoingBuffers"/> as wide as the widest boundary.</summary>
    public static long PipelineBytes(long boundary, int pipeline) => pipeline > 1 ? OutgoingBuffers * boundary : 0;
}

/// <summary>What one stage holds for each token of a unit.</summary>
/// <param name="ActivationBytes">Bytes from F to the end of X or W.</param>
/// <param name="Units">The most units for which they are held at once.</param>
/// <param name="GradientBytes">Bytes from B to the end of W: of all layers, or of two at a time where the position splits no
/// backward.</param>
/// <param name="Gradients">The most units for which they are held at once.</param>
public readonly record struct StageMemory(long ActivationBytes, int Units, long GradientBytes, int Gradients);
