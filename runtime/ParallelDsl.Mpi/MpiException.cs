using System.Runtime.CompilerServices;
using System.Text;
using ParallelDsl.Mpi.Native;

namespace ParallelDsl.Mpi;

/// <summary>Open MPI is missing, does not offer what is needed, or refused a call.</summary>
public sealed class MpiException(string message) : Exception(message)
{
    /// <summary>Throws where a call failed, naming it.</summary>
    internal static void ThrowIfFailed(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result == LibMpi.Success)
            return;
        int end = call.IndexOf('(', StringComparison.Ordinal);
        throw new MpiException($"Open MPI failed in {(end < 0 ? call : call[..end])}: {Describe(result)}.");
    }

    /// <summary>The library's own words for an error.</summary>
    internal static unsafe string Describe(int error)
    {
        Span<byte> text = stackalloc byte[LibMpi.LongestText];
        fixed (byte* start = text)
        {
            return LibMpi.ErrorString(error, start, out int length) == LibMpi.Success
                ? Encoding.UTF8.GetString(text[..Math.Clamp(length, 0, text.Length)])
                : $"error {error}";
        }
    }
}
