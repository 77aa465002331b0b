using System.Numerics;
using System.Runtime.InteropServices;
using ParallelDsl.Transports;

namespace ParallelDsl.Collectives;

/// <content>How the operations move and add blocks, whatever the element type.</content>
public sealed partial class ProcessGroup
{
    /// <summary>
    /// Reduce-scatter and all-gather, a segment of one block a member at a time. A member sends 2 (size - 1) / size of the vector,
    /// the least that an all-reduce can do with (Patarasuk and Yuan, 2009).
    /// </summary>
    private unsafe void AllReduceBlocks<T>(Span<T> data)
        where T : unmanaged, INumberBase<T>
    {
        if (Size == 1)
            return;
        int stride = StrideOf(sizeof(T));
        for (int offset = 0; offset < data.Length; offset += Math.Min(stride, data.Length - offset))
        {
            Span<T> segment = Block(data, offset, stride);
            ShareOut(segment.Length);
            Span<T> own = Part(segment, _counts, Index);
            ReduceScatterBlocks<T>(segment, _counts, own);
            AllGatherBlocks<T>(own, _counts, segment, CollectiveKind.AllGather);
        }
    }

    private unsafe void ReduceScatterBlocks<T>(ReadOnlySpan<T> source, ReadOnlySpan<int> counts, Span<T> own)
        where T : unmanaged, INumberBase<T>
    {
        ReadOnlySpan<T> mine = Part(source, counts, Index);
        bool inPlace = CheckOverlap<T>(source, own, mine, nameof(own));
        int block = BlockBytes / sizeof(T);
        int longest = Longest(counts);
        for (int offset = 0; offset < longest; offset += block)
        {
            for (int step = 1; step < Size; step++)
            {
                int peer = (Index + step) % Size;
                SendBlock(peer, CollectiveKind.ReduceScatter, Block(Part(source, counts, peer), offset, block));
            }

            Sum(Block(mine, offset, block), Block(own, offset, block), inPlace);
        }
    }

    /// <summary>Adds the own block and those of the peers, in group order.</summary>
    private unsafe void Sum<T>(ReadOnlySpan<T> mine, Span<T> destination, bool inPlace)
        where T : unmanaged, INumberBase<T>
    {
        // In place the own block must outlive the first sum, which the first member alone may write over.
        bool apart = inPlace && Index > 0;
        Span<T> scratch = Scratch<T>(apart ? 2 * mine.Length : mine.Length);
        Span<T> arrived = scratch[..mine.Length];
        Span<T> sum = apart ? scratch[mine.Length..] : destination;
        for (int member = 0; member < Size; member++)
        {
            if (member == Index && member == 0)
            {
                mine.CopyTo(sum);
            }
            else if (member == Index)
            {
                Add(sum, mine);
            }
            else if (member == 0)
            {
                ReceiveBlock(member, CollectiveKind.ReduceScatter, sum);
            }
            else
            {
                ReceiveBlock(member, CollectiveKind.ReduceScatter, arrived);
                Add<T>(sum, arrived);
            }
        }

        if (apart)
            sum.CopyTo(destination);
    }

    private unsafe void AllGatherBlocks<T>(ReadOnlySpan<T> own, ReadOnlySpan<int> counts, Span<T> all, CollectiveKind kind)
        where T : unmanaged
    {
        Span<T> mine = Part(all, counts, Index);
        if (!CheckOverlap(all, own, mine, nameof(own)))
            own.CopyTo(mine);
        int block = BlockBytes / sizeof(T);
        int longest = Longest(counts);
        for (int offset = 0; offset < longest; offset += block)
        {
            for (int step = 1; step < Size; step++)
                SendBlock((Index + step) % Size, kind, Block<T>(mine, offset, block));
            for (int step = 1; step < Size; step++)
            {
                int peer = (Index - step + Size) % Size;
                ReceiveBlock(peer, kind, Block(Part(all, counts, peer), offset, block));
            }
        }
    }

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

    private static void Add<T>(Span<T> sum, ReadOnlySpan<T> term)
        where T : unmanaged, INumberBase<T>
    {
        int vectors = sum.Length - sum.Length % Vector<T>.Count;
        for (int index = 0; index < vectors; index += Vector<T>.Count)
            (new Vector<T>(sum[index..]) + new Vector<T>(term[index..])).CopyTo(sum[index..]);
        for (int index = vectors; index < sum.Length; index++)
            sum[index] += term[index];
    }

    private unsafe Span<T> Scratch<T>(int length)
        where T : unmanaged
    {
        int bytes = length * sizeof(T);
        if (_scratch.Length < bytes)
            _scratch = GC.AllocateUninitializedArray<byte>((int)BitOperations.RoundUpToPowerOf2((uint)bytes));
        return MemoryMarshal.Cast<byte, T>(_scratch.AsSpan(0, bytes));
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

    private static int Longest(ReadOnlySpan<int> counts)
    {
        int longest = 0;
        foreach (int count in counts)
            longest = Math.Max(longest, count);
        return longest;
    }
}
