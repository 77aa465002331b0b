using System.Diagnostics;
using System.Text.Json.Serialization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ParallelDsl.Generator;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Benchmarks;

/// <summary>The generator in a compiler that has warmed up: a first run, a run with nothing new, and a run after a keystroke in a file that has no
/// model. Parsing of the text and the compiler's own work before and after are not counted; binding of attributes that the generator asks for
/// is. Beside figures of another build (<c>--before FILE</c>, what its <c>--json</c> wrote) stands their median.</summary>
internal static class GeneratorBenchmark
{
    private const int Keystrokes = 40;

    // Until the JIT compiler has done its last pass over Roslyn; shorter leaves a keystroke five times as slow.
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(10);

    private const string Gpt = """
        [Nodes(2, DevicesPerNode = 4, Device = DeviceKind.H100Sxm, NicsPerNode = 4, NicGbps = 400)]
        public sealed class Lab;

        [ParallelModel(ContextLength = 8_192)]
        [RunsOn(typeof(Lab))]
        [DataAxis(2)]
        [SequenceAxis(2)]
        [PipelineAxis(2, MicroBatches = 8)]
        """;

    private const string Rings64 = """
        [Nodes(1, DevicesPerNode = 64, Device = DeviceKind.H100Sxm, Fabric = Fabric.Mesh)]
        public sealed class Lab;

        [ParallelModel(ContextLength = 8_192)]
        [RunsOn(typeof(Lab))]
        [SequenceAxis(64, Datapath = Datapath.Hamiltonian)]
        """;

    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.CSharp14);

    public static int Run(BenchmarkOptions options)
    {
        long started = Stopwatch.GetTimestamp();
        Project first = new(1, Gpt);
        Driver().RunGenerators(first.Compilation(0));
        double firstInProcess = Stopwatch.GetElapsedTime(started).TotalMilliseconds;

        Console.WriteLine(FormattableString.Invariant($"first run in a process, one model, with JIT compilation of Roslyn: {firstInProcess:F0} ms"));
        Console.WriteLine($"medians (and least) of {options.Rounds} rounds, ms");
        Report? before = options.ReadBefore<Report>();
        int width = before is null ? 24 : 38;
        string[] columns = ["cold", "cached", "keystroke elsewhere", "keystroke in a model"];
        Console.WriteLine($"{"project",-24}{string.Concat(columns.Select(column => column.PadLeft(width)))}");
        List<Figure> figures = [];
        (string Name, Project Project)[] projects =
            [("1 model", first), ("50 models", new Project(50, Gpt)), ("63 rings of 64 ranks", new Project(1, Rings64))];
        foreach ((string name, Project project) in projects)
        {
            WarmUp(project);
            Figure figure = Measure(name, project, options.Rounds);
            figures.Add(figure);
            Figure? was = before?.Figures.FirstOrDefault(other => other.Name == name);
            Console.WriteLine($"{name,-24}{string.Concat(figure.Times.Select((time, column) => Show(time, was?.Times[column]).PadLeft(width)))}");
        }

        options.WriteJson(new Report(firstInProcess, figures));
        return 0;
    }

    private static string Show(Milliseconds time, Milliseconds? before) =>
        FormattableString.Invariant($"{time.Median:F3} ({time.Least:F3})") + (before is null ? "" : FormattableString.Invariant($" before {before.Median:F3}"));

    private static Figure Measure(string name, Project project, int rounds)
    {
        double[] cold = new double[rounds], cached = new double[rounds], keystroke = new double[rounds], modelKeystroke = new double[rounds];
        for (int round = 0; round < rounds; round++)
        {
            CSharpCompilation compilation = project.Compilation(0);
            GeneratorDriver driver = Driver();
            cold[round] = Time(() => driver = driver.RunGenerators(compilation));
            cached[round] = Time(() => driver = driver.RunGenerators(compilation));
            keystroke[round] = MeanOf(Keystrokes, edit => project.Compilation(edit + 1), ref driver);
            modelKeystroke[round] = MeanOf(Keystrokes, edit => project.EditedModel(edit), ref driver);
            GeneratorDriverRunResult result = driver.GetRunResult();
            if (!result.Diagnostics.IsEmpty || result.GeneratedTrees.Length != 8 * project.Models)
                throw new InvalidOperationException($"the benchmark's models are not planned: {string.Join("; ", result.Diagnostics)}");
        }

        return new Figure(name, Milliseconds.Of(cold), Milliseconds.Of(cached), Milliseconds.Of(keystroke), Milliseconds.Of(modelKeystroke));
    }

    private static void WarmUp(Project project)
    {
        long started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < WarmUpTime)
            Measure("", project, 1);
    }

    private static double MeanOf(int edits, Func<int, CSharpCompilation> edit, ref GeneratorDriver driver)
    {
        double sum = 0;
        for (int i = 0; i < edits; i++)
        {
            CSharpCompilation compilation = edit(i);
            GeneratorDriver before = driver, after = driver;
            sum += Time(() => after = before.RunGenerators(compilation));
            driver = after;
        }

        return sum / edits;
    }

    private static double Time(Action action)
    {
        long started = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static CSharpGeneratorDriver Driver() => CSharpGeneratorDriver.Create([new ParallelDslGenerator().AsSourceGenerator()], parseOptions: ParseOptions);

    private sealed record Milliseconds(double Median, double Least)
    {
        public static Milliseconds Of(double[] times) => new(times.Order().ElementAt(times.Length / 2), times.Min());
    }

    private sealed record Figure(string Name, Milliseconds Cold, Milliseconds Cached, Milliseconds Keystroke, Milliseconds ModelKeystroke)
    {
        /// <summary>In the order of the columns.</summary>
        [JsonIgnore]
        public Milliseconds[] Times => [Cold, Cached, Keystroke, ModelKeystroke];
    }

    private sealed record Report(double FirstInProcess, IReadOnlyList<Figure> Figures);

    /// <summary>A project of models, each in a file of its own, and one file without.</summary>
    private sealed class Project
    {
        private readonly CSharpCompilation _base;

        private readonly string _declaration;

        public Project(int models, string declaration)
        {
            (Models, _declaration) = (models, declaration);
            MetadataReference[] references =
            [
                .. Directory.GetFiles(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "System*.dll")
                    .Where(file => !file.Contains("Native", StringComparison.Ordinal))
                    .Append(typeof(Layer).Assembly.Location).Append(typeof(ParallelPlan).Assembly.Location)
                    .Select(file => MetadataReference.CreateFromFile(file)),
            ];
            _base = CSharpCompilation.Create(
                "Consumer",
                [Unrelated(0), .. Enumerable.Range(0, models).Select(index => Model(index, 0))],
                references,
                new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        }

        public int Models { get; }

        /// <summary>The project after an edit of the file without a model.</summary>
        public CSharpCompilation Compilation(int edit) => _base.ReplaceSyntaxTree(_base.SyntaxTrees[0], Unrelated(edit));

        /// <summary>The project after an edit of the first model's file that moves the model and says nothing new.</summary>
        public CSharpCompilation EditedModel(int edit) => _base.ReplaceSyntaxTree(_base.SyntaxTrees[1], Model(0, edit));

        private static SyntaxTree Unrelated(int edit) => Parse("Unrelated.cs", $"public class Unrelated {{ public int Value => {edit}; }}");

        private SyntaxTree Model(int index, int edit) => Parse($"Model{index}.cs", $$"""
            using ParallelDsl;
            namespace Model{{index}};

            {{new string('\n', edit % 7)}}
            [Cluster]
            {{_declaration}}
            public sealed partial class Gpt
            {
                [Embedding(Vocabulary = 50_257, Width = 768)]
                public partial Layer Tokens { get; }

                [TransformerBlock(Heads = 12, KeyValueHeads = 4, FeedForward = 2_048, Repeat = 12)]
                public partial Layer Blocks { get; }

                [LanguageModelHead]
                public partial Layer Head { get; }
            }
            """);

        private static SyntaxTree Parse(string path, string text) => CSharpSyntaxTree.ParseText(text, ParseOptions, path);
    }
}
