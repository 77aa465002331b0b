using ParallelDsl.Planning.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Routes;

/// <summary>Over how many network interfaces one transfer between two nodes goes. A device alone uses the interface beside it; with x
/// proxies the source hands parts to devices beside other interfaces, x parts cross at once, and proxies at the other end hand them to the
/// destination (after Zeppelin's routing layer, arXiv 2509.21841; the prediction is reconstructed).</summary>
/// <remarks>Of n bytes, n / x cross by each interface, and n (x - 1) / x leave the source and reach the destination over the fabrics of
/// their nodes: n / (x B_nic) + 2 n (x - 1) / (x B_intra), one hop after the other. Integers, rounded up once, so that all ranks
/// agree.</remarks>
public static class RoutePlanner
{
    /// <summary>Predicted time of a transfer, nanoseconds, rounded up.</summary>
    /// <param name="bytes">Bytes that cross.</param>
    /// <param name="proxies">x; 1 is the direct way, with no hop inside a node.</param>
    /// <param name="nicGbps">Rate of one network interface, gigabits a second.</param>
    /// <param name="intraBytesPerNanosecond">Rate of a device's link inside its node; counts from two proxies on.</param>
    /// <exception cref="ArgumentOutOfRangeException">Bytes are negative, or another number that counts is not positive.</exception>
    /// <exception cref="OverflowException">The time does not fit into 64 bits.</exception>
    public static long PredictNanoseconds(long bytes, int proxies, int nicGbps, long intraBytesPerNanosecond)
    {
        if (bytes < 0)
            throw new ArgumentOutOfRangeException(nameof(bytes), Invariant($"a transfer of {bytes} bytes"));
        if (proxies < 1)
            throw new ArgumentOutOfRangeException(nameof(proxies), Invariant($"{proxies} proxies"));
        if (nicGbps < 1)
            throw new ArgumentOutOfRangeException(nameof(nicGbps), Invariant($"a network interface of {nicGbps} Gb/s"));
        if (proxies == 1)
            return Scale(bytes, 8, nicGbps);
        if (intraBytesPerNanosecond < 1)
        {
            throw new ArgumentOutOfRangeException(
                nameof(intraBytesPerNanosecond), Invariant($"links of {intraBytesPerNanosecond} bytes a nanosecond"));
        }

        // Both terms over one divisor.
        return Scale(
            bytes,
            (8 * intraBytesPerNanosecond) + (2 * (proxies - 1L) * nicGbps),
            (long)proxies * nicGbps * intraBytesPerNanosecond);
    }

    /// <summary>The number of proxies with the least predicted time, of equals the fewest: 1 where no other is faster.</summary>
    /// <param name="bytes">Bytes that cross.</param>
    /// <param name="nics">The most proxies: network interfaces that both nodes have beside devices.</param>
    /// <param name="nicGbps">Rate of one network interface, gigabits a second.</param>
    /// <param name="intraBytesPerNanosecond">Rate of a device's link inside its node; counts from two interfaces on.</param>
    /// <inheritdoc cref="PredictNanoseconds"/>
    public static int Choose(long bytes, int nics, int nicGbps, long intraBytesPerNanosecond)
    {
        if (nics < 1)
            throw new ArgumentOutOfRangeException(nameof(nics), Invariant($"{nics} network interfaces"));
        (int best, long least) = (1, PredictNanoseconds(bytes, 1, nicGbps, intraBytesPerNanosecond));
        for (int proxies = 2; proxies <= nics; proxies++)
        {
            long time = PredictNanoseconds(bytes, proxies, nicGbps, intraBytesPerNanosecond);
            if (time < least)
                (best, least) = (proxies, time);
        }

        return best;
    }

    /// <summary>The same between two nodes: the fewer interfaces, the slower interface and the slower link count. Over a mesh fabric a
    /// link is the one to a single other device.</summary>
    /// <param name="bytes">Bytes that cross.</param>
    /// <param name="source">The node of the source.</param>
    /// <param name="destination">The node of the destination.</param>
    /// <exception cref="ArgumentOutOfRangeException">Bytes are negative, or a node has no network interface.</exception>
    public static int Choose(long bytes, NodeGroup source, NodeGroup destination)
    {
        int nics = Math.Min(
            Math.Min(source.NicsPerNode, source.DevicesPerNode), Math.Min(destination.NicsPerNode, destination.DevicesPerNode));
        int gbps = Math.Min(source.NicGbps, destination.NicGbps);
        long link = Math.Min(LinkRate(source), LinkRate(destination));

        // A link that is slower than a byte a nanosecond carries nothing for others.
        return Choose(bytes, link == 0 ? Math.Min(nics, 1) : nics, gbps, link);
    }

    private static long LinkRate(NodeGroup group) => group.Fabric == Fabric.Mesh && group.DevicesPerNode > 1
        ? group.Device.LinkBytesPerNanosecond / (group.DevicesPerNode - 1)
        : group.Device.LinkBytesPerNanosecond;

    // value x factor / divisor, rounded up, with no product larger than need be.
    private static long Scale(long value, long factor, long divisor)
    {
        long rest = value % divisor * factor;
        return (value / divisor * factor) + (rest / divisor) + (rest % divisor == 0 ? 0 : 1);
    }
}
