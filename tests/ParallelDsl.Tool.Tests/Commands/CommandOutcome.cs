using System.Globalization;

namespace ParallelDsl.Tool.Tests.Commands;

/// <summary>What came of a command.</summary>
internal sealed record CommandOutcome(int ExitCode, string Output, string Error)
{
    public static CommandOutcome Of(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int exitCode = CommandLine.Run(arguments, output, error);
        return new CommandOutcome(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>The same where another culture is the current one.</summary>
    public static CommandOutcome Under(string culture, params string[] arguments)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
            return Of(arguments);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
