using System.Diagnostics;
using System.IO.Compression;

namespace ParallelDsl.Package.Tests;

/// <summary>The package, as its users get it: packed, restored by a project outside the repository, compiled, run.</summary>
public sealed class PackageTests : IDisposable
{
#if DEBUG
    private const string Configuration = "Debug";
#else
    private const string Configuration = "Release";
#endif
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);
    private readonly string _directory = Directory.CreateTempSubdirectory("paralleldsl-package-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void AFreshProjectBuildsAndTrains()
    {
        string feed = Path.Combine(_directory, "feed"), consumer = Path.Combine(_directory, "consumer");
        Run(RepositoryRoot(), "pack", "runtime/ParallelDsl", "-c", Configuration, "-o", feed);
        string package = Assert.Single(Directory.GetFiles(feed, "*.nupkg"));
        CheckContents(package);

        Directory.CreateDirectory(consumer);
        foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Consumer")))
            File.Copy(file, Path.Combine(consumer, Path.GetFileName(file)));

        // A package folder of its own: the machine's may hold another build of the same version. Everything comes from the feed.
        File.WriteAllText(Path.Combine(consumer, "NuGet.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{Path.Combine(_directory, "packages")}" /></config>
              <packageSources><clear /><add key="feed" value="{feed}" /></packageSources>
            </configuration>
            """);
        Run(consumer, "build", "-c", "Release", "--disable-build-servers");
        string[] lines = Run(consumer, "run", "-c", "Release", "--no-build").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

        Assert.Equal(5, lines.Length);
        Assert.All(lines[..3], (line, step) => Assert.Matches($@"^step {step + 1} loss \d\.\d{{4}}$", line));
        Assert.Matches("^plan [0-9a-f]{64} on 4 ranks$", lines[3]);
        Assert.Equal("cluster lab", lines[4]);
    }

    private static void CheckContents(string package)
    {
        using ZipArchive archive = ZipFile.OpenRead(package);
        string[] files = [.. archive.Entries.Select(entry => entry.FullName)];
        Assert.Equal(
            ["Humanizer.dll", "ParallelDsl.CodeFixes.dll", "ParallelDsl.Generator.dll", "ParallelDsl.Planning.dll"],
            files.Where(file => file.StartsWith("analyzers/dotnet/cs/", StringComparison.Ordinal)).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(
            ["ParallelDsl.Planning.dll", "ParallelDsl.Planning.xml", "ParallelDsl.dll", "ParallelDsl.xml"],
            files.Where(file => file.StartsWith("lib/net10.0/", StringComparison.Ordinal)).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using StreamReader nuspec = new(archive.GetEntry("ParallelDsl.nuspec")!.Open());
        Assert.DoesNotContain("<dependency ", nuspec.ReadToEnd(), StringComparison.Ordinal);
    }

    private static string Run(string directory, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };

        // What the test's own host sets would change the consumer's build.
        foreach (string name in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"dotnet {string.Join(' ', arguments)} took longer than {Patience.TotalMinutes:F0} minutes:\n{output.Result}");
        }

        Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output.Result}\n{error.Result}");
        return output.Result;
    }

    private static string RepositoryRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "ParallelDsl.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
