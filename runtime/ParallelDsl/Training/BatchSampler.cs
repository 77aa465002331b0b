using ParallelDsl.Data;
using ParallelDsl.Execution;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Training;

/// <summary>Takes documents in the sampler's order until a step is full. Every rank runs its own and gets the same batches.</summary>
internal sealed class BatchSampler(IReadOnlyList<int[]> documents, long seed, SamplerState start, StepGrouping grouping)
{
    private readonly SequenceSampler _order = new(documents.Count, unchecked((ulong)seed), start);

    // Documents that were taken but are in no batch yet, each with the state before it was taken.
    private readonly List<(int[] Document, SamplerState Before)> _waiting = [];
    private readonly List<int[]> _batch = [];

    /// <summary>Where the next batch starts.</summary>
    public SamplerState State => _waiting.Count > 0 ? _waiting[0].Before : _order.State;

    /// <summary>The next batch; the list is used again.</summary>
    public IReadOnlyList<int[]> Next(StepPlan step)
    {
        _batch.Clear();
        long room = grouping.Capacity;
        while (true)
        {
            if (_batch.Count == _waiting.Count)
            {
                SamplerState before = _order.State;
                _waiting.Add((documents[_order.Next()], before));
            }

            int[] document = _waiting[_batch.Count].Document;
            room -= grouping.ChargeOf(document);
            if (room < 0)
                break;
            _batch.Add(document);
        }

        grouping.GroupMost(_batch, step);
        _waiting.RemoveRange(0, _batch.Count);
        return _batch;
    }
}

/// <summary>Groups the sequences of one step into units under one plan.</summary>
internal sealed class StepGrouping(ParallelPlan plan, GroupSequences group)
{
    private int[] _lengths = [];

    /// <summary>Tokens that one step can hold at most.</summary>
    public long Capacity { get; } = (long)plan.Mesh.Data * plan.Batching.UnitsPerDataRank * plan.Batching.UnitTokens;

    /// <summary>Under the compiled plan the emitted code groups, under any other one the packer with that plan's constants.</summary>
    public static StepGrouping Of<TModel>(ParallelPlan plan)
        where TModel : IParallelModel<TModel>
    {
        if (ReferenceEquals(plan, TModel.Plan))
            return new StepGrouping(plan, TModel.TryPlanStep);
        var constants = StepConstants.Of(plan);
        return new StepGrouping(plan, (lengths, step) => StepPlanner.TryPlan(constants, lengths, step));
    }

    /// <summary>Refuses sequences that no step can hold.</summary>
    /// <exception cref="ArgumentException">There are none, or one is too short, too long or holds an id outside the vocabulary.</exception>
    public static void Check(IReadOnlyList<int[]> sequences, ModelSpec model)
    {
        if (sequences.Count == 0)
            throw new ArgumentException("There are no sequences to train on.", nameof(sequences));
        int vocabulary = model.Layers[0].Vocabulary;
        for (int i = 0; i < sequences.Count; i++)
        {
            int length = sequences[i].Length - 1;
            if (length < 1)
                throw new ArgumentException($"Sequence {i} holds {length + 1} tokens; it needs at least 2, one to read and one to predict.", nameof(sequences));
            if (length > model.ContextLength)
                throw new ArgumentException($"Sequence {i} has length {length}, longer than the context of {model.ContextLength}; cut it into pieces.", nameof(sequences));
            foreach (int token in sequences[i])
            {
                if ((uint)token >= (uint)vocabulary)
                    throw new ArgumentException($"Sequence {i} holds the token {token}, outside the vocabulary of {vocabulary}.", nameof(sequences));
            }
        }
    }

    /// <summary>What a sequence takes of <see cref="Capacity"/>.</summary>
    public long ChargeOf(int[] sequence)
    {
        long granule = plan.Batching.Granule;
        return (sequence.Length - 1 + granule - 1) / granule * granule;
    }

    /// <summary>The sequences from <paramref name="first"/> on whose charges one step can hold.</summary>
    public List<int[]> Take(IReadOnlyList<int[]> sequences, int first)
    {
        List<int[]> taken = [];
        long room = Capacity;
        for (int i = first; i < sequences.Count && (room -= ChargeOf(sequences[i])) >= 0; i++)
            taken.Add(sequences[i]);
        return taken;
    }

    /// <summary>Groups as many of the first sequences as fit, at least one, and removes the others. Units hold whole sequences or slices, so
    /// they cannot always be filled.</summary>
    /// <exception cref="PackingException">The first sequence alone does not fit.</exception>
    public void GroupMost(List<int[]> sequences, StepPlan step)
    {
        while (!TryGroup(sequences, step))
        {
            if (sequences.Count == 1)
                throw new PackingException($"A sequence of {sequences[0].Length - 1} tokens alone finds no room in a step of {Capacity} tokens.");
            sequences.RemoveAt(sequences.Count - 1);
        }
    }

    /// <summary>Groups the sequences, or says that they do not fit.</summary>
    public bool TryGroup(List<int[]> sequences, StepPlan step)
    {
        if (_lengths.Length < sequences.Count)
            _lengths = new int[Math.Max(sequences.Count, 2 * _lengths.Length)];
        for (int i = 0; i < sequences.Count; i++)
            _lengths[i] = sequences[i].Length - 1;
        return group(_lengths.AsSpan(0, sequences.Count), step);
    }
}

/// <summary>Groups sequences of the given lengths into units; false where they do not fit.</summary>
internal delegate bool GroupSequences(ReadOnlySpan<int> lengths, StepPlan step);
