using ParallelDsl.Planning.Sequences;
using static System.FormattableString;

namespace ParallelDsl.Planning.Packing;

/// <summary>What is decided for one batch: into which slices its sequences are cut, on which ring each sequence lies, and which unit carries the
/// forward and which the backward of each slice. Reused from step to step: its arrays only grow, so that a steady state allocates
/// nothing.</summary>
/// <remarks>
/// <para>Rank d S + s of a ring is the rank at position d of the data axis and s of the sequence axis, at every position of the pipeline axis:
/// an <em>attention rank</em>. Unit u of data rank d has the slices of unit u whose ring has a rank of d; a ring over several data ranks
/// merges them for its sequence.</para>
/// <para>Whole-sequence packing is the plain case: slice i is sequence i, its ring is all ranks of one data rank, both its units are the
/// same.</para>
/// </remarks>
public sealed class StepPlan
{
    private Slice[] _slices = [];
    private int[] _firstSlices = [];
    private int[] _ringStarts = [0];
    private int[] _ringRanks = [];
    private Zone[] _ringZones = [];

    // The data rank of a ring, or -1 where it merges several.
    private int[] _ringHomes = [];
    private long[] _sortScratch = [];
    private readonly int[] _sortCounts = new int[KeySort.Digits];
    private readonly UnitLists _forward = new();
    private readonly UnitLists _backward = new();

    /// <summary>The data degree.</summary>
    public int DataRanks { get; private set; }

    /// <summary>The sequence degree.</summary>
    public int SequenceRanks { get; private set; }

    /// <summary>Units of each data rank.</summary>
    public int MicroBatches { get; private set; }

    /// <summary>Units of all data ranks.</summary>
    public int Units => DataRanks * MicroBatches;

    /// <summary>Ranks of the data and sequence axes together.</summary>
    public int AttentionRanks => DataRanks * SequenceRanks;

    /// <summary>How many sequences are planned.</summary>
    public int SequenceCount { get; private set; }

    /// <summary>Tokens of all sequences.</summary>
    public long TotalTokens { get; private set; }

    /// <summary>How many slices there are.</summary>
    public int SliceCount { get; private set; }

    /// <summary>The slices by sequence, and by start within a sequence; the first <see cref="SliceCount"/> items count.</summary>
    public Slice[] Slices => _slices;

    /// <summary>The first slice of each sequence, and after the last sequence <see cref="SliceCount"/>; the first <see cref="SequenceCount"/> + 1
    /// items count.</summary>
    public int[] FirstSlices => _firstSlices;

    /// <summary>How many rings there are.</summary>
    public int RingCount { get; private set; }

    /// <summary>Where the ranks of each ring start in <see cref="RingRanks"/>; the first <see cref="RingCount"/> + 1 items count.</summary>
    public int[] RingStarts => _ringStarts;

    /// <summary>The attention ranks of the rings, each ring in its cyclic order. Member i of a ring of g holds the zigzag chunks i and
    /// 2g - 1 - i of its slices.</summary>
    public int[] RingRanks => _ringRanks;

    /// <summary>How far each ring reaches; the first <see cref="RingCount"/> items count.</summary>
    public Zone[] RingZones => _ringZones;

    /// <summary>Whether every slice has the same unit in the backward as in the forward.</summary>
    public bool IsSymmetric { get; private set; }

    /// <summary>Whether a slice is less than its sequence.</summary>
    public bool IsSliced => SliceCount > SequenceCount;

    // What planners work with.
    internal long[] Keys { get; private set; } = [];

    internal long[] Heap { get; private set; } = [];

    internal int[] UnitOf { get; private set; } = [];

    internal int[] Lengths { get; private set; } = [];

    internal int Longest { get; private set; }

    internal StepWorkspace Workspace { get; } = new();

    /// <summary>The index of micro-batch <paramref name="microBatch"/> of <paramref name="dataRank"/>.</summary>
    public int UnitIndex(int dataRank, int microBatch) => (dataRank * MicroBatches) + microBatch;

    /// <summary>How many ranks the ring at <paramref name="ring"/> has.</summary>
    public int RingSize(int ring) => _ringStarts[ring + 1] - _ringStarts[ring];

    /// <summary>The tokens of one forward unit on all ranks of its data rank.</summary>
    public int UnitTokens(int dataRank, int microBatch) => _forward.Tokens[UnitIndex(dataRank, microBatch)];

#if NET
    /// <summary>The slices whose forward unit <paramref name="unit"/> of <paramref name="dataRank"/> carries, ascending.</summary>
    public ReadOnlySpan<int> ForwardSlices(int dataRank, int unit) => _forward.Of(UnitIndex(dataRank, unit));

    /// <summary>The slices whose backward unit <paramref name="unit"/> of <paramref name="dataRank"/> carries, ascending.</summary>
    public ReadOnlySpan<int> BackwardSlices(int dataRank, int unit) => (IsSymmetric ? _forward : _backward).Of(UnitIndex(dataRank, unit));

    /// <summary>The ranks of a ring in their cyclic order.</summary>
    public ReadOnlySpan<int> RanksOf(int ring) => _ringRanks.AsSpan(_ringStarts[ring], RingSize(ring));

#endif
    /// <summary>Starts a plan of <paramref name="sequences"/> sequences: no slices, no rings.</summary>
    internal void Reserve(int dataRanks, int sequenceRanks, int microBatches, int sequences)
    {
        if (dataRanks < 1 || microBatches < 1 || (long)dataRanks * microBatches > 1 << 28)
        {
            throw new ArgumentOutOfRangeException(
                nameof(microBatches), Invariant($"{microBatches} units for each of {dataRanks} data ranks"));
        }

        if (sequenceRanks < 1 || (long)dataRanks * sequenceRanks > 1 << 28)
            throw new ArgumentOutOfRangeException(nameof(sequenceRanks), Invariant($"{sequenceRanks} ranks for each of {dataRanks} data ranks"));
        (DataRanks, SequenceRanks, MicroBatches, SequenceCount, TotalTokens) = (dataRanks, sequenceRanks, microBatches, sequences, 0);
        (SliceCount, RingCount, IsSymmetric, Longest) = (0, 0, true, 0);
        if (Heap.Length < Units)
            Heap = new long[Units];
        if (Keys.Length < sequences)
        {
            int capacity = (int)Math.Max(sequences, Math.Min(1 << 28, 2L * Keys.Length));
            (Keys, UnitOf, Lengths) = (new long[capacity], new int[capacity], new int[capacity]);
            _sortScratch = new long[capacity];
        }

        if (_firstSlices.Length < sequences + 1)
            _firstSlices = new int[(int)Math.Max(sequences + 1L, Math.Min(1 << 28, 2L * _firstSlices.Length))];
        _firstSlices[0] = 0;
    }

    internal void SetLength(int sequence, int length, int contextLength)
    {
        if (length < 1 || length > contextLength)
        {
            throw new PackingException(Invariant(
                $"sequence {sequence} has {length} tokens, and the context length allows 1 to {contextLength}"));
        }

        // Ascending keys: the longest first, of equals the lower index.
        Keys[sequence] = ((long)(int.MaxValue - length) << 32) | (uint)sequence;
        Lengths[sequence] = length;
        TotalTokens += length;
        Longest = Math.Max(Longest, length);
    }

    /// <summary>Sorts the sequences: the longest first, of equals the lower index.</summary>
    internal void SortKeys() => KeySort.Sort(Keys, SequenceCount, Longest, _sortScratch, _sortCounts);

    internal int SequenceAt(int key, out int length)
    {
        length = int.MaxValue - (int)(Keys[key] >> 32);
        return (int)(Keys[key] & 0xFFFF_FFFF);
    }

    /// <summary>Adds a ring without ranks; its ranks follow in their cyclic order.</summary>
    /// <returns>Its index.</returns>
    internal int AddRing(Zone zone)
    {
        if (_ringStarts.Length < RingCount + 2)
            Array.Resize(ref _ringStarts, Math.Max(8, 2 * _ringStarts.Length));
        if (_ringZones.Length < RingCount + 1)
            Array.Resize(ref _ringZones, Math.Max(8, 2 * _ringZones.Length));
        _ringZones[RingCount] = zone;
        _ringStarts[RingCount + 1] = _ringStarts[RingCount];
        return RingCount++;
    }

    /// <summary>Takes the last ring back.</summary>
    internal void DropRing() => RingCount--;

    /// <summary>Takes all rings and slices back.</summary>
    internal void Restart() => (SliceCount, RingCount, IsSymmetric) = (0, 0, true);

    /// <summary>Says how far a ring reaches, once its ranks are known.</summary>
    internal void SetZone(int ring, Zone zone) => _ringZones[ring] = zone;

    /// <summary>Adds a rank to the last ring.</summary>
    internal void AddRingRank(int attentionRank)
    {
        int end = _ringStarts[RingCount]++;
        if (_ringRanks.Length <= end)
            Array.Resize(ref _ringRanks, Math.Max(16, 2 * _ringRanks.Length));
        _ringRanks[end] = attentionRank;
    }

    /// <summary>Adds the next slice: sequences come in ascending order, the slices of a sequence by their start.</summary>
    internal void AddSlice(in Slice slice)
    {
        if (_slices.Length <= SliceCount)
            Array.Resize(ref _slices, Math.Max(Math.Max(16, SequenceCount), 2 * _slices.Length));
        _slices[SliceCount++] = slice;
        _firstSlices[slice.Sequence + 1] = SliceCount;
        IsSymmetric &= slice.ForwardUnit == slice.BackwardUnit;
    }

    /// <summary>Lists the slices of every unit, once all are added.</summary>
    internal void Gather()
    {
        if (_ringHomes.Length < RingCount)
            _ringHomes = new int[Math.Max(RingCount, 2 * _ringHomes.Length)];
        for (int ring = 0; ring < RingCount; ring++)
        {
            int home = _ringRanks[_ringStarts[ring]] / SequenceRanks;
            for (int member = _ringStarts[ring] + 1; member < _ringStarts[ring + 1] && home >= 0; member++)
                home = _ringRanks[member] / SequenceRanks == home ? home : -1;
            _ringHomes[ring] = home;
        }

        _forward.Gather(this, backward: false);
        if (!IsSymmetric)
            _backward.Gather(this, backward: true);
    }

    /// <summary>The slices of every unit of every data rank.</summary>
    private sealed class UnitLists
    {
        private int[] _starts = [];
        private int[] _items = [];

        // The last slice on a ring of several data ranks that a unit was given.
        private int[] _lastSlices = [];

        public int[] Tokens { get; private set; } = [];

#if NET
        public ReadOnlySpan<int> Of(int unit) => _items.AsSpan(_starts[unit], _starts[unit + 1] - _starts[unit]);

#endif
        public void Gather(StepPlan plan, bool backward)
        {
            int units = plan.Units;
            if (Tokens.Length < units)
                (_starts, _lastSlices, Tokens) = (new int[units + 1], new int[units], new int[units]);
            Array.Clear(_starts, 0, units + 1);
            Visit(plan, backward, fill: false);
            for (int unit = 0; unit < units; unit++)
                _starts[unit + 1] += _starts[unit];
            if (_items.Length < _starts[units])
                _items = new int[Math.Max(_starts[units], 2 * _items.Length)];

            Array.Clear(Tokens, 0, units);

            // Each start runs ahead to the start of the next unit; then all move back by one.
            Visit(plan, backward, fill: true);
            Array.Copy(_starts, 0, _starts, 1, units);
            _starts[0] = 0;
        }

        private void Visit(StepPlan plan, bool backward, bool fill)
        {
            for (int unit = 0; unit < plan.Units; unit++)
                _lastSlices[unit] = -1;
            for (int index = 0; index < plan.SliceCount; index++)
            {
                ref readonly Slice slice = ref plan._slices[index];
                int microBatch = backward ? slice.BackwardUnit : slice.ForwardUnit;
                int home = plan._ringHomes[slice.Ring];
                if (home >= 0)
                {
                    int whole = plan.UnitIndex(home, microBatch);
                    Tokens[whole] += slice.Length;
                    Count(whole, index, fill);
                    continue;
                }

                // A data rank has several members of a ring, which do not follow one another where data ranks share nodes.
                int first = plan._ringStarts[slice.Ring], end = plan._ringStarts[slice.Ring + 1];
                for (int member = first; member < end; member++)
                {
                    int unit = plan.UnitIndex(plan._ringRanks[member] / plan.SequenceRanks, microBatch);
                    Tokens[unit] += ZigzagSplit.TokensOf(slice.Length, end - first, member - first);
                    if (_lastSlices[unit] == index)
                        continue;
                    _lastSlices[unit] = index;
                    Count(unit, index, fill);
                }
            }
        }

        private void Count(int unit, int slice, bool fill)
        {
            if (fill)
                _items[_starts[unit]++] = slice;
            else
                _starts[unit + 1]++;
        }
    }
}
