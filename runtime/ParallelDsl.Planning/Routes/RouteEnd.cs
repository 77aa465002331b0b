using static System.FormattableString;

namespace ParallelDsl.Planning.Routes;

/// <summary>One end of a transfer between nodes: a device of a node, and what shares the node with it.</summary>
public readonly record struct RouteEnd
{
    /// <param name="device">The device, counted inside its node.</param>
    /// <param name="devices">Devices of the node.</param>
    /// <param name="nics">Network interfaces of the node.</param>
    /// <exception cref="ArgumentOutOfRangeException">No interfaces, no devices, or a device outside them.</exception>
    public RouteEnd(int device, int devices, int nics)
    {
        if (nics < 1)
            throw new ArgumentOutOfRangeException(nameof(nics), Invariant($"{nics} network interfaces"));
        if (device < 0 || device >= devices)
            throw new ArgumentOutOfRangeException(nameof(device), Invariant($"device {device} of {devices}"));
        (Device, Devices, Nics) = (device, devices, nics);
    }

    /// <summary>The device, counted inside its node.</summary>
    public int Device { get; }

    /// <summary>Devices of the node.</summary>
    public int Devices { get; }

    /// <summary>Network interfaces of the node.</summary>
    public int Nics { get; }

    /// <summary>Interfaces that have a device beside them: the most parts that can leave or reach the node at once.</summary>
    public int Ports => Math.Min(Nics, Devices);

    // Interfaces with a device beside them are counted through: that count is the port of a device, and the rank of its interface.
    internal int Port => PortOf(Device);

    /// <summary>The network interface beside <paramref name="device"/>: devices in order share interfaces in order.</summary>
    public int NicOf(int device) => (int)((long)device * Nics / Devices);

    internal int PortOf(int device) => (int)((long)device * Ports / Devices);

    // The first device of a port: the least d with d x Ports / Devices >= port.
    internal int FirstOf(int port) => (int)((((long)port * Devices) + Ports - 1) / Ports);

    internal int DevicesOf(int port) => FirstOf(port + 1) - FirstOf(port);
}
