using System.CommandLine;
using System.Globalization;

namespace ParallelDsl.Tool;

/// <summary>Options whose value is a whole number, read the same way under every culture.</summary>
internal static class NumberOption
{
    /// <summary>An option that takes one number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static Option<int?> Int(string name, string helpName, int least, int most, string description) => new(name)
    {
        Description = description,
        HelpName = helpName,
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result => (int?)Parse(result, name, least, most),
    };

    /// <summary>The same for numbers of 64 bits.</summary>
    public static Option<long?> Long(string name, string helpName, long least, long most, string description) => new(name)
    {
        Description = description,
        HelpName = helpName,
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result => Parse(result, name, least, most),
    };

    private static long? Parse(System.CommandLine.Parsing.ArgumentResult result, string name, long least, long most)
    {
        string text = result.Tokens[0].Value;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= least && value <= most)
            return value;
        result.AddError(string.Create(
            CultureInfo.InvariantCulture, $"{name}: expected a whole number from {least} to {most}, found '{text}'"));
        return null;
    }
}
