using System.Globalization;

namespace ParallelDsl.Tool.Launch;

/// <summary>How Open MPI's launcher is called.</summary>
/// <param name="Ranks">How many ranks.</param>
/// <param name="HostFile">The file of machines, or null for this one.</param>
/// <param name="Binds">Whether each rank gets processors of its own, in the order of the ranks: neighbours on the innermost axis of the mesh are
/// neighbours on the machine.</param>
/// <param name="ProcessorsPerRank">How many of them.</param>
/// <param name="IsRoot">Whether the user is root, which the launcher refuses unless told.</param>
internal sealed record MpiCommandLine(int Ranks, string? HostFile, bool Binds, int ProcessorsPerRank, bool IsRoot)
{
    /// <summary>Seconds that a rank on this machine has to end well when the user stops the run.</summary>
    public const int GraceSeconds = 60;

    /// <summary>What tells the ranks so; MpiJob reads it.</summary>
    public const string GraceVariable = "PARALLELDSL_GRACE_SECONDS";

    /// <summary>Binds where this machine has enough processors. Of other machines nothing is known, neither how many processors they have nor which
    /// of them are one core's: there the ranks of a machine share what it has.</summary>
    public static MpiCommandLine For(int ranks, string? hostFile, bool isUnbound, int processors, bool isRoot)
    {
        bool binds = hostFile is null && processors >= ranks && !isUnbound;
        return new MpiCommandLine(ranks, hostFile, binds, binds ? processors / ranks : 1, isRoot);
    }

    /// <summary>What is said about where ranks run.</summary>
    public string Describe(int processors) => Binds
        ? string.Create(CultureInfo.InvariantCulture, $"{Ranks} ranks, each bound to {ProcessorsPerRank} {(ProcessorsPerRank == 1 ? "processor" : "processors")}, in the order of the mesh")
        : HostFile is not null
            ? string.Create(CultureInfo.InvariantCulture, $"{Ranks} ranks, unbound: those of a machine share its processors")
            : processors < Ranks
            ? string.Create(CultureInfo.InvariantCulture, $"{Ranks} ranks, unbound: they share {processors} {(processors == 1 ? "processor" : "processors")}")
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
        if (Binds)
        {
            arguments.AddRange([
                "--use-hwthread-cpus", "--map-by", string.Create(CultureInfo.InvariantCulture, $"slot:PE={ProcessorsPerRank}"), "--bind-to", "hwthread"]);
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
