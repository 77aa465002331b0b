namespace ParallelDsl.Mpi.Tests;

/// <summary>When a rank is killed the others say so, each with what it was doing itself, and end.</summary>
public sealed class KilledRankTests
{
    [MpiTheory]
    [InlineData("all-reduce", "reduce-scatter|all-gather")]
    [InlineData("all-gather", "all-gather")]
    [InlineData("reduce-scatter", "reduce-scatter")]
    [InlineData("broadcast", "broadcast")]
    [InlineData("barrier", "barrier")]
    public async Task A_rank_that_is_killed_in_a_collective_is_named_and_nobody_stays(string collective, string operations)
    {
        Outcome outcome = await MpiRun.Run(4, "killed", collective);
        Assert.NotEqual(0, outcome.ExitCode);
        foreach (int rank in new[] { 0, 1, 3 })
            Assert.Matches($@"Rank {rank} cannot (send|receive) \d+ floats (to|from) rank \d \(tag \d+: ({operations}) of context 0\): rank 2 has died", outcome.Errors);
        outcome.AssertGone(processes: 4);
    }

    [MpiTheory]
    [InlineData("MPI all-reduce")]
    [InlineData("MPI all-to-all")]
    [InlineData("MPI barrier")]
    public async Task A_rank_that_is_killed_in_a_collective_of_the_library_is_named_and_nobody_stays(string collective)
    {
        Outcome outcome = await MpiRun.Run(4, "killed", collective);
        Assert.NotEqual(0, outcome.ExitCode);
        foreach (int rank in new[] { 0, 1, 3 })
            Assert.Contains($"Rank {rank} cannot end its {collective}: rank 2 has died", outcome.Errors);
        outcome.AssertGone(processes: 4);
    }
}
