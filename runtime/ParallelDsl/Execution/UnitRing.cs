using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Rings;
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
/// <param name="isCausal">Whether a query sees only the keys up to its own position; else all of its sequence.</param>
internal sealed class UnitRing(bool isCausal = true)
{
    /// <summary>In a <see cref="KeyRun"/>: the rows are those of the unit itself.</summary>
    public const int OwnUnit = -1;

    private int[] _ranks = [];
    private int[] _tokens = [];

    // By member and part.
    private int[] _partTokens = [];
    private AttentionBlock[][] _blocks = [];
    private int[] _blockCounts = [];

    // By hop, and by hop and lane.
    private AttentionBlock[][] _hopBlocks = [];
    private int[] _hopBlockCounts = [];
    private int[] _hopRows = [];
    private int[] _starts = [];
    private KeyRun[] _keys = [];
    private int[] _keyParts = [];
    private int _keyCount;
    private Run[] _queries = [];
    private int _queryCount;
    private Run[][] _runs = [];

    // By part, of one member at a time: all counts are zero in between.
    private int[] _runCounts = [];
    private int[] _usedParts = [];
    private int _usedCount;
    private MemberItinerary? _itinerary;
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

    /// <summary>The ways of keys and values. Not where ranks swap tokens for heads.</summary>
    public MemberItinerary Itinerary => _itinerary!;

    /// <summary>The rows of all members in the order of their sequences: only where ranks swap tokens for heads.</summary>
    public SequenceRows Sequences => _sequences ??= new SequenceRows(isCausal);

    /// <summary>Rows of keys, of values or of gradients of either that a rank has at once in the backward, as its itinerary says; none where keys are
    /// read where they are.</summary>
    public long RowsAtOnce
    {
        get
        {
            long most = 0;
            for (int member = 0; member < Size && !IsDirect; member++)
                most = Math.Max(most, _tokens[member]);
            return Itinerary.All.BlocksAtOnce * most;
        }
    }

    /// <summary>This rank's rows of keys and values, in the order in which they travel.</summary>
    public ReadOnlySpan<KeyRun> Keys => _keys.AsSpan(0, _keyCount);

    /// <summary>The attention rank of a member.</summary>
    public int RankOf(int member) => _ranks[member];

    /// <summary>Rows of keys of a member.</summary>
    public int TokensOf(int member) => _tokens[member];

    /// <summary>Which runs of this rank's queries meet which runs of a part of the keys of <paramref name="member"/>, whose rows begin with 0.
    /// Under a causal mask runs wholly in the future are left out. Not where ranks swap tokens for heads.</summary>
    public ReadOnlySpan<AttentionBlock> BlocksOf(int member, int part = 0) => CellBlocks((member * Parts) + part);

    /// <summary>Rows that this rank holds of all lanes in a hop: its own in hop 0.</summary>
    public int RowsAt(int hop) => _hopRows[hop];

    /// <summary>Rows of a lane that it holds in a hop: of the part that the lane carries in hop 0.</summary>
    public int RowsAt(int hop, int lane) => _partTokens[(Itinerary.Origin(hop, lane) * Parts) + Itinerary.All.PartOf(lane)];

    /// <summary>The first of them among all that it holds.</summary>
    public int StartAt(int hop, int lane) => _starts[(hop * Itinerary.Lanes) + lane];

    /// <summary>Which runs of this rank's queries meet which runs of what it holds in a hop.</summary>
    public ReadOnlySpan<AttentionBlock> BlocksAt(int hop) => Itinerary.Lanes == 1
        ? CellBlocks(Itinerary.Origin(hop, 0))
        : _hopBlocks[hop].AsSpan(0, _hopBlockCounts[hop]);

    private int Parts => _itinerary?.Parts ?? 1;

    /// <summary>Starts a ring without slices.</summary>
    public void Begin(StepPlan step, int ring, int position, bool isDirect, RingItineraries itineraries)
    {
        ReadOnlySpan<int> ranks = step.RanksOf(ring);
        (Ring, Size, Position, IsDirect, _keyCount) = (ring, ranks.Length, position, isDirect, 0);
        Datapath = Size == 1 ? Datapath.Ring : itineraries.DatapathOf(step, ring);
        Zone = Size == 1 ? Zone.Local : step.RingZones[ring] == Zone.InterNode ? Zone.InterNode : Zone.IntraNode;
        if (_ranks.Length < Size)
            (_ranks, _tokens) = (new int[Size], new int[Size]);
        ranks.CopyTo(_ranks);
        Array.Clear(_tokens);
        _itinerary = null;
        if (Datapath == Datapath.AllToAll)
            Sequences.Begin(Size);
        else
            _itinerary = itineraries.Of(Datapath, _ranks, Size, position);
        int cells = Size * Parts;
        if (_partTokens.Length < cells)
        {
            (_partTokens, _blockCounts) = (new int[cells], new int[cells]);
            Grow(ref _blocks, cells);
        }

        Array.Clear(_partTokens);
        Array.Clear(_blockCounts);
        if (_runCounts.Length < Parts)
        {
            (_runCounts, _usedParts) = (new int[Parts], new int[Parts]);
            Grow(ref _runs, Parts);
        }
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
            for (int index = earliest; index < end; index++)
            {
                KeyRun? kept = member != Position ? null : index < first
                    ? new KeyRun(step.Slices[index].ForwardUnit, history.ForwardRows[index], 0, 0, history.GradientRows[index])
                    : new KeyRun(OwnUnit, rows[index], 0, 0, -1);
                AddKeys(step.Slices[index], member, kept);
            }

            foreach (int part in _usedParts.AsSpan(0, _usedCount))
            {
                if (!swaps)
                    Pair(_runs[part].AsSpan(0, _runCounts[part]), (member * Parts) + part);
                _runCounts[part] = 0;
            }

            _usedCount = 0;
        }
    }

    /// <summary>Lays out what is held in every hop once all sequences are added.</summary>
    public void Complete()
    {
        if (IsDirect || _itinerary is not { } itinerary)
            return;
        int hops = itinerary.Hops + 1, lanes = itinerary.Lanes;
        if (_hopRows.Length < hops)
        {
            (_hopRows, _hopBlockCounts) = (new int[hops], new int[hops]);
            Grow(ref _hopBlocks, hops);
        }

        if (_starts.Length < hops * lanes)
            _starts = new int[hops * lanes];
        for (int hop = 0; hop < hops; hop++)
        {
            // In hop 0 the lanes carry parts of the same rows, maybe all of them the same part.
            int rows = 0, parts = hop == 0 ? itinerary.Parts : lanes;
            _hopBlockCounts[hop] = 0;
            for (int lane = 0; lane < parts; lane++)
            {
                _starts[(hop * lanes) + lane] = rows;
                if (lanes > 1)
                    AddHopBlocks(hop, (itinerary.Origin(hop, lane) * Parts) + itinerary.All.PartOf(lane), rows);
                rows += RowsAt(hop, lane);
            }

            for (int lane = parts; lane < lanes; lane++)
                _starts[(hop * lanes) + lane] = 0;
            _hopRows[hop] = rows;
        }

        // Only now is it known where parts begin.
        for (int run = 0; run < _keyCount; run++)
            _keys[run] = _keys[run] with { Row = _keys[run].Row + _starts[_keyParts[run]] };
    }

    private ReadOnlySpan<AttentionBlock> CellBlocks(int cell) => _blocks[cell].AsSpan(0, _blockCounts[cell]);

    private void AddHopBlocks(int hop, int cell, int row)
    {
        foreach (AttentionBlock block in CellBlocks(cell))
        {
            int count = _hopBlockCounts[hop]++;
            if (count == _hopBlocks[hop].Length)
                Array.Resize(ref _hopBlocks[hop], Math.Max(16, 2 * count));
            _hopBlocks[hop][count] = block with { KeyStart = block.KeyStart + row };
        }
    }

    private void Pair(ReadOnlySpan<Run> keys, int cell)
    {
        foreach (Run query in _queries.AsSpan(0, _queryCount))
        {
            foreach (Run key in keys)
            {
                if (isCausal && key.Position >= query.Position + query.Length)
                    continue;
                int count = _blockCounts[cell]++;
                if (count == _blocks[cell].Length)
                    Array.Resize(ref _blocks[cell], Math.Max(16, 2 * count));
                _blocks[cell][count] = isCausal
                    ? new AttentionBlock(query.Row, query.Length, query.Position, key.Row, key.Length, key.Position)
                    : AttentionBlock.Full(query.Row, query.Length, key.Row, key.Length);
            }
        }
    }

    /// <summary>Adds the rows of a member in a slice to its parts; and, of this rank's own, where they are kept.</summary>
    private void AddKeys(in Slice slice, int member, KeyRun? kept)
    {
        Segments split = ZigzagSplit.SegmentsOf(slice.Length, Size, member);
        int taken = 0;
        for (int i = 0; i < split.Count; i++)
        {
            int position = slice.Start + split[i].Start, parts = Math.Min(split[i].Length, Parts);
            for (int index = 0; index < parts; index++)
            {
                int part = RowParts.PartAt(split[i].Length, Parts, index, _tokens[member]);
                int cell = (member * Parts) + part, row = _partTokens[cell];
                int length = RowParts.RowsOf(split[i].Length, Parts, part, _tokens[member]);
                if (_runCounts[part] == 0)
                    _usedParts[_usedCount++] = part;
                AddRun(ref _runs[part], ref _runCounts[part], new Run(position, length, row));
                if (kept is { } run)
                {
                    AddKeys(part, run with
                    {
                        SourceRow = run.SourceRow + taken,
                        Row = row,
                        Length = length,
                        HistoryRow = run.HistoryRow < 0 ? run.HistoryRow : run.HistoryRow + taken,
                    });
                }

                _partTokens[cell] += length;
                (position, taken) = (position + length, taken + length);
            }

            _tokens[member] += split[i].Length;
        }
    }

    private void AddKeys(int part, KeyRun run)
    {
        if (_keyCount == _keys.Length)
        {
            Array.Resize(ref _keys, Math.Max(16, 2 * _keyCount));
            Array.Resize(ref _keyParts, _keys.Length);
        }

        (_keys[_keyCount], _keyParts[_keyCount]) = (run, part);
        _keyCount++;
    }

    /// <summary>Adds the rows of a member, which begin at <paramref name="row"/>.</summary>
    private static void AddRuns(ref Run[] runs, ref int count, in Slice slice, int ranks, int member, int row)
    {
        Segments split = ZigzagSplit.SegmentsOf(slice.Length, ranks, member);
        for (int i = 0; i < split.Count; i++)
        {
            AddRun(ref runs, ref count, new Run(slice.Start + split[i].Start, split[i].Length, row));
            row += split[i].Length;
        }
    }

    /// <summary>What goes on where the last run ends joins it.</summary>
    private static void AddRun(ref Run[] runs, ref int count, Run run)
    {
        if (count > 0 && runs[count - 1].Position + runs[count - 1].Length == run.Position && runs[count - 1].Row + runs[count - 1].Length == run.Row)
        {
            runs[count - 1] = runs[count - 1] with { Length = runs[count - 1].Length + run.Length };
            return;
        }

        if (count == runs.Length)
            Array.Resize(ref runs, Math.Max(4, 2 * count));
        runs[count++] = run;
    }

    private static void Grow<T>(ref T[][] arrays, int length)
    {
        int known = arrays.Length;
        if (known >= length)
            return;
        Array.Resize(ref arrays, length);
        Array.Fill(arrays, [], known, length - known);
    }

    private readonly record struct Run(int Position, int Length, int Row);
}
