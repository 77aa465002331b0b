namespace ParallelDsl.Benchmarks.Links;

/// <summary>A case over all rounds: times until the last rank ended, in nanoseconds.</summary>
/// <param name="Exchange">The datapath.</param>
/// <param name="Ratio">As in <see cref="LinkCase"/>.</param>
/// <param name="Median">The middle time.</param>
/// <param name="Least">The shortest.</param>
/// <param name="Most">The longest.</param>
/// <param name="Predicted">By the model, with the calls as long as they were.</param>
/// <param name="Computed">Time in the calls of one rank, median.</param>
/// <param name="ProcessorShare">Processor time of all ranks by what the machine's processors have, median.</param>
/// <param name="MachineShare">Share of the machine's processors that was busy, median.</param>
internal sealed record LinkResult(
    string Exchange, double? Ratio, double Median, double Least, double Most, double Predicted, double Computed, double ProcessorShare, double MachineShare)
{
    public double Error => (Predicted - Median) / Median;
}

/// <summary>All of a fabric.</summary>
internal sealed record FabricResult(LinkSpec Spec, IReadOnlyList<LinkResult> Results, IReadOnlyList<LinkLoad> Loads, string[] Exchanges, double RingTime, LinkCost Link, LinkCost Port)
{
    public LinkResult Of(string exchange, double? ratio) => Results.First(result => result.Exchange == exchange && result.Ratio == ratio);

    /// <summary>How much faster a datapath is than the single ring.</summary>
    public double Speedup(string exchange, double? ratio) => Of(Links.Exchanges.SingleRing, ratio).Median / Of(exchange, ratio).Median;

    public static FabricResult Of(LinkSpec spec, LinkFigures[] ranks)
    {
        Exchange[] exchanges = Links.Exchanges.Of(spec.Fabric, spec.Rows);
        LinkFigures first = ranks[0];
        MaxPlusModel model = new(spec.Fabric, first.Link, first.Port, 2 * spec.Width * sizeof(float));
        List<LinkResult> results = [];
        foreach (IGrouping<LinkCase, int> runs in Enumerable.Range(0, first.Times.Count).GroupBy(index => first.Times[index].Case))
        {
            double[] times = [.. runs.Select(index => (double)ranks.Max(rank => rank.Times[index].Time)).Order()];
            double computed = Middle(runs.Select(index => ranks.Average(rank => (double)rank.Times[index].Computed)));
            Exchange exchange = exchanges[runs.Key.Exchange];
            // A timed wait is known beforehand; how long real attention takes is not, so what it took is given.
            double call = (runs.Key.Ratio is { } ratio ? ratio * first.RingTime : computed) / spec.Fabric.Ranks;
            results.Add(new LinkResult(
                exchange.Name,
                runs.Key.Ratio,
                Middle(times),
                times[0],
                times[^1],
                model.Predict(exchange, call),
                computed,
                Middle(runs.Select(index => ranks.Sum(rank => (double)rank.Times[index].Processor) / ranks.Max(rank => rank.Times[index].Time) / Environment.ProcessorCount)),
                Middle(runs.Select(index => first.Times[index].MachineBusy))));
        }

        return new FabricResult(
            spec,
            [.. results.OrderBy(result => Array.FindIndex(exchanges, exchange => exchange.Name == result.Exchange)).ThenBy(result => result.Ratio ?? double.MaxValue)],
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
