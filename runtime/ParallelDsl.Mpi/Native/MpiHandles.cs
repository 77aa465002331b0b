using System.Runtime.InteropServices;

namespace ParallelDsl.Mpi.Native;

/// <summary>The predefined handles of Open MPI: the addresses of exported objects.</summary>
internal static class MpiHandles
{
    public static nint World { get; private set; }

    public static nint Float { get; private set; }

    public static nint Byte { get; private set; }

    public static nint Sum { get; private set; }

    public static nint NoRequest { get; private set; }

    public static nint ErrorsReturn { get; private set; }

    /// <summary>Loads the library; every call of <see cref="LibMpi"/> then finds it.</summary>
    /// <exception cref="MpiException">It is not there, or is not Open MPI.</exception>
    public static void Load(string name = LibMpi.Name)
    {
        if (!NativeLibrary.TryLoad(name, out nint library))
        {
            throw new MpiException(
                $"Open MPI is not installed: {name} is not found. Install it (Debian, Ubuntu: apt-get install openmpi-bin) on every machine, or name its folder in LD_LIBRARY_PATH.");
        }

        World = Handle(library, "ompi_mpi_comm_world");
        Float = Handle(library, "ompi_mpi_float");
        Byte = Handle(library, "ompi_mpi_byte");
        Sum = Handle(library, "ompi_mpi_op_sum");
        NoRequest = Handle(library, "ompi_request_null");
        ErrorsReturn = Handle(library, "ompi_mpi_errors_return");
    }

    private static nint Handle(nint library, string name) => NativeLibrary.TryGetExport(library, name, out nint address)
        ? address
        : throw new MpiException($"The library has no {name}: it is not the library of Open MPI 3 to 5, which is needed.");
}
