using System.Collections.Immutable;
using System.Globalization;
using Microsoft.CodeAnalysis;
using ParallelDsl.Generator.Parsing;
using ParallelDsl.Planning;

namespace ParallelDsl.Generator.Diagnostics;

/// <summary>A diagnostic by value: it can be compared between runs and keeps no syntax tree alive.</summary>
/// <param name="Rule">What kind.</param>
/// <param name="Span">Where, or null for the project.</param>
/// <param name="Arguments">The arguments of the rule's message.</param>
/// <param name="Fix">What a code fix can change, or null.</param>
internal sealed record DiagnosticInfo(DiagnosticDescriptor Rule, SourceSpan? Span, EquatableArray<string> Arguments, ArgumentFix? Fix = null)
{
    public static DiagnosticInfo Create(DiagnosticDescriptor rule, SourceSpan? span, params string[] arguments) =>
        new(rule, span, arguments.ToEquatableArray());

    /// <summary>The message without its place, for the members that explain why there is no plan.</summary>
    public string Text =>
        $"{Rule.Id}: " + string.Format(CultureInfo.InvariantCulture, Rule.MessageFormat.ToString(CultureInfo.InvariantCulture), [.. Arguments]);

    public Diagnostic ToDiagnostic() => Diagnostic.Create(
        Rule,
        Span?.ToLocation() ?? Location.None,
        Fix?.ToProperties() ?? ImmutableDictionary<string, string?>.Empty,
        [.. Arguments]);
}

/// <summary>An argument and values that would do; it travels to the code fixes in the properties of the diagnostic.</summary>
/// <param name="Argument">The argument by the name of its property.</param>
/// <param name="Values">Values, best first.</param>
internal sealed record ArgumentFix(string Argument, EquatableArray<long> Values)
{
    // The code fixes are another assembly, which does not reference this one; a test checks that both spell these alike.
    public const string ArgumentKey = "ParallelDsl.Argument";
    public const string ValuesKey = "ParallelDsl.Values";

    public ImmutableDictionary<string, string?> ToProperties() => ImmutableDictionary<string, string?>.Empty
        .Add(ArgumentKey, Argument)
        .Add(ValuesKey, string.Join(",", Values.Select(value => value.ToString(CultureInfo.InvariantCulture))));
}
