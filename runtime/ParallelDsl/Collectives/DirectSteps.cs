using System.Numerics;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Transports;

namespace ParallelDsl.Collectives;

/// <summary>Every member sends each part straight to who sums it, and each sum straight to all.</summary>
/// <remarks>A sum is ((x0 + x1) + x2) + ... in group order, whatever arrives first and however the vector is divided. Where ranks share memory
/// it is made in one pass over the vectors of all. A short vector goes whole to all, and every member sums all of it: one round in place of
/// two takes less time, and gives the same bits.</remarks>
internal sealed unsafe class DirectSteps(GroupMessages messages) : CollectiveSteps
{
    private readonly int[] _all = [.. Enumerable.Range(0, messages.Size)];
    private readonly Scratch _sum = new();
    private readonly Scratch _whole = new();

    /// <inheritdoc/>
    public override bool ReducesFromSource => true;

    /// <inheritdoc/>
    public override long Bytes => _sum.Bytes + _whole.Bytes;

    /// <inheritdoc/>
    public override void AllReduce<T>(Parts<T> parts)
    {
        int length = parts.LengthOf(0, parts.Count);
        if ((_all.Length - 1L) * length * sizeof(T) > CollectivePlan.ShortBytes)
        {
            base.AllReduce(parts);
            return;
        }

        Span<Transfer<T>> sends = stackalloc Transfer<T>[_all.Length];
        for (int peer = 1; peer < _all.Length; peer++)
            sends[peer - 1] = new((messages.Index + peer) % _all.Length, parts[0], length);
        T* sum = _whole.Take<T>(length);
        Reduce(parts[0], sum, length, _all, sends[..(_all.Length - 1)]);
        new ReadOnlySpan<T>(sum, length).CopyTo(new Span<T>(parts[0], length));
        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public override void ReduceScatter<T>(Parts<T> parts) => Reduce(parts, _all, _all, parts[messages.Index]);

    /// <inheritdoc/>
    public override void AllGather<T>(Parts<T> parts, CollectiveKind kind) => Gather(parts, _all, _all, kind);

    /// <summary>The same with an own part that is elsewhere and does not overlap the parts.</summary>
    public void AllGather<T>(Parts<T> parts, T* own, CollectiveKind kind)
        where T : unmanaged, INumberBase<T> => Gather(parts, _all, _all, kind, own);

    /// <summary>The sum of the own part of all members, written to <paramref name="own"/> alone.</summary>
    public void ReduceScatter<T>(Parts<T> source, T* own)
        where T : unmanaged, INumberBase<T> => Reduce(source, _all, _all, own);

    /// <summary>Sums parts over some members, each part at one of them.</summary>
    /// <param name="parts">The vector.</param>
    /// <param name="members">The members, the own one among them, in the order of the sum.</param>
    /// <param name="owners">For each part which of the members sums it, one part a member; another number where it is not summed now.</param>
    /// <param name="target">Where the sum of the part goes that the own member sums; null: where the part is.</param>
    public void Reduce<T>(Parts<T> parts, ReadOnlySpan<int> members, ReadOnlySpan<int> owners, T* target = null)
        where T : unmanaged, INumberBase<T>
    {
        Span<Transfer<T>> sends = stackalloc Transfer<T>[members.Length];
        int sent = 0;
        int place = members.IndexOf(messages.Index);
        for (int peer = 1; peer < members.Length; peer++)
        {
            // Members begin at different peers, so that nobody is everyone's first.
            int owner = members[(place + peer) % members.Length];
            if (owners.IndexOf(owner) is >= 0 and int part)
                sends[sent++] = new(owner, parts[part], parts.LengthOf(part));
        }

        int own = owners.IndexOf(messages.Index);
        T* mine = own < 0 ? null : parts[own];
        int length = own < 0 ? 0 : parts.LengthOf(own);
        Reduce(mine, target is null ? mine : target, length, members, sends[..sent]);
    }

    /// <summary>Gives parts to all of some members.</summary>
    /// <param name="parts">The vector.</param>
    /// <param name="members">The members, the own one among them.</param>
    /// <param name="owners">For each part which of the members has it, one part a member; another number where it is not given now.</param>
    /// <param name="kind">The operation.</param>
    /// <param name="source">Where the own part is, to be copied to its place too; null: it is there.</param>
    public void Gather<T>(Parts<T> parts, ReadOnlySpan<int> members, ReadOnlySpan<int> owners, CollectiveKind kind, T* source = null)
        where T : unmanaged, INumberBase<T>
    {
        Span<Transfer<T>> sends = stackalloc Transfer<T>[members.Length];
        Span<Transfer<T>> receives = stackalloc Transfer<T>[members.Length];
        int sent = 0, received = 0;
        int place = members.IndexOf(messages.Index);
        int own = owners.IndexOf(messages.Index);
        if (source is not null)
            receives[received++] = new(messages.Index, parts[own], parts.LengthOf(own), null, source);
        for (int step = 1; step < members.Length; step++)
        {
            if (own >= 0)
                sends[sent++] = new(members[(place + step) % members.Length], source is null ? parts[own] : source, parts.LengthOf(own));
            int peer = members[(place - step + members.Length) % members.Length];
            if (owners.IndexOf(peer) is >= 0 and int part)
                receives[received++] = new(peer, parts[part], parts.LengthOf(part));
        }

        messages.Exchange<T>(kind, sends[..sent], receives[..received]);
    }

    private void Reduce<T>(T* mine, T* target, int length, ReadOnlySpan<int> members, ReadOnlySpan<Transfer<T>> sends)
        where T : unmanaged, INumberBase<T>
    {
        if (messages.SharesMemory)
            ReduceShared(mine, target, length, members, sends);
        else
            ReduceSent(mine, target, length, members, sends);
    }

    private void ReduceShared<T>(T* mine, T* target, int length, ReadOnlySpan<int> members, ReadOnlySpan<Transfer<T>> sends)
        where T : unmanaged, INumberBase<T>
    {
        try
        {
            messages.Lend(CollectiveKind.ReduceScatter, sends);
            if (length > 0)
                SumBorrowed(mine, length, members, target);
            messages.TakeBack(CollectiveKind.ReduceScatter, sends);
        }
        catch (Exception cause)
        {
            messages.Withdraw(CollectiveKind.ReduceScatter, sends, cause);
            throw;
        }
    }

    private void SumBorrowed<T>(T* mine, int length, ReadOnlySpan<int> members, T* target)
        where T : unmanaged, INumberBase<T>
    {
        T** terms = stackalloc T*[members.Length];
        int borrowed = 0;
        try
        {
            for (; borrowed < members.Length; borrowed++)
            {
                terms[borrowed] = members[borrowed] == messages.Index
                    ? mine
                    : messages.Borrow<T>(CollectiveKind.ReduceScatter, members[borrowed], length);
            }

            OrderedSum.Of(target, terms, members.Length, length);
        }
        finally
        {
            for (int member = 0; member < borrowed; member++)
            {
                if (members[member] != messages.Index)
                    messages.Return(CollectiveKind.ReduceScatter, members[member]);
            }
        }
    }

    private void ReduceSent<T>(T* mine, T* target, int length, ReadOnlySpan<int> members, ReadOnlySpan<Transfer<T>> sends)
        where T : unmanaged, INumberBase<T>
    {
        Span<Transfer<T>> receives = stackalloc Transfer<T>[members.Length];
        int place = members.IndexOf(messages.Index);

        // In place the own part must outlive the sum of those before it, unless that is a single one: a + b is b + a.
        T* before = place > 1 && target == mine ? _sum.Take<T>(length) : target;
        for (int member = 0; member < members.Length; member++)
        {
            receives[member] = (member - place) switch
            {
                > 0 => new(members[member], target, length, target),
                0 when place == 0 => new(messages.Index, target, length, null, mine),
                0 when place == 1 => new(messages.Index, target, 0),
                0 => new(messages.Index, target, length, before, mine),
                _ when place == 1 => new(members[member], target, length, mine),
                _ => new(members[member], before, length, member == 0 ? null : before),
            };
        }

        messages.Exchange<T>(CollectiveKind.ReduceScatter, sends, receives);
        GC.KeepAlive(this);
    }
}
