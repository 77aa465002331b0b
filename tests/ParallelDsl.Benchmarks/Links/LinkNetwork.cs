using System.Globalization;
using System.Text;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>The namespaces of a fabric, one for each rank and one for its switch, with shaped links. They are gone when it is disposed; those of
/// a benchmark that was killed go when the next one starts. No other namespace is touched.</summary>
internal sealed class LinkNetwork : IDisposable
{
    private const string Prefix = "paralleldsl-links-";

    /// <summary>Bytes that a link lets through at once: a few packets, so that a late timer loses no time.</summary>
    public const int BurstBytes = 8 << 10;

    /// <summary>Bytes of a packet: larger than usual, so that there are fewer for the processors.</summary>
    private const int PacketBytes = 4_000;

    /// <summary>Bytes that wait in front of a link: more than all connections of a port have on their way, so that nothing is dropped.</summary>
    private const int QueueBytes = 16 << 20;

    private readonly LinkFabric _fabric;
    private readonly string _prefix = FormattableString.Invariant($"{Prefix}{Environment.ProcessId}-");
    private readonly List<string> _namespaces = [];

    private LinkNetwork(LinkFabric fabric) => _fabric = fabric;

    public static LinkNetwork Build(LinkFabric fabric)
    {
        LinkNetwork network = new(fabric);
        try
        {
            network.AddNamespaces();
            network.AddLinks();
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Removes what benchmarks left whose processes do not live any more.</summary>
    public static void RemoveAbandoned()
    {
        foreach (string line in SystemCommand.Run(null, "ip", "netns", "list").Split('\n'))
        {
            string name = line.Split(' ')[0];
            if (name.StartsWith(Prefix, StringComparison.Ordinal)
                && int.TryParse(name[Prefix.Length..].Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                && !Directory.Exists(FormattableString.Invariant($"/proc/{process}")))
            {
                SystemCommand.Run(null, "ip", "netns", "delete", name);
            }
        }
    }

    public string NamespaceOf(int rank) => FormattableString.Invariant($"{_prefix}{rank}");

    private string SwitchNamespace => _prefix + "switch";

    public void Dispose()
    {
        foreach (string name in _namespaces)
        {
            try
            {
                SystemCommand.Run(null, "ip", "netns", "delete", name);
            }
            catch (InvalidOperationException exception)
            {
                Console.Error.WriteLine($"{exception.Message}; remove it with: ip netns delete {name}");
            }
        }

        _namespaces.Clear();
    }

    private void AddNamespaces()
    {
        string[] names = [.. Enumerable.Range(0, _fabric.Ranks).Select(NamespaceOf), .. _fabric.HasSwitch ? [SwitchNamespace] : Array.Empty<string>()];
        foreach (string name in names)
        {
            SystemCommand.Run(null, "ip", "netns", "add", name);
            _namespaces.Add(name);
            // No packets but ours; no memory of what earlier connections found; and none sent twice because its receipt is late: nothing is lost
            // here, but what waits before a port comes late. Older systems do not know the last two settings.
            SystemCommand.Run(
                null, "ip", "netns", "exec", name, "sysctl", "-q", "-e", "-w", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1",
                "net.ipv4.tcp_congestion_control=reno", "net.ipv4.tcp_slow_start_after_idle=0", "net.ipv4.tcp_no_metrics_save=1",
                "net.ipv4.tcp_early_retrans=0", "net.ipv4.tcp_rto_min_us=5000000");
        }
    }

    private void AddLinks()
    {
        StringBuilder links = new();
        var addresses = new StringBuilder[_fabric.Ranks];
        var shapes = new StringBuilder[_fabric.Ranks];
        StringBuilder hub = new("link set lo up\n"), hubShapes = new();
        if (_fabric.HasSwitch)
            hub.Append("link add hub type bridge mcast_snooping 0\nlink set hub up\n");
        for (int rank = 0; rank < _fabric.Ranks; rank++)
        {
            (addresses[rank], shapes[rank]) = (new StringBuilder("link set lo up\n"), new StringBuilder());
            foreach (int peer in Enumerable.Range(0, _fabric.Ranks).Where(peer => peer != rank && _fabric.IsDirect(rank, peer)))
            {
                string own = LinkFabric.InterfaceTo(peer);
                if (rank < peer)
                    links.Append(CultureInfo.InvariantCulture, $"link add {own} netns {NamespaceOf(rank)} mtu {PacketBytes} type veth peer name {LinkFabric.InterfaceTo(rank)} netns {NamespaceOf(peer)} mtu {PacketBytes}\n");
                Raise(rank, own, peer);
                Shape(shapes[rank], own, _fabric.LinkMegabits);
            }

            if (!_fabric.HasSwitch)
                continue;
            int other = Enumerable.Range(0, _fabric.Ranks).First(peer => peer != rank && !_fabric.IsDirect(rank, peer));
            string port = FormattableString.Invariant($"rank{rank}");
            int rate = _fabric.Kind == LinkKind.Nodes ? _fabric.PortMegabits : _fabric.LinkMegabits;
            links.Append(CultureInfo.InvariantCulture, $"link add {LinkFabric.PortName} netns {NamespaceOf(rank)} mtu {PacketBytes} type veth peer name {port} netns {SwitchNamespace} mtu {PacketBytes}\n");
            hub.Append(CultureInfo.InvariantCulture, $"link set {port} master hub\nlink set {port} up\n");
            Raise(rank, LinkFabric.PortName, other);
            Shape(shapes[rank], LinkFabric.PortName, rate);
            TakeTurns(shapes[rank], LinkFabric.PortName, rank, "dst");
            Shape(hubShapes, port, rate);
            TakeTurns(hubShapes, port, rank, "src");
        }

        SystemCommand.Run(links.ToString(), "ip", "-batch", "-");
        if (_fabric.HasSwitch)
            Configure(SwitchNamespace, hub, hubShapes);
        for (int rank = 0; rank < _fabric.Ranks; rank++)
            Configure(NamespaceOf(rank), addresses[rank], shapes[rank]);

        void Raise(int rank, string name, int peer) => addresses[rank].Append(
            CultureInfo.InvariantCulture, $"addr add {_fabric.Address(rank, peer).Address}/{_fabric.Address(rank, peer).Bits} dev {name}\nlink set {name} up\n");
    }

    /// <summary>A port serves the other ranks in turn, packet by packet, as the queues of a network interface or a switch do; else who comes
    /// first takes more, and the ports that it leaves idle are lost.</summary>
    private void TakeTurns(StringBuilder shapes, string name, int rank, string side)
    {
        if (_fabric.LinkMegabits == 0)
            return;
        // Classes whose rate never limits them are served in turn.
        shapes.Append(CultureInfo.InvariantCulture, $"qdisc add dev {name} parent 1:1 handle 2: htb\n");
        foreach (int peer in Enumerable.Range(0, _fabric.Ranks).Where(peer => peer != rank && !_fabric.IsDirect(rank, peer)))
        {
            shapes.Append(CultureInfo.InvariantCulture, $"class add dev {name} parent 2: classid 2:{peer + 1:x} htb rate 10gbit quantum {PacketBytes + 14}\n")
                .Append(CultureInfo.InvariantCulture, $"qdisc add dev {name} parent 2:{peer + 1:x} bfifo limit {QueueBytes}\n")
                .Append(CultureInfo.InvariantCulture, $"filter add dev {name} parent 2: protocol ip u32 match ip {side} {_fabric.Address(peer, rank).Address}/32 flowid 2:{peer + 1:x}\n");
        }
    }

    private static void Configure(string name, StringBuilder links, StringBuilder shapes)
    {
        SystemCommand.Run(links.ToString(), "ip", "-n", name, "-batch", "-");
        if (shapes.Length > 0)
            SystemCommand.Run(shapes.ToString(), "tc", "-n", name, "-batch", "-");
    }

    private static void Shape(StringBuilder shapes, string name, int megabits)
    {
        if (megabits > 0)
            shapes.Append(CultureInfo.InvariantCulture, $"qdisc add dev {name} root handle 1: tbf rate {megabits}mbit burst {BurstBytes} limit {QueueBytes}\n");
    }
}
