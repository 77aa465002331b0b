using System.Collections.Concurrent;
using System.Text;
using DiffEngine;

namespace ParallelDsl.Testing;

/// <summary>One snapshot: what was received, and where the accepted one is.</summary>
/// <param name="Path">Path without the ending.</param>
/// <param name="Extension">Extension without a dot.</param>
/// <param name="Text">What was received.</param>
internal sealed record SnapshotFile(string Path, string Extension, string Text)
{
    public string Verified => $"{Path}.verified.{Extension}";

    public string Received => $"{Path}.received.{Extension}";
}

/// <summary>Compares snapshots with their accepted files.</summary>
internal static class SnapshotComparison
{
    /// <summary>What was received for each file in this run: two tests, or two calls of one test, must not share a file.</summary>
    private static readonly ConcurrentDictionary<string, string> Seen = new(StringComparer.Ordinal);

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Compares all of <paramref name="files"/>, then fails with everything that differs.</summary>
    /// <param name="files">The snapshots.</param>
    /// <param name="staleBesides">Accepted files that start with this and belong to none of <paramref name="files"/> are differences.</param>
    public static async Task Verify(IReadOnlyList<SnapshotFile> files, string? staleBesides = null)
    {
        var failures = new List<string>();
        foreach (SnapshotFile file in files)
        {
            string received = Normalise(file.Text);
            if (Seen.GetOrAdd(file.Verified, received) != received)
            {
                throw new SnapshotException(
                    $"{Path.GetFileName(file.Verified)} was already compared with another text in this run. Give the snapshots of one test names: "
                    + "Snapshot.Verify(…, name: \"first\").");
            }

            string? accepted = File.Exists(file.Verified) ? Normalise(await File.ReadAllTextAsync(file.Verified)) : null;
            if (accepted == received)
            {
                Settle(file);
                continue;
            }

            await File.WriteAllTextAsync(file.Received, received, Utf8);
            failures.Add(Describe(file, accepted, received));
            if (OpensDifferenceTool)
                await DiffRunner.LaunchAsync(file.Received, file.Verified);
        }

        if (staleBesides is not null)
            failures.AddRange(Stale(files, staleBesides).Select(path => $"{path} was accepted, but its file is no longer generated. Delete it."));
        if (failures.Count > 0)
            throw new SnapshotException(string.Join("\n\n", failures));
    }

    /// <summary>Only where somebody sits in front of a screen.</summary>
    private static bool OpensDifferenceTool =>
        !DiffRunner.Disabled && !BuildServerDetector.Detected && Environment.UserInteractive
        && (!OperatingSystem.IsLinux() || HasValue("DISPLAY") || HasValue("WAYLAND_DISPLAY"));

    private static bool HasValue(string variable) => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable));

    /// <summary>Line endings and the end of the file are up to editors and version control.</summary>
    private static string Normalise(string text) => text.TrimStart('\uFEFF').ReplaceLineEndings("\n").TrimEnd('\n');

    private static void Settle(SnapshotFile file)
    {
        if (!File.Exists(file.Received))
            return;
        File.Delete(file.Received);
        if (OpensDifferenceTool)
            DiffRunner.Kill(file.Received, file.Verified);
    }

    private static string Describe(SnapshotFile file, string? accepted, string received)
    {
        string steps = $"  received  {file.Received}\n  verified  {file.Verified}\nTo accept it, rename the received file to the verified one.";
        return accepted is null
            ? $"{Path.GetFileName(file.Verified)} does not exist: nothing was accepted yet.\n{steps}\n\n{LineDifference.Write("", received)}"
            : $"{Path.GetFileName(file.Verified)} differs (- accepted, + received).\n{steps}\n\n{LineDifference.Write(accepted, received)}";
    }

    private static IEnumerable<string> Stale(IReadOnlyList<SnapshotFile> files, string prefix)
    {
        var current = files.Select(file => file.Verified).ToHashSet(StringComparer.Ordinal);
        return Directory.EnumerateFiles(Path.GetDirectoryName(prefix)!)
            .Where(path => Path.GetFileName(path).StartsWith(Path.GetFileName(prefix), StringComparison.Ordinal)
                && path.Contains(".verified.", StringComparison.Ordinal) && !current.Contains(path))
            .Order(StringComparer.Ordinal);
    }
}
