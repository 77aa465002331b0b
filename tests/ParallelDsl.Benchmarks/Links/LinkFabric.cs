using System.Net;
using System.Text.Json.Serialization;
using ParallelDsl.Transports.Sockets;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>How ranks are linked.</summary>
internal enum LinkKind
{
    /// <summary>A link of its own for every pair, of the same rate in both directions.</summary>
    Mesh,

    /// <summary>One port for each rank, to a switch that never blocks.</summary>
    Switch,

    /// <summary>A mesh inside each node, and one port for each rank to a switch of the nodes.</summary>
    Nodes,
}

/// <summary>One direction of a link that carries the transfers of a pair: what the transfer waits for.</summary>
/// <param name="Rank">Whose interface it is.</param>
/// <param name="Interface">The interface's name in the rank's namespace.</param>
/// <param name="Peer">The rank at its other end, or -1 for the switch.</param>
/// <param name="IsOut">Whether it is the direction out of the rank.</param>
internal readonly record struct LinkEnd(int Rank, string Interface, int Peer, bool IsOut)
{
    public override string ToString() => (Peer, IsOut) switch
    {
        ( >= 0, _) => $"{Rank} > {Peer}",
        (_, true) => $"{Rank} > switch",
        _ => $"switch > {Rank}",
    };
}

/// <summary>Ranks, each with a network of its own, and the links between them.</summary>
/// <param name="Name">What is said of it.</param>
/// <param name="Kind">How ranks are linked.</param>
/// <param name="Ranks">How many.</param>
/// <param name="Nodes">Over how many nodes, in order; 1 unless the kind is <see cref="LinkKind.Nodes"/>.</param>
/// <param name="LinkMegabits">Rate of each direction of a link, or of a port where all are ports; 0 leaves links as fast as they are.</param>
/// <param name="PortMegabits">Rate of each direction of a port between nodes.</param>
internal sealed record LinkFabric(string Name, LinkKind Kind, int Ranks, int Nodes, int LinkMegabits, int PortMegabits)
{
    /// <summary>The interface of a rank to the switch.</summary>
    public const string PortName = "port";

    private const int ListenPort = 7_700;

    [JsonIgnore]
    public bool HasSwitch => Kind != LinkKind.Mesh;

    [JsonIgnore]
    public int PerNode => Ranks / Nodes;

    public static string InterfaceTo(int peer) => FormattableString.Invariant($"to{peer}");

    /// <summary>Whether a pair has a link of its own.</summary>
    public bool IsDirect(int rank, int peer) => Kind == LinkKind.Mesh || (Kind == LinkKind.Nodes && rank / PerNode == peer / PerNode);

    /// <summary>The first and the last link direction of a transfer; the same where there is one.</summary>
    public (LinkEnd First, LinkEnd Last) Way(int from, int to)
    {
        if (!IsDirect(from, to))
            return (new LinkEnd(from, PortName, -1, IsOut: true), new LinkEnd(to, PortName, -1, IsOut: false));
        LinkEnd link = new(from, InterfaceTo(to), to, IsOut: true);
        return (link, link);
    }

    /// <summary>All directions of links, each once.</summary>
    public IEnumerable<LinkEnd> Links() =>
        from rank in Enumerable.Range(0, Ranks)
        from peer in Enumerable.Range(0, Ranks)
        where peer != rank
        from link in (LinkEnd[])[Way(rank, peer).First, Way(rank, peer).Last]
        group link by link into same
        select same.Key;

    public int MegabitsOf(LinkEnd link) => link.Peer < 0 && Kind == LinkKind.Nodes ? PortMegabits : LinkMegabits;

    /// <summary>The address of a rank's interface to a peer, with the bits of its network.</summary>
    public (IPAddress Address, int Bits) Address(int rank, int peer)
    {
        if (!IsDirect(rank, peer))
            return (new IPAddress([10, 78, 0, (byte)(1 + rank)]), 24);
        (int low, int high) = (Math.Min(rank, peer), Math.Max(rank, peer));
        int pair = ((low * Ranks) + high) * 4;
        return (new IPAddress([10, 77, (byte)(pair / 256), (byte)((pair % 256) + (rank == low ? 1 : 2))]), 30);
    }

    /// <summary>Where the ranks' transports meet.</summary>
    public SocketAddresses Addresses() => SocketAddresses.OfPairs(Ranks, (rank, peer) => new IPEndPoint(Address(rank, peer).Address, ListenPort));
}
