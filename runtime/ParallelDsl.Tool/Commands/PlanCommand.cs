using System.CommandLine;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Reporting;

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
        var files = new (Option<string?> Option, Func<ParallelPlan, string> Write)[]
        {
            (File("--html", "One self-contained page with drawings, tables and the plan."), PlanHtml.Write),
            (File("--svg", "A drawing of the simulated step."), TimelineSvg.Write),
            (File("--trace", "The simulated step as a trace for Perfetto (ui.perfetto.dev) or chrome://tracing."), ChromeTrace.Write),
        };

        var command = new Command("plan", "Shows the plans that are compiled into an assembly: as text, as JSON, or written to files.")
        {
            assembly, model, text, json,
        };
        foreach (var file in files)
            command.Options.Add(file.Option);
        command.SetAction(result =>
        {
            (string Option, string Path, Func<ParallelPlan, string> Write)[] requested = [.. files
                .Where(file => result.GetValue(file.Option) is not null)
                .Select(file => (file.Option.Name, result.GetValue(file.Option)!, file.Write))];
            bool writesJson = result.GetValue(json);
            bool writesText = result.GetValue(text) || (!writesJson && requested.Length == 0);
            if (writesText && writesJson)
                throw CommandException.BadInput("--text and --json both go to standard output; ask for one of them");
            OutputFiles.Check(requested.Select(file => (file.Option, file.Path)));

            CompiledModels compiled = CompiledModels.Of(result.GetValue(assembly)!);
            IReadOnlyList<CompiledModel> selected = compiled.Select(result.GetValue(model));
            if (selected.Count > 1 && (writesJson || requested.Length > 0))
            {
                throw CommandException.BadInput(
                    $"{(writesJson ? "--json" : requested[0].Option)}: shows one model; write --model with one of {CompiledModels.List(selected)}");
            }

            ParallelPlan[] plans = [.. selected.Select(compiled.ReadPlan)];
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
}
