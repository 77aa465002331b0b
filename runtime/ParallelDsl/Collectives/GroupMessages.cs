using System.Numerics;
using ParallelDsl.Transports;

namespace ParallelDsl.Collectives;

/// <summary>How the members of one group exchange messages, whatever the transport. In a round every member sends and receives some vectors;
/// nothing that is sent in a round may be written in it.</summary>
/// <remarks>Where ranks share memory a vector is lent whole, and the receiver adds straight from it. Elsewhere it travels in blocks of at most
/// <see cref="ProcessGroup.BlockBytes"/>: every member sends its first blocks, then receives the first of the others, and so on, so a
/// round needs a block of memory, and works with channels that hold a single message. Where the transport makes no copy of what is lent, a second
/// block arrives while the first is added, and the blocks of what is only collected are longer.</remarks>
/// <param name="transport">The own rank's transport.</param>
/// <param name="ranks">The members in group order.</param>
/// <param name="index">The own place among them.</param>
/// <param name="context">Sets the group's messages apart.</param>
internal sealed unsafe class GroupMessages(ITransport transport, int[] ranks, int index, int context)
{
    private readonly Scratch[] _arrived = [new(), new()];

    /// <summary>The number of members.</summary>
    public int Size => ranks.Length;

    /// <summary>The own place in the group.</summary>
    public int Index => index;

    /// <summary>Whether lent vectors are read where they lie.</summary>
    public bool SharesMemory => transport.SharesMemory;

    /// <summary>Bytes of buffers so far.</summary>
    public long Bytes => _arrived[0].Bytes + _arrived[1].Bytes;

    /// <summary>Sends and receives; what arrives is taken in the order of the list.</summary>
    /// <exception cref="TransportException">The lengths differ between members, a peer failed, or the run was aborted.</exception>
    public void Exchange<T>(CollectiveKind kind, ReadOnlySpan<Transfer<T>> sends, ReadOnlySpan<Transfer<T>> receives)
        where T : unmanaged, INumberBase<T>
    {
        try
        {
            if (SharesMemory)
            {
                Lend(kind, sends);
                foreach (Transfer<T> receive in receives)
                    Receive(kind, receive);
            }
            else
            {
                ExchangeBlocks(kind, sends, receives);
            }

            TakeBack(kind, sends);
        }
        catch (Exception cause)
        {
            Forget(kind, receives, cause);
            Withdraw(kind, sends, cause);
            throw;
        }
    }

    /// <summary>Lends vectors whole; the caller takes them back, or withdraws them after any failure.</summary>
    public void Lend<T>(CollectiveKind kind, ReadOnlySpan<Transfer<T>> sends)
        where T : unmanaged
    {
        foreach (Transfer<T> send in sends)
            Lend(kind, send.Member, send.Data, send.Length);
    }

    /// <summary>Waits until what was lent may be written again.</summary>
    public void TakeBack<T>(CollectiveKind kind, ReadOnlySpan<Transfer<T>> sends)
        where T : unmanaged
    {
        foreach (Transfer<T> send in sends)
        {
            if (send.Length > 0)
                transport.TakeBack(ranks[send.Member], Tag(kind));
        }
    }

    /// <summary>After a failure: nobody reads what was lent from here on.</summary>
    public void Withdraw<T>(CollectiveKind kind, ReadOnlySpan<Transfer<T>> sends, Exception cause)
        where T : unmanaged
    {
        foreach (Transfer<T> send in sends)
            transport.Withdraw(ranks[send.Member], Tag(kind), cause);
    }

    /// <summary>Waits for a vector that a member lends.</summary>
    public T* Borrow<T>(CollectiveKind kind, int member, int length)
        where T : unmanaged => (T*)transport.Borrow(ranks[member], Tag(kind), Floats<T>(length));

    /// <summary>Ends the reading of it.</summary>
    public void Return(CollectiveKind kind, int member) => transport.Return(ranks[member], Tag(kind));

    private static int Floats<T>(int length)
        where T : unmanaged => checked(length * (sizeof(T) / sizeof(float)));

    private int Tag(CollectiveKind kind) => MessageTags.Collective(context, kind);

    // The bits travel unchanged: a double is two floats that nobody computes with.
    private void Lend<T>(CollectiveKind kind, int member, T* data, int length)
        where T : unmanaged
    {
        if (length > 0)
            transport.Lend(ranks[member], Tag(kind), (float*)data, Floats<T>(length));
    }

    private void Receive<T>(CollectiveKind kind, Transfer<T> receive)
        where T : unmanaged, INumberBase<T>
    {
        if (receive.Length == 0)
            return;
        if (receive.Member == index)
        {
            Combine(receive.Data, receive.Term, receive.Own, receive.Length);
            return;
        }

        T* arrived = Borrow<T>(kind, receive.Member, receive.Length);
        Combine(receive.Data, receive.Term, arrived, receive.Length);
        Return(kind, receive.Member);
    }

    private void ExchangeBlocks<T>(CollectiveKind kind, ReadOnlySpan<Transfer<T>> sends, ReadOnlySpan<Transfer<T>> receives)
        where T : unmanaged, INumberBase<T>
    {
        bool isLong = transport.LendsInPlace && kind != CollectiveKind.ReduceScatter;
        int block = (isLong ? ProcessGroup.LongBlockBytes : ProcessGroup.BlockBytes) / sizeof(T);
        int longest = Math.Max(Longest(sends), Longest(receives));
        for (long offset = 0; offset < longest; offset += block)
        {
            foreach (Transfer<T> send in sends)
                Lend(kind, send.Member, send.Data + offset, Within(send.Length, offset, block));
            ReceiveBlocks(kind, receives, offset, block);
        }
    }

    /// <summary>Blocks from several members may arrive at the same time: in their places, or while the one before is added, where the transport writes
    /// straight to them.</summary>
    private void ReceiveBlocks<T>(CollectiveKind kind, ReadOnlySpan<Transfer<T>> receives, long offset, int block)
        where T : unmanaged, INumberBase<T>
    {
        int window = transport.LendsInPlace ? _arrived.Length : 1;
        int expected = 0, expectedSums = 0, sums = 0;
        foreach (Transfer<T> receive in receives)
        {
            for (; expected < receives.Length && expectedSums - sums < window; expected++)
            {
                Transfer<T> next = receives[expected];
                int length = Within(next.Length, offset, block);
                if (length == 0 || next.Member == index)
                    continue;
                T* place = next.Term is null ? next.Data + offset : _arrived[expectedSums++ % window].Take<T>(length);
                transport.Expect(ranks[next.Member], Tag(kind), (float*)place, Floats<T>(length));
            }

            ReceiveBlock(kind, receive, offset, Within(receive.Length, offset, block), _arrived[sums % window], ref sums);
        }
    }

    private void Forget<T>(CollectiveKind kind, ReadOnlySpan<Transfer<T>> receives, Exception cause)
        where T : unmanaged
    {
        foreach (Transfer<T> receive in receives)
        {
            if (receive.Member != index)
                transport.Forget(ranks[receive.Member], Tag(kind), cause);
        }
    }

    private void ReceiveBlock<T>(CollectiveKind kind, Transfer<T> receive, long offset, int length, Scratch scratch, ref int sums)
        where T : unmanaged, INumberBase<T>
    {
        if (length == 0)
            return;
        T* target = receive.Data + offset;
        T* term = receive.Term is null ? null : receive.Term + offset;
        if (receive.Member == index)
        {
            Combine(target, term, receive.Own + offset, length);
            return;
        }

        T* arrived = term is null ? target : scratch.Take<T>(length);
        transport.Receive(ranks[receive.Member], Tag(kind), new Span<float>(arrived, Floats<T>(length)));
        if (term is null)
            return;
        OrderedSum.Add(target, term, arrived, length);
        GC.KeepAlive(scratch);
        sums++;
    }

    private static void Combine<T>(T* target, T* term, T* arrived, int length)
        where T : unmanaged, INumberBase<T>
    {
        if (term is not null)
            OrderedSum.Add(target, term, arrived, length);
        else if (target != arrived)
            new ReadOnlySpan<T>(arrived, length).CopyTo(new Span<T>(target, length));
    }

    private static int Within(int length, long offset, int block) => (int)Math.Clamp(length - offset, 0, block);

    private static int Longest<T>(ReadOnlySpan<Transfer<T>> transfers)
        where T : unmanaged
    {
        int longest = 0;
        foreach (Transfer<T> transfer in transfers)
            longest = Math.Max(longest, transfer.Length);
        return longest;
    }
}
