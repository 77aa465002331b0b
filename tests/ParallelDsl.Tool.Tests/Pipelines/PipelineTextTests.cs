using System.Text.RegularExpressions;
using ParallelDsl.Testing;
using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Pipelines;

public sealed class PipelineTextTests : IDisposable
{
    private readonly PipelineCase _case = new();

    public void Dispose() => _case.Dispose();

    [Fact]
    public Task Of_one_schedule() => Snapshot.Verify(_case.Run("--schedule", "1f1b", "--layout").Output);

    [Fact]
    public Task Of_a_search() => Snapshot.Verify(_case.Run("--budget", "500").Output);

    [Fact]
    public Task Of_all_schedules() => Snapshot.Verify(_case.Run("--schedule", "all", "--budget", "500").Output);

    [Fact]
    public Task Explains_itself() => Snapshot.Verify(CommandOutcome.Of("pipeline", "--help").Output);

    [Fact]
    public void Says_on_standard_error_how_long_it_took() =>
        Assert.Matches(new Regex("^planned in [0-9]+\\.[0-9] ms\n$"), _case.Run("--schedule", "1f1b").Error);

    [Theory]
    [InlineData("1f1b", 1, 1)]
    [InlineData("zb-h2", 3, 60)]
    [InlineData("dualpipe-v", 24, 50)]
    [InlineData("adaptive", 40, 44)]
    [InlineData("all", 8, 300)]
    public void Is_at_most_100_columns_wide(string schedule, int devices, int microBatches)
    {
        string path = _case.Write("even.layers.json", SampleProfiles.Even(120, ends: true));
        CommandOutcome outcome = CommandOutcome.Of(
            "pipeline", "--layers", path, "--devices", $"{devices}", "--micro-batches", $"{microBatches}", "--schedule", schedule, "--budget", "20", "--hop", "123456789");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.All(outcome.Output.Split('\n'), line => Assert.InRange(line.Length, 0, 100));
        Assert.Contains("simulated", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_costs()
    {
        string path = _case.Write("free.layers.json", SampleProfiles.Even(4).Replace("0.01", "0", StringComparison.Ordinal));
        foreach (string schedule in new[] { "1f1b", "adaptive", "all" })
        {
            CommandOutcome outcome = CommandOutcome.Of(
                "pipeline", "--layers", path, "--devices", "2", "--micro-batches", "4", "--schedule", schedule, "--budget", "20");
            Assert.True(outcome.ExitCode == 0, outcome.Error);
        }
    }
}
