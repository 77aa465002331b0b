using static System.FormattableString;

namespace ParallelDsl.Planning.Json;

/// <summary>What is wrong with a text, and where.</summary>
/// <param name="Line">The line, from 1.</param>
/// <param name="Column">The column, from 1, counted in UTF-16 code units.</param>
/// <param name="Field">The path of the field, as in <c>nodes[0].count</c>; empty for the text as a whole.</param>
/// <param name="Message">What is wrong; one sentence, no full stop.</param>
public sealed record TextError(int Line, int Column, string Field, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => Field.Length == 0
        ? Invariant($"line {Line}, column {Column}: {Message}")
        : Invariant($"line {Line}, column {Column}, {Field}: {Message}");
}

/// <summary>What came of reading a text: a value or an error, never both, never neither.</summary>
/// <typeparam name="T">What the text describes.</typeparam>
/// <param name="Value">The value, or null.</param>
/// <param name="Error">The error, or null.</param>
public sealed record Parsed<T>(T? Value, TextError? Error)
    where T : class;

// Leaves the readers of this folder; never the assembly.
internal sealed class TextException(TextError error) : Exception(error.ToString())
{
    public TextError Error { get; } = error;
}
