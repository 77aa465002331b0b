namespace ParallelDsl.Planning.Plans;

/// <summary>Names a plan by its content.</summary>
public static class PlanDigest
{
    /// <summary>The SHA-256 of the plan's canonical JSON (no spaces, UTF-8), in lower-case hexadecimal: equal for equal plans,
    /// everywhere.</summary>
    public static string Of(ParallelPlan plan) => ContentDigest.Of(PlanJson.WriteCanonical(plan));
}
