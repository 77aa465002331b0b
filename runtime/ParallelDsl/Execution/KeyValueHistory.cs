using ParallelDsl.Kernels;

namespace ParallelDsl.Execution;

/// <summary>What one layer of a stage holds of earlier slices: the keys and values in the activations of their forward units, and the sums of
/// the gradients that later slices gave back.</summary>
public abstract class KeyValueHistory
{
    /// <summary>Keys, then values, [attention rows of the unit, 2 x key width].</summary>
    /// <param name="forwardUnit">A forward unit whose activations are held.</param>
    public abstract Matrix KeyValuesOf(int forwardUnit);

    /// <summary>The sums of gradients of keys, then values, [rows of history, 2 x key width].</summary>
    public abstract Matrix Gradients { get; }
}
