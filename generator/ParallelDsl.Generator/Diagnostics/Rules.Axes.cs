using Microsoft.CodeAnalysis;

namespace ParallelDsl.Generator.Diagnostics;

// PDSL2xxx: sizes, axes and divisibility.
internal static partial class Rules
{
    public static readonly DiagnosticDescriptor NotPositive = new(
        "PDSL2001",
        "A number is not positive",
        "{0}; {1}",
        Axes,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL2001.md");

    public static readonly DiagnosticDescriptor HeadsDoNotDivideWidth = new(
        "PDSL2002",
        "The heads do not divide the width",
        "{0}; {1}",
        Axes,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL2002.md");

    public static readonly DiagnosticDescriptor KeyValueHeadsDoNotDivideHeads = new(
        "PDSL2003",
        "The key and value heads do not divide the heads",
        "{0}; {1}",
        Axes,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL2003.md");

    public static readonly DiagnosticDescriptor OddHeadWidth = new(
        "PDSL2004",
        "The width of a head is odd",
        "{0}; {1}",
        Axes,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL2004.md");

    public static readonly DiagnosticDescriptor AxesDoNotMatchDevices = new(
        "PDSL2005",
        "The product of the axes is not the number of devices",
        "{0}; {1}",
        Axes,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL2005.md");

    public static readonly DiagnosticDescriptor UndefinedChoice = new(
        "PDSL2006",
        "The value is not one of the choices",
        "{0}; {1}",
        Axes,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL2006.md");

    public static readonly DiagnosticDescriptor PercentOutOfRange = new(
        "PDSL2007",
        "A percentage is out of range",
        "{0}; {1}",
        Axes,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL2007.md");

    public static readonly DiagnosticDescriptor SettingWithoutEffect = new(
        "PDSL2008",
        "A setting has no effect",
        "{0}; {1}",
        Axes,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL2008.md");
}
