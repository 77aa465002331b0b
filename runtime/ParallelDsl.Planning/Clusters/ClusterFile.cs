using ParallelDsl.Planning.Json;
using static System.FormattableString;

namespace ParallelDsl.Planning.Clusters;

/// <summary>Reads a cluster from its JSON file; <c>docs/cluster.schema.json</c> describes the format.</summary>
public static class ClusterFile
{
    private const int MaximumCount = 1_000_000;
    private const int MaximumRate = 1_000_000;

    /// <summary>The cluster that <paramref name="text"/> describes, or the first error in it, with its line, column and field. No other
    /// exception than for a null text.</summary>
    public static Parsed<ClusterSpec> Parse(string text)
    {
        try
        {
            return new(Read(JsonReader.Read(text)), null);
        }
        catch (TextException exception)
        {
            return new(null, exception.Error);
        }
    }

    private static ClusterSpec Read(JsonValue root)
    {
        var members = new JsonObject(root);
        members.Optional("$schema")?.AsText();
        string name = members.Text("name");
        var devices = new Dictionary<string, DeviceSpec>(StringComparer.Ordinal);
        foreach (JsonValue item in members.Optional("devices")?.AsItems() ?? [])
        {
            DeviceSpec device = ReadDevice(item);
            if (DeviceCatalogue.FromName(device.Name) is not null)
                throw item.Error($"the name '{device.Name}' belongs to the catalogue");
            if (devices.ContainsKey(device.Name))
                throw item.Error($"the device '{device.Name}' is there a second time");
            devices.Add(device.Name, device);
        }

        JsonValue list = members.Required("nodes");
        if (list.AsItems().Count == 0)
            throw list.Error("expected at least one group of nodes");
        NodeGroup[] nodes = [.. list.Items.Select(item => ReadNodes(item, devices))];
        members.End();
        CheckTotals(list, nodes);
        return new ClusterSpec(name, new(nodes));
    }

    private static void CheckTotals(JsonValue list, NodeGroup[] nodes)
    {
        long total = 0;
        for (int index = 0; index < nodes.Length; index++)
        {
            total += (long)nodes[index].Count * nodes[index].DevicesPerNode;
            if (total > MaximumCount)
                throw list.Items[index].Error(Invariant($"the cluster has more than {MaximumCount} devices"));
        }

        long count = nodes.Sum(group => (long)group.Count);
        for (int index = 0; index < nodes.Length; index++)
        {
            if (count > 1 && (nodes[index].NicsPerNode == 0 || nodes[index].NicGbps == 0))
                throw list.Items[index].Error(Invariant($"a cluster of {count} nodes needs 'nicsPerNode' and 'nicGbps'"));
        }
    }

    private static NodeGroup ReadNodes(JsonValue item, Dictionary<string, DeviceSpec> devices)
    {
        var members = new JsonObject(item);
        int Count(string name, int least, int absent) => (int)(members.Optional(name)?.AsWhole(least, MaximumCount) ?? absent);

        int count = Count("count", 1, 1);
        int devicesPerNode = Count("devicesPerNode", 1, 1);
        JsonValue named = members.Required("device");
        string name = named.AsText();
        devices.TryGetValue(name, out DeviceSpec? device);
        device ??= DeviceCatalogue.FromName(name) ?? throw Unknown(named, name, devices);
        Fabric fabric = members.Optional("fabric") is { } value ? ReadFabric(value) : Fabric.Switch;
        var group = new NodeGroup(count, devicesPerNode, device, fabric, Count("nicsPerNode", 0, 0), Count("nicGbps", 0, 0));
        members.End();
        return group;
    }

    private static TextException Unknown(JsonValue value, string name, Dictionary<string, DeviceSpec> devices)
    {
        string[] known = [.. DeviceCatalogue.Names, .. devices.Keys.OrderBy(key => key, StringComparer.Ordinal)];
        string nearest = known.OrderBy(candidate => !candidate.StartsWith(name, StringComparison.OrdinalIgnoreCase))
            .ThenBy(candidate => JsonObject.Distance(candidate, name)).First();
        string hint = JsonObject.IsNear(nearest, name) ? $"did you mean '{nearest}'? " : "";
        return value.Error($"the device is unknown; {hint}known are {string.Join(", ", known)}, and what 'devices' defines");
    }

    private static Fabric ReadFabric(JsonValue value) => value.AsText() switch
    {
        "switch" => Fabric.Switch,
        "mesh" => Fabric.Mesh,
        "pcie" => Fabric.Pcie,
        _ => throw value.Error("expected switch, mesh or pcie"),
    };

    private static DeviceSpec ReadDevice(JsonValue item)
    {
        var members = new JsonObject(item);
        string name = members.Text("name");
        if (name.Length == 0)
            throw members.Required("name").Error("a device needs a name");

        // Figures are decimal, sizes and rates whole: 1 TFLOP/s is 1,000 FLOP/ns.
        long memory = members.Required("memoryGiB").AsThousandths(MaximumRate);
        long flops = members.Required("teraFlops").AsThousandths(MaximumRate);
        long bandwidth = members.Required("memoryGBps").AsWhole(1, MaximumRate);
        long link = members.Required("linkGBps").AsWhole(1, MaximumRate);
        members.End();
        return DeviceCatalogue.Custom(name, memory * (1L << 30) / 1000, flops, bandwidth, link);
    }
}
