using System.Diagnostics;
using System.Globalization;
using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Tests.Execution;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <summary>Forward and backward attention whose keys and values travel between the processes of a job.</summary>
internal static class AttentionRanks
{
    private const int Units = 2;
    private const int Length = 640;

    // A sequence whose parts are longer than what the library sends without asking, short ones, and one of a token.
    private static readonly List<int[]> Batch = StepPlanTests.BatchOf(Length, 37, 1, 90);

    /// <summary>Under every datapath, causal and full: the bits of ranks that are threads, whose results are those of float64 elsewhere.</summary>
    public static int Compare(MpiJob job, MpiTransport transport)
    {
        foreach (Datapath datapath in Enum.GetValues<Datapath>().Where(datapath => datapath != Datapath.Automatic))
        {
            foreach (bool isCausal in (bool[])[true, false])
            {
                (ParallelPlan plan, StepPlan step, RingDatapaths datapaths) = Case(job.Size, datapath);
                using SlicedAttention<Grouped> threads = SlicedAttention<Grouped>.Of(plan, Batch, step, 5, datapaths, isCausal: isCausal);
                using SlicedAttention<Grouped> processes = SlicedAttention<Grouped>.OfRank(transport, plan, Batch, step, 5, datapaths, isCausal);
                processes.AssertSameRows(threads, plan, job.Rank, datapaths);
            }

            if (job.Rank == 0)
                Console.WriteLine(datapath);
        }

        return 0;
    }

    /// <summary>Rank 1 is killed while all exchange keys, values and gradients.</summary>
    public static int BeKilled(MpiJob job, MpiTransport transport)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"process {Environment.ProcessId}"));
        (ParallelPlan plan, StepPlan step, RingDatapaths datapaths) = Case(job.Size, Datapath.Hamiltonian);
        Thread killer = new(() =>
        {
            Thread.Sleep(300);
            Process.Start("kill", ["-KILL", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]).WaitForExit();
        });
        for (int round = 0; ; round++)
        {
            if (round == 2 && job.Rank == 1)
                killer.Start();
            SlicedAttention<Grouped>.OfRank(transport, plan, Batch, step, 5, datapaths, isCausal: true).Dispose();
        }
    }

    /// <summary>Even numbers of ranks are on two nodes.</summary>
    private static (ParallelPlan Plan, StepPlan Step, RingDatapaths Datapaths) Case(int ranks, Datapath datapath)
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(ranks, 1, 1, PipelineSchedule.GPipe, Units, UnitTokens: Length), StepTraits.Slices);
        plan = plan with { Model = plan.Model with { ContextLength = Length } };
        int[] ring = [.. Enumerable.Range(0, ranks)];
        StepPlan step = RandomStep.Of(new Random(ranks), plan, Batch, StepTraits.Slices, _ => ring);
        return (plan, step, new RingDatapaths(datapath, datapath, [.. ring.Select(rank => ranks % 2 == 0 ? 2 * rank / ranks : 0)]));
    }

    private readonly struct Grouped : IAttentionShape
    {
        public static int Heads => 4;

        public static int KeyValueHeads => 2;

        public static int HeadWidth => 16;
    }
}
