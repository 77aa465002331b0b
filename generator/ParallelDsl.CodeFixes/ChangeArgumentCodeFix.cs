using System.Collections.Immutable;
using System.Composition;
using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ParallelDsl.CodeFixes;

/// <summary>Writes a value that would do into the argument that is wrong: a degree, a number of heads, of micro-batches, of tokens. The values
/// come with the diagnostic; the planner found them.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(ChangeArgumentCodeFix))]
[Shared]
public sealed class ChangeArgumentCodeFix : CodeFixProvider
{
    // As the generator spells them; a test checks that both do alike.
    private const string ArgumentKey = "ParallelDsl.Argument";
    private const string ValuesKey = "ParallelDsl.Values";

    /// <summary>What the planner calls the one argument that is written without a name.</summary>
    private const string Degree = "Degree";

    private const int MostChoices = 4;

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } =
    [
        "PDSL1010",
        "PDSL2002", "PDSL2003", "PDSL2004", "PDSL2005", "PDSL2007", "PDSL2008",
        "PDSL3001", "PDSL3002", "PDSL3003", "PDSL3004", "PDSL3005", "PDSL3006", "PDSL3007", "PDSL3020",
    ];

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        SyntaxNode? root = await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false);
        AttributeSyntax? attribute = root?.FindToken(context.Span.Start).Parent?.FirstAncestorOrSelf<AttributeSyntax>();
        if (root is null || attribute is null)
            return;
        foreach (Diagnostic diagnostic in context.Diagnostics)
        {
            if (!diagnostic.Properties.TryGetValue(ArgumentKey, out string? argument)
                || !diagnostic.Properties.TryGetValue(ValuesKey, out string? values)
                || argument is not { Length: > 0 })
            {
                continue;
            }

            foreach (string text in values?.Split(',').Take(MostChoices) ?? [])
            {
                if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value))
                    continue;
                CodeAction action = CodeAction.Create(
                    argument == Degree ? $"Change the degree to {text}" : $"Write {argument} = {Literal(value)}",
                    _ => Task.FromResult(context.Document.WithSyntaxRoot(root.ReplaceNode(attribute, Change(attribute, argument, value)))),
                    equivalenceKey: $"{argument} = {text}");
                context.RegisterCodeFix(action, diagnostic);
            }
        }
    }

    private static AttributeSyntax Change(AttributeSyntax attribute, string argument, int value)
    {
        ExpressionSyntax literal = SyntaxFactory.LiteralExpression(SyntaxKind.NumericLiteralExpression, SyntaxFactory.Literal(Literal(value), value));
        AttributeArgumentSyntax? written = attribute.ArgumentList?.Arguments.FirstOrDefault(item => argument == Degree
            ? item.NameEquals is null
            : item.NameEquals?.Name.Identifier.ValueText == argument);
        if (written is not null)
            return attribute.ReplaceNode(written.Expression, literal.WithTriviaFrom(written.Expression));

        AttributeArgumentSyntax added = SyntaxFactory.AttributeArgument(literal)
            .WithNameEquals(SyntaxFactory.NameEquals(
                SyntaxFactory.IdentifierName(argument).WithTrailingTrivia(SyntaxFactory.Space),
                SyntaxFactory.Token(SyntaxKind.EqualsToken).WithTrailingTrivia(SyntaxFactory.Space)));
        AttributeArgumentListSyntax list = attribute.ArgumentList ?? SyntaxFactory.AttributeArgumentList();
        SeparatedSyntaxList<AttributeArgumentSyntax> arguments = list.Arguments.Count == 0
            ? SyntaxFactory.SingletonSeparatedList(added)
            : SyntaxFactory.SeparatedList<AttributeArgumentSyntax>(list.Arguments.GetWithSeparators()
                .Add(SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space))
                .Add(added));
        return attribute.WithArgumentList(list.WithArguments(arguments));
    }

    /// <summary>The number as a person writes it: <c>8_192</c>.</summary>
    private static string Literal(int value) => value.ToString("N0", CultureInfo.InvariantCulture).Replace(',', '_');
}
