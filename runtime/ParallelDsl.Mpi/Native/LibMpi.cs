using System.Runtime.InteropServices;

namespace ParallelDsl.Mpi.Native;

/// <summary>The calls of Open MPI that are used, under their names in the MPI standard. Handles are addresses, as in Open MPI's own
/// headers; those that the library predefines are in <see cref="MpiHandles"/>.</summary>
internal static unsafe partial class LibMpi
{
    /// <summary>The library of Open MPI 3, 4 and 5: their binary interface is one.</summary>
    public const string Name = "libmpi.so.40";

    public const int Success = 0;
    public const int ErrorTruncated = 15;
    public const int ErrorInStatus = 18;
    public const int AnySource = -1;
    public const int ThreadSingle = 0;
    public const int ThreadSerialized = 2;
    public const int AttributeTagLimit = 0;
    public const int LongestText = 512;

    [LibraryImport(Name, EntryPoint = "MPI_Init_thread")]
    public static partial int InitThread(nint argumentCount, nint arguments, int required, out int provided);

    [LibraryImport(Name, EntryPoint = "MPI_Initialized")]
    public static partial int Initialized(out int flag);

    [LibraryImport(Name, EntryPoint = "MPI_Finalize")]
    public static partial int Finalize();

    [LibraryImport(Name, EntryPoint = "MPI_Abort")]
    public static partial int Abort(nint communicator, int exitCode);

    [LibraryImport(Name, EntryPoint = "MPI_Error_string")]
    public static partial int ErrorString(int error, byte* text, out int length);

    [LibraryImport(Name, EntryPoint = "MPI_Get_library_version")]
    public static partial int GetLibraryVersion(byte* text, out int length);

    [LibraryImport(Name, EntryPoint = "MPI_Comm_rank")]
    public static partial int CommRank(nint communicator, out int rank);

    [LibraryImport(Name, EntryPoint = "MPI_Comm_size")]
    public static partial int CommSize(nint communicator, out int size);

    [LibraryImport(Name, EntryPoint = "MPI_Comm_dup")]
    public static partial int CommDup(nint communicator, out nint copy);

    [LibraryImport(Name, EntryPoint = "MPI_Comm_idup")]
    public static partial int CommIdup(nint communicator, nint* copy, out nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Comm_split")]
    public static partial int CommSplit(nint communicator, int color, int key, out nint part);

    [LibraryImport(Name, EntryPoint = "MPI_Comm_free")]
    public static partial int CommFree(ref nint communicator);

    [LibraryImport(Name, EntryPoint = "MPI_Comm_set_errhandler")]
    public static partial int CommSetErrhandler(nint communicator, nint handler);

    [LibraryImport(Name, EntryPoint = "MPI_Comm_get_attr")]
    public static partial int CommGetAttr(nint communicator, int key, out int* value, out int found);

    [LibraryImport(Name, EntryPoint = "MPI_Isend")]
    public static partial int Isend(void* data, int count, nint type, int destination, int tag, nint communicator, out nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Issend")]
    public static partial int Issend(void* data, int count, nint type, int destination, int tag, nint communicator, out nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Irecv")]
    public static partial int Irecv(void* data, int count, nint type, int source, int tag, nint communicator, out nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Iprobe")]
    public static partial int Iprobe(int source, int tag, nint communicator, out int found, out MpiStatus status);

    [LibraryImport(Name, EntryPoint = "MPI_Testsome")]
    public static partial int Testsome(int count, nint* requests, out int completed, int* indices, MpiStatus* statuses);

    [LibraryImport(Name, EntryPoint = "MPI_Cancel")]
    public static partial int Cancel(ref nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Request_free")]
    public static partial int RequestFree(ref nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Allgather")]
    public static partial int Allgather(
        void* send, int sendCount, nint sendType, void* receive, int receiveCount, nint receiveType, nint communicator);

    [LibraryImport(Name, EntryPoint = "MPI_Ibarrier")]
    public static partial int Ibarrier(nint communicator, out nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Ibcast")]
    public static partial int Ibcast(void* data, int count, nint type, int root, nint communicator, out nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Iallreduce")]
    public static partial int Iallreduce(void* send, void* receive, int count, nint type, nint operation, nint communicator, out nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Iallgather")]
    public static partial int Iallgather(
        void* send, int sendCount, nint sendType, void* receive, int receiveCount, nint receiveType, nint communicator, out nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Ireduce_scatter_block")]
    public static partial int IreduceScatterBlock(
        void* send, void* receive, int count, nint type, nint operation, nint communicator, out nint request);

    [LibraryImport(Name, EntryPoint = "MPI_Ialltoall")]
    public static partial int Ialltoall(
        void* send, int sendCount, nint sendType, void* receive, int receiveCount, nint receiveType, nint communicator, out nint request);
}
