using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace ParallelDsl.Generator.Parsing;

/// <summary>A place in a file, by value: a <see cref="Location"/> would keep a whole syntax tree alive between runs.</summary>
internal sealed record SourceSpan(string Path, TextSpan Span, LinePositionSpan Lines)
{
    public static SourceSpan Of(SyntaxNode node) => Of(node.SyntaxTree, node.Span);

    public static SourceSpan Of(SyntaxToken token) => Of(token.SyntaxTree!, token.Span);

    public Location ToLocation() => Location.Create(Path, Span, Lines);

    private static SourceSpan Of(SyntaxTree tree, TextSpan span) => new(tree.FilePath, span, tree.GetLineSpan(span).Span);
}
