using System.Globalization;
using System.Text;

namespace ParallelDsl.Testing;

/// <summary>The difference of two texts by lines, for an error message.</summary>
internal static class LineDifference
{
    private const int Context = 3;
    private const int MostLines = 60;

    /// <summary>The table of common lines has one cell for each pair of lines: texts that differ over more than this are shown as one
    /// removed and one added piece.</summary>
    private const long MostCells = 4_000_000;

    /// <summary>Lines with <c>-</c> where only <paramref name="accepted"/> has them, <c>+</c> where only <paramref name="received"/> has them,
    /// and a few that both have around them; at most about sixty.</summary>
    public static string Write(string accepted, string received)
    {
        List<(char Mark, int Number, string Text)> lines = Compare(Split(accepted), Split(received));
        var text = new StringBuilder();
        int written = 0, last = -1;
        for (int i = 0; i < lines.Count; i++)
        {
            if (!IsNearChange(lines, i))
                continue;
            if (written == MostLines)
            {
                int rest = lines.Skip(i).Count(line => line.Mark != ' ');
                return text.Append(CultureInfo.InvariantCulture, $"… and {rest} more changed lines").ToString();
            }

            if (last >= 0 && i > last + 1)
                text.Append("  …\n");
            text.Append(CultureInfo.InvariantCulture, $"{lines[i].Mark} {lines[i].Number,5}  {Visible(lines[i].Text)}\n");
            last = i;
            written++;
        }

        return text.ToString().TrimEnd('\n');
    }

    private static string[] Split(string text) => text.Length == 0 ? [] : text.Split('\n');

    private static bool IsNearChange(List<(char Mark, int Number, string Text)> lines, int index)
    {
        for (int i = Math.Max(0, index - Context); i <= Math.Min(lines.Count - 1, index + Context); i++)
        {
            if (lines[i].Mark != ' ')
                return true;
        }

        return false;
    }

    /// <summary>All lines in order, with their numbers in their own text, after the longest common subsequence.</summary>
    private static List<(char Mark, int Number, string Text)> Compare(string[] left, string[] right)
    {
        int start = 0;
        while (start < left.Length && start < right.Length && left[start] == right[start])
            start++;
        int end = 0;
        while (end < left.Length - start && end < right.Length - start && left[^(end + 1)] == right[^(end + 1)])
            end++;

        var lines = new List<(char Mark, int Number, string Text)>();
        for (int i = 0; i < start; i++)
            lines.Add((' ', i + 1, left[i]));
        CompareMiddle(left, right, start, left.Length - end, right.Length - end, lines);
        for (int i = right.Length - end; i < right.Length; i++)
            lines.Add((' ', i + 1, right[i]));
        return lines;
    }

    private static void CompareMiddle(
        string[] left, string[] right, int start, int leftEnd, int rightEnd, List<(char Mark, int Number, string Text)> lines)
    {
        int rows = leftEnd - start, columns = rightEnd - start;
        // common[i, j]: how many lines the rests from i and from j have in common. Left out where it would be too large.
        int[,] common = (rows + 1L) * (columns + 1) <= MostCells ? new int[rows + 1, columns + 1] : new int[0, 0];
        bool isKnown = common.Length > 0;
        for (int i = rows - 1; isKnown && i >= 0; i--)
        {
            for (int j = columns - 1; j >= 0; j--)
            {
                common[i, j] = left[start + i] == right[start + j]
                    ? common[i + 1, j + 1] + 1
                    : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }

        for (int i = 0, j = 0; i < rows || j < columns;)
        {
            if (isKnown && i < rows && j < columns && left[start + i] == right[start + j])
                lines.Add((' ', start + ++j, left[start + i++]));
            else if (i < rows && (j == columns || !isKnown || common[i + 1, j] >= common[i, j + 1]))
                lines.Add(('-', start + i + 1, left[start + i++]));
            else
                lines.Add(('+', start + j + 1, right[start + j++]));
        }
    }

    /// <summary>Long lines are cut, blanks at their end are shown.</summary>
    private static string Visible(string line)
    {
        const int Longest = 160;
        if (line.Length > Longest)
            return string.Concat(line.AsSpan(0, Longest), "…");
        int text = line.AsSpan().TrimEnd().Length;
        return text == line.Length ? line : string.Concat(line.AsSpan(0, text), new string('·', line.Length - text));
    }
}
