using ParallelDsl.Collectives;
using ParallelDsl.Kernels;
using ParallelDsl.Memory;

namespace ParallelDsl.Execution;

/// <summary>Causal attention of a unit whose tokens are spread over the ranks of a ring. Keys and values travel once around; every rank
/// merges what it sees by log-sum-exp. In the backward they travel again, and their gradients with them until they are home.
/// After Ring Attention (Liu et al., arXiv 2310.01889) with the zigzag placement of ring-flash-attention.</summary>
public sealed class RingAttention : IDisposable
{
    private const int KeyValueTag = 1;
    private const int GradientTag = 2;
    private readonly ProcessGroup? _group;
    private readonly int _self;
    private readonly int _next;
    private readonly int _previous;
    private readonly int[] _order;
    private readonly int _position;
    private readonly NativeBuffer[] _keyValues;
    private readonly NativeBuffer[] _gradients;

    private RingAttention()
    {
        _order = [0];
        _keyValues = [new(0), new(0)];
        _gradients = _keyValues;
    }

    /// <summary>Makes the ring of this rank.</summary>
    /// <param name="group">The ranks of the sequence axis.</param>
    /// <param name="ring">Their cyclic order: positions in <paramref name="group"/>.</param>
    /// <param name="capacity">Floats of the keys and values of the fullest unit on one rank.</param>
    public RingAttention(ProcessGroup group, ReadOnlySpan<int> ring, long capacity)
    {
        _group = group;
        _self = group.Index;
        _order = ring.ToArray();
        _position = ring.IndexOf(group.Index);
        if (_position < 0 || ring.Length != group.Size)
            throw new ArgumentException($"A ring of {ring.Length} positions without {group.Index} cannot serve a sequence axis of {group.Size} ranks.", nameof(ring));
        _next = _order[(_position + 1) % _order.Length];
        _previous = _order[(_position + _order.Length - 1) % _order.Length];
        long floats = group.Size > 1 ? capacity : 0;
        _keyValues = [new(floats), new(floats)];
        _gradients = [new(floats), new(floats)];
    }

    /// <summary>A ring of one rank, for a model that is run alone. It holds no buffers.</summary>
    public static RingAttention Alone { get; } = new();

    /// <summary>Bytes of the buffers of keys, values and their gradients.</summary>
    public long Bytes => 4 * sizeof(float) * _keyValues[0].Length;

    /// <summary>Attends to all keys of the ring.</summary>
    /// <param name="team">The rank's threads.</param>
    /// <param name="unit">The layout of the unit.</param>
    /// <param name="query">[tokens, heads x head width].</param>
    /// <param name="key">[tokens, key-value heads x head width].</param>
    /// <param name="value">As <paramref name="key"/>.</param>
    /// <param name="output">As <paramref name="query"/>; written.</param>
    /// <param name="logSumExp">[heads, tokens]; written.</param>
    public void Forward<TShape>(ThreadTeam team, UnitLayout unit, Matrix query, Matrix key, Matrix value, Matrix output, Matrix logSumExp)
        where TShape : struct, IAttentionShape
    {
        Attention<TShape>.Reset(output, logSumExp);
        if (_order.Length == 1)
        {
            Attention<TShape>.Forward(team, query, key, value, unit.BlocksOf(0), output, logSumExp);
            return;
        }

        int width = key.Columns;
        Matrix held = Load(unit, key, value);
        for (int hop = 0; hop < _order.Length; hop++)
        {
            int source = SourceOf(hop);
            bool last = hop == _order.Length - 1;
            if (!last)
                _group!.Send(_next, KeyValueTag, held.Span);
            Attention<TShape>.Forward(team, query, held.ColumnRange(0, width), held.ColumnRange(width, width), unit.BlocksOf(source), output, logSumExp);
            if (!last)
                held = Receive(_keyValues, hop + 1, KeyValueTag, unit, 2 * width);
        }
    }

    /// <summary>The gradients of <see cref="Forward"/>: adds to the three gradients.</summary>
    /// <param name="team">The rank's threads.</param>
    /// <param name="unit">The layout of the unit.</param>
    /// <param name="query">As in the forward.</param>
    /// <param name="key">As in the forward.</param>
    /// <param name="value">As in the forward.</param>
    /// <param name="outputGradient">Gradient of the output.</param>
    /// <param name="logSumExp">What the forward wrote.</param>
    /// <param name="outputDots">[heads, tokens]: the products of the rows of output and its gradient.</param>
    /// <param name="queryGradient">Added to.</param>
    /// <param name="keyGradient">Added to.</param>
    /// <param name="valueGradient">Added to.</param>
    public void Backward<TShape>(
        ThreadTeam team,
        UnitLayout unit,
        Matrix query,
        Matrix key,
        Matrix value,
        Matrix outputGradient,
        Matrix logSumExp,
        Matrix outputDots,
        Matrix queryGradient,
        Matrix keyGradient,
        Matrix valueGradient)
        where TShape : struct, IAttentionShape
    {
        if (_order.Length == 1)
        {
            Attention<TShape>.Backward(
                team, query, key, value, outputGradient, logSumExp, outputDots, unit.BlocksOf(0), queryGradient, keyGradient, valueGradient);
            return;
        }

        int width = key.Columns;
        Matrix held = Load(unit, key, value);
        Matrix gradient = View(_gradients[0], unit.TokensOf(_self), 2 * width);
        gradient.Clear();
        for (int hop = 0; hop < _order.Length; hop++)
        {
            int source = SourceOf(hop);
            bool last = hop == _order.Length - 1;
            if (!last)
                _group!.Send(_next, KeyValueTag, held.Span);
            Attention<TShape>.Backward(
                team,
                query,
                held.ColumnRange(0, width),
                held.ColumnRange(width, width),
                outputGradient,
                logSumExp,
                outputDots,
                unit.BlocksOf(source),
                queryGradient,
                gradient.ColumnRange(0, width),
                gradient.ColumnRange(width, width));

            // The gradient moves on with its keys; after the last hop it moves once more, home. The keys are taken first, so that a
            // channel never has to hold both.
            if (!last)
                held = Receive(_keyValues, hop + 1, KeyValueTag, unit, 2 * width);
            _group!.Send(_next, GradientTag, gradient.Span);
            gradient = Receive(_gradients, hop + 1, GradientTag, unit, 2 * width);
        }

        Elementwise.Add(team, keyGradient, gradient.ColumnRange(0, width), keyGradient);
        Elementwise.Add(team, valueGradient, gradient.ColumnRange(width, width), valueGradient);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (NativeBuffer buffer in (ReadOnlySpan<NativeBuffer>)[.. _keyValues, .. _gradients])
            buffer.Dispose();
    }

    /// <summary>Whose keys this rank holds after <paramref name="hop"/> hops.</summary>
    private int SourceOf(int hop) => _order[(_position + _order.Length - (hop % _order.Length)) % _order.Length];

    private Matrix Load(UnitLayout unit, Matrix key, Matrix value)
    {
        int width = key.Columns;
        Matrix held = View(_keyValues[0], unit.TokensOf(_self), 2 * width);
        key.CopyTo(held.ColumnRange(0, width));
        value.CopyTo(held.ColumnRange(width, width));
        return held;
    }

    private Matrix Receive(NativeBuffer[] buffers, int hop, int tag, UnitLayout unit, int columns)
    {
        Matrix matrix = View(buffers[hop % 2], unit.TokensOf(SourceOf(hop)), columns);
        _group!.Receive(_previous, tag, matrix.Span);
        return matrix;
    }

    private static unsafe Matrix View(NativeBuffer buffer, int rows, int columns) => new(buffer.Pointer, rows, columns, columns);
}
