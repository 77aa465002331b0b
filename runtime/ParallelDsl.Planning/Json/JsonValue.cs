using System.Globalization;
using static System.FormattableString;

namespace ParallelDsl.Planning.Json;

internal enum JsonKind
{
    Object,
    Array,
    Text,
    Number,
    Boolean,
    Null,
}

/// <summary>A value of a JSON text, with its place and its path, which its errors name.</summary>
internal sealed class JsonValue(JsonKind kind, int line, int column, string path)
{
    public JsonKind Kind { get; } = kind;

    public string Path { get; } = path;

    /// <summary>The content of a text, the digits of a number, true or false.</summary>
    public string Content { get; init; } = "";

    public List<JsonValue> Items { get; } = [];

    public List<(string Name, JsonValue Value, TextError Place)> Members { get; } = [];

    public TextException Error(string message) => new(new TextError(line, column, Path, message));

    public string AsText() => Kind == JsonKind.Text ? Content : throw Error($"expected text, found {Describe()}");

    public bool AsBoolean() => Kind == JsonKind.Boolean ? Content == "true" : throw Error($"expected true or false, found {Describe()}");

    public List<JsonValue> AsItems() => Kind == JsonKind.Array ? Items : throw Error($"expected an array, found {Describe()}");

    /// <summary>A whole number between two bounds.</summary>
    public long AsWhole(long least, long most)
    {
        if (Kind != JsonKind.Number)
            throw Error($"expected a whole number, found {Describe()}");
        if (Content.IndexOfAny(['.', 'e', 'E']) >= 0)
            throw Error($"expected a whole number written without fraction or exponent, found {Describe()}");
        bool valid = long.TryParse(Content, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value);
        return valid && value >= least && value <= most
            ? value
            : throw Error(Invariant($"expected a whole number from {least} to {most}, found {Describe()}"));
    }

    /// <summary>A number above 0 in thousandths, rounded to nearest.</summary>
    public long AsThousandths(long most)
    {
        if (Kind != JsonKind.Number)
            throw Error($"expected a number, found {Describe()}");
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        bool valid = decimal.TryParse(Content, style, CultureInfo.InvariantCulture, out decimal value);
        return valid && value >= 0.001m && value <= most
            ? decimal.ToInt64(decimal.Round(value * 1000m, 0, MidpointRounding.AwayFromZero))
            : throw Error(Invariant($"expected a number from 0.001 to {most}, found {Describe()}"));
    }

    /// <summary>A number from 0 to a bound in units of 10 to the power of minus <paramref name="decimals"/>, rounded to nearest and away
    /// from zero where two are as near. Exact, however many digits it has.</summary>
    public long AsUnits(int decimals, long most)
    {
        if (Kind != JsonKind.Number)
            throw Error($"expected a number, found {Describe()}");
        return DecimalText.ToUnits(Content, decimals) is { } units && units <= DecimalText.ToUnits(Invariant($"{most}"), decimals)
            ? units
            : throw Error(Invariant($"expected a number from 0 to {most}, found {Describe()}"));
    }

    /// <summary>The member of <typeparamref name="T"/> with this name, exactly as it is spelled in C#.</summary>
    public T AsEnum<T>()
        where T : struct, Enum
    {
        // TryParse takes numbers and lists too; only a name comes back as itself.
        string text = AsText();
        return Enum.TryParse(text, out T value) && value.ToString() == text
            ? value
            : throw Error($"expected one of {string.Join(", ", typeof(T).GetEnumNames())}, found {Describe()}");
    }

    private string Describe() => Kind switch
    {
        JsonKind.Object => "an object",
        JsonKind.Array => "an array",
        JsonKind.Text => $"'{OneLine.Of(Content)}'",
        JsonKind.Null => "null",
        _ => OneLine.Of(Content),
    };
}

/// <summary>Reads the members of an object, and finds those that nobody asked for.</summary>
internal sealed class JsonObject
{
    private readonly JsonValue _value;
    private readonly List<string> _known = [];

    public JsonObject(JsonValue value)
    {
        _value = value;
        if (value.Kind != JsonKind.Object)
            throw value.Error("expected an object");
    }

    public JsonValue? Optional(string name)
    {
        _known.Add(name);
        foreach ((string member, JsonValue value, _) in _value.Members)
        {
            if (member == name)
                return value;
        }

        return null;
    }

    public JsonValue Required(string name)
    {
        if (Optional(name) is { } found)
            return found;

        // A slip of the pen is a better error than a missing member.
        foreach ((string member, _, TextError place) in _value.Members)
        {
            if (!_known.Contains(member) && IsNear(name, member))
                throw Unknown(place, member, $"did you mean '{name}'?");
        }

        throw _value.Error($"'{name}' is missing");
    }

    public string Text(string name) => Required(name).AsText();

    public int Int(string name) => (int)Required(name).AsWhole(int.MinValue, int.MaxValue);

    public int OptionalInt(string name, int otherwise) => Optional(name) is { } value ? (int)value.AsWhole(int.MinValue, int.MaxValue) : otherwise;

    public long Long(string name) => Required(name).AsWhole(long.MinValue, long.MaxValue);

    public T Enum<T>(string name)
        where T : struct, Enum => Required(name).AsEnum<T>();

    public T OptionalEnum<T>(string name, T otherwise)
        where T : struct, Enum => Optional(name) is { } value ? value.AsEnum<T>() : otherwise;

    public EquatableArray<T> Array<T>(string name, Func<JsonValue, T> read) => new([.. Required(name).AsItems().Select(read)]);

    /// <summary>Ends reading: a member that was not asked for is an error.</summary>
    public void End()
    {
        foreach ((string name, _, TextError place) in _value.Members)
        {
            if (_known.Contains(name))
                continue;
            string nearest = _known.OrderBy(known => Distance(known, name)).First();
            throw Unknown(place, name, IsNear(nearest, name) ? $"did you mean '{nearest}'?" : $"known are {string.Join(", ", _known)}");
        }
    }

    private static TextException Unknown(TextError place, string name, string hint) =>
        new(place with { Message = $"'{OneLine.Of(name)}' is unknown; {hint}" });

    internal static bool IsNear(string known, string name) => Distance(known, name) <= 1 + (known.Length / 3);

    // Levenshtein's, of names that are not absurdly long.
    internal static int Distance(string left, string right)
    {
        if (right.Length > 64)
            return right.Length;
        var row = new int[right.Length + 1];
        for (int j = 0; j < row.Length; j++)
            row[j] = j;
        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int substitute = diagonal + (char.ToUpperInvariant(left[i - 1]) == char.ToUpperInvariant(right[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitute, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[right.Length];
    }
}
