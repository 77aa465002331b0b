using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;
using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>What one layer costs.</summary>
/// <param name="Forward">Work of F: ticks, or FLOPs where the problem has rates.</param>
/// <param name="BackwardInput">The same of B.</param>
/// <param name="BackwardWeight">The same of W.</param>
/// <param name="Held">What one unit holds from the start of F until B and W are done: 1 counts layers x micro-batches; or bytes.</param>
/// <param name="Resident">What the layer holds all the time, in the same unit.</param>
public readonly record struct PipelineLayer(
    long Forward, long BackwardInput, long BackwardWeight, long Held = 1, long Resident = 0);

/// <summary>A pipeline to lay out: which layers go together, where they lie, and in which order each device works.</summary>
/// <param name="Layers">The layers in execution order.</param>
/// <param name="Devices">p, the positions of the pipeline axis.</param>
/// <param name="MicroBatches">m, the units of a step.</param>
/// <param name="PinnedFirst">Layers at the start that belong to the first stage, beside at least one other.</param>
/// <param name="PinnedLast">Layers at the end that belong to the last stage, beside at least one other.</param>
/// <param name="Hop">Ticks to move a value from one device to another, where <paramref name="Hops"/> does not say.</param>
/// <param name="Hops">Ticks from device i to device j at index i p + j; empty for <paramref name="Hop"/> everywhere.</param>
/// <param name="Overhead">Ticks that every action costs on top.</param>
/// <param name="ActivationCap">The most that any device may hold.</param>
/// <param name="SplitBackward">Whether B and W are actions of their own; else X does both.</param>
/// <param name="Rates">FLOPs a nanosecond of each device; empty where the layers' work is in ticks already.</param>
public sealed record PipelineProblem(
    EquatableArray<PipelineLayer> Layers,
    int Devices,
    int MicroBatches,
    int PinnedFirst = 0,
    int PinnedLast = 0,
    long Hop = 0,
    EquatableArray<long> Hops = default,
    long Overhead = 0,
    long ActivationCap = long.MaxValue,
    bool SplitBackward = true,
    EquatableArray<long> Rates = default)
{
    // A search stretches times and takes thousandths of them: 50 bits leave room for that.
    private const long MaximumTicks = 1L << 50;

    /// <summary>Layers that may lie in any stage; every stage has at least one of them.</summary>
    public int FreeLayers => Layers.Count - PinnedFirst - PinnedLast;

    /// <summary>Ticks of <paramref name="work"/> on <paramref name="device"/>.</summary>
    public long TicksOn(int device, long work) => Rates.Count == 0 ? work : UnitWork.Ticks(work, Rates[device]);

    /// <summary>Ticks of a transfer between two devices.</summary>
    public long HopBetween(int from, int to) => from == to ? 0 : Hops.Count == 0 ? Hop : Hops[(from * Devices) + to];

    /// <summary>Whether all devices are alike, so that their numbers do not matter.</summary>
    public bool IsUniform => Hops.Count == 0 && Rates.Distinct().Take(2).Count() < 2;

    /// <summary>The ticks of the stages of a layout, as the simulator takes them.</summary>
    /// <param name="boundaries">The first layer of every stage, and the number of layers at the end.</param>
    /// <param name="stageDevices">The device of every stage.</param>
    public StageCosts CostsOf(EquatableArray<int> boundaries, EquatableArray<int> stageDevices)
    {
        var sums = new LayerSums(this);
        int stages = stageDevices.Count;
        long[] forward = new long[stages], input = new long[stages], weight = new long[stages], hop = new long[stages];
        for (int stage = 0; stage < stages; stage++)
        {
            (int first, int end, int device) = (boundaries[stage], boundaries[stage + 1], stageDevices[stage]);
            forward[stage] = sums.Forward(device, first, end);
            input[stage] = sums.Input(device, first, end);
            weight[stage] = sums.Weight(device, first, end);
            hop[stage] = stage + 1 < stages ? HopBetween(device, stageDevices[stage + 1]) : 0;
        }

        return new StageCosts(new(forward), new(input), new(weight), new(hop), Overhead);
    }

    /// <summary>Throws where the problem cannot be meant.</summary>
    /// <exception cref="ArgumentException">A count is not positive, a cost is negative, there are fewer layers than devices, there is not a
    /// rate for each device or a hop for each two where there are any, or sizes
    /// leave 50 bits.</exception>
    public void Check()
    {
        if (Devices < 1 || MicroBatches < 1)
            throw new ArgumentException(Invariant($"a pipeline needs at least one device and micro-batch, not {Devices} and {MicroBatches}"));
        if (PinnedFirst < 0 || PinnedLast < 0)
            throw new ArgumentException("the number of pinned layers is negative");
        if (FreeLayers < Devices)
            throw new ArgumentException(Invariant($"{Math.Max(0, FreeLayers)} layers do not make a stage for each of {Devices} devices"));
        if (Hop < 0 || Overhead < 0 || Hops.Any(hop => hop < 0))
            throw new ArgumentException("a hop or overhead is negative");
        if (Hops.Count > 0 && Hops.Count != Devices * (long)Devices)
            throw new ArgumentException(Invariant($"{Hops.Count} hops are not one for each pair of {Devices} devices"));
        if (Rates.Count > 0 && (Rates.Count != Devices || Rates.Any(rate => rate < 1)))
            throw new ArgumentException(Invariant($"the rates {string.Join(", ", Rates)} are not a positive one for each of {Devices} devices"));
        foreach (PipelineLayer layer in Layers)
        {
            if (layer.Forward < 0 || layer.BackwardInput < 0 || layer.BackwardWeight < 0 || layer.Held < 0 || layer.Resident < 0)
                throw new ArgumentException("a layer has a negative cost");
        }

        if (!IsWithinRange)
            throw new ArgumentException("the times or sizes of the pipeline leave 50 bits");
    }

    /// <summary>Whether times and sizes of a step are small enough to be searched.</summary>
    internal bool IsWithinRange
    {
        get
        {
            // Work may be FLOPs, of which there are many more than of the slowest device's ticks.
            long slowest = Rates.Count == 0 ? 0 : Rates.Min(), hop = LongestHop;
            decimal Ticks(long work) => Rates.Count == 0 ? work
                : work > long.MaxValue / 4 ? MaximumTicks
                : UnitWork.Ticks(work, slowest);
            decimal all = 0, held = 0, resident = 0;
            foreach (PipelineLayer layer in Layers)
            {
                all += Ticks(layer.Forward) + Ticks(layer.BackwardInput) + Ticks(layer.BackwardWeight) + (3m * Overhead) + (2m * hop);
                held += layer.Held;
                resident += layer.Resident;

                // One unit first: the product with all units could leave even a decimal.
                if (Math.Max(all, Math.Max(held, resident)) >= MaximumTicks || Math.Max(all, held) * MicroBatches >= MaximumTicks)
                    return false;
            }

            return true;
        }
    }

    private long LongestHop => Hops.Count == 0 ? Hop : Hops.Max();
}
