using ParallelDsl.Planning.Json;

namespace ParallelDsl.Planning.Models;

/// <summary>Reads and writes the measured times of a model's layers, <c>*.layers.json</c>; <c>docs/layers.schema.json</c> describes the
/// format. A time is a decimal number of ms or us; it becomes ticks of 0.01 ms, rounded to nearest and away from zero where two are as
/// near, without a step through floating point.</summary>
public static class LayerProfileFile
{
    // Of either unit: 115 days in ms.
    private const long MaximumTime = 10_000_000_000;

    /// <summary>The kinds of layer that a profile may name.</summary>
    public static EquatableArray<string> Kinds { get; } =
        new(["embedding", "head", "mamba", "feed-forward", "attention", "mixture-of-experts", "transformer-block"]);

    /// <summary>The profile that <paramref name="text"/> describes, or the first error in it, with its line, column and field. No other
    /// exception than for a null text.</summary>
    public static Parsed<LayerProfile> Parse(string text)
    {
        try
        {
            return new(Read(JsonReader.Read(text)), null);
        }
        catch (TextException exception)
        {
            return new(null, exception.Error);
        }
    }

    /// <summary>The text of <paramref name="profile"/> in ms, one layer a line; <see cref="Parse"/> reads it back as an equal
    /// profile.</summary>
    public static string Write(LayerProfile profile)
    {
        JsonWriter writer = new JsonWriter(compact: false).Object().Member("model", profile.Model).Member("unit", "ms");
        writer.Name("layers").Array();
        foreach (ProfiledLayer layer in profile.Layers)
        {
            const int decimals = 2;
            writer.Object(row: true).Member("kind", layer.Kind).Member("forward", layer.Forward, decimals)
                .Member("backwardInput", layer.BackwardInput, decimals).Member("backwardWeight", layer.BackwardWeight, decimals);
            if (layer.Pinned != LayerPin.None)
                writer.Member("pinned", layer.Pinned == LayerPin.First ? "first" : "last");
            writer.End();
        }

        return writer.End().End().ToString();
    }

    private static LayerProfile Read(JsonValue root)
    {
        var members = new JsonObject(root);
        members.Optional("$schema")?.AsText();
        string model = members.Text("model");
        if (model.Length == 0)
            throw members.Required("model").Error("a model needs a name");
        int decimals = ReadUnit(members.Required("unit"));
        JsonValue list = members.Required("layers");
        if (list.AsItems().Count == 0)
            throw list.Error("expected at least one layer");
        ProfiledLayer[] layers = [.. list.Items.Select(item => ReadLayer(item, decimals))];
        members.End();
        CheckPins(list, layers);
        return new LayerProfile(model, new(layers));
    }

    // The decimals of a tick in the unit: 0.01 ms, 10 us.
    private static int ReadUnit(JsonValue value) => value.AsText() switch
    {
        "ms" => 2,
        "us" => -1,
        string other => throw value.Error($"expected ms or us, found '{OneLine.Of(other)}'"),
    };

    private static ProfiledLayer ReadLayer(JsonValue item, int decimals)
    {
        var members = new JsonObject(item);
        string kind = ReadKind(members.Required("kind"));
        long forward = members.Required("forward").AsUnits(decimals, MaximumTime);
        long backwardInput = members.Required("backwardInput").AsUnits(decimals, MaximumTime);
        long backwardWeight = members.Required("backwardWeight").AsUnits(decimals, MaximumTime);
        LayerPin pinned = members.Optional("pinned") is { } value ? ReadPin(value) : LayerPin.None;
        members.End();
        return new ProfiledLayer(kind, forward, backwardInput, backwardWeight, pinned);
    }

    private static string ReadKind(JsonValue value)
    {
        string kind = value.AsText();
        if (Kinds.Contains(kind))
            return kind;
        string nearest = Kinds.OrderBy(known => JsonObject.Distance(known, kind)).First();
        string hint = JsonObject.IsNear(nearest, kind) ? $"did you mean '{nearest}'? " : "";
        throw value.Error($"the kind '{OneLine.Of(kind)}' is unknown; {hint}known are {string.Join(", ", Kinds)}");
    }

    private static LayerPin ReadPin(JsonValue value) => value.AsText() switch
    {
        "first" => LayerPin.First,
        "last" => LayerPin.Last,
        string other => throw value.Error($"expected first or last, found '{OneLine.Of(other)}'"),
    };

    private static void CheckPins(JsonValue list, ProfiledLayer[] layers)
    {
        for (int index = 1; index < layers.Length; index++)
        {
            (LayerPin before, LayerPin pinned) = (layers[index - 1].Pinned, layers[index].Pinned);
            if (pinned == LayerPin.First && before != LayerPin.First)
                throw list.Items[index].Error("a layer that is pinned first stands after one that is not");
            if (before == LayerPin.Last && pinned != LayerPin.Last)
                throw list.Items[index].Error("a layer that is not pinned last stands after one that is");
        }
    }
}
