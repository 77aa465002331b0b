namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>The most even partitions of a problem's layers, for every number of stages at once. All stages together always have the same
/// work, so the partition of least variance is the one of least sum of squares, which adds up stage by stage: a dynamic program over
/// (stages, layers), which keeps the best few prefixes of each cell (after SimPipe's top-K partitions; reconstructed).</summary>
internal sealed class EvenPartitions
{
    // Work is scaled to so many bits, so that sums of squares stay far below 2^62.
    private const int Bits = 24;

    private readonly PipelineProblem _problem;
    private readonly int _most, _keep;

    // By (stages, layers): how many prefixes are kept, and of each its sum of squares and where it came from.
    private readonly int[,] _count;
    private readonly long[,,] _squares;
    private readonly short[,,] _from, _fromIndex;
    private readonly long[] _sums;

    // Numbers of stages that the program has come to.
    private int _done;

    /// <param name="problem">The problem; at most 32,767 layers.</param>
    /// <param name="most">The most stages that will be asked for.</param>
    /// <param name="keep">How many partitions of each number of stages.</param>
    public EvenPartitions(PipelineProblem problem, int most, int keep)
    {
        (_problem, _most, _keep) = (problem, Math.Min(most, problem.FreeLayers), keep);
        int layers = problem.FreeLayers;
        _count = new int[_most + 1, layers + 1];
        _squares = new long[_most + 1, layers + 1, keep];
        (_from, _fromIndex) = (new short[_most + 1, layers + 1, keep], new short[_most + 1, layers + 1, keep]);
        _count[0, 0] = 1;
        _sums = ScaledSums();
    }

    /// <summary>The free layers of every stage, of the partitions into <paramref name="stages"/>, the most even first.</summary>
    public IEnumerable<int[]> Of(int stages)
    {
        int layers = _problem.FreeLayers;
        if (stages > _most)
            yield break;
        while (_done < stages)
            Extend(++_done);
        for (int rank = 0; rank < _count[stages, layers]; rank++)
        {
            var partition = new int[stages];
            (int end, int index) = (layers, rank);
            for (int stage = stages; stage > 0; stage--)
            {
                (int first, int before) = (_from[stage, end, index], _fromIndex[stage, end, index]);
                partition[stage - 1] = end - first;
                (end, index) = (first, before);
            }

            yield return partition;
        }
    }

    private void Extend(int stages)
    {
        for (int end = stages; end <= _problem.FreeLayers; end++)
        {
            for (int first = end - 1; first >= stages - 1; first--)
            {
                long work = _sums[end] - _sums[first], square = work * work;
                if (_count[stages, end] == _keep && square >= _squares[stages, end, _keep - 1])
                    break;
                for (int index = 0; index < _count[stages - 1, first]; index++)
                {
                    if (!Insert(stages, end, square + _squares[stages - 1, first, index], first, index))
                        break;
                }
            }
        }
    }

    private bool Insert(int stages, int end, long squares, int first, int index)
    {
        int count = _count[stages, end];
        if (count == _keep && squares >= _squares[stages, end, _keep - 1])
            return false;
        int place = Math.Min(count, _keep - 1);
        for (; place > 0 && _squares[stages, end, place - 1] > squares; place--)
        {
            _squares[stages, end, place] = _squares[stages, end, place - 1];
            _from[stages, end, place] = _from[stages, end, place - 1];
            _fromIndex[stages, end, place] = _fromIndex[stages, end, place - 1];
        }

        (_squares[stages, end, place], _from[stages, end, place], _fromIndex[stages, end, place]) = (squares, (short)first, (short)index);
        _count[stages, end] = Math.Min(count + 1, _keep);
        return true;
    }

    // Work up to each free layer; pinned layers count with the one beside them.
    private long[] ScaledSums()
    {
        PipelineProblem problem = _problem;
        int free = problem.FreeLayers;
        var sums = new long[free + 1];
        int next = 0;
        for (int layer = 0; layer < free; layer++)
        {
            int end = layer == free - 1 ? problem.Layers.Count : problem.PinnedFirst + layer + 1;
            sums[layer + 1] = sums[layer];
            for (; next < end; next++)
            {
                PipelineLayer cost = problem.Layers[next];
                sums[layer + 1] += cost.Forward + cost.BackwardInput + cost.BackwardWeight;
            }
        }

        int shift = 0;
        while (sums[free] >> shift >= 1L << Bits)
            shift++;
        for (int layer = 1; layer <= free; layer++)
            sums[layer] >>= shift;
        return sums;
    }
}
