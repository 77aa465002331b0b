using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Tests.Plans;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

/// <summary>A search that is saved and goes on finds what it would have found.</summary>
public class TuningStateTests
{
    private static readonly TuningOptions Options = new(Budget: 400);

    private static readonly PipelineProblem Problem = new(
        new([.. Enumerable.Range(0, 20).Select(layer => new PipelineLayer(20 + (layer % 3), 30, 25 - (layer % 5), 2))]), 4, 12, Hop: 3, ActivationCap: 160);

    [Fact]
    public void A_search_that_is_saved_after_every_round_finds_the_same()
    {
        var whole = new TuningSearch(Problem, Options);
        var parts = new TuningSearch(Problem, Options);
        while (!whole.IsDone)
        {
            whole.Advance();
            parts.Advance();
            string state = parts.Save();
            Assert.Equal(whole.Save(), state);
            parts = TuningSearch.Resume(Problem, Options, state);
            Assert.Equal((whole.Round, whole.Searched, whole.IsDone), (parts.Round, parts.Searched, parts.IsDone));
        }

        Assert.True(whole.Round > 3);
        Assert.Equal(whole.Best, parts.Best);
    }

    [Fact]
    public void The_state_of_another_search_is_refused()
    {
        string state = StateAfterOneRound();
        void Refuses(string message, PipelineProblem problem, TuningOptions options, string text) => Assert.Contains(
            message, Assert.Throws<FormatException>(() => TuningSearch.Resume(problem, options, text)).Message, StringComparison.Ordinal);

        Refuses("the state of another search", Problem with { Hop = 4 }, Options, state);
        Refuses("the state of another search", Problem with { ActivationCap = 161 }, Options, state);
        Refuses("the state of another search", Problem, Options with { Budget = 401 }, state);
        Refuses("the file was changed", Problem, Options, state.Replace("\"searched\": ", "\"searched\": 1", StringComparison.Ordinal));
        Refuses("expected 'paralleldsl.search/1'", Problem, Options, state.Replace("search/1", "search/0", StringComparison.Ordinal));
        Refuses("no pipeline of the problem", Problem, Options, state.Replace("\"F0.0 ", "\"F99.0 ", StringComparison.Ordinal));
        Refuses("line 1", Problem, Options, "");
        for (int length = 0; length < state.Length - 2; length += 37)
            Assert.Throws<FormatException>(() => TuningSearch.Resume(Problem, Options, state[..length]));
    }

    [Fact]
    public void There_is_nothing_to_save_before_the_first_round() =>
        Assert.Throws<InvalidOperationException>(() => new TuningSearch(Problem, Options).Save());

    [Fact]
    public void A_long_search_of_a_model_goes_on_too()
    {
        PlanRequest request = new(Requests.Gpt(repeat: 30), Requests.Lab, new AxesSpec(2, 1, 4, PipelineSchedule.Adaptive, 8));
        ParallelPlan Found(bool saves)
        {
            AdaptiveSearch search = AdaptiveSearch.Start(request, 300);
            while (!search.IsDone)
            {
                search.Advance();
                if (saves && !search.IsDone)
                    search = AdaptiveSearch.Resume(request, 300, search.Save());
            }

            return Assert.IsType<Planned>(search.Plan()).Plan;
        }

        ParallelPlan whole = Found(saves: false);
        Assert.Equal(whole, Found(saves: true));
        Assert.Empty(PlanChecks.Validate(whole));
        Assert.True(whole.Estimates.Makespan <= Requests.Plan(request).Estimates.Makespan);
    }

    [Fact]
    public void What_cannot_be_searched_is_refused()
    {
        PlanRequest request = new(Requests.Gpt(repeat: 30), Requests.Lab, new AxesSpec(2, 1, 4, PipelineSchedule.Adaptive, 8));
        void Refuses(string message, PlanRequest wrong, int budget) => Assert.Contains(
            message, Assert.Throws<ArgumentException>(() => AdaptiveSearch.Start(wrong, budget)).Message, StringComparison.Ordinal);

        Refuses("the schedule is GPipe", request with { Axes = request.Axes with { Schedule = PipelineSchedule.GPipe } }, 10);
        Refuses("at least one candidate", request, 0);
        Refuses("cannot fill a pipeline", request with { Axes = request.Axes with { MicroBatches = 2 } }, 10);
        Refuses("one unit alone does not fit", request with { Model = Requests.Gpt(context: 1 << 22, repeat: 30) }, 10);
    }

    private static string StateAfterOneRound()
    {
        var search = new TuningSearch(Problem, Options);
        search.Advance();
        return search.Save();
    }
}
