using ParallelDsl.Benchmarks.Measured;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Benchmarks.MeasuredBatches;

/// <summary>What one pass of the whole model takes, by what it computes: nanoseconds = constant + token x tokens + pair x pairs.</summary>
internal readonly record struct PassCost(double Constant, double Token, double Pair)
{
    /// <summary>The cost that is nearest to measured passes, by least squares of relative errors.</summary>
    public static PassCost Fit(IReadOnlyList<(long Tokens, long Pairs, long Nanoseconds)> passes)
    {
        double[,] sums = new double[3, 4];
        foreach ((long tokens, long pairs, long nanoseconds) in passes)
        {
            double[] terms = [1, tokens, pairs];
            for (int row = 0; row < 3; row++)
            {
                for (int column = 0; column < 3; column++)
                    sums[row, column] += terms[row] * terms[column] / ((double)nanoseconds * nanoseconds);
                sums[row, 3] += terms[row] / nanoseconds;
            }
        }

        double[] solution = Solve(sums);
        return new(solution[0], solution[1], solution[2]);
    }

    // Gauss and Jordan, with the largest of a column first.
    private static double[] Solve(double[,] system)
    {
        int size = system.GetLength(0);
        for (int pivot = 0; pivot < size; pivot++)
        {
            int largest = Enumerable.Range(pivot, size - pivot).MaxBy(row => Math.Abs(system[row, pivot]));
            for (int column = 0; column <= size; column++)
                (system[pivot, column], system[largest, column]) = (system[largest, column], system[pivot, column]);
            for (int row = 0; row < size; row++)
            {
                if (row == pivot)
                    continue;
                double factor = system[row, pivot] / system[pivot, pivot];
                for (int column = pivot; column <= size; column++)
                    system[row, column] -= factor * system[pivot, column];
            }
        }

        return [.. Enumerable.Range(0, size).Select(row => system[row, size] / system[row, row])];
    }
}

/// <summary>The costs of the two passes, from steps of whole sequences on data ranks, which wait for nobody.</summary>
/// <param name="Forward">Of F.</param>
/// <param name="Backward">Of the unsplit backward.</param>
/// <remarks>Pairs of short sequences count for more, by the curve.</remarks>
internal readonly record struct BatchCalibration(PassCost Forward, PassCost Backward)
{
    public static BatchCalibration Of(IEnumerable<(StepPlan Plan, RecordedStep[] Steps)> runs, EfficiencyCurve curve)
    {
        List<(long, long, long)> forward = [], backward = [];
        foreach ((StepPlan plan, RecordedStep[] steps) in runs)
        {
            for (int rank = 0; rank < plan.DataRanks; rank++)
            {
                for (int unit = 0; unit < plan.MicroBatches; unit++)
                {
                    long tokens = 0, pairs = 0;
                    foreach (int slice in plan.ForwardSlices(rank, unit))
                    {
                        long area = plan.Slices[slice].Area;
                        (tokens, pairs) = (tokens + plan.Slices[slice].Length, pairs + (area * 1_000 / curve.AtArea(area)));
                    }

                    forward.Add((tokens, pairs, Time(steps, rank, ActionKind.Forward, unit)));
                    backward.Add((tokens, pairs, Time(steps, rank, ActionKind.Backward, unit)));
                }
            }
        }

        return new(PassCost.Fit(forward), PassCost.Fit(backward));
    }

    private static long Time(RecordedStep[] steps, int rank, ActionKind kind, int unit) => Median.Of(steps.Select(step =>
    {
        TimedAction timed = step.Ranks[rank].Single(timed => timed.Action.Kind == kind && timed.Action.MicroBatch == unit);
        return timed.End - timed.Start;
    }));
}
