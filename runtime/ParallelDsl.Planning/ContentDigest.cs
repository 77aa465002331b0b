using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ParallelDsl.Planning;

/// <summary>Names text by its content.</summary>
internal static class ContentDigest
{
    /// <summary>The SHA-256 of <paramref name="text"/> in UTF-8, in lower-case hexadecimal.</summary>
    public static string Of(string text)
    {
        byte[] content = Encoding.UTF8.GetBytes(text);
#if NET
        byte[] hash = SHA256.HashData(content);
#else
        using var algorithm = SHA256.Create();
        byte[] hash = algorithm.ComputeHash(content);
#endif
        var digest = new StringBuilder(2 * hash.Length);
        foreach (byte value in hash)
            digest.Append(value.ToString("x2", CultureInfo.InvariantCulture));
        return digest.ToString();
    }
}
