using System.Runtime.InteropServices;

namespace ParallelDsl.Mpi.Native;

/// <summary><c>MPI_Status</c> as Open MPI lays it out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MpiStatus
{
    /// <summary>The sending rank.</summary>
    public int Source;

    /// <summary>The tag.</summary>
    public int Tag;

    /// <summary>The error of this operation, where a call that completes several says that one failed.</summary>
    public int Error;

    /// <summary>Not 0 where the operation was cancelled.</summary>
    public int Cancelled;

    /// <summary>Bytes of the message; of one that was too long for its receive, as many as were sent.</summary>
    public nuint Bytes;
}
