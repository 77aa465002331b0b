namespace ParallelDsl.Testing;

/// <summary>A snapshot is missing or differs; the message shows the difference and where the files are.</summary>
public sealed class SnapshotException(string message) : Exception(message);
