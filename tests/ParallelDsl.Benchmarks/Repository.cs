namespace ParallelDsl.Benchmarks;

/// <summary>Where the pages of benchmarks are written.</summary>
internal static class Repository
{
    public static string Root()
    {
        string folder = Environment.CurrentDirectory;
        while (!File.Exists(Path.Combine(folder, "ParallelDsl.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("run it inside the repository");
        return folder;
    }
}
