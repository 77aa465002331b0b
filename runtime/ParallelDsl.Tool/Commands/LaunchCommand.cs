using System.CommandLine;
using ParallelDsl.Reporting;
using ParallelDsl.Tool.Launch;

namespace ParallelDsl.Tool.Commands;

/// <summary><c>launch</c>: runs a program with each rank a process, under Open MPI or Slurm.</summary>
internal static class LaunchCommand
{
    private const int MostRanks = 65_536;
    private const int MostCores = 4_096;

    /// <summary>The command, writing to <paramref name="output"/> and <paramref name="error"/>.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        var project = new Argument<string>("PROJECT") { Description = "A project, its folder, or a built assembly. A project is built once, in Release." };
        var rest = new Argument<string[]>("ARGS") { Description = "What the program gets; write it behind --.", Arity = ArgumentArity.ZeroOrMore };
        Option<int?> ranks = NumberOption.Int("-n", "N", 1, MostRanks, "Ranks: as many as the model is planned for.");
        ranks.Required = true;
        var hosts = new Option<string?>("--hosts") { Description = "Machines, a line each: NAME slots=N. Without it all ranks run here.", HelpName = "FILE" };
        var transport = new Option<string?>("--transport") { Description = "Given to the program as --transport NAME, before ARGS.", HelpName = "NAME" };
        var unbound = new Option<bool>("--unbound") { Description = "Do not bind ranks to processors." };
        Option<int?> cores = NumberOption.Int("--cores", "C", 1, MostCores, "Bind each rank to so many cores. Default: its share of this machine's; with --hosts, unbound.");
        var slurm = new Option<bool>("--slurm") { Description = "Write a batch script for Slurm, and submit it with sbatch." };
        var script = new Option<string?>("--out") { Description = "The script of --slurm. Default PROGRAM.sbatch.", HelpName = "FILE" };
        var dry = new Option<bool>("--dry-run") { Description = "Print what would be run, or the script, and run nothing." };
        var command = new Command(
            "launch",
            "Runs a program with each rank a process, under Open MPI or Slurm. When one fails the others are stopped; Ctrl-C stops all.")
        {
            project, rest, ranks, hosts, transport, unbound, cores, slurm, script, dry,
        };
        command.SetAction(result =>
        {
            int count = result.GetValue(ranks)!.Value;
            bool isSlurm = result.GetValue(slurm);
            string? hostFile = result.GetValue(hosts);
            bool isUnbound = result.GetValue(unbound);
            int? coresPerRank = result.GetValue(cores);
            if (isSlurm && (hostFile is not null || isUnbound || coresPerRank is not null))
                throw CommandException.BadInput($"{(hostFile is not null ? "--hosts" : isUnbound ? "--unbound" : "--cores")}: Slurm places ranks itself; write what you want into the script");
            if (isUnbound && coresPerRank is not null)
                throw CommandException.BadInput("--cores: binds ranks, and --unbound does not; give one of them");
            if (!isSlurm && result.GetValue(script) is not null)
                throw CommandException.BadInput("--out: belongs to --slurm");
            if (result.GetValue(script) is { } named)
                OutputFiles.Check([("--out", named)]);
            if (hostFile is not null)
                _ = HostFile.Read(hostFile, count);

            LaunchProgram program = LaunchProgram.Build(result.GetValue(project)!, error);
            program.CheckRanks(count);
            string[] passed = [.. result.GetValue(transport) is { } name ? (string[])["--transport", name] : [], .. result.GetValue(rest) ?? []];
            IReadOnlyList<string> ranked = program.Command(passed);
            if (isSlurm)
            {
                string text = SlurmScript.Write(program.Name, count, ranked);
                if (result.GetValue(dry))
                {
                    output.Write(text);
                    return CommandLine.Done;
                }

                string path = result.GetValue(script) ?? program.Name + ".sbatch";
                AtomicFile.WriteText(path, text);
                error.WriteLine($"wrote {path}");
                output.WriteLine(SlurmScript.Submit(path));
                return CommandLine.Done;
            }

            var machine = MachineProcessors.Own();
            MpiCommandLine line = MpiCommandLine.For(count, hostFile, isUnbound, coresPerRank, machine, Environment.UserName == "root");
            if (result.GetValue(dry))
            {
                output.WriteLine(string.Join(' ', line.Arguments(ranked).Prepend("mpirun").Select(SlurmScript.Quote)));
                return CommandLine.Done;
            }

            error.WriteLine(line.Describe(machine));
            return MpiLaunch.Run(line, ranked, output, error);
        });
        return command;
    }
}
