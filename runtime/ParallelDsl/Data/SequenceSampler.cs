namespace ParallelDsl.Data;

/// <summary>Where a <see cref="SequenceSampler"/> is: with the same count and seed it goes on from there bit for bit.</summary>
/// <param name="Epoch">How often all documents were taken.</param>
/// <param name="Position">How many were taken since.</param>
public readonly record struct SamplerState(long Epoch, int Position);

/// <summary>
/// Takes all documents once an epoch, in a new random order each, without end. It is the same on every rank, with no communication.
/// </summary>
public sealed class SequenceSampler
{
    private readonly ulong _seed;
    private readonly int[] _order;
    private SamplerState _state;

    /// <summary>Begins a stream or goes on with one.</summary>
    /// <param name="count">The number of documents, at least 1.</param>
    /// <param name="seed">Decides the orders.</param>
    /// <param name="state">Where to go on; by default at the beginning.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is too small, or the state does not fit it.</exception>
    public SequenceSampler(int count, ulong seed, SamplerState state = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(state.Epoch, nameof(state));
        ArgumentOutOfRangeException.ThrowIfNegative(state.Position, nameof(state));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(state.Position, count, nameof(state));
        _seed = seed;
        _order = new int[count];
        _state = state;
        ShuffleEpoch();
    }

    /// <summary>Where the stream is.</summary>
    public SamplerState State => _state;

    /// <summary>The index of the next document.</summary>
    public int Next()
    {
        if (_state.Position == _order.Length)
        {
            _state = new SamplerState(_state.Epoch + 1, 0);
            ShuffleEpoch();
        }

        int document = _order[_state.Position];
        _state = _state with { Position = _state.Position + 1 };
        return document;
    }

    /// <summary>An epoch's order depends on the seed and the epoch alone: a resumed run need not replay the epochs before.</summary>
    private void ShuffleEpoch()
    {
        for (int document = 0; document < _order.Length; document++)
            _order[document] = document;
        new SplitMix64(SplitMix64.Mix(SplitMix64.Mix(_seed) + (ulong)_state.Epoch)).Shuffle<int>(_order);
    }
}
