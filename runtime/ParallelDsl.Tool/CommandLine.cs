using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Text;
using ParallelDsl.Tool.Commands;

namespace ParallelDsl.Tool;

/// <summary>The command line. The result goes to standard output, everything else to standard error; 0 is done, 1 an infeasible plan or a
/// failed check, 2 bad usage or bad input, said in one line.</summary>
public static class CommandLine
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>The plan is infeasible, or a check failed.</summary>
    public const int Failed = 1;

    /// <summary>Bad usage or bad input.</summary>
    public const int BadInput = 2;

    private const string Name = "paralleldsl";

    /// <summary>Runs one command.</summary>
    /// <param name="arguments">What was typed after the name of the tool.</param>
    /// <param name="output">Standard output: results only.</param>
    /// <param name="error">Standard error.</param>
    /// <returns>The exit code.</returns>
    public static int Run(IReadOnlyList<string> arguments, TextWriter output, TextWriter error)
    {
        Command root = Root(output, error);
        // An argument that starts with '@' is a file name like any other.
        ParseResult result = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Action is not HelpAction && Explain(result) is { } fault)
        {
            error.WriteLine(OneLine($"{CommandName(result)}: {fault} (see {CommandName(result)} --help)"));
            return BadInput;
        }

        try
        {
            var configuration = new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false };
            return result.Invoke(configuration);
        }
        catch (CommandException exception)
        {
            error.WriteLine(OneLine($"{CommandName(result)}: {exception.Message}"));
            return exception.ExitCode;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            error.WriteLine(OneLine($"{CommandName(result)}: {exception.Message}"));
            return BadInput;
        }
    }

    private static Command Root(TextWriter output, TextWriter error)
    {
        // Not a RootCommand, which is named after the process: help shows the name that users type.
        var root = new Command(
            Name,
            "Shows and checks parallel training plans.\n\n"
            + "Results go to standard output, everything else to standard error.\n"
            + "Exit codes: 0 done; 1 the plan is infeasible or a check failed; 2 bad usage or bad input.")
        {
            new HelpOption { Recursive = true },
            new VersionOption(),
        };
        root.Subcommands.Add(PlanCommand.Create(output, error));
        root.Subcommands.Add(PipelineCommand.Create(output, error));
        root.Subcommands.Add(BatchCommand.Create(output, error));
        root.Subcommands.Add(RingsCommand.Create(output, error));
        root.Subcommands.Add(LaunchCommand.Create(output, error));
        return root;
    }

    private static string CommandName(ParseResult result)
    {
        var names = new List<string>();
        for (SymbolResult? symbol = result.CommandResult; symbol is not null; symbol = symbol.Parent)
        {
            if (symbol is CommandResult command)
                names.Insert(0, command.Command.Name);
        }

        return string.Join(' ', names);
    }

    /// <summary>The first thing wrong with what was typed, in our words, or null.</summary>
    private static string? Explain(ParseResult result)
    {
        Command command = result.CommandResult.Command;
        // The parser takes an unknown option for an argument where one is missing. A file of such a name can be written as ./--name.
        // A negative number is no option: who reads it says what is wrong with it.
        // What stands behind -- is somebody else's.
        string? option = result.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash).FirstOrDefault(token =>
            token is { Type: TokenType.Argument, Value.Length: > 1 } && token.Value[0] == '-' && !char.IsAsciiDigit(token.Value[1]))?.Value;
        if (option is not null)
            return $"unknown option '{option}'{NearestNames.Suggest(option, command.Options.Select(known => known.Name))}";
        if (result.UnmatchedTokens.Count > 0)
        {
            string token = result.UnmatchedTokens[0];
            return command.Subcommands.Count == 0
                ? $"one argument too many: '{token}'"
                : $"unknown command '{token}'{NearestNames.Suggest(token, command.Subcommands.Select(known => known.Name))}";
        }

        if (result.Errors.Count == 0)
            return null;
        return command.Subcommands.Count > 0
            ? "no command given; one of " + string.Join(", ", command.Subcommands.Select(known => known.Name))
            : result.Errors[0].Message.TrimEnd('.');
    }

    private static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (char character in text.ReplaceLineEndings(" "))
            line.Append(char.IsControl(character) ? ' ' : character);
        return line.ToString();
    }
}
