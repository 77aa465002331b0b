namespace ParallelDsl.Mpi.Tests;

/// <summary>When a rank fails the others end, each with an error that names that rank and what it was doing itself.</summary>
public sealed class FailureTests
{
    [MpiFact]
    public async Task A_rank_that_throws_ends_the_others_with_its_cause()
    {
        Outcome outcome = await MpiRun.Run(4, "throws");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Equal(1, Occurrences(outcome.Errors, "Rank 2 aborts the run: the loss is not a number"));
        const string Cause = ": rank 2 aborted the run: the loss is not a number";
        Assert.Contains("Rank 0 cannot receive 3 floats from rank 1 (tag 6)" + Cause, outcome.Errors);
        Assert.Contains("Rank 1 cannot send 1 floats to rank 2 (tag 5)" + Cause, outcome.Errors);
        Assert.Contains("Rank 3 cannot receive 3 floats from rank 1 (tag 6)" + Cause, outcome.Errors);
    }

    [MpiFact]
    public async Task A_rank_that_does_not_hear_of_a_failure_is_ended()
    {
        Outcome outcome = await MpiRun.Run(2, "deaf");
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains("Rank 0 aborts the run: boom", outcome.Errors);
        Assert.Contains("has not ended 1500 ms after the run was aborted: Open MPI ends the job", outcome.Errors);
        outcome.AssertGone(processes: 2);
    }

    [MpiFact]
    public async Task A_rank_that_leaves_without_a_word_is_named()
    {
        Outcome outcome = await MpiRun.Run(2, "leaves");
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains("Rank 0 cannot receive 3 floats from rank 1 (tag 6): rank 1 has died", outcome.Errors);
        outcome.AssertInTime();
    }

    [MpiTheory]
    [InlineData("others", 1)]
    [InlineData("own", 0)]
    public async Task Messages_that_nobody_receives_are_an_error(string whose, int destination)
    {
        Outcome outcome = await MpiRun.Run(2, "unreceived", whose);
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains($"Messages were sent but never received:\n  from rank 0 to rank {destination}: 1", outcome.Errors);
        outcome.AssertInTime();
    }

    [MpiFact]
    public async Task An_abortion_on_one_transport_ends_the_others_of_the_job()
    {
        Outcome outcome = await MpiRun.Run(2, "two transports");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Equal(1, Occurrences(outcome.Errors, "Rank 0 aborts the run: out of luck"));
        Assert.Contains("Rank 1 cannot receive 3 floats from rank 0 (tag 6): rank 0 aborted the run: out of luck", outcome.Errors);
        outcome.AssertInTime();
    }

    [MpiFact]
    public async Task A_rank_that_may_call_the_library_no_more_ends_the_run()
    {
        Outcome outcome = await MpiRun.Run(2, "halts");
        Assert.NotEqual(0, outcome.ExitCode);
        foreach (int rank in new[] { 0, 1 })
            Assert.Contains($"Rank {rank} cannot receive 3 floats from rank {1 - rank} (tag 6): rank 0 aborted the run: a receive of rank 0 cannot be taken back", outcome.Errors);
        outcome.AssertInTime();
    }

    [MpiTheory]
    [InlineData("btl_vader_single_copy_mechanism", "cma")]
    [InlineData("btl", "self,tcp")]
    public async Task What_a_rank_has_lent_is_not_received_after_it_has_failed(string parameter, string value)
    {
        Outcome outcome = await MpiRun.RunWith(parameter, value, 4, "withdraws");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Equal(1, Occurrences(outcome.Errors, "Rank 0 aborts the run: a sum is lost"));
        for (int rank = 1; rank < 4; rank++)
            Assert.Contains($"Rank {rank} cannot receive 300000 floats from rank 0 (tag 6): rank 0 aborted the run: a sum is lost", outcome.Errors);
        outcome.AssertInTime();
    }

    private static int Occurrences(string text, string part) => text.Split(part).Length - 1;
}
