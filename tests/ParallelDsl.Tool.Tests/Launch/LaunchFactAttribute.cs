using System.Diagnostics;
using ParallelDsl.Tool.Launch;

namespace ParallelDsl.Tool.Tests.Launch;

/// <summary>A test that needs what may not be here: skipped then, with the reason.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LaunchFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> WhyNotBound = new(() =>
    {
        if (MachineProcessors.Own().Cores < 2)
            return "Two ranks need a core each: this machine has one.";
        using Process process = Process.Start(new ProcessStartInfo(
            "mpirun", ["--allow-run-as-root", "-n", "2", "--map-by", "slot:PE=1", "--bind-to", "core", "true"])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> said = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : $"mpirun binds no processes here: {said.Result.ReplaceLineEndings(" ")}";
    });

    public LaunchFactAttribute(params string[] programs)
    {
        Skip = LaunchTheoryAttribute.WhyNot(programs);
    }

    /// <summary>Whether it starts daemons that only root may start.</summary>
    public bool NeedsRoot
    {
        get => field;
        set
        {
            field = value;
            if (value && Environment.UserName != "root")
                Skip ??= "Slurm's daemons start processes as other users: only root may run them.";
        }
    }

    /// <summary>Whether it binds two ranks to a core each.</summary>
    public bool BindsTwo
    {
        get => field;
        set
        {
            field = value;
            if (value)
                Skip ??= WhyNotBound.Value;
        }
    }
}

/// <summary>The same with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LaunchTheoryAttribute : TheoryAttribute
{
    public LaunchTheoryAttribute(params string[] programs) => Skip = WhyNot(programs);

    internal static string? WhyNot(string[] programs)
    {
        string[] missing = [.. programs.Where(program => SearchPath.Find(program) is null)];
        return missing.Length == 0 ? null : $"Not on the PATH: {string.Join(", ", missing)} (apt-get install openmpi-bin slurm-wlm).";
    }
}
