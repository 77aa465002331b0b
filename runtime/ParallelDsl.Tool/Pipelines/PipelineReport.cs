using System.Text;
using System.Text.Json;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>Pipelines as JSON, for scripts: the names of the members do not change.</summary>
internal static class PipelineReport
{
    /// <summary>One object.</summary>
    /// <param name="run">What it says.</param>
    /// <param name="layout">The member <c>layout</c>, left out where it is null.</param>
    public static string Write(PipelineRun run, string? layout) => Write(json => WriteRun(json, run, layout));

    /// <summary>One object with the array <c>schedules</c>.</summary>
    public static string Write(IEnumerable<PipelineRun> runs) => Write(json =>
    {
        json.WriteStartObject();
        json.WriteStartArray("schedules");
        foreach (PipelineRun run in runs)
            WriteRun(json, run, null);
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

    private static void WriteRun(Utf8JsonWriter json, PipelineRun run, string? layout)
    {
        Timeline timeline = run.Pipeline.Timeline;
        json.WriteStartObject();
        json.WriteString("schedule", run.Schedule);
        json.WriteNumber("devices", run.Problem.Devices);
        json.WriteNumber("stages", run.Pipeline.StageDevices.Count);
        json.WriteNumber("microBatches", run.Problem.MicroBatches);
        Numbers(json, "partition", run.Partition.Select(layers => (long)layers));
        json.WriteStartArray("placement");
        foreach (IEnumerable<int> stages in run.Placement)
        {
            json.WriteStartArray();
            foreach (int stage in stages)
                json.WriteNumberValue(stage);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteNumber("makespan", timeline.Makespan);
        json.WriteNumber("span", timeline.Span);
        json.WriteNumber("lowerBound", run.LowerBound);
        Numbers(json, "work", timeline.Work);
        Numbers(json, "warmupBubble", timeline.WarmupBubble);
        Numbers(json, "residualBubble", timeline.ResidualBubble);
        Numbers(json, "cooldownBubble", timeline.CooldownBubble);
        Numbers(json, "peakActivations", run.Pipeline.PeakHeld);
        json.WriteStartArray("programs");
        foreach (EquatableArray<PipelineAction> order in run.Pipeline.Orders)
        {
            json.WriteStartArray();
            foreach (PipelineAction action in order)
                json.WriteStringValue(PipelineText.Write(action));
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteNumber("searchedCandidates", run.Searched);
        json.WriteNumber("planMs", Math.Round((decimal)run.Time.TotalMilliseconds, 1));
        if (layout is not null)
            json.WriteString("layout", layout);
        json.WriteEndObject();
    }

    private static void Numbers(Utf8JsonWriter json, string name, IEnumerable<long> values)
    {
        json.WriteStartArray(name);
        foreach (long value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
