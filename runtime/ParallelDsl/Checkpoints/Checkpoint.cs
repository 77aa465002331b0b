using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ParallelDsl.Checkpoints;

/// <summary>An open checkpoint: the trainer's state, and readers of the weights and of the optimizer's state.</summary>
public sealed class Checkpoint : IDisposable
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private Checkpoint(string path, long step, JsonObject state, SafetensorsReader model, SafetensorsReader optimizer)
    {
        Path = path;
        Step = step;
        State = state;
        Model = model;
        Optimizer = optimizer;
    }

    /// <summary>The checkpoint's folder.</summary>
    public string Path { get; }

    /// <summary>The step after which it was taken.</summary>
    public long Step { get; }

    /// <summary>What the trainer wrote.</summary>
    public JsonObject State { get; }

    /// <summary>The weights.</summary>
    public SafetensorsReader Model { get; }

    /// <summary>The optimizer's state.</summary>
    public SafetensorsReader Optimizer { get; }

    /// <summary>Opens a checkpoint.</summary>
    /// <param name="path">The checkpoint's folder.</param>
    /// <param name="verify">Whether to read both tensor files once and compare their SHA-256; otherwise only their lengths.</param>
    /// <exception cref="CheckpointException">A file is missing, truncated, damaged or foreign.</exception>
    public static Checkpoint Open(string path, bool verify = true)
    {
        string trainerPath = System.IO.Path.Combine(path, CheckpointDirectory.TrainerFile);
        (long step, JsonObject state, JsonObject files) = ReadTrainer(trainerPath);
        SafetensorsReader? model = null;
        try
        {
            model = OpenTensors(path, CheckpointDirectory.ModelFile, files, trainerPath, verify);
            SafetensorsReader optimizer = OpenTensors(path, CheckpointDirectory.OptimizerFile, files, trainerPath, verify);
            var checkpoint = new Checkpoint(path, step, state, model, optimizer);
            model = null;
            return checkpoint;
        }
        finally
        {
            model?.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        Optimizer.Dispose();
    }

    private static (long Step, JsonObject State, JsonObject Files) ReadTrainer(string path)
    {
        try
        {
            JsonNode? trainer = JsonNode.Parse(File.ReadAllBytes(path), documentOptions: Strict);
            int format = trainer?["format"]?.GetValue<int>() ?? 0;
            if (format != 1)
                throw new CheckpointException(path, null, $"The format is {format}; this version reads format 1.");
            long? step = trainer!["step"]?.GetValue<long>();
            return step is not null && trainer["state"] is JsonObject state && trainer["files"] is JsonObject files
                ? (step.Value, state, files)
                : throw new CheckpointException(path, null, "The step, the state or the files are missing.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, null, exception.Message, exception);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new CheckpointException(path, null, $"This is no trainer file: {exception.Message}", exception);
        }
    }

    private static SafetensorsReader OpenTensors(string folder, string name, JsonObject files, string trainerPath, bool verify)
    {
        string path = System.IO.Path.Combine(folder, name);
        if (files[name] is not JsonObject entry
            || entry["bytes"] is not JsonValue bytesValue || !bytesValue.TryGetValue(out long bytes)
            || entry["sha256"] is not JsonValue digestValue || !digestValue.TryGetValue(out string? digest))
        {
            throw new CheckpointException(trainerPath, null, $"The length or the digest of {name} is missing.");
        }

        try
        {
            using (FileStream file = File.OpenRead(path))
            {
                if (file.Length != bytes)
                {
                    throw new CheckpointException(
                        path, null, $"The file has {file.Length} bytes, but {bytes} were written: it is truncated or was replaced.");
                }

                if (verify && !Convert.ToHexStringLower(SHA256.HashData(file)).Equals(digest, StringComparison.OrdinalIgnoreCase))
                {
                    throw new CheckpointException(
                        path, null, "The contents are not what was written: the SHA-256 differs from that in trainer.json.");
                }
            }

            return SafetensorsReader.Open(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, null, exception.Message, exception);
        }
    }
}
