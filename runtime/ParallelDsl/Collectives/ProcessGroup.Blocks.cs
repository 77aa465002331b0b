using System.Numerics;
using System.Runtime.InteropServices;
using ParallelDsl.Transports;

namespace ParallelDsl.Collectives;

/// <content>How the operations move and add blocks, whatever the element type.</content>
public sealed partial class ProcessGroup
{
    /// <summary>A segment of one block a member at a time, divided into near-equal parts. Where the algorithm's sums depend on the part, the
    /// segments are the same over every transport, and so are the bits.</summary>
    private unsafe void AllReduceSegments<T>(Span<T> data)
        where T : unmanaged, INumberBase<T>
    {
        if (Size == 1)
            return;
        int stride = StrideOf(sizeof(T));
        fixed (T* start = data)
        {
            for (long offset = 0; offset < data.Length; offset += stride)
            {
                ShareOut((int)Math.Min(stride, data.Length - offset));
                _steps.AllReduce(PartsOf(start + offset, _counts));
            }
        }
    }

    /// <summary>A block of every part at a time: as it is where the algorithm leaves the source alone, else in a copy.</summary>
    private unsafe void ReduceScatterSegments<T>(ReadOnlySpan<T> source, ReadOnlySpan<int> counts, Span<T> own)
        where T : unmanaged, INumberBase<T>
    {
        ReadOnlySpan<T> mine = Part(source, counts, Index);
        CheckOverlap<T>(source, own, mine, nameof(own));
        if (Size == 1)
        {
            mine.CopyTo(own);
            return;
        }

        int block = _steps is DirectSteps && _messages.SharesMemory ? int.MaxValue : BlockBytes / sizeof(T);
        int longest = Longest(counts);
        fixed (T* start = source, sum = own)
        {
            for (long offset = 0; offset < longest; offset += block)
            {
                for (int member = 0; member < Size; member++)
                    _lengths[member] = (int)Math.Clamp(counts[member] - offset, 0, block);
                if (_steps is DirectSteps direct)
                {
                    for (int member = 0, first = 0; member < Size; first += counts[member++])
                        _starts[member] = first + (int)Math.Min(offset, counts[member]);
                    direct.ReduceScatter(new Parts<T>(start, _starts, _lengths), sum + offset);
                    continue;
                }

                T* copy = _copy.Take<T>(checked((int)Total(_lengths)));
                Parts<T> parts = PartsOf(copy, _lengths);
                for (int member = 0, first = 0; member < Size; first += counts[member++])
                    Copy(start + first + offset, parts[member], _lengths[member]);
                _steps.ReduceScatter(parts);
                Copy(parts[Index], sum + offset, _lengths[Index]);
                GC.KeepAlive(this);
            }
        }
    }

    private unsafe void AllGatherParts<T>(ReadOnlySpan<T> own, ReadOnlySpan<int> counts, Span<T> all, CollectiveKind kind)
        where T : unmanaged, INumberBase<T>
    {
        Span<T> mine = Part(all, counts, Index);
        bool isInPlace = CheckOverlap(all, own, mine, nameof(own));
        if (!isInPlace && _steps is DirectSteps direct && Size > 1)
        {
            // The others need not wait for the copy of the own part, nor read what it has just written.
            fixed (T* start = all, source = own)
                direct.AllGather(PartsOf(start, counts), source, kind);
            return;
        }

        if (!isInPlace)
            own.CopyTo(mine);
        if (Size == 1)
            return;
        fixed (T* start = all)
            _steps.AllGather(PartsOf(start, counts), kind);
    }

    private unsafe Parts<T> PartsOf<T>(T* data, ReadOnlySpan<int> counts)
        where T : unmanaged
    {
        for (int member = 0, start = 0; member < Size; start += counts[member++])
            _starts[member] = start;
        return new Parts<T>(data, _starts, counts);
    }

    private static unsafe void Copy<T>(T* from, T* to, int length)
        where T : unmanaged => new ReadOnlySpan<T>(from, length).CopyTo(new Span<T>(to, length));

    /// <summary>Empty blocks are not sent: both sides know the counts.</summary>
    private void SendBlock<T>(int member, CollectiveKind kind, ReadOnlySpan<T> block)
        where T : unmanaged
    {
        // The bits travel unchanged: a double is two floats that nobody computes with.
        if (!block.IsEmpty)
            _transport.Send(_ranks[member], MessageTags.Collective(_context, kind), MemoryMarshal.Cast<T, float>(block));
    }

    private void ReceiveBlock<T>(int member, CollectiveKind kind, Span<T> block)
        where T : unmanaged
    {
        if (!block.IsEmpty)
            _transport.Receive(_ranks[member], MessageTags.Collective(_context, kind), MemoryMarshal.Cast<T, float>(block));
    }

    /// <summary>Fills the counts with parts of a segment that are as equal as its length allows.</summary>
    private void ShareOut(int length)
    {
        for (int member = 0; member < Size; member++)
            _counts[member] = length / Size + (member < length % Size ? 1 : 0);
    }

    /// <summary>The elements of one segment: a block for each member, as far as an int counts.</summary>
    private int StrideOf(int elementBytes) => (int)Math.Min((long)Size * (BlockBytes / elementBytes), int.MaxValue);

    private static Span<T> Block<T>(Span<T> part, int offset, int block) =>
        offset >= part.Length ? [] : part.Slice(offset, Math.Min(block, part.Length - offset));

    private static ReadOnlySpan<T> Block<T>(ReadOnlySpan<T> part, int offset, int block) =>
        offset >= part.Length ? [] : part.Slice(offset, Math.Min(block, part.Length - offset));

    private static Span<T> Part<T>(Span<T> all, ReadOnlySpan<int> counts, int member) =>
        all.Slice(Offset(counts, member), counts[member]);

    private static ReadOnlySpan<T> Part<T>(ReadOnlySpan<T> all, ReadOnlySpan<int> counts, int member) =>
        all.Slice(Offset(counts, member), counts[member]);

    private static int Offset(ReadOnlySpan<int> counts, int member)
    {
        int offset = 0;
        foreach (int count in counts[..member])
            offset += count;
        return offset;
    }

    private static long Total(ReadOnlySpan<int> counts)
    {
        long total = 0;
        foreach (int count in counts)
            total += count;
        return total;
    }

    private static int Longest(ReadOnlySpan<int> counts)
    {
        int longest = 0;
        foreach (int count in counts)
            longest = Math.Max(longest, count);
        return longest;
    }
}
