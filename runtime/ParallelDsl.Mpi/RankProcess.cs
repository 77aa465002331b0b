using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using ParallelDsl.Mpi.Native;

namespace ParallelDsl.Mpi;

/// <summary>The process of a rank.</summary>
/// <param name="Machine">Equal where process ids mean the same: one machine, one namespace of processes.</param>
/// <param name="Id">Its id there.</param>
/// <param name="Processors">Processors that it may use: those that it is bound to, or fewer where its container allows fewer.</param>
/// <param name="Binding">Equal where ranks are bound to the same processors, or all to none.</param>
internal readonly record struct RankProcess(ulong Machine, int Id, int Processors, ulong Binding)
{
    private const string BootFile = "/proc/sys/kernel/random/boot_id";
    private const string NamespaceFile = "/proc/self/ns/pid";

    /// <summary>Whether it exists; asked on its machine only.</summary>
    public bool Exists => LibC.Exists(Id);

    /// <summary>Tells all ranks of all.</summary>
    public static unsafe RankProcess[] Exchange(nint communicator, int size)
    {
        var own = new RankProcess(OwnMachine(), Environment.ProcessId, Environment.ProcessorCount, LibC.Binding());
        var all = new RankProcess[size];
        fixed (RankProcess* target = all)
        {
            MpiException.ThrowIfFailed(LibMpi.Allgather(
                &own, sizeof(RankProcess), MpiHandles.Byte, target, sizeof(RankProcess), MpiHandles.Byte, communicator));
        }

        return all;
    }

    /// <summary>How many of the processes have this one's processors, itself among them: a launcher may give each its own, all of them the same,
    /// or none any.</summary>
    public int CountSharing(IEnumerable<RankProcess> all)
    {
        (ulong machine, ulong binding) = (Machine, Binding);
        return all.Count(other => other.Machine == machine && other.Binding == binding);
    }

    private static ulong OwnMachine()
    {
        string boot = File.Exists(BootFile) ? File.ReadAllText(BootFile) : "";
        string space = File.Exists(NamespaceFile) ? new FileInfo(NamespaceFile).LinkTarget ?? "" : "";
        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{Environment.MachineName}|{boot}|{space}")));
    }
}
