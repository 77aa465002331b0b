using System.CommandLine;
using ParallelDsl.Checkpoints;
using ParallelDsl.Data;
using ParallelDsl.Transports;
using TrainGpt;

Option<int> steps = new("--steps") { Description = "Steps of training.", DefaultValueFactory = _ => 200 };
Option<int> ranks = new("--ranks") { Description = "8: as declared, on eight in-process ranks. 1: on one rank.", DefaultValueFactory = _ => 8 };
Option<long> seed = new("--seed") { Description = "Seed of the weights and of the order of documents.", DefaultValueFactory = _ => 1 };
Option<string?> json = new("--json") { Description = "Writes the figures of the run to a file." };
Option<string?> text = new("--text") { Description = "Trains on the text files of a folder, instead of the documentation of .NET." };
Option<string?> output = new("--output") { Description = "Where the plan, the loss curve and the checkpoints go.", DefaultValueFactory = _ => Path.Combine("artifacts", "TrainGpt") };
Option<string?> resume = new("--resume") { Description = "Goes on from a checkpoint." };

RootCommand command = new("Trains a small declared model on real text over eight in-process ranks, and compares it with one rank.") { steps, ranks, seed, json, text, output, resume };
ParseResult parsed = command.Parse(args);
if (FindProblem() is { } problem)
{
    Console.Error.WriteLine(problem);
    return 2;
}

command.SetAction((result, cancellation) => Task.Run(
    () => new TrainRun(new TrainOptions(
        result.GetValue(steps),
        result.GetValue(ranks),
        result.GetValue(seed),
        result.GetValue(json),
        result.GetValue(text),
        result.GetValue(output)!,
        result.GetValue(resume))).Execute(cancellation),
    CancellationToken.None));
try
{
    // Ctrl-C asks the run to end after the step under way; it may take its time to save.
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(5) });
}
catch (Exception exception) when (exception is CorpusException or CheckpointException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}
catch (RankFailedException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

string? FindProblem()
{
    if (parsed.Errors.Count > 0)
        return string.Join(" ", parsed.Errors.Select(error => error.Message));
    if (parsed.GetValue(steps) < 1)
        return "--steps must be at least 1.";
    if (parsed.GetValue(ranks) is not (1 or 8))
        return "--ranks must be 8, as the model is declared, or 1.";
    return new[] { json, text, output, resume }.FirstOrDefault(option => parsed.GetValue(option) is "") is { } empty
        ? $"{empty.Name} needs a path."
        : null;
}
