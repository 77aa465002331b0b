using System.Text;
using System.Text.Json;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Tool.Batches;

/// <summary>Planned batches as JSON, for scripts: the names of the members do not change.</summary>
internal static class BatchReport
{
    /// <summary>One object.</summary>
    /// <param name="run">What it says.</param>
    /// <param name="baselines">What it is compared with.</param>
    public static string Write(StrategyRun run, IReadOnlyList<StrategyRun> baselines) => Write(json => WriteRun(json, run, baselines));

    /// <summary>One object with the array <c>strategies</c>.</summary>
    public static string Write(IEnumerable<StrategyRun> runs, IReadOnlyList<StrategyRun> baselines) => Write(json =>
    {
        json.WriteStartObject();
        json.WriteStartArray("strategies");
        foreach (StrategyRun run in runs)
            WriteRun(json, run, baselines);
        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static string Write(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
            write(json);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length) + "\n";
    }

    private static void WriteRun(Utf8JsonWriter json, StrategyRun run, IReadOnlyList<StrategyRun> baselines)
    {
        json.WriteStartObject();
        json.WriteString("strategy", run.Strategy);
        json.WriteStartArray("batches");
        foreach (PlannedBatch batch in run.Batches)
            WriteBatch(json, batch);
        json.WriteEndArray();
        json.WriteStartObject("summary");
        json.WriteNumber("meanSimulatedNs", run.MeanSimulated);
        json.WriteStartObject("speedupOver");
        foreach (StrategyRun baseline in baselines)
            json.WriteNumber(baseline.Strategy, run.SpeedupOver(baseline));
        json.WriteEndObject();
        json.WriteNumber("forwardImbalance", run.ForwardImbalance);
        json.WriteNumber("backwardImbalance", run.BackwardImbalance);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteBatch(Utf8JsonWriter json, PlannedBatch batch)
    {
        json.WriteStartObject();
        json.WriteNumber("sequences", batch.Problem.Lengths.Count);
        json.WriteNumber("tokens", batch.Problem.Tokens);
        json.WriteNumber("planNs", batch.PlanNanoseconds);
        json.WriteNumber("simulatedNs", batch.Simulated.Nanoseconds);
        json.WriteNumber("crossNodeBytes", batch.Simulated.CrossNodeBytes);
        json.WriteStartArray("ranks");
        foreach (RankLoad load in batch.Loads)
        {
            json.WriteStartObject();
            json.WriteNumber("rank", load.Rank);
            json.WriteNumber("tokens", load.Tokens);
            json.WriteNumber("forwardCost", load.ForwardCost);
            json.WriteNumber("backwardCost", load.BackwardCost);
            json.WriteStartArray("slices");
            foreach (RankSlice slice in load.Slices)
            {
                json.WriteStartObject();
                json.WriteNumber("sequence", slice.Sequence);
                json.WriteNumber("start", slice.Start);
                json.WriteNumber("length", slice.Length);
                json.WriteString("zone", NameOf(slice.Zone));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string NameOf(Zone zone) => zone switch
    {
        Zone.Local => "local",
        Zone.IntraNode => "intra-node",
        _ => "inter-node",
    };
}
