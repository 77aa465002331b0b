using ParallelDsl.Planning.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>What a simulated batch takes for granted: the same for every strategy.</summary>
/// <param name="RatePermille">The share of a device's peak rate that long kernels reach, in thousandths. Short attention shards reach less, by
/// the efficiency curve.</param>
/// <param name="OverlapSlowdownPermille">How much slower a device computes while a transfer touches it, in thousandths.</param>
/// <param name="InterNodeLatency">Nanoseconds before a transfer between nodes starts.</param>
/// <param name="IntraNodeLatency">The same inside a node.</param>
/// <param name="MemoryPermille">The share of a device's memory that model state and activations may fill, in thousandths.</param>
/// <param name="CapacityTokens">Tokens whose activations of all layers a device has room for without recomputation, where that does not follow
/// from its memory.</param>
public sealed record BatchAssumptions(
    int RatePermille = 550,
    int OverlapSlowdownPermille = 50,
    long InterNodeLatency = 5_000,
    long IntraNodeLatency = 2_000,
    int MemoryPermille = 900,
    long? CapacityTokens = null);

/// <summary>One batch, and what it is to be trained on.</summary>
/// <remarks>The same for all strategies, and so left out: the optimizer, the reduction of gradients, gathering of weights that are sharded, and
/// exchanges between experts. Model state is sharded evenly over all devices, whatever the strategy. Of devices that differ the
/// slowest and the smallest count.</remarks>
/// <param name="Cluster">The machines. Stage s has the devices s R to s R + R - 1.</param>
/// <param name="Model">The model.</param>
/// <param name="Lengths">Tokens of each sequence, at least 1.</param>
/// <param name="ContextLength">The longest sequence there may be; what packing to the context fills.</param>
/// <param name="Stages">P, pipeline stages. A strategy that searches takes no fewer: the traffic of weights, which is what stages save, is
/// left out.</param>
/// <param name="Units">M, units of each data rank where there are several stages.</param>
/// <param name="Assumptions">Rates, latencies and memory.</param>
public sealed record BatchProblem(
    ClusterSpec Cluster,
    BatchModel Model,
    EquatableArray<int> Lengths,
    int ContextLength,
    int Stages,
    int Units,
    BatchAssumptions Assumptions)
{
    /// <summary>All devices.</summary>
    public int Devices => Cluster.DeviceCount;

    /// <summary>R, the ranks of a stage.</summary>
    public int StageRanks => Devices / Stages;

    /// <summary>Tokens of the batch.</summary>
    public long Tokens => Lengths.Sum(length => (long)length);

    /// <summary>FLOPs that a device does in a nanosecond.</summary>
    public long FlopsPerNanosecond => Math.Max(1, Cluster.Nodes.Min(group => group.Device.FlopsPerNanosecond) * Assumptions.RatePermille / 1000);

    /// <summary>Bytes of a device that activations may fill.</summary>
    public long ActivationRoom
    {
        get
        {
            if (Assumptions.CapacityTokens is { } tokens)
                return tokens * TokenBytes(Model.Layers, recompute: false);
            long memory = Cluster.Nodes.Min(group => group.Device.MemoryBytes) / 1000 * Assumptions.MemoryPermille;
            return Math.Max(0, memory - ((Model.StateBytes + Devices - 1) / Devices));
        }
    }

    /// <summary>Tokens of all layers that a device has room for: those of one unit where there is one stage. A device of P stages has room for
    /// as many tokens of each of the P units that it holds at once.</summary>
    public long CapacityTokens(bool recompute) => ActivationRoom / TokenBytes(Model.Layers, recompute);

    // With recomputation a token holds the input of every layer, and in the backward all of one.
    private long TokenBytes(int layers, bool recompute) =>
        (Model.ActivationBytes(recompute) * layers) + (recompute ? Model.ActivationBytes(recompute: false) : 0);

    /// <summary>What is wrong with the problem, or null.</summary>
    public string? Check()
    {
        if (Lengths.Count == 0)
            return "the batch has no sequences";
        for (int sequence = 0; sequence < Lengths.Count; sequence++)
        {
            if (Lengths[sequence] < 1 || Lengths[sequence] > ContextLength)
                return Invariant($"sequence {sequence} has {Lengths[sequence]} tokens, and the context length allows 1 to {ContextLength}");
        }

        if (Stages < 1 || Units < 1)
            return Invariant($"{Stages} stages and {Units} units: both are at least 1");
        if (Devices % Stages != 0)
            return Invariant($"{Stages} stages do not divide {Devices} devices");
        if (Stages > Model.Layers)
            return Invariant($"{Stages} stages of {Model.Layers} layers");
        return null;
    }
}
