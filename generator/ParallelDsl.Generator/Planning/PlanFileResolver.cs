using System.Collections.Immutable;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Generator.Parsing;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Plans;
using static System.FormattableString;

namespace ParallelDsl.Generator.Planning;

/// <summary>Finds the plan of a model among the project's plan files, and tells whether it is still one of this model.</summary>
internal static class PlanFileResolver
{
    public static PlanInput Resolve(PlanInput input, ImmutableArray<ParsedPlanFile> files)
    {
        string model = input.Declaration.Type.FullName;

        // One file may be listed twice, by a pattern and by name.
        ParsedPlanFile[] found =
        [
            .. files.Where(file => file.Plan?.Model.Name == model).GroupBy(file => file.Path).Select(group => group.First()),
        ];
        return found.Length == 0 ? input : input with { PlanFiles = found.ToEquatableArray() };
    }

    /// <summary>The plan that a file has for <paramref name="request"/>, or none and why the files are of no use.</summary>
    public static (ParallelPlan? Plan, ModelProblem? Problem) Choose(PlanInput input, PlanRequest request)
    {
        if (input.PlanFiles.Count == 0)
            return (null, null);
        if (input.PlanFiles.Count > 1)
        {
            return (null, ModelProblem.OfModel(
                Rules.PlanFileAmbiguous, Invariant($"{input.PlanFiles.Count}"), input.Declaration.Type.Name,
                string.Join(", ", input.PlanFiles.Select(file => file.Path))));
        }

        ParallelPlan plan = input.PlanFiles[0].Plan!;
        return Difference(plan, request) is { } difference
            ? (null, ModelProblem.OfModel(Rules.StalePlanFile, input.PlanFiles[0].Name, input.Declaration.Type.Name, difference))
            : (plan, null);
    }

    private static string? Difference(ParallelPlan plan, PlanRequest request)
    {
        AxesSpec axes = Planner.WithDefaults(request).Axes;
        return plan.Model.ContextLength != request.Model.ContextLength ? "the context length"
            : plan.Model != request.Model ? "a layer"
            : plan.Cluster != request.Cluster ? "the cluster"
            : plan.Axes != axes ? $"an axis ({Describe(plan.Axes)} in the file, {Describe(axes)} declared)"
            : null;
    }

    private static string Describe(AxesSpec axes) => Invariant(
        $"data {axes.Data} x sequence {axes.Sequence} x pipeline {axes.Pipeline}, {axes.Schedule}, {axes.MicroBatches} micro-batches of {axes.UnitTokens} tokens")
        + (axes.VocabularySlices > 1 ? Invariant($", {axes.VocabularySlices} vocabulary slices") : string.Empty)
        + (axes.Packing != Packing.Tokens ? $", {axes.Packing} packing" : string.Empty)
        + (axes.Balance != SequenceBalance.Zigzag ? $", {axes.Balance} balance" : string.Empty)
        + (axes is { Datapath: Datapath.Ring, InterNodeDatapath: Datapath.Ring } ? string.Empty : $", {axes.Datapath} in a node and {axes.InterNodeDatapath} between nodes")
        + (axes.Rail == NodeRail.Cross ? string.Empty : $", {axes.Rail} rails")
        + (axes.OverlapPercent != 100 ? Invariant($", overlap {axes.OverlapPercent} %") : string.Empty)
        + (axes.AttentionPercent != 100 ? Invariant($", attention {axes.AttentionPercent} %") : string.Empty);
}
