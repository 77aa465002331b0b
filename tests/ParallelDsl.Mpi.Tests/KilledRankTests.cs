using System.Text.RegularExpressions;
using ParallelDsl.Planning.Collectives;

namespace ParallelDsl.Mpi.Tests;

/// <summary>When a rank is killed the others say so, each with what it was doing itself, and end.</summary>
public sealed class KilledRankTests
{
    /// <summary>What a collective is called in messages, where that is not its own name.</summary>
    private static readonly Dictionary<string, string> MessageNames = new() { ["all-reduce"] = "reduce-scatter|all-gather" };

    [MpiTheory]
    [InlineData(CollectiveAlgorithm.Direct, "all-reduce", "reduce-scatter", "all-gather", "broadcast")]
    [InlineData(CollectiveAlgorithm.Ring, "all-reduce", "reduce-scatter", "all-gather", "broadcast")]
    [InlineData(CollectiveAlgorithm.HalvingDoubling, "all-reduce", "reduce-scatter", "all-gather", "broadcast")]
    [InlineData(CollectiveAlgorithm.MultiRing, "all-reduce", "reduce-scatter", "all-gather", "broadcast")]
    [InlineData(CollectiveAlgorithm.TwoLevel, "all-reduce", "reduce-scatter", "all-gather", "broadcast")]
    [InlineData(CollectiveAlgorithm.Direct, "all-to-all", "barrier")] // The same with every algorithm.
    public Task A_rank_that_is_killed_in_a_collective_is_named_and_nobody_stays(CollectiveAlgorithm algorithm, params string[] collectives) =>
        EndsWell([.. collectives.Select(collective => (
            (string[])["killed", collective, $"{algorithm}"],
            $@"cannot (send|receive) \d+ floats (to|from) rank \d \(tag \d+: ({MessageNames.GetValueOrDefault(collective, collective)}) of context 0\)"))]);

    [MpiFact]
    public Task A_rank_that_is_killed_in_a_collective_of_the_library_is_named_and_nobody_stays() =>
        EndsWell([.. new[] { "MPI all-reduce", "MPI all-to-all", "MPI barrier" }.Select(collective => (
            (string[])["killed", collective], $"cannot end its {collective}"))]);

    /// <summary>Over TCP, as between machines, the library reports a connection that broke to the launcher, which may not answer any more: a rank says
    /// what it was doing all the same. Where that is late, others have ended too, and it may name one of them.</summary>
    [MpiFact]
    public Task A_rank_that_is_killed_while_it_is_connected_by_TCP_is_named_and_nobody_stays() => Task.WhenAll(
        new[] { ("all-reduce", CollectiveAlgorithm.Ring), ("broadcast", CollectiveAlgorithm.TwoLevel), ("all-to-all", CollectiveAlgorithm.Direct) }.Select(async job =>
    {
        Outcome outcome = await MpiRun.RunWith("btl", "self,tcp", 4, "killed", job.Item1, $"{job.Item2}");
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.True(outcome.Errors.Contains(": rank 2 has died", StringComparison.Ordinal), outcome.ToString());
        foreach (int rank in new[] { 0, 1, 3 })
        {
            Assert.True(
                Regex.IsMatch(outcome.Errors, $@"Rank {rank} cannot ((send|receive) \d+ floats (to|from) rank \d \(tag \d+: [-a-z]+ of context 0\)|go on): rank \d has died"),
                $"{job.Item1}: rank {rank}\n{outcome}");
        }

        outcome.AssertGone(processes: 4);
    }));

    /// <summary>Several jobs at a time: most of what a failed one takes is that mpirun waits before it kills.</summary>
    private static Task EndsWell((string[] Scenario, string Call)[] jobs) => Task.WhenAll(jobs.Select(async job =>
    {
        Outcome outcome = await MpiRun.Run(4, job.Scenario);
        Assert.NotEqual(0, outcome.ExitCode);
        foreach (int rank in new[] { 0, 1, 3 })
            Assert.True(Regex.IsMatch(outcome.Errors, $"Rank {rank} {job.Call}: rank 2 has died"), $"{string.Join(' ', job.Scenario)}: rank {rank}\n{outcome}");
        outcome.AssertGone(processes: 4);
    }));
}
