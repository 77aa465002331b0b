using ParallelDsl.Planning.Plans;
using Spectre.Console;

namespace ParallelDsl.Tool.Commands;

/// <summary>The progress of a search: a bar on a terminal, else a line a round.</summary>
internal static class PlanSearchDisplay
{
    /// <summary>Runs <paramref name="search"/> with a display on standard error.</summary>
    /// <param name="error">Standard error.</param>
    /// <param name="isTerminal">Whether a person watches it.</param>
    /// <param name="search">Gets the display.</param>
    public static T Run<T>(TextWriter error, bool isTerminal, Func<ISearchDisplay, T> search)
    {
        if (!isTerminal)
            return search(new Lines(error));
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
        return console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .Start(context => search(new Bar(console, context.AddTask("search"))));
    }

    /// <summary>What is known of a search, in one line.</summary>
    private static string Describe(AdaptiveSearch search) => search.Makespan is { } makespan
        ? $"step {Readable.Duration(makespan)}, none under {Readable.Duration(search.LowerBound)} (simulated)"
        : "first round";

    private sealed class Lines(TextWriter error) : ISearchDisplay
    {
        public void Say(string line) => error.WriteLine(line);

        public void Show(AdaptiveSearch search) => error.WriteLine(
            $"round {Readable.Exact(search.Round)}: {Readable.Exact(search.Searched)} of {Readable.Exact(search.Budget)} candidates, {Describe(search)}");
    }

    private sealed class Bar(IAnsiConsole console, ProgressTask task) : ISearchDisplay
    {
        public void Say(string line) => console.WriteLine(line);

        public void Show(AdaptiveSearch search)
        {
            task.Description = Describe(search).EscapeMarkup();
            task.Value = search.IsDone ? task.MaxValue : task.MaxValue * Math.Min(search.Searched, search.Budget) / search.Budget;
        }
    }
}
