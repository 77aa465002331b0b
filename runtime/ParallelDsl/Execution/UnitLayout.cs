using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Execution;

/// <summary>Where the tokens of one unit lie on this rank, in one direction, and which keys they attend to. Every rank derives it alone from
/// the batch; arrays grow and are used again.</summary>
/// <remarks>There are two layouts. That of attention gives every member of a sequence's ring its zigzag chunks. That of all other work is the
/// same, or, where rows are remapped, gives every rank an equal share.</remarks>
public sealed class UnitLayout
{
    private readonly RowRuns _attention = new();
    private readonly bool _hasTwoLayouts;
    private readonly bool _isCausal;
    private readonly RingItineraries _itineraries;
    private readonly RowRuns _rows;
    private int[] _tokenIds = [];
    private int[] _targets = [];
    private int[] _positions = [];
    private UnitRing[] _rings = [];
    private UnitRing[] _made = [];
    private int _ringCount;
    private KeyRun[] _history = [];
    private int _historyCount;

    /// <summary>Makes an empty layout.</summary>
    /// <param name="hasTwoLayouts">Whether rows are remapped.</param>
    /// <param name="itineraries">How keys and values travel.</param>
    /// <param name="isCausal">Whether a query sees only the keys up to its own position; else all of its sequence.</param>
    internal UnitLayout(bool hasTwoLayouts, RingItineraries itineraries, bool isCausal)
    {
        (_hasTwoLayouts, _itineraries, _isCausal) = (hasTwoLayouts, itineraries, isCausal);
        _rows = hasTwoLayouts ? new RowRuns() : _attention;
    }

    /// <summary>Rows on this rank, but for attention.</summary>
    public int Tokens => _rows.Tokens;

    /// <summary>Rows on this rank in attention.</summary>
    public int AttentionTokens => _attention.Tokens;

    /// <summary>Rows on this rank in the layout that has more.</summary>
    internal int MostTokens => Math.Max(Tokens, AttentionTokens);

    /// <summary>The token of every row.</summary>
    public ReadOnlySpan<int> TokenIds => _tokenIds.AsSpan(0, Tokens);

    /// <summary>The token that every row should predict: the next one of its sequence.</summary>
    public ReadOnlySpan<int> Targets => _targets.AsSpan(0, Tokens);

    /// <summary>Every row's position in its sequence.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Tokens);

    /// <summary>Whether rows move between ranks before and after attention.</summary>
    public bool IsRemapped { get; private set; }

    /// <summary>The forward unit that has exactly these rows in this order; negative where there is none.</summary>
    internal int ForwardUnit { get; private set; }

    /// <summary>The rows but for attention.</summary>
    internal RowRuns Rows => _rows;

    /// <summary>The rows of attention.</summary>
    internal RowRuns AttentionRows => _attention;

    /// <summary>The other ranks that hold rows in the layout of attention which this rank holds in the other one.</summary>
    internal PeerRows RowPeers { get; } = new();

    /// <summary>The other ranks that hold rows, but for attention, which this rank holds in attention.</summary>
    internal PeerRows AttentionPeers { get; } = new();

    /// <summary>The rings: over nodes, then within a node, then of this rank alone.</summary>
    internal ReadOnlySpan<UnitRing> Rings => _rings.AsSpan(0, _ringCount);

    /// <summary>What of the unit's own keys later slices have read: their rows in the unit, and in the sums of gradients.</summary>
    internal ReadOnlySpan<KeyRun> HistoryRuns => _history.AsSpan(0, _historyCount);

    /// <summary>Removes all rows.</summary>
    internal void Begin()
    {
        _attention.Clear();
        _rows.Clear();
        RowPeers.Clear();
        AttentionPeers.Clear();
        (IsRemapped, ForwardUnit, _ringCount, _historyCount) = (false, -1, 0, 0);
    }

    /// <summary>Completes the layout once all rows are added.</summary>
    /// <param name="batch">All sequences of the step.</param>
    /// <param name="step">The plan.</param>
    /// <param name="slices">The unit's slices, ascending.</param>
    /// <param name="rings">The rings as this rank sees them.</param>
    /// <param name="firstRows">By slice, this rank's first row in the layout of attention.</param>
    /// <param name="history">Where earlier slices lie.</param>
    /// <param name="forwardUnit">The forward unit with exactly these rows; negative where there is none.</param>
    internal void Complete(
        IReadOnlyList<int[]> batch, StepPlan step, ReadOnlySpan<int> slices, StepRings rings, int[] firstRows, SliceHistory history, int forwardUnit)
    {
        ForwardUnit = forwardUnit;
        FillRows(batch, step);
        FindRings(step, slices, rings, firstRows, history);
        foreach (UnitRing ring in Rings)
            ring.Complete();
        FindHistory(history);
        if (!_hasTwoLayouts)
            return;
        RowPeers.Find(_rows, rings.Self);
        AttentionPeers.Find(_attention, rings.Self);
        IsRemapped = RowPeers.Count + AttentionPeers.Count > 0;
    }

    private void FillRows(IReadOnlyList<int[]> batch, StepPlan step)
    {
        if (_tokenIds.Length < Tokens)
        {
            int capacity = Math.Max(Tokens, 2 * _tokenIds.Length);
            _tokenIds = new int[capacity];
            _targets = new int[capacity];
            _positions = new int[capacity];
        }

        foreach (RowRun run in _rows.Runs)
        {
            ReadOnlySpan<int> sequence = batch[step.Slices[run.Slice].Sequence];
            sequence.Slice(run.Position, run.Length).CopyTo(_tokenIds.AsSpan(run.Row));
            sequence.Slice(run.Position + 1, run.Length).CopyTo(_targets.AsSpan(run.Row));
            for (int i = 0; i < run.Length; i++)
                _positions[run.Row + i] = run.Position + i;
        }
    }

    private void FindRings(StepPlan step, ReadOnlySpan<int> slices, StepRings rings, int[] firstRows, SliceHistory history)
    {
        for (int i = 0, end; i < slices.Length; i = end)
        {
            // The slices of a sequence in a unit follow one another in the sequence.
            int first = slices[i];
            (int sequence, int ring) = (step.Slices[first].Sequence, step.Slices[first].Ring);
            for (end = i + 1; end < slices.Length && step.Slices[slices[end]].Sequence == sequence; end++)
            {
                if (slices[end] != first + end - i)
                    throw new InvalidOperationException($"A unit has slices {first - step.FirstSlices[sequence]} and {slices[end] - step.FirstSlices[sequence]} of sequence {sequence} and not those between.");
            }

            int position = rings.PositionOf(ring);
            if (position >= 0)
            {
                bool isDirect = step.RingSize(ring) == 1 && first == step.FirstSlices[sequence];
                RingOf(step, rings.FirstOf(ring), position, isDirect).AddSequence(step, first, first + end - i, firstRows, history);
            }
        }
    }

    /// <summary>The ring with these members: the one that is there, or a new one in its place.</summary>
    private UnitRing RingOf(StepPlan step, int ring, int position, bool isDirect)
    {
        for (int i = 0; i < _ringCount; i++)
        {
            if (_rings[i].Ring == ring && _rings[i].IsDirect == isDirect)
                return _rings[i];
        }

        if (_ringCount == _rings.Length)
        {
            Array.Resize(ref _rings, Math.Max(2, 2 * _ringCount));
            Array.Resize(ref _made, _rings.Length);
            for (int i = _ringCount; i < _made.Length; i++)
                _made[i] = new UnitRing(_isCausal);
        }

        // They are taken in one order and read in another, so that the same step again finds arrays that are long enough.
        UnitRing added = _made[_ringCount];
        added.Begin(step, ring, position, isDirect, _itineraries);
        int place = _ringCount++;
        for (; place > 0 && Order(added) < Order(_rings[place - 1]); place--)
            _rings[place] = _rings[place - 1];
        _rings[place] = added;
        return added;

        static (int Zone, int Ring) Key(UnitRing ring) => (Zone.InterNode - ring.Zone, ring.Ring);

        static long Order(UnitRing ring) => ((long)Key(ring).Zone << 33) + (2L * Key(ring).Ring) + (ring.IsDirect ? 0 : 1);
    }

    private void FindHistory(SliceHistory history)
    {
        int last = -1, row = 0;
        foreach (RowRun run in _attention.Runs)
        {
            int gradientRow = history.GradientRows[run.Slice];
            if (gradientRow < 0)
                continue;
            row = run.Slice == last ? row : gradientRow;
            last = run.Slice;
            if (_historyCount == _history.Length)
                Array.Resize(ref _history, Math.Max(16, 2 * _historyCount));
            _history[_historyCount++] = new KeyRun(UnitRing.OwnUnit, run.Row, run.Row, run.Length, row);
            row += run.Length;
        }
    }
}
