namespace ParallelDsl.Planning.Pipelines;

/// <summary>A pipeline schedule as torch.distributed.pipelining exchanges it: a program for each rank. Rank r of the file is device
/// r.</summary>
/// <param name="Programs">The actions of each device; with transfers only where the file has them.</param>
/// <param name="StageDevices">The device of each stage.</param>
/// <param name="MicroBatches">The number of micro-batches.</param>
public sealed record TorchSchedule(EquatableArray<PipelineProgram> Programs, EquatableArray<int> StageDevices, int MicroBatches)
{
    /// <summary>Whether any program sends or receives. If none does, <see cref="PipelinePrograms.WithTransfers"/> adds what is
    /// needed.</summary>
    public bool HasTransfers => Programs.Any(program => program.Actions.Any(action => !action.IsCompute));

    /// <summary>The computation of each device, without transfers.</summary>
    public EquatableArray<EquatableArray<PipelineAction>> ToOrders() =>
        Programs.Select(program => program.Actions.Where(action => action.IsCompute).ToEquatableArray()).ToEquatableArray();
}
