using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>Cuts the rows of a rank into near-equal parts: every segment is cut into contiguous pieces, the p-th of which is in part p, and
/// the rows that are over are dealt to the parts in turn, from segment to segment. Allocates nothing.</summary>
/// <remarks>Heads and tails of a zigzag split are in every part in their proportion, which is what balances causal attention where
/// parts of several ranks meet (after TASP, arXiv 2509.26541; any lengths are ours). Of R rows of m parts, part p has floor(R / m), and
/// one more if p is less than R mod m, however the rows are divided into segments. So parts of several ranks, each part once, have together
/// at most as many rows as the rank with the most.</remarks>
public static class RowParts
{
    /// <summary>Rows of a segment in a part.</summary>
    /// <param name="length">Rows of the segment.</param>
    /// <param name="parts">m, how many parts.</param>
    /// <param name="part">Which part.</param>
    /// <param name="before">Rows of the segments before.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative rows, no parts, or a part outside them.</exception>
    public static int RowsOf(int length, int parts, int part, int before)
    {
        if (length < 0 || before < 0)
            throw new ArgumentOutOfRangeException(nameof(length), Invariant($"{length} rows after {before}"));
        if (part < 0 || part >= parts)
            throw new ArgumentOutOfRangeException(nameof(part), Invariant($"part {part} of {parts}"));
        int turn = part - (before % parts);
        return (length / parts) + ((turn < 0 ? turn + parts : turn) < length % parts ? 1 : 0);
    }

    /// <summary>One of the parts in which a segment has rows, of which there are min(length, m): in ascending order, as its pieces lie.</summary>
    /// <param name="length">Rows of the segment.</param>
    /// <param name="parts">m, how many parts.</param>
    /// <param name="index">Which of those with rows.</param>
    /// <param name="before">Rows of the segments before.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative rows, or no such part.</exception>
    public static int PartAt(int length, int parts, int index, int before)
    {
        if (length < 0 || before < 0)
            throw new ArgumentOutOfRangeException(nameof(length), Invariant($"{length} rows after {before}"));
        if (index < 0 || index >= Math.Min(length, parts))
            throw new ArgumentOutOfRangeException(nameof(index), Invariant($"part {index} of those of {parts} that have some of {length} rows"));
        if (length >= parts)
            return index;

        // One row each, of parts in turn: the first ones are those after the last part.
        int first = before % parts, wrapped = Math.Max(0, length - (parts - first));
        return index < wrapped ? index : first + index - wrapped;
    }
}
