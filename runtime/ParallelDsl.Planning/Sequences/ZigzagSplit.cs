using static System.FormattableString;

namespace ParallelDsl.Planning.Sequences;

/// <summary>A contiguous part of a sequence.</summary>
/// <param name="Start">Its first token.</param>
/// <param name="Length">How many tokens.</param>
public readonly record struct Segment(int Start, int Length)
{
    /// <summary>The token after the last.</summary>
    public int End => Start + Length;
}

/// <summary>The segments of one rank: none, one or two, in order, never empty, never adjacent.</summary>
public readonly record struct Segments
{
    private readonly Segment _first;
    private readonly Segment _second;

    internal Segments(Segment first, Segment second)
    {
        if (first.Length == 0)
            (first, second) = (second, default);
        if (second.Length > 0 && first.End == second.Start)
            (first, second) = (new Segment(first.Start, first.Length + second.Length), default);
        (_first, _second) = (first, second);
        Count = first.Length == 0 ? 0 : second.Length == 0 ? 1 : 2;
    }

    /// <summary>How many segments there are.</summary>
    public int Count { get; }

    /// <summary>Tokens in all of them.</summary>
    public int Tokens => _first.Length + _second.Length;

    /// <summary>The segment at <paramref name="index"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such segment.</exception>
    public Segment this[int index] => index < 0 || index >= Count
        ? throw new ArgumentOutOfRangeException(nameof(index))
        : index == 0 ? _first : _second;
}

/// <summary>Divides a sequence over the sequence axis so that causal attention is balanced: 2n chunks over n ranks, rank r holds chunks r
/// and 2n-1-r, one cheap and one dear. Chunk i is [floor(iL / 2n), floor((i+1)L / 2n)), so every length is covered exactly and a rank
/// gets at most 2 ceil(L / 2n) tokens. Allocates nothing.</summary>
public static class ZigzagSplit
{
    /// <summary>The segments of <paramref name="rank"/>.</summary>
    /// <param name="length">L, tokens of the sequence.</param>
    /// <param name="ranks">n, the sequence degree.</param>
    /// <param name="rank">Which rank.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative length, no ranks, or a rank outside them.</exception>
    public static Segments SegmentsOf(int length, int ranks, int rank)
    {
        Check(length, ranks, rank);
        return new Segments(Chunk(length, ranks, rank), Chunk(length, ranks, (2 * ranks) - 1 - rank));
    }

    /// <summary>How many tokens <paramref name="rank"/> holds.</summary>
    /// <param name="length">L, tokens of the sequence.</param>
    /// <param name="ranks">n, the sequence degree.</param>
    /// <param name="rank">Which rank.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative length, no ranks, or a rank outside them.</exception>
    public static int TokensOf(int length, int ranks, int rank)
    {
        Check(length, ranks, rank);
        return Chunk(length, ranks, rank).Length + Chunk(length, ranks, (2 * ranks) - 1 - rank).Length;
    }

    private static Segment Chunk(int length, int ranks, int chunk)
    {
        long chunks = 2L * ranks;
        int start = (int)((long)chunk * length / chunks);
        return new Segment(start, (int)((chunk + 1L) * length / chunks) - start);
    }

    private static void Check(int length, int ranks, int rank)
    {
        if (length < 0)
            throw new ArgumentOutOfRangeException(nameof(length), Invariant($"a sequence of {length} tokens"));
        if (ranks is < 1 or > 1 << 29)
            throw new ArgumentOutOfRangeException(nameof(ranks), Invariant($"{ranks} ranks"));
        if (rank < 0 || rank >= ranks)
            throw new ArgumentOutOfRangeException(nameof(rank), Invariant($"rank {rank} of {ranks}"));
    }
}
