using ParallelDsl.Planning.Json;

namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>A search between two rounds. Random numbers are seeded round by round, so this is all that it goes on from.</summary>
/// <param name="Round">Rounds done, at least one.</param>
/// <param name="Searched">Candidates simulated.</param>
/// <param name="IsOptimal">Whether nothing is better than the best.</param>
/// <param name="Best">The best so far.</param>
/// <param name="Elites">Where the next rounds start.</param>
internal sealed record TuningState(
    int Round, int Searched, bool IsOptimal, PipelineCandidate Best, IReadOnlyList<TuningPoint> Elites)
{
    /// <summary>What the error says of a state that is not of the search that is asked for.</summary>
    public const string Foreign = "this is the state of another search";

    private const string Format = "paralleldsl.search/1";

    /// <summary>The text of the state: JSON with the digest of the problem and the options, and that of all it says.</summary>
    public string Write(PipelineProblem problem, TuningOptions options) => Write(problem, options, compact: false);

    /// <summary>The state that <paramref name="text"/> describes.</summary>
    /// <exception cref="FormatException">The text is malformed, was changed, or is the state of another search; the message says which,
    /// and where.</exception>
    public static TuningState Read(PipelineProblem problem, TuningOptions options, string text)
    {
        try
        {
            JsonValue root = JsonReader.Read(text);
            var members = new JsonObject(root);
            JsonValue format = members.Required("format"), digest = members.Required("digest"), search = members.Required("search");
            if (format.AsText() != Format)
                throw format.Error($"expected '{Format}'");
            if (search.AsText() != SearchDigest(problem, options))
                throw search.Error($"{Foreign}: its pipeline or its options differ");
            TuningState state = ReadState(problem, members);
            members.End();
            if (digest.AsText() != state.Digest(problem, options))
                throw digest.Error("the file was changed after it was written");
            return state;
        }
        catch (TextException exception)
        {
            throw new FormatException(exception.Error.ToString(), exception);
        }
    }

    private string Digest(PipelineProblem problem, TuningOptions options) => ContentDigest.Of(Write(problem, options, compact: true));

    private string Write(PipelineProblem problem, TuningOptions options, bool compact)
    {
        var writer = new JsonWriter(compact);
        writer.Object().Member("format", Format);
        if (!compact)
            writer.Member("digest", Digest(problem, options));
        writer.Member("search", SearchDigest(problem, options)).Member("round", Round).Member("searched", Searched)
            .Member("isOptimal", IsOptimal);
        writer.Name("best").Object().Member("schedule", Best.Schedule);
        Numbers(writer, "boundaries", Best.Boundaries);
        Numbers(writer, "devices", Best.StageDevices);
        writer.Name("orders").Array();
        foreach (EquatableArray<PipelineAction> order in Best.Orders)
            writer.Item(PipelineText.Write(new PipelineProgram(order)));
        writer.End().End();
        writer.Name("elites").Array();
        foreach (TuningPoint point in Elites)
            WritePoint(writer, point);
        return writer.End().End().ToString();
    }

    private static void WritePoint(JsonWriter writer, TuningPoint point)
    {
        writer.Object().Member("makespan", point.Makespan);
        Numbers(writer, "boundaries", point.Layout.First);
        Numbers(writer, "devices", point.Layout.Device);
        writer.Member("forwardPercent", point.ForwardPercent).Member("inputPercent", point.InputPercent)
            .Member("turnPercent", point.TurnPercent).Member("alternates", point.Alternates).Member("patience", point.Patience);
        Numbers(writer, "forwardShift", point.ForwardShift);
        Numbers(writer, "inputShift", point.InputShift);
        Numbers(writer, "weightDelay", point.WeightDelay);
        writer.End();
    }

    private static TuningState ReadState(PipelineProblem problem, JsonObject members) => new(
        members.Int("round"),
        members.Int("searched"),
        members.Required("isOptimal").AsBoolean(),
        ReadBest(problem, members.Required("best")),
        members.Array("elites", ReadPoint));

    private static PipelineCandidate ReadBest(PipelineProblem problem, JsonValue value)
    {
        var best = new JsonObject(value);
        var schedule = best.Enum<PipelineSchedule>("schedule");
        EquatableArray<int> boundaries = new(Numbers(best, "boundaries")), devices = new(Numbers(best, "devices"));
        EquatableArray<string> orders = best.Array("orders", order => order.AsText());
        best.End();
        try
        {
            return PipelineCandidate.Of(
                problem, schedule, boundaries, devices, orders.Select(order => PipelineText.ParseProgram(order).Actions).ToEquatableArray());
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            throw value.Error($"this is no pipeline of the problem: {OneLine.Of(exception.Message)}");
        }
    }

    private static TuningPoint ReadPoint(JsonValue value)
    {
        var members = new JsonObject(value);
        long makespan = members.Long("makespan");
        var point = new TuningPoint(Layout.Of(Numbers(members, "boundaries"), Numbers(members, "devices")))
        {
            ForwardPercent = members.Int("forwardPercent"),
            InputPercent = members.Int("inputPercent"),
            TurnPercent = members.Int("turnPercent"),
            Alternates = members.Required("alternates").AsBoolean(),
            Patience = members.Int("patience"),
            Makespan = makespan,
            ForwardShift = Numbers(members, "forwardShift"),
            InputShift = Numbers(members, "inputShift"),
            WeightDelay = Numbers(members, "weightDelay"),
        };
        members.End();
        return point;
    }

    // Everything that a search depends on.
    private static string SearchDigest(PipelineProblem problem, TuningOptions options)
    {
        var writer = new JsonWriter(compact: true);
        writer.Object().Name("layers").Array();
        foreach (PipelineLayer layer in problem.Layers)
        {
            writer.Array(row: true).Item(layer.Forward).Item(layer.BackwardInput).Item(layer.BackwardWeight).Item(layer.Held)
                .Item(layer.Resident).End();
        }

        writer.End().Member("devices", problem.Devices).Member("microBatches", problem.MicroBatches)
            .Member("pinnedFirst", problem.PinnedFirst).Member("pinnedLast", problem.PinnedLast).Member("hop", problem.Hop);
        Numbers(writer, "hops", problem.Hops);
        writer.Member("overhead", problem.Overhead).Member("activationCap", problem.ActivationCap)
            .Member("splitBackward", problem.SplitBackward);
        Numbers(writer, "rates", problem.Rates);
        writer.Member("budget", options.Budget).Member("tunesOrder", options.TunesOrder)
            .Member("maximumStagesPerDevice", options.MaximumStagesPerDevice);
        if (options.Partition is { } partition)
            Numbers(writer, "partition", partition);
        if (options.Placement is { } placement)
            Numbers(writer, "placement", placement);
        return ContentDigest.Of(writer.End().ToString());
    }

    private static void Numbers(JsonWriter writer, string name, IEnumerable<int> values) =>
        Numbers(writer, name, values.Select(value => (long)value));

    private static void Numbers(JsonWriter writer, string name, IEnumerable<long> values)
    {
        writer.Name(name).Array(row: true);
        foreach (long value in values)
            writer.Item(value);
        writer.End();
    }

    private static int[] Numbers(JsonObject members, string name) =>
        [.. members.Array(name, value => (int)value.AsWhole(int.MinValue, int.MaxValue))];
}
