using System.Numerics;
using ParallelDsl.Planning;
using ParallelDsl.Transports;

namespace ParallelDsl.Collectives;

/// <summary>Partial sums travel once around a ring, and the sums once more (Patarasuk and Yuan, 2009). With several rings every part has a share
/// on each of them, and all rings move at the same time.</summary>
/// <remarks>The sum of a part starts at the member after the one that gets it, in ring order, and goes on to that one: with four members in group
/// order part 1 is ((x2 + x3) + x0) + x1. It depends on which part an element is in.</remarks>
internal sealed unsafe class RingSteps : CollectiveSteps
{
    private readonly GroupMessages _messages;
    private readonly int[][] _rings;
    private readonly int[] _places;

    private RingSteps(int[][] rings, GroupMessages messages)
    {
        (_messages, _rings) = (messages, rings);
        _places = [.. rings.Select(ring => Array.IndexOf(ring, messages.Index))];
    }

    /// <summary>One ring in group order.</summary>
    public static RingSteps OfOneRing(GroupMessages messages) => new([[.. Enumerable.Range(0, messages.Size)]], messages);

    /// <summary>The given rings.</summary>
    /// <param name="rings">Each an order of all members, no two with the same arc (<see cref="Planning.Collectives.CollectivePlan.FaultFor"/>).</param>
    /// <param name="messages">The group.</param>
    public static RingSteps Of(IReadOnlyList<EquatableArray<int>> rings, GroupMessages messages) =>
        new([.. rings.Select(ring => ring.ToArray())], messages);

    /// <inheritdoc/>
    public override void ReduceScatter<T>(Parts<T> parts)
    {
        for (int step = 1; step < _messages.Size; step++)
            Turn(parts, CollectiveKind.ReduceScatter, step, adds: true);
    }

    /// <inheritdoc/>
    public override void AllGather<T>(Parts<T> parts, CollectiveKind kind)
    {
        for (int step = 0; step < _messages.Size - 1; step++)
            Turn(parts, kind, step, adds: false);
    }

    /// <summary>On every ring, sends on the part of the member so many places before, and receives that of the one before it.</summary>
    private void Turn<T>(Parts<T> parts, CollectiveKind kind, int distance, bool adds)
        where T : unmanaged, INumberBase<T>
    {
        Span<Transfer<T>> sends = stackalloc Transfer<T>[_rings.Length];
        Span<Transfer<T>> receives = stackalloc Transfer<T>[_rings.Length];
        for (int ring = 0; ring < _rings.Length; ring++)
        {
            int outgoing = At(ring, -distance), incoming = At(ring, -distance - 1);
            (int offset, int length) = parts.Share(outgoing, ring, _rings.Length);
            sends[ring] = new(At(ring, 1), parts[outgoing] + offset, length);
            (offset, length) = parts.Share(incoming, ring, _rings.Length);
            T* target = parts[incoming] + offset;
            receives[ring] = new(At(ring, -1), target, length, adds ? target : null);
        }

        _messages.Exchange<T>(kind, sends, receives);
    }

    /// <summary>The member so many places after the own one on a ring.</summary>
    private int At(int ring, int distance)
    {
        int size = _messages.Size;
        return _rings[ring][(_places[ring] + distance + (2 * size)) % size];
    }
}
