using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Tests.Execution;

/// <summary>A random legal program: any partition, any placement with at least one stage a device, any order of computation that respects
/// the dependencies, backwards split or not action by action. Made by list scheduling: again and again one of the actions that can run.</summary>
internal sealed class RandomProgram
{
    private readonly Random _random;
    private readonly int _units;
    private readonly bool _inOrder;
    private readonly bool[,] _forward;
    private readonly bool[,] _gradient;
    private readonly bool[,] _weight;

    /// <param name="random">Where the choices come from.</param>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="devices">Devices, at most as many as layers.</param>
    /// <param name="units">Micro-batches.</param>
    /// <param name="inOrder">Whether every stage takes the micro-batches in ascending order in each of its passes, so that its gradients are
    /// summed in that order.</param>
    public RandomProgram(Random random, int layers, int devices, int units, bool inOrder)
    {
        (_random, _units, _inOrder) = (random, units, inOrder);
        int stages = random.Next(devices, layers + 1);
        int[] cuts = [.. Enumerable.Range(1, layers - 1)];
        random.Shuffle(cuts);
        Boundaries = [0, .. cuts.Take(stages - 1).Order(), layers];
        int[] placement = [.. Enumerable.Range(0, stages).Select(stage => stage < devices ? stage : random.Next(devices))];
        random.Shuffle(placement);
        StageDevices = new(placement);
        (_forward, _gradient, _weight) = (new bool[stages, units], new bool[stages, units], new bool[stages, units]);

        List<PipelineAction>[] orders = [.. Enumerable.Range(0, devices).Select(_ => new List<PipelineAction>())];
        while (Ready() is { Count: > 0 } ready)
        {
            PipelineAction action = ready[random.Next(ready.Count)];
            orders[StageDevices[action.Stage]].Add(action);
            _forward[action.Stage, action.MicroBatch] = true;
            _gradient[action.Stage, action.MicroBatch] |= action.Kind is ActionKind.Backward or ActionKind.BackwardInput;
            _weight[action.Stage, action.MicroBatch] |= action.Kind is ActionKind.Backward or ActionKind.BackwardWeight;
        }

        Programs = PipelinePrograms.WithTransfers(orders.Select(order => new EquatableArray<PipelineAction>([.. order])).ToEquatableArray(), StageDevices, units);
    }

    /// <summary>The first layer of every stage, and the number of layers.</summary>
    public int[] Boundaries { get; }

    public EquatableArray<int> StageDevices { get; }

    public EquatableArray<PipelineProgram> Programs { get; }

    private List<PipelineAction> Ready()
    {
        int stages = StageDevices.Count;
        List<PipelineAction> ready = [];
        for (int stage = 0; stage < stages; stage++)
        {
            for (int unit = 0; unit < _units; unit++)
            {
                bool follows(bool[,] done) => !_inOrder || unit == 0 || done[stage, unit - 1];
                if (!_forward[stage, unit])
                {
                    if ((stage == 0 || _forward[stage - 1, unit]) && follows(_forward))
                        ready.Add(new(ActionKind.Forward, stage, unit));
                }
                else if (!_gradient[stage, unit])
                {
                    if ((stage < stages - 1 && !_gradient[stage + 1, unit]) || !follows(_gradient))
                        continue;
                    bool whole = _random.Next(2) == 0 && follows(_weight);
                    ready.Add(new(whole ? ActionKind.Backward : ActionKind.BackwardInput, stage, unit));
                }
                else if (!_weight[stage, unit] && follows(_weight))
                {
                    ready.Add(new(ActionKind.BackwardWeight, stage, unit));
                }
            }
        }

        return ready;
    }
}
