namespace ParallelDsl.Generator;

/// <summary>The names of the steps, by which tests see what ran and what was cached.</summary>
internal static class Steps
{
    /// <summary>Symbols of a model to what it says and where.</summary>
    public const string Parse = nameof(Parse);

    /// <summary>What it says alone.</summary>
    public const string Declaration = nameof(Declaration);

    /// <summary>One cluster file to a cluster.</summary>
    public const string ClusterFile = nameof(ClusterFile);

    /// <summary>One plan file to a plan.</summary>
    public const string PlanFile = nameof(PlanFile);

    /// <summary>A declaration and its cluster.</summary>
    public const string Resolve = nameof(Resolve);

    /// <summary>The same with the plans that files have for it.</summary>
    public const string ResolvePlan = nameof(ResolvePlan);

    /// <summary>A plan, or why there is none.</summary>
    public const string Plan = nameof(Plan);

    /// <summary>All that is reported.</summary>
    public const string Diagnostics = nameof(Diagnostics);

    /// <summary>What is reported about a class with <c>[Cluster]</c>.</summary>
    public const string ClusterDiagnostics = nameof(ClusterDiagnostics);

    /// <summary>The text of one concern's file; the concern's name follows.</summary>
    public const string Output = nameof(Output);
}
