using Microsoft.CodeAnalysis;

namespace ParallelDsl.Generator.Diagnostics;

// PDSL3xxx: pipeline, sequence and memory.
internal static partial class Rules
{
    public static readonly DiagnosticDescriptor MoreStagesThanLayers = new(
        "PDSL3001",
        "There are more stages than layers",
        "{0}; {1}",
        Pipelines,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL3001.md");

    public static readonly DiagnosticDescriptor FewerMicroBatchesThanStages = new(
        "PDSL3002",
        "There are fewer micro-batches than stages",
        "{0}; {1}",
        Pipelines,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL3002.md");

    public static readonly DiagnosticDescriptor MicroBatchesDoNotDivide = new(
        "PDSL3003",
        "The micro-batches are not divisible by the pipeline degree",
        "{0}; {1}",
        Pipelines,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL3003.md");

    public static readonly DiagnosticDescriptor ChunksDoNotFitSchedule = new(
        "PDSL3004",
        "The chunks do not fit the schedule",
        "{0}; {1}",
        Pipelines,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL3004.md");

    public static readonly DiagnosticDescriptor ContextDoesNotDivide = new(
        "PDSL3005",
        "The context length is not divisible over the sequence axis",
        "{0}; {1}",
        Pipelines,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL3005.md");

    public static readonly DiagnosticDescriptor UnitShorterThanContext = new(
        "PDSL3006",
        "A unit is shorter than the context",
        "{0}; {1}",
        Pipelines,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL3006.md");

    public static readonly DiagnosticDescriptor DoesNotFit = new(
        "PDSL3007",
        "A stage does not fit in memory",
        "{0}; {1}",
        Pipelines,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL3007.md");

    public static readonly DiagnosticDescriptor TooLarge = new(
        "PDSL3008",
        "The plan is too large",
        "The plan of '{0}' cannot be made: {1}",
        Pipelines,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL3008.md");

    public static readonly DiagnosticDescriptor MoreSlicesThanVocabulary = new(
        "PDSL3020",
        "There are more vocabulary slices than token ids",
        "{0}; {1}",
        Pipelines,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL3020.md");
}
