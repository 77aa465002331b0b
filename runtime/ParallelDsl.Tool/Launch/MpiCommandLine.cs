using System.Globalization;

namespace ParallelDsl.Tool.Launch;

/// <summary>The processors that each rank has to itself. Ranks get them in their order: neighbours on the innermost axis of the mesh are neighbours on
/// the machine.</summary>
/// <param name="Count">How many.</param>
/// <param name="AreCores">Whether whole cores, or threads of the hardware, of which two ranks may have one core's.</param>
internal sealed record RankBinding(int Count, bool AreCores)
{
    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Count} {(AreCores ? "core" : "processor")}{(Count == 1 ? "" : "s")}");
}

/// <summary>How Open MPI's launcher is called.</summary>
/// <param name="Ranks">How many ranks.</param>
/// <param name="HostFile">The file of machines, or null for this one.</param>
/// <param name="Binding">What each rank is bound to, or null.</param>
/// <param name="IsRoot">Whether the user is root, which the launcher refuses unless told.</param>
internal sealed record MpiCommandLine(int Ranks, string? HostFile, RankBinding? Binding, bool IsRoot)
{
    /// <summary>Seconds that a rank on this machine has to end well when the user stops the run.</summary>
    public const int GraceSeconds = 60;

    /// <summary>What tells the ranks so; MpiJob reads it.</summary>
    public const string GraceVariable = "PARALLELDSL_GRACE_SECONDS";

    /// <summary>Binds where this machine has a core, or at least a processor, for each rank. Of other machines nothing is known, neither how many
    /// processors they have nor which of them are one core's: there the ranks of a machine share what it has, unless the user says.</summary>
    /// <param name="ranks">How many ranks.</param>
    /// <param name="hostFile">The file of machines, or null for this one.</param>
    /// <param name="isUnbound">Whether the user wants no binding.</param>
    /// <param name="cores">The cores that the user wants for each rank, or null.</param>
    /// <param name="machine">This machine.</param>
    /// <param name="isRoot">Whether the user is root.</param>
    public static MpiCommandLine For(int ranks, string? hostFile, bool isUnbound, int? cores, MachineProcessors machine, bool isRoot)
    {
        RankBinding? binding = cores is { } wanted ? new RankBinding(wanted, AreCores: true)
            : isUnbound || hostFile is not null || machine.Processors < ranks ? null
            : machine.Cores >= ranks ? new RankBinding(machine.Cores / ranks, AreCores: true)
            : new RankBinding(machine.Processors / ranks, AreCores: false);
        return new MpiCommandLine(ranks, hostFile, binding, isRoot);
    }

    /// <summary>What is said about where ranks run.</summary>
    public string Describe(MachineProcessors machine) => Binding is not null
        ? string.Create(CultureInfo.InvariantCulture, $"{Ranks} ranks, each bound to {Binding}, in the order of the mesh")
        : HostFile is not null
            ? string.Create(CultureInfo.InvariantCulture, $"{Ranks} ranks, unbound: those of a machine share its processors; --cores binds them")
            : machine.Processors < Ranks
            ? string.Create(CultureInfo.InvariantCulture, $"{Ranks} ranks, unbound: they share {machine.Processors} {(machine.Processors == 1 ? "processor" : "processors")}")
            : string.Create(CultureInfo.InvariantCulture, $"{Ranks} ranks, unbound");

    /// <summary>The launcher's arguments.</summary>
    public IReadOnlyList<string> Arguments(IReadOnlyList<string> command)
    {
        // Each rank gets a terminal that nobody looks at: .NET would write codes to it that end in the output.
        List<string> arguments = ["--tag-output", "-n", Ranks.ToString(CultureInfo.InvariantCulture), "-x", "TERM=dumb"];
        if (IsRoot)
            arguments.Add("--allow-run-as-root");
        if (HostFile is not null)
            arguments.AddRange(["--hostfile", HostFile]);
        else
            arguments.AddRange(["-x", string.Create(CultureInfo.InvariantCulture, $"{GraceVariable}={GraceSeconds}")]);
        if (Binding is not null)
        {
            if (!Binding.AreCores)
                arguments.Add("--use-hwthread-cpus");
            arguments.AddRange([
                "--map-by", string.Create(CultureInfo.InvariantCulture, $"slot:PE={Binding.Count}"), "--bind-to", Binding.AreCores ? "core" : "hwthread"]);
        }
        else
        {
            arguments.AddRange(["--map-by", "slot", "--bind-to", "none"]);
            if (HostFile is null)
                arguments.AddRange(["--oversubscribe", "--mca", "mpi_yield_when_idle", "1"]);
        }

        return [.. arguments, .. command];
    }
}
