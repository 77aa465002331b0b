using System.CommandLine;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Reporting;
using ParallelDsl.Tool.Batches;

namespace ParallelDsl.Tool.Commands;

/// <summary><c>plan</c>: shows the plans compiled into an assembly.</summary>
internal static class PlanCommand
{
    /// <summary>The command, writing to <paramref name="output"/> and <paramref name="error"/>.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        var assembly = new Argument<string>("ASSEMBLY") { Description = "A built assembly that uses ParallelDsl, such as bin/Release/net10.0/MyModels.dll." };
        var model = new Option<string?>("--model") { Description = "The model, by simple or full name. Without it all models are shown.", HelpName = "NAME" };
        var text = new Option<bool>("--text") { Description = "Text of at most 100 columns on standard output. What happens when nothing else is asked for." };
        var json = new Option<bool>("--json") { Description = "The plan of one model as a JSON object on standard output." };
        var search = new Option<bool>("--search") { Description = "Search long for the pipeline of an adaptive model, write its plan file, and show that plan. Ctrl-C stops; the same command goes on." };
        Option<int?> budget = NumberOption.Int("--budget", "N", 1, 100_000_000, $"Candidates that the search simulates. Default {TuningOptions.DefaultBudget}.");
        var planFile = new Option<string?>("--out") { Description = "The plan file of the search. Default MODEL.plan.json.", HelpName = "FILE" };
        var files = new (Option<string?> Option, Func<ParallelPlan, string> Write)[]
        {
            (File("--html", "One self-contained page with drawings, tables and the plan."), PlanHtml.Write),
            (File("--svg", "A drawing of the simulated step."), TimelineSvg.Write),
            (File("--trace", "The simulated step as a trace for Perfetto (ui.perfetto.dev) or chrome://tracing."), ChromeTrace.Write),
        };

        var lengths = new Option<string?>("--lengths") { Description = "Tokens of each sequence of one step, one whole number a line, for --step-svg.", HelpName = "FILE" };
        Option<string?> step = File("--step-svg", "A drawing of the step of --lengths: what each rank has in each unit.");
        var command = new Command("plan", "Shows the plans that are compiled into an assembly: as text, as JSON, or written to files.")
        {
            assembly, model, text, json, search, budget, planFile,
        };
        foreach (var file in files)
            command.Options.Add(file.Option);
        command.Options.Add(lengths);
        command.Options.Add(step);
        command.SetAction(result =>
        {
            (string Option, string Path, Func<ParallelPlan, string> Write)[] requested = [.. files
                .Where(file => result.GetValue(file.Option) is not null)
                .Select(file => (file.Option.Name, result.GetValue(file.Option)!, file.Write))];
            if (StepDrawing(result.GetValue(lengths), result.GetValue(step)) is { } drawing)
                requested = [.. requested, (step.Name, result.GetValue(step)!, drawing)];
            bool writesJson = result.GetValue(json);
            bool writesText = result.GetValue(text) || (!writesJson && requested.Length == 0);
            if (writesText && writesJson)
                throw CommandException.BadInput("--text and --json both go to standard output; ask for one of them");
            (string Option, string Path)[] plan = result.GetValue(planFile) is { } named ? [("--out", named)] : [];
            OutputFiles.Check([.. requested.Select(file => (file.Option, file.Path)), .. plan]);

            bool searches = result.GetValue(search);
            if (!searches && (result.GetValue(budget) is not null || result.GetValue(planFile) is not null))
                throw CommandException.BadInput($"{(result.GetValue(budget) is not null ? "--budget" : "--out")}: belongs to --search");

            CompiledModels compiled = CompiledModels.Of(result.GetValue(assembly)!);
            IReadOnlyList<CompiledModel> selected = compiled.Select(result.GetValue(model));
            if (searches)
                selected = [Searched(compiled, selected)];
            if (selected.Count > 1 && (writesJson || requested.Length > 0))
            {
                throw CommandException.BadInput(
                    $"{(writesJson ? "--json" : requested[0].Option)}: shows one model; write --model with one of {CompiledModels.List(selected)}");
            }

            ParallelPlan[] plans = searches
                ? [Search(compiled.ReadPlan(selected[0]), result.GetValue(budget), result.GetValue(planFile), error)]
                : [.. selected.Select(compiled.ReadPlan)];
            foreach (var file in requested)
            {
                AtomicFile.WriteText(file.Path, file.Write(plans[0]));
                error.WriteLine($"wrote {file.Path}");
            }

            if (writesJson)
                output.Write(PlanJson.Write(plans[0]));
            if (writesText)
                output.Write(string.Join("\n", plans.Select(PlanText.Write)));
            return CommandLine.Done;
        });
        return command;

        static Option<string?> File(string name, string description) => new(name) { Description = description, HelpName = "FILE" };
    }

    /// <summary>The writer of the step that was asked for, or null.</summary>
    private static Func<ParallelPlan, string>? StepDrawing(string? lengths, string? step)
    {
        if (lengths is null && step is null)
            return null;
        if (lengths is null || step is null)
            throw CommandException.BadInput($"{(lengths is null ? "--step-svg" : "--lengths")}: --lengths and --step-svg belong together");
        LengthFile file = LengthFile.Read(lengths);
        return plan =>
        {
            file.Check(plan.Model.ContextLength, $"the context length of {plan.Model.Name}, {plan.Model.ContextLength}");
            var planned = new StepPlan();
            try
            {
                StepPlanner.Plan(StepConstants.Of(plan), [.. file.Lengths], planned);
            }
            catch (PackingException exception)
            {
                throw CommandException.Failed($"{lengths}: {exception.Message}");
            }

            return StepSvg.Write(plan, planned);
        };
    }

    /// <summary>The model to search for: the only adaptive one of those selected.</summary>
    private static CompiledModel Searched(CompiledModels compiled, IReadOnlyList<CompiledModel> selected)
    {
        CompiledModel[] adaptive = [.. selected.Where(model => compiled.ReadPlan(model).Axes.Schedule == PipelineSchedule.Adaptive)];
        return adaptive.Length switch
        {
            1 => adaptive[0],
            0 => throw CommandException.BadInput(
                $"--search: searches for a model with PipelineSchedule.Adaptive, and {CompiledModels.List(selected)} has another schedule"),
            _ => throw CommandException.BadInput($"--search: searches for one model; write --model with one of {CompiledModels.List(adaptive)}"),
        };
    }

    private static ParallelPlan Search(ParallelPlan plan, int? budget, string? planFile, TextWriter error)
    {
        planFile ??= plan.Model.Name[(plan.Model.Name.LastIndexOf('.') + 1)..] + PlanSearch.PlanExtension;
        OutputFiles.Check([("--out", planFile)]);
        if (!planFile.EndsWith(PlanSearch.PlanExtension, StringComparison.Ordinal))
            throw CommandException.BadInput($"--out {planFile}: the compiler finds plan files by their names; write one that ends in {PlanSearch.PlanExtension}");

        using var stop = new CancellationTokenSource();
        void Stop(object? sender, ConsoleCancelEventArgs arguments)
        {
            // A second Ctrl-C ends the process: the last round is saved.
            arguments.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        }

        Console.CancelKeyPress += Stop;
        try
        {
            var search = new PlanSearch(plan, budget ?? TuningOptions.DefaultBudget, planFile);
            bool isTerminal = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected;
            ParallelPlan found = PlanSearchDisplay.Run(error, isTerminal, display => search.Run(display, stop.Token));
            error.WriteLine($"wrote {planFile}");
            return found;
        }
        finally
        {
            Console.CancelKeyPress -= Stop;
        }
    }
}
