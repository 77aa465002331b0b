using System.Text.Json;
using CsCheck;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Json;

namespace ParallelDsl.Planning.Tests.Clusters;

public class ClusterFileTests
{
    private const string Good = """
        {
          "$schema": "https://example.org/cluster.schema.json",
          "name": "lab",
          "nodes": [
            { "count": 2, "devicesPerNode": 4, "device": "H100Sxm", "fabric": "switch", "nicsPerNode": 4, "nicGbps": 400 },
            { "count": 1, "devicesPerNode": 8, "device": "MyCard", "fabric": "pcie", "nicsPerNode": 1, "nicGbps": 100 }
          ],
          "devices": [
            { "name": "MyCard", "memoryGiB": 47.5, "teraFlops": 181.05, "memoryGBps": 864, "linkGBps": 32 }
          ]
        }
        """;

    [Fact]
    public void Reads_groups_and_devices()
    {
        ClusterSpec cluster = ClusterFile.Parse(Good).Value!;
        Assert.Equal(("lab", 16), (cluster.Name, cluster.DeviceCount));
        Assert.Equal(new NodeGroup(2, 4, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 4, 400), cluster.Nodes[0]);
        Assert.Equal(
            new NodeGroup(1, 8, DeviceCatalogue.Custom("MyCard", 47_500L * (1 << 30) / 1_000, 181_050, 864, 32), Fabric.Pcie, 1, 100),
            cluster.Nodes[1]);
    }

    [Fact]
    public void The_schema_names_the_devices_of_the_catalogue_and_the_members_that_are_read()
    {
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "docs", "cluster.schema.json")))
            root = root.Parent;
        using var schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(root!.FullName, "docs", "cluster.schema.json")));
        JsonElement members = schema.RootElement.GetProperty("properties");
        JsonElement nodes = members.GetProperty("nodes").GetProperty("items").GetProperty("properties");
        JsonElement devices = members.GetProperty("devices").GetProperty("items").GetProperty("properties");

        IEnumerable<string?> known = nodes.GetProperty("device").GetProperty("anyOf")[0].GetProperty("enum").EnumerateArray().Select(item => item.GetString());
        Assert.Equal(DeviceCatalogue.Names, known);
        string Names(JsonElement properties) => string.Join(" ", properties.EnumerateObject().Select(member => member.Name));
        Assert.Equal("$schema name nodes devices", Names(members));
        Assert.Equal("count devicesPerNode device fabric nicsPerNode nicGbps", Names(nodes));
        Assert.Equal("name memoryGiB teraFlops memoryGBps linkGBps", Names(devices));
    }

    [Fact]
    public void One_node_needs_only_its_device()
    {
        ClusterSpec cluster = ClusterFile.Parse("""{"name": "one", "nodes": [{"device": "Host"}]}""").Value!;
        Assert.Equal(new NodeGroup(1, 1, DeviceCatalogue.Of(DeviceKind.Host), Fabric.Switch, 0, 0), Assert.Single(cluster.Nodes));
    }

    [Theory]
    [InlineData("\"count\": 2", "\"cuont\": 2", 5, 7, "nodes[0].cuont", "'cuont' is unknown; did you mean 'count'?")]
    [InlineData("\"device\": \"H100Sxm\"", "\"devce\": \"H100Sxm\"", 5, 40, "nodes[0].devce", "'devce' is unknown; did you mean 'device'?")]
    [InlineData("\"count\": 2", "\"colour\": 2", 5, 7, "nodes[0].colour", "'colour' is unknown; known are count,")]
    [InlineData("H100Sxm", "H100", 5, 50, "nodes[0].device", "did you mean 'H100Sxm'? known are Host, A100Sxm80,")]
    [InlineData("H100Sxm", "Abacus", 5, 50, "nodes[0].device", "the device is unknown; known are Host, A100Sxm80,")]
    [InlineData("\"count\": 2", "\"count\": 0", 5, 16, "nodes[0].count", "expected a whole number from 1 to 1000000, found 0")]
    [InlineData("\"count\": 2", "\"count\": -2", 5, 16, "nodes[0].count", "found -2")]
    [InlineData("\"count\": 2", "\"count\": 1000001", 5, 16, "nodes[0].count", "found 1000001")]
    [InlineData("\"count\": 2", "\"count\": 99999999999999999999999999", 5, 16, "nodes[0].count", "found 99999999999999999999999999")]
    [InlineData("\"count\": 2", "\"count\": 1000000", 5, 5, "nodes[0]", "the cluster has more than 1000000 devices")]
    [InlineData("\"count\": 2", "\"count\": 2.0", 5, 16, "nodes[0].count", "without fraction")]
    [InlineData("\"count\": 2", "\"count\": 2e0", 5, 16, "nodes[0].count", "without fraction")]
    [InlineData("\"count\": 2", "\"count\": \"2\"", 5, 16, "nodes[0].count", "expected a whole number, found '2'")]
    [InlineData("\"count\": 2", "\"count\": null", 5, 16, "nodes[0].count", "expected a whole number, found null")]
    [InlineData("\"count\": 2", "\"count\": 02", 5, 17, "nodes[0].count", "no leading zeros")]
    [InlineData("\"count\": 2", "\"count\": +2", 5, 16, "nodes[0].count", "expected a value, found '+'")]
    [InlineData("\"count\": 2", "\"count\": NaN", 5, 16, "nodes[0].count", "expected a value, found 'N'")]
    [InlineData("\"count\": 2", "\"count\": 2, \"count\": 2", 5, 19, "nodes[0].count", "a second time")]
    [InlineData("switch", "tree", 5, 71, "nodes[0].fabric", "expected switch, mesh or pcie")]
    [InlineData("\"nicGbps\": 400", "\"nicGbps\": 0", 5, 5, "nodes[0]", "a cluster of 3 nodes needs 'nicsPerNode' and 'nicGbps'")]
    [InlineData("\"nicGbps\": 400 }", "\"nicGbps\": 400, }", 5, 115, "nodes[0]", "expected a name, found '}'")]
    [InlineData("47.5", "1e400", 9, 38, "devices[0].memoryGiB", "expected a number from 0.001 to 1000000, found 1e400")]
    [InlineData("47.5", "1e-400", 9, 38, "devices[0].memoryGiB", "found 1e-400")]
    [InlineData("47.5", "0", 9, 38, "devices[0].memoryGiB", "found 0")]
    [InlineData("47.5", "47.", 9, 41, "devices[0].memoryGiB", "expected a digit")]
    [InlineData("864", "864.5", 9, 79, "devices[0].memoryGBps", "without fraction")]
    [InlineData("{ \"name\": \"MyCard\"", "{ \"name\": \"T4\"", 9, 5, "devices[0]", "the name 'T4' belongs to the catalogue")]
    [InlineData("{ \"name\": \"MyCard\"", "{ \"name\": \"\"", 9, 15, "devices[0].name", "a device needs a name")]
    [InlineData("\"name\": \"lab\",", "", 1, 1, "", "'name' is missing")]
    [InlineData("\"name\": \"lab\"", "\"name\": \"l\tab\"", 3, 13, "name", "the character U+0009 cannot stand inside quotes")]
    [InlineData("\"name\": \"lab\"", "\"name\": \"l\\qab\"", 3, 14, "name", "expected an escape")]
    [InlineData("\"name\": \"lab\"", "\"name\": \"l\\u12G4\"", 3, 17, "name", "expected a hexadecimal digit, found 'G'")]
    [InlineData("\"name\": \"lab\"", "\"name\": [\"lab\"]", 3, 11, "name", "expected text, found an array")]
    [InlineData("\"name\": \"lab\"", "'name': \"lab\"", 3, 3, "", "expected a name, found '''")]
    [InlineData("\"name\": \"lab\"", "// lab", 3, 3, "", "expected a name, found '/'")]
    public void Errors_have_line_column_and_field(string part, string wrong, int line, int column, string field, string message)
    {
        string text = Good.ReplaceLineEndings("\n");
        int at = text.IndexOf(part, StringComparison.Ordinal);
        Parsed<ClusterSpec> parsed = ClusterFile.Parse(string.Concat(text.AsSpan(0, at), wrong, text.AsSpan(at + part.Length)));
        Assert.Null(parsed.Value);
        Assert.Equal((line, column, field), (parsed.Error!.Line, parsed.Error.Column, parsed.Error.Field));
        Assert.Contains(message, parsed.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("   \n ")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"name\": \"x\", \"nodes\": []}")]
    [InlineData("{\"name\": \"x\", \"nodes\": [{\"device\": \"Host\"}]} x")]
    [InlineData("{\"name\": \"x\", \"nodes\": [{\"device\": \"Host\"}], \"devices\": [{}]}")]
    [InlineData("\0")]
    public void Other_texts_are_errors(string text) => Assert.NotNull(ClusterFile.Parse(text).Error);

    [Fact]
    public void Depth_is_limited()
    {
        TextError error = ClusterFile.Parse(new string('[', 100_000)).Error!;
        Assert.Equal((1, 66, "more than 64 levels"), (error.Line, error.Column, error.Message));
        Assert.NotNull(ClusterFile.Parse(string.Concat(Enumerable.Repeat("{\"a\":", 100_000))).Error);
    }

    [Fact]
    public void A_text_that_ends_anywhere_is_an_error()
    {
        string text = Good.TrimEnd();
        for (int length = 0; length < text.Length; length++)
        {
            TextError? error = ClusterFile.Parse(text[..length]).Error;
            Assert.NotNull(error);
            Assert.InRange(error.Line, 1, 12);
            Assert.InRange(error.Column, 1, 200);
        }
    }

    [Fact]
    public void Damaged_texts_never_throw() => Cases.Check(
        Gen.Select(Gen.Int[0, Good.Length - 1], Gen.Char, Gen.Int[0, 3]), 3_000, input =>
        {
            (int at, char character, int kind) = input;
            string text = kind switch
            {
                0 => string.Concat(Good.AsSpan(0, at), Good.AsSpan(at + 1)),
                1 => Good.Insert(at, character.ToString()),
                2 => string.Concat(Good.AsSpan(0, at), character.ToString(), Good.AsSpan(at + 1)),
                _ => Good.Insert(at, "{}[],:\"0-e.\\tn"[character % 13].ToString()),
            };
            Parsed<ClusterSpec> parsed = ClusterFile.Parse(text);
            Assert.True(parsed.Value is null != parsed.Error is null);
        });

    [Fact]
    public void A_byte_order_mark_and_carriage_returns_are_allowed()
    {
        Assert.NotNull(ClusterFile.Parse($"\uFEFF{Good.ReplaceLineEndings("\r\n")}").Value);
        TextError error = ClusterFile.Parse("\uFEFF{\r\n  x").Error!;
        Assert.Equal((2, 3), (error.Line, error.Column));
    }
}
