using System.Text.Json;

namespace TrainGpt.Tests;

/// <summary>The file that <c>--json</c> writes.</summary>
internal sealed record Figures(
    double[] Losses,
    double[] ReferenceLosses,
    double[] GradientNorms,
    double[] ReferenceGradientNorms,
    double TokensPerSecond,
    long Parameters,
    double UnigramLoss,
    double HeldOutLoss)
{
    private static readonly JsonSerializerOptions Strict = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
    };

    public static Figures Read(string path) => JsonSerializer.Deserialize<Figures>(File.ReadAllBytes(path), Strict)!;
}
