using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ParallelDsl.CodeFixes;

/// <summary>Adds <c>partial</c> to a model, to a type that contains one, or to a layer property.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(AddPartialCodeFix))]
[Shared]
public sealed class AddPartialCodeFix : CodeFixProvider
{
    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = ["PDSL1001", "PDSL1002", "PDSL1004"];

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        SyntaxNode? root = await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false);
        MemberDeclarationSyntax? declaration = root?.FindToken(context.Span.Start).Parent?.FirstAncestorOrSelf<MemberDeclarationSyntax>();
        if (root is null || declaration is null || declaration.Modifiers.Any(SyntaxKind.PartialKeyword))
            return;
        string name = declaration switch
        {
            TypeDeclarationSyntax type => type.Identifier.ValueText,
            PropertyDeclarationSyntax property => property.Identifier.ValueText,
            _ => string.Empty,
        };
        if (name.Length == 0)
            return;
        CodeAction action = CodeAction.Create(
            $"Make '{name}' partial",
            _ => Task.FromResult(context.Document.WithSyntaxRoot(root.ReplaceNode(declaration, AddPartial(declaration)))),
            equivalenceKey: nameof(AddPartialCodeFix));
        context.RegisterCodeFix(action, context.Diagnostics);
    }

    /// <summary><c>partial</c> is the last modifier: right before the keyword of a type and the type of a property.</summary>
    private static MemberDeclarationSyntax AddPartial(MemberDeclarationSyntax declaration)
    {
        SyntaxToken partial = SyntaxFactory.Token(SyntaxKind.PartialKeyword).WithTrailingTrivia(SyntaxFactory.Space);
        if (declaration.Modifiers.Count > 0)
            return declaration.WithModifiers(declaration.Modifiers.Add(partial));

        // The comments and the indentation before the first token go with it, and after the attributes.
        SyntaxToken first = declaration switch
        {
            TypeDeclarationSyntax type => type.Keyword,
            PropertyDeclarationSyntax property => property.Type.GetFirstToken(),
            _ => declaration.GetFirstToken(),
        };
        MemberDeclarationSyntax bare = declaration.ReplaceToken(first, first.WithLeadingTrivia());
        return bare.WithModifiers(SyntaxFactory.TokenList(partial.WithLeadingTrivia(first.LeadingTrivia)));
    }
}
