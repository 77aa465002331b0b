namespace ParallelDsl.Checkpoints;

/// <summary>
/// A checkpoint or one of its files cannot be read or written. The message names the file and, where there is one, the tensor.
/// </summary>
public sealed class CheckpointException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file or folder at fault.</param>
    /// <param name="tensor">The tensor at fault, or null.</param>
    /// <param name="problem">What is wrong, as a sentence.</param>
    /// <param name="cause">What was thrown below, or null.</param>
    public CheckpointException(string path, string? tensor, string problem, Exception? cause = null)
        : base(tensor is null ? $"'{path}': {problem}" : $"'{path}', tensor '{tensor}': {problem}", cause)
    {
        Path = path;
        Tensor = tensor;
    }

    /// <summary>The file or folder at fault.</summary>
    public string Path { get; }

    /// <summary>The tensor at fault; null when the fault is not in one.</summary>
    public string? Tensor { get; }
}
