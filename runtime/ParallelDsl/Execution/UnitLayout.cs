using ParallelDsl.Kernels;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Execution;

/// <summary>Where the tokens of one unit lie on every rank of the sequence axis, and which pairs of runs attend to each other. Every rank
/// derives it alone from the batch; arrays grow and are used again.</summary>
public sealed class UnitLayout
{
    private int[] _tokenIds = [];
    private int[] _targets = [];
    private int[] _positions = [];
    private Run[][] _runs = [];
    private int[] _runCounts = [];
    private int[] _ringTokens = [];
    private AttentionBlock[][] _blocks = [];
    private int[] _blockCounts = [];

    /// <summary>Rows on this rank.</summary>
    public int Tokens { get; private set; }

    /// <summary>The token of every row.</summary>
    public ReadOnlySpan<int> TokenIds => _tokenIds.AsSpan(0, Tokens);

    /// <summary>The token that every row should predict: the next one of its sequence.</summary>
    public ReadOnlySpan<int> Targets => _targets.AsSpan(0, Tokens);

    /// <summary>Every row's position in its sequence.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Tokens);

    /// <summary>Rows of the unit on <paramref name="rank"/> of the sequence axis.</summary>
    public int TokensOf(int rank) => _ringTokens[rank];

    /// <summary>Which runs of this rank's queries meet which runs of the keys of <paramref name="rank"/>. Runs wholly in the future are left out.</summary>
    public ReadOnlySpan<AttentionBlock> BlocksOf(int rank) => _blocks[rank].AsSpan(0, _blockCounts[rank]);

    /// <summary>Lays out the sequences of one unit.</summary>
    /// <param name="batch">All sequences of the step; each has one token more than its length, the last being only a target.</param>
    /// <param name="members">Indices of the unit's sequences, ascending.</param>
    /// <param name="ranks">Size of the sequence axis.</param>
    /// <param name="rank">This rank's position on it.</param>
    public void Build(IReadOnlyList<int[]> batch, ReadOnlySpan<int> members, int ranks, int rank)
    {
        if (_runs.Length != ranks)
        {
            _runs = new Run[ranks][];
            _blocks = new AttentionBlock[ranks][];
            Array.Fill(_runs, []);
            Array.Fill(_blocks, []);
            _runCounts = new int[ranks];
            _ringTokens = new int[ranks];
            _blockCounts = new int[ranks];
        }

        for (int other = 0; other < ranks; other++)
            PlaceRuns(batch, members, ranks, other);
        Tokens = _ringTokens[rank];
        FillRows(batch, rank);
        for (int other = 0; other < ranks; other++)
            PairRuns(rank, other);
    }

    private void PlaceRuns(IReadOnlyList<int[]> batch, ReadOnlySpan<int> members, int ranks, int rank)
    {
        if (_runs[rank].Length < 2 * members.Length)
            _runs[rank] = new Run[Math.Max(2 * members.Length, 2 * _runs[rank].Length)];
        int count = 0, row = 0;
        foreach (int member in members)
        {
            Segments split = ZigzagSplit.SegmentsOf(batch[member].Length - 1, ranks, rank);
            for (int i = 0; i < split.Count; i++)
            {
                Segment segment = split[i];
                _runs[rank][count++] = new Run(member, segment.Start, segment.Length, row);
                row += segment.Length;
            }
        }

        _runCounts[rank] = count;
        _ringTokens[rank] = row;
    }

    private void FillRows(IReadOnlyList<int[]> batch, int rank)
    {
        if (_tokenIds.Length < Tokens)
        {
            int capacity = Math.Max(Tokens, 2 * _tokenIds.Length);
            _tokenIds = new int[capacity];
            _targets = new int[capacity];
            _positions = new int[capacity];
        }

        foreach (Run run in _runs[rank].AsSpan(0, _runCounts[rank]))
        {
            ReadOnlySpan<int> sequence = batch[run.Sequence];
            sequence.Slice(run.Position, run.Length).CopyTo(_tokenIds.AsSpan(run.Row));
            sequence.Slice(run.Position + 1, run.Length).CopyTo(_targets.AsSpan(run.Row));
            for (int i = 0; i < run.Length; i++)
                _positions[run.Row + i] = run.Position + i;
        }
    }

    private void PairRuns(int rank, int other)
    {
        ReadOnlySpan<Run> queries = _runs[rank].AsSpan(0, _runCounts[rank]);
        ReadOnlySpan<Run> keys = _runs[other].AsSpan(0, _runCounts[other]);
        int count = 0, firstKey = 0;

        // Both lists are in ascending order of sequences, so the keys of a sequence are found by walking on.
        foreach (Run query in queries)
        {
            while (firstKey < keys.Length && keys[firstKey].Sequence < query.Sequence)
                firstKey++;
            for (int i = firstKey; i < keys.Length && keys[i].Sequence == query.Sequence; i++)
            {
                if (keys[i].Position >= query.Position + query.Length)
                    continue;
                if (count == _blocks[other].Length)
                    Array.Resize(ref _blocks[other], Math.Max(16, 2 * count));
                _blocks[other][count++] = new AttentionBlock(query.Row, query.Length, query.Position, keys[i].Row, keys[i].Length, keys[i].Position);
            }
        }

        _blockCounts[other] = count;
    }

    private readonly record struct Run(int Sequence, int Position, int Length, int Row);
}
