using ParallelDsl.Checkpoints;
using ParallelDsl.Data;
using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Memory;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Training;

/// <summary>Generates tokens from a checkpoint, on one rank. It computes the whole prefix for every token: for looking at what a model
/// has learnt, not for serving.</summary>
/// <typeparam name="TModel">The declared model.</typeparam>
public sealed unsafe class TextGenerator<TModel> : IDisposable
    where TModel : IParallelModel<TModel>
{
    private readonly RankModel _model;
    private readonly ThreadTeam _team;
    private readonly StepPlan _step = new();
    private readonly StepLayout _layout = new(dataRanks: 1, sequenceRanks: 1, units: 1, self: 0, nodes: null);
    private NativeBuffer _activations = new(0);
    private NativeBuffer _scratch = new(0);
    private readonly int _context;

    /// <summary>Loads the weights of a checkpoint, whichever mesh wrote it.</summary>
    /// <param name="checkpoint">The folder of one checkpoint, or of several: then the newest is taken.</param>
    /// <exception cref="CheckpointException">There is none, it is damaged, or it is of another model.</exception>
    public TextGenerator(string checkpoint)
    {
        ParallelPlan plan = OneRank.PlanOf(TModel.Plan);
        _context = plan.Model.ContextLength;
        _model = RankModel.Create<TModel>(plan, rank: 0);
        string path = CheckpointDirectory.Latest(checkpoint) ?? checkpoint;
        using (Checkpoint opened = Checkpoint.Open(path))
            ModelCheckpoint.ReadWeights(opened, [_model]);
        _team = new ThreadTeam(Environment.ProcessorCount);
    }

    /// <summary>Continues <paramref name="prompt"/>.</summary>
    /// <param name="prompt">At least one token. Of a prompt longer than the context, the end is read.</param>
    /// <param name="count">The most tokens to add.</param>
    /// <param name="temperature">0 always takes the likeliest token; 1 samples as the model says.</param>
    /// <param name="seed">Seed of the sampling.</param>
    /// <param name="end">A token that ends the text; it is not returned.</param>
    /// <returns>The added tokens.</returns>
    public IReadOnlyList<int> Generate(IReadOnlyList<int> prompt, int count, float temperature = 0.8f, long seed = 1, int? end = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(prompt.Count, nameof(prompt));
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (!(temperature >= 0 && float.IsFinite(temperature)))
            throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "The temperature must be a number of at least 0.");
        Reserve((int)Math.Min(_context, (long)prompt.Count + count));
        SplitMix64 random = new(unchecked((ulong)seed));
        List<int> tokens = [.. prompt];
        while (tokens.Count - prompt.Count < count)
        {
            int next = Sample(NextLogits(tokens), temperature, ref random);
            if (next == end)
                break;
            tokens.Add(next);
        }

        return tokens.GetRange(prompt.Count, tokens.Count - prompt.Count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _activations.Dispose();
        _scratch.Dispose();
        _team.Dispose();
        _model.Dispose();
    }

    /// <summary>Only what the text can need: the activations of a whole context would be gigabytes in a large model.</summary>
    private void Reserve(int tokens)
    {
        long activations = _model.Layers.Sum(layer => (long)layer!.ActivationFloats) * tokens;
        if (_activations.Length >= activations)
            return;
        _activations.Dispose();
        _activations = new NativeBuffer(activations);
        _scratch.Dispose();
        _scratch = new NativeBuffer(_model.Layers.Max(layer => (long)layer!.ScratchFloats) * tokens);
    }

    private Span<float> NextLogits(List<int> tokens)
    {
        // A layout reads one token more than it lays out, as a target; generation has none, so any will do.
        int length = Math.Min(_context, tokens.Count);
        int[] sequence = [.. tokens.TakeLast(length), 0];
        TokenPacker.Pack([length], 1, 1, 1, length, 1, _context, _step);
        _layout.Build([sequence], _step);
        LayerCall call = new()
        {
            Team = _team,
            Unit = _layout.Forward[0],
            Ring = RingAttention.Alone,
            Loss = new LossSum(),
            Activations = _activations.Pointer,
            Gradients = null,
            Scratch = _scratch.Pointer,
        };
        for (int i = 0; i < _model.Layers.Count; i++)
        {
            LayerModule layer = _model.Layers[i]!;
            if (layer is ILogitsLayer head)
                return head.Logits(call).Row(length - 1);
            float* next = call.Activations + ((long)layer.ActivationFloats * length);
            layer.Forward(call, new Matrix(next, length, layer.OutputWidth, layer.OutputWidth));
            call = call with { Activations = next };
        }

        throw new InvalidOperationException($"{_model.Plan.Model.Name} has no head that gives logits.");
    }

    private static int Sample(Span<float> logits, float temperature, ref SplitMix64 random)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best])
                best = i;
        }

        if (temperature == 0)
            return best;
        float largest = logits[best];
        double sum = 0;
        foreach (ref float logit in logits)
            sum += logit = MathF.Exp((logit - largest) / temperature);
        double left = random.NextDouble() * sum;
        for (int i = 0; i < logits.Length; i++)
        {
            left -= logits[i];
            if (left < 0)
                return i;
        }

        return best;
    }
}
