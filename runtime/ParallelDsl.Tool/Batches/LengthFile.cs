using System.Globalization;

namespace ParallelDsl.Tool.Batches;

/// <summary>The lengths of sequences, one a line. Blank lines count for nothing.</summary>
/// <param name="path">The file.</param>
/// <param name="lengths">Tokens of each sequence.</param>
/// <param name="lines">The line of each, from 1.</param>
internal sealed class LengthFile(string path, List<int> lengths, List<int> lines)
{
    private const int LongestQuote = 40;

    /// <summary>Tokens of each sequence.</summary>
    public IReadOnlyList<int> Lengths => lengths;

    /// <summary>Reads the file at <paramref name="path"/>.</summary>
    /// <exception cref="CommandException">It is missing, has no lengths, or a line is no length.</exception>
    public static LengthFile Read(string path)
    {
        string[] texts = InputFile.Read(path).Split('\n');
        var file = new LengthFile(path, [], []);
        for (int index = 0; index < texts.Length; index++)
            file.Add(texts[index].Trim(), index + 1);
        return file.Lengths.Count > 0 ? file : throw CommandException.BadInput($"{path}: has no lengths; write one a line");
    }

    /// <summary>Cuts what is longer than <paramref name="most"/>.</summary>
    /// <returns>How many sequences were cut.</returns>
    public int Truncate(int most)
    {
        int cut = 0;
        for (int sequence = 0; sequence < lengths.Count; sequence++)
        {
            if (lengths[sequence] <= most)
                continue;
            lengths[sequence] = most;
            cut++;
        }

        return cut;
    }

    /// <summary>Refuses what is longer than <paramref name="most"/>.</summary>
    /// <param name="most">Tokens.</param>
    /// <param name="limit">What the message says of the limit, after "more than".</param>
    /// <exception cref="CommandException">A sequence is longer.</exception>
    public void Check(long most, string limit)
    {
        int sequence = lengths.FindIndex(length => length > most);
        if (sequence >= 0)
            throw Fault(lines[sequence], $"{Text(lengths[sequence])} tokens are more than {limit}");
    }

    private void Add(string text, int line)
    {
        if (text.Length == 0)
            return;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int length) || length == 0)
        {
            string quoted = text.Length <= LongestQuote ? text : text[..LongestQuote] + "...";
            throw Fault(line, $"expected a whole number of tokens from 1 to {Text(int.MaxValue)}, found '{quoted}'");
        }

        lengths.Add(length);
        lines.Add(line);
    }

    private CommandException Fault(int line, string fault) => CommandException.BadInput($"{path}: line {Text(line)}, length: {fault}");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
