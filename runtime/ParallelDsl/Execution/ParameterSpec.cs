using ParallelDsl.Planning.Models;

namespace ParallelDsl.Execution;

/// <summary>A tensor of the checkpoint, or a run of its rows: a run of rows of a parameter.</summary>
/// <param name="Name">Its name in the file, as Llama models of the Hugging Face library name it.</param>
/// <param name="Rows">Rows of the parameter that it takes, in order.</param>
/// <param name="FirstRow">The row of the tensor that is the first of them.</param>
/// <param name="TensorLength">Rows of the whole tensor.</param>
public readonly record struct TensorRows(string Name, int Rows, int FirstRow, int TensorLength)
{
    /// <summary>A whole tensor.</summary>
    public TensorRows(string name, int rows)
        : this(name, rows, 0, rows)
    {
    }

    /// <summary>A slice of a tensor whose rows are those of the vocabulary.</summary>
    public TensorRows(string name, int vocabulary, VocabularySlice slice)
        : this(name, slice.Rows, slice.FirstRow, vocabulary)
    {
    }
}

/// <summary>A trained parameter of a layer: a float32 matrix [rows, columns], or a vector where there is one row.</summary>
/// <param name="Tensors">The tensors that it consists of, from the first row. Fused projections are one parameter of several tensors.</param>
/// <param name="Columns">Its columns.</param>
/// <param name="Deviation">Standard deviation of the initial values; 0 for a norm, which starts at 1.</param>
public sealed record ParameterSpec(TensorRows[] Tensors, int Columns, float Deviation)
{
    /// <summary>A parameter of one tensor.</summary>
    public ParameterSpec(string name, int rows, int columns, float deviation)
        : this([new TensorRows(name, rows)], columns, deviation)
    {
    }

    /// <summary>Its rows.</summary>
    public int Rows { get; } = Tensors.Sum(tensor => tensor.Rows);

    /// <summary>The number of weights.</summary>
    public long Length => (long)Rows * Columns;

    /// <summary>Whether it is a norm's vector: starts at 1 and takes no weight decay.</summary>
    public bool IsNorm => Deviation == 0;
}
