using ParallelDsl.Kernels;

namespace ParallelDsl.Execution;

/// <summary>A parameter in memory: views of the weights, gradients and moments of a <see cref="ParameterStore"/>.</summary>
public sealed unsafe class Parameter
{
    private readonly ParameterStore _store;
    private readonly long _offset;

    internal Parameter(ParameterSpec spec, ParameterStore store, long offset)
    {
        Spec = spec;
        _store = store;
        _offset = offset;
    }

    /// <summary>What it is.</summary>
    public ParameterSpec Spec { get; }

    /// <summary>Where it begins in the buffers of its store.</summary>
    internal long Offset => _offset;

    /// <summary>The values, [rows, columns].</summary>
    public Matrix Weights => View(_store.Weights.Pointer);

    /// <summary>The sum of the gradients so far in this step.</summary>
    public Matrix Gradients => View(_store.Gradients.Pointer);

    /// <summary>AdamW's first moment.</summary>
    public Matrix FirstMoment => View(_store.FirstMoment.Pointer);

    /// <summary>AdamW's second moment.</summary>
    public Matrix SecondMoment => View(_store.SecondMoment.Pointer);

    private Matrix View(float* all) => new(all + _offset, Spec.Rows, Spec.Columns, Spec.Columns);
}
