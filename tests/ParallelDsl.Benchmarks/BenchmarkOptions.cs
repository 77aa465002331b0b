using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;

namespace ParallelDsl.Benchmarks;

/// <summary>What every benchmark takes: where to write its figures, how many rounds to measure, where it has many cells, of which alone: those
/// whose name matches a regular expression; and, where it shows them, figures that another build wrote before.</summary>
internal sealed record BenchmarkOptions(string? JsonFile, int Rounds, string? Cells = null, string? BeforeFile = null)
{
    private const int DefaultRounds = 9;

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    public static bool TryParse(ReadOnlySpan<string> arguments, [NotNullWhen(true)] out BenchmarkOptions? options, [NotNullWhen(false)] out string? error)
    {
        options = null;
        error = null;
        string? jsonFile = null, cells = null, before = null;
        int rounds = DefaultRounds;
        for (int i = 0; i < arguments.Length; i += 2)
        {
            string? value = i + 1 < arguments.Length ? arguments[i + 1] : null;
            if (arguments[i] == "--json" && value is not null)
                jsonFile = value;
            else if (arguments[i] == "--cells" && value is not null)
                cells = value;
            else if (arguments[i] == "--before" && value is not null)
                before = value;
            else if (arguments[i] != "--rounds" || !int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out rounds) || rounds < 1)
            {
                error = $"{arguments[i]} {value}: expected --json FILE, --before FILE, --cells REGEX or --rounds N with N >= 1.";
                return false;
            }
        }
        options = new BenchmarkOptions(jsonFile, rounds, cells, before);
        return true;
    }

    /// <summary>The figures that another build wrote, if a file was named.</summary>
    public T? ReadBefore<T>()
        where T : class => BeforeFile is null ? null : JsonSerializer.Deserialize<T>(File.ReadAllText(BeforeFile), Json);

    /// <summary>Writes the figures of a benchmark if a file was asked for.</summary>
    public void WriteJson<T>(T figures)
    {
        if (JsonFile is not null)
            File.WriteAllText(JsonFile, JsonSerializer.Serialize(figures, Json) + "\n");
    }
}
