using ParallelDsl.Planning.Rings;
using ParallelDsl.Reporting;

namespace ParallelDsl.Tool.Rings;

/// <summary>A ring set as a page.</summary>
internal static class RingPage
{
    private const int MostColumns = 64;

    /// <summary>The drawing, the rings and, of not too many devices, the slots.</summary>
    public static string Write(RingRun run)
    {
        var tables = new List<PageTable>();
        RingSet set = run.Set;
        if (set.Kind != RingSetKind.Pairwise)
        {
            tables.Add(new PageTable(
                "Rings",
                "Devices in the order of travel." + (run.Note is { } note ? $" {char.ToUpperInvariant(note[0])}{note[1..]}." : ""),
                ["ring", "<devices"],
                [.. set.Rings.Select((ring, index) => new[] { RingText.Number(index), string.Join(' ', ring.Select(RingText.Number)) })]));
        }

        if (set.Devices <= MostColumns)
        {
            int[][] slots = set.SendSlots();
            tables.Add(new PageTable(
                "Slots",
                "The row sends the slot to the column" + (set.Kind == RingSetKind.Pairwise ? " in the first round." : "."),
                ["from", .. Enumerable.Range(0, set.Devices).Select(RingText.Number)],
                [.. slots.Select((row, from) => row.Select(slot => slot < 0 ? "-" : RingText.Number(slot)).Prepend(RingText.Number(from)).ToArray())]));
        }

        return RingHtml.Write(run.Heading, set, tables);
    }
}
