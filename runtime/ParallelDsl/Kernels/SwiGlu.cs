using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>
/// The gated activation of the feed-forward layer (Shazeer, arXiv 2002.05202): y = silu(gate) * up with silu(z) = z / (1 + e^-z).
/// </summary>
public static unsafe class SwiGlu
{
    /// <summary>y = silu(gate) * up.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="gateUp">Gate and up side by side [T, 2F]: the gate is the first F columns.</param>
    /// <param name="y">Result [T, F].</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Forward(ThreadTeam team, Matrix gateUp, Matrix y)
    {
        Shapes.Require(gateUp, y.Rows, 2 * y.Columns);
        RowPartition.Run(team, new ForwardRows(gateUp, y), y.Rows, 8L * y.Columns);
    }

    /// <summary>The gradients of gate and up.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="gateUp">Input of the forward pass [T, 2F].</param>
    /// <param name="dy">Gradient of the result [T, F].</param>
    /// <param name="dGateUp">Result [T, 2F]; may be <paramref name="gateUp"/>.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Backward(ThreadTeam team, Matrix gateUp, Matrix dy, Matrix dGateUp)
    {
        Shapes.Require(gateUp, dy.Rows, 2 * dy.Columns);
        Shapes.RequireSame(gateUp, dGateUp);
        RowPartition.Run(team, new BackwardRows(gateUp, dy, dGateUp), dy.Rows, 12L * dy.Columns);
    }

    private readonly struct ForwardRows(Matrix gateUp, Matrix y) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            int width = y.Columns;
            for (int row = start; row < end; row++)
            {
                float* gates = gateUp.RowPointer(row);
                float* ups = gates + width;
                float* output = y.RowPointer(row);
                for (int i = 0; i < width; i += VectorMath.Lanes)
                {
                    int remaining = width - i;
                    Vector512<float> gate = VectorMath.Load(gates + i, remaining);
                    VectorMath.Store(
                        gate * VectorMath.Sigmoid(gate) * VectorMath.Load(ups + i, remaining), output + i, remaining);
                }
            }
        }
    }

    private readonly struct BackwardRows(Matrix gateUp, Matrix dy, Matrix dGateUp) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            int width = dy.Columns;
            for (int row = start; row < end; row++)
            {
                float* gates = gateUp.RowPointer(row);
                float* gradient = dy.RowPointer(row);
                float* gateGradient = dGateUp.RowPointer(row);
                for (int i = 0; i < width; i += VectorMath.Lanes)
                {
                    int remaining = width - i;
                    Vector512<float> gate = VectorMath.Load(gates + i, remaining);
                    Vector512<float> up = VectorMath.Load(gates + width + i, remaining);
                    Vector512<float> dOutput = VectorMath.Load(gradient + i, remaining);
                    Vector512<float> sigmoid = VectorMath.Sigmoid(gate);
                    Vector512<float> silu = gate * sigmoid;
                    // silu' = sigmoid (1 + gate (1 - sigmoid)) = sigmoid + silu - silu sigmoid.
                    Vector512<float> slope = sigmoid + silu - (silu * sigmoid);
                    VectorMath.Store(dOutput * up * slope, gateGradient + i, remaining);
                    VectorMath.Store(dOutput * silu, gateGradient + width + i, remaining);
                }
            }
        }
    }
}
