using System.Diagnostics;
using System.Runtime.InteropServices;
using ParallelDsl.Collectives;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Transports;

namespace ParallelDsl.Benchmarks.Collectives;

/// <summary>The vectors of one rank: a long one, and a part of it.</summary>
internal sealed unsafe class CollectiveVectors : IDisposable
{
    public const int LongestBytes = 64 << 20;
    private const int Alignment = 4_096;

    public CollectiveVectors()
    {
        Whole = (float*)NativeMemory.AlignedAlloc(LongestBytes, Alignment);
        Part = (float*)NativeMemory.AlignedAlloc(LongestBytes, Alignment);

        // Zeros: sums stay zeros, however often they are summed. Every page is touched.
        new Span<float>(Whole, LongestBytes / sizeof(float)).Clear();
        new Span<float>(Part, LongestBytes / sizeof(float)).Clear();
    }

    public float* Whole { get; }

    public float* Part { get; }

    /// <summary>Seconds of one operation: some are run for warmth, then all ranks start together.</summary>
    public double Time(CollectiveCase item, Action<CollectiveCase> run, Action barrier)
    {
        for (int warm = 0; warm < Math.Clamp(item.Repeats / 8, 1, 8); warm++)
            run(item);
        barrier();
        long start = Stopwatch.GetTimestamp();
        for (int repeat = 0; repeat < item.Repeats; repeat++)
            run(item);
        return Stopwatch.GetElapsedTime(start).TotalSeconds / item.Repeats;
    }

    /// <summary>A group for each algorithm that so many ranks can have.</summary>
    public static Dictionary<CollectiveAlgorithm, ProcessGroup> Groups(ITransport transport)
    {
        int[] ranks = [.. Enumerable.Range(0, transport.Size)];
        return Enum.GetValues<CollectiveAlgorithm>()
            .Where(algorithm => transport.Size > 2 || algorithm == CollectiveAlgorithm.Direct)
            .ToDictionary(algorithm => algorithm, algorithm => new ProcessGroup(transport, ranks, (int)algorithm, CollectiveCase.PlanOf(algorithm, transport.Size)));
    }

    /// <summary>Runs an operation of ours.</summary>
    public void Run(ProcessGroup group, CollectiveCase item)
    {
        Span<float> whole = new(Whole, item.Floats);
        Span<float> part = new(Part, item.Floats / group.Size);
        switch (item.Operation)
        {
            case CollectiveOperation.AllReduce:
                group.AllReduce(whole);
                break;
            case CollectiveOperation.ReduceScatter:
                group.ReduceScatter(whole, part);
                break;
            default:
                group.AllGather(part, whole);
                break;
        }
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Whole);
        NativeMemory.AlignedFree(Part);
    }
}
