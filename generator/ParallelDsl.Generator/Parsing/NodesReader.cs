using System.Globalization;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Planning.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Generator.Parsing;

/// <summary>Reads one <c>[Nodes]</c> and says what is wrong with it.</summary>
internal sealed class NodesReader(DeclaredAttribute attribute, List<DiagnosticInfo> diagnostics)
{
    private static readonly string[] Figures = ["MemoryGiB", "TeraFlops", "MemoryGBps", "LinkGBps"];

    private readonly int _before = diagnostics.Count;

    /// <summary>The group, or null where something is wrong with it.</summary>
    public NodeGroup? Read()
    {
        int count = attribute.First is int first ? first : 1;
        if (count < 1)
            OutOfRange(string.Empty, "The number of nodes", count, "write at least 1");
        int devices = AtLeast("DevicesPerNode", 1, absent: 1);
        int nics = AtLeast("NicsPerNode", 0, absent: 0);
        int rate = AtLeast("NicGbps", 0, absent: 0);
        if (nics > 0 && rate == 0)
            OutOfRange("NicsPerNode", "NicsPerNode", nics, "write NicGbps, the rate of one interface, too");
        int fabric = attribute.Named("Fabric", (int)Fabric.Switch);
        if (!Enum.IsDefined(typeof(Fabric), fabric))
            Undefined<Fabric>("Fabric", fabric, Rules.UndefinedChoice);

        DeviceSpec? device = ReadDevice();
        return device is null || diagnostics.Count > _before
            ? null
            : new NodeGroup(count, devices, device, (Fabric)fabric, nics, rate);
    }

    private DeviceSpec? ReadDevice()
    {
        int kind = attribute.Named("Device", (int)DeviceKind.Host);
        if (!Enum.IsDefined(typeof(DeviceKind), kind))
        {
            string names = string.Join(", ", Enum.GetNames(typeof(DeviceKind)));
            diagnostics.Add(DiagnosticInfo.Create(
                Rules.UnknownDevice, attribute.SpanOf("Device"), Invariant($"{kind} is not a device of the catalogue; write one of {names}")));
            return null;
        }

        if ((DeviceKind)kind == DeviceKind.Custom)
            return ReadCustomDevice();

        foreach (string figure in Figures.Where(attribute.Has))
        {
            diagnostics.Add(DiagnosticInfo.Create(
                Rules.FiguresOfCatalogueDevice, attribute.SpanOf(figure), figure, Invariant($"DeviceKind.{(DeviceKind)kind}")));
        }

        return DeviceCatalogue.Of((DeviceKind)kind);
    }

    private DeviceSpec? ReadCustomDevice()
    {
        double memory = attribute.Named("MemoryGiB", 0.0);
        double rate = attribute.Named("TeraFlops", 0.0);
        int memoryRate = attribute.Named("MemoryGBps", 0);
        int linkRate = attribute.Named("LinkGBps", 0);
        List<string> missing = [.. Figures.Take(3).Where(figure => !attribute.Has(figure))];
        if (missing.Count > 0)
        {
            diagnostics.Add(DiagnosticInfo.Create(Rules.CustomDeviceWithoutFigures, attribute.SpanOf("Device"), string.Join(", ", missing)));
            return null;
        }

        // The largest figures that planning's 64-bit integers hold with room for their products; far beyond any machine.
        CheckFigure("MemoryGiB", memory, 0.001, 1e6);
        CheckFigure("TeraFlops", rate, 0.001, 1e9);
        CheckFigure("MemoryGBps", memoryRate, 1, 1e9);
        CheckFigure("LinkGBps", linkRate, 0, 1e9);
        return diagnostics.Count > _before
            ? null
            : DeviceCatalogue.Custom(
                "custom device", (long)Math.Round(memory * (1L << 30)), (long)Math.Round(rate * 1_000), memoryRate, linkRate);
    }

    private int AtLeast(string argument, int least, int absent)
    {
        int value = attribute.Named(argument, absent);
        if (value < least)
            OutOfRange(argument, argument, value, Invariant($"write at least {least}"));
        return value;
    }

    private void CheckFigure(string figure, double value, double least, double most)
    {
        // Written so that NaN is out of range too.
        if (!(value >= least && value <= most))
            OutOfRange(figure, figure, value, Invariant($"write a figure from {least} to {most}"));
    }

    private void OutOfRange(string argument, string name, IFormattable value, string fix) => diagnostics.Add(DiagnosticInfo.Create(
        Rules.ClusterNumber, attribute.SpanOf(argument), name, value.ToString(null, CultureInfo.InvariantCulture), fix));

    private void Undefined<T>(string argument, int value, Microsoft.CodeAnalysis.DiagnosticDescriptor rule) => diagnostics.Add(
        DiagnosticInfo.Create(
            rule,
            attribute.SpanOf(argument),
            Invariant($"{value}"),
            typeof(T).Name,
            string.Join(", ", Enum.GetNames(typeof(T)).Select(name => $"{typeof(T).Name}.{name}"))));
}
