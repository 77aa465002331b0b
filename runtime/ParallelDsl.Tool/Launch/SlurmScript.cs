using System.Diagnostics;
using System.Globalization;

namespace ParallelDsl.Tool.Launch;

/// <summary>A run as a batch script of Slurm.</summary>
internal static class SlurmScript
{
    /// <summary>Seconds that ranks have to end well when Slurm asks them to: less than it leaves them then (KillWait, 30 s unless configured).</summary>
    private const int GraceSeconds = 25;

    /// <summary>The script. Slurm's own launcher is used where it speaks PMIx, Open MPI's else: which of them works is known where it runs.</summary>
    /// <param name="name">The job's name.</param>
    /// <param name="ranks">How many ranks.</param>
    /// <param name="command">The command of a rank.</param>
    public static string Write(string name, int ranks, IReadOnlyList<string> command)
    {
        string quoted = string.Join(' ', command.Select(Quote));
        return string.Create(CultureInfo.InvariantCulture, $$"""
            #!/bin/bash
            #SBATCH --job-name={{JobName(name)}}
            #SBATCH --ntasks={{ranks}}
            #SBATCH --output=%x-%j.out
            # Written by paralleldsl launch --slurm. Add what your cluster asks for: --partition, --account, --time, --nodes, --cpus-per-task.
            set -u
            # At the time limit, and after scancel, ranks have so many seconds to save what they have: less than Slurm's KillWait.
            export {{MpiCommandLine.GraceVariable}}=${{{MpiCommandLine.GraceVariable}}:-{{GraceSeconds}}}
            # That it is listed does not mean that it loads (Debian: it needs libpmix-dev on every machine).
            if srun --mpi=pmix --ntasks=1 --nodes=1 true 2>/dev/null; then
                # A step gets the processors that its job asked for only where it is told (Slurm 22.05 and later).
                export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}
                # Blocks of neighbouring ranks stay on one machine, in the order of the mesh. Lines start with their rank.
                exec srun --mpi=pmix --label --kill-on-bad-exit=1 --distribution=block:block {{quoted}}
            fi
            root=""
            [ "$(id -u)" = 0 ] && root=--allow-run-as-root
            # A terminal that takes no control sequences: mpirun gives ranks one, and .NET would write some before their lines.
            # mpirun kills the ranks that have not ended in time, and after a failure waits as long.
            exec mpirun $root --tag-output -x TERM=dumb -x {{MpiCommandLine.GraceVariable}} --mca odls_base_sigkill_timeout ${{MpiCommandLine.GraceVariable}} --map-by slot --bind-to none -n {{ranks}} {{quoted}}

            """).ReplaceLineEndings("\n");
    }

    /// <summary>Submits a script.</summary>
    /// <returns>What Slurm says.</returns>
    /// <exception cref="CommandException">There is no Slurm, or it refuses.</exception>
    public static string Submit(string path)
    {
        if (SearchPath.Find("sbatch") is not { } submit)
            throw CommandException.BadInput($"{path} is written, but sbatch is not on the PATH; submit it on a machine of the cluster: sbatch {path}");
        using Process process = Process.Start(new ProcessStartInfo(submit, [path]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? said.Trim()
            : throw CommandException.BadInput($"{path} is written, but sbatch refused it: {errors.Result.Trim()}");
    }

    /// <summary>A word of the shell that stands for itself.</summary>
    internal static string Quote(string word) =>
        word.Length > 0 && word.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' or '/' or '=' or ',' or ':' or '@' or '%' or '+')
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string JobName(string name) => string.Concat(name.Select(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' ? character : '_'));
}
