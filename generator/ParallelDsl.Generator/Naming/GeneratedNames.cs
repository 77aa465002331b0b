using ParallelDsl.Generator.Parsing;
using ParallelDsl.Planning;

namespace ParallelDsl.Generator.Naming;

/// <summary>The names of the members that generated code adds to a model.</summary>
internal static class GeneratedNames
{
    /// <summary>The struct of the constants of step planning.</summary>
    public const string StepConstants = "BatchingConstants";

    /// <summary>One ring by its index.</summary>
    public const string RingOf = "RingOf";

    /// <summary>To whom a position on the sequence axis sends.</summary>
    public const string SendsTo = "SendsTo";

    /// <summary>From whom it receives.</summary>
    public const string ReceivesFrom = "ReceivesFrom";

    /// <summary>The table of all rings.</summary>
    public const string Rings = "Rings";

    /// <summary>The table of <see cref="SendsTo"/>.</summary>
    public const string RingSends = "RingSends";

    /// <summary>The table of <see cref="ReceivesFrom"/>.</summary>
    public const string RingReceives = "RingReceives";

    /// <summary>Both, of a sequence axis that is too long for tables in the code.</summary>
    public const string RingRoutes = "RingRoutes";

    /// <summary>Those that every model gets.</summary>
    public static readonly string[] Members =
    [
        "Plan", "PlanDigest", "CompiledPlan", "CreateLayer", "StageOf", "Stages", "Kernels", "ProgramOf", "PlanStep", "TryPlanStep",
        "ContextLength", "DataRanks", "SequenceRanks", "PipelineRanks", "UnitsPerDataRank", "UnitTokens", "Granule",
        "CoordinateOf", "DataGroupOf", "SequenceGroupOf", "PipelineGroupOf", RingOf, SendsTo, ReceivesFrom,
        "Coordinates", "DataGroups", "SequenceGroups", "PipelineGroups", Rings, RingSends, RingReceives, RingRoutes, "Unplanned", StepConstants,
    ];

    /// <summary>The name of the shape of a layer.</summary>
    public static string ShapeOf(string layer) => layer + "Shape";

    /// <summary>All of them, for a model with these layers.</summary>
    public static HashSet<string> All(EquatableArray<LayerDeclaration> layers) =>
        [.. Members, .. layers.Select(layer => ShapeOf(layer.Spec.Name))];
}
