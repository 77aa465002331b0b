using System.Numerics;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

/// <summary>The optimum of a tiny pipeline by trying everything: every partition, every placement, every order of every device, with
/// micro-batches in any order. It knows nothing clever, so that it can judge <see cref="Oracle"/>.</summary>
internal sealed class ExhaustiveSearch
{
    private readonly PipelineProblem _problem;
    private readonly int[] _boundaries, _devices;
    private readonly int _stages, _units, _kinds;
    private readonly long[] _clock, _held, _left, _end;
    private readonly HashSet<(UInt128, UInt128)> _seen = [];
    private readonly long[] _ticks, _size;
    private long _best = long.MaxValue;

    private ExhaustiveSearch(PipelineProblem problem, int[] boundaries, int[] devices)
    {
        (_problem, _boundaries, _devices) = (problem, boundaries, devices);
        (_stages, _units, _kinds) = (devices.Length, problem.MicroBatches, problem.SplitBackward ? 3 : 2);
        (_clock, _held, _left) = (new long[problem.Devices], new long[problem.Devices], new long[problem.Devices]);
        _end = [.. Enumerable.Repeat(-1L, _kinds * _stages * _units)];
        _ticks = [.. Enumerable.Range(0, _kinds * _stages).Select(index => Ticks(index / _stages, index % _stages))];
        _size = [.. Enumerable.Range(0, _stages).Select(stage => Of(stage, layer => layer.Held))];
        for (int stage = 0; stage < _stages; stage++)
        {
            _held[devices[stage]] += Of(stage, layer => layer.Resident);
            for (int kind = 0; kind < _kinds; kind++)
                _left[devices[stage]] += _units * _ticks[(kind * _stages) + stage];
        }
    }

    /// <summary>The shortest makespan; <see cref="long.MaxValue"/> where nothing keeps the cap.</summary>
    public static long Makespan(PipelineProblem problem)
    {
        long best = long.MaxValue;
        int cuts = problem.FreeLayers - 1;
        for (int cut = 0; cut < 1 << cuts; cut++)
        {
            int[] boundaries =
            [
                0, .. Enumerable.Range(0, cuts).Where(index => (cut >> index & 1) == 1).Select(index => problem.PinnedFirst + 1 + index),
                problem.Layers.Count,
            ];
            int stages = BitOperations.PopCount((uint)cut) + 1;
            for (int placement = 0; placement < Math.Pow(problem.Devices, stages); placement++)
            {
                int[] devices = [.. Enumerable.Range(0, stages).Select(stage => placement / (int)Math.Pow(problem.Devices, stage) % problem.Devices)];
                if (devices.Distinct().Count() < problem.Devices)
                    continue;
                var search = new ExhaustiveSearch(problem, boundaries, devices);
                search._best = best;
                search.Extend();
                best = search._best;
            }
        }

        return best;
    }

    // Adds every action that can come next to its device's order, each as early as its input allows.
    private void Extend()
    {
        for (int device = 0; device < _clock.Length; device++)
        {
            if (_clock[device] + _left[device] >= _best)
                return;
        }

        if (!_seen.Add(Key()))
            return;
        bool done = true;
        for (int index = 0; index < _end.Length; index++)
        {
            if (_end[index] >= 0)
                continue;
            done = false;
            int kind = index / (_stages * _units), stage = index / _units % _stages, unit = index % _units, device = _devices[stage];
            long ready = Ready(kind, stage, unit), clock = _clock[device], held = _held[device], size = _size[stage];
            if (ready < 0 || (kind == 0 && held + size > _problem.ActivationCap))
                continue;
            long ticks = _ticks[(kind * _stages) + stage];
            _end[index] = _clock[device] = Math.Max(clock, ready) + ticks;
            _left[device] -= ticks;
            _held[device] += kind == 0 ? size : kind == _kinds - 1 ? -size : 0;
            Extend();
            (_end[index], _clock[device], _held[device]) = (-1, clock, held);
            _left[device] += ticks;
        }

        if (done)
            _best = Math.Min(_best, _end.Max());
    }

    // When every action ends, nine bits each.
    private (UInt128 First, UInt128 Second) Key()
    {
        UInt128 first = 0, second = 0;
        for (int index = 0; index < _end.Length; index++)
        {
            if (index < 14)
                first = (first << 9) | (UInt128)(_end[index] + 1);
            else
                second = (second << 9) | (UInt128)(_end[index] + 1);
        }

        return (first, second);
    }

    private long End(int kind, int stage, int unit) => _end[(((kind * _stages) + stage) * _units) + unit];

    // When the input is there, or negative.
    private long Ready(int kind, int stage, int unit)
    {
        if (kind == 2)
            return End(1, stage, unit);
        if (kind == 0)
            return stage == 0 ? 0 : Arrival(End(0, stage - 1, unit), stage - 1);
        long forward = End(0, stage, unit);
        if (stage == _stages - 1 || forward < 0)
            return forward;
        long gradient = Arrival(End(1, stage + 1, unit), stage);
        return gradient < 0 ? gradient : Math.Max(forward, gradient);
    }

    private long Arrival(long end, int boundary)
    {
        (int from, int to) = (_devices[boundary], _devices[boundary + 1]);
        if (end < 0 || from == to)
            return end;
        return end + (_problem.Hops.Count == 0 ? _problem.Hop : _problem.Hops[(from * _problem.Devices) + to]);
    }

    private long Ticks(int kind, int stage)
    {
        long On(Func<PipelineLayer, long> work) => _problem.TicksOn(_devices[stage], Of(stage, work));
        return _problem.Overhead + kind switch
        {
            0 => On(layer => layer.Forward),
            1 when _kinds == 3 => On(layer => layer.BackwardInput),
            1 => On(layer => layer.BackwardInput) + On(layer => layer.BackwardWeight),
            _ => On(layer => layer.BackwardWeight),
        };
    }

    private long Of(int stage, Func<PipelineLayer, long> value) =>
        _problem.Layers.Skip(_boundaries[stage]).Take(_boundaries[stage + 1] - _boundaries[stage]).Sum(value);
}
