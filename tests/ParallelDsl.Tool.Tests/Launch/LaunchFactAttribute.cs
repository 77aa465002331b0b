using ParallelDsl.Tool.Launch;

namespace ParallelDsl.Tool.Tests.Launch;

/// <summary>A test that needs programs that may not be here: skipped then, with the reason.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LaunchFactAttribute : FactAttribute
{
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
