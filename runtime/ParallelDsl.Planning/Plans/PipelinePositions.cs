using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;

namespace ParallelDsl.Planning.Plans;

/// <summary>The positions of the pipeline axis as the mesh lays them over a cluster: each is as good as the least of its devices.</summary>
internal sealed class PipelinePositions
{
    private readonly ClusterTopology _topology;
    private readonly Mesh _mesh;
    private readonly Dictionary<(int From, int To, long Bytes), long> _hops = [];

    public PipelinePositions(ClusterSpec cluster, Mesh mesh)
    {
        (_topology, _mesh) = (new ClusterTopology(cluster), mesh);
        DeviceSpec first = cluster.Nodes[0].Device;
        long[] rates = new long[mesh.Pipeline], memory = new long[mesh.Pipeline];
        for (int position = 0; position < mesh.Pipeline; position++)
            (rates[position], memory[position]) = (first.FlopsPerNanosecond, first.MemoryBytes);
        if (cluster.Nodes.Any(group => group.Device != first))
        {
            for (int position = 0; position < mesh.Pipeline; position++)
                (rates[position], memory[position]) = (long.MaxValue, long.MaxValue);
            for (int rank = 0; rank < mesh.Size; rank++)
            {
                DeviceSpec device = _topology.Locate(rank).Device;
                int position = mesh.CoordinateOf(rank).Pipeline;
                rates[position] = Math.Min(rates[position], device.FlopsPerNanosecond);
                memory[position] = Math.Min(memory[position], device.MemoryBytes);
            }
        }

        (Rates, Memory) = (new(rates), new(memory));
    }

    /// <summary>For each position the lowest rate of its devices, FLOPs a nanosecond.</summary>
    public EquatableArray<long> Rates { get; }

    /// <summary>For each position the least memory of its devices, bytes.</summary>
    public EquatableArray<long> Memory { get; }

    /// <summary>Nanoseconds to move <paramref name="bytes"/> between two positions, over the slowest of the ranks of the other axes, either
    /// way; 0 from a position to itself.</summary>
    public long Hop(int from, int to, long bytes)
    {
        if (from == to)
            return 0;
        if (_hops.TryGetValue((from, to, bytes), out long slowest))
            return slowest;
        for (int data = 0; data < _mesh.Data; data++)
        {
            for (int sequence = 0; sequence < _mesh.Sequence; sequence++)
            {
                int source = _mesh.RankOf(new Coordinate(data, sequence, from));
                int destination = _mesh.RankOf(new Coordinate(data, sequence, to));
                slowest = Math.Max(slowest, _topology.TransferTime(source, destination, bytes));
            }
        }

        _hops.Add((from, to, bytes), slowest);
        return slowest;
    }
}
