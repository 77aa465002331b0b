using System.Numerics;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Transports;

namespace ParallelDsl.Collectives;

/// <summary>One algorithm for a group: which rounds of messages a reduction and a gathering are made of.</summary>
internal abstract unsafe class CollectiveSteps
{
    /// <summary>The algorithm that a plan names, which fits the group.</summary>
    public static CollectiveSteps Of(CollectivePlan plan, GroupMessages messages) => plan.Algorithm switch
    {
        CollectiveAlgorithm.Direct => new DirectSteps(messages),
        CollectiveAlgorithm.Ring => RingSteps.OfOneRing(messages),
        CollectiveAlgorithm.MultiRing => RingSteps.Of(plan.Rings, messages),
        CollectiveAlgorithm.HalvingDoubling => new HalvingDoublingSteps(messages),
        CollectiveAlgorithm.TwoLevel => new TwoLevelSteps(messages, plan.Nodes),
        _ => throw new ArgumentException($"There is no collective algorithm {(int)plan.Algorithm}.", nameof(plan)),
    };

    /// <summary>Whether sums can be taken from a vector that must not be written, without a copy of it.</summary>
    public virtual bool ReducesFromSource => false;

    /// <summary>Bytes of buffers so far.</summary>
    public virtual long Bytes => 0;

    /// <summary>Sums: afterwards the own part holds the sum over the members, and the other parts anything.</summary>
    public abstract void ReduceScatter<T>(Parts<T> parts)
        where T : unmanaged, INumberBase<T>;

    /// <summary>Collects: the own part is there before, and all are afterwards.</summary>
    public abstract void AllGather<T>(Parts<T> parts, CollectiveKind kind)
        where T : unmanaged, INumberBase<T>;

    /// <summary>Replaces all parts by their sums.</summary>
    public virtual void AllReduce<T>(Parts<T> parts)
        where T : unmanaged, INumberBase<T>
    {
        ReduceScatter(parts);
        AllGather(parts, CollectiveKind.AllGather);
    }
}
