using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Plans;

/// <summary>Plans as JSON: <c>*.plan.json</c>. The same plan gives the same bytes everywhere: members in a fixed order, <c>\n</c>, two
/// spaces, one line for each row of a table, programs in the text of <see cref="PipelineText"/>.</summary>
public static class PlanJson
{
    private const string Format = "paralleldsl.plan/1";

    /// <summary>The text of <paramref name="plan"/>, with its digest.</summary>
    public static string Write(ParallelPlan plan) => Write(plan, new JsonWriter(compact: false), PlanDigest.Of(plan));

    /// <summary>The shortest text of <paramref name="plan"/>, without its digest, which is made of it.</summary>
    internal static string WriteCanonical(ParallelPlan plan) => Write(plan, new JsonWriter(compact: true), digest: null);

    /// <summary>The plan that <paramref name="text"/> describes, or the first error in it. Besides the form, the digest is checked, and
    /// that the plan is sound (<see cref="PlanChecks"/>). What is wrong with its rings is an error of the field <c>rings</c> or of a row of
    /// it, and is found before a wrong digest.</summary>
    public static Parsed<ParallelPlan> Read(string text)
    {
        try
        {
            JsonValue root = JsonReader.Read(text);
            var members = new JsonObject(root);
            JsonValue format = members.Required("format");
            if (format.AsText() != Format)
                throw format.Error($"expected '{Format}'");
            JsonValue digest = members.Required("digest");
            ParallelPlan plan = ReadPlan(members, Object(members.Required("axes"), ReadAxes));
            members.End();

            // Who writes rings is told what is wrong with them before what digest they ask for.
            EquatableArray<string> faults = PlanChecks.Validate(plan, out RingFault? rings);
            JsonValue rows = members.Required("rings");
            if ((rings ?? (faults.Count == 0 ? RingRows.MisfitOf(rows, plan) : null)) is { } fault)
                throw RingRows.ErrorOf(rows, fault);
            if (digest.AsText() != PlanDigest.Of(plan))
                throw digest.Error($"the digest of this plan is {PlanDigest.Of(plan)}: the file was changed after it was written");
            return faults.Count == 0 ? new(plan, null) : throw root.Error($"the plan is not sound: {faults[0]}");
        }
        catch (TextException exception)
        {
            return new(null, exception.Error);
        }
    }

    private static string Write(ParallelPlan plan, JsonWriter writer, string? digest)
    {
        writer.Object().Member("format", Format);
        if (digest is not null)
            writer.Member("digest", digest);
        WriteModel(writer.Name("model"), plan.Model);
        WriteCluster(writer.Name("cluster"), plan.Cluster);
        AxesSpec axes = plan.Axes;
        writer.Name("axes").Object(row: true).Member("data", axes.Data).Member("sequence", axes.Sequence).Member("pipeline", axes.Pipeline)
            .Member("schedule", axes.Schedule).Member("microBatches", axes.MicroBatches).Member("chunks", axes.Chunks)
            .Member("unitTokens", axes.UnitTokens);

        // Members of vocabulary slices, of units of slices, of datapaths, weights and rails stand only where they say something, so that the plans
        // without have the text and the digest that they had before there were such.
        if (axes.VocabularySlices > 1)
            writer.Member("vocabularySlices", axes.VocabularySlices);
        if (axes.Packing != ParallelDsl.Packing.Tokens)
            writer.Member("packing", axes.Packing);
        if (axes.Balance != SequenceBalance.Zigzag)
            writer.Member("balance", axes.Balance);
        if (axes.Datapath != Datapath.Ring)
            writer.Member("datapath", axes.Datapath);
        if (axes.InterNodeDatapath != axes.Datapath)
            writer.Member("interNodeDatapath", axes.InterNodeDatapath);
        if (axes.OverlapPercent != 100)
            writer.Member("overlapPercent", axes.OverlapPercent);
        if (axes.AttentionPercent != 100)
            writer.Member("attentionPercent", axes.AttentionPercent);
        if (axes.Rail != NodeRail.Cross)
            writer.Member("rail", axes.Rail);
        writer.End();
        Mesh mesh = plan.Mesh;
        writer.Name("mesh").Object(row: true).Member("data", mesh.Data).Member("sequence", mesh.Sequence).Member("pipeline", mesh.Pipeline);
        Row(writer.Name("order"), mesh.Order, axis => writer.Item(axis.ToString())).End();
        Table(writer.Name("layers"), plan.Layers, layer => WriteLayer(writer, layer));
        Table(writer.Name("stages"), plan.Stages, stage => writer.Object(row: true)
            .Member("index", stage.Index).Member("firstLayer", stage.FirstLayer).Member("layerCount", stage.LayerCount)
            .Member("device", stage.Device).Member("forward", stage.Forward).Member("backwardInput", stage.BackwardInput)
            .Member("backwardWeight", stage.BackwardWeight).Member("hop", stage.Hop).End());
        Table(writer.Name("programs"), plan.Programs, program => writer.Item(PipelineText.Write(program)));
        Table(writer.Name("rings"), plan.Rings, ring => Row(writer, ring, rank => writer.Item(rank)));
        BatchingPlan batching = plan.Batching;
        writer.Name("batching").Object(row: true).Member("unitsPerDataRank", batching.UnitsPerDataRank)
            .Member("unitTokens", batching.UnitTokens).Member("unitTokensPerRank", batching.UnitTokensPerRank)
            .Member("granule", batching.Granule);
        if (batching.Window > 1)
            writer.Member("window", batching.Window);
        if (batching.Remaps)
            writer.Member("remaps", batching.Remaps);
        if (batching.Routes)
            writer.Member("routes", batching.Routes);
        if (batching.IntraNodeTokens > 0)
            writer.Member("intraNodeTokens", batching.IntraNodeTokens);
        if (batching.InterNodeTokens > 0)
            writer.Member("interNodeTokens", batching.InterNodeTokens);
        if (batching.Datapaths is { } choice)
        {
            writer.Name("datapaths").Object(row: true).Member("intraNode", choice.IntraNode).Member("interNode", choice.InterNode)
                .Member("intraNodePercent", choice.IntraNodePercent).Member("interNodePercent", choice.InterNodePercent).End();
        }

        writer.End();
        Table(writer.Name("memory"), plan.Memory, memory => writer.Object(row: true)
            .Member("device", memory.Device).Member("weights", memory.Weights).Member("gradients", memory.Gradients)
            .Member("optimizer", memory.Optimizer).Member("activations", memory.Activations).Member("workspace", memory.Workspace)
            .Member("unitsInFlight", memory.UnitsInFlight).Member("available", memory.Available).End());
        Estimates estimates = plan.Estimates;
        writer.Name("estimates").Object(row: true).Member("makespan", estimates.Makespan);
        Row(writer.Name("work"), estimates.Work, work => writer.Item(work));
        writer.Member("dataRankFlops", estimates.DataRankFlops).Member("dataBytes", estimates.DataBytes)
            .Member("sequenceBytes", estimates.SequenceBytes).Member("pipelineBytes", estimates.PipelineBytes).End();

        // As with axes: a plan whose gradients are summed the default way has no such member.
        if (plan.Reductions.Count > 0)
            Table(writer.Name("reductions"), plan.Reductions, reduction => WriteReduction(writer, reduction));
        return writer.End().ToString();
    }

    private static void WriteReduction(JsonWriter writer, CollectivePlan reduction)
    {
        writer.Object(row: true).Member("algorithm", reduction.Algorithm);
        if (reduction.Rings.Count > 0)
            Row(writer.Name("rings"), reduction.Rings, ring => Row(writer, ring, member => writer.Item(member)));
        if (reduction.Nodes.Count > 0)
            Row(writer.Name("nodes"), reduction.Nodes, node => writer.Item(node));
        writer.End();
    }

    private static void WriteLayer(JsonWriter writer, PlannedLayer layer)
    {
        writer.Object(row: true)
            .Member("index", layer.Index).Member("name", layer.Name).Member("kind", layer.Kind).Member("declared", layer.Declared)
            .Member("repetition", layer.Repetition).Member("parameters", layer.Parameters).Member("linearFlops", layer.LinearFlops)
            .Member("attentionFlops", layer.AttentionFlops).Member("activationBytes", layer.ActivationBytes)
            .Member("outputBytes", layer.OutputBytes).Member("keyValueBytes", layer.KeyValueBytes);
        if (layer.Block != DefaultBlock(layer.Kind, layer.Index))
            writer.Member("block", layer.Block);
        if (layer.IsSlice)
            writer.Member("slice", layer.Slice).Member("slices", layer.Slices);
        writer.End();
    }

    /// <summary>Where the embedding is whole, blocks follow layer 0.</summary>
    private static int DefaultBlock(LayerKind kind, int index) => kind == LayerKind.TransformerBlock ? index - 1 : 0;

    private static void WriteModel(JsonWriter writer, ModelSpec model)
    {
        writer.Object().Member("name", model.Name).Member("contextLength", model.ContextLength);
        Table(writer.Name("layers"), model.Layers, layer => writer.Object(row: true)
            .Member("name", layer.Name).Member("kind", layer.Kind).Member("repeat", layer.Repeat).Member("vocabulary", layer.Vocabulary)
            .Member("width", layer.Width).Member("heads", layer.Heads).Member("keyValueHeads", layer.KeyValueHeads)
            .Member("feedForward", layer.FeedForward).Member("tiedWeights", layer.TiedWeights).End());
        writer.End();
    }

    private static void WriteCluster(JsonWriter writer, ClusterSpec cluster)
    {
        writer.Object().Member("name", cluster.Name);
        Table(writer.Name("nodes"), cluster.Nodes, group => writer.Object(row: true)
            .Member("count", group.Count).Member("devicesPerNode", group.DevicesPerNode)
            .Name("device").Object()
            .Member("kind", group.Device.Kind).Member("name", group.Device.Name).Member("memoryBytes", group.Device.MemoryBytes)
            .Member("flopsPerNanosecond", group.Device.FlopsPerNanosecond)
            .Member("memoryBytesPerNanosecond", group.Device.MemoryBytesPerNanosecond)
            .Member("linkBytesPerNanosecond", group.Device.LinkBytesPerNanosecond).Member("source", group.Device.Source).End()
            .Member("fabric", group.Fabric).Member("nicsPerNode", group.NicsPerNode).Member("nicGbps", group.NicGbps).End());
        writer.End();
    }

    private static void Table<T>(JsonWriter writer, EquatableArray<T> rows, Action<T> write)
    {
        writer.Array();
        foreach (T row in rows)
            write(row);
        writer.End();
    }

    private static JsonWriter Row<T>(JsonWriter writer, EquatableArray<T> items, Action<T> write)
    {
        writer.Array(row: true);
        foreach (T item in items)
            write(item);
        return writer.End();
    }

    private static ParallelPlan ReadPlan(JsonObject members, AxesSpec axes) => new(
        Model: Object(members.Required("model"), ReadModel),
        Layers: members.Array("layers", row => Object(row, ReadLayer)),
        Cluster: Object(members.Required("cluster"), ReadCluster),
        Axes: axes,
        Mesh: Object(members.Required("mesh"), mesh => new Mesh(
            mesh.Int("data"), mesh.Int("sequence"), mesh.Int("pipeline"), mesh.Array("order", axis => axis.AsEnum<Axis>()))),
        Stages: members.Array("stages", row => Object(row, stage => new PlannedStage(
            stage.Int("index"), stage.Int("firstLayer"), stage.Int("layerCount"), stage.Int("device"), stage.Long("forward"),
            stage.Long("backwardInput"), stage.Long("backwardWeight"), stage.Long("hop")))),
        Programs: members.Array("programs", ReadProgram),
        Rings: RingRows.Read(members.Required("rings"), axes.Sequence),
        Batching: Object(members.Required("batching"), batching => new BatchingPlan(
            batching.Int("unitsPerDataRank"), batching.Int("unitTokens"), batching.Int("unitTokensPerRank"), batching.Int("granule"),
            batching.OptionalInt("window", 1), batching.Optional("remaps")?.AsBoolean() ?? false,
            batching.Optional("routes")?.AsBoolean() ?? false, batching.OptionalInt("intraNodeTokens", 0),
            batching.OptionalInt("interNodeTokens", 0),
            batching.Optional("datapaths") is not { } chosen ? null : Object(chosen, choice => new DatapathChoice(
                choice.Enum<Datapath>("intraNode"), choice.Enum<Datapath>("interNode"), choice.Long("intraNodePercent"),
                choice.Long("interNodePercent"))))),
        Memory: members.Array("memory", row => Object(row, memory => new DeviceMemory(
            memory.Int("device"), memory.Long("weights"), memory.Long("gradients"), memory.Long("optimizer"), memory.Long("activations"),
            memory.Long("workspace"), memory.Int("unitsInFlight"), memory.Long("available")))),
        Estimates: Object(members.Required("estimates"), estimates => new Estimates(
            estimates.Long("makespan"), estimates.Array("work", work => work.AsWhole(0, long.MaxValue)), estimates.Long("dataRankFlops"),
            estimates.Long("dataBytes"), estimates.Long("sequenceBytes"), estimates.Long("pipelineBytes"))),
        Reductions: members.Optional("reductions") is { } reductions
            ? reductions.AsItems().Select(row => Object(row, ReadReduction)).ToEquatableArray()
            : default);

    private static CollectivePlan ReadReduction(JsonObject reduction) => new(
        reduction.Enum<CollectiveAlgorithm>("algorithm"),
        reduction.Optional("rings") is { } rings ? rings.AsItems().Select(Numbers).ToEquatableArray() : default,
        reduction.Optional("nodes") is { } nodes ? Numbers(nodes) : default);

    private static EquatableArray<int> Numbers(JsonValue row) =>
        row.AsItems().Select(number => (int)number.AsWhole(0, int.MaxValue)).ToEquatableArray();

    private static AxesSpec ReadAxes(JsonObject axes)
    {
        Datapath datapath = axes.OptionalEnum("datapath", Datapath.Ring);
        return new(
            axes.Int("data"), axes.Int("sequence"), axes.Int("pipeline"), axes.Enum<PipelineSchedule>("schedule"),
            axes.Int("microBatches"), axes.Int("chunks"), axes.Int("unitTokens"), axes.OptionalInt("vocabularySlices", 1),
            axes.OptionalEnum("packing", ParallelDsl.Packing.Tokens), axes.OptionalEnum("balance", SequenceBalance.Zigzag), datapath,
            axes.OptionalEnum("interNodeDatapath", datapath), axes.OptionalInt("overlapPercent", 100), axes.OptionalInt("attentionPercent", 100),
            axes.OptionalEnum("rail", NodeRail.Cross));
    }

    private static PlannedLayer ReadLayer(JsonObject layer)
    {
        (int index, LayerKind kind) = (layer.Int("index"), layer.Enum<LayerKind>("kind"));
        return new(
            index, layer.Text("name"), kind, layer.Int("declared"), layer.Int("repetition"), layer.Long("parameters"),
            layer.Long("linearFlops"), layer.Long("attentionFlops"), layer.Long("activationBytes"), layer.Long("outputBytes"),
            layer.Long("keyValueBytes"), layer.OptionalInt("block", DefaultBlock(kind, index)), layer.OptionalInt("slice", 0),
            layer.OptionalInt("slices", 1));
    }

    private static T Object<T>(JsonValue value, Func<JsonObject, T> read)
    {
        var members = new JsonObject(value);
        T result = read(members);
        members.End();
        return result;
    }

    private static ModelSpec ReadModel(JsonObject model) => new(
        model.Text("name"),
        model.Int("contextLength"),
        model.Array("layers", row => Object(row, layer => new LayerSpec(
            layer.Text("name"), layer.Enum<LayerKind>("kind"), layer.Int("repeat"), layer.Int("vocabulary"), layer.Int("width"),
            layer.Int("heads"), layer.Int("keyValueHeads"), layer.Int("feedForward"), layer.Required("tiedWeights").AsBoolean()))));

    private static ClusterSpec ReadCluster(JsonObject cluster) => new(
        cluster.Text("name"),
        cluster.Array("nodes", row => Object(row, group => new NodeGroup(
            group.Int("count"),
            group.Int("devicesPerNode"),
            Object(group.Required("device"), device => new DeviceSpec(
                device.Enum<DeviceKind>("kind"), device.Text("name"), device.Long("memoryBytes"), device.Long("flopsPerNanosecond"),
                device.Long("memoryBytesPerNanosecond"), device.Long("linkBytesPerNanosecond"), device.Text("source"))),
            group.Enum<Fabric>("fabric"),
            group.Int("nicsPerNode"),
            group.Int("nicGbps")))));

    private static PipelineProgram ReadProgram(JsonValue value)
    {
        try
        {
            return PipelineText.ParseProgram(value.AsText());
        }
        catch (FormatException exception)
        {
            throw value.Error(exception.Message);
        }
    }
}
