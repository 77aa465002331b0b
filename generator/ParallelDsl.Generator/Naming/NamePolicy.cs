using System.Globalization;
using System.Text;
using Humanizer;
using Microsoft.CodeAnalysis.CSharp;

namespace ParallelDsl.Generator.Naming;

/// <summary>How names and numbers are written in generated code. The only caller of Humanizer, whose words depend on the culture and whose
/// singulars are sometimes wrong ("loss" becomes "los"): always the invariant culture here, and a list of words it must not touch.</summary>
internal static class NamePolicy
{
    private static readonly HashSet<string> Uninflected =
        new(StringComparer.Ordinal) { "loss", "bias", "radius", "class", "status", "axis", "basis" };

    /// <summary>A name as C# has to write it: with an at sign where it is a keyword.</summary>
    public static string Identifier(string name) =>
        SyntaxFacts.GetKeywordKind(name) == SyntaxKind.None && SyntaxFacts.GetContextualKeywordKind(name) == SyntaxKind.None ? name : "@" + name;

    /// <summary>A count and its noun: <c>1 layer</c>, <c>12 layers</c>, <c>1,024 ranks</c>.</summary>
    public static string Quantity(long count, string noun)
    {
        string word = count == 1 || Uninflected.Contains(noun) ? noun : noun.Pluralize(inputIsKnownToBeSingular: true);
        return $"{Number(count)} {word}";
    }

    /// <summary>A number with its thousands apart: <c>8,192</c>.</summary>
    public static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A number as a C# literal with its thousands apart: <c>8_192</c>.</summary>
    public static string Literal(long value) => value.ToString("N0", CultureInfo.InvariantCulture).Replace(',', '_');

    /// <summary>The name of a generated file, before the concern. Two models whose names differ only in case get <paramref name="suffix"/>es,
    /// because the compiler compares these names without case.</summary>
    public static string HintName(string fullName, string suffix)
    {
        StringBuilder hint = new(fullName.Length + suffix.Length);
        foreach (char character in fullName)
        {
            if (char.IsLetterOrDigit(character) || character is '.' or '_')
                hint.Append(character);
            else
                hint.Append('-').Append(((int)character).ToString("x4", CultureInfo.InvariantCulture));
        }

        return hint.Append(suffix).ToString();
    }

    /// <summary>Eight hexadecimal digits that tell two names apart (FNV-1a, 32 bits, over UTF-16 code units).</summary>
    public static string Fingerprint(string name)
    {
        uint hash = 2_166_136_261;
        foreach (char character in name)
            hash = unchecked((hash ^ character) * 16_777_619);
        return hash.ToString("x8", CultureInfo.InvariantCulture);
    }
}
