using System.Diagnostics;
using System.Globalization;

namespace TrainGpt.Tests;

/// <summary>What a run of TrainGpt left behind.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">What it wrote to stdout.</param>
/// <param name="Errors">What it wrote to stderr.</param>
internal sealed record Outcome(int ExitCode, string Output, string Errors)
{
    /// <summary>The lines of <see cref="Errors"/>.</summary>
    public string[] ErrorLines => Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>What follows <paramref name="label"/> in the summary.</summary>
    public string Line(string label) =>
        Output.Split('\n').Single(line => line.StartsWith(label + " ", StringComparison.Ordinal))[label.Length..].Trim();

    public override string ToString() => $"exit code {ExitCode}\nstdout:\n{Output}\nstderr:\n{Errors}";
}

/// <summary>Runs TrainGpt as its user does: a process with arguments.</summary>
internal sealed class TrainGptProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly TaskCompletionSource _firstStep = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task<string> _errors;

    private TrainGptProcess(string file, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _errors = ReadErrors();
    }

    /// <summary>The command that runs TrainGpt: the dotnet host and the assembly.</summary>
    public static IReadOnlyList<string> Command { get; } =
        [Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", Path.Combine(AppContext.BaseDirectory, "TrainGpt.dll")];

    /// <summary>Runs TrainGpt to its end.</summary>
    public static Task<Outcome> Run(params IEnumerable<string> arguments) => RunCommand([.. Command, .. arguments]);

    /// <summary>Runs any command to its end.</summary>
    public static async Task<Outcome> RunCommand(IReadOnlyList<string> command)
    {
        using TrainGptProcess process = new(command[0], command.Skip(1));
        return await process.Wait();
    }

    /// <summary>Runs TrainGpt, presses Ctrl-C after the first step and waits for the end.</summary>
    public static Task<Outcome> Interrupt(params IEnumerable<string> arguments) => InterruptCommand([.. Command, .. arguments]);

    /// <summary>The same with any command that runs it.</summary>
    public static async Task<Outcome> InterruptCommand(IReadOnlyList<string> command)
    {
        using TrainGptProcess process = new(command[0], command.Skip(1));
        await Task.WhenAny(process._firstStep.Task, process._process.WaitForExitAsync()).WaitAsync(Patience);
        Process.Start("kill", ["-INT", process._process.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();
        return await process.Wait();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private async Task<Outcome> Wait()
    {
        await _process.WaitForExitAsync().WaitAsync(Patience);
        return new Outcome(_process.ExitCode, await _output, await _errors);
    }

    private async Task<string> ReadErrors()
    {
        List<string> lines = [];
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lines.Add(line + "\n");
            if (line.StartsWith("training: step", StringComparison.Ordinal))
                _firstStep.TrySetResult();
        }

        return string.Concat(lines);
    }
}
