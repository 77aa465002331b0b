using System.CommandLine;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Strategies;
using ParallelDsl.Reporting;
using ParallelDsl.Tool.Batches;
using static System.FormattableString;

namespace ParallelDsl.Tool.Commands;

/// <summary><c>batch</c>: plans and simulates batches of sequences of any lengths, by one strategy or several.</summary>
internal sealed class BatchCommand
{
    private const int MostTokens = 1 << 24;
    private const int MostSequences = 1 << 16;
    private const int MostDevices = 4_096;
    private const int MostBatches = 1_000;
    private const int MostUnits = 4_096;
    private const int DefaultTokens = 65_536;
    private const string DefaultModel = "7b";

    private readonly TextWriter _output;
    private readonly TextWriter _error;

    private readonly Option<string> _lengths = new("--lengths")
    {
        Description = "The lengths of the sequences in tokens, one a line.",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string> _cluster = new("--cluster")
    {
        Description = $"One of {NamedInput.Clusters}; or a file (docs/cluster.schema.json).",
        HelpName = "NAME|FILE",
        Required = true,
    };

    private readonly Option<string?> _model = new("--model")
    {
        Description = $"One of {NamedInput.Models}; or a file. [default: {DefaultModel}]",
        HelpName = "NAME|FILE",
    };

    private readonly Option<int?> _tokens = NumberOption.Int(
        "--tokens", "N", 1, MostTokens, Invariant($"The most tokens of a batch. [default: {DefaultTokens}]"));

    private readonly Option<int?> _context = NumberOption.Int(
        "--context", "N", 1, MostTokens, "The longest sequence, to which longer ones are cut, and what whole-sample packs fill. [default: that of --tokens]");

    private readonly Option<int?> _batches = NumberOption.Int("--batches", "K", 1, MostBatches, "How many batches. [default: 1]");

    private readonly Option<string?> _strategy = new("--strategy")
    {
        Description = $"One of {StrategyLists.Names}; several with commas between them; or all. [default: {StrategyNames.Joint}]",
        HelpName = "NAMES",
    };

    private readonly Option<string?> _over = new("--over")
    {
        Description = "The baselines that speed-ups are over: names with commas between them, all or none. [default: all]",
        HelpName = "NAMES",
    };

    private readonly Option<int?> _stages = NumberOption.Int("--stages", "P", 1, MostDevices, "Pipeline stages. [default: 1]");

    private readonly Option<int?> _units = NumberOption.Int(
        "--units", "M", 1, MostUnits, "Units of each data rank where there are several stages. [default: 4 a stage]");

    private readonly Option<long?> _seed = NumberOption.Long(
        "--seed", "N", 0, long.MaxValue, "Names the random order in which batches are drawn from the file. [default: 0]");

    private readonly Option<string?> _html = new("--html") { Description = "Writes a page with tables and drawings.", HelpName = "FILE" };

    private readonly Option<string?> _svg = new("--svg") { Description = "Writes a drawing of the load of every rank.", HelpName = "FILE" };

    private readonly Option<bool> _json = new("--json") { Description = "A JSON object on standard output in place of text." };

    private BatchCommand(TextWriter output, TextWriter error) => (_output, _error) = (output, error);

    /// <summary>The command, writing to <paramref name="output"/> and <paramref name="error"/>.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        var options = new BatchCommand(output, error);
        var command = new Command("batch", "Plans batches of sequences of any lengths. Times are simulated.")
        {
            options._lengths, options._cluster, options._model, options._tokens, options._context, options._batches,
            options._strategy, options._over, options._stages, options._units, options._seed, options._html, options._svg, options._json,
        };
        command.SetAction(result =>
        {
            try
            {
                return options.Run(result);
            }
            catch (OverflowException)
            {
                throw CommandException.BadInput("the costs of this batch leave 64 bits");
            }
        });
        return command;
    }

    private int Run(ParseResult result)
    {
        EquatableArray<string> strategies = StrategyLists.Parse(result.GetValue(_strategy) ?? StrategyNames.Joint);
        EquatableArray<string> baselines = StrategyLists.ParseBaselines(result.GetValue(_over) ?? StrategyLists.All);
        OutputFiles.Check(new[] { _html, _svg }
            .Where(option => result.GetResult(option) is { Implicit: false })
            .Select(option => (option.Name, result.GetValue(option)!)));

        List<BatchProblem> problems = ProblemsOf(result);
        var names = StrategyNames.All.Where(name => strategies.Contains(name) || baselines.Contains(name)).ToEquatableArray();
        Dictionary<string, StrategyRun> runs = RunAll(problems, names, strategies, result.GetValue(_json));
        StrategyRun[] reported = [.. strategies.Where(runs.ContainsKey).Select(name => runs[name])];
        StrategyRun[] compared = [.. baselines.Where(runs.ContainsKey).Select(name => runs[name])];
        var comparison = new BatchComparison(reported, compared);
        if (result.GetValue(_html) is { } html)
            WriteFile(html, BatchPage.Write(comparison));
        if (result.GetValue(_svg) is { } svg)
            WriteFile(svg, RankLoadSvg.Write(comparison.Heading, BatchComparison.Panels(comparison.Reported)));

        if (!result.GetValue(_json))
            _output.Write(BatchText.Write(comparison));
        else if (strategies.Count == 1)
            _output.Write(BatchReport.Write(reported[0], compared));
        else
            _output.Write(BatchReport.Write(reported, compared));
        return CommandLine.Done;
    }

    private void WriteFile(string path, string text)
    {
        AtomicFile.WriteText(path, text);
        _error.WriteLine($"wrote {path}");
    }

    /// <summary>What every strategy makes of the batches; of those where a batch does not fit a note says why.</summary>
    /// <exception cref="CommandException">None of <paramref name="asked"/> fits.</exception>
    private Dictionary<string, StrategyRun> RunAll(
        List<BatchProblem> problems, EquatableArray<string> names, EquatableArray<string> asked, bool quiet)
    {
        var planner = new StrategyRuns(problems);
        var runs = new Dictionary<string, StrategyRun>(StringComparer.Ordinal);
        var faults = new List<(string Strategy, string Fault)>();
        string current = names[0];
        new BatchDisplay(_error, quiet).Run(
            () =>
            {
                foreach (string name in names)
                {
                    Volatile.Write(ref current, name);
                    (StrategyRun? run, string? infeasible) = planner.Run(name);
                    if (run is null)
                        faults.Add((name, infeasible!));
                    else
                        runs.Add(name, run);
                }
            },
            () => planner.Planned,
            names.Count * problems.Count,
            () => Volatile.Read(ref current));
        if (!asked.Any(runs.ContainsKey))
        {
            (string strategy, string fault) = faults.First(fault => asked.Contains(fault.Strategy));
            throw CommandException.Failed($"--strategy {strategy}: {fault}");
        }

        foreach ((string strategy, string fault) in faults)
            _error.WriteLine($"left out {strategy}: {fault}");
        return runs;
    }

    private List<BatchProblem> ProblemsOf(ParseResult result)
    {
        ClusterSpec cluster = NamedInput.Cluster(result.GetValue(_cluster)!);
        if (cluster.DeviceCount > MostDevices)
        {
            throw CommandException.BadInput(Invariant(
                $"{result.GetValue(_cluster)}: has {cluster.DeviceCount} devices, more than the {MostDevices} that can be planned for"));
        }

        BatchModel model = NamedInput.Model(result.GetValue(_model) ?? DefaultModel);
        int tokens = result.GetValue(_tokens) ?? DefaultTokens, context = result.GetValue(_context) ?? tokens;
        int stages = result.GetValue(_stages) ?? 1, units = result.GetValue(_units) ?? 4 * stages;
        if (cluster.DeviceCount % stages != 0)
            throw CommandException.BadInput(Invariant($"--stages {stages}: does not divide the {cluster.DeviceCount} devices of the cluster"));
        if (stages > model.Layers)
            throw CommandException.BadInput(Invariant($"--stages {stages}: are more than the {model.Layers} layers of the model"));

        LengthFile file = LengthFile.Read(result.GetValue(_lengths)!);
        var whole = new BatchProblem(cluster, model, new([1]), context, stages, units, new BatchAssumptions());
        CheckMemory(file, whole);
        CutToContext(file, Math.Min(tokens, context));
        List<EquatableArray<int>> batches = BatchDraw.Draw(file.Lengths, tokens, result.GetValue(_batches) ?? 1, result.GetValue(_seed) ?? 0);
        if (batches.Max(batch => batch.Count) is var most and > MostSequences)
        {
            throw CommandException.BadInput(Invariant(
                $"--tokens {tokens}: makes a batch of {most} sequences, more than the {MostSequences} that can be planned"));
        }

        return [.. batches.Select(lengths => whole with { Lengths = lengths })];
    }

    // As training does: of a longer sequence the context takes its first tokens.
    private void CutToContext(LengthFile file, int most)
    {
        int cut = file.Truncate(most);
        if (cut > 0)
            _error.WriteLine($"cut {Readable.Exact(cut, "sequence")} to the context of {Readable.Exact(most, "token")}");
    }

    // What all devices together have no room for needs no strategy to be found impossible.
    private static void CheckMemory(LengthFile file, BatchProblem problem)
    {
        long room = problem.CapacityTokens(recompute: true) * problem.Devices;
        if (room == 0)
        {
            string state = Readable.Bytes(problem.Model.StateBytes / problem.Devices);
            throw CommandException.Failed(Invariant($"the state of {problem.Model.Name}, {state} on each of {problem.Devices} devices, leaves no room for a token"));
        }

        file.Check(room, Invariant($"the {room} that all {problem.Devices} devices have room for"));
    }
}
