using System.Runtime.InteropServices;

namespace ParallelDsl.Benchmarks.Collectives;

/// <summary>The yardstick: the collectives of an installed Open MPI.</summary>
internal static unsafe class OpenMpi
{
    public const string Library = "libmpi.so.40";

    private static readonly nint InPlace = 1;
    private static readonly nint Handle = NativeLibrary.Load(Library);
    private static readonly nint World = NativeLibrary.GetExport(Handle, "ompi_mpi_comm_world");
    private static readonly nint Float = NativeLibrary.GetExport(Handle, "ompi_mpi_float");
    private static readonly nint Sum = NativeLibrary.GetExport(Handle, "ompi_mpi_op_sum");

    public static int Rank
    {
        get
        {
            Check(MPI_Comm_rank(World, out int rank));
            return rank;
        }
    }

    public static int Size
    {
        get
        {
            Check(MPI_Comm_size(World, out int size));
            return size;
        }
    }

    public static string Version
    {
        get
        {
            byte* text = stackalloc byte[256];
            Check(MPI_Get_library_version(text, out int length));
            return System.Text.Encoding.UTF8.GetString(text, length).Split(',')[0];
        }
    }

    public static void Start() => Check(MPI_Init(0, 0));

    public static void End() => Check(MPI_Finalize());

    public static void Barrier() => Check(MPI_Barrier(World));

    public static void Run(CollectiveCase item, CollectiveVectors vectors)
    {
        int part = item.Floats / Size;
        Check(item.Operation switch
        {
            CollectiveOperation.AllReduce => MPI_Allreduce(InPlace, (nint)vectors.Whole, item.Floats, Float, Sum, World),
            CollectiveOperation.ReduceScatter => MPI_Reduce_scatter_block((nint)vectors.Whole, (nint)vectors.Part, part, Float, Sum, World),
            _ => MPI_Allgather((nint)vectors.Part, part, Float, (nint)vectors.Whole, part, Float, World),
        });
    }

    private static void Check(int code)
    {
        if (code != 0)
            throw new InvalidOperationException($"Open MPI answers with error {code}.");
    }

#pragma warning disable SYSLIB1054, CA5392 // A few plain calls; the library is the system's.
    [DllImport(Library)]
    private static extern int MPI_Init(nint argumentCount, nint arguments);

    [DllImport(Library)]
    private static extern int MPI_Finalize();

    [DllImport(Library)]
    private static extern int MPI_Comm_rank(nint communicator, out int rank);

    [DllImport(Library)]
    private static extern int MPI_Comm_size(nint communicator, out int size);

    [DllImport(Library)]
    private static extern int MPI_Get_library_version(byte* text, out int length);

    [DllImport(Library)]
    private static extern int MPI_Barrier(nint communicator);

    [DllImport(Library)]
    private static extern int MPI_Allreduce(nint send, nint receive, int count, nint type, nint operation, nint communicator);

    [DllImport(Library)]
    private static extern int MPI_Reduce_scatter_block(nint send, nint receive, int count, nint type, nint operation, nint communicator);

    [DllImport(Library)]
    private static extern int MPI_Allgather(
        nint send, int sendCount, nint sendType, nint receive, int receiveCount, nint receiveType, nint communicator);
#pragma warning restore SYSLIB1054, CA5392
}
