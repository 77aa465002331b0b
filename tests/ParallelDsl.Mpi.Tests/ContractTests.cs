using System.Reflection;
using ParallelDsl.Mpi.Tests.Ranks;

namespace ParallelDsl.Mpi.Tests;

public sealed class ContractTests
{
    /// <summary>The library reads the memory of other processes, or sends it through shared memory or TCP, piece by piece, which needs the sender.</summary>
    [MpiTheory]
    [InlineData("btl_vader_single_copy_mechanism", "cma")]
    [InlineData("btl_vader_single_copy_mechanism", "none")]
    [InlineData("btl", "self,tcp")]
    public async Task The_contract_of_a_transport_holds_between_four_processes(string parameter, string value)
    {
        Outcome outcome = await MpiRun.RunWith(parameter, value, 4, "contract");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        string[] checks = [.. typeof(ContractChecks).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Select(check => check.Name).Order(StringComparer.Ordinal)];
        Assert.Equal(checks, outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line["passed ".Length..]));
        Assert.Equal("", outcome.Errors);
    }

    [MpiFact]
    public async Task A_process_without_a_launcher_is_a_job_of_one_rank()
    {
        Outcome outcome = await MpiRun.RunAlone("alone");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Equal("0 of 1, 0 of 1: 4\n", outcome.Output);
        Assert.Equal("", outcome.Errors);
    }

    [MpiFact]
    public async Task What_is_disposed_after_the_job_calls_nothing()
    {
        Outcome outcome = await MpiRun.Run(2, "ends late");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Equal("ended\nended\n", outcome.Output);
        Assert.Equal("", outcome.Errors);
    }

    [MpiFact]
    public async Task Ranks_on_one_processor_of_many_are_crowded()
    {
        Outcome outcome = await MpiRun.RunOn("0", 2, "shares");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Equal("threads 1, crowded\nthreads 1, crowded\n", outcome.Output);
    }
}
