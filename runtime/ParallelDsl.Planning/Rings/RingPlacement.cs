using ParallelDsl.Planning.Sequences;
using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>Which tokens of a batch's sequences lie on which rank and travel in which slot (after the zigzag placement of TASP, arXiv
/// 2509.26541; any lengths and packed sequences are ours). Allocates nothing.</summary>
/// <remarks>
/// <para>Causal: of n ranks with m slots, a sequence of L tokens is cut into 2 n m pieces, piece i is [floor(i L / 2nm), floor((i+1) L /
/// 2nm)). Rank r has m <em>heads</em>, pieces r m + i, and m <em>tails</em>, pieces 2 n m - (r + 1) m + i; both are contiguous, and are the
/// two chunks of <see cref="ZigzagSplit"/>, whatever m is. Without a mask there are n m pieces, heads only, r m + i on rank r.</para>
/// <para>Pieces of a sequence differ by at most one token. The head and the tail with the same i travel in one slot, i moved on by one for
/// every sequence of the batch, so that the tokens over of short sequences do not all travel in the same slot.</para>
/// <para>A rank attends to a slot of its own origin under the mask; with all of its queries to the heads of an earlier origin; with those
/// of its tails to all of a later origin. With equal pieces that is the same work for every rank in every iteration.</para>
/// </remarks>
public sealed class RingPlacement
{
    /// <param name="ranks">n, how many ranks.</param>
    /// <param name="slots">m, into how many parts keys and values of a rank are cut.</param>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="causal">Whether a token attends only to itself and to those before it.</param>
    /// <exception cref="ArgumentOutOfRangeException">No ranks, no slots, or a negative length.</exception>
    public RingPlacement(int ranks, int slots, EquatableArray<int> lengths, bool causal)
    {
        if (ranks < 1 || slots < 1 || (long)ranks * slots > 1 << 29)
            throw new ArgumentOutOfRangeException(nameof(slots), Invariant($"{ranks} ranks with {slots} slots"));
        for (int sequence = 0; sequence < lengths.Count; sequence++)
        {
            if (lengths[sequence] < 0)
                throw new ArgumentOutOfRangeException(nameof(lengths), Invariant($"sequence {sequence} of {lengths[sequence]} tokens"));
        }

        (Ranks, Slots, Lengths, IsCausal) = (ranks, slots, lengths, causal);
    }

    /// <summary>n, how many ranks.</summary>
    public int Ranks { get; }

    /// <summary>m, into how many parts keys and values of a rank are cut.</summary>
    public int Slots { get; }

    /// <summary>Tokens of each sequence.</summary>
    public EquatableArray<int> Lengths { get; }

    /// <summary>Whether a token attends only to itself and to those before it.</summary>
    public bool IsCausal { get; }

    /// <summary>The head of a sequence that travels in a slot of a rank; maybe empty.</summary>
    public Segment Head(int sequence, int rank, int slot)
    {
        Check(sequence, rank, slot);
        int first = (rank * Slots) + Place(sequence, slot);
        return Pieces(sequence, first, 1);
    }

    /// <summary>The tail of a sequence that travels in a slot of a rank; empty without a mask, maybe empty with one.</summary>
    public Segment Tail(int sequence, int rank, int slot)
    {
        Check(sequence, rank, slot);
        int first = (2 * Ranks * Slots) - ((rank + 1) * Slots) + Place(sequence, slot);
        return IsCausal ? Pieces(sequence, first, 1) : default;
    }

    /// <summary>All heads of a sequence on a rank.</summary>
    public Segment Heads(int sequence, int rank)
    {
        Check(sequence, rank, 0);
        return Pieces(sequence, rank * Slots, Slots);
    }

    /// <summary>All tails of a sequence on a rank.</summary>
    public Segment Tails(int sequence, int rank)
    {
        Check(sequence, rank, 0);
        return IsCausal ? Pieces(sequence, (2 * Ranks * Slots) - ((rank + 1) * Slots), Slots) : default;
    }

    /// <summary>How many tokens travel in a slot of a rank.</summary>
    public long SlotTokens(int rank, int slot)
    {
        long tokens = 0;
        for (int sequence = 0; sequence < Lengths.Count; sequence++)
            tokens += Head(sequence, rank, slot).Length + Tail(sequence, rank, slot).Length;
        return tokens;
    }

    /// <summary>How many tokens a rank holds.</summary>
    public long RankTokens(int rank)
    {
        long tokens = 0;
        for (int sequence = 0; sequence < Lengths.Count; sequence++)
            tokens += Heads(sequence, rank).Length + Tails(sequence, rank).Length;
        return tokens;
    }

    private int Place(int sequence, int slot) => (slot + (sequence % Slots)) % Slots;

    private Segment Pieces(int sequence, int first, int count)
    {
        long pieces = (IsCausal ? 2L : 1L) * Ranks * Slots, length = Lengths.Items[sequence];
        int start = (int)(first * length / pieces);
        return new Segment(start, (int)((first + count) * length / pieces) - start);
    }

    private void Check(int sequence, int rank, int slot)
    {
        if (sequence < 0 || sequence >= Lengths.Count)
            throw new ArgumentOutOfRangeException(nameof(sequence), Invariant($"sequence {sequence} of {Lengths.Count}"));
        if (rank < 0 || rank >= Ranks)
            throw new ArgumentOutOfRangeException(nameof(rank), Invariant($"rank {rank} of {Ranks}"));
        if (slot < 0 || slot >= Slots)
            throw new ArgumentOutOfRangeException(nameof(slot), Invariant($"slot {slot} of {Slots}"));
    }
}
