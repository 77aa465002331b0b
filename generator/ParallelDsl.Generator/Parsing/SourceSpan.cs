using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using ParallelDsl.Planning.Json;

namespace ParallelDsl.Generator.Parsing;

/// <summary>A place in a file, by value: a <see cref="Location"/> would keep a whole syntax tree alive between runs.</summary>
internal sealed record SourceSpan(string Path, TextSpan Span, LinePositionSpan Lines)
{
    public static SourceSpan Of(SyntaxNode node) => Of(node.SyntaxTree, node.Span);

    public static SourceSpan Of(SyntaxToken token) => Of(token.SyntaxTree!, token.Span);

    /// <summary>The character of a file at which reading it failed.</summary>
    public static SourceSpan Of(string path, SourceText source, TextError error)
    {
        // The reader counts from 1; the compiler from 0.
        LinePosition start = new(Math.Max(0, error.Line - 1), Math.Max(0, error.Column - 1));
        LinePositionSpan lines = new(start, new LinePosition(start.Line, start.Character + 1));
        int position = start.Line < source.Lines.Count
            ? Math.Min(source.Lines[start.Line].Start + start.Character, source.Length)
            : source.Length;
        return new SourceSpan(path, new TextSpan(position, Math.Min(1, source.Length - position)), lines);
    }

    public Location ToLocation() => Location.Create(Path, Span, Lines);

    private static SourceSpan Of(SyntaxTree tree, TextSpan span) => new(tree.FilePath, span, tree.GetLineSpan(span).Span);
}
