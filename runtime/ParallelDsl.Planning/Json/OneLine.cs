using System.Text;

namespace ParallelDsl.Planning.Json;

/// <summary>Makes a piece of a text that was read fit for a message: one line, and not long.</summary>
internal static class OneLine
{
    private const int Longest = 40;

    /// <summary>At most the first 40 characters of <paramref name="text"/>, with those that cannot be shown as question marks.</summary>
    public static string Of(string text)
    {
        var line = new StringBuilder();
        foreach (char character in text.Length > Longest ? text.Substring(0, Longest) : text)
            line.Append(char.IsControl(character) || character is '\u2028' or '\u2029' ? '?' : character);
        return text.Length > Longest ? line.Append("...").ToString() : line.ToString();
    }
}
