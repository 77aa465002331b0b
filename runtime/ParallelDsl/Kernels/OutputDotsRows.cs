using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>Dot products of two rows, head by head.</summary>
internal readonly unsafe struct OutputDotsRows<TShape>(Matrix dO, Matrix o, Matrix delta) : IRangeWork
    where TShape : struct, IAttentionShape
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (int row = start; row < end; row++)
        {
            for (int head = 0; head < TShape.Heads; head++)
            {
                float* left = dO.RowPointer(row) + (head * TShape.HeadWidth);
                float* right = o.RowPointer(row) + (head * TShape.HeadWidth);
                Vector512<float> sum = Vector512<float>.Zero;
                for (int i = 0; i < TShape.HeadWidth; i += VectorMath.Lanes)
                {
                    int remaining = TShape.HeadWidth - i;
                    sum += VectorMath.Load(left + i, remaining) * VectorMath.Load(right + i, remaining);
                }
                delta[head, row] = Vector512.Sum(sum);
            }
        }
    }
}
