namespace ParallelDsl.Tool;

/// <summary>Files that a command reads.</summary>
internal static class InputFile
{
    /// <summary>The text of the file at <paramref name="path"/>.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public static string Read(string path)
    {
        if (Directory.Exists(path))
            throw CommandException.BadInput($"{path}: is a folder; name a file in it");
        if (!File.Exists(path))
            throw CommandException.BadInput($"{path}: no such file");
        return File.ReadAllText(path);
    }
}
