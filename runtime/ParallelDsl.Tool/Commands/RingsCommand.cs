using System.CommandLine;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Reporting;
using ParallelDsl.Tool.Rings;
using static System.FormattableString;

namespace ParallelDsl.Tool.Commands;

/// <summary><c>rings</c>: the ways of keys and values that use all links at once.</summary>
internal sealed class RingsCommand
{
    private readonly TextWriter _output;
    private readonly TextWriter _error;

    private readonly Option<int?> _devices = NumberOption.Int("--devices", "N", 2, RingSets.MostDevices, "How many devices in all.");

    private readonly Option<int?> _nodes = NumberOption.Int(
        "--nodes", "U", 1, RingSets.MostDevices, "Over how many nodes: paths inside them, one way out of and into each device. [default: 1]");

    private readonly Option<string?> _rail = new("--rail")
    {
        Description = "Which device of the next node a device sends to: cross, half a node further, or aligned, the same. [default: cross]",
        HelpName = "RAIL",
    };

    private readonly Option<string?> _without = new("--without")
    {
        Description = "Links that are missing, of nodes inside them, with commas between them: 2-5 both ways, 2>5 one way.",
        HelpName = "LINKS",
    };

    private readonly Option<string?> _rings = new("--rings")
    {
        Description = "Checks the rings of a file, one a line as in 0 1 2 3 (docs/09-datapaths.md).",
        HelpName = "FILE",
    };

    private readonly Option<bool> _pairwise = new("--pairwise") { Description = "Every device sends its own parts, without rings." };

    private readonly Option<string?> _html = new("--html") { Description = "Writes a page with tables and a drawing.", HelpName = "FILE" };

    private readonly Option<string?> _svg = new("--svg") { Description = "Writes a drawing.", HelpName = "FILE" };

    private readonly Option<bool> _json = new("--json") { Description = "A JSON object on standard output in place of text." };

    private RingsCommand(TextWriter output, TextWriter error) => (_output, _error) = (output, error);

    /// <summary>The command, writing to <paramref name="output"/> and <paramref name="error"/>.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        var options = new RingsCommand(output, error);
        options._devices.Required = true;
        var command = new Command("rings", "Ways of keys and values that use all links of devices at once, and checks of them.")
        {
            options._devices, options._nodes, options._rail, options._without, options._rings, options._pairwise,
            options._html, options._svg, options._json,
        };
        command.SetAction(options.Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        OutputFiles.Check(new[] { _html, _svg }
            .Where(option => result.GetResult(option) is { Implicit: false })
            .Select(option => (option.Name, result.GetValue(option)!)));
        RingRun run = Make(result);
        if (!run.Check.IsVerified)
            throw CommandException.Failed(run.Check.Faults[0].Message);
        if (result.GetValue(_html) is { } html)
            WriteFile(html, RingPage.Write(run));
        if (result.GetValue(_svg) is { } svg)
            WriteFile(svg, RingSvg.Write(run.Heading, run.Set));
        _output.Write(result.GetValue(_json) ? RingReport.Write(run) : RingText.Write(run));
        return CommandLine.Done;
    }

    private void WriteFile(string path, string text)
    {
        AtomicFile.WriteText(path, text);
        _error.WriteLine($"wrote {path}");
    }

    private RingRun Make(ParseResult result)
    {
        int devices = result.GetValue(_devices)!.Value, nodes = result.GetValue(_nodes) ?? 1;
        if (devices % nodes != 0)
            throw CommandException.BadInput(Invariant($"--nodes {nodes}: does not divide the {devices} devices"));
        CheckTogether(result, nodes);
        if (result.GetValue(_rings) is { } path)
            return FromFile(path, devices, nodes);
        if (result.GetValue(_without) is { } missing)
            return Without(missing, nodes, devices / nodes);
        if (nodes > 1)
            return OverNodes(nodes, devices / nodes, Rail(result.GetValue(_rail)));
        RingSet set = result.GetValue(_pairwise) ? RingSet.Pairwise(devices) : RingSets.Complete(devices);
        return new RingRun(set, set.Verify(), devices * (devices - 1), devices - 1, [], null);
    }

    private void CheckTogether(ParseResult result, int nodes)
    {
        Option[] given = [.. new Option[] { _rings, _without, _pairwise }.Where(option => result.GetResult(option) is { Implicit: false })];
        if (given.Length > 1)
            throw CommandException.BadInput($"{given[0].Name} and {given[1].Name} exclude each other");
        if (nodes > 1 && given.Contains(_pairwise))
            throw CommandException.BadInput("--pairwise is for devices that are all linked: leave out --nodes");
        if (result.GetValue(_rail) is null)
            return;
        if (nodes == 1)
            throw CommandException.BadInput("--rail: is for --nodes of 2 or more");
        if (given.Length > 0)
            throw CommandException.BadInput($"--rail and {given[0].Name} exclude each other");
    }

    private static NodeRail Rail(string? value) => value switch
    {
        null or "cross" => NodeRail.Cross,
        "aligned" => NodeRail.Aligned,
        _ => throw CommandException.BadInput($"--rail: expected cross or aligned, found '{value}'"),
    };

    private static RingRun OverNodes(int nodes, int perNode, NodeRail rail)
    {
        RingSetResult result = RingSets.OverNodes(nodes, perNode, rail);
        if (result.Set is not { } set)
        {
            bool closesAcross = rail == NodeRail.Aligned && RingSets.OverNodes(nodes, perNode, NodeRail.Cross).Set is not null;
            throw closesAcross
                ? CommandException.Failed($"--rail aligned: {result.Misfit}")
                : CommandException.BadInput($"--nodes {nodes}: {result.Misfit} (leave out --nodes)");
        }

        return new RingRun(set, set.Verify(), nodes * perNode * perNode, perNode, [], rail);
    }

    private static RingRun Without(string text, int nodes, int perNode)
    {
        int devices = nodes * perNode;
        bool paths = nodes > 1;
        (int linked, int most) = paths ? (perNode, RingRepair.MostDevices - 1) : (devices, RingRepair.MostDevices);
        if (linked > most)
            throw CommandException.BadInput(Invariant($"--without: is for {(paths ? "nodes of " : "")}at most {most} devices, not {linked}"));
        (IReadOnlyList<DeviceLink>? missing, var error) = MissingLinks.Parse(text, devices);
        if (missing is null)
            throw CommandException.BadInput($"--without: {error!.Message}");
        foreach (DeviceLink link in missing)
        {
            if (link.From / perNode != link.To / perNode)
                throw CommandException.BadInput($"--without: the link {link} leaves a node; those that are missing can be inside nodes");
        }

        RingRepairResult repaired = paths ? RingRepair.OverNodes(nodes, perNode, missing) : RingRepair.Without(devices, missing);
        if (repaired.Bound == 0)
            throw CommandException.Failed($"--without {text}: leaves no way from some devices to others, so no ring");
        if (repaired.Set is not { } set)
            throw CommandException.Failed($"--without {text}: no ring was found over the links that are left");
        int links = (devices * (paths ? perNode : devices - 1)) - missing.Count;
        return new RingRun(set, set.Verify(missing), links, repaired.Bound, missing, null);
    }

    private static RingRun FromFile(string path, int devices, int nodes)
    {
        (RingSet? set, var error) = RingSetText.Parse(InputFile.Read(path), devices, nodes);
        if (set is null)
            throw CommandException.BadInput($"{path}: {error}");
        if (nodes > 1 && set.Kind == RingSetKind.Cycles)
            throw CommandException.BadInput($"{path}: has rings of all devices: leave out --nodes, or write paths of a node with interfaces at both ends");
        bool paths = set.Kind == RingSetKind.Paths;
        int perNode = set.DevicesPerNode, inside = perNode * (perNode - 1) * nodes;
        int links = !paths ? devices * (devices - 1) : nodes > 1 ? inside + devices : inside;
        return new RingRun(set, set.Verify(), links, paths ? RingSet.MostPaths(perNode) : RingSet.MostCycles(devices), [], null);
    }
}
