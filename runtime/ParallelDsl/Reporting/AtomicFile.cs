using System.Text;

namespace ParallelDsl.Reporting;

/// <summary>Files that are either wholly written or not touched: the text goes to a temporary file in the same folder, reaches the
/// disk, and takes the name of the file in one rename. A reader never sees half of it, and a full disk leaves the old file as it was.</summary>
public static class AtomicFile
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Replaces <paramref name="path"/> by a file with <paramref name="text"/>, UTF-8 without a byte order mark.</summary>
    /// <param name="path">The file to write. Its folder must exist.</param>
    /// <param name="text">What it will hold.</param>
    /// <exception cref="IOException">The folder is missing or cannot be written, the path is a folder, or the disk is full. The message
    /// is one line that names the path and says what to do.</exception>
    public static void WriteText(string path, string text) => WriteBytes(path, Utf8.GetBytes(text));

    /// <summary>Replaces <paramref name="path"/> by a file with <paramref name="bytes"/>.</summary>
    /// <inheritdoc cref="WriteText" path="/exception"/>
    public static void WriteBytes(string path, ReadOnlySpan<byte> bytes)
    {
        if (string.IsNullOrWhiteSpace(path))
            throw new IOException("cannot write a file: its name is empty");
        string full = Path.GetFullPath(path);
        string? folder = Path.GetDirectoryName(full);
        if (Directory.Exists(full) || folder is null || Path.EndsInDirectorySeparator(path))
            throw new IOException($"cannot write {path}: it is a folder; name a file in it");
        if (!Directory.Exists(folder))
            throw new IOException($"cannot write {path}: the folder {folder} does not exist; create it first");

        // Not derived from the name of the file, which may already be as long as the file system allows.
        string temporary = Path.Combine(folder, $".{Path.GetRandomFileName()}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                stream.Write(bytes);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, full, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Discard(temporary);
            throw new IOException($"cannot write {path}: {FirstLine(exception.Message)}", exception);
        }
    }

    private static void Discard(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The first failure is the one to report.
        }
    }

    private static string FirstLine(string message) => message.ReplaceLineEndings("\n").Split('\n')[0];
}
