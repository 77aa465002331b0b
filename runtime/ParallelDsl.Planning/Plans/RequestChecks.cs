using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using static System.FormattableString;

namespace ParallelDsl.Planning.Plans;

/// <summary>Finds everything that is wrong with a request, as far as it can be told without planning. The axes have their defaults filled
/// in.</summary>
internal sealed partial class RequestChecks
{
    private readonly List<PlanProblem> _problems = [];
    private readonly ModelSpec _model;
    private readonly ClusterSpec _cluster;
    private readonly AxesSpec _axes;

    private RequestChecks(PlanRequest request) => (_model, _cluster, _axes) = (request.Model, request.Cluster, request.Axes);

    public static EquatableArray<PlanProblem> Run(PlanRequest request)
    {
        var checks = new RequestChecks(request);
        checks.CheckModel();
        checks.CheckCluster();
        if (checks.CheckChoices())
            checks.CheckPercents();
        bool positive = checks.CheckDegrees();
        if (positive && !checks._problems.Exists(problem => problem.Subject == PlanSubject.Cluster))
            checks.CheckProduct();
        if (positive)
            checks.CheckVocabularySlices();
        if (positive)
            checks.CheckPipeline();
        if (positive && request.Model.ContextLength > 0)
            checks.CheckContext();
        return new([.. checks._problems]);
    }

    private void Add(
        PlanProblemCode code,
        PlanSubject subject,
        int layer,
        string field,
        string message,
        string fix,
        IEnumerable<long>? suggestions = null) =>
        _problems.Add(new(code, subject, layer, field, message, fix, (suggestions ?? []).ToEquatableArray()));

    private bool RequirePositive(long value, PlanSubject subject, int layer, string field, string owner)
    {
        if (value > 0)
            return true;
        Add(PlanProblemCode.NotPositive, subject, layer, field,
            Invariant($"{field} of {owner} is {value:N0}"), $"give {field} a value of at least 1");
        return false;
    }

    private void CheckModel()
    {
        RequirePositive(_model.ContextLength, PlanSubject.Model, -1, "ContextLength", _model.Name);
        if (_model.Layers.Count == 0)
        {
            Add(PlanProblemCode.NoLayers, PlanSubject.Model, -1, "", $"{_model.Name} has no layers",
                "declare an embedding, transformer blocks and a language model head as partial properties of type Layer");
            return;
        }

        int width = _model.Layers.Where(layer => layer.Kind == LayerKind.Embedding).Select(layer => layer.Width).FirstOrDefault();
        for (int index = 0; index < _model.Layers.Count; index++)
        {
            CheckOrder(index);
            CheckLayer(index, width);
        }

        if (_model.Layers.All(layer => layer.Kind != LayerKind.Embedding))
        {
            Add(PlanProblemCode.LayerOrder, PlanSubject.Model, -1, "", $"{_model.Name} has no embedding",
                "declare one embedding before all other layers");
        }

        if (_model.Layers.All(layer => layer.Kind != LayerKind.LanguageModelHead))
        {
            Add(PlanProblemCode.LayerOrder, PlanSubject.Model, -1, "", $"{_model.Name} has no language model head",
                "declare one language model head after all other layers");
        }
    }

    private void CheckOrder(int index)
    {
        LayerSpec layer = _model.Layers[index];
        int last = _model.Layers.Count - 1;
        if (layer.Kind == LayerKind.Embedding && index != 0)
        {
            Add(PlanProblemCode.LayerOrder, PlanSubject.Layer, index, "",
                Invariant($"the embedding {layer.Name} is layer {index + 1} of {last + 1}"),
                "declare one embedding, before all other layers");
        }
        else if (layer.Kind == LayerKind.LanguageModelHead && index != last)
        {
            Add(PlanProblemCode.LayerOrder, PlanSubject.Layer, index, "",
                Invariant($"the language model head {layer.Name} is layer {index + 1} of {last + 1}"),
                "declare one language model head, after all other layers");
        }
        else if (layer.Kind != LayerKind.TransformerBlock && layer.Repeat > 1)
        {
            Add(PlanProblemCode.LayerOrder, PlanSubject.Layer, index, "Repeat",
                Invariant($"{layer.Name} is repeated {layer.Repeat:N0} times, and a model has one embedding and one head"),
                "repeat transformer blocks only", [1]);
        }
    }

    private void CheckLayer(int index, int width)
    {
        LayerSpec layer = _model.Layers[index];
        RequirePositive(layer.Repeat, PlanSubject.Layer, index, "Repeat", layer.Name);
        if (layer.Kind == LayerKind.Embedding)
        {
            RequirePositive(layer.Vocabulary, PlanSubject.Layer, index, "Vocabulary", layer.Name);
            RequirePositive(layer.Width, PlanSubject.Layer, index, "Width", layer.Name);
        }

        if (layer.Kind != LayerKind.TransformerBlock)
            return;
        RequirePositive(layer.FeedForward, PlanSubject.Layer, index, "FeedForward", layer.Name);
        bool heads = RequirePositive(layer.Heads, PlanSubject.Layer, index, "Heads", layer.Name);
        if (heads && width > 0)
            CheckHeads(index, layer, width);
        if (layer.KeyValueHeads < 0)
        {
            RequirePositive(layer.KeyValueHeads, PlanSubject.Layer, index, "KeyValueHeads", layer.Name);
        }
        else if (heads && layer.KeyValueHeads > 0 && layer.Heads % layer.KeyValueHeads != 0)
        {
            Add(PlanProblemCode.KeyValueHeadsDoNotDivideHeads, PlanSubject.Layer, index, "KeyValueHeads",
                Invariant(
                    $"the {layer.Heads:N0} heads of {layer.Name} cannot be shared evenly by {layer.KeyValueHeads:N0} key and value heads"),
                Invariant($"give KeyValueHeads a value that divides {layer.Heads:N0}"),
                Divisors.Nearest(layer.Heads, layer.KeyValueHeads));
        }
    }

    private void CheckHeads(int index, LayerSpec layer, int width)
    {
        long[] choices = Divisors.Nearest(width, layer.Heads, heads => width / heads % 2 == 0);
        if (width % layer.Heads != 0)
        {
            Add(PlanProblemCode.HeadsDoNotDivideWidth, PlanSubject.Layer, index, "Heads",
                Invariant($"the width of {width:N0} is not divisible by the {layer.Heads:N0} heads of {layer.Name}"),
                Invariant($"give Heads a value that divides {width:N0} and leaves an even head width"), choices);
        }
        else if (width / layer.Heads % 2 != 0)
        {
            string each = Invariant($"{width / layer.Heads:N0} wide ({width:N0} / {layer.Heads:N0})");
            Add(PlanProblemCode.OddHeadWidth, PlanSubject.Layer, index, "Heads",
                $"the heads of {layer.Name} are {each}, and rotary embedding turns pairs",
                "give Heads a value that makes width / heads even", choices);
        }
    }

    private void CheckCluster()
    {
        if (_cluster.Nodes.Count == 0)
        {
            Add(PlanProblemCode.NotPositive, PlanSubject.Cluster, -1, "", $"the cluster {_cluster.Name} has no nodes",
                "give the cluster at least one group of nodes");
        }

        long nodes = _cluster.Nodes.Sum(group => (long)Math.Max(0, group.Count));
        for (int index = 0; index < _cluster.Nodes.Count; index++)
        {
            NodeGroup group = _cluster.Nodes[index];
            string owner = Invariant($"node group {index + 1} of {_cluster.Name}");
            void Require(long value, string field) => RequirePositive(value, PlanSubject.Cluster, -1, field, owner);
            Require(group.Count, "Count");
            Require(group.DevicesPerNode, "DevicesPerNode");
            Require(group.Device.MemoryBytes, "MemoryGiB");
            Require(group.Device.FlopsPerNanosecond, "TeraFlops");
            if (group.DevicesPerNode > 1)
                Require(group.Device.LinkBytesPerNanosecond, "LinkGBps");
            if (nodes > 1)
            {
                Require(group.NicsPerNode, "NicsPerNode");
                Require(group.NicGbps, "NicGbps");
            }
        }
    }

    private bool CheckDegrees()
    {
        bool data = RequirePositive(_axes.Data, PlanSubject.DataAxis, -1, "Degree", "the data axis");
        bool sequence = RequirePositive(_axes.Sequence, PlanSubject.SequenceAxis, -1, "Degree", "the sequence axis");
        bool pipeline = RequirePositive(_axes.Pipeline, PlanSubject.PipelineAxis, -1, "Degree", "the pipeline axis");

        // Defaults come from the degree and the context length: where those are wrong, one problem is enough.
        bool rest = true;
        if (pipeline)
        {
            rest &= RequirePositive(_axes.MicroBatches, PlanSubject.PipelineAxis, -1, "MicroBatches", "the pipeline axis");
            if (_axes.Schedule != PipelineSchedule.Adaptive)
                rest &= RequirePositive(_axes.Chunks, PlanSubject.PipelineAxis, -1, "Chunks", "the pipeline axis");
            rest &= RequirePositive(_axes.VocabularySlices, PlanSubject.PipelineAxis, -1, "VocabularySlices", "the pipeline axis");
        }

        if (_model.ContextLength > 0)
            rest &= RequirePositive(_axes.UnitTokens, PlanSubject.DataAxis, -1, "UnitTokens", "the data axis");
        return data && sequence && pipeline && rest;
    }

    private void CheckProduct()
    {
        long devices = _cluster.Nodes.Sum(group => (long)group.Count * group.DevicesPerNode);

        // Three 31-bit factors exceed a long and fit a decimal.
        decimal ranks = (decimal)_axes.Data * _axes.Sequence * _axes.Pipeline;
        if (ranks == devices)
            return;
        string available = Invariant($"{_cluster.Name} has {devices:N0} {(devices == 1 ? "device" : "devices")}");
        string message = Invariant(
            $"data {_axes.Data:N0} x sequence {_axes.Sequence:N0} x pipeline {_axes.Pipeline:N0} = {ranks:N0} ranks, and {available}");
        if (devices > Planner.MaximumRanks)
        {
            Add(PlanProblemCode.AxesDoNotMatchDevices, PlanSubject.Cluster, -1, "", message,
                Invariant($"plan at most {Planner.MaximumRanks:N0} devices"));
            return;
        }

        AxisChoice[] choices = AxisChoice.Nearest(_model, _axes, (int)devices);
        (PlanSubject subject, long? degree) = AxisChoice.SingleChange(_axes, choices);
        Add(PlanProblemCode.AxesDoNotMatchDevices, subject, -1, "Degree", message,
            $"choose degrees whose product is the number of devices: {string.Join("; ", choices.Select(choice => choice.ToString()))}",
            degree is { } value ? [value] : []);
    }

    private void CheckVocabularySlices()
    {
        int vocabulary = _model.Layers.Where(layer => layer.Kind == LayerKind.Embedding).Select(layer => layer.Vocabulary).FirstOrDefault();
        if (vocabulary < 1 || _axes.VocabularySlices <= vocabulary)
            return;
        Add(PlanProblemCode.MoreSlicesThanVocabulary, PlanSubject.PipelineAxis, -1, "VocabularySlices",
            Invariant($"{_axes.VocabularySlices:N0} vocabulary slices cannot each have one of {vocabulary:N0} token ids"),
            Invariant($"give VocabularySlices a value of at most {vocabulary:N0}; the stages that embedding and head are to lie on are enough"),
            [_axes.Pipeline <= vocabulary ? _axes.Pipeline : 1]);
    }

    private void CheckPipeline()
    {
        (int pipeline, int chunks, int microBatches) = (_axes.Pipeline, Math.Max(1, _axes.Chunks), _axes.MicroBatches);
        CheckChunks();

        long layers = LayerCosts.Count(_model, _axes.VocabularySlices);
        long stages = (long)pipeline * chunks;
        bool isV = PipelineOrders.IsV(_axes.Schedule);
        if (stages > layers && layers > 0)
        {
            // Fewer chunks alone may do; otherwise the degree has to shrink, to one that the cluster's factors still allow.
            long most = Math.Max(1, layers / chunks);
            bool fewerChunks = chunks > 2 && !isV && pipeline * 2L <= layers;
            string each = chunks == 1 ? "" : Invariant($" ({pipeline:N0} devices x {chunks:N0} chunks)");
            Add(PlanProblemCode.MoreStagesThanLayers, PlanSubject.PipelineAxis, -1, fewerChunks ? "Chunks" : "Degree",
                Invariant($"{stages:N0} stages{each} cannot each have one of {layers:N0} layers"),
                fewerChunks
                    ? Invariant($"give Chunks a value of at most {layers / pipeline:N0}")
                    : Invariant($"give the pipeline axis a degree of at most {most:N0}, and the rest to the other axes"),
                fewerChunks ? [layers / pipeline] : Divisors.Nearest(pipeline, pipeline, degree => degree * chunks <= layers));
        }

        long least = (long)pipeline * (_axes.Schedule == PipelineSchedule.DualPipeV ? 2 : 1);
        if (microBatches >= pipeline && microBatches < least)
        {
            Add(PlanProblemCode.FewerMicroBatchesThanStages, PlanSubject.PipelineAxis, -1, "MicroBatches",
                Invariant($"{microBatches:N0} micro-batches cannot fill both directions of a {_axes.Schedule} pipeline of {pipeline:N0} devices"),
                Invariant($"give MicroBatches a value of at least {least:N0}, twice the pipeline degree"), [least, 2 * least]);
        }
        else if (microBatches < pipeline)
        {
            Add(PlanProblemCode.FewerMicroBatchesThanStages, PlanSubject.PipelineAxis, -1, "MicroBatches",
                Invariant($"{microBatches:N0} micro-batches cannot fill a pipeline of {pipeline:N0} devices"),
                Invariant($"give MicroBatches a value of at least {least:N0}"), [least, 2 * least, 4 * least]);
        }
        else if (_axes.Schedule == PipelineSchedule.Interleaved && microBatches % pipeline != 0)
        {
            long below = microBatches / pipeline * pipeline;
            long above = below + pipeline;
            string rounds = Invariant($"interleaving takes micro-batches in rounds of {pipeline:N0} (the pipeline degree)");
            Add(PlanProblemCode.MicroBatchesDoNotDivide, PlanSubject.PipelineAxis, -1, "MicroBatches",
                Invariant($"{rounds}, and {microBatches:N0} is no multiple of it"),
                Invariant($"give MicroBatches a multiple of {pipeline:N0}"),
                microBatches - below <= above - microBatches ? [below, above] : [above, below]);
        }
    }

    private void CheckChunks()
    {
        int chunks = _axes.Chunks;
        if (_axes.Schedule is < PipelineSchedule.GPipe or > PipelineSchedule.Adaptive)
        {
            Add(PlanProblemCode.ChunksDoNotFitSchedule, PlanSubject.PipelineAxis, -1, "Schedule",
                Invariant($"there is no schedule {(int)_axes.Schedule}"), "choose a member of PipelineSchedule");
        }
        else if (_axes.Schedule == PipelineSchedule.Adaptive)
        {
            if (chunks == 0)
                return;
            Add(PlanProblemCode.ChunksDoNotFitSchedule, PlanSubject.PipelineAxis, -1, "Chunks",
                Invariant($"Adaptive finds the stages of a device itself, and Chunks is {chunks:N0}"),
                "leave Chunks out, or choose PipelineSchedule.Interleaved", [0]);
        }
        else if (PipelineOrders.IsV(_axes.Schedule))
        {
            if (chunks == 2)
                return;
            Add(PlanProblemCode.ChunksDoNotFitSchedule, PlanSubject.PipelineAxis, -1, "Chunks",
                Invariant($"{_axes.Schedule} folds two stages a device into a V, and Chunks is {chunks:N0}"),
                "leave Chunks out, or choose PipelineSchedule.Interleaved", [2]);
        }
        else if (_axes.Schedule == PipelineSchedule.Interleaved)
        {
            if (chunks >= 2)
                return;
            Add(PlanProblemCode.ChunksDoNotFitSchedule, PlanSubject.PipelineAxis, -1, "Chunks",
                Invariant($"interleaving needs at least 2 stages a device, and Chunks is {chunks:N0}"),
                "give Chunks a value of at least 2, or choose PipelineSchedule.OneForwardOneBackward", [2]);
        }
        else if (chunks > 1)
        {
            Add(PlanProblemCode.ChunksDoNotFitSchedule, PlanSubject.PipelineAxis, -1, "Chunks",
                Invariant($"{_axes.Schedule} has one stage a device, and Chunks is {chunks:N0}"),
                "leave Chunks out, or choose PipelineSchedule.Interleaved", [1]);
        }
    }

    private void CheckContext()
    {
        (long context, long unit, long granule) = (_model.ContextLength, _axes.UnitTokens, _axes.Sequence == 1 ? 1 : 2L * _axes.Sequence);
        string divisor = Invariant($"{granule:N0}, twice the sequence degree of {_axes.Sequence:N0}");
        if (context % granule != 0)
        {
            Add(PlanProblemCode.ContextDoesNotDivide, PlanSubject.SequenceAxis, -1, "Degree",
                Invariant($"the context length of {context:N0} is not divisible by {divisor}"),
                Invariant($"choose a degree whose double divides {context:N0}, or a context length that is a multiple of {granule:N0}"),
                context % 2 == 0 ? Divisors.Nearest(context / 2, _axes.Sequence) : [1]);
        }

        // Slices of the longest sequence may lie in several units; how many may exchange slices is settled later.
        long least = _axes.Packing == ParallelDsl.Packing.Asymmetric ? 1 : context;
        if (unit < least)
        {
            Add(PlanProblemCode.UnitShorterThanContext, PlanSubject.DataAxis, -1, "UnitTokens",
                Invariant($"a unit of {unit:N0} tokens cannot hold a sequence of the context length, {context:N0}"),
                Invariant($"give UnitTokens a value of at least {context:N0}, or leave it out"),
                [(context + granule - 1) / granule * granule]);
        }
        else if (unit % granule != 0 && unit != context)
        {
            long below = unit / granule * granule;
            Add(PlanProblemCode.ContextDoesNotDivide, PlanSubject.DataAxis, -1, "UnitTokens",
                Invariant($"a unit of {unit:N0} tokens is not divisible by {divisor}"),
                Invariant($"give UnitTokens a multiple of {granule:N0}"),
                new[] { below, below + granule }.Where(value => value >= least));
        }
    }
}
