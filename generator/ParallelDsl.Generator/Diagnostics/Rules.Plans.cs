using Microsoft.CodeAnalysis;

namespace ParallelDsl.Generator.Diagnostics;

// PDSL4009 to PDSL4013: plan files.
internal static partial class Rules
{
    public static readonly DiagnosticDescriptor MalformedPlanFile = new(
        "PDSL4009",
        "A plan file is malformed",
        "{0}; write it again with paralleldsl plan --search",
        Plans,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4009.md");

    // A warning: the search reads the compiled assembly, so that what a stale file says must not stand in the way of compiling it.
    public static readonly DiagnosticDescriptor StalePlanFile = new(
        "PDSL4010",
        "A plan file does not match its model",
        "{0} is a plan of another '{1}': {2} differs, and the model is planned without it; run paralleldsl plan --search again",
        Plans,
        DiagnosticSeverity.Warning,
        true,
        helpLinkUri: Pages + "PDSL4010.md");

    public static readonly DiagnosticDescriptor UnusedPlanFile = new(
        "PDSL4011",
        "A plan file is not used",
        "The project has no model '{0}', whose plan this is; remove the file or correct the name of the model",
        Plans,
        DiagnosticSeverity.Warning,
        true,
        helpLinkUri: Pages + "PDSL4011.md");

    public static readonly DiagnosticDescriptor PlanFileAmbiguous = new(
        "PDSL4012",
        "Several plan files are of one model",
        "{0} plan files are of '{1}': {2}; keep one of them",
        Plans,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4012.md");

    public static readonly DiagnosticDescriptor UnsoundRings = new(
        "PDSL4013",
        "The rings of a plan are not sound",
        "The rings of {0} are not sound: {1}; every ring visits each position of the sequence axis once, and no two send from one to the same other",
        Plans,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4013.md");
}
