using System.Text;
using System.Text.Json;
using ParallelDsl.Tool.Tests.Commands;
using static ParallelDsl.Tool.Tests.Pipelines.PipelineCase;

namespace ParallelDsl.Tool.Tests.Pipelines;

/// <summary>Any model and any options: done and adding up, or one line.</summary>
public sealed class RandomPipelineTests : IDisposable
{
    private static readonly string[] Schedules = ["gpipe", "1f1b", "interleaved", "zb-h1", "zb-h2", "zb-v", "dualpipe-v", "adaptive", "all"];

    private readonly PipelineCase _case = new();

    public void Dispose() => _case.Dispose();

    [Fact]
    public void Adds_up_or_says_why_not()
    {
        var random = new Random(20_261_124);
        var done = new HashSet<string>();
        for (int index = 0; index < 400; index++)
        {
            string[] arguments = Arguments(random);
            CommandOutcome outcome = CommandOutcome.Of(arguments);
            try
            {
                Check(outcome, arguments[8], done);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"case {index}, {string.Join(' ', arguments)}: {exception.Message}\n{outcome.Error}", exception);
            }
        }

        Assert.Superset(new HashSet<string>(Schedules[..^1]), done);
    }

    private string[] Arguments(Random random)
    {
        int layers = random.Next(1, 14), devices = random.Next(1, 5);
        var arguments = new List<string>
        {
            "pipeline", "--layers", _case.Write("random.layers.json", Profile(random, layers)), "--devices", $"{devices}", "--micro-batches",
            $"{random.Next(1, 12)}", "--schedule", Schedules[random.Next(Schedules.Length)], "--json", "--budget", $"{random.Next(1, 60)}",
        };
        void Now(int oneIn, params string[] options)
        {
            if (random.Next(oneIn) == 0)
                arguments.AddRange(options);
        }

        Now(3, "--hop", $"{random.Next(40)}");
        Now(3, "--overhead", $"{random.Next(9)}");
        Now(5, "--exclusive-links");
        Now(5, "--chunks", $"{random.Next(1, 4)}");
        Now(4, "--activation-cap", $"{random.Next(30)}");
        Now(4, "--split-backward", random.Next(2) == 0 ? "true" : "false");
        if (random.Next(3) == 0)
            Now(1, random.Next(2) == 0 ? ["--free-ends"] : ["--vocabulary-slices", $"{random.Next(1, 5)}"]);
        Now(6, "--partition", string.Join(',', Enumerable.Repeat(1, devices - 1).Append(Math.Max(1, layers - devices - 1))));
        Now(6, "--placement", string.Join(';', Enumerable.Range(0, devices).Select(device => $"{device},{devices + random.Next(devices)}")));
        Now(6, "--placement", string.Join(';', Enumerable.Range(0, devices).Select(device => $"{device},{(2 * devices) - 1 - device}")));
        return [.. arguments];
    }

    private static string Profile(Random random, int layers)
    {
        var text = new StringBuilder("{\"model\": \"random\", \"unit\": \"ms\", \"layers\": [");
        for (int layer = 0; layer < layers; layer++)
        {
            string Time() => $"0.{random.Next(100):00}";
            string kind = layer == 0 ? "embedding" : layer == layers - 1 ? "head" : "mamba";
            string pinned = layers < 3 || layer % (layers - 1) != 0 ? "" : layer == 0 ? ", \"pinned\": \"first\"" : ", \"pinned\": \"last\"";
            text.Append(layer == 0 ? "" : ",").Append($"{{\"kind\": \"{kind}\", \"forward\": {Time()}, \"backwardInput\": {Time()}, \"backwardWeight\": {Time()}{pinned}}}");
        }

        return text.Append("]}").ToString();
    }

    private static void Check(CommandOutcome outcome, string schedule, HashSet<string> done)
    {
        if (outcome.ExitCode != 0)
        {
            Assert.InRange(outcome.ExitCode, 1, 2);
            Assert.Equal("", outcome.Output);
            Assert.StartsWith("paralleldsl pipeline: ", outcome.Error, StringComparison.Ordinal);
            Assert.Equal(outcome.Error.Length - 1, outcome.Error.IndexOf('\n', StringComparison.Ordinal));
            return;
        }

        JsonElement json = Parse(outcome.Output);
        JsonElement[] runs = schedule == "all" ? [.. json.GetProperty("schedules").EnumerateArray()] : [json];
        Assert.NotEmpty(runs);
        foreach (JsonElement run in runs)
        {
            done.Add(run.GetProperty("schedule").GetString()!);
            long makespan = run.GetProperty("makespan").GetInt64(), span = run.GetProperty("span").GetInt64();
            Assert.InRange(run.GetProperty("lowerBound").GetInt64(), 0, makespan);
            Assert.InRange(span, Numbers(run, "work").Max(), makespan);
            for (int device = 0; device < run.GetProperty("devices").GetInt32(); device++)
                Assert.Equal(makespan, new[] { "work", "warmupBubble", "residualBubble", "cooldownBubble" }.Sum(member => Numbers(run, member)[device]));
            Assert.Equal(
                run.GetProperty("stages").GetInt32() * run.GetProperty("microBatches").GetInt32(),
                Programs(run).Sum(program => program.Count(action => action[0] == 'F')));
        }
    }
}
