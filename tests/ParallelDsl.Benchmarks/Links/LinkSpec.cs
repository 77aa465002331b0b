namespace ParallelDsl.Benchmarks.Links;

/// <summary>What the processes of a fabric are told.</summary>
/// <param name="Fabric">The links.</param>
/// <param name="Rows">Rows of keys and values of each rank.</param>
/// <param name="Width">Floats of a key.</param>
/// <param name="Rounds">How often each case is measured.</param>
/// <param name="Ratios">Ratios of computation to the single ring's communication, besides none.</param>
/// <param name="RunsAttention">Whether the runtime's attention is measured too.</param>
/// <param name="Folder">Where each rank leaves its figures.</param>
/// <param name="Run">The run's number.</param>
internal sealed record LinkSpec(LinkFabric Fabric, int Rows, int Width, int Rounds, double[] Ratios, bool RunsAttention, string Folder, long Run)
{
    public string ResultOf(int rank) => Path.Combine(Folder, FormattableString.Invariant($"rank-{rank}.json"));
}

/// <summary>One measured run on one rank, in nanoseconds.</summary>
/// <param name="Case">What was run.</param>
/// <param name="Time">From the common start to the rank's end.</param>
/// <param name="Processor">Processor time of the rank's process.</param>
/// <param name="MachineBusy">Share of the machine's processors that was used by anything; only of rank 0.</param>
internal sealed record LinkTime(LinkCase Case, long Time, long Processor, double MachineBusy);

/// <summary>What one direction of a link carried during an exchange.</summary>
internal sealed record LinkLoad(int Exchange, string Link, long Bytes, double BusySeconds, double Seconds);

/// <summary>What one rank measured.</summary>
/// <param name="Times">Every run.</param>
/// <param name="Loads">The directions of this rank's interfaces.</param>
/// <param name="RingTime">The single ring's communication, nanoseconds, as all ranks agreed on.</param>
/// <param name="Link">Cost of a link, measured between ranks 0 and 1.</param>
/// <param name="Port">Cost of a port between nodes, or as <paramref name="Link"/>.</param>
internal sealed record LinkFigures(List<LinkTime> Times, List<LinkLoad> Loads, double RingTime, LinkCost Link, LinkCost Port);
