using System.ComponentModel;
using System.Diagnostics;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>Programs of the system.</summary>
internal static class SystemCommand
{
    /// <summary>Runs a program to its end.</summary>
    /// <param name="input">What it reads.</param>
    /// <param name="program">Its name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>What it printed.</returns>
    /// <exception cref="InvalidOperationException">It cannot be started or failed; the message is what it said.</exception>
    public static string Run(string? input, string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = TryStart(start) ?? throw new InvalidOperationException($"{program} cannot be started: install it");
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (input is not null)
            process.StandardInput.Write(input);
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed: {errors.Result.Trim()}");
    }

    /// <summary>Whether a program is there.</summary>
    public static bool Exists(string program)
    {
        using Process? process = TryStart(new ProcessStartInfo(program, "-V") { RedirectStandardOutput = true, RedirectStandardError = true });
        process?.WaitForExit();
        return process is not null;
    }

    private static Process? TryStart(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
