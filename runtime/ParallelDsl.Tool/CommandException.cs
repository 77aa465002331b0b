namespace ParallelDsl.Tool;

/// <summary>Ends a command with one line for the user.</summary>
/// <param name="exitCode">The exit code: <see cref="CommandLine.Failed"/> or <see cref="CommandLine.BadInput"/>.</param>
/// <param name="message">The line, with what is wrong, where, and what to do.</param>
internal sealed class CommandException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>Bad usage or bad input.</summary>
    public static CommandException BadInput(string message) => new(CommandLine.BadInput, message);

    /// <summary>An infeasible plan or a failed check.</summary>
    public static CommandException Failed(string message) => new(CommandLine.Failed, message);
}
