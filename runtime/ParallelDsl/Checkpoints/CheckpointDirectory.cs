using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ParallelDsl.Checkpoints;

/// <summary>
/// A folder of checkpoints, written by one process at a time. A checkpoint is a folder <c>step-000200</c> with <c>model.safetensors</c>
/// (the weights), <c>optimizer.safetensors</c> and <c>trainer.json</c> (the trainer's state, and the length and SHA-256 of both files).
/// </summary>
/// <remarks>
/// A checkpoint appears whole or not at all: it is written to a folder with a leading dot, flushed to the disk and renamed. Replacing
/// one takes two renames; if the process dies between them, the next save puts the old one back.
/// </remarks>
public static class CheckpointDirectory
{
    internal const string ModelFile = "model.safetensors";
    internal const string OptimizerFile = "optimizer.safetensors";
    internal const string TrainerFile = "trainer.json";

    private const string Prefix = "step-";
    private const string PartialSuffix = ".partial";
    private const string ReplacedSuffix = ".replaced";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Writes a checkpoint; one of the same step is replaced.</summary>
    /// <param name="directory">The folder of checkpoints; it is created when missing.</param>
    /// <param name="step">The step after which the checkpoint is taken, at least 0.</param>
    /// <param name="state">What the trainer needs to go on, in its own words.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="optimizer">The optimizer's state.</param>
    /// <returns>The checkpoint's folder.</returns>
    /// <exception cref="CheckpointException">
    /// It cannot be written; nothing is left of it, and the older checkpoints are untouched.
    /// </exception>
    /// <exception cref="ArgumentException">The step is negative, or two tensors have the same name.</exception>
    public static string Save(
        string directory, long step, JsonObject state, IReadOnlyList<NamedTensor> weights, IReadOnlyList<NamedTensor> optimizer) =>
        Save(directory, step, state, weights, optimizer, path => new FileStream(path, FileMode.CreateNew, FileAccess.Write));

    /// <summary>The newest checkpoint that is whole, or null. Damage inside a file of the right length shows when it is opened.</summary>
    /// <param name="directory">The folder of checkpoints; it need not exist.</param>
    /// <exception cref="CheckpointException">The folder cannot be read.</exception>
    public static string? Latest(string directory)
    {
        try
        {
            if (!Directory.Exists(directory))
                return null;
            return Directory.EnumerateDirectories(directory, Prefix + "*")
                .Select(path => (Path: path, Step: ParseStep(path)))
                .Where(checkpoint => checkpoint.Step >= 0)
                .OrderByDescending(checkpoint => checkpoint.Step)
                .FirstOrDefault(checkpoint => IsWhole(checkpoint.Path)).Path;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(directory, null, exception.Message, exception);
        }
    }

    /// <summary>The folder of the checkpoint of a step.</summary>
    internal static string PathOf(string directory, long step) =>
        Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:D6}"));

    /// <param name="directory">See the public overload, and so on.</param>
    /// <param name="step"/>
    /// <param name="state"/>
    /// <param name="weights"/>
    /// <param name="optimizer"/>
    /// <param name="create">Creates a file to write to; tests let it fail.</param>
    internal static string Save(
        string directory,
        long step,
        JsonObject state,
        IReadOnlyList<NamedTensor> weights,
        IReadOnlyList<NamedTensor> optimizer,
        Func<string, Stream> create)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        string target = PathOf(directory, step), name = Path.GetFileName(target);
        string partial = Path.Combine(directory, $".{name}{PartialSuffix}");
        bool renamed = false;
        try
        {
            Directory.CreateDirectory(directory);
            ClearLeftovers(directory);
            Directory.CreateDirectory(partial);
            var files = new JsonObject
            {
                [ModelFile] = WriteTensors(Path.Combine(partial, ModelFile), weights, create),
                [OptimizerFile] = WriteTensors(Path.Combine(partial, OptimizerFile), optimizer, create),
            };
            var trainer = new JsonObject { ["format"] = 1, ["step"] = step, ["files"] = files, ["state"] = state.DeepClone() };
            byte[] json = JsonSerializer.SerializeToUtf8Bytes(trainer, Indented);
            WriteFile(Path.Combine(partial, TrainerFile), create, stream => stream.Write(json));
            DirectoryFlush.Flush(partial);
            Rename(partial, target);
            renamed = true;
            return target;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                target, null, $"The checkpoint cannot be written, the older ones are untouched: {exception.Message}", exception);
        }
        finally
        {
            if (!renamed)
                TryDelete(partial);
        }
    }

    /// <summary>Whether the trainer file is readable, and both tensor files have sound headers and the lengths that it says.</summary>
    private static bool IsWhole(string path)
    {
        try
        {
            using Checkpoint checkpoint = Checkpoint.Open(path, verify: false);
            return true;
        }
        catch (CheckpointException)
        {
            return false;
        }
    }

    private static long ParseStep(string path)
    {
        string name = Path.GetFileName(path);
        return long.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long step) ? step : -1;
    }

    private static JsonObject WriteTensors(string path, IReadOnlyList<NamedTensor> tensors, Func<string, Stream> create)
    {
        using var digest = SHA256.Create();
        long bytes = 0;
        WriteFile(path, create, stream =>
        {
            using var hashed = new CryptoStream(stream, digest, CryptoStreamMode.Write, leaveOpen: true);
            SafetensorsWriter.Write(hashed, tensors, new Dictionary<string, string> { ["format"] = "pt" });
            hashed.FlushFinalBlock();
            bytes = stream.Position;
        });
        return new JsonObject { ["bytes"] = bytes, ["sha256"] = Convert.ToHexStringLower(digest.Hash!) };
    }

    private static void WriteFile(string path, Func<string, Stream> create, Action<Stream> write)
    {
        using Stream stream = create(path);
        write(stream);
        if (stream is FileStream file)
            file.Flush(flushToDisk: true);
        else
            stream.Flush();
    }

    private static void Rename(string partial, string target)
    {
        string directory = Path.GetDirectoryName(target)!;
        string? replaced = null;
        if (Directory.Exists(target))
        {
            replaced = Path.Combine(directory, $".{Path.GetFileName(target)}{ReplacedSuffix}");
            Directory.Move(target, replaced);
        }

        try
        {
            Directory.Move(partial, target);
        }
        catch when (replaced is not null)
        {
            Directory.Move(replaced, target);
            throw;
        }

        DirectoryFlush.Flush(directory);
        if (replaced is not null)
            TryDelete(replaced);
    }

    /// <summary>Removes what a process that died while saving has left, and puts back what it was about to replace.</summary>
    private static void ClearLeftovers(string directory)
    {
        foreach (string replaced in Directory.GetDirectories(directory, $".{Prefix}*{ReplacedSuffix}"))
        {
            string target = Path.Combine(directory, Path.GetFileName(replaced)[1..^ReplacedSuffix.Length]);
            if (Directory.Exists(target))
                Directory.Delete(replaced, recursive: true);
            else
                Directory.Move(replaced, target);
        }

        foreach (string partial in Directory.GetDirectories(directory, $".{Prefix}*{PartialSuffix}"))
            Directory.Delete(partial, recursive: true);
    }

    /// <summary>What cannot be removed now is a leftover, which the next save clears; the first failure is the one to report.</summary>
    private static void TryDelete(string path)
    {
        try
        {
            if (Directory.Exists(path))
                Directory.Delete(path, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }
}
