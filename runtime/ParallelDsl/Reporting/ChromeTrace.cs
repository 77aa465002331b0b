using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Reporting;

/// <summary>Writes the simulated step in the trace event format of Chrome and Perfetto: a process for each rank, with one thread for
/// computation and one for transfers. Times are microseconds, exact to the nanosecond.</summary>
public static class ChromeTrace
{
    private const int ComputeThread = 0;
    private const int TransferThread = 1;

    /// <summary>Ranks that differ only in data and sequence position do the same at the same time. A trace that would have more events
    /// than this shows the first rank of each position of the pipeline axis only.</summary>
    private const long MostEvents = 200_000;

    /// <summary>The trace as JSON text.</summary>
    public static string Write(ParallelPlan plan)
    {
        Timeline timeline = PlanTimeline.Of(plan);
        long events = timeline.Devices.Sum(actions => (long)actions.Count) * plan.Mesh.Data * plan.Mesh.Sequence;
        bool isWhole = events <= MostEvents;

        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.Default }))
        {
            json.WriteStartObject();
            json.WriteString("displayTimeUnit", "ns");
            json.WriteStartObject("otherData");
            json.WriteString("model", plan.Model.Name);
            json.WriteString("plan", PlanDigest.Of(plan));
            json.WriteString("times", "simulated");
            json.WriteString("ranks", isWhole ? "all" : "the first of each pipeline position");
            json.WriteEndObject();
            json.WriteStartArray("traceEvents");
            for (int rank = 0; rank < plan.Mesh.Size; rank++)
            {
                Coordinate coordinate = plan.Mesh.CoordinateOf(rank);
                if (isWhole || coordinate is { Data: 0, Sequence: 0 })
                    WriteRank(json, plan, timeline, rank, coordinate);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static void WriteRank(Utf8JsonWriter json, ParallelPlan plan, Timeline timeline, int rank, Coordinate coordinate)
    {
        WriteName(json, "process_name", rank, ComputeThread, FormattableString.Invariant(
            $"rank {rank} (d{coordinate.Data} s{coordinate.Sequence} p{coordinate.Pipeline})"));
        WriteName(json, "thread_name", rank, ComputeThread, "compute");
        WriteName(json, "thread_name", rank, TransferThread, "transfers");
        foreach (TimedAction timed in timeline.Devices[coordinate.Pipeline])
        {
            json.WriteStartObject();
            json.WriteString("name", PipelineText.Write(timed.Action));
            json.WriteString("cat", Category(timed.Action.Kind));
            json.WriteString("ph", "X");
            json.WriteNumber("ts", timed.Start / 1000m);
            json.WriteNumber("dur", (timed.End - timed.Start) / 1000m);
            json.WriteNumber("pid", rank);
            json.WriteNumber("tid", timed.Action.IsCompute ? ComputeThread : TransferThread);
            json.WriteStartObject("args");
            json.WriteNumber("stage", timed.Action.Stage);
            json.WriteNumber("microBatch", timed.Action.MicroBatch);
            json.WriteString("layers", PlanText.LayerNames(plan, plan.Stages[timed.Action.Stage]));
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }

    private static void WriteName(Utf8JsonWriter json, string kind, int process, int thread, string name)
    {
        json.WriteStartObject();
        json.WriteString("name", kind);
        json.WriteString("ph", "M");
        json.WriteNumber("pid", process);
        json.WriteNumber("tid", thread);
        json.WriteStartObject("args");
        json.WriteString("name", name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string Category(ActionKind kind) => kind switch
    {
        ActionKind.Forward => "forward",
        ActionKind.BackwardInput => "input gradient",
        ActionKind.BackwardWeight => "weight gradient",
        ActionKind.Backward => "backward",
        ActionKind.SendForward or ActionKind.SendBackward => "send",
        _ => "receive",
    };
}
