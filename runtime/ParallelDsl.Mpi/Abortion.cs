namespace ParallelDsl.Mpi;

/// <summary>Why a run ends before its time.</summary>
/// <param name="Rank">The rank that failed.</param>
/// <param name="Text">What happened.</param>
/// <param name="Cause">The failure, where it is this rank's.</param>
internal sealed record Abortion(int Rank, string Text, Exception? Cause);
