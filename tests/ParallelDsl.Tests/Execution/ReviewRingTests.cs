using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Memory;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Ring attention over the narrowest channels that a transport may have.</summary>
public sealed class ReviewRingTests
{
    private const int Width = 8;

    /// <summary>Collectives and validated pipeline programs work with channels that hold one message; the ring must too.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void OneMessageAChannelIsEnough(int ranks)
    {
        int[] tokens = [.. Enumerable.Range(0, 33)];
        var world = InProcessWorld.Create(ranks, capacity: 1);
        RankThreads.Run(world, transport => Run(transport, tokens), TimeSpan.FromSeconds(2));
    }

    private static void Run(ITransport transport, int[] tokens)
    {
        int[] ranks = [.. Enumerable.Range(0, transport.Size)];
        StepPlan step = new();
        TokenPacker.Pack([tokens.Length - 1], 1, transport.Size, 1, 2 * transport.Size * tokens.Length, 1, tokens.Length, step);
        StepLayout steps = new(1, transport.Size, 1, transport.Rank, nodes: null);
        steps.Build([tokens], step);
        UnitLayout layout = steps.Forward[0];
        using RingAttention ring = new(transport, ranks);
        using ThreadTeam team = new(1);
        using NativeBuffer memory = new(16L * Width * tokens.Length);
        int taken = 0;
        Matrix query = Take(), key = Take(), value = Take(), output = Take(), gradient = Take();
        Matrix queryGradient = Take(), keyGradient = Take(), valueGradient = Take(), logSumExp = Rows(), dots = Rows();
        ring.Forward<Shape>(team, layout, null, query, key, value, output, logSumExp);
        ring.Backward<Shape>(team, layout, null, query, key, value, gradient, logSumExp, dots, queryGradient, keyGradient, valueGradient);
        ring.Flush();

        Matrix Take() => new Matrix(memory, 16 * tokens.Length, Width).RowRange(taken++ * tokens.Length, layout.Tokens);

        Matrix Rows() => new Matrix(memory, 16 * Width, tokens.Length).RowRange(Width * taken++, 1).ColumnRange(0, layout.Tokens);
    }

    private readonly struct Shape : IAttentionShape
    {
        public static int Heads => 1;

        public static int KeyValueHeads => 1;

        public static int HeadWidth => Width;
    }
}
