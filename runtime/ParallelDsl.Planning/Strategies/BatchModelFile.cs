using ParallelDsl.Planning.Json;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Reads the shape of a model from its JSON file: <c>name</c>, <c>layers</c>, <c>hidden</c>, <c>heads</c>, <c>keyValueHeads</c>,
/// <c>feedForward</c>, <c>vocabulary</c>, and where it has experts <c>experts</c> and <c>expertsPerToken</c>.</summary>
public static class BatchModelFile
{
    private const int MaximumCount = 1_000_000;

    // Costs of the longest sequence stay within 64 bits.
    private const int MaximumWidth = 100_000;

    /// <summary>The model that <paramref name="text"/> describes, or the first error in it, with its line, column and field. No other
    /// exception than for a null text.</summary>
    public static Parsed<BatchModel> Parse(string text)
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

    private static BatchModel Read(JsonValue root)
    {
        var members = new JsonObject(root);
        int Count(string name, int most) => (int)members.Required(name).AsWhole(1, most);

        members.Optional("$schema")?.AsText();
        string name = members.Text("name");
        if (name.Length == 0)
            throw members.Required("name").Error("a model needs a name");
        int layers = Count("layers", 1_000);
        int hidden = Count("hidden", MaximumWidth);
        int heads = Count("heads", MaximumCount);
        int keyValueHeads = Count("keyValueHeads", MaximumCount);
        int feedForward = Count("feedForward", MaximumCount);
        int vocabulary = Count("vocabulary", 10 * MaximumCount);
        int experts = (int)(members.Optional("experts")?.AsWhole(1, 1_000) ?? 1);
        int expertsPerToken = (int)(members.Optional("expertsPerToken")?.AsWhole(1, 1_000) ?? 1);
        members.End();

        if (hidden % heads != 0)
            throw members.Required("heads").Error(Invariant($"{heads} heads do not divide a width of {hidden}"));
        if (heads % keyValueHeads != 0)
            throw members.Required("keyValueHeads").Error(Invariant($"{keyValueHeads} heads of keys and values do not divide {heads} heads"));
        if (expertsPerToken > experts)
            throw members.Required("expertsPerToken").Error(Invariant($"a token takes {expertsPerToken} of {experts} experts"));
        return new BatchModel(name, layers, hidden, heads, keyValueHeads, feedForward, vocabulary, experts, expertsPerToken);
    }
}
