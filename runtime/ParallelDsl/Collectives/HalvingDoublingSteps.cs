using System.Numerics;
using ParallelDsl.Transports;

namespace ParallelDsl.Collectives;

/// <summary>Recursive halving and recursive doubling (Rabenseifner, 2004; Thakur, Rabenseifner and Gropp, 2005): in each of log2 rounds a member
/// exchanges half of what it still sums with one twice as near, and the sums come back the other way.</summary>
/// <remarks>Where the members are no power of two, each of the first pairs works as one: the even one gives all it has to the odd one and gets
/// the result from it. A sum is that of a tree: of the halves of the members, by their number modulo 2^k, from k large to small; with four
/// members (x0 + x2) + (x1 + x3). It does not depend on how the vector is divided, but on the number of members.</remarks>
internal sealed unsafe class HalvingDoublingSteps : CollectiveSteps
{
    private readonly GroupMessages _messages;
    private readonly int _workers;
    private readonly int _pairs;
    private readonly int _worker;

    public HalvingDoublingSteps(GroupMessages messages)
    {
        _messages = messages;
        _workers = (int)(BitOperations.RoundUpToPowerOf2((uint)messages.Size + 1) / 2);
        _pairs = messages.Size - _workers;
        _worker = messages.Index >= 2 * _pairs ? messages.Index - _pairs : messages.Index % 2 == 1 ? messages.Index / 2 : -1;
    }

    /// <inheritdoc/>
    public override void ReduceScatter<T>(Parts<T> parts)
    {
        Fold(parts);
        Halve(parts);
        Unfold(parts, CollectiveKind.ReduceScatter, ownOnly: true);
    }

    /// <inheritdoc/>
    public override void AllGather<T>(Parts<T> parts, CollectiveKind kind)
    {
        if (IsGiver)
            Send(parts, kind, _messages.Index + 1, _messages.Index, _messages.Index + 1);
        else if (IsTaker)
            Receive(parts, kind, _messages.Index - 1, _messages.Index - 1, _messages.Index, adds: false);
        Double(parts, kind);
        Unfold(parts, kind, ownOnly: false);
    }

    /// <inheritdoc/>
    public override void AllReduce<T>(Parts<T> parts)
    {
        Fold(parts);
        Halve(parts);
        Double(parts, CollectiveKind.AllGather);
        Unfold(parts, CollectiveKind.AllGather, ownOnly: false);
    }

    /// <summary>Whether another works for this one.</summary>
    private bool IsGiver => _worker < 0;

    private bool IsTaker => _worker >= 0 && _worker < _pairs;

    private void Fold<T>(Parts<T> parts)
        where T : unmanaged, INumberBase<T>
    {
        if (IsGiver)
            Send(parts, CollectiveKind.ReduceScatter, _messages.Index + 1, 0, parts.Count);
        else if (IsTaker)
            Receive(parts, CollectiveKind.ReduceScatter, _messages.Index - 1, 0, parts.Count, adds: true);
    }

    private void Unfold<T>(Parts<T> parts, CollectiveKind kind, bool ownOnly)
        where T : unmanaged, INumberBase<T>
    {
        if (IsGiver)
            Receive(parts, kind, _messages.Index + 1, ownOnly ? _messages.Index : 0, ownOnly ? _messages.Index + 1 : parts.Count, adds: false);
        else if (IsTaker)
            Send(parts, kind, _messages.Index - 1, ownOnly ? _messages.Index - 1 : 0, ownOnly ? _messages.Index : parts.Count);
    }

    private void Halve<T>(Parts<T> parts)
        where T : unmanaged, INumberBase<T>
    {
        for (int half = _workers / 2; half >= 1 && !IsGiver; half /= 2)
            Swap(parts, CollectiveKind.ReduceScatter, kept: _worker & -half, given: (_worker & -half) ^ half, half, adds: true);
    }

    private void Double<T>(Parts<T> parts, CollectiveKind kind)
        where T : unmanaged, INumberBase<T>
    {
        for (int half = 1; half < _workers && !IsGiver; half *= 2)
            Swap(parts, kind, kept: (_worker & -half) ^ half, given: _worker & -half, half, adds: false);
    }

    /// <summary>With the worker across: sends the parts of some workers and receives those of others.</summary>
    private void Swap<T>(Parts<T> parts, CollectiveKind kind, int kept, int given, int half, bool adds)
        where T : unmanaged, INumberBase<T>
    {
        int across = _worker ^ half;
        int peer = across < _pairs ? (2 * across) + 1 : across + _pairs;
        Exchange(parts, kind, peer, FirstPart(given), FirstPart(given + half), FirstPart(kept), FirstPart(kept + half), adds);
    }

    /// <summary>Workers stand for parts that lie one after the other: those of a pair for two.</summary>
    private int FirstPart(int worker) => worker < _pairs ? 2 * worker : worker + _pairs;

    private void Send<T>(Parts<T> parts, CollectiveKind kind, int peer, int first, int end)
        where T : unmanaged, INumberBase<T> => Exchange(parts, kind, peer, first, end, 0, 0, adds: false);

    private void Receive<T>(Parts<T> parts, CollectiveKind kind, int peer, int first, int end, bool adds)
        where T : unmanaged, INumberBase<T> => Exchange(parts, kind, peer, 0, 0, first, end, adds);

    private void Exchange<T>(Parts<T> parts, CollectiveKind kind, int peer, int sentFirst, int sentEnd, int first, int end, bool adds)
        where T : unmanaged, INumberBase<T>
    {
        T* target = parts[first];
        _messages.Exchange<T>(
            kind,
            [new(peer, parts[sentFirst], parts.LengthOf(sentFirst, sentEnd))],
            [new(peer, target, parts.LengthOf(first, end), adds ? target : null)]);
    }
}
