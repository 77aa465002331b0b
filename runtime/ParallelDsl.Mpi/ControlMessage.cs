using System.Buffers.Binary;
using System.Text;

namespace ParallelDsl.Mpi;

/// <summary>Word from one rank's transport to the others'.</summary>
/// <param name="IsAbort">Whether the run is aborted; else the sender ends and sends nothing more.</param>
/// <param name="Rank">Of an abortion: the rank that failed.</param>
/// <param name="Text">Of an abortion: what happened.</param>
/// <param name="Taken">How many messages of the addressee the sender has received.</param>
internal readonly record struct ControlMessage(bool IsAbort, int Rank, string Text, long Taken = 0)
{
    /// <summary>Bytes of the longest; a longer text is cut. Below what every transport of Open MPI sends without waiting for the receiver.</summary>
    public const int LongestBytes = 2_048;

    private const int HeaderBytes = 13;

    /// <summary>Writes it.</summary>
    /// <returns>Its bytes.</returns>
    public int Write(Span<byte> target)
    {
        target[0] = IsAbort ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(target[1..], Rank);
        BinaryPrimitives.WriteInt64LittleEndian(target[5..], Taken);
        Encoding.UTF8.GetEncoder().Convert(Text, target[HeaderBytes..LongestBytes], flush: true, out _, out int bytes, out _);
        return HeaderBytes + bytes;
    }

    /// <summary>Reads one.</summary>
    public static ControlMessage Read(ReadOnlySpan<byte> source) => new(
        source[0] != 0,
        BinaryPrimitives.ReadInt32LittleEndian(source[1..]),
        Encoding.UTF8.GetString(source[HeaderBytes..]),
        BinaryPrimitives.ReadInt64LittleEndian(source[5..]));
}
