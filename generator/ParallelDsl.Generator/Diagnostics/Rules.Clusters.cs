using Microsoft.CodeAnalysis;

namespace ParallelDsl.Generator.Diagnostics;

// PDSL4001 to PDSL4008: clusters, in code and in files.
internal static partial class Rules
{
    public static readonly DiagnosticDescriptor MalformedClusterFile = new(
        "PDSL4001",
        "A cluster file is malformed",
        "{0}",
        Clusters,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4001.md");

    public static readonly DiagnosticDescriptor ClusterFileMissing = new(
        "PDSL4002",
        "A cluster file is missing",
        "No additional file of the project is named '{0}'; {1}",
        Clusters,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4002.md");

    public static readonly DiagnosticDescriptor ClusterFileAmbiguous = new(
        "PDSL4003",
        "Several cluster files have one name",
        "{0} additional files of the project are named '{1}': {2}; give each its own name",
        Clusters,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4003.md");

    public static readonly DiagnosticDescriptor UnknownDevice = new(
        "PDSL4004",
        "The device is not in the catalogue",
        "{0}",
        Clusters,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4004.md");

    public static readonly DiagnosticDescriptor CustomDeviceWithoutFigures = new(
        "PDSL4005",
        "A custom device has no figures",
        "A custom device needs {0}; write what its maker publishes",
        Clusters,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4005.md");

    public static readonly DiagnosticDescriptor FiguresOfCatalogueDevice = new(
        "PDSL4006",
        "A device of the catalogue is given figures",
        "{0} is given for {1}, whose figures are in the catalogue; remove it or write Device = DeviceKind.Custom",
        Clusters,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4006.md");

    public static readonly DiagnosticDescriptor ClusterNumber = new(
        "PDSL4007",
        "A number of the cluster is out of range",
        "{0} is {1}; {2}",
        Clusters,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4007.md");

    public static readonly DiagnosticDescriptor ClusterWithoutNodes = new(
        "PDSL4008",
        "A cluster has no nodes",
        "'{0}' has no nodes; add [Nodes(1, DevicesPerNode = 8, Device = DeviceKind.H100Sxm)] with your figures",
        Clusters,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL4008.md");
}
