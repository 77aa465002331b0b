using System.Globalization;
using System.Text;
using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>The text of actions and programs: <c>F3.0</c>; <c>RF1.0 F1.0 SF1.0</c>. The same everywhere: plan files, reports,
/// errors.</summary>
public static class PipelineText
{
    private static readonly string[] Marks = ["F", "B", "W", "X", "SF", "RF", "SB", "RB"];

    /// <summary>The mark of <paramref name="kind"/>: F, B, W, X (unsplit backward), SF, RF, SB or RB.</summary>
    public static string Mark(ActionKind kind) => kind >= 0 && (int)kind < Marks.Length ? Marks[(int)kind] : Invariant($"?{(int)kind}?");

    /// <summary>The text of <paramref name="action"/>: mark, stage, dot, micro-batch.</summary>
    public static string Write(PipelineAction action) => Invariant($"{Mark(action.Kind)}{action.Stage}.{action.MicroBatch}");

    /// <summary>The text of <paramref name="program"/>: its actions, a space between two.</summary>
    public static string Write(PipelineProgram program)
    {
        var text = new StringBuilder();
        foreach (PipelineAction action in program.Actions)
        {
            if (text.Length > 0)
                text.Append(' ');
            text.Append(Mark(action.Kind)).Append(action.Stage.ToString(CultureInfo.InvariantCulture)).Append('.')
                .Append(action.MicroBatch.ToString(CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    /// <summary>Reads one action.</summary>
    /// <exception cref="FormatException">The text is not a mark, a stage, a dot and a micro-batch.</exception>
    public static PipelineAction ParseAction(string text)
    {
        int digits = 0;
        while (digits < text.Length && text[digits] is >= 'A' and <= 'Z')
            digits++;
        int kind = Array.IndexOf(Marks, text.Substring(0, digits));
        int dot = text.IndexOf('.');
        if (kind < 0 || dot < 0
            || !TryParseIndex(text.Substring(digits, Math.Max(0, dot - digits)), out int stage)
            || !TryParseIndex(text.Substring(dot + 1), out int microBatch))
        {
            throw new FormatException(
                $"'{text}' is not an action: expected one of {string.Join(", ", Marks)}, a stage, a dot and a micro-batch, as in RF3.0");
        }

        return new PipelineAction((ActionKind)kind, stage, microBatch);
    }

    /// <summary>Reads one program: actions with a single space between two; empty text is an empty program.</summary>
    /// <exception cref="FormatException">An action is malformed; the message says which and where.</exception>
    public static PipelineProgram ParseProgram(string text)
    {
        if (text.Length == 0)
            return new PipelineProgram(default);
        string[] words = text.Split(' ');
        var actions = new PipelineAction[words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            try
            {
                actions[i] = ParseAction(words[i]);
            }
            catch (FormatException exception)
            {
                throw new FormatException(Invariant($"action {i}: {exception.Message}"), exception);
            }
        }

        return new PipelineProgram(new(actions));
    }

    // Only digits, no sign, no leading zero: every action has exactly one text.
    private static bool TryParseIndex(string text, out int value)
    {
        value = 0;
        return (text.Length == 1 || (text.Length > 1 && text[0] != '0'))
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }
}
