using System.Diagnostics;
using System.Globalization;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tool.Launch;

/// <summary>The program whose process each rank is.</summary>
/// <param name="Assembly">Full path of its assembly.</param>
internal sealed record LaunchProgram(string Assembly)
{
    /// <summary>The name that jobs and files get.</summary>
    public string Name => Path.GetFileNameWithoutExtension(Assembly);

    /// <summary>Builds a project once, so that ranks do not build it at the same time; an assembly is taken as it is.</summary>
    /// <param name="project">A project file, its folder, or a built assembly.</param>
    /// <param name="error">What the compiler says.</param>
    /// <exception cref="CommandException">There is none, or it does not build.</exception>
    public static LaunchProgram Build(string project, TextWriter error)
    {
        if (project.EndsWith(".dll", StringComparison.OrdinalIgnoreCase))
        {
            return File.Exists(project)
                ? new LaunchProgram(Path.GetFullPath(project))
                : throw CommandException.BadInput($"{project}: no such file; build the project first, or name the project");
        }

        string file = Find(project);
        error.WriteLine($"building {file}");
        ProcessStartInfo start = new(Dotnet, ["build", file, "-c", "Release", "--nologo", "-t:Build", "-getProperty:TargetPath", "-getProperty:OutputType"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> complaints = process.StandardError.ReadToEndAsync();
        string said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        error.Write(complaints.Result);
        if (process.ExitCode != 0)
        {
            // The properties are printed all the same; what comes instead of them belongs to the complaints.
            if (!said.StartsWith('{'))
                error.Write(said);
            throw CommandException.BadInput($"{project}: does not build; dotnet says why above");
        }

        using var properties = System.Text.Json.JsonDocument.Parse(said);
        System.Text.Json.JsonElement values = properties.RootElement.GetProperty("Properties");
        if (values.GetProperty("OutputType").GetString() is not ("Exe" or "WinExe"))
            throw CommandException.BadInput($"{project}: is a library; name the project of a program");
        return new LaunchProgram(values.GetProperty("TargetPath").GetString()!);
    }

    /// <summary>The command of a rank.</summary>
    public IReadOnlyList<string> Command(IReadOnlyList<string> arguments) => [Dotnet, Assembly, .. arguments];

    /// <summary>Refuses a number of ranks that no model of the program is planned for. A program without models runs on any number.</summary>
    /// <exception cref="CommandException">It is another number.</exception>
    public void CheckRanks(int ranks)
    {
        if (CompiledModels.Find(Assembly) is not { Models.Count: > 0 } compiled)
            return;
        (string Name, ParallelPlan Plan)[] plans = [.. compiled.Models.Select(model => (model.Name, compiled.ReadPlan(model)))];
        if (plans.Any(plan => plan.Plan.Mesh.Size == ranks))
            return;
        string planned = string.Join(", ", plans.Select(plan => string.Create(CultureInfo.InvariantCulture, $"{plan.Name} is planned for {plan.Plan.Mesh.Size} ranks")));
        throw CommandException.BadInput(string.Create(CultureInfo.InvariantCulture, $"-n {ranks}: {planned}; start as many, or declare other axes"));
    }

    /// <summary>The host that runs this tool, where that is dotnet itself: the same is meant on every machine.</summary>
    private static string Dotnet => Environment.ProcessPath is { } own && Path.GetFileNameWithoutExtension(own) == "dotnet" ? own : "dotnet";

    private static string Find(string project)
    {
        if (File.Exists(project))
        {
            return project.EndsWith("proj", StringComparison.OrdinalIgnoreCase)
                ? project
                : throw CommandException.BadInput($"{project}: is neither a project nor an assembly");
        }

        if (!Directory.Exists(project))
            throw CommandException.BadInput($"{project}: no such project; name its folder, its .csproj file or its built .dll");
        string[] files = Directory.GetFiles(project, "*.csproj");
        return files.Length switch
        {
            1 => files[0],
            0 => throw CommandException.BadInput($"{project}: has no project (.csproj)"),
            _ => throw CommandException.BadInput($"{project}: has several projects; name one of {string.Join(", ", files.Select(Path.GetFileName).Order(StringComparer.Ordinal))}"),
        };
    }
}
