using System.Text.Json;
using System.Text.Json.Nodes;
using ParallelDsl.Checkpoints;
using ParallelDsl.Data;
using ParallelDsl.Execution;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Training;

public sealed partial class Trainer<TModel>
{
    /// <summary>Writes a checkpoint of the weights, the optimizer and the place in the data: whole or not at all.</summary>
    /// <param name="directory">The folder of checkpoints; created when missing.</param>
    /// <returns>The folder of this checkpoint.</returns>
    /// <exception cref="CheckpointException">It cannot be written; nothing is left of it and older checkpoints are untouched.</exception>
    /// <exception cref="InvalidOperationException">The ranks are processes, and this one calls it when told of a step: the others cannot know.</exception>
    /// <remarks>Where the ranks are processes all must call it, between runs. Rank 0 writes, and has the whole model in memory meanwhile.</remarks>
    public string Save(string directory)
    {
        ThrowIfFailed();
        return _transport is null ? Write(directory, _models) : SaveTogether(directory);
    }

    private string Write(string directory, IReadOnlyList<RankModel> models)
    {
        JsonObject state = new()
        {
            ["model"] = Plan.Model.Name,
            ["step"] = StepsDone,
            ["seed"] = Options.Seed,
            ["epoch"] = _position.Epoch,
            ["position"] = _position.Position,
            ["documents"] = _documents.Count,
            ["fingerprint"] = Fingerprint(),
            ["planDigest"] = PlanDigest.Of(Plan),
            ["llama"] = ModelCheckpoint.Configuration(Plan.Model),
        };
        return CheckpointDirectory.Save(directory, StepsDone, state, ModelCheckpoint.Weights(models), ModelCheckpoint.Moments(models));
    }

    /// <summary>Goes on from a checkpoint. Under the same plan, options and documents the run continues bit for bit.</summary>
    /// <param name="checkpoint">The folder of one checkpoint, or of several: then the newest is taken.</param>
    /// <exception cref="CheckpointException">There is none, it is damaged, of another model, or of a run on other documents or another seed.</exception>
    public void Resume(string checkpoint)
    {
        string path = CheckpointDirectory.Latest(checkpoint) ?? checkpoint;
        using Checkpoint opened = Checkpoint.Open(path);
        CheckRun(opened, "seed", Options.Seed);
        CheckRun(opened, "documents", _documents.Count);
        if (ReadInteger(opened, "fingerprint") != Fingerprint())
            throw new CheckpointException(opened.Path, null, "it was written by a run on other documents: going on would not repeat that run");
        int step = (int)InRange(opened, "step", opened.Step, int.MaxValue);
        long epoch = InRange(opened, "epoch", ReadInteger(opened, "epoch"), long.MaxValue);
        long taken = InRange(opened, "position", ReadInteger(opened, "position"), _documents.Count);
        ModelCheckpoint.Read(opened, _models, _transport is null ? null : [.. Plan.Layers.SelectMany(layer => TModel.CreateLayer(layer).Parameters)]);
        StepsDone = step;
        _position = new SamplerState(epoch, (int)taken);
    }

    /// <summary>A hash of all documents and their order, as an integer that JSON carries.</summary>
    private long Fingerprint()
    {
        ulong hash = 0;
        foreach (int[] document in _documents)
            hash = SplitMix64.Mix(unchecked(hash + SplitMix64.Hash(document)));
        return (long)(hash >> 11);
    }

    private static void CheckRun(Checkpoint checkpoint, string field, long expected)
    {
        long actual = ReadInteger(checkpoint, field);
        if (actual != expected)
        {
            throw new CheckpointException(
                checkpoint.Path, null, $"it was written by a run whose {field} were {actual}, not {expected}: going on would not repeat that run");
        }
    }

    private static long InRange(Checkpoint checkpoint, string field, long number, long maximum) => number >= 0 && number <= maximum
        ? number
        : throw new CheckpointException(checkpoint.Path, null, $"the {field} in trainer.json is {number}; it must be from 0 to {maximum}");

    private static long ReadInteger(Checkpoint checkpoint, string field) =>
        checkpoint.State[field] is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out long number)
            ? number
            : throw new CheckpointException(checkpoint.Path, null, $"trainer.json has no integer {field}: it is not of this trainer");
}
