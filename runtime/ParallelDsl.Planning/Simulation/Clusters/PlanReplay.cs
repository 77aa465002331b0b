using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Replays plans task by task on the cluster simulator.</summary>
public static class PlanReplay
{
    /// <summary>The makespan of the programs of <paramref name="plan"/> with the times of its stages, on one rank of each position: hops
    /// take what the plan says and occupy nothing. The same figure as the plan's own estimate.</summary>
    /// <exception cref="ArgumentException">The programs wait for one another: no planner made this plan.</exception>
    public static long Makespan(ParallelPlan plan)
    {
        // Only the devices of these links are used.
        var simulator = new ClusterSimulator(new(new([new NodeLinks(plan.Programs.Count, 0, 0, 1)])));
        var graph = new TaskGraph();
        AddPrograms(
            plan, graph, position => position, (boundary, _, _) => graph.AddDelay(plan.Stages[boundary].Hop));
        simulator.Run(graph);
        return simulator.Makespan;
    }

    /// <summary>The makespan where all ranks of the mesh run at once on the plan's cluster, and hops are transfers of a full unit's
    /// boundary between the devices of the ranks, which share links, latencies and devices. Gradients along the data axis and rings are not
    /// in it, as they are not in the estimate.</summary>
    /// <param name="plan">A plan.</param>
    /// <param name="links">The links of its cluster.</param>
    /// <param name="overlapSlowdownPermille">By how many thousandths a transfer slows computation down.</param>
    /// <exception cref="ArgumentException">The programs wait for one another, or the links are those of fewer devices.</exception>
    public static long Makespan(ParallelPlan plan, ClusterLinks links, int overlapSlowdownPermille)
    {
        var simulator = new ClusterSimulator(links, overlapSlowdownPermille);
        var graph = new TaskGraph();
        for (int data = 0; data < plan.Mesh.Data; data++)
        {
            for (int sequence = 0; sequence < plan.Mesh.Sequence; sequence++)
            {
                AddPrograms(
                    plan,
                    graph,
                    position => plan.Mesh.RankOf(new Coordinate(data, sequence, position)),
                    (boundary, source, destination) => graph.AddTransfer(source, destination, BoundaryBytes(plan, boundary)));
            }
        }

        simulator.Run(graph);
        return simulator.Makespan;
    }

    private static long BoundaryBytes(ParallelPlan plan, int boundary)
    {
        PlannedStage stage = plan.Stages[boundary];
        PlannedLayer last = plan.Layers[stage.FirstLayer + stage.LayerCount - 1];
        return last.OutputBytes * plan.Batching.UnitTokensPerRank;
    }

    // The computations of every position, one after another, and what they wait for from one another.
    private static void AddPrograms(ParallelPlan plan, TaskGraph graph, Func<int, int> deviceOf, Func<int, int, int, int> addHop)
    {
        StageCosts costs = Planner.CostsOf(plan.Stages);
        var forwards = new Dictionary<(int Stage, int MicroBatch), int>();
        var backwards = new Dictionary<(int Stage, int MicroBatch), int>();
        for (int position = 0; position < plan.Programs.Count; position++)
        {
            int before = -1;
            foreach (PipelineAction action in plan.Programs[position].Actions.Items)
            {
                if (!action.IsCompute)
                    continue;
                int task = graph.AddCompute(deviceOf(position), costs.Of(action));
                if (before >= 0)
                    graph.Wait(task, before);
                before = task;
                if (action.Kind == ActionKind.Forward)
                    forwards.Add((action.Stage, action.MicroBatch), task);
                else if (action.Kind != ActionKind.BackwardWeight)
                    backwards.Add((action.Stage, action.MicroBatch), task);
            }
        }

        // W follows its B, and a backward its forward, by the order of the program.
        foreach (KeyValuePair<(int Stage, int MicroBatch), int> each in forwards)
        {
            (int stage, int microBatch) = each.Key;
            if (stage > 0)
                Pass(stage - 1, stage, forwards[(stage - 1, microBatch)], each.Value);
        }

        foreach (KeyValuePair<(int Stage, int MicroBatch), int> each in backwards)
        {
            (int stage, int microBatch) = each.Key;
            if (stage + 1 < plan.Stages.Count)
                Pass(stage + 1, stage, backwards[(stage + 1, microBatch)], each.Value);
        }

        // Over the boundary that is named by the stage before it.
        void Pass(int source, int destination, int earlier, int task)
        {
            int from = plan.Stages[source].Device, to = plan.Stages[destination].Device;
            if (from == to)
            {
                graph.Wait(task, earlier);
                return;
            }

            int hop = addHop(Math.Min(source, destination), deviceOf(from), deviceOf(to));
            graph.Wait(hop, earlier);
            graph.Wait(task, hop);
        }
    }
}
