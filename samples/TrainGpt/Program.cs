using System.CommandLine;
using ParallelDsl.Checkpoints;
using ParallelDsl.Data;
using ParallelDsl.Mpi;
using ParallelDsl.Transports;
using TrainGpt;

Option<int> steps = new("--steps") { Description = "Steps of training.", DefaultValueFactory = _ => 200 };
Option<int> ranks = new("--ranks") { Description = "8: as declared, on eight in-process ranks. 1: on one rank.", DefaultValueFactory = _ => 8 };
Option<long> seed = new("--seed") { Description = "Seed of the weights and of the order of documents.", DefaultValueFactory = _ => 1 };
Option<string?> json = new("--json") { Description = "Writes the figures of the run to a file." };
Option<string?> text = new("--text") { Description = "Trains on the text files of a folder, instead of the documentation of .NET." };
Option<string?> output = new("--output") { Description = "Where the plan, the loss curve and the checkpoints go.", DefaultValueFactory = _ => Path.Combine("artifacts", "TrainGpt") };
Option<string> transport = new("--transport") { Description = "in-process: ranks are threads. mpi: ranks are processes, started by 'paralleldsl launch' or mpirun.", DefaultValueFactory = _ => "in-process" };
Option<string?> resume = new("--resume") { Description = "Goes on from a checkpoint." };

RootCommand command = new("Trains a small declared model on real text over eight ranks, and compares it with one rank.") { steps, ranks, seed, json, text, output, resume, transport };
ParseResult parsed = command.Parse(args);
return parsed.GetValue(transport) == "mpi" ? MpiJob.Run((job, own) => Run(job, own).GetAwaiter().GetResult()) : await Run();

async Task<int> Run(MpiJob? job = null, ITransport? own = null)
{
    // What every rank sees alike is said once.
    TextWriter errors = job is { Rank: not 0 } ? TextWriter.Null : Console.Error;
    if ((FindProblem() ?? FindWrongSize(job)) is { } problem)
    {
        errors.WriteLine(problem);
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
            result.GetValue(resume),
            own,
            job?.ThreadsPerRank ?? 0)).Execute(cancellation),
        CancellationToken.None));
    try
    {
        // Ctrl-C asks the run to end after the step under way; it may take its time to save.
        return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(5) });
    }
    catch (Exception exception) when (exception is CorpusException or CheckpointException or IOException or UnauthorizedAccessException)
    {
        // Other ranks may not have it, and wait for this one.
        own?.Abort(exception);
        errors.WriteLine(exception.Message);
        return 2;
    }
    catch (RankFailedException exception)
    {
        Console.Error.WriteLine(exception.Message);
        return 1;
    }
}

string? FindProblem()
{
    if (parsed.Errors.Count > 0)
        return string.Join(" ", parsed.Errors.Select(error => error.Message));
    if (parsed.GetValue(steps) < 1)
        return "--steps must be at least 1.";
    if (parsed.GetValue(ranks) is not (1 or 8))
        return "--ranks must be 8, as the model is declared, or 1.";
    if (parsed.GetValue(transport) is not ("in-process" or "mpi"))
        return $"--transport must be in-process or mpi, not '{parsed.GetValue(transport)}'.";
    return new[] { json, text, output, resume }.FirstOrDefault(option => parsed.GetValue(option) is "") is { } empty
        ? $"{empty.Name} needs a path."
        : null;
}

string? FindWrongSize(MpiJob? job) => job is null || job.Size == parsed.GetValue(ranks)
    ? null
    : $"--ranks is {parsed.GetValue(ranks)}, but {job.Size} processes were started: start as many (mpirun -n {parsed.GetValue(ranks)}).";
