using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Benchmarks.Measured;

/// <summary>What the rounds of a run have shown so far; rank 0 keeps it.</summary>
internal sealed class Tally(int pipelines)
{
    private readonly List<PipelineProblem> _problems = [];
    private readonly List<long>[] _predicted = Lists(pipelines);
    private readonly List<long>[] _measured = Lists(pipelines);
    private readonly long[] _last = new long[pipelines];
    private readonly double[] _largest = new double[pipelines];
    private readonly int[] _run = new int[pipelines];
    private readonly List<double> _loads = [];

    /// <summary>Says what each pipeline will take in this round, before it runs.</summary>
    public void Predict(MeasuredPipeline[] all, PipelineProblem problem)
    {
        _problems.Add(problem);
        Array.Clear(_last);
        for (int index = 0; index < all.Length; index++)
            _predicted[index].Add(all[index].Predict(problem));
    }

    /// <summary>Whether every pipeline has run undisturbed at least once.</summary>
    public bool IsComplete => _measured.All(makespans => makespans.Count > 0);

    /// <summary>Adds what a pipeline took in this round, where it was undisturbed.</summary>
    public void Add(int index, RecordedStep[] quiet, int run)
    {
        _run[index] += run;
        if (quiet.Length == 0)
            return;
        long[] makespans = [.. quiet.Select(step => step.Makespan)];
        _measured[index].AddRange(makespans);
        _last[index] = Median.Of(makespans);
        _largest[index] = Math.Max(_largest[index], Math.Abs(_predicted[index][^1] - _last[index]) / (double)_last[index]);
    }

    public void EndRound()
    {
        _loads.Add(ProcessorWait.MachineLoad());
        Console.WriteLine($"round {_loads.Count,2}, load {_loads[^1],5:F1}: " + string.Join("; ", Enumerable.Range(0, pipelines).Select(index =>
            FormattableString.Invariant($"{_predicted[index][^1] / 1e6:F1} -> ") + (_last[index] == 0 ? "disturbed" : FormattableString.Invariant($"{_last[index] / 1e6:F1} ms")))));
    }

    public MeasuredFigures Figures(MeasuredPipeline[] all, string[] layers, string machine) => new(
        machine,
        _loads.Count,
        _loads.Min(),
        _loads.Max(),
        Median.Of(_problems.Select(problem => problem.Hop)),
        [.. layers.Select((name, layer) => new MeasuredFigures.Layer(
            name,
            Median.Of(_problems.Select(problem => problem.Layers[layer].Forward)),
            Median.Of(_problems.Select(problem => problem.Layers[layer].BackwardInput)),
            Median.Of(_problems.Select(problem => problem.Layers[layer].BackwardWeight))))],
        [.. all.Select((pipeline, index) => new MeasuredRow(
            pipeline.Name, pipeline.Layout, Median.Of(_predicted[index]), Median.Of(_measured[index]), _largest[index], _measured[index].Count, _run[index]))]);

    private static List<long>[] Lists(int count) => [.. Enumerable.Range(0, count).Select(_ => new List<long>())];
}
