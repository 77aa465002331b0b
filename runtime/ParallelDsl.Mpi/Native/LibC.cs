using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace ParallelDsl.Mpi.Native;

/// <summary>What is needed of the C library and .NET does not offer.</summary>
internal static partial class LibC
{
    private const int NoSuchProcess = 3;
    private const int MostProcessors = 1 << 16;
    private const int ProcessorsOnline = 84;

    /// <summary>Processors of the machine, whatever this process is bound to.</summary>
    public static long OnlineProcessors => SysConf(ProcessorsOnline);

    /// <summary>A digest of the set of processors that this process is bound to.</summary>
    public static unsafe ulong Binding()
    {
        byte[] set = new byte[MostProcessors / 8];
        fixed (byte* pointer = set)
            _ = GetAffinity(0, set.Length, pointer);
        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(set));
    }

    /// <summary>Sets a variable for native code, which <see cref="Environment"/> does not reach. One that is set stays as it is.</summary>
    public static void SetVariable(string name, string value) => _ = SetEnv(name, value, 0);

    /// <summary>Sleeps for about that long, shorter than <see cref="Thread.Sleep(int)"/> can.</summary>
    public static void SleepMicroseconds(uint microseconds) => _ = USleep(microseconds);

    /// <summary>Whether a process of this machine exists.</summary>
    public static bool Exists(int process) => Kill(process, 0) == 0 || Marshal.GetLastPInvokeError() != NoSuchProcess;

    /// <summary>Ends the process at once: nothing of it runs any more, nor of any library.</summary>
    public static void ExitNow(int code) => Exit(code);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static unsafe partial int GetAffinity(int process, nint bytes, byte* set);

    [LibraryImport("libc", EntryPoint = "sysconf")]
    private static partial long SysConf(int name);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "usleep")]
    private static partial int USleep(uint microseconds);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
