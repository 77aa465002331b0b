using System.Globalization;
using System.Text;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Tool.Rings;

/// <summary>A ring set as text of at most 100 columns.</summary>
internal static class RingText
{
    private const int Width = 100;
    private const int MostColumns = 24;

    /// <summary>The rings, and of few devices the slots.</summary>
    public static string Write(RingRun run)
    {
        var text = new StringBuilder();
        text.Append(run.Heading).Append(run.Check.IsVerified ? ", verified\n" : "\n");
        if (run.Note is { } note)
            Wrap(text, "", note.Split(' '));
        RingSet set = run.Set;
        if (set.Kind != RingSetKind.Pairwise)
        {
            int digits = Digits(set.Rings.Count - 1);
            text.Append("\nRings, in the order of travel").Append(set.IsClosed ? "; the last device sends to the first\n" : "; open paths\n");
            for (int ring = 0; ring < set.Rings.Count; ring++)
                Wrap(text, $"  {Number(ring).PadLeft(digits)}  ", set.Rings[ring].Select(Number));
        }

        if (set.Devices > MostColumns)
            return text.Append("\nSlots of each pair of devices: see --json\n").ToString();
        WriteSlots(text, set);
        return text.ToString();
    }

    /// <summary>A number as the command takes it.</summary>
    public static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static void WriteSlots(StringBuilder text, RingSet set)
    {
        int digits = Math.Max(Digits(set.Devices - 1), 1), rows = 4 + digits;
        text.Append("\nSlots: row sends to column").Append(set.Kind == RingSetKind.Pairwise ? " in the first round; one less in every further round\n" : "\n");
        text.Append(' ', rows);
        for (int to = 0; to < set.Devices; to++)
            text.Append(' ').Append(Number(to).PadLeft(digits));
        text.Append('\n');
        int[][] slots = set.SendSlots();
        for (int from = 0; from < set.Devices; from++)
        {
            text.Append("  ").Append(Number(from).PadLeft(digits)).Append("  ");
            foreach (int slot in slots[from])
                text.Append(' ').Append((slot < 0 ? "-" : Number(slot)).PadLeft(digits));
            text.Append('\n');
        }
    }

    private static int Digits(int value) => Number(value).Length;

    private static void Wrap(StringBuilder text, string prefix, IEnumerable<string> words)
    {
        int column = prefix.Length;
        text.Append(prefix);
        bool isFirst = true;
        foreach (string word in words)
        {
            if (!isFirst && column + 1 + word.Length > Width)
            {
                text.Append('\n').Append(' ', prefix.Length);
                (column, isFirst) = (prefix.Length, true);
            }

            text.Append(isFirst ? "" : " ").Append(word);
            column += word.Length + (isFirst ? 0 : 1);
            isFirst = false;
        }

        text.Append('\n');
    }
}
