using ParallelDsl.Planning;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Pipelines;
using static System.FormattableString;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>Partitions as Megatron-LM's layout strings.</summary>
internal static class LayoutText
{
    /// <summary>The layout of a pipeline, or why it has none.</summary>
    public static (string? Layout, string? Fault) Of(PipelineRun run)
    {
        PipelineModel model = run.Model;
        EquatableArray<int> stageDevices = run.Pipeline.StageDevices;
        if (model.IsSliced)
            return (null, "Megatron-LM's layouts know no slices of the vocabulary");
        if (stageDevices.Count % run.Problem.Devices != 0
            || stageDevices != PipelinePrograms.CyclicPlacement(stageDevices.Count, run.Problem.Devices))
        {
            return (null, Invariant($"Megatron-LM's layouts put stage s on device s modulo {run.Problem.Devices}, and this placement does not"));
        }

        int last = model.Kinds.Count - 1;
        for (int layer = 0; layer <= last; layer++)
        {
            if ((model.Kinds[layer] == "embedding") != (layer == 0) || (model.Kinds[layer] == "head") != (layer == last))
                return (null, "Megatron-LM's layouts begin with the one embedding and end with the one head, and this model does not");
        }

        EquatableArray<int> boundaries = run.Pipeline.Boundaries;
        var transformers = new int[stageDevices.Count];
        for (int stage = 0; stage < transformers.Length; stage++)
            transformers[stage] = boundaries[stage + 1] - boundaries[stage];
        transformers[0]--;
        transformers[^1]--;
        return (MegatronLayoutText.Write(MegatronLayout.FromPartition(new(transformers))), null);
    }

    /// <summary>The partition of a layout.</summary>
    /// <param name="text">Such as <c>Et*3|(tt|)*29,m|L</c>.</param>
    /// <param name="freeEnds">Whether the partition counts the embedding and the head too.</param>
    /// <exception cref="CommandException">The text is wrong, or a stage has no layer that counts.</exception>
    public static EquatableArray<int> PartitionOf(string text, bool freeEnds)
    {
        (MegatronLayout? layout, TextError? error) = MegatronLayoutText.Parse(text);
        if (layout is null)
            throw CommandException.BadInput($"--from-layout: {error}");
        if (layout.Fault() is { } fault)
            throw CommandException.BadInput($"--from-layout: {fault}");
        int[] partition = [.. layout.Stages.Select(stage => freeEnds ? stage.Layers.Count : stage.UnpinnedLayers)];
        int empty = Array.IndexOf(partition, 0);
        if (empty < 0)
            return new(partition);
        string hint = freeEnds || layout.Stages[empty].Layers.Count == 0 ? "" : "; with --free-ends the embedding and the loss count";
        throw CommandException.BadInput(Invariant($"--from-layout: stage {empty} has no layer{hint}"));
    }
}
