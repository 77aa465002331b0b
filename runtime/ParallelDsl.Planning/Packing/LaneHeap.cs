using static System.FormattableString;

namespace ParallelDsl.Planning.Packing;

/// <summary>Lanes by what they carry, the least first, of equals the lower lane: a binary heap of keys that hold both.</summary>
internal sealed class LaneHeap
{
    private const int LaneBits = 22;
    private const long LaneMask = (1L << LaneBits) - 1;

    private long[] _keys = [];
    private int _count;

    /// <summary>The tokens for which the first lane that left had no room; 0 while all are in. A lane that left may have room for a sequence that
    /// is much shorter: then all are to be filled in again.</summary>
    public long LeftFor { get; private set; }

    /// <summary>Makes room for <paramref name="lanes"/> lanes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More lanes than a key can tell apart.</exception>
    public void Reserve(int lanes)
    {
        if (lanes > 1 << LaneBits)
            throw new ArgumentOutOfRangeException(nameof(lanes), Invariant($"{lanes} lanes, and at most {1 << LaneBits} can be told apart"));
        if (_keys.Length < lanes)
            _keys = new long[lanes];
    }

    /// <summary>Takes in some lanes in place of those before.</summary>
    public void Fill(long[] loads, int first, int lanes)
    {
        (_count, LeftFor) = (lanes, 0);
        for (int i = 0; i < lanes; i++)
            _keys[i] = (loads[first + i] << LaneBits) | (uint)(first + i);
        for (int i = (lanes / 2) - 1; i >= 0; i--)
            Sink(i, _keys[i]);
    }

    /// <summary>The lane that carries least of those with room; -1 if none has. Lanes without leave.</summary>
    public int Least(long[] rooms, long tokens)
    {
        while (_count > 0)
        {
            int lane = (int)(_keys[0] & LaneMask);
            if (rooms[lane] >= tokens)
                return lane;
            LeftFor = Math.Max(LeftFor, tokens);
            Sink(0, _keys[--_count]);
        }

        return -1;
    }

    /// <summary>Says what the first lane carries now.</summary>
    public void Rise(int lane, long load) => Sink(0, (load << LaneBits) | (uint)lane);

    private void Sink(int hole, long key)
    {
        long[] keys = _keys;
        int count = _count;
        while (true)
        {
            int child = (2 * hole) + 1;
            if (child >= count)
                break;
            if (child + 1 < count && keys[child + 1] < keys[child])
                child++;
            if (keys[child] >= key)
                break;
            keys[hole] = keys[child];
            hole = child;
        }

        keys[hole] = key;
    }
}
