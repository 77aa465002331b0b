using System.Globalization;
using ParallelDsl.Training;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace TrainGpt;

/// <summary>Shows the steps of a run: a progress bar on a terminal, plain lines where the output is redirected.</summary>
internal static class StepDisplay
{
    private const int PlainLines = 20;
    private const int BarWidth = 24;

    /// <summary>Runs <paramref name="train"/>, which reports its steps to the action that it is given.</summary>
    public static void Show(string title, int first, int steps, Action<Action<StepReport>> train)
    {
        if (Console.IsErrorRedirected)
            ShowLines(title, steps, train);
        else
            ShowBar(title, first, steps, train);
    }

    private static void ShowLines(string title, int steps, Action<Action<StepReport>> train)
    {
        int every = Math.Max(1, steps / PlainLines);
        train(report =>
        {
            if (report.Step % every == 0 || report.Step == 1)
                Console.Error.WriteLine($"{title}: {Describe(report, steps)}");
        });
    }

    private static void ShowBar(string title, int first, int steps, Action<Action<StepReport>> train)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        ReportColumn column = new(steps);

        // The bar goes when it is full: a line of the summary takes its place.
        console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = BarWidth }, column, new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: steps);
                task.Value = first;
                train(report =>
                {
                    column.Show(report);
                    task.Value = report.Step;
                });
            });
    }

    private static string Describe(StepReport report, int steps) => string.Create(
        CultureInfo.InvariantCulture,
        $"step {report.Step.ToString(CultureInfo.InvariantCulture).PadLeft(Digits(steps))}/{steps}  loss {report.Loss:F4}  {report.Tokens / report.Seconds,7:N0} tokens/s  {report.Seconds * 1000,4:F0} ms/step");

    private static int Digits(int steps) => steps.ToString(CultureInfo.InvariantCulture).Length;

    /// <summary>The newest report. Its width does not change, so the bar stays where it is.</summary>
    private sealed class ReportColumn(int steps) : ProgressColumn
    {
        private readonly int _width = Describe(new StepReport(steps, 0, 0, 0, 0, 1), steps).Length;
        private volatile string _text = string.Empty;

        protected override bool NoWrap => true;

        public void Show(StepReport report) => _text = Describe(report, steps);

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(_text);

        public override int? GetColumnWidth(RenderOptions options) => _width;
    }
}
