namespace ParallelDsl.Mpi.Tests;

/// <summary>A test that needs Open MPI's launcher. Skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MpiFactAttribute : FactAttribute
{
    public MpiFactAttribute() => Skip = Launcher.WhyNot;
}

/// <summary>The same with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MpiTheoryAttribute : TheoryAttribute
{
    public MpiTheoryAttribute() => Skip = Launcher.WhyNot;
}

/// <summary>A test that needs more memory than a machine of everybody has: run where its user asks for it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class HugeFactAttribute : FactAttribute
{
    private const string Variable = "PARALLELDSL_HUGE_MESSAGES";

    public HugeFactAttribute() => Skip = Environment.GetEnvironmentVariable(Variable) == "1"
        ? Launcher.WhyNot
        : $"Needs 8 GB of memory: {Variable}=1 dotnet test -c Release tests/ParallelDsl.Mpi.Tests --filter HugeMessageTests";
}

internal static class Launcher
{
    public static string? WhyNot { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "mpirun")))
            ? null
            : "There is no mpirun here: apt-get install openmpi-bin";
}
