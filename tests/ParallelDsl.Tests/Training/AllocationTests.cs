using ParallelDsl.Planning.Plans;
using ParallelDsl.Tests.Execution;
using ParallelDsl.Training;

namespace ParallelDsl.Tests.Training;

public sealed class AllocationTests
{
    /// <summary>What a rank may allocate on the managed heap in a step of steady state, bytes.</summary>
    private const long Allowed = 2_048;

    [Theory]
    [InlineData(1, 1, 1, false, Datapath.Ring)]
    [InlineData(2, 2, 2, false, Datapath.Ring)]
    [InlineData(2, 2, 2, true, Datapath.Ring)]
    [InlineData(2, 2, 2, false, Datapath.AllToAll)]
    [InlineData(1, 3, 1, false, Datapath.AllToAll)]
    [InlineData(1, 3, 1, false, Datapath.Hamiltonian)]
    [InlineData(1, 4, 1, false, Datapath.Pairwise)]
    [InlineData(1, 3, 1, false, Datapath.AllGather)]
    [InlineData(1, 3, 1, false, Datapath.BidirectionalRing)]
    public void AStepAllocatesLittle(int data, int sequence, int pipeline, bool timesActions, Datapath datapath)
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(
            data, sequence, pipeline, MicroBatches: 2, UnitTokens: 96, Datapath: datapath, InterNodeDatapath: datapath));
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(1, 200), new TrainerOptions { Steps = 60, TimesActions = timesActions }, plan);
        List<long> allocated = [];
        long before = 0;
        trainer.Train(progress: report =>
        {
            if (report.Step > 40)
                allocated.Add(GC.GetAllocatedBytesForCurrentThread() - before);
            before = GC.GetAllocatedBytesForCurrentThread();
        });

        // Buffers still grow now and then, when a step holds more or longer sequences than any before: the median is the steady state.
        Assert.InRange(allocated.Order().ElementAt(allocated.Count / 2), 0, Allowed);
    }
}
