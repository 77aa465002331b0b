using ParallelDsl.Planning.Models;

namespace ParallelDsl.Planning.Packing;

/// <summary>What the tokens of a sequence cost: the one place where partitioner, packer and simulator take it from. A slice of l tokens after s
/// earlier ones costs l tokens and l s + l (l + 1) / 2 pairs (causal attention).</summary>
/// <param name="PairForward">FLOPs of one (query, key) pair in the forward.</param>
/// <param name="TokenForward">FLOPs of the linear part of one token in the forward.</param>
/// <param name="PairBackward">The same in the backward: five products where the forward has two, so 2.5 times; with recomputation 3.5.</param>
/// <param name="TokenBackward">The same in the backward: input and weight gradients, so twice; with recomputation three times.</param>
/// <param name="KeyValueBytes">Bytes of one token's keys and values in all layers.</param>
/// <param name="ActivationBytes">Bytes that one token holds from its forward to its backward in all layers.</param>
public readonly record struct SequenceCosts(
    long PairForward, long TokenForward, long PairBackward, long TokenBackward, long KeyValueBytes, long ActivationBytes)
{
    /// <summary>The costs of a token in all of <paramref name="layers"/>.</summary>
    /// <param name="layers">The layers.</param>
    /// <param name="recomputes">Whether the backward repeats the forward of every layer, of which only the input is held.</param>
    /// <exception cref="OverflowException">A cost leaves 64 bits.</exception>
    public static SequenceCosts Of(EquatableArray<PlannedLayer> layers, bool recomputes = false)
    {
        long pair = layers.Sum(layer => layer.AttentionFlops), token = layers.Sum(layer => layer.LinearFlops);
        long activations = layers.Sum(layer => recomputes ? layer.OutputBytes : layer.ActivationBytes);
        return Of(pair, token, layers.Sum(layer => layer.KeyValueBytes), activations, recomputes);
    }

    /// <summary>The costs whose backward follows from the forward.</summary>
    /// <param name="pairForward">FLOPs of one pair in the forward; even, as FLOPs of products are.</param>
    /// <param name="tokenForward">FLOPs of one token in the forward.</param>
    /// <param name="keyValueBytes">Bytes of one token's keys and values.</param>
    /// <param name="activationBytes">Bytes that one token holds.</param>
    /// <param name="recomputes">Whether the backward repeats the forward.</param>
    public static SequenceCosts Of(long pairForward, long tokenForward, long keyValueBytes, long activationBytes, bool recomputes = false) => new(
        pairForward,
        tokenForward,
        (pairForward / 2 * 5) + (recomputes ? pairForward : 0),
        tokenForward * (recomputes ? 3 : 2),
        keyValueBytes,
        activationBytes);

    /// <summary>The same costs where attention weighs <paramref name="percent"/> per cent of its FLOPs, rounded to nearest.</summary>
    /// <param name="percent">From 1 to 10,000.</param>
    public SequenceCosts WithAttention(int percent) => this with { PairForward = Weighed(PairForward, percent), PairBackward = Weighed(PairBackward, percent) };

    // In two parts, so that only the result has to fit in 64 bits.
    private static long Weighed(long pair, int percent) => (pair / 100 * percent) + (((pair % 100 * percent) + 50) / 100);

    /// <summary>The (query, key) pairs of <paramref name="length"/> tokens that follow <paramref name="start"/> others.</summary>
    public static long Area(long start, long length) => (length * start) + (length * (length + 1) / 2);

    /// <summary>FLOPs of the forward of a slice.</summary>
    public long Forward(long start, long length) => (PairForward * Area(start, length)) + (TokenForward * length);

    /// <summary>FLOPs of the backward of a slice.</summary>
    public long Backward(long start, long length) => (PairBackward * Area(start, length)) + (TokenBackward * length);

    /// <summary>FLOPs of both.</summary>
    public long Both(long start, long length) => Forward(start, length) + Backward(start, length);
}
