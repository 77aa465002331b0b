using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ParallelDsl.Planning.Plans;

/// <summary>Names a plan by its content.</summary>
public static class PlanDigest
{
    /// <summary>The SHA-256 of the plan's canonical JSON (no spaces, UTF-8), in lower-case hexadecimal: equal for equal plans,
    /// everywhere.</summary>
    public static string Of(ParallelPlan plan)
    {
        byte[] content = Encoding.UTF8.GetBytes(PlanJson.WriteCanonical(plan));
#if NET
        byte[] hash = SHA256.HashData(content);
#else
        using var algorithm = SHA256.Create();
        byte[] hash = algorithm.ComputeHash(content);
#endif
        var text = new StringBuilder(2 * hash.Length);
        foreach (byte value in hash)
            text.Append(value.ToString("x2", CultureInfo.InvariantCulture));
        return text.ToString();
    }
}
