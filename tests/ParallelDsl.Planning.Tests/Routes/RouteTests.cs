using CsCheck;
using ParallelDsl.Planning.Routes;

namespace ParallelDsl.Planning.Tests.Routes;

public class RouteTests
{
    private static RoutePart[] Parts(Route route) => [.. Enumerable.Range(0, route.Parts).Select(index => route[index])];

    private static string Text(Route route) => string.Join(" ", Parts(route).Select(part =>
        $"{part.Start}+{part.Length}:{part.SourceProxy}>{part.DestinationProxy}"));

    private static RouteEnd End(int device, int devices = 8, int nics = 4) => new(device, devices, nics);

    [Fact]
    public void Eight_devices_four_interfaces()
    {
        Assert.Equal("0+100:3>6", Text(new Route(End(3), End(6), 100, 1, 1)));

        // Device 3 is beside interface 1, device 6 beside 3: both ends' own interfaces carry a part, each to the same rank.
        Assert.Equal("0+50:3>2 50+50:6>6", Text(new Route(End(3), End(6), 100, 1, 2)));
        Assert.Equal("0+25:3>2 25+25:6>6 50+25:0>0 75+25:4>4", Text(new Route(End(3), End(6), 100, 1, 4)));

        // Of one interface only one part needs no hop at both ends.
        Assert.Equal("0+25:2>3 25+25:5>5 50+25:7>7 75+25:1>1", Text(new Route(End(2), End(3), 100, 1, 4)));
    }

    [Fact]
    public void A_source_without_a_peer_of_its_rank_sends_to_the_destination_itself() => Assert.Equal(
        "0+50:7>3 50+50:0>1", Text(new Route(End(7, 8, 8), End(3, 4, 2), 100, 1, 2)));

    [Fact]
    public void Last_granules_that_are_not_full_keep_parts_within_a_granule()
    {
        Assert.Equal("0+8:0>0 8+8:2>2 16+8:4>4 24+9:6>6", Text(new Route(End(0), End(0), 33, 8, 4)));
        Assert.Equal("0+8:0>0 8+5:2>2", Text(new Route(End(0), End(0), 13, 8, 4)));
        Assert.Equal("0+5:0>0", Text(new Route(End(0), End(0), 5, 8, 4)));
        Assert.Equal("0+0:0>7", Text(new Route(End(0), End(7), 0, 8, 4)));
    }

    private static readonly Gen<RouteEnd> Ends =
        from devices in Gen.Int[1, 12]
        from nics in Gen.Int[1, 12]
        from device in Gen.Int[0, devices - 1]
        select new RouteEnd(device, devices, nics);

    private static readonly Gen<Route> Routes =
        from source in Ends
        from destination in Ends
        from length in Gen.Int[0, 300]
        from granule in Gen.Int[1, 20]
        from proxies in Gen.Int[1, Math.Min(source.Ports, destination.Ports)]
        select new Route(source, destination, length, granule, proxies);

    [Fact]
    public void Parts_tile_the_elements_and_interfaces_carry_equal_parts() => Cases.Check(Routes, 5_000, route =>
    {
        RoutePart[] parts = Parts(route);
        Assert.Equal(0, parts[0].Start);
        Assert.Equal(route.Length, parts[^1].End);
        Assert.All(parts.Skip(1), (part, index) => Assert.Equal(parts[index].End, part.Start));
        Assert.All(parts, part => Assert.Equal(0, part.Start % route.Granule));
        Assert.True(parts.Length == 1 || parts.All(part => part.Length > 0));
        Assert.True(parts.Max(part => part.Length) - parts.Min(part => part.Length) <= route.Granule);

        // Every interface carries one part, so the bytes of interfaces in use differ by at most a granule.
        Assert.Equal(parts.Length, parts.Select(part => route.Source.NicOf(part.SourceProxy)).Distinct().Count());
        Assert.Equal(parts.Length, parts.Select(part => route.Destination.NicOf(part.DestinationProxy)).Distinct().Count());
        Assert.All(parts, part =>
        {
            Assert.InRange(part.SourceProxy, 0, route.Source.Devices - 1);
            Assert.InRange(part.DestinationProxy, 0, route.Destination.Devices - 1);
        });
    });

    [Fact]
    public void Ends_use_their_own_interface_themselves_and_others_use_rails() => Cases.Check(Routes, 5_000, route =>
    {
        RoutePart[] parts = Parts(route);
        (RouteEnd source, RouteEnd destination) = (route.Source, route.Destination);
        Assert.Equal(source.Device, parts[0].SourceProxy);
        Assert.Contains(parts, part => part.DestinationProxy == destination.Device);
        if (parts.Length == 1)
            Assert.Equal(destination.Device, parts[0].DestinationProxy);
        foreach (RoutePart part in parts.Skip(1))
            Assert.NotEqual(source.NicOf(source.Device), source.NicOf(part.SourceProxy));

        // Where both nodes are alike, every part of several stays on its rail.
        if (parts.Length > 1 && (source.Devices, source.Nics) == (destination.Devices, destination.Nics))
            Assert.All(parts, part => Assert.Equal(source.NicOf(part.SourceProxy), destination.NicOf(part.DestinationProxy)));

        // With different nodes only a part between the ends themselves may cross rails.
        if (source.Nics <= source.Devices && destination.Nics <= destination.Devices && parts.Length > 1)
        {
            Assert.All(
                parts.Where(part => source.NicOf(part.SourceProxy) != destination.NicOf(part.DestinationProxy)),
                part => Assert.Equal((source.Device, destination.Device), (part.SourceProxy, part.DestinationProxy)));
        }
    });

    [Fact]
    public void Every_hop_conserves_bytes_and_the_buffer_arrives_whole() => Cases.Check(Routes, 2_000, route =>
    {
        int[] sent = [.. Enumerable.Range(0, route.Length).Select(index => (index * 7_919) + 1)];
        var dispatched = new int[route.Source.Devices][];
        var received = new int[route.Destination.Devices][];
        var combined = new int[route.Length];

        foreach (RoutePart part in Parts(route))
            dispatched[part.SourceProxy] = sent[part.Start..part.End];
        Assert.Equal(route.Length, dispatched.Sum(bytes => bytes?.Length ?? 0));
        foreach (RoutePart part in Parts(route))
            received[part.DestinationProxy] = dispatched[part.SourceProxy];
        Assert.Equal(route.Length, received.Sum(bytes => bytes?.Length ?? 0));
        foreach (RoutePart part in Parts(route))
            received[part.DestinationProxy].CopyTo(combined, part.Start);
        Assert.Equal(sent, combined);
    });

    [Theory]
    [InlineData(8, 4)]
    [InlineData(8, 2)]
    [InlineData(8, 1)]
    [InlineData(16, 4)]
    [InlineData(8, 8)]
    public void Sources_that_route_at_once_spread_over_the_devices_of_an_interface(int devices, int nics)
    {
        // All at once; those at one place of every interface; neighbours.
        int share = devices / nics;
        IEnumerable<int>[] sets =
        [
            Enumerable.Range(0, devices),
            .. Enumerable.Range(0, share).Select(place => Enumerable.Range(0, nics).Select(nic => (nic * share) + place)),
            .. Enumerable.Range(0, nics).Select(nic => Enumerable.Range(nic * share, share)),
        ];
        foreach (IEnumerable<int> set in sets)
        {
            Route[] routes = [.. set.Select(source => new Route(
                new RouteEnd(source, devices, nics), new RouteEnd(source, devices, nics), nics * 100, 1, nics))];
            for (int nic = 0; nic < nics; nic++)
            {
                int[] loads = [.. Enumerable.Range(nic * share, share).Select(device => routes.Count(route =>
                    route.Source.Device / share != nic && Parts(route).Any(part => part.SourceProxy == device)))];
                Assert.True(loads.Max() - loads.Min() <= 1, $"{string.Join(",", set)} on {nic}: {string.Join(",", loads)}");
            }
        }
    }

    [Fact]
    public void Fewer_parts_than_interfaces_still_load_them_evenly()
    {
        // Every device to the same place of the other node over two of four interfaces: sixteen parts, four an interface.
        int[] loads = new int[4];
        for (int device = 0; device < 8; device++)
        {
            foreach (RoutePart part in Parts(new Route(End(device), End(device), 100, 1, 2)))
                loads[End(0).NicOf(part.SourceProxy)]++;
        }

        Assert.Equal([4, 4, 4, 4], loads);
    }

    [Fact]
    public void Long_transfers_do_not_overflow()
    {
        var route = new Route(End(3), End(4), int.MaxValue, 1, 4);
        Assert.Equal(int.MaxValue, Parts(route).Sum(part => (long)part.Length));
        Assert.Equal(int.MaxValue, new Route(End(3), End(4), int.MaxValue, int.MaxValue, 4)[0].Length);
        var wide = new RouteEnd(int.MaxValue - 1, int.MaxValue, int.MaxValue);
        Assert.Equal(int.MaxValue - 1, wide.NicOf(wide.Device));
        Assert.Equal(3, new Route(wide, End(1), 3, 1, 3).Parts);
    }

    [Fact]
    public void Impossible_arguments_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => End(8));
        Assert.Throws<ArgumentOutOfRangeException>(() => End(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => End(0, 8, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Route(End(0), End(0), -1, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Route(End(0), End(0), 1, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Route(End(0), End(0), 1, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Route(End(0), End(0), 1, 1, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Route(End(0), End(0, 8, 2), 1, 1, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Route(End(0), End(0), 9, 1, 2)[2]);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Route(End(0), End(0), 9, 1, 2)[-1]);
    }
}
