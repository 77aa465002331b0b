using System.Text.Json;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Reporting;
using ParallelDsl.Testing;
using ParallelDsl.Tool.Tests.Models;

namespace ParallelDsl.Tool.Tests.Commands;

public sealed class PlanCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _one;
    private readonly string _two;

    public PlanCommandTests()
    {
        _one = ModelAssembly.Write(_folder.File("One.dll"), ModelAssembly.Model(SamplePlans.Gpt));
        _two = ModelAssembly.Write(_folder.File("Two.dll"), ModelAssembly.Model(SamplePlans.Single), ModelAssembly.Model(SamplePlans.Gpt));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData()]
    [InlineData("--text")]
    [InlineData("--model", "Gpt")]
    [InlineData("--model", "Samples.Gpt")]
    public void Shows_text(params string[] options) =>
        Assert.Equal(new Outcome(0, PlanText.Write(SamplePlans.Gpt), ""), Run(["plan", _one, .. options]));

    [Fact]
    public void Shows_the_text_of_all_models_in_order() => Assert.Equal(
        new Outcome(0, PlanText.Write(SamplePlans.Gpt) + "\n" + PlanText.Write(SamplePlans.Single), ""), Run("plan", _two));

    [Fact]
    public void Shows_json_and_nothing_else()
    {
        Outcome outcome = Run("plan", _two, "--model", "Tiny", "--json");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal(SamplePlans.Single, PlanJson.Read(outcome.Output).Value);
        using JsonDocument json = JsonDocument.Parse(outcome.Output);
        Assert.Equal(JsonValueKind.Object, json.RootElement.ValueKind);
        Assert.All(json.RootElement.EnumerateObject(), member => Assert.True(char.IsLower(member.Name[0]), member.Name));
    }

    [Fact]
    public void Shows_what_the_generator_compiled()
    {
        string path = typeof(Declared).Assembly.Location;
        Outcome outcome = Run("plan", path, "--model", "Declared", "--json");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal(PlanJson.Write(Declared.Plan), outcome.Output);
        Assert.Equal(PlanText.Write(Declared.Plan) + "\n" + PlanText.Write(Outer.Nested.Plan) + "\n" + PlanText.Write(Varied.Plan), Run("plan", path).Output);
    }

    [Fact]
    public void Writes_files_and_says_so_on_standard_error()
    {
        string html = _folder.File("plan.html"), svg = _folder.File("plan.svg"), trace = _folder.File("plan.json");
        Outcome outcome = Run("plan", _one, "--html", html, "--svg", svg, "--trace", trace);
        Assert.Equal(new Outcome(0, "", $"wrote {html}\nwrote {svg}\nwrote {trace}\n"), outcome);
        Assert.Equal(PlanHtml.Write(SamplePlans.Gpt), File.ReadAllText(html));
        Assert.Equal(TimelineSvg.Write(SamplePlans.Gpt), File.ReadAllText(svg));
        Assert.Equal(ChromeTrace.Write(SamplePlans.Gpt), File.ReadAllText(trace));
    }

    [Fact]
    public void Files_and_json_go_together()
    {
        Outcome outcome = Run("plan", _one, "--html", _folder.File("plan.html"), "--json");
        Assert.Equal(PlanJson.Write(SamplePlans.Gpt), outcome.Output);
        Assert.True(File.Exists(_folder.File("plan.html")));
    }

    [Fact]
    public Task Explains_itself() => Snapshot.Verify(Run("plan", "--help").Output);

    [Fact]
    public Task Explains_the_tool() => Snapshot.Verify(Run("--help").Output);

    [Fact]
    public void Missing_file() => Refuses("no such file; build the project first", "plan", _folder.File("Gone.dll"));

    [Fact]
    public void Folder_for_a_file() => Refuses("is a folder; name the assembly in it", "plan", _folder.Path);

    [Fact]
    public void Not_an_assembly()
    {
        string path = _folder.File("text.dll");
        File.WriteAllText(path, "MZ but no more");
        Refuses($"{path}: is not a .NET assembly", "plan", path);
        File.WriteAllText(path, "");
        Refuses($"{path}: is not a .NET assembly", "plan", path);
    }

    [Fact]
    public void Executable_beside_its_assembly()
    {
        string path = _folder.File("One");
        File.WriteAllText(path, "\u007fELF");
        Refuses($"did you mean {_one}?", "plan", path);
    }

    [Fact]
    public void Truncated_assembly()
    {
        byte[] whole = File.ReadAllBytes(_one);
        string path = _folder.File("cut.dll");
        for (int length = 0; length < whole.Length; length += 97)
        {
            File.WriteAllBytes(path, whole[..length]);
            Outcome outcome = Run("plan", path);
            Assert.True(outcome.ExitCode == 2 || (outcome.ExitCode == 0 && outcome.Output == PlanText.Write(SamplePlans.Gpt)), $"{length} bytes: {outcome}");
        }
    }

    [Fact]
    public void Assembly_without_models() => Refuses("has no model; a model is a class with [ParallelModel]", "plan", typeof(PlanText).Assembly.Location);

    [Fact]
    public void Plan_of_another_version()
    {
        string path = ModelAssembly.Write(_folder.File("Old.dll"), ("Gpt", PlanJson.Write(SamplePlans.Gpt).Replace("plan/1", "plan/0", StringComparison.Ordinal)));
        Refuses("the plan of Gpt was compiled by another version of ParallelDsl and cannot be read: line 2, column", "plan", path);
    }

    [Fact]
    public void Model_that_is_not_there() => Refuses(
        "--model Gtp: no such model; did you mean Gpt?; it has Samples.Gpt, Samples.Tiny", "plan", _two, "--model", "Gtp");

    [Fact]
    public void Model_of_which_there_are_two()
    {
        string json = PlanJson.Write(SamplePlans.Single);
        string path = ModelAssembly.Write(_folder.File("Same.dll"), ("A.Gpt", json), ("B.Gpt", json));
        Refuses("--model Gpt: more than one model has this name; write one of A.Gpt, B.Gpt", "plan", path, "--model", "Gpt");
        Assert.Equal(0, Run("plan", path, "--model", "B.Gpt").ExitCode);
    }

    [Theory]
    [InlineData("--json")]
    [InlineData("--html", "x.html")]
    [InlineData("--svg", "x.svg")]
    [InlineData("--trace", "x.json")]
    public void One_model_at_a_time(params string[] options) => Refuses(
        $"{options[0]}: shows one model; write --model with one of Samples.Gpt, Samples.Tiny", ["plan", _two, .. options]);

    [Fact]
    public void Output_folder_that_is_not_there_writes_nothing()
    {
        string html = _folder.File("plan.html"), svg = _folder.File("missing/plan.svg");
        Refuses($"--svg {svg}: the folder {_folder.File("missing")} does not exist; create it first", "plan", _one, "--html", html, "--svg", svg);
        Assert.False(File.Exists(html));
    }

    [Fact]
    public void Output_that_is_a_folder() => Refuses("--html", "plan", _one, "--html", _folder.Path);

    [Fact]
    public void Output_without_a_name() => Refuses("--html: needs the name of a file", "plan", _one, "--html", "");

    [Fact]
    public void Two_outputs_in_one_file() =>
        Refuses("is the file of --html too", "plan", _one, "--html", _folder.File("plan.x"), "--svg", _folder.File("plan.x"));

    [Fact]
    public void Text_and_json_at_once() => Refuses("--text and --json both go to standard output", "plan", _one, "--text", "--json");

    [Theory]
    [InlineData("unknown option '--htlm'; did you mean --html?", "plan", "x.dll", "--htlm", "y")]
    [InlineData("unknown option '--unheard-of'", "plan", "x.dll", "--unheard-of")]
    [InlineData("unknown command 'plam'; did you mean plan?", "plam")]
    [InlineData("unknown option '--jsn'", "--jsn")]
    [InlineData("no command given; one of plan")]
    [InlineData("Required argument missing", "plan")]
    [InlineData("Required argument missing for option: '--html'", "plan", "x.dll", "--html")]
    [InlineData("one argument too many: 'y.dll'", "plan", "x.dll", "y.dll")]
    [InlineData("@missing.rsp: no such file", "plan", "@missing.rsp")]
    public void Bad_usage(string message, params string[] arguments) => Refuses(message, arguments);

    /// <summary>Code 2, one line on standard error that holds <paramref name="message"/>, and nothing on standard output.</summary>
    private static void Refuses(string message, params string[] arguments)
    {
        Outcome outcome = Run(arguments);
        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Output));
        Assert.Contains(message, outcome.Error, StringComparison.Ordinal);
        Assert.StartsWith("paralleldsl", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(outcome.Error.Length - 1, outcome.Error.IndexOf('\n', StringComparison.Ordinal));
    }

    private static Outcome Run(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int exitCode = CommandLine.Run(arguments, output, error);
        return new Outcome(exitCode, output.ToString(), error.ToString());
    }

    private sealed record Outcome(int ExitCode, string Output, string Error);
}
