using CsCheck;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

/// <summary>Random pipelines of ordinary shape, too large to be solved exactly.</summary>
internal static class MediumProblems
{
    public static readonly Gen<PipelineProblem> Any =
        from devices in Gen.Int[1, 5]
        from layers in (
            from forward in Gen.Long[1, 40]
            from input in Gen.Long[0, 40]
            from weight in Gen.Long[0, 40]
            from held in Gen.Long[1, 4]
            from resident in Gen.Long[0, 6]
            select new PipelineLayer(forward, input, weight, held, resident)).Array[devices + 2, 20]
        from microBatches in Gen.Int[1, 12]
        from pinnedFirst in Gen.Int[0, 1]
        from pinnedLast in Gen.Int[0, 1]
        from hop in Gen.OneOf(Gen.Const(0L), Gen.Long[1, 30])
        from overhead in Gen.OneOf(Gen.Const(0L), Gen.Long[1, 4])
        from split in Gen.Int[0, 2]
        from room in Gen.Int[0, 3]
        let problem = new PipelineProblem(
            new(layers), devices, microBatches, pinnedFirst, pinnedLast, hop, default, overhead, SplitBackward: split > 0)
        select problem with { ActivationCap = room == 0 ? long.MaxValue : CapOf(problem) * room };

    // What 1F1B holds, so that there is a pipeline.
    private static long CapOf(PipelineProblem problem) =>
        NamedPipelines.Of(problem, PipelineSchedule.OneForwardOneBackward).Peak;
}
