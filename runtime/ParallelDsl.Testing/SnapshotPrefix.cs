using System.Reflection;

namespace ParallelDsl.Testing;

/// <summary>Where the snapshots of a test lie: beside its source, which a deterministic build may have recorded under another root.</summary>
/// <param name="Path">Folder, test class and test method, without an extension.</param>
internal sealed record SnapshotPrefix(string Path)
{
    /// <summary>Written into test assemblies by build/ParallelDsl.Testing.targets.</summary>
    private const string ProjectDirectoryKey = "ParallelDsl.Testing.ProjectDirectory";

    public static SnapshotPrefix Of(Assembly testAssembly, string sourceFile, string testMethod, string? name)
    {
        if (sourceFile.Length == 0 || testMethod.Length == 0)
            throw new ArgumentException("The compiler fills in the source file and the test method; do not pass empty ones.", nameof(sourceFile));

        string source = Locate(testAssembly, sourceFile);
        string file = $"{System.IO.Path.GetFileNameWithoutExtension(source)}.{testMethod}{(name is null ? "" : "_" + name)}";
        if (file.AsSpan().ContainsAny(FileNameMarks))
            throw new ArgumentException($"'{name}' cannot be part of a file name; use letters, digits, dots and dashes", nameof(name));
        return new SnapshotPrefix(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(source)!, file));
    }

    /// <summary>Not in any file name on Windows, so in none of ours.</summary>
    private static ReadOnlySpan<char> FileNameMarks => "<>:\"/\\|?*\0\n\r\t";

    /// <summary>Finds the test's source. A build with PathMap or with SourceLink records <c>/_/tests/PlanTests.cs</c>: then it is the file
    /// under the project's folder, or a folder above the test assembly, whose path ends in the most of that.</summary>
    private static string Locate(Assembly testAssembly, string recorded)
    {
        string path = recorded.Replace('\\', '/');
        if (File.Exists(path))
            return System.IO.Path.GetFullPath(path);

        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        foreach (string root in Roots(testAssembly))
        {
            for (int start = 0; start < parts.Length; start++)
            {
                string candidate = System.IO.Path.Combine([root, .. parts[start..]]);
                if (File.Exists(candidate))
                    return candidate;
            }
        }

        throw new InvalidOperationException(
            $"Snapshots lie beside their test, and the source of this one, recorded as {recorded}, was not found under the folder of its project or "
            + $"above {AppContext.BaseDirectory}. Run the tests where they were built, or import build/ParallelDsl.Testing.targets in the test project.");
    }

    private static IEnumerable<string> Roots(Assembly testAssembly)
    {
        foreach (AssemblyMetadataAttribute metadata in testAssembly.GetCustomAttributes<AssemblyMetadataAttribute>())
        {
            if (metadata is { Key: ProjectDirectoryKey, Value: { } folder })
                yield return folder;
        }

        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            yield return folder.FullName;
    }
}
