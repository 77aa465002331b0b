using System.IO.Compression;
using ParallelDsl.Generator.Tests.Support;

namespace ParallelDsl.Generator.Tests;

/// <summary>The package as a stranger gets it: packed, restored from a folder by a new project outside this repository, built and run.</summary>
public sealed class PackageTests(PackageTests.Consumer consumer) : IClassFixture<PackageTests.Consumer>
{
    [Fact]
    public void ThePackageHoldsEverythingAndDependsOnNothing()
    {
        using ZipArchive package = ZipFile.OpenRead(consumer.Package);
        string[] files =
        [
            .. package.Entries.Select(entry => entry.FullName)
                .Where(name => name.Contains('/', StringComparison.Ordinal) && !name.StartsWith("_rels", StringComparison.Ordinal) && !name.StartsWith("package/", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];
        Assert.Equal(
            [
                "analyzers/dotnet/cs/Humanizer.dll", "analyzers/dotnet/cs/ParallelDsl.CodeFixes.dll", "analyzers/dotnet/cs/ParallelDsl.Generator.dll",
                "analyzers/dotnet/cs/ParallelDsl.Planning.dll",
                "build/ParallelDsl.props", "build/ParallelDsl.targets", "buildTransitive/ParallelDsl.props", "buildTransitive/ParallelDsl.targets",
                "lib/net10.0/ParallelDsl.Planning.dll", "lib/net10.0/ParallelDsl.Planning.xml", "lib/net10.0/ParallelDsl.dll", "lib/net10.0/ParallelDsl.xml",
            ],
            files);
        using StreamReader nuspec = new(package.Entries.Single(entry => entry.Name == "ParallelDsl.nuspec").Open());
        string text = nuspec.ReadToEnd();
        Assert.DoesNotContain("<dependency ", text, StringComparison.Ordinal);
        if (File.Exists(Repository.PathOf("README.md")))
            Assert.Contains("<readme>README.md</readme>", text, StringComparison.Ordinal);
    }

    [Fact]
    public void AFreshProjectBuildsAndTrains()
    {
        (int code, string output) = consumer.DotNet("build", "-c", "Release");
        Assert.True(code == 0, output);
        Assert.Contains(" 0 Warning(s)", output, StringComparison.Ordinal);
        (code, output) = consumer.DotNet("bin/Release/net10.0/Consumer.dll");
        Assert.True(code == 0, output);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("8 ranks on Desk, 1 rank on laptop, 2 on pair", lines[0].Trim());
        Assert.Equal("3 steps, the loss fell: True", lines[1].Trim());
    }

    [Fact]
    public void ACompilerThatIsTooOldIsAnErrorThatSaysSo()
    {
        (int code, string output) = consumer.DotNet("build", "-c", "Release", "-p:_ParallelDslCompilerFloor=99.0.0", "-p:OutputPath=old/", "-p:IntermediateOutputPath=obj/old/");
        Assert.NotEqual(0, code);
        Assert.Contains("error PDSLCFG001: ParallelDsl needs the C# compiler 99.0.0 or later", output, StringComparison.Ordinal);
    }

    /// <summary>A folder with the package and a project that uses it.</summary>
    public sealed class Consumer : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("paralleldsl-").FullName;

        public Consumer()
        {
            string configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd('/', '\\')))!;
            (int code, string output) = Support.DotNet.Run(
                Repository.Root, "pack", "runtime/ParallelDsl", "--no-build", "-c", configuration, "-o", Path.Combine(_folder, "feed"));
            Assert.True(code == 0, output);
            Write("NuGet.config", """
                <configuration>
                  <!-- A cache of its own, so that a package of an earlier run is never taken for this one. -->
                  <config><add key="globalPackagesFolder" value="packages" /></config>
                  <packageSources><add key="packed" value="feed" /></packageSources>
                </configuration>
                """);
            Write("Consumer.csproj", """
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <OutputType>Exe</OutputType>
                    <TargetFramework>net10.0</TargetFramework>
                    <Nullable>enable</Nullable>
                    <ImplicitUsings>enable</ImplicitUsings>
                    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                    <AnalysisLevel>latest-recommended</AnalysisLevel>
                    <NuGetAudit>false</NuGetAudit>
                    <!-- The folders of the feed and of the packages lie inside the project's. -->
                    <DefaultItemExcludes>$(DefaultItemExcludes);feed/**;packages/**;old/**</DefaultItemExcludes>
                  </PropertyGroup>
                  <ItemGroup>
                    <PackageReference Include="ParallelDsl" Version="*" />
                    <AdditionalFiles Include="pair.json" ParallelDslKind="Cluster" />
                  </ItemGroup>
                </Project>
                """);
            Write("laptop.cluster.json", """{ "name": "laptop", "nodes": [{ "count": 1, "device": "Host" }] }""");
            Write("pair.json", """{ "name": "pair", "nodes": [{ "count": 1, "devicesPerNode": 2, "device": "Host" }] }""");
            Write("Program.cs", """
                using ParallelDsl;
                using ParallelDsl.Training;

                Console.WriteLine($"{Gpt.Plan.Mesh.Size} ranks on {Gpt.Plan.Cluster.Name}, {Alone.Plan.Mesh.Size} rank on {Alone.Plan.Cluster.Name}, {Both.Plan.Mesh.Size} on {Both.Plan.Cluster.Name}");
                int[][] documents = [.. Enumerable.Range(8, 24).Select(length => Enumerable.Range(0, length).Select(i => i % 5).ToArray())];
                List<double> losses = [];
                using Trainer<Gpt> trainer = new(documents, new TrainerOptions { Steps = 3, WarmUpSteps = 0 });
                trainer.Train(3, report => losses.Add(report.Loss));
                Console.WriteLine($"{losses.Count} steps, the loss fell: {losses[^1] < losses[0]}");

                [Cluster]
                [Nodes(1, DevicesPerNode = 8)]
                internal sealed class Desk;

                [ParallelModel(ContextLength = 32)]
                [RunsOn(typeof(Desk))]
                [DataAxis(2)]
                [SequenceAxis(2)]
                [PipelineAxis(2, MicroBatches = 4)]
                internal sealed partial class Gpt
                {
                    [Embedding(Vocabulary = 5, Width = 16)]
                    public partial Layer Tokens { get; }

                    [TransformerBlock(Heads = 2, FeedForward = 32, Repeat = 2)]
                    public partial Layer Blocks { get; }

                    [LanguageModelHead]
                    public partial Layer Head { get; }
                }

                [ParallelModel(ContextLength = 32)]
                [RunsOn("pair.json")]
                [DataAxis(2)]
                internal sealed partial class Both
                {
                    [Embedding(Vocabulary = 5, Width = 16)]
                    public partial Layer Tokens { get; }

                    [LanguageModelHead]
                    public partial Layer Head { get; }
                }

                [ParallelModel(ContextLength = 32)]
                [RunsOn("laptop.cluster.json")]
                internal sealed partial class Alone
                {
                    [Embedding(Vocabulary = 5, Width = 16)]
                    public partial Layer Tokens { get; }

                    [LanguageModelHead]
                    public partial Layer Head { get; }
                }
                """);
            (code, output) = DotNet("restore");
            Assert.True(code == 0, output);
        }

        public string Package => Assert.Single(Directory.GetFiles(Path.Combine(_folder, "feed"), "ParallelDsl.*.nupkg"));

        public (int Code, string Output) DotNet(params string[] arguments) => Support.DotNet.Run(_folder, arguments);

        public void Dispose() => Directory.Delete(_folder, recursive: true);

        private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
    }
}
