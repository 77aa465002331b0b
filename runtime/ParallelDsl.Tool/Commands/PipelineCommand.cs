using System.CommandLine;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Reporting;
using ParallelDsl.Tool.Pipelines;
using static System.FormattableString;

namespace ParallelDsl.Tool.Commands;

/// <summary><c>pipeline</c>: plans and simulates one pipeline, or compares the schedules.</summary>
internal sealed class PipelineCommand
{
    private const int MostDevices = 4_096;
    private const int MostMicroBatches = 65_536;

    // Layers x micro-batches: what a search holds in memory grows with them.
    private const int MostCells = 4_000_000;
    private const int MostCandidates = 100_000_000;
    private const long MostTicks = 1_000_000_000_000;

    private readonly TextWriter _output;
    private readonly TextWriter _error;

    private readonly Option<string> _layers = new("--layers")
    {
        Description = "The model: the measured times of its layers (docs/layers.schema.json).",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<int?> _devices = NumberOption.Int(
        "--devices", "P", 1, MostDevices, "Positions of the pipeline axis.");

    private readonly Option<int?> _microBatches = NumberOption.Int(
        "--micro-batches", "M", 1, MostMicroBatches, "Units of a step.");

    private readonly Option<string?> _schedule = new("--schedule")
    {
        Description = $"One of {ScheduleNames.List}; or all, which compares them. [default: adaptive]",
        HelpName = "NAME",
    };

    private readonly Option<int?> _chunks = NumberOption.Int(
        "--chunks", "V", 1, MostDevices,
        "Stages a device: of interleaved; of adaptive the most, on average. With all it is for interleaved only.");

    private readonly Option<string?> _partition = new("--partition")
    {
        Description = "Layers of every stage, pinned ones not counted: 14,14,14,14. Without it known schedules take as many in each, and "
            + "adaptive searches.",
        HelpName = "LAYERS",
    };

    private readonly Option<string?> _placement = new("--placement")
    {
        Description = "Stages of every device: \"0,4;1,5;2;3\". Without it known schedules take their own, and adaptive searches.",
        HelpName = "STAGES",
    };

    private readonly Option<string?> _splitBackward = new("--split-backward")
    {
        Description = "Whether B and W are actions of their own. [default: true for zb-* and adaptive, false for the others; dualpipe-v "
            + "splits some]",
        HelpName = "true|false",
    };

    private readonly Option<long?> _hop = NumberOption.Long(
        "--hop", "TICKS", 0, MostTicks, "Time of a transfer between two devices. [default: 0]");

    private readonly Option<long?> _overhead = NumberOption.Long(
        "--overhead", "TICKS", 0, MostTicks, "Time that every F, B, W and X costs on top. [default: 0]");

    private readonly Option<bool> _exclusiveLinks = new("--exclusive-links")
    {
        Description = "A link from one device to another carries one transfer at a time. Plans are made without that in mind, then timed with it.",
    };

    private readonly Option<long?> _activationCap = NumberOption.Long(
        "--activation-cap", "N", 0, MostTicks, "The most layers x micro-batches that any device may hold; pinned layers hold 0.");

    private readonly Option<bool> _freeEnds = new("--free-ends")
    {
        Description = "Pinned layers may lie in any stage; then partitions and activations count them like the others.",
    };

    private readonly Option<int?> _vocabularySlices = NumberOption.Int(
        "--vocabulary-slices", "K", 1, 1_024,
        "Cuts each pinned embedding and head into K layers that may lie in any stage; partitions count them, activations do not.");

    private readonly Option<int?> _budget = NumberOption.Int(
        "--budget", "N", 1, MostCandidates, Invariant($"Candidates that adaptive simulates. [default: {TuningOptions.DefaultBudget}]"));

    private readonly Option<string?> _fromCsv = new("--from-csv")
    {
        Description = "Order and placement from a schedule of torch.distributed.pipelining, in place of --schedule.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _fromLayout = new("--from-layout")
    {
        Description = "The partition from a layout string of Megatron-LM, such as \"Et*3|(tt|)*29,m|L\".",
        HelpName = "LAYOUT",
    };

    private readonly Option<string?> _csv = new("--csv")
    {
        Description = "Writes the schedule for torch.distributed.pipelining.",
        HelpName = "FILE",
    };

    private readonly Option<bool> _csvTransfers = new("--csv-transfers") { Description = "Sends and receives in that file too." };

    private readonly Option<string?> _svg = new("--svg") { Description = "Writes a drawing of the simulated step.", HelpName = "FILE" };

    private readonly Option<bool> _layout = new("--layout") { Description = "Shows the partition as a layout string of Megatron-LM." };

    private readonly Option<bool> _json = new("--json") { Description = "A JSON object on standard output in place of text." };

    private PipelineCommand(TextWriter output, TextWriter error) => (_output, _error) = (output, error);

    /// <summary>The command, writing to <paramref name="output"/> and <paramref name="error"/>.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        var options = new PipelineCommand(output, error);
        var command = new Command("pipeline", "Plans and simulates a pipeline. Times are simulated, in ticks of 0.01 ms.")
        {
            options._layers, options._devices, options._microBatches, options._schedule, options._chunks, options._partition,
            options._placement, options._splitBackward, options._hop, options._overhead, options._exclusiveLinks,
            options._activationCap, options._freeEnds, options._vocabularySlices, options._budget, options._fromCsv, options._fromLayout,
            options._csv, options._csvTransfers, options._svg, options._layout, options._json,
        };
        command.SetAction(result =>
        {
            try
            {
                return options.Run(result);
            }
            catch (OperationCanceledException exception)
            {
                throw CommandException.BadInput(exception.Message);
            }
            catch (OverflowException)
            {
                throw CommandException.BadInput("the times of this pipeline leave 64 bits");
            }
        });
        return command;
    }

    private int Run(ParseResult result)
    {
        PipelineSchedule? schedule = ScheduleNames.Parse(result.GetValue(_schedule) ?? ScheduleNames.Of(PipelineSchedule.Adaptive));
        string? csvIn = result.GetValue(_fromCsv);
        CheckCombinations(result, comparing: schedule is null);

        TorchSchedule? imported = csvIn is null ? null : PipelineRuns.ReadCsv(csvIn);
        PipelineRequest request = RequestOf(result, imported);
        string layers = result.GetValue(_layers)!;
        PipelineModel model = PipelineModel.Read(layers, result.GetValue(_freeEnds), result.GetValue(_vocabularySlices));
        request.Check(layers, model);
        if ((long)model.Layers.Count * request.MicroBatches > MostCells)
        {
            throw CommandException.BadInput(Invariant(
                $"{layers}: {model.Layers.Count:N0} layers x {request.MicroBatches:N0} micro-batches are more than the {MostCells:N0} that can be planned"));
        }

        var display = new SearchDisplay(_error, quiet: result.GetValue(_json));
        if (schedule is null)
        {
            List<PipelineRun> runs = RunAll(model, request, display);
            _output.Write(result.GetValue(_json) ? PipelineReport.Write(runs) : ComparisonText.Write(runs));
            return CommandLine.Done;
        }

        PipelineRun run = imported is not null
            ? PipelineRuns.Imported(model, request, csvIn!, imported)
            : RunOne(model, request, schedule.Value, display);
        Show(result, run);
        return CommandLine.Done;
    }

    private void Show(ParseResult result, PipelineRun run)
    {
        if (result.GetValue(_csv) is { } csv)
        {
            EquatableArray<PipelineProgram> programs = result.GetValue(_csvTransfers)
                ? PipelinePrograms.WithTransfers(run.Pipeline.Orders, run.Pipeline.StageDevices, run.Problem.MicroBatches)
                : run.Pipeline.Orders.Select(order => new PipelineProgram(order)).ToEquatableArray();
            WriteFile(csv, TorchScheduleFile.Write(programs, result.GetValue(_csvTransfers)));
        }

        if (result.GetValue(_svg) is { } svg)
            WriteFile(svg, PipelineSvg.Write(run.Model.Name, run.Schedule, run.Pipeline));

        string? layout = null;
        if (result.GetValue(_layout))
        {
            (layout, string? fault) = LayoutText.Of(run);
            if (fault is not null)
                _error.WriteLine($"no layout: {fault}");
        }

        // How long it took is not part of the text, which is the same in every run.
        if (!result.GetValue(_json))
            _error.WriteLine(Invariant($"planned in {run.Time.TotalMilliseconds:F1} ms"));
        _output.Write(result.GetValue(_json) ? PipelineReport.Write(run, layout) : RunText.Write(run, layout));
    }

    private void WriteFile(string path, string text)
    {
        AtomicFile.WriteText(path, text);
        _error.WriteLine($"wrote {path}");
    }

    private static PipelineRun RunOne(PipelineModel model, PipelineRequest request, PipelineSchedule schedule, SearchDisplay display) =>
        schedule == PipelineSchedule.Adaptive
            ? PipelineRuns.Adaptive(model, request, display)
            : PipelineRuns.Known(model, request, schedule);

    /// <summary>Every schedule that can be; of the others a note says why not.</summary>
    private List<PipelineRun> RunAll(PipelineModel model, PipelineRequest request, SearchDisplay display)
    {
        var runs = new List<PipelineRun>();
        var faults = new List<(PipelineSchedule Schedule, CommandException Fault)>();
        foreach (PipelineSchedule schedule in ScheduleNames.Schedules)
        {
            int? chunks = schedule == PipelineSchedule.Interleaved ? request.Chunks : null;
            try
            {
                runs.Add(RunOne(model, request with { Chunks = chunks }, schedule, display));
            }
            catch (CommandException exception)
            {
                faults.Add((schedule, exception));
            }
        }

        // The last is adaptive's, which can be wherever anything can.
        if (runs.Count == 0)
            throw faults[^1].Fault;
        foreach ((PipelineSchedule schedule, CommandException fault) in faults)
            _error.WriteLine($"left out {ScheduleNames.Of(schedule)}: {fault.Message}");
        return runs;
    }

    private PipelineRequest RequestOf(ParseResult result, TorchSchedule? imported)
    {
        int devices = Count(result.GetValue(_devices), _devices, imported?.Programs.Count, "ranks");
        int microBatches = Count(result.GetValue(_microBatches), _microBatches, imported?.MicroBatches, "micro-batches");
        EquatableArray<int>? partition = result.GetValue(_partition) is { } text ? StageLists.ParsePartition(text)
            : result.GetValue(_fromLayout) is { } layout ? LayoutText.PartitionOf(layout, result.GetValue(_freeEnds))
            : null;
        EquatableArray<int>? placement = result.GetValue(_placement) is { } stages ? StageLists.ParsePlacement(stages, devices) : null;
        bool? splitBackward = result.GetValue(_splitBackward) switch
        {
            null => null,
            "true" => true,
            "false" => false,
            string other => throw CommandException.BadInput($"--split-backward: expected true or false, found '{other}'"),
        };
        return new PipelineRequest(
            devices,
            microBatches,
            result.GetValue(_chunks),
            partition,
            placement,
            splitBackward,
            result.GetValue(_hop) ?? 0,
            result.GetValue(_overhead) ?? 0,
            result.GetValue(_exclusiveLinks),
            result.GetValue(_activationCap),
            result.GetValue(_budget) ?? TuningOptions.DefaultBudget);
    }

    // A file brings the count, and an option may repeat but not contradict it.
    private static int Count(int? given, Option option, int? inFile, string noun)
    {
        if (given is { } count && inFile is { } found && count != found)
            throw CommandException.BadInput(Invariant($"{option.Name} {count}: the schedule of --from-csv has {found} {noun}"));
        return given ?? inFile ?? throw CommandException.BadInput($"{option.Name} is required");
    }

    private void CheckCombinations(ParseResult result, bool comparing)
    {
        foreach (Option option in new Option[] { _schedule, _chunks, _placement, _splitBackward, _budget, _fromLayout })
        {
            if (IsGiven(result, _fromCsv) && IsGiven(result, option))
                throw CommandException.BadInput($"{option.Name}: the file of --from-csv says that; ask for one of them");
        }

        foreach (Option option in new Option[] { _csv, _svg, _layout })
        {
            if (comparing && IsGiven(result, option))
                throw CommandException.BadInput($"{option.Name}: shows one schedule, and --schedule all makes several; name one");
        }

        Exclude(result, _partition, _fromLayout);
        Exclude(result, _freeEnds, _vocabularySlices);
        Exclude(result, _fromLayout, _vocabularySlices);
        if (IsGiven(result, _csvTransfers) && !IsGiven(result, _csv))
            throw CommandException.BadInput("--csv-transfers: goes with --csv");
        OutputFiles.Check(new[] { _csv, _svg }
            .Where(option => IsGiven(result, option))
            .Select(option => (option.Name, result.GetValue(option)!)));
    }

    private static void Exclude(ParseResult result, Option first, Option second)
    {
        if (IsGiven(result, first) && IsGiven(result, second))
            throw CommandException.BadInput($"{first.Name} and {second.Name} contradict each other; ask for one of them");
    }

    private static bool IsGiven(ParseResult result, Option option) => result.GetResult(option) is { Implicit: false };
}
