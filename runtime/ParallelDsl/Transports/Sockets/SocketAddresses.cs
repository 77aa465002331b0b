using System.Net;

namespace ParallelDsl.Transports.Sockets;

/// <summary>
/// Where the ranks of a run reach one another: for every rank, the address at which it is known to every other. The addresses of one rank
/// may differ from peer to peer, so that every pair talks over a link of its own.
/// </summary>
/// <remarks>Of two ranks the lower listens at its address for the pair, and the higher connects to it, from its own address (any port).</remarks>
public sealed class SocketAddresses
{
    private readonly IPEndPoint[] _addresses;

    private SocketAddresses(int size, IPEndPoint[] addresses) => (Size, _addresses) = (size, addresses);

    /// <summary>The number of ranks.</summary>
    public int Size { get; }

    /// <summary>The address of a rank on its way to a peer.</summary>
    /// <param name="rank">Whose address.</param>
    /// <param name="peer">For whom; another rank.</param>
    public IPEndPoint this[int rank, int peer] => _addresses[rank * Size + peer];

    /// <summary>One address for each rank, whoever connects.</summary>
    /// <param name="ranks">The address of each rank.</param>
    /// <exception cref="ArgumentException">There is no rank, or an address has no port to listen at.</exception>
    public static SocketAddresses OfRanks(IReadOnlyList<IPEndPoint> ranks) => OfPairs(ranks.Count, (rank, _) => ranks[rank]);

    /// <summary>Addresses for every pair.</summary>
    /// <param name="size">The number of ranks, from 1 to 1,024.</param>
    /// <param name="address">The address of the first rank on its way to the second; never asked for a rank and itself.</param>
    /// <exception cref="ArgumentException">The size is out of range, or a rank that listens has no port.</exception>
    public static SocketAddresses OfPairs(int size, Func<int, int, IPEndPoint> address)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, 1_024);
        var addresses = new IPEndPoint[size * size];
        for (int rank = 0; rank < size; rank++)
        {
            for (int peer = 0; peer < size; peer++)
            {
                if (peer == rank)
                    continue;
                IPEndPoint own = address(rank, peer);
                if (rank < peer && own.Port == 0)
                    throw new ArgumentException($"Rank {rank} listens for rank {peer} at {own}: give the address a port.", nameof(address));
                addresses[rank * size + peer] = own;
            }
        }

        return new SocketAddresses(size, addresses);
    }
}
