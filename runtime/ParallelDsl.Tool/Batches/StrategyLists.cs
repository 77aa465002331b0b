using ParallelDsl.Planning;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Tool.Batches;

/// <summary>Lists of strategies as the command line takes them.</summary>
internal static class StrategyLists
{
    /// <summary>Stands for every name.</summary>
    public const string All = "all";

    /// <summary>Stands for no baseline.</summary>
    public const string None = "none";

    /// <summary>The names of the strategies, for a help text.</summary>
    public static string Names { get; } = string.Join(", ", StrategyNames.All);

    /// <summary>The strategies of <c>--strategy</c>: names with commas between them, or all; in the order of
    /// <see cref="StrategyNames.All"/>.</summary>
    /// <exception cref="CommandException">A name is unknown or stands there twice.</exception>
    public static EquatableArray<string> Parse(string text) =>
        text == All ? StrategyNames.All : Parse("--strategy", "strategy", text, StrategyNames.All, [All]);

    /// <summary>The baselines of <c>--over</c>: names, all or none.</summary>
    /// <exception cref="CommandException">A name is unknown, no baseline, or stands there twice.</exception>
    public static EquatableArray<string> ParseBaselines(string text) => text switch
    {
        All => StrategyNames.Baselines,
        None => default,
        _ => Parse("--over", "baseline", text, StrategyNames.Baselines, [All, None]),
    };

    private static EquatableArray<string> Parse(string option, string noun, string text, EquatableArray<string> known, string[] words)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (string name in text.Split(','))
        {
            if (!known.Contains(name))
            {
                string list = string.Join(", ", known) + " and " + string.Join(" and ", words);
                throw CommandException.BadInput(
                    $"{option}: no {noun} is called '{name}'{NearestNames.Suggest(name, known.Concat(words))}; known are {list}");
            }

            if (!names.Add(name))
                throw CommandException.BadInput($"{option}: {name} stands there twice");
        }

        return known.Where(names.Contains).ToEquatableArray();
    }
}
