namespace ParallelDsl.Mpi.Tests;

public sealed class HugeMessageTests
{
    [HugeFact]
    public async Task A_message_of_more_than_2_GiB_arrives_whole()
    {
        Outcome outcome = await MpiRun.Run(2, "huge", "600000001");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Equal("sent: 2400000004 bytes arrived\nlent: 2400000004 bytes arrived\n", outcome.Output);
        Assert.Equal("", outcome.Errors);
    }
}
