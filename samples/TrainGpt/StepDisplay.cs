using System.Globalization;
using ParallelDsl.Training;
using Spectre.Console;

namespace TrainGpt;

/// <summary>Shows the steps of a run: a progress bar on a terminal, plain lines where the output is redirected.</summary>
internal static class StepDisplay
{
    private const int PlainLines = 20;

    /// <summary>Runs <paramref name="train"/>, which reports its steps to the action that it is given.</summary>
    public static void Show(string title, int first, int steps, Action<Action<StepReport>> train)
    {
        if (Console.IsErrorRedirected)
            ShowLines(title, steps, train);
        else
            ShowBar(title, first, steps, train);
    }

    /// <summary>What a step did, in one line.</summary>
    public static string Describe(StepReport report) => string.Create(
        CultureInfo.InvariantCulture,
        $"loss {report.Loss:F4}  {report.Tokens / report.Seconds,7:N0} tokens/s  {report.Seconds * 1000,5:F0} ms/step");

    private static void ShowLines(string title, int steps, Action<Action<StepReport>> train)
    {
        int every = Math.Max(1, steps / PlainLines);
        train(report =>
        {
            if (report.Step % every == 0 || report.Step == 1)
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{title}: step {report.Step,4}/{steps}  {Describe(report)}"));
        });
    }

    private static void ShowBar(string title, int first, int steps, Action<Action<StepReport>> train)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Progress()
            .AutoClear(false)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: steps);
                task.Value = first;
                train(report =>
                {
                    task.Value = report.Step;
                    task.Description = Markup.Escape($"{title}  {Describe(report)}");
                });
            });
    }
}
