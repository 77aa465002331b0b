using System.Runtime.InteropServices;
using System.Text;

namespace ParallelDsl.Checkpoints;

/// <summary>
/// Makes the names in a folder durable. Flushing a file does not: after a power cut a renamed folder may have its old name unless its
/// parent was flushed too, for which .NET has no call. Windows journals names by itself.
/// </summary>
internal static partial class DirectoryFlush
{
    private const int ReadOnly = 0;

    /// <summary>Flushes a folder's names. A file system that cannot do it leaves nothing better to do: failures are ignored.</summary>
    public static void Flush(string directory)
    {
        if (OperatingSystem.IsWindows())
            return;
        int descriptor = Open(Encoding.UTF8.GetBytes(directory + '\0'), ReadOnly);
        if (descriptor < 0)
            return;
        _ = Synchronize(descriptor);
        _ = Close(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "open")]
    private static partial int Open(byte[] path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Synchronize(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
