using static System.FormattableString;

namespace ParallelDsl.Planning.Packing;

/// <summary>Which sequences of a batch go into which unit of a step. Reused from step to step: its arrays only grow, so that a steady
/// state allocates nothing. Unit (d, u) is micro-batch u of data rank d; its index is d x <see cref="MicroBatches"/> + u.</summary>
public sealed class StepPlan
{
    private int[] _unitStarts = [];
    private int[] _unitTokens = [];
    private int[] _sequences = [];

    /// <summary>The data degree.</summary>
    public int DataRanks { get; private set; }

    /// <summary>Units of each data rank.</summary>
    public int MicroBatches { get; private set; }

    /// <summary>Units of all data ranks.</summary>
    public int Units => DataRanks * MicroBatches;

    /// <summary>How many sequences are packed.</summary>
    public int SequenceCount { get; private set; }

    /// <summary>Tokens of all sequences.</summary>
    public long TotalTokens { get; private set; }

    /// <summary>Where the sequences of each unit start in <see cref="Sequences"/>; the first <see cref="Units"/> + 1 items count.</summary>
    public int[] UnitStarts => _unitStarts;

    /// <summary>Indices of sequences, unit after unit, ascending within a unit; the first <see cref="SequenceCount"/> items
    /// count.</summary>
    public int[] Sequences => _sequences;

    /// <summary>Tokens of each unit, without rounding; the first <see cref="Units"/> items count.</summary>
    public int[] UnitTokens => _unitTokens;

    // What the packer works with.
    internal long[] Keys { get; private set; } = [];

    internal long[] Heap { get; private set; } = [];

    internal int[] UnitOf { get; private set; } = [];

    /// <summary>The index of micro-batch <paramref name="microBatch"/> of <paramref name="dataRank"/>.</summary>
    public int UnitIndex(int dataRank, int microBatch) => (dataRank * MicroBatches) + microBatch;

#if NET
    /// <summary>The sequences of a unit, ascending.</summary>
    public ReadOnlySpan<int> SequencesOf(int dataRank, int microBatch)
    {
        int unit = UnitIndex(dataRank, microBatch);
        return _sequences.AsSpan(_unitStarts[unit], _unitStarts[unit + 1] - _unitStarts[unit]);
    }

#endif
    internal void Reserve(int dataRanks, int microBatches, int sequences)
    {
        if (dataRanks < 1 || microBatches < 1 || (long)dataRanks * microBatches > 1 << 28)
        {
            throw new ArgumentOutOfRangeException(
                nameof(microBatches), Invariant($"{microBatches} units for each of {dataRanks} data ranks"));
        }

        (DataRanks, MicroBatches, SequenceCount, TotalTokens) = (dataRanks, microBatches, sequences, 0);
        if (_unitTokens.Length < Units)
            (_unitStarts, _unitTokens, Heap) = (new int[Units + 1], new int[Units], new long[Units]);
        if (_sequences.Length < sequences)
        {
            int capacity = (int)Math.Max(sequences, Math.Min(1 << 28, 2L * _sequences.Length));
            (_sequences, Keys, UnitOf) = (new int[capacity], new long[capacity], new int[capacity]);
        }
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
        TotalTokens += length;
    }

    internal int SequenceAt(int key, out int length)
    {
        length = int.MaxValue - (int)(Keys[key] >> 32);
        return (int)(Keys[key] & 0xFFFF_FFFF);
    }

    // Writes the sequences of every unit from the unit of every sequence.
    internal void Gather()
    {
        int units = Units;
        Array.Clear(_unitStarts, 0, units + 1);
        for (int sequence = 0; sequence < SequenceCount; sequence++)
            _unitStarts[UnitOf[sequence] + 1]++;
        for (int unit = 0; unit < units; unit++)
            _unitStarts[unit + 1] += _unitStarts[unit];

        // Each start runs ahead to the start of the next unit; then all move back by one.
        for (int sequence = 0; sequence < SequenceCount; sequence++)
            _sequences[_unitStarts[UnitOf[sequence]]++] = sequence;
        Array.Copy(_unitStarts, 0, _unitStarts, 1, units);
        _unitStarts[0] = 0;
    }
}
