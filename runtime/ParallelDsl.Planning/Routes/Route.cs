using static System.FormattableString;

namespace ParallelDsl.Planning.Routes;

/// <summary>A contiguous part of a transfer and the devices that carry it between the nodes. No hop is needed where a proxy is the source,
/// or the destination, itself.</summary>
/// <param name="Start">Its first element.</param>
/// <param name="Length">How many elements.</param>
/// <param name="SourceProxy">The device of the source's node that sends it.</param>
/// <param name="DestinationProxy">The device of the destination's node that receives it.</param>
public readonly record struct RoutePart(int Start, int Length, int SourceProxy, int DestinationProxy)
{
    /// <summary>The element after the last.</summary>
    public int End => Start + Length;
}

/// <summary>How one transfer between two nodes is split: part by part over different network interfaces (after Zeppelin's routing layer,
/// arXiv 2509.21841; reconstructed). Every rank that knows the two ends computes the same; allocates nothing.</summary>
/// <remarks>
/// <para>Parts are whole granules but for the last, tile the elements in order, and differ by at most one granule. There are no
/// empty parts, except that a transfer of nothing has one.</para>
/// <para>Part 0 leaves by the source's own interface, without a hop. The destination's own interface is used too, and a part
/// crosses between interfaces of the same rank, as clusters are wired in rails; where the nodes have different numbers of interfaces, the
/// source's own may have no peer and sends to the destination's own. A single part goes from the source to the destination.</para>
/// <para>Of the devices beside a foreign interface the source takes one in turn: sources beside the same interface, and sources at the same
/// place of neighbouring interfaces, use different ones as long as there are any.</para>
/// </remarks>
public readonly record struct Route
{
    private readonly int _granules;

    /// <param name="source">Where the elements come from.</param>
    /// <param name="destination">Where they go, a device of another node.</param>
    /// <param name="length">How many elements.</param>
    /// <param name="granule">Elements that stay together: parts begin at multiples of it.</param>
    /// <param name="proxies">How many parts at most; as many as there are granules where these are fewer.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative length, no granule, or not between one proxy and as many as both nodes
    /// have interfaces beside devices.</exception>
    public Route(RouteEnd source, RouteEnd destination, int length, int granule, int proxies)
    {
        int most = Math.Min(source.Ports, destination.Ports);
        if (length < 0 || granule < 1)
        {
            throw new ArgumentOutOfRangeException(
                nameof(length), Invariant($"a transfer of {length} elements in granules of {granule}"));
        }

        if (proxies < 1 || proxies > most)
            throw new ArgumentOutOfRangeException(nameof(proxies), Invariant($"{proxies} proxies where the nodes allow 1 to {most}"));
        (Source, Destination, Length, Granule) = (source, destination, length, granule);
        _granules = (int)((length + (granule - 1L)) / granule);
        Parts = Math.Min(proxies, Math.Max(1, _granules));
    }

    /// <summary>Where the elements come from.</summary>
    public RouteEnd Source { get; }

    /// <summary>Where they go.</summary>
    public RouteEnd Destination { get; }

    /// <summary>How many elements.</summary>
    public int Length { get; }

    /// <summary>Elements that stay together.</summary>
    public int Granule { get; }

    /// <summary>How many parts, each over interfaces of its own; 1 is the direct way.</summary>
    public int Parts { get; }

    /// <summary>The part at <paramref name="index"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such part.</exception>
    public RoutePart this[int index]
    {
        get
        {
            if (index < 0 || index >= Parts)
                throw new ArgumentOutOfRangeException(nameof(index));
            (int start, int end) = (StartOf(index), StartOf(index + 1));
            (int from, int to) = PortsOf(index);
            return new RoutePart(start, end - start, ProxyAt(Source, from), ProxyAt(Destination, to));
        }
    }

    // The last part has the larger number of granules, so that a last granule that is not full keeps parts within one granule.
    private int StartOf(int part) => (int)Math.Min(Length, (long)part * _granules / Parts * Granule);

    // The ranks of the interfaces that a part leaves and reaches by.
    private (int From, int To) PortsOf(int part)
    {
        int from = Source.Port, to = Destination.Port, common = Math.Min(Source.Ports, Destination.Ports);
        bool paired = Parts == 1 || from == to || from >= common || to >= common;
        if (part == 0)
            return paired ? (from, to) : (from, from);
        if (part == 1 && !paired)
            return (to, to);

        // The others are rails that neither end has taken, in turn from a place that depends on the source.
        int skip = part - (paired ? 1 : 2);
        for (int step = 1; ; step++)
        {
            int rail = (int)(((long)from + Place + step) % common);
            if (rail != from && rail != to && skip-- == 0)
                return (rail, rail);
        }
    }

    // The source among the devices beside its interface.
    private int Place => Source.Device - Source.FirstOf(Source.Port);

    private int ProxyAt(RouteEnd end, int port) => port == end.Port
        ? end.Device
        : end.FirstOf(port) + (int)(((long)Source.Port + Place) % end.DevicesOf(port));
}
