using System.Numerics;
using ParallelDsl.Transports;

namespace ParallelDsl.Collectives;

/// <summary>First inside nodes, then between nodes, then inside nodes. A node has as many rails as the smallest node has members: the member
/// that holds a rail sums the rail's parts over its node, and those that hold the same rail, one a node, sum them over the nodes. Each byte
/// crosses between nodes once for a node, not once for a member.</summary>
/// <remarks>A sum is that of the nodes, in the order of their first members, of the sums inside them in group order: with nodes {0, 1} and {2, 3}
/// it is (x0 + x1) + (x2 + x3). It does not depend on how the vector is divided.</remarks>
internal sealed unsafe class TwoLevelSteps : CollectiveSteps
{
    private readonly GroupMessages _messages;
    private readonly DirectSteps _direct;
    private readonly int[] _node;
    private readonly int[] _rail;

    // For each part: its member, and who holds its rail in its member's node.
    private readonly int[] _members;
    private readonly int[] _homes;

    // In turns, in each of which a member has at most one part: who holds the part's rail in the own node, and again its home.
    private readonly int[][] _holderTurns;
    private readonly int[][] _homeTurns;

    /// <summary>Forms nodes.</summary>
    /// <param name="messages">The group.</param>
    /// <param name="nodes">The node of every member.</param>
    public TwoLevelSteps(GroupMessages messages, IReadOnlyList<int> nodes)
    {
        _messages = messages;
        _direct = new DirectSteps(messages);
        int[][] members = [.. Enumerable.Range(0, messages.Size).GroupBy(member => nodes[member]).Select(node => node.ToArray())];
        int rails = members.Min(node => node.Length);
        int own = Array.FindIndex(members, node => node.Contains(messages.Index));
        int place = Array.IndexOf(members[own], messages.Index);
        _node = members[own];
        _rail = place < rails ? [.. members.Select(node => node[place])] : [messages.Index];
        _members = new int[messages.Size];
        _homes = new int[messages.Size];
        int[] holders = new int[messages.Size];
        foreach (int[] node in members)
        {
            for (int local = 0; local < node.Length; local++)
            {
                int part = node[local];
                _members[part] = part;
                holders[part] = members[own][local % rails];
                _homes[part] = node[local % rails];
            }
        }

        _holderTurns = TurnsOf(holders);
        _homeTurns = TurnsOf(_homes);
    }

    /// <inheritdoc/>
    public override long Bytes => _direct.Bytes;

    /// <inheritdoc/>
    public override void ReduceScatter<T>(Parts<T> parts)
    {
        ReduceToHomes(parts);
        Move(parts, CollectiveKind.ReduceScatter, _homes, _members);
    }

    /// <inheritdoc/>
    public override void AllGather<T>(Parts<T> parts, CollectiveKind kind)
    {
        Move(parts, kind, _members, _homes);
        GatherFromHomes(parts, kind);
    }

    /// <inheritdoc/>
    public override void AllReduce<T>(Parts<T> parts)
    {
        ReduceToHomes(parts);
        GatherFromHomes(parts, CollectiveKind.AllGather);
    }

    private void ReduceToHomes<T>(Parts<T> parts)
        where T : unmanaged, INumberBase<T>
    {
        foreach (int[] holders in _holderTurns)
            _direct.Reduce(parts, _node, holders);
        if (_rail.Length == 1)
            return;
        foreach (int[] homes in _homeTurns)
            _direct.Reduce(parts, _rail, homes);
    }

    private void GatherFromHomes<T>(Parts<T> parts, CollectiveKind kind)
        where T : unmanaged, INumberBase<T>
    {
        if (_rail.Length > 1)
        {
            foreach (int[] homes in _homeTurns)
                _direct.Gather(parts, _rail, homes, kind);
        }

        foreach (int[] holders in _holderTurns)
            _direct.Gather(parts, _node, holders, kind);
    }

    private static int[][] TurnsOf(int[] owners)
    {
        int[] turns = [.. owners.Select((owner, part) => owners.Take(part).Count(other => other == owner))];
        return [.. Enumerable.Range(0, turns.Max() + 1).Select(turn => owners.Select((owner, part) => turns[part] == turn ? owner : -1).ToArray())];
    }

    /// <summary>Parts go from one member to another of its node, where the two are not the same.</summary>
    private void Move<T>(Parts<T> parts, CollectiveKind kind, int[] from, int[] to)
        where T : unmanaged, INumberBase<T>
    {
        Span<Transfer<T>> sends = stackalloc Transfer<T>[parts.Count];
        Span<Transfer<T>> receives = stackalloc Transfer<T>[parts.Count];
        int sent = 0, received = 0;
        for (int part = 0; part < parts.Count; part++)
        {
            if (from[part] == to[part])
                continue;
            if (from[part] == _messages.Index)
                sends[sent++] = new(to[part], parts[part], parts.LengthOf(part));
            if (to[part] == _messages.Index)
                receives[received++] = new(from[part], parts[part], parts.LengthOf(part));
        }

        _messages.Exchange<T>(kind, sends[..sent], receives[..received]);
    }
}
