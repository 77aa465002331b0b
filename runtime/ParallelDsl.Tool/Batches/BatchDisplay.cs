using ParallelDsl.Planning.Plans;
using Spectre.Console;

namespace ParallelDsl.Tool.Batches;

/// <summary>Shows how far the planning of many batches is: a progress bar on a terminal, elsewhere a plain line, of news
/// only, at most every two seconds.</summary>
/// <param name="error">Where it is shown.</param>
/// <param name="quiet">Whether plain lines are unwanted. A bar, which goes away, is shown still.</param>
/// <param name="interval">The time between two lines, where it is not two seconds.</param>
internal sealed class BatchDisplay(TextWriter error, bool quiet, TimeSpan? interval = null)
{
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(100);
    private readonly TimeSpan _lineInterval = interval ?? TimeSpan.FromSeconds(2);

    /// <summary>Does <paramref name="work"/> while showing how far it is.</summary>
    /// <param name="work">What to do.</param>
    /// <param name="planned">How many batches it has planned.</param>
    /// <param name="total">How many there are.</param>
    /// <param name="current">The strategy that it is at.</param>
    public void Run(Action work, Func<int> planned, int total, Func<string> current)
    {
        var task = Task.Run(work);
        if (ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected)
            ShowBar(task, planned, total, current);
        else if (!quiet)
            ShowLines(task, planned, total, current);
        task.GetAwaiter().GetResult();
    }

    private void ShowLines(Task task, Func<int> planned, int total, Func<string> current)
    {
        string last = "";
        while (Task.WaitAny([task], _lineInterval) < 0)
        {
            string line = $"planned {Readable.Exact(planned())} of {Readable.Exact(total)}, now {current()}";
            if (line == last)
                continue;
            error.WriteLine(last = line);
            error.Flush();
        }
    }

    private void ShowBar(Task task, Func<int> planned, int total, Func<string> current)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });

        // The bar goes when it is full: the result takes its place.
        console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask progress = context.AddTask("planning", maxValue: total);
                while (Task.WaitAny([task], BarInterval) < 0)
                {
                    progress.Value = planned();
                    progress.Description = Markup.Escape("planning " + current());
                }
            });
    }
}
