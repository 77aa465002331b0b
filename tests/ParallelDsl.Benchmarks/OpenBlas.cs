using System.Runtime.InteropServices;
using ParallelDsl.Kernels;

namespace ParallelDsl.Benchmarks;

/// <summary>The yardstick: <c>cblas_sgemm</c> of an installed OpenBLAS, on one thread.</summary>
internal sealed unsafe class OpenBlas
{
    private const int RowMajor = 101;
    private const int NotTransposed = 111;
    private const int Transposed = 112;

    private readonly delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void> _multiply;

    private OpenBlas(nint library)
    {
        _multiply = (delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void>)
            NativeLibrary.GetExport(library, "cblas_sgemm");
        var setThreads = (delegate* unmanaged<int, void>)NativeLibrary.GetExport(library, "openblas_set_num_threads");
        var configuration = (delegate* unmanaged<byte*>)NativeLibrary.GetExport(library, "openblas_get_config");
        setThreads(1);
        Configuration = Marshal.PtrToStringUTF8((nint)configuration()) ?? "";
    }

    /// <summary>Version and processor, as the library itself tells.</summary>
    public string Configuration { get; }

    public static OpenBlas? TryLoad() => NativeLibrary.TryLoad("libopenblas.so.0", out nint library) ? new OpenBlas(library) : null;

    public void Multiply(Matrix a, bool transposeA, Matrix b, bool transposeB, Matrix c) => _multiply(
        RowMajor, transposeA ? Transposed : NotTransposed, transposeB ? Transposed : NotTransposed,
        c.Rows, c.Columns, transposeA ? a.Rows : a.Columns,
        1, a.Data, a.Stride, b.Data, b.Stride, 0, c.Data, c.Stride);
}
