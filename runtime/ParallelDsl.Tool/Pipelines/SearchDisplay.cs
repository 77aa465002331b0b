using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Plans;
using Spectre.Console;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>Runs a search and shows how far it is: a progress bar on a terminal, a plain line every two seconds elsewhere. Ctrl-C stops
/// it.</summary>
/// <param name="error">Where it is shown.</param>
/// <param name="quiet">Whether plain lines are unwanted. A bar, which goes away, is shown still.</param>
/// <param name="interval">The time between two lines, where it is not two seconds.</param>
internal sealed class SearchDisplay(TextWriter error, bool quiet, TimeSpan? interval = null)
{
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(100);
    private readonly TimeSpan _lineInterval = interval ?? TimeSpan.FromSeconds(2);

    /// <summary>The best that <paramref name="search"/> finds.</summary>
    /// <exception cref="OperationCanceledException">It was stopped; the message says when.</exception>
    public PipelineCandidate Run(TuningSearch search, int budget)
    {
        using var cancellation = new CancellationTokenSource();
        void Stop(object? sender, ConsoleCancelEventArgs arguments)
        {
            arguments.Cancel = true;
            cancellation.Cancel();
        }

        Console.CancelKeyPress += Stop;
        try
        {
            Task work = Task.Run(
                () =>
                {
                    while (!search.IsDone)
                        search.Advance(cancellation.Token);
                },
                CancellationToken.None);
            if (ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected)
                ShowBar(search, budget, work);
            else if (!quiet)
                ShowLines(search, budget, work);
            work.GetAwaiter().GetResult();
            return search.Best;
        }
        catch (OperationCanceledException)
        {
            throw new OperationCanceledException($"stopped after {Readable.Exact(search.Searched, "candidate")}; nothing was written");
        }
        finally
        {
            Console.CancelKeyPress -= Stop;
        }
    }

    private void ShowLines(TuningSearch search, int budget, Task work)
    {
        while (Task.WaitAny([work], _lineInterval) < 0)
        {
            error.WriteLine($"searched {Readable.Exact(search.Searched)} of {Readable.Exact(budget, "candidate")}{BestOf(search)}");
            error.Flush();
        }
    }

    private void ShowBar(TuningSearch search, int budget, Task work)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });

        // The bar goes when it is full: the result takes its place.
        console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask("searching", maxValue: budget);
                while (Task.WaitAny([work], BarInterval) < 0)
                {
                    task.Value = search.Searched;
                    task.Description = Markup.Escape("searching" + BestOf(search));
                }
            });
    }

    // There is a best from the first round on.
    private static string BestOf(TuningSearch search) => search.Round == 0 ? "" : $", best {Readable.Exact(search.Best.Makespan, "tick")}";
}
