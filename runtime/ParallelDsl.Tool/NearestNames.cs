namespace ParallelDsl.Tool;

/// <summary>What a misspelt name may have meant.</summary>
internal static class NearestNames
{
    /// <summary><c>; did you mean Gpt?</c>, or nothing where no name is near.</summary>
    public static string Suggest(string wrong, IEnumerable<string> names)
    {
        string[] near = [.. names
            .Select(name => (Name: name, Distance: Distance(wrong.ToUpperInvariant(), name.ToUpperInvariant())))
            .Where(name => name.Distance <= 1 + (Math.Max(wrong.Length, name.Name.Length) / 3))
            .OrderBy(name => name.Distance).ThenBy(name => name.Name, StringComparer.Ordinal)
            .Select(name => name.Name).Take(3)];
        return near.Length == 0 ? "" : $"; did you mean {string.Join(" or ", near)}?";
    }

    /// <summary>Insertions, deletions and substitutions from one to the other (Levenshtein).</summary>
    private static int Distance(string left, string right)
    {
        int[] row = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int substituted = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, 1 + Math.Min(row[j], row[j - 1]));
            }
        }

        return row[^1];
    }
}
