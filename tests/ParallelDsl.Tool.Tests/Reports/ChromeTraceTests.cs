using System.Text.Json;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;
using ParallelDsl.Reporting;

namespace ParallelDsl.Tool.Tests.Reports;

public class ChromeTraceTests
{
    [Fact]
    public void Spans_are_those_of_the_simulated_step() => Cases.CheckPlans(60, plan =>
    {
        Timeline timeline = PlanTimeline.Of(plan);
        using JsonDocument trace = JsonDocument.Parse(ChromeTrace.Write(plan));
        ILookup<int, JsonElement> spans = trace.RootElement.GetProperty("traceEvents").EnumerateArray()
            .Where(item => item.GetProperty("ph").GetString() == "X").ToLookup(item => item.GetProperty("pid").GetInt32());
        Assert.Equal(plan.Mesh.Size, spans.Count);
        foreach (IGrouping<int, JsonElement> rank in spans)
        {
            var expected = timeline.Devices[plan.Mesh.CoordinateOf(rank.Key).Pipeline];
            Assert.Equal(expected, rank.Select(span =>
            {
                PipelineAction action = PipelineText.ParseAction(span.GetProperty("name").GetString()!);
                Assert.Equal(action.IsCompute ? 0 : 1, span.GetProperty("tid").GetInt32());
                long start = (long)(span.GetProperty("ts").GetDecimal() * 1000);
                return new TimedAction(action, start, start + (long)(span.GetProperty("dur").GetDecimal() * 1000));
            }));
        }
    });

    [Fact]
    public void Ranks_and_threads_have_names()
    {
        using JsonDocument trace = JsonDocument.Parse(ChromeTrace.Write(SamplePlans.Gpt));
        string[] names = [.. trace.RootElement.GetProperty("traceEvents").EnumerateArray()
            .Where(item => item.GetProperty("name").GetString() == "process_name")
            .Select(item => item.GetProperty("args").GetProperty("name").GetString()!)];
        Assert.Equal(8, names.Length);
        Assert.Equal("rank 0 (d0 s0 p0)", names[0]);
        Assert.Equal(PlanDigest.Of(SamplePlans.Gpt), trace.RootElement.GetProperty("otherData").GetProperty("plan").GetString());
        Assert.Equal("simulated", trace.RootElement.GetProperty("otherData").GetProperty("times").GetString());
    }

    [Fact]
    public void Of_very_many_ranks_only_the_first_of_each_position_is_traced()
    {
        using JsonDocument trace = JsonDocument.Parse(ChromeTrace.Write(SamplePlans.Huge));
        Assert.Equal(128, trace.RootElement.GetProperty("traceEvents").EnumerateArray().Select(item => item.GetProperty("pid").GetInt32()).Distinct().Count());
    }

    [Fact]
    public void Odd_names_stay_json()
    {
        using JsonDocument trace = JsonDocument.Parse(ChromeTrace.Write(SamplePlans.Hostile));
        Assert.Contains("Größe", trace.RootElement.GetProperty("otherData").GetProperty("model").GetString(), StringComparison.Ordinal);
    }
}
