using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;
using static System.FormattableString;

namespace ParallelDsl.Planning.Plans;

/// <summary>Proves that a plan holds together, wherever it comes from: what a planner made, a search found or a file says.</summary>
public static class PlanChecks
{
    /// <summary>What is wrong with <paramref name="plan"/>, each one sentence; none for a sound plan. Whether it fits in memory is not
    /// asked.</summary>
    public static EquatableArray<string> Validate(ParallelPlan plan)
    {
        var faults = new List<string>();
        try
        {
            // Later checks rely on what earlier ones prove.
            CheckRequest(plan, faults);
            if (faults.Count == 0)
                CheckShape(plan, faults);
            if (faults.Count == 0)
                CheckPrograms(plan, faults);
        }
        catch (OverflowException)
        {
            faults.Add("its numbers leave 64 bits");
        }

        return new([.. faults]);
    }

    private static void CheckRequest(ParallelPlan plan, List<string> faults)
    {
        var request = new PlanRequest(plan.Model, plan.Cluster, plan.Axes);
        faults.AddRange(RequestChecks.Run(request).Select(problem => problem.Message));
        if (faults.Count == 0 && Planner.Excess(request) is { } excess)
            faults.Add(excess);
    }

    private static void CheckShape(ParallelPlan plan, List<string> faults)
    {
        void Require(bool holds, string otherwise)
        {
            if (!holds)
                faults.Add(otherwise);
        }

        AxesSpec axes = plan.Axes;
        Mesh mesh = plan.Mesh;
        var request = new PlanRequest(plan.Model, plan.Cluster, axes);
        Require(
            (mesh.Data, mesh.Sequence, mesh.Pipeline) == (axes.Data, axes.Sequence, axes.Pipeline),
            "the mesh has other sizes than the axes");
        Require(mesh.Order.Count == 3 && mesh.Order.Distinct().Count() == 3, "the mesh does not order each of its three axes once");
        Require(plan.Layers == LayerCosts.Unroll(plan.Model, LayerCosts.TypeOf(plan.Cluster), axes.VocabularySlices), "the layers are not those of the model");

        int next = 0;
        for (int index = 0; index < plan.Stages.Count; index++)
        {
            PlannedStage stage = plan.Stages[index];
            string name = Invariant($"stage {index}");
            Require(
                stage.Index == index && stage.FirstLayer == next && stage.LayerCount > 0,
                $"{name} does not follow the one before it");
            Require(stage.Device >= 0 && stage.Device < axes.Pipeline, $"{name} lies on no position of the pipeline axis");
            Require(
                stage is { Forward: > 0, BackwardInput: > 0, BackwardWeight: > 0, Hop: >= 0 },
                $"{name} has a cost that is not positive");
            next = (int)Math.Min(int.MaxValue, (long)stage.FirstLayer + stage.LayerCount);
        }

        Require(next == plan.Layers.Count, "the stages do not cover the layers");
        Require(
            Enumerable.Range(0, axes.Pipeline).All(position => plan.Stages.Any(stage => stage.Device == position)),
            "a position of the pipeline axis has no stage");
        Require(plan.Programs.Count == axes.Pipeline, "there is not one program for each position of the pipeline axis");
        Require(
            plan.Rings.Count > 0 && plan.Rings.All(ring => ring.OrderBy(rank => rank).SequenceEqual(Enumerable.Range(0, axes.Sequence))),
            "a ring does not visit every position of the sequence axis once");
        if (faults.Count == 0)
            faults.AddRange(SequenceRings.Faults(plan));
        BatchingPlan batching = plan.Batching;
        Require(
            batching.UnitsPerDataRank == axes.MicroBatches && batching.UnitTokens == axes.UnitTokens
                && batching.UnitTokensPerRank == axes.UnitTokens / axes.Sequence && batching.Granule > 0
                && (axes.Sequence == 1 || batching.Granule % (2L * axes.Sequence) == 0)
                && batching.Window >= 1 && batching.Window <= axes.MicroBatches,
            "the constants of packing do not follow from the axes");
        Require(
            (batching with { Window = 1, Granule = 1 }) == (BatchingPlanner.Plan(request, plan.Layers, mesh) with { Granule = 1 }),
            "the constants of the balance of sequences do not follow from the model and the cluster");
        if (faults.Count == 0 && RequestChecks.LongestSequence(request, batching.Window) is { } problem)
            faults.Add(problem.Message);
        if (GradientReductions.Fault(plan.Reductions, mesh) is { } fault)
            faults.Add(fault);
        Require(
            plan.Memory.Select(memory => memory.Device).SequenceEqual(Enumerable.Range(0, axes.Pipeline)),
            "there is not one line of memory for each position of the pipeline axis");
        Require(
            plan.Memory.All(memory =>
                memory is { Weights: >= 0, Gradients: >= 0, Optimizer: >= 0, Activations: >= 0, Workspace: >= 0, Needed: >= 0 }),
            "a size in memory is negative");
    }

    // Slices may be exchanged within a window, so that all its forwards come before any of its backwards.
    private static void CheckWindows(ParallelPlan plan, List<string> faults)
    {
        int window = plan.Batching.Window;
        if (window == 1)
            return;
        if (plan.Axes.Packing != ParallelDsl.Packing.Asymmetric)
            faults.Add(Invariant($"units of whole sequences exchange no slices, and the window is {window}"));
        for (int device = 0; device < plan.Programs.Count; device++)
        {
            var begun = new HashSet<int>();
            foreach (PipelineAction action in plan.Programs[device].Actions)
            {
                if (action.Kind is ActionKind.Backward or ActionKind.BackwardInput)
                    begun.Add(action.MicroBatch / window);
                if (action.Kind == ActionKind.Forward && begun.Contains(action.MicroBatch / window))
                {
                    faults.Add(Invariant($"program {device} has a forward of unit {action.MicroBatch} after a backward of its window of {window} units"));
                    break;
                }
            }
        }
    }

    private static void CheckPrograms(ParallelPlan plan, List<string> faults)
    {
        EquatableArray<int> stageDevices = plan.Stages.Select(stage => stage.Device).ToEquatableArray();
        EquatableArray<PipelineError> errors = PipelineValidation.Validate(plan.Programs, stageDevices, plan.Axes.MicroBatches);
        faults.AddRange(errors.Select(error => Invariant($"program {error.Device}, action {error.Position}: {error.Message}")));
        if (errors.Count > 0)
            return;
        CheckWindows(plan, faults);
        Timeline timeline = PipelineSimulator.Run(plan.Programs, stageDevices, Planner.CostsOf(plan.Stages));
        if (timeline.Makespan != plan.Estimates.Makespan || timeline.Work != plan.Estimates.Work)
            faults.Add("the estimates are not what its programs take");
        for (int device = 0; device < plan.Memory.Count; device++)
        {
            int window = plan.Batching.Window;
            int peak = ActivationPeak.UnitsByStage(plan.Programs[device].Actions, stageDevices, window).Sum();
            peak += window > 1 ? stageDevices.Count(stage => stage == device) : 0;
            if (peak != plan.Memory[device].UnitsInFlight)
                faults.Add(Invariant($"position {device} of the pipeline axis has stages that hold {peak} units at their peaks"));
        }
    }
}
