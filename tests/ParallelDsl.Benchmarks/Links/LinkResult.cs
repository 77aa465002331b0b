namespace ParallelDsl.Benchmarks.Links;

/// <summary>A case over all rounds: times until the last rank ended, in nanoseconds.</summary>
/// <param name="Exchange">The datapath.</param>
/// <param name="Work">What was done.</param>
/// <param name="Ratio">As in <see cref="LinkCase"/>.</param>
/// <param name="Median">The middle time.</param>
/// <param name="Least">The shortest.</param>
/// <param name="Most">The longest.</param>
/// <param name="Predicted">By the model; null of the runtime's attention, whose calls are not timed one by one.</param>
/// <param name="ProcessorShare">Processor time of all ranks by what the machine's processors have, median.</param>
/// <param name="MachineShare">Share of the machine's processors that was busy, median.</param>
internal sealed record LinkResult(
    string Exchange, LinkWork Work, double Ratio, double Median, double Least, double Most, double? Predicted, double ProcessorShare, double MachineShare)
{
    public double? Error => (Predicted - Median) / Median;
}

/// <summary>All of a fabric.</summary>
internal sealed record FabricResult(LinkSpec Spec, IReadOnlyList<LinkResult> Results, IReadOnlyList<LinkLoad> Loads, string[] Exchanges, double RingTime, LinkCost Link, LinkCost Port)
{
    /// <summary>The mean of the model's errors, and the largest.</summary>
    public (double Mean, double Most) ModelError
    {
        get
        {
            double[] errors = [.. Results.Where(result => result.Error is not null).Select(result => Math.Abs(result.Error!.Value))];
            return (errors.Average(), errors.Max());
        }
    }

    public LinkResult Of(string exchange, double ratio) => Of(exchange, LinkWork.Waits, ratio);

    public LinkResult Of(string exchange, LinkWork work, double ratio = 0) =>
        Results.First(result => (result.Exchange, result.Work, result.Ratio) == (exchange, work, ratio));

    /// <summary>How much faster a datapath is than the single ring at the same work.</summary>
    public double Speedup(LinkResult item) => Of(Links.Exchanges.SingleRing, item.Work, item.Ratio).Median / item.Median;

    /// <summary>The same with timed waits.</summary>
    public double Speedup(string exchange, double ratio) => Speedup(Of(exchange, ratio));

    public static FabricResult Of(LinkSpec spec, LinkFigures[] ranks)
    {
        Exchange[] exchanges = Links.Exchanges.Of(spec.Fabric, spec.Rows);
        LinkFigures first = ranks[0];
        MaxPlusModel model = new(spec.Fabric, first.Link, first.Port, 2 * spec.Width * sizeof(float));
        List<LinkResult> results = [];
        foreach (IGrouping<LinkCase, int> runs in Enumerable.Range(0, first.Times.Count).GroupBy(index => first.Times[index].Case))
        {
            double[] times = [.. runs.Select(index => (double)ranks.Max(rank => rank.Times[index].Time)).Order()];
            Exchange exchange = exchanges[runs.Key.Exchange];
            results.Add(new LinkResult(
                exchange.Name,
                runs.Key.Work,
                runs.Key.Ratio,
                Middle(times),
                times[0],
                times[^1],
                runs.Key.Work == LinkWork.Waits ? model.Predict(exchange, runs.Key.Ratio * first.RingTime / spec.Fabric.Ranks) : null,
                Middle(runs.Select(index => ranks.Sum(rank => (double)rank.Times[index].Processor) / ranks.Max(rank => rank.Times[index].Time) / Environment.ProcessorCount)),
                Middle(runs.Select(index => first.Times[index].MachineBusy))));
        }

        return new FabricResult(
            spec,
            [.. results.OrderBy(result => Array.FindIndex(exchanges, exchange => exchange.Name == result.Exchange)).ThenBy(result => result.Work).ThenBy(result => result.Ratio)],
            [.. ranks.SelectMany(rank => rank.Loads)],
            [.. exchanges.Select(exchange => exchange.Name)],
            first.RingTime,
            first.Link,
            first.Port);
    }

    private static double Middle(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
