using System.Text;
using System.Text.Json;
using CsCheck;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Tests.Models;

public class LayerProfileFileTests
{
    private const string Good = """
        {
          "$schema": "https://example.org/layers.schema.json",
          "model": "small",
          "unit": "ms",
          "layers": [
            { "kind": "embedding", "forward": 0.7589, "backwardInput": 2.8654, "backwardWeight": 0, "pinned": "first" },
            { "kind": "mamba", "forward": 2.6768, "backwardInput": 4.2984, "backwardWeight": 1.7599 },
            { "kind": "attention", "forward": 1.925, "backwardInput": 2.4534, "backwardWeight": 6e-1 },
            { "kind": "head", "forward": 14.2155, "backwardInput": 15.7056, "backwardWeight": 0.0595, "pinned": "last" }
          ]
        }
        """;

    private static LayerProfile Read(string text)
    {
        Parsed<LayerProfile> parsed = LayerProfileFile.Parse(text);
        Assert.True(parsed.Error is null, parsed.Error?.ToString());
        return parsed.Value!;
    }

    [Fact]
    public void Reads_layers_in_ticks()
    {
        LayerProfile profile = Read(Good);
        Assert.Equal("small", profile.Model);
        Assert.Equal(
            [
                new ProfiledLayer("embedding", 76, 287, 0, LayerPin.First),
                new ProfiledLayer("mamba", 268, 430, 176, LayerPin.None),
                new ProfiledLayer("attention", 193, 245, 60, LayerPin.None),
                new ProfiledLayer("head", 1_422, 1_571, 6, LayerPin.Last),
            ],
            profile.Layers);
    }

    [Fact]
    public void Reads_microseconds()
    {
        LayerProfile profile = Read("""
            {"layers": [{"kind": "mamba", "forward": 2676.8, "backwardInput": 5, "backwardWeight": 4.9999}], "unit": "us", "model": "µ"}
            """);
        Assert.Equal(new ProfiledLayer("mamba", 268, 1, 0, LayerPin.None), Assert.Single(profile.Layers));
    }

    [Fact]
    public void All_layers_may_be_pinned()
    {
        LayerProfile profile = Read(Good.Replace("\"backwardWeight\": 1.7599", "\"backwardWeight\": 1, \"pinned\": \"first\"", StringComparison.Ordinal)
            .Replace("6e-1", "6e-1, \"pinned\": \"last\"", StringComparison.Ordinal));
        Assert.Equal([LayerPin.First, LayerPin.First, LayerPin.Last, LayerPin.Last], profile.Layers.Select(layer => layer.Pinned));
    }

    [Fact]
    public void The_schema_names_the_kinds_and_the_members_that_are_read()
    {
        using var schema = JsonDocument.Parse(File.ReadAllText(Find("docs", "layers.schema.json")!));
        JsonElement members = schema.RootElement.GetProperty("properties");
        JsonElement layers = members.GetProperty("layers").GetProperty("items");
        JsonElement properties = layers.GetProperty("properties");
        string Names(JsonElement element) => string.Join(" ", element.EnumerateObject().Select(member => member.Name));
        string Items(JsonElement array) => string.Join(" ", array.EnumerateArray().Select(item => item.GetString()));

        Assert.Equal("$schema model unit layers", Names(members));
        Assert.Equal("kind forward backwardInput backwardWeight pinned", Names(properties));
        Assert.Equal(string.Join(" ", LayerProfileFile.Kinds), Items(properties.GetProperty("kind").GetProperty("enum")));

        // What the schema demands, allows and bounds is what the reader does.
        static Parsed<LayerProfile> Layer(string unit, string kind, string time, string pinned) => LayerProfileFile.Parse(
            $$"""{"model": "m", "unit": "{{unit}}", "layers": [{"kind": "{{kind}}", "forward": {{time}}, "backwardInput": 0, "backwardWeight": 0{{pinned}}}]}""");
        foreach (JsonElement unit in members.GetProperty("unit").GetProperty("enum").EnumerateArray())
        {
            foreach (string kind in LayerProfileFile.Kinds)
                Assert.Null(Layer(unit.GetString()!, kind, "1", "").Error);
            JsonElement forward = properties.GetProperty("forward");
            Assert.Null(Layer(unit.GetString()!, "head", forward.GetProperty("minimum").GetRawText(), "").Error);
            Assert.Null(Layer(unit.GetString()!, "head", forward.GetProperty("maximum").GetRawText(), "").Error);
            Assert.NotNull(Layer(unit.GetString()!, "head", forward.GetProperty("maximum").GetRawText() + "0", "").Error);
        }

        foreach (JsonElement pin in properties.GetProperty("pinned").GetProperty("enum").EnumerateArray())
            Assert.Null(Layer("ms", "head", "1", $", \"pinned\": \"{pin.GetString()}\"").Error);
        Assert.Equal("model unit layers", Items(schema.RootElement.GetProperty("required")));
        Assert.Equal("kind forward backwardInput backwardWeight", Items(layers.GetProperty("required")));
        foreach (string name in "model unit layers kind forward backwardInput backwardWeight".Split(' '))
        {
            int at = Good.IndexOf($"\"{name}\"", StringComparison.Ordinal);
            TextError error = LayerProfileFile.Parse(string.Concat(Good.AsSpan(0, at + 1), "absent", Good.AsSpan(at + 1 + name.Length))).Error!;
            Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
        }
    }

    // The file or folder in the repository, or in a folder that lies beside it or above, or null.
    private static string? Find(params string[] names)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine([folder.FullName, .. names]);
            if (Path.Exists(path))
                return path;
        }

        return null;
    }

    [Theory]
    [InlineData("0.7589", "-0.7589", 6, 39, "layers[0].forward", "expected a number from 0 to 10000000000, found -0.7589")]
    [InlineData("0.7589", "-1e-99", 6, 39, "layers[0].forward", "found -1e-99")]
    [InlineData("0.7589", "NaN", 6, 39, "layers[0].forward", "expected a value, found 'N'")]
    [InlineData("0.7589", "-Infinity", 6, 40, "layers[0].forward", "expected a digit, found 'I'")]
    [InlineData("0.7589", "1e400", 6, 39, "layers[0].forward", "found 1e400")]
    [InlineData("0.7589", "1e99999999999999999999", 6, 39, "layers[0].forward", "found 1e99999999999999999999")]
    [InlineData("0.7589", "10000000000.01", 6, 39, "layers[0].forward", "found 10000000000.01")]
    [InlineData("0.7589", "99999999999999999999999999", 6, 39, "layers[0].forward", "found 99999999999999999999999999")]
    [InlineData("0.7589", "\"0.7589\"", 6, 39, "layers[0].forward", "expected a number, found '0.7589'")]
    [InlineData("0.7589", "null", 6, 39, "layers[0].forward", "expected a number, found null")]
    [InlineData("0.7589", "0.75.89", 6, 43, "layers[0]", "expected ',' or '}', found '.'")]
    [InlineData("0.7589", "0,7589", 6, 41, "layers[0]", "expected a name, found '7'")]
    [InlineData("\"ms\"", "\"s\"", 4, 11, "unit", "expected ms or us, found 's'")]
    [InlineData("\"ms\"", "\"MS\"", 4, 11, "unit", "expected ms or us, found 'MS'")]
    [InlineData("\"ms\"", "\"m\\ns\"", 4, 11, "unit", "expected ms or us, found 'm?s'")]
    [InlineData("\"ms\"", "1", 4, 11, "unit", "expected text, found 1")]
    [InlineData("\"unit\": \"ms\",", "", 1, 1, "", "'unit' is missing")]
    [InlineData("\"small\"", "\"\"", 3, 12, "model", "a model needs a name")]
    [InlineData("\"mamba\"", "\"manba\"", 7, 15, "layers[1].kind", "the kind 'manba' is unknown; did you mean 'mamba'? known are embedding, head, mamba,")]
    [InlineData("\"mamba\"", "\"Mamba\"", 7, 15, "layers[1].kind", "did you mean 'mamba'?")]
    [InlineData("\"mamba\"", "\"convolution\"", 7, 15, "layers[1].kind", "the kind 'convolution' is unknown; known are embedding,")]
    [InlineData("\"mamba\"", "\"\"", 7, 15, "layers[1].kind", "the kind '' is unknown")]
    [InlineData("\"first\"", "\"middle\"", 6, 103, "layers[0].pinned", "expected first or last, found 'middle'")]
    [InlineData("\"first\"", "true", 6, 103, "layers[0].pinned", "expected text, found true")]
    [InlineData("\"last\"", "\"first\"", 9, 5, "layers[3]", "a layer that is pinned first stands after one that is not")]
    [InlineData("\"first\"", "\"last\"", 7, 5, "layers[1]", "a layer that is not pinned last stands after one that is")]
    [InlineData("\"backwardInput\": 2.8654", "\"forward\": 2.8654", 6, 47, "layers[0].forward", "the name stands here a second time")]
    [InlineData("\"backwardWeight\": 0, ", "", 6, 5, "layers[0]", "'backwardWeight' is missing")]
    [InlineData("\"backwardWeight\": 0,", "\"backwardWeigth\": 0,", 6, 72, "layers[0].backwardWeigth", "did you mean 'backwardWeight'?")]
    [InlineData("\"backwardWeight\": 0,", "\"backwardWeight\": 0, \"memory\": 0,", 6, 93, "layers[0].memory", "'memory' is unknown; known are kind,")]
    [InlineData("\"backwardWeight\": 0,", "\"backwardWeight\": 0, \"a\\nb\": 0,", 6, 93, "layers[0].a?b", "'a?b' is unknown; known are kind,")]
    [InlineData("\"unit\": \"ms\",", "\"unit\": \"ms\", \"devices\": 4,", 4, 17, "devices", "'devices' is unknown; known are $schema, model, unit, layers")]
    public void Errors_have_line_column_and_field(string part, string wrong, int line, int column, string field, string message)
    {
        string text = Good.ReplaceLineEndings("\n");
        int at = text.IndexOf(part, StringComparison.Ordinal);
        Parsed<LayerProfile> parsed = LayerProfileFile.Parse(string.Concat(text.AsSpan(0, at), wrong, text.AsSpan(at + part.Length)));
        Assert.Null(parsed.Value);
        Assert.Equal((line, column, field), (parsed.Error!.Line, parsed.Error.Column, parsed.Error.Field));
        Assert.Contains(message, parsed.Error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', parsed.Error.ToString());
    }

    [Theory]
    [InlineData("", "expected a value, found the end of the text")]
    [InlineData("[]", "expected an object")]
    [InlineData("{}", "'model' is missing")]
    [InlineData("{\"model\": \"m\", \"unit\": \"ms\", \"layers\": []}", "expected at least one layer")]
    [InlineData("{\"model\": \"m\", \"unit\": \"ms\", \"layers\": {}}", "expected an array, found an object")]
    [InlineData("{\"model\": \"m\", \"unit\": \"ms\", \"layers\": [1]}", "expected an object")]
    public void Other_texts_are_errors(string text, string message) => Assert.Equal(message, LayerProfileFile.Parse(text).Error!.Message);

    [Fact]
    public void A_text_that_ends_anywhere_is_an_error()
    {
        string text = Good.TrimEnd();
        for (int length = 0; length < text.Length; length++)
            Assert.NotNull(LayerProfileFile.Parse(text[..length]).Error);
    }

    [Fact]
    public void Damaged_texts_never_throw() => Cases.Check(
        Gen.Select(Gen.Int[0, Good.Length - 1], Gen.Char, Gen.Int[0, 2]), 3_000, input =>
        {
            (int at, char character, int kind) = input;
            string text = kind switch
            {
                0 => string.Concat(Good.AsSpan(0, at), Good.AsSpan(at + 1)),
                1 => Good.Insert(at, character.ToString()),
                _ => Good.Insert(at, "{}[],:\"0-e.\\tn9"[character % 15].ToString()),
            };
            Parsed<LayerProfile> parsed = LayerProfileFile.Parse(text);
            Assert.True(parsed.Value is null != parsed.Error is null);
        });

    private static readonly Gen<ProfiledLayer> SomeLayer =
        from kind in Gen.Int[0, LayerProfileFile.Kinds.Count - 1]
        from forward in Gen.Long[0, 1_000_000_000_000]
        from input in Gen.Long[0, 100_000]
        from weight in Gen.Long[0, 1_000]
        select new ProfiledLayer(LayerProfileFile.Kinds[kind], forward, input, weight, LayerPin.None);

    [Fact]
    public void Any_profile_round_trips() => Cases.Check(
        from layers in SomeLayer.Array[1, 12]
        from first in Gen.Int[0, layers.Length]
        from last in Gen.Int[0, layers.Length - first]
        from name in Gen.String.Where(name => name.Length > 0)
        select (layers, first, last, name),
        1_000,
        input =>
        {
            LayerPin PinOf(int index) => index < input.first ? LayerPin.First
                : index >= input.layers.Length - input.last ? LayerPin.Last
                : LayerPin.None;
            var profile = new LayerProfile(
                input.name, input.layers.Select((layer, index) => layer with { Pinned = PinOf(index) }).ToEquatableArray());
            Assert.Equal(profile, Read(LayerProfileFile.Write(profile)));
        });

    [Fact]
    public void Writes_a_layer_a_line() => Assert.Equal(
        """
        {
          "model": "small",
          "unit": "ms",
          "layers": [
            { "kind": "embedding", "forward": 0.76, "backwardInput": 2.87, "backwardWeight": 0, "pinned": "first" },
            { "kind": "mamba", "forward": 2.68, "backwardInput": 4.3, "backwardWeight": 1.76 },
            { "kind": "attention", "forward": 1.93, "backwardInput": 2.45, "backwardWeight": 0.6 },
            { "kind": "head", "forward": 14.22, "backwardInput": 15.71, "backwardWeight": 0.06, "pinned": "last" }
          ]
        }

        """.ReplaceLineEndings("\n"),
        LayerProfileFile.Write(Read(Good)));

    // Fitted times in ms, published by the authors of AdaPtis/OctoPipe with their simulator.
    private static string NemotronNano()
    {
        const string pattern = "EM-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-L";
        var text = new StringBuilder("{\"model\": \"nemotron-nano-v2-9b\", \"unit\": \"ms\", \"layers\": [");
        text.AppendJoin(',', pattern.Select(kind => kind switch
        {
            'E' => """{"kind": "embedding", "forward": 0.7589, "backwardInput": 2.8654, "backwardWeight": 0, "pinned": "first"}""",
            'M' => """{"kind": "mamba", "forward": 2.6768, "backwardInput": 4.2984, "backwardWeight": 1.7599}""",
            '-' => """{"kind": "feed-forward", "forward": 1.8477, "backwardInput": 1.909, "backwardWeight": 1.6866}""",
            '*' => """{"kind": "attention", "forward": 1.9254, "backwardInput": 2.4534, "backwardWeight": 0.6547}""",
            _ => """{"kind": "head", "forward": 14.2155, "backwardInput": 15.7056, "backwardWeight": 0.0595, "pinned": "last"}""",
        }));
        return text.Append("]}").ToString();
    }

    [Fact]
    public void Golden_nemotron_nano()
    {
        LayerProfile profile = Read(NemotronNano());
        Assert.Equal(58, profile.Layers.Count);

        // The unpinned layers 14 a stage, the embedding in the first, the head in the last.
        var stages = Enumerable.Range(0, 4).Select(stage => profile.Layers
            .Skip(stage == 0 ? 0 : 1 + (14 * stage)).Take(stage is 0 or 3 ? 15 : 14).ToList()).ToList();
        var costs = new StageCosts(
            stages.Select(stage => stage.Sum(layer => layer.Forward)).ToEquatableArray(),
            stages.Select(stage => stage.Sum(layer => layer.BackwardInput)).ToEquatableArray(),
            stages.Select(stage => stage.Sum(layer => layer.BackwardWeight)).ToEquatableArray(),
            new(new long[4]));
        Timeline timeline = PipelineSimulator.Run(
            PipelinePrograms.Build(PipelineSchedule.OneForwardOneBackward, 4, 8), PipelinePrograms.CyclicPlacement(4, 4), costs);
        Assert.Equal(133_121, timeline.Makespan);
        Assert.Equal([85_000, 76_160, 76_160, 103_456], timeline.Work);
    }

    /// <summary>The published profiles lie beside the repository on some machines; elsewhere there is nothing to compare.</summary>
    [Theory]
    [InlineData("jamba-52b", 66, 11_895, 14_166, 10_127)]
    [InlineData("llama3-8b", 34, 6_961, 7_261, 3_460)]
    [InlineData("nemotron-h-4b", 54, 5_670, 7_009, 1_824)]
    [InlineData("nemotron-h-56b", 120, 36_719, 53_830, 27_140)]
    [InlineData("nemotron-h-8b", 54, 6_572, 8_580, 3_392)]
    [InlineData("nemotron-nano-v2-9b", 58, 14_131, 19_223, 9_243)]
    public void Golden_published_profiles(string model, int layers, long forward, long backwardInput, long backwardWeight)
    {
        if (Find("shared", "data", "profiles", $"{model}.layers.json") is not { } path)
            return;
        LayerProfile profile = Read(File.ReadAllText(path));
        Assert.Equal((model, layers), (profile.Model, profile.Layers.Count));
        Assert.Equal(
            (forward, backwardInput, backwardWeight),
            (profile.Layers.Sum(layer => layer.Forward),
                profile.Layers.Sum(layer => layer.BackwardInput),
                profile.Layers.Sum(layer => layer.BackwardWeight)));
        Assert.Equal(profile, Read(LayerProfileFile.Write(profile)));
        if (model == "nemotron-nano-v2-9b")
            Assert.Equal(profile, Read(NemotronNano()));
    }
}
