using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Execution;

/// <summary>Rows of keys and values of this rank that a ring reads: where they are kept, and where they lie in what travels.</summary>
/// <param name="ForwardUnit">The forward unit that keeps them, or <see cref="UnitRing.OwnUnit"/>.</param>
/// <param name="SourceRow">The first row there.</param>
/// <param name="Row">The first row in what travels.</param>
/// <param name="Length">How many rows.</param>
/// <param name="HistoryRow">The first row in the sums of gradients from later slices; negative where nothing is summed up for them.</param>
internal readonly record struct KeyRun(int ForwardUnit, int SourceRow, int Row, int Length, int HistoryRow);

/// <summary>One ring in one unit: the keys and values that every member sends around, which are those of the unit's slices and of all
/// earlier slices of their sequences, and which of this rank's queries meet which of them. Arrays grow and are used again.</summary>
internal sealed class UnitRing
{
    /// <summary>In a <see cref="KeyRun"/>: the rows are those of the unit itself.</summary>
    public const int OwnUnit = -1;

    private int[] _ranks = [];
    private int[] _tokens = [];
    private AttentionBlock[][] _blocks = [];
    private int[] _blockCounts = [];
    private KeyRun[] _keys = [];
    private int _keyCount;
    private Run[] _queries = [];
    private int _queryCount;
    private Run[] _runs = [];
    private int _runCount;
    private SequenceRows? _sequences;

    /// <summary>The least index of a ring with these members.</summary>
    public int Ring { get; private set; }

    /// <summary>How far it reaches.</summary>
    public Zone Zone { get; private set; }

    /// <summary>How many members it has.</summary>
    public int Size { get; private set; }

    /// <summary>This rank's position.</summary>
    public int Position { get; private set; }

    /// <summary>Whether it is of this rank alone and reads no earlier slices: then keys are read where they are.</summary>
    public bool IsDirect { get; private set; }

    /// <summary>How its keys and values travel.</summary>
    public Datapath Datapath { get; private set; }

    /// <summary>The rows of all members in the order of their sequences: only where ranks swap tokens for heads.</summary>
    public SequenceRows Sequences => _sequences ??= new SequenceRows();

    /// <summary>The attention rank that this one sends to.</summary>
    public int Next => _ranks[(Position + 1) % Size];

    /// <summary>The attention rank that this one receives from.</summary>
    public int Previous => _ranks[(Position + Size - 1) % Size];

    /// <summary>Rows of keys, of values or of gradients of either that a rank has at once in the backward: its own where it is alone, else four
    /// times those of the member with the most; none where keys are read where they are.</summary>
    public long RowsAtOnce
    {
        get
        {
            long most = 0;
            for (int member = 0; member < Size && !IsDirect; member++)
                most = Math.Max(most, _tokens[member]);
            return (Size == 1 ? 2 : 4) * most;
        }
    }

    /// <summary>This rank's rows of keys and values, in the order in which they travel.</summary>
    public ReadOnlySpan<KeyRun> Keys => _keys.AsSpan(0, _keyCount);

    /// <summary>The attention rank of a member.</summary>
    public int RankOf(int member) => _ranks[member];

    /// <summary>Whose keys this rank holds after <paramref name="hop"/> hops.</summary>
    public int SourceOf(int hop) => (Position + Size - (hop % Size)) % Size;

    /// <summary>Rows of keys of a member.</summary>
    public int TokensOf(int member) => _tokens[member];

    /// <summary>Which runs of this rank's queries meet which runs of the keys of <paramref name="member"/>. Runs wholly in the future are left
    /// out. Not where ranks swap tokens for heads.</summary>
    public ReadOnlySpan<AttentionBlock> BlocksOf(int member) => _blocks[member].AsSpan(0, _blockCounts[member]);

    /// <summary>Starts a ring without slices.</summary>
    public void Begin(StepPlan step, int ring, int position, bool isDirect, RingDatapaths datapaths)
    {
        ReadOnlySpan<int> ranks = step.RanksOf(ring);
        (Ring, Size, Position, IsDirect, _keyCount) = (ring, ranks.Length, position, isDirect, 0);
        Datapath = Size == 1 ? Datapath.Ring : datapaths.Of(step, ring);
        Zone = Size == 1 ? Zone.Local : step.RingZones[ring] == Zone.InterNode ? Zone.InterNode : Zone.IntraNode;
        if (_ranks.Length < Size)
        {
            _ranks = new int[Size];
            _tokens = new int[Size];
            _blockCounts = new int[Size];
            int known = _blocks.Length;
            Array.Resize(ref _blocks, Size);
            Array.Fill(_blocks, [], known, Size - known);
        }

        ranks.CopyTo(_ranks);
        Array.Clear(_tokens);
        Array.Clear(_blockCounts);
        if (Datapath == Datapath.AllToAll)
            Sequences.Begin(Size);
    }

    /// <summary>Adds the slices of one sequence that the unit carries: a contiguous run of slices.</summary>
    /// <param name="step">The plan.</param>
    /// <param name="first">The first of the slices.</param>
    /// <param name="end">The slice after the last.</param>
    /// <param name="rows">By slice, this rank's first row in the unit.</param>
    /// <param name="history">By slice, where this rank keeps its rows, and sums up their gradients.</param>
    public void AddSequence(StepPlan step, int first, int end, int[] rows, SliceHistory history)
    {
        int earliest = step.FirstSlices[step.Slices[first].Sequence];
        _queryCount = 0;
        for (int index = first; index < end; index++)
            AddRuns(ref _queries, ref _queryCount, step.Slices[index], Size, Position, rows[index]);
        if (IsDirect)
        {
            Pair(_queries.AsSpan(0, _queryCount), 0);
            return;
        }

        bool swaps = Datapath == Datapath.AllToAll;
        if (swaps)
            Sequences.AddSequence(step, first, end, Position, rows, _tokens.AsSpan(0, Size));
        for (int member = 0; member < Size; member++)
        {
            int row = _tokens[member];
            _runCount = 0;
            for (int index = earliest; index < end; index++)
            {
                int tokens = AddRuns(ref _runs, ref _runCount, step.Slices[index], Size, member, row);
                if (member == Position && tokens > 0)
                {
                    AddKeys(index < first
                        ? new KeyRun(step.Slices[index].ForwardUnit, history.ForwardRows[index], row, tokens, history.GradientRows[index])
                        : new KeyRun(OwnUnit, rows[index], row, tokens, -1));
                }

                row += tokens;
            }

            _tokens[member] = row;
            if (!swaps)
                Pair(_runs.AsSpan(0, _runCount), member);
        }
    }

    private void Pair(ReadOnlySpan<Run> keys, int member)
    {
        foreach (Run query in _queries.AsSpan(0, _queryCount))
        {
            foreach (Run key in keys)
            {
                if (key.Position >= query.Position + query.Length)
                    continue;
                int count = _blockCounts[member]++;
                if (count == _blocks[member].Length)
                    Array.Resize(ref _blocks[member], Math.Max(16, 2 * count));
                _blocks[member][count] = new AttentionBlock(query.Row, query.Length, query.Position, key.Row, key.Length, key.Position);
            }
        }
    }

    private void AddKeys(KeyRun run)
    {
        if (_keyCount == _keys.Length)
            Array.Resize(ref _keys, Math.Max(16, 2 * _keyCount));
        _keys[_keyCount++] = run;
    }

    /// <summary>Adds the rows of a member, which begin at <paramref name="row"/>; what goes on where the last run ends joins it. Returns how many rows.</summary>
    private static int AddRuns(ref Run[] runs, ref int count, in Slice slice, int ranks, int member, int row)
    {
        int start = row;
        Segments split = ZigzagSplit.SegmentsOf(slice.Length, ranks, member);
        for (int i = 0; i < split.Count; i++)
        {
            int position = slice.Start + split[i].Start, length = split[i].Length;
            if (count > 0 && runs[count - 1].Position + runs[count - 1].Length == position && runs[count - 1].Row + runs[count - 1].Length == row)
            {
                runs[count - 1] = runs[count - 1] with { Length = runs[count - 1].Length + length };
            }
            else
            {
                if (count == runs.Length)
                    Array.Resize(ref runs, Math.Max(4, 2 * count));
                runs[count++] = new Run(position, length, row);
            }

            row += length;
        }

        return row - start;
    }

    private readonly record struct Run(int Position, int Length, int Row);
}
