using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ParallelDsl.Generator.Parsing;

/// <summary>Reads one attribute: its values, and where each is written. It lives only while symbols are read.</summary>
internal readonly struct DeclaredAttribute(AttributeData data, CancellationToken cancellation)
{
    private readonly AttributeSyntax? _syntax = data.ApplicationSyntaxReference?.GetSyntax(cancellation) as AttributeSyntax;

    /// <summary>The value of the first argument of the constructor: a degree, a count, a cluster. Null where the compiler could not read
    /// it.</summary>
    public object? First =>
        data.ConstructorArguments.FirstOrDefault() is { Kind: not TypedConstantKind.Array } constant ? constant.Value : null;

    /// <summary>Whether the compiler reports errors of its own about this attribute; its values then mean nothing.</summary>
    public bool HasErrors =>
        data.AttributeConstructor is null
        || data.ConstructorArguments.Any(argument => argument.Kind == TypedConstantKind.Error)
        || data.NamedArguments.Any(argument => argument.Value.Kind == TypedConstantKind.Error)
        || (_syntax is not null && _syntax.ArgumentList?.Arguments.Count(argument => argument.NameEquals is not null) is int written
            && written != data.NamedArguments.Length);

    /// <summary>The value of a named argument, or <paramref name="absent"/> where it is not written.</summary>
    public T Named<T>(string name, T absent)
    {
        foreach (KeyValuePair<string, TypedConstant> argument in data.NamedArguments)
        {
            if (argument.Key == name)
                return argument.Value.Value is T value ? value : absent;
        }

        return absent;
    }

    /// <summary>Whether a named argument is written.</summary>
    public bool Has(string name) => data.NamedArguments.Any(argument => argument.Key == name);

    /// <summary>Where the attribute is written, or null when it is in a referenced assembly.</summary>
    public SourceSpan? Span => _syntax is null ? null : SourceSpan.Of(_syntax);

    /// <summary>Where an argument is written (<paramref name="name"/> empty: the one of the constructor); else where the attribute is.</summary>
    public SourceSpan? SpanOf(string name)
    {
        AttributeArgumentSyntax? found = _syntax?.ArgumentList?.Arguments.FirstOrDefault(argument => name.Length == 0
            ? argument.NameEquals is null
            : argument.NameEquals?.Name.Identifier.ValueText == name);
        return found is null ? Span : SourceSpan.Of(found.Expression);
    }

    /// <summary>The arguments that are written, by the names of their properties, and where; the one without a name is called
    /// <paramref name="first"/>.</summary>
    public IEnumerable<(string Name, SourceSpan Span)> Written(string first)
    {
        if (_syntax?.ArgumentList is not { } list)
            yield break;
        foreach (AttributeArgumentSyntax argument in list.Arguments)
            yield return (argument.NameEquals?.Name.Identifier.ValueText ?? first, SourceSpan.Of(argument.Expression));
    }
}
