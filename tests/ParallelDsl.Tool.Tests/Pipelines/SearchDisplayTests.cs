using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Tool.Pipelines;

namespace ParallelDsl.Tool.Tests.Pipelines;

public sealed class SearchDisplayTests
{
    [Fact]
    public void Says_in_lines_how_far_a_search_is()
    {
        using var error = new StringWriter { NewLine = "\n" };
        PipelineCandidate best = new SearchDisplay(error, quiet: false, TimeSpan.FromMilliseconds(1)).Run(Search(8_000), 8_000);
        Assert.Equal(Tuned(8_000), best.Makespan);
        string[] lines = error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.Matches(new Regex("^searched [0-9,]+ of 8,000 candidates(, best [0-9,]+ ticks)?$"), line));
    }

    [Fact]
    public void Is_quiet_where_that_is_asked_for()
    {
        using var error = new StringWriter();
        new SearchDisplay(error, quiet: true, TimeSpan.FromMilliseconds(1)).Run(Search(1_000), 1_000);
        Assert.Equal("", error.ToString());
    }

    [Fact]
    public async Task Ctrl_C_ends_a_search_with_one_line()
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Linux) && !RuntimeInformation.IsOSPlatform(OSPlatform.OSX))
            return;
        using var files = new PipelineCase();
        string svg = files.File("drawing.svg"), tool = Path.Combine(AppContext.BaseDirectory, "ParallelDsl.Tool.dll");
        var start = new ProcessStartInfo(
            "dotnet",
            ["exec", tool, "pipeline", "--layers", files.Nano, "--devices", "8", "--micro-batches", "64", "--budget", "100000000", "--svg", svg])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Assert.StartsWith("searched ", await process.StandardError.ReadLineAsync(), StringComparison.Ordinal);
        using (Process kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
            await kill.WaitForExitAsync();
        string rest = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(2, process.ExitCode);
        Assert.Matches(new Regex("^(searched [^\n]*\n)*paralleldsl pipeline: stopped after [0-9,]+ candidates; nothing was written\n$"), rest);
        Assert.False(File.Exists(svg));
    }

    private static long Tuned(int budget) => AdaptiveTuner.Tune(Problem, new TuningOptions(budget)).Makespan;

    private static TuningSearch Search(int budget) => new(Problem, new TuningOptions(budget));

    private static PipelineProblem Problem { get; } = new(
        Enumerable.Range(0, 40).Select(layer => new PipelineLayer(10 + (layer % 7), 20 + (layer % 5), 9)).ToEquatableArray(), 4, 16);
}
