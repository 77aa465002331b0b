using CsCheck;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;
using Xunit.Sdk;

namespace ParallelDsl.Tool.Tests;

/// <summary>Random plans, the same on every machine and in every run.</summary>
internal static class Cases
{
    private static readonly Gen<PlanRequest> Requests =
        from data in Gen.Int[1, 4]
        from sequence in Gen.Int[1, 4]
        from pipeline in Gen.Int[1, 9]
        from schedule in OneOf(PipelineSchedule.GPipe, PipelineSchedule.OneForwardOneBackward, PipelineSchedule.Interleaved)
        from rounds in Gen.Int[1, 12]
        from extraBlocks in Gen.Int[0, 40]
        from heads in Gen.Int[1, 16]
        from headWidth in OneOf(2, 64, 128)
        from context in OneOf(1, 7, 512, 65_536)
        from nodeCount in Gen.Int[1, 8]
        from device in OneOf(DeviceKind.Host, DeviceKind.L4, DeviceKind.H100Sxm, DeviceKind.Mi300X)
        from name in OneOf("Gpt", "A", "Company.Department.Research.Models.Experimental.VeryLongNameOfAModelThatDoesNotEnd.Gpt", "Größe.模型")
        select Request(data, sequence, pipeline, schedule, rounds, extraBlocks, heads, headWidth, context, nodeCount, device, name);

    /// <summary>Checks <paramref name="property"/> on plans of <paramref name="count"/> random requests; those without a plan are passed over.</summary>
    public static void CheckPlans(int count, Action<ParallelPlan> property)
    {
        int planned = 0;
        for (uint index = 0; index < count; index++)
        {
            PlanRequest request = Requests.Generate(new PCG(index + 1, 20_260_102UL), null, out _);
            if (Planner.Plan(request) is not Planned result)
                continue;
            planned++;
            try
            {
                property(result.Plan);
            }
            catch (Exception exception)
            {
                throw new XunitException($"case {index}, {request}: {exception.Message}", exception);
            }
        }

        Assert.True(planned > count / 2, $"only {planned} of {count} requests had a plan");
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    private static PlanRequest Request(
        int data, int sequence, int pipeline, PipelineSchedule schedule, int rounds, int extraBlocks, int heads, int headWidth, int context,
        int nodeCount, DeviceKind device, string name)
    {
        int ranks = data * sequence * pipeline;
        nodeCount = Enumerable.Range(1, nodeCount).Last(count => ranks % count == 0);
        if (schedule == PipelineSchedule.Interleaved && pipeline == 1)
            schedule = PipelineSchedule.GPipe;
        ModelSpec model = SamplePlans.Transformer(
            name, (2 * pipeline) + extraBlocks, context * 2 * sequence, 1_000 * heads, heads * headWidth, heads, 0, 3 * heads * headWidth);
        ClusterSpec cluster = SamplePlans.Nodes("Cluster of " + name, nodeCount, ranks / nodeCount, device, 4, 100);
        return new PlanRequest(model, cluster, new AxesSpec(data, sequence, pipeline, schedule, rounds * pipeline));
    }
}
