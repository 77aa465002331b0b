using System.Diagnostics;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Simulation;
using static System.FormattableString;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>Makes and simulates pipelines.</summary>
internal static class PipelineRuns
{
    /// <summary>A known schedule.</summary>
    /// <exception cref="CommandException">The counts do not allow it, or it exceeds the cap.</exception>
    public static PipelineRun Known(PipelineModel model, PipelineRequest request, PipelineSchedule schedule)
    {
        string name = ScheduleNames.Of(schedule);
        bool splits = PipelineOrders.SplitsBackward(schedule);
        if (splits && request.SplitBackward == false)
            throw CommandException.BadInput($"--schedule {name}: always splits the backward into B and W; leave --split-backward out");
        PipelineProblem problem = ProblemOf(model, request, request.SplitBackward ?? splits);
        var clock = Stopwatch.StartNew();
        PipelineCandidate pipeline;
        try
        {
            pipeline = NamedPipelines.Of(problem, schedule, ChunksOf(request, schedule), request.Partition, request.Placement);
        }
        catch (ArgumentException exception)
        {
            throw CommandException.BadInput($"--schedule {name}: {Reason(exception)}");
        }

        CheckCap(name, pipeline, request);
        return RunOf(name, model, request, problem, pipeline, hasFixedLayout: true, 0, clock);
    }

    /// <summary>A search for partition, placement and order, as far as they are not given.</summary>
    /// <exception cref="CommandException">Nothing keeps the cap.</exception>
    /// <exception cref="OperationCanceledException">The search was stopped.</exception>
    public static PipelineRun Adaptive(PipelineModel model, PipelineRequest request, SearchDisplay display)
    {
        string name = ScheduleNames.Of(PipelineSchedule.Adaptive);
        PipelineProblem problem = ProblemOf(model, request, request.SplitBackward ?? true);
        var options = new TuningOptions(request.Budget, request.Partition, request.Placement);
        if (request.Chunks is { } chunks)
            options = options with { MaximumStagesPerDevice = chunks };
        if ((request.Partition ?? request.Placement) is { } given)
            options = options with { MaximumStagesPerDevice = Math.Max(options.MaximumStagesPerDevice, 1 + (given.Count / request.Devices)) };
        var clock = Stopwatch.StartNew();
        TuningSearch search = SearchOf(name, problem, options);
        PipelineCandidate pipeline = display.Run(search, options.Budget);
        bool hasFixedLayout = request.Partition is not null && request.Placement is not null;
        return RunOf(name, model, request, problem, pipeline, hasFixedLayout, search.Searched, clock);
    }

    /// <summary>The order and the placement of a file of torch.distributed.pipelining.</summary>
    /// <exception cref="CommandException">The file is wrong or does not fit the model, or the pipeline exceeds the cap.</exception>
    public static PipelineRun Imported(PipelineModel model, PipelineRequest request, string path, TorchSchedule schedule)
    {
        PipelineProblem problem = ProblemOf(model, request, splitBackward: true);
        var clock = Stopwatch.StartNew();
        PipelineCandidate pipeline;
        try
        {
            problem.Check();
            int stages = schedule.StageDevices.Count;
            if (stages > model.FreeLayers)
                throw new ArgumentException(Invariant($"has {stages} stages, and the model only {model.FreeLayers} layers for them"));
            EquatableArray<int> partition = request.Partition ?? NamedPipelines.EvenPartition(problem, stages);
            EquatableArray<int> boundaries = NamedPipelines.BoundariesOf(problem, partition, schedule.StageDevices);
            CheckTransfers(path, schedule);
            pipeline = PipelineCandidate.Of(
                problem, PipelineSchedule.Adaptive, boundaries, schedule.StageDevices, schedule.ToOrders());
        }
        catch (ArgumentException exception)
        {
            throw CommandException.BadInput($"{path}: {Reason(exception)}");
        }

        CheckCap(ScheduleNames.Csv, pipeline, request);
        return RunOf(ScheduleNames.Csv, model, request, problem, pipeline, hasFixedLayout: true, 0, clock);
    }

    // Sends there do not wait for their receives: channels are as long as they need be.
    private static void CheckTransfers(string path, TorchSchedule schedule)
    {
        if (!schedule.HasTransfers)
            return;
        EquatableArray<PipelineError> errors = PipelineValidation.Validate(
            schedule.Programs, schedule.StageDevices, schedule.MicroBatches, channelCapacity: int.MaxValue);
        if (errors.Count > 0)
            throw CommandException.BadInput(Invariant($"{path}: line {errors[0].Device + 1}: {errors[0].Message}"));
    }

    /// <summary>Reads a schedule of torch.distributed.pipelining.</summary>
    /// <exception cref="CommandException">The file is missing or wrong, or its actions wait for one another: the cycle is named.</exception>
    public static TorchSchedule ReadCsv(string path)
    {
        (TorchSchedule? schedule, TextError? error) = TorchScheduleFile.Parse(InputFile.Read(path));
        return schedule ?? throw CommandException.BadInput($"{path}: {error}");
    }

    private static PipelineRun RunOf(
        string name,
        PipelineModel model,
        PipelineRequest request,
        PipelineProblem problem,
        PipelineCandidate pipeline,
        bool hasFixedLayout,
        int searched,
        Stopwatch clock)
    {
        if (request.ExclusiveLinks)
        {
            EquatableArray<PipelineProgram> programs = pipeline.Orders.Select(order => new PipelineProgram(order)).ToEquatableArray();
            pipeline = pipeline with
            {
                Timeline = PipelineSimulator.Run(programs, pipeline.StageDevices, pipeline.Costs, exclusiveLinks: true),
            };
        }

        return new PipelineRun(name, model, problem, pipeline, hasFixedLayout, request.ExclusiveLinks, searched, clock.Elapsed);
    }

    private static PipelineProblem ProblemOf(PipelineModel model, PipelineRequest request, bool splitBackward) => new(
        model.Layers,
        request.Devices,
        request.MicroBatches,
        model.PinnedFirst,
        model.PinnedLast,
        request.Hop,
        Overhead: request.Overhead,
        ActivationCap: request.ActivationCap ?? long.MaxValue,
        SplitBackward: splitBackward);

    private static TuningSearch SearchOf(string name, PipelineProblem problem, TuningOptions options)
    {
        try
        {
            // First without a cap: what is wrong then is wrong with the input, and what only the cap forbids is infeasible.
            _ = new TuningSearch(problem with { ActivationCap = long.MaxValue }, options);
        }
        catch (ArgumentException exception)
        {
            throw CommandException.BadInput($"--schedule {name}: {Reason(exception)}");
        }

        try
        {
            return new TuningSearch(problem, options);
        }
        catch (ArgumentException exception)
        {
            throw CommandException.Failed($"--activation-cap: {Reason(exception)}");
        }
    }

    // Where a schedule has a choice, a partition or placement makes it.
    private static int? ChunksOf(PipelineRequest request, PipelineSchedule schedule)
    {
        int? stages = request.Placement?.Count ?? request.Partition?.Count;
        return request.Chunks is null && schedule == PipelineSchedule.Interleaved && stages is { } count && count % request.Devices == 0
            ? count / request.Devices
            : request.Chunks;
    }

    private static void CheckCap(string name, PipelineCandidate pipeline, PipelineRequest request)
    {
        if (request.ActivationCap is not { } cap || pipeline.Peak <= cap)
            return;
        int device = pipeline.PeakHeld.ToList().IndexOf(pipeline.Peak);
        throw CommandException.Failed(Invariant($"--activation-cap {cap}: {name} holds {pipeline.Peak} layers x micro-batches on device {device}"));
    }

    // Without the parameter's name, which .NET puts after the message.
    private static string Reason(ArgumentException exception)
    {
        int end = exception.ParamName is null ? -1 : exception.Message.LastIndexOf(" (Parameter '", StringComparison.Ordinal);
        return end < 0 ? exception.Message : exception.Message[..end];
    }
}
