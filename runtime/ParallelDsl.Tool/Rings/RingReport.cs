using System.Text;
using System.Text.Json;

namespace ParallelDsl.Tool.Rings;

/// <summary>A ring set as JSON, for scripts: the names of the members do not change.</summary>
internal static class RingReport
{
    /// <summary>One object.</summary>
    public static string Write(RingRun run)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
            Write(json, run);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length) + "\n";
    }

    private static void Write(Utf8JsonWriter json, RingRun run)
    {
        json.WriteStartObject();
        json.WriteNumber("devices", run.Set.Devices);
        json.WriteNumber("nodes", run.Set.Nodes);
        json.WriteString("kind", run.Kind);
        if (run.Rail is { } rail)
            json.WriteString("rail", rail == NodeRail.Aligned ? "aligned" : "cross");
        if (run.Missing.Count > 0)
            WriteRows(json, "missing", run.Missing.Select(link => new[] { link.From, link.To }));

        WriteRows(json, "rings", run.Set.Rings.Select(ring => (IEnumerable<int>)ring));
        json.WriteNumber("slots", run.Set.Slots);
        json.WriteNumber("mostSlots", run.Most);
        json.WriteNumber("arcs", run.Check.Arcs);
        json.WriteNumber("links", run.Links);
        json.WriteBoolean("verified", run.Check.IsVerified);
        WriteRows(json, "sendSlots", run.Set.SendSlots());
        WriteRows(json, "receiveSlots", run.Set.ReceiveSlots());
        json.WriteEndObject();
    }

    private static void WriteRows(Utf8JsonWriter json, string name, IEnumerable<IEnumerable<int>> rows)
    {
        json.WriteStartArray(name);
        foreach (IEnumerable<int> row in rows)
        {
            json.WriteStartArray();
            foreach (int value in row)
                json.WriteNumberValue(value);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }
}
