namespace ParallelDsl.Tool;

/// <summary>The files that a command is asked to write.</summary>
internal static class OutputFiles
{
    /// <summary>Refuses what cannot be written before anything is, so that nothing is left half done.</summary>
    /// <exception cref="CommandException">A name is missing or a folder's, its folder is missing, or two options name one file.</exception>
    public static void Check(IEnumerable<(string Option, string Path)> files)
    {
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string option, string path) in files)
        {
            if (string.IsNullOrWhiteSpace(path))
                throw CommandException.BadInput($"{option}: needs the name of a file");
            string full = Path.GetFullPath(path);
            if (Directory.Exists(full) || Path.EndsInDirectorySeparator(path))
                throw CommandException.BadInput($"{option} {path}: is a folder; name a file in it");
            if (Path.GetDirectoryName(full) is { } folder && !Directory.Exists(folder))
                throw CommandException.BadInput($"{option} {path}: the folder {folder} does not exist; create it first");
            if (!paths.TryAdd(full, option))
                throw CommandException.BadInput($"{option} {path}: is the file of {paths[full]} too");
        }
    }
}
