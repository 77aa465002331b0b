using ParallelDsl.Planning.Plans;
using ParallelDsl.Tool.Commands;

namespace ParallelDsl.Tool.Tests.Commands;

/// <summary><c>plan --search</c>.</summary>
public sealed class PlanSearchTests : IDisposable
{
    private const int Budget = 200;

    private static readonly ParallelPlan Adaptive = SamplePlans.Make(
        SamplePlans.Transformer("Samples.Adaptive", 22, 2_048, 32_000, 512, 8, 4, 1_536),
        SamplePlans.Nodes("Lab", 1, 4, DeviceKind.H100Sxm, 0, 0),
        new AxesSpec(1, 1, 4, PipelineSchedule.Adaptive, 8));

    private readonly TemporaryFolder _folder = new();
    private readonly string _assembly, _planFile, _stateFile;

    public PlanSearchTests()
    {
        _assembly = ModelAssembly.Write(_folder.File("Models.dll"), ModelAssembly.Model(Adaptive), ModelAssembly.Model(SamplePlans.Gpt));
        (_planFile, _stateFile) = (_folder.File("Adaptive.plan.json"), _folder.File("Adaptive.search.json"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Writes_a_plan_file_and_shows_the_plan()
    {
        Outcome outcome = Run("plan", _assembly, "--search", "--budget", $"{Budget}", "--out", _planFile, "--json");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal(outcome.Output, File.ReadAllText(_planFile));
        ParallelPlan found = PlanJson.Read(outcome.Output).Value!;
        Assert.Equal((Adaptive.Model, Adaptive.Cluster, Adaptive.Axes), (found.Model, found.Cluster, found.Axes));
        Assert.True(found.Estimates.Makespan <= Adaptive.Estimates.Makespan);
        Assert.False(File.Exists(_stateFile));
        Assert.StartsWith("round 1: ", outcome.Error, StringComparison.Ordinal);
        Assert.EndsWith($"wrote {_planFile}\n", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_stopped_search_goes_on_to_the_very_same_plan(int rounds)
    {
        ParallelPlan whole = new PlanSearch(Adaptive, Budget, _folder.File("Whole.plan.json")).Run(new Display(), CancellationToken.None);

        using CancellationTokenSource stop = new();
        var search = new PlanSearch(Adaptive, Budget, _planFile);
        CommandException stopped = Assert.Throws<CommandException>(() => search.Run(new Display(StopAfter: rounds, stop), stop.Token));
        Assert.Equal(CommandLine.Failed, stopped.ExitCode);
        Assert.Equal($"stopped after round {rounds}; the search is saved in {_stateFile}, and the same command goes on with it", stopped.Message);
        Assert.False(File.Exists(_planFile));

        Outcome outcome = Run("plan", _assembly, "--search", "--budget", $"{Budget}", "--out", _planFile, "--json");
        Assert.StartsWith($"goes on from {_stateFile}, after round {rounds}\nround {rounds + 1}: ", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(PlanJson.Write(whole), outcome.Output);
        Assert.Equal(File.ReadAllText(_folder.File("Whole.plan.json")), File.ReadAllText(_planFile));
        Assert.False(File.Exists(_stateFile));
    }

    [Fact]
    public void A_search_that_is_stopped_at_once_saves_nothing()
    {
        CommandException stopped = Assert.Throws<CommandException>(
            () => new PlanSearch(Adaptive, Budget, _planFile).Run(new Display(), new CancellationToken(canceled: true)));
        Assert.Contains("nothing is saved", stopped.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_stateFile));
    }

    [Fact]
    public void The_state_of_another_search_is_refused()
    {
        using CancellationTokenSource stop = new();
        Assert.Throws<CommandException>(() => new PlanSearch(Adaptive, Budget, _planFile).Run(new Display(StopAfter: 1, stop), stop.Token));
        string state = File.ReadAllText(_stateFile);
        Refuses("the state of another search", "--budget", $"{Budget + 1}", "--out", _planFile);
        File.WriteAllText(_stateFile, "{}");
        Refuses("remove it to search from the start", "--budget", $"{Budget}", "--out", _planFile);
        File.WriteAllText(_stateFile, state);
        Assert.Equal(0, Run("plan", _assembly, "--search", "--budget", $"{Budget}", "--out", _planFile).ExitCode);
    }

    [Fact]
    public void What_cannot_be_searched_is_refused()
    {
        Refuses("searches for a model with PipelineSchedule.Adaptive, and Samples.Gpt has another schedule", "--model", "Gpt");
        Refuses("--budget: expected a whole number from 1 to 100000000", "--budget", "0");
        Refuses("write one that ends in .plan.json", "--out", _folder.File("x.json"));
        Refuses("does not exist; create it first", "--out", _folder.File("missing/x.plan.json"));
        Outcome outcome = Run("plan", _assembly, "--budget", "3");
        Assert.Equal((2, "paralleldsl plan: --budget: belongs to --search\n"), (outcome.ExitCode, outcome.Error));
    }

    private void Refuses(string message, params string[] options)
    {
        Outcome outcome = Run(["plan", _assembly, "--search", .. options]);
        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Output));
        Assert.Contains(message, outcome.Error, StringComparison.Ordinal);
    }

    private static Outcome Run(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int exitCode = CommandLine.Run(arguments, output, error);
        return new Outcome(exitCode, output.ToString(), error.ToString());
    }

    private sealed record Outcome(int ExitCode, string Output, string Error);

    /// <summary>Shows nothing, and stops a search after some rounds as Ctrl-C would.</summary>
    private sealed record Display(int StopAfter = int.MaxValue, CancellationTokenSource? Stop = null) : ISearchDisplay
    {
        public void Say(string line)
        {
        }

        public void Show(AdaptiveSearch search)
        {
            if (search.Round >= StopAfter)
                Stop!.Cancel();
        }
    }
}
