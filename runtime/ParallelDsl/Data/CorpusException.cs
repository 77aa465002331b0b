namespace ParallelDsl.Data;

/// <summary>Text to train on cannot be found or read. The message names the file or folder and says what to do.</summary>
public sealed class CorpusException(string path, string problem, Exception? cause = null) : Exception($"'{path}': {problem}", cause)
{
    /// <summary>The file or folder at fault.</summary>
    public string Path { get; } = path;
}
