using ParallelDsl.Planning;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>What a pipeline is asked to be.</summary>
/// <param name="Devices">Positions of the pipeline axis.</param>
/// <param name="MicroBatches">Units of a step.</param>
/// <param name="Chunks">Stages a device, or null.</param>
/// <param name="Partition">Layers of every stage, or null.</param>
/// <param name="Placement">The device of every stage, or null.</param>
/// <param name="SplitBackward">Whether B and W are actions of their own; null for what the schedule is known for.</param>
/// <param name="Hop">Ticks of a transfer between two devices.</param>
/// <param name="Overhead">Ticks that every action costs on top.</param>
/// <param name="ExclusiveLinks">Whether a link carries one transfer at a time. Plans are made without that in mind and then timed
/// with it.</param>
/// <param name="ActivationCap">The most layers x micro-batches that any device may hold, or null.</param>
/// <param name="Budget">Candidates of a search.</param>
internal sealed record PipelineRequest(
    int Devices,
    int MicroBatches,
    int? Chunks,
    EquatableArray<int>? Partition,
    EquatableArray<int>? Placement,
    bool? SplitBackward,
    long Hop,
    long Overhead,
    bool ExclusiveLinks,
    long? ActivationCap,
    int Budget)
{
    /// <summary>Refuses a partition or placement that no schedule can have.</summary>
    /// <exception cref="CommandException">It contradicts the model or the other counts.</exception>
    public void Check(string layersPath, PipelineModel model)
    {
        if (model.FreeLayers < Devices)
        {
            string which = model.PinnedFirst + model.PinnedLast > 0 ? " that are not pinned" : "";
            throw CommandException.BadInput(FormattableString.Invariant(
                $"{layersPath}: has {model.FreeLayers} layers{which}, fewer than a stage for each of {Devices} devices"));
        }

        if (Partition is { } partition)
        {
            long layers = partition.Sum(count => (long)count);
            if (partition.Count < Devices)
                throw CommandException.BadInput(FormattableString.Invariant($"--partition: has {partition.Count} stages, fewer than the {Devices} devices"));
            if (layers != model.FreeLayers)
            {
                string which = model.PinnedFirst + model.PinnedLast > 0 ? " that are not pinned" : "";
                throw CommandException.BadInput(FormattableString.Invariant(
                    $"--partition: has {layers} layers, and the model has {model.FreeLayers}{which}"));
            }
        }

        if (Placement is { } placement)
        {
            if (Partition is { } stages && stages.Count != placement.Count)
                throw CommandException.BadInput(FormattableString.Invariant($"--placement: has {placement.Count} stages, and the partition {stages.Count}"));
            if (placement.Count > model.FreeLayers)
                throw CommandException.BadInput(FormattableString.Invariant($"--placement: has {placement.Count} stages, and the model only {model.FreeLayers} layers for them"));
        }

        if (Chunks is { } chunks && (Placement?.Count ?? Partition?.Count) is { } count && count != (long)chunks * Devices)
        {
            throw CommandException.BadInput(FormattableString.Invariant(
                $"--chunks {chunks}: is {(long)chunks * Devices} stages on {Devices} devices, and the {(Placement is null ? "partition" : "placement")} has {count}"));
        }
    }
}
