using System.CommandLine;
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
        RootCommand root = Root(output, error);
        // An argument that starts with '@' is a file name like any other.
        ParseResult result = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        bool asksForHelp = result.Action is System.CommandLine.Help.HelpAction;
        if (result.Errors.Count > 0 && !asksForHelp)
        {
            error.WriteLine(OneLine($"{CommandName(result)}: {Explain(result)} (see {CommandName(result)} --help)"));
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

    private static RootCommand Root(TextWriter output, TextWriter error)
    {
        var root = new RootCommand(
            "Shows and checks parallel training plans.\n\n"
            + "Results go to standard output, everything else to standard error. Exit codes: 0 done; 1 the plan is infeasible or a check failed; "
            + "2 bad usage or bad input.");
        root.Subcommands.Add(PlanCommand.Create(output, error));
        return root;
    }

    private static string CommandName(ParseResult result)
    {
        var names = new List<string>();
        for (SymbolResult? symbol = result.CommandResult; symbol is CommandResult { Command: not RootCommand } command; symbol = symbol.Parent)
            names.Insert(0, command.Command.Name);
        return string.Join(' ', names.Prepend(Name));
    }

    /// <summary>The first error in our words, with the nearest name where something is misspelt.</summary>
    private static string Explain(ParseResult result)
    {
        Command command = result.CommandResult.Command;
        if (result.UnmatchedTokens.Count > 0)
        {
            string unknown = result.UnmatchedTokens[0];
            bool isOption = unknown.StartsWith('-');
            IEnumerable<string> known = isOption
                ? command.Options.Select(option => option.Name)
                : command.Subcommands.Select(subcommand => subcommand.Name);
            string what = isOption ? "unknown option" : command.Subcommands.Count > 0 ? "unknown command" : "one argument too many:";
            return $"{what} '{unknown}'{NearestNames.Suggest(unknown, known)}";
        }

        if (command is RootCommand && result.Tokens.Count == 0)
            return "no command given; one of " + string.Join(", ", command.Subcommands.Select(subcommand => subcommand.Name));
        return result.Errors[0].Message.TrimEnd('.');
    }

    private static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (char character in text.ReplaceLineEndings(" "))
            line.Append(char.IsControl(character) ? ' ' : character);
        return line.ToString();
    }
}
