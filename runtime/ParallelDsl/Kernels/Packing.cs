using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>One factor of a matrix product: element (i, d), with i along the result and d along the sum.</summary>
/// <param name="data">Address of element (0, 0).</param>
/// <param name="stride">Distance of two rows in memory.</param>
/// <param name="depthMajor">Whether a row in memory is a step of the depth (<c>data[d * stride + i]</c>) or a row of the factor
/// (<c>data[i * stride + d]</c>).</param>
internal readonly unsafe struct Factor(float* data, int stride, bool depthMajor)
{
    /// <summary>Floats that <see cref="Pack"/> may write beyond the last panel.</summary>
    public const int Slack = 16;

    /// <summary>The factor from row <paramref name="row"/> and step <paramref name="depth"/> on.</summary>
    public Factor From(int row, int depth) => new(
        depthMajor ? data + (long)depth * stride + row : data + (long)row * stride + depth, stride, depthMajor);

    /// <summary>
    /// Copies <paramref name="rows"/> x <paramref name="depth"/> elements into panels of <typeparamref name="TPanel"/>.Width rows, each
    /// panel depth-major, the last one filled up with zeros.
    /// </summary>
    public void Pack<TPanel>(int rows, int depth, float* panels)
        where TPanel : struct, IPanel
    {
        int width = TPanel.Width;
        for (int row = 0; row < rows; row += width, panels += (long)width * depth)
        {
            int count = Math.Min(width, rows - row);
            if (count < width)
                NativeMemory.Clear(panels, (nuint)width * (nuint)depth * sizeof(float));
            if (depthMajor)
                CopyPanel<TPanel>(data + row, count, depth, panels);
            else
                TransposePanel<TPanel>(data + (long)row * stride, count, depth, panels);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyPanel<TPanel>(float* source, int count, int depth, float* panel)
        where TPanel : struct, IPanel
    {
        float* end = panel + (long)TPanel.Width * depth;
        if (count < TPanel.Width)
        {
            for (; panel < end; panel += TPanel.Width, source += stride)
                Unsafe.CopyBlockUnaligned(panel, source, (uint)count * sizeof(float));
        }
        else if (TPanel.Width == 12)
        {
            for (; panel < end; panel += 12, source += stride)
            {
                Vector256.Load(source).Store(panel);
                Vector128.Load(source + 8).Store(panel + 8);
            }
        }
        else if (TPanel.Width % 16 == 0)
        {
            for (; panel < end; panel += TPanel.Width, source += stride)
            {
                for (int i = 0; i < TPanel.Width; i += 16)
                    Vector512.Load(source + i).Store(panel + i);
            }
        }
        else
        {
            for (; panel < end; panel += TPanel.Width, source += stride)
            {
                for (int i = 0; i < TPanel.Width; i += 2)
                    Vector64.Load(source + i).Store(panel + i);
            }
        }
    }

    private void TransposePanel<TPanel>(float* source, int count, int depth, float* panel)
        where TPanel : struct, IPanel
    {
        if (Vector512.IsHardwareAccelerated && TPanel.Width == 12 && count == 12)
            Transpose.TwelveRows(source, stride, depth, panel);
        else
            Transpose.Rows(source, stride, count, depth, panel, TPanel.Width);
    }
}

/// <summary>How many rows of a factor lie side by side in a packed panel.</summary>
internal interface IPanel
{
    /// <summary>Rows of a panel.</summary>
    static abstract int Width { get; }
}

/// <summary>Panels of the left factor.</summary>
internal readonly struct LeftPanel<TKernel> : IPanel
    where TKernel : struct, IMicroKernel
{
    /// <inheritdoc/>
    public static int Width => TKernel.Rows;
}

/// <summary>Panels of the right factor.</summary>
internal readonly struct RightPanel<TKernel> : IPanel
    where TKernel : struct, IMicroKernel
{
    /// <inheritdoc/>
    public static int Width => TKernel.Columns;
}
