using CsCheck;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Tests.Plans;

public class PlannerPropertyTests
{
    // Mostly sensible, sometimes broken or huge.
    private static Gen<int> Number(params int[] sensible) => Gen.Frequency(
        (30, Gen.Int[0, sensible.Length - 1].Select(index => sensible[index])),
        (1, Gen.Int[-2, 10]),
        (1, Gen.Int.Select(value => value)),
        (1, Gen.OneOf(Gen.Const(int.MaxValue), Gen.Const(int.MinValue), Gen.Const(0), Gen.Const(1 << 30))));

    private static readonly Gen<LayerSpec> Block =
        from repeat in Number(1, 2, 5, 12)
        from heads in Number(2, 4, 8)
        from keyValueHeads in Number(0, 1, 2)
        from feedForward in Number(16, 256, 1_000)
        select new LayerSpec("Blocks", LayerKind.TransformerBlock, repeat, Heads: heads, KeyValueHeads: keyValueHeads, FeedForward: feedForward);

    private static readonly Gen<ModelSpec> Model =
        from context in Number(64, 256, 4_096)
        from vocabulary in Number(100, 50_257)
        from width in Number(64, 256, 768)
        from blocks in Block.Array[0, 3]
        from tied in Gen.Bool
        from shape in Gen.Int[0, 40]
        let embedding = new LayerSpec("Tokens", LayerKind.Embedding, Vocabulary: vocabulary, Width: width)
        let head = new LayerSpec("Head", LayerKind.LanguageModelHead, TiedWeights: tied)
        select new ModelSpec("M", context, shape switch
        {
            0 => [embedding, .. blocks],
            1 => [head, .. blocks, embedding],
            2 => [.. blocks],
            3 => [embedding, embedding, .. blocks, head],
            _ => [embedding, .. blocks, head],
        });

    private static readonly Gen<NodeGroup> Group =
        from kind in Gen.Int[0, (int)DeviceKind.T4]
        from fabric in Gen.Int[0, 2]
        from nics in Number(1, 4)
        from rate in Number(100, 400)
        select new NodeGroup(1, 1, DeviceCatalogue.Of((DeviceKind)kind), (Fabric)fabric, nics, rate);

    private static readonly Gen<PlanRequest> Request =
        from model in Model
        from data in Number(1, 2, 4)
        from sequence in Number(1, 2, 4)
        from pipeline in Number(1, 2, 4, 3)
        from schedule in Gen.Int[0, (int)PipelineSchedule.Adaptive]
        from rounds in Gen.Int[1, 3]
        from microBatches in Number(0, 0, 0, 8)
        from chunks in Number(0, 0, 0, 2)
        from unitTokens in Number(0, 0, 4_096, 65_536)
        from slices in Gen.Frequency((40, Gen.OneOf(Gen.Const(0), Gen.Const(1), Gen.Const(2), Gen.Const(7))), (1, Gen.Int[-2, 200]))
        from packing in Gen.Int[0, 1]
        from balance in Gen.Int[0, 1]
        from groups in Group.Array[1, 2]
        from wrong in Gen.Int[0, 15]
        select new PlanRequest(
            model,
            new ClusterSpec("C", Nodes(groups, data, sequence, pipeline, wrong)),
            new AxesSpec(data, sequence, pipeline, (PipelineSchedule)schedule, microBatches, chunks, unitTokens, slices, (ParallelDsl.Packing)packing, (SequenceBalance)balance));

    // As many devices as ranks, in two groups where there are two, or now and then something else.
    private static EquatableArray<NodeGroup> Nodes(NodeGroup[] groups, int data, int sequence, int pipeline, int wrong)
    {
        long ranks = Math.Clamp((long)data, 1, 1_000_000) * Math.Clamp((long)sequence, 1, 1_000) * Math.Clamp((long)pipeline, 1, 1_000);
        int devices = (int)Math.Min(int.MaxValue, wrong == 0 ? ranks + 1 : ranks);
        return groups.Length == 2 && devices % 2 == 0
            ? [groups[0] with { DevicesPerNode = devices / 2 }, groups[1] with { DevicesPerNode = devices / 2 }]
            : [groups[0] with { DevicesPerNode = devices, Count = wrong == 1 ? -5 : 1 }];
    }

    [Fact]
    public void Two_thousand_requests_get_an_answer_and_every_plan_is_sound()
    {
        int planned = 0, infeasible = 0, tooLarge = 0;
        var codes = new HashSet<PlanProblemCode>();
        Cases.Check(Request, 2_000, request =>
        {
            PlanResult result = Planner.Plan(request);
            switch (result)
            {
                case Planned plan:
                    planned++;
                    Assert.Empty(PlanChecks.Validate(plan.Plan));
                    Assert.All(plan.Plan.Memory, memory => Assert.True(memory.Needed <= memory.Available));
                    Assert.Equal(plan.Plan.Mesh.Size, request.Cluster.DeviceCount);
                    Assert.Equal(plan.Plan.Layers.Count, plan.Plan.Stages.Sum(stage => stage.LayerCount));
                    Assert.IsNotType<Infeasible>(Planner.SingleRank(plan.Plan));
                    break;
                case Infeasible problems:
                    infeasible++;
                    Assert.NotEmpty(problems.Problems);
                    Assert.All(problems.Problems, problem =>
                    {
                        codes.Add(problem.Code);
                        Assert.NotEmpty(problem.Message);
                        Assert.NotEmpty(problem.Fix);
                        Assert.InRange(problem.Suggestions.Count, 0, 6);
                        Assert.Equal(problem.Subject == PlanSubject.Layer, problem.Layer >= 0);
                    });
                    break;
                default:
                    tooLarge++;
                    Assert.NotEmpty(Assert.IsType<TooLarge>(result).Message);
                    break;
            }
        });
        Assert.True(planned > 250 && infeasible > 500 && tooLarge > 5, $"{planned} planned, {infeasible} infeasible, {tooLarge} too large");
        Assert.True(codes.Count >= 12, string.Join(", ", codes));
    }
}
