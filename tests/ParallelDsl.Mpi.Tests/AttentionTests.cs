namespace ParallelDsl.Mpi.Tests;

/// <summary>Attention over ranks that are processes.</summary>
public sealed class AttentionTests
{
    /// <summary>Of four ranks pairwise ways take the place of several rings, and there are two nodes; of five there are four rings. Over TCP the
    /// library sends long messages piece by piece.</summary>
    [MpiTheory]
    [InlineData(4, "btl_vader_single_copy_mechanism", "cma")]
    [InlineData(5, "btl_vader_single_copy_mechanism", "cma")]
    [InlineData(5, "btl", "self,tcp")]
    public async Task Every_datapath_gives_the_bits_of_threads(int ranks, string parameter, string value)
    {
        Outcome outcome = await MpiRun.RunWith(parameter, value, ranks, "attention");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Equal(
            Enum.GetNames<Datapath>().Where(name => name != nameof(Datapath.Automatic)), outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("", outcome.Errors);
    }

    [MpiTheory]
    [InlineData("btl_vader_single_copy_mechanism", "cma")]
    [InlineData("btl", "self,tcp")]
    public async Task A_rank_that_is_killed_in_attention_is_named_and_nobody_stays(string parameter, string value)
    {
        Outcome outcome = await MpiRun.RunWith(parameter, value, 5, "attention killed");
        Assert.NotEqual(0, outcome.ExitCode);
        foreach (int rank in new[] { 0, 2, 3, 4 })
            Assert.Matches($@"Rank {rank} cannot ((send|receive) \d+ floats (to|from) rank \d \(tag \d\)|go on): rank \d has died", outcome.Errors);
        Assert.Contains(": rank 1 has died", outcome.Errors, StringComparison.Ordinal);
        outcome.AssertGone(processes: 5);
    }
}
