using System.Text;

namespace ParallelDsl.Tool.Tests.Pipelines;

/// <summary>Layer profiles that the tests plan.</summary>
internal static class SampleProfiles
{
    /// <summary>nemotron-nano-v2-9b with the times that the AdaPtis authors published: 56 layers and two pinned ends.</summary>
    public static string Nano { get; } = Profile(
        "nemotron-nano-v2-9b",
        ["""{"kind": "embedding", "forward": 0.7589, "backwardInput": 2.8654, "backwardWeight": 0, "pinned": "first"}""",
            .. "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-".Select(mark => mark switch
            {
                'M' => """{"kind": "mamba", "forward": 2.6768, "backwardInput": 4.2984, "backwardWeight": 1.7599}""",
                '-' => """{"kind": "feed-forward", "forward": 1.8477, "backwardInput": 1.909, "backwardWeight": 1.6866}""",
                _ => """{"kind": "attention", "forward": 1.9254, "backwardInput": 2.4534, "backwardWeight": 0.6547}""",
            }),
            """{"kind": "head", "forward": 14.2155, "backwardInput": 15.7056, "backwardWeight": 0.0595, "pinned": "last"}"""]);

    /// <summary>Equal blocks of 1, 1 and 1 ticks, and ends of 10, 20 and 6 where <paramref name="ends"/> is set.</summary>
    public static string Even(int blocks, bool ends = false)
    {
        string[] layers = [.. Enumerable.Repeat(
            """{"kind": "transformer-block", "forward": 0.01, "backwardInput": 0.01, "backwardWeight": 0.01}""", blocks)];
        const string times = "\"forward\": 0.1, \"backwardInput\": 0.2, \"backwardWeight\": 0.06";
        return Profile("even", ends
            ? ["{\"kind\": \"embedding\", " + times + ", \"pinned\": \"first\"}", .. layers, "{\"kind\": \"head\", " + times + ", \"pinned\": \"last\"}"]
            : layers);
    }

    private static string Profile(string model, IReadOnlyList<string> layers)
    {
        var text = new StringBuilder();
        text.Append("{\n  \"model\": \"").Append(model).Append("\",\n  \"unit\": \"ms\",\n  \"layers\": [\n    ");
        return text.AppendJoin(",\n    ", layers).Append("\n  ]\n}\n").ToString();
    }
}
