using System.Text;

namespace ParallelDsl.Planning.Plans;

/// <summary>A table of text that never leaves its width: columns of text give way before columns of numbers do.</summary>
/// <param name="width">The most columns of a line.</param>
/// <param name="indent">Spaces before every row.</param>
public sealed class PlanTextTable(int width, int indent)
{
    private const int Gap = 2;
    private const int SmallestText = 6;

    private readonly List<(string Title, bool IsText)> _columns = [];
    private readonly List<string[]> _rows = [];

    /// <summary>A column of words, aligned left, shortened where the line is too long.</summary>
    public PlanTextTable Text(string title)
    {
        _columns.Add((title, true));
        return this;
    }

    /// <summary>A column of numbers, aligned right.</summary>
    public PlanTextTable Number(string title)
    {
        _columns.Add((title, false));
        return this;
    }

    /// <summary>One row, a cell for each column.</summary>
    public void Row(params string[] cells) => _rows.Add(cells);

    /// <summary>Writes the titles and the rows.</summary>
    public void WriteTo(StringBuilder text)
    {
        int[] widths = Widths();
        WriteRow(text, widths, [.. _columns.Select(column => column.Title)]);
        foreach (string[] row in _rows)
            WriteRow(text, widths, row);
    }

    private int[] Widths()
    {
        var widths = new int[_columns.Count];
        for (int i = 0; i < widths.Length; i++)
            widths[i] = Math.Max(_columns[i].Title.Length, _rows.Select(row => row[i].Length).DefaultIfEmpty().Max());

        while (indent + widths.Sum() + (Gap * (widths.Length - 1)) > width)
        {
            int widest = -1;
            for (int i = 0; i < widths.Length; i++)
            {
                if (_columns[i].IsText && widths[i] > SmallestText && (widest < 0 || widths[i] > widths[widest]))
                    widest = i;
            }

            if (widest < 0)
                break;
            widths[widest]--;
        }

        return widths;
    }

    private void WriteRow(StringBuilder text, int[] widths, string[] cells)
    {
        var line = new StringBuilder().Append(' ', indent);
        for (int i = 0; i < cells.Length; i++)
        {
            string cell = PlanText.Fit(cells[i], widths[i]);
            line.Append(_columns[i].IsText ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i])).Append(' ', Gap);
        }

        text.Append(PlanText.Fit(line.ToString().TrimEnd(), width)).Append('\n');
    }
}
