using System.Text;

namespace ParallelDsl.Generator.Emission;

/// <summary>Writes C# text: four spaces a level, lines that end in one line feed.</summary>
internal sealed class IndentedWriter
{
    // Every character that ends a line in C#, so that no text can leave a comment.
    private static readonly string[] LineEnds = ["\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"];

    private readonly StringBuilder _text = new();
    private int _level;

    /// <summary>Writes a line; an empty one gets no spaces.</summary>
    public IndentedWriter Line(string line = "")
    {
        if (line.Length > 0)
            _text.Append(' ', 4 * _level).Append(line);
        _text.Append('\n');
        return this;
    }

    /// <summary>Writes each line of <paramref name="lines"/>, indented.</summary>
    public IndentedWriter Lines(string lines)
    {
        foreach (string line in Split(lines))
            Line(line);
        return this;
    }

    /// <summary>Writes <paramref name="header"/> and opens a block.</summary>
    public IndentedWriter Open(string header)
    {
        Line(header).Line("{");
        _level++;
        return this;
    }

    /// <summary>Closes a block.</summary>
    public IndentedWriter Close(string after = "")
    {
        _level--;
        return Line("}" + after);
    }

    /// <summary>Indents what follows by one level more.</summary>
    public IndentedWriter Indent()
    {
        _level++;
        return this;
    }

    /// <summary>Ends <see cref="Indent"/>.</summary>
    public IndentedWriter Outdent()
    {
        _level--;
        return this;
    }

    /// <summary>Takes back an empty line, where one was written between members and no member follows.</summary>
    public IndentedWriter TrimBlankLine()
    {
        if (_text.Length > 1 && _text[_text.Length - 1] == '\n' && _text[_text.Length - 2] == '\n')
            _text.Length--;
        return this;
    }

    /// <summary>Writes a documentation comment of one element. <paramref name="xml"/> is XML already.</summary>
    public IndentedWriter Doc(string xml, string element = "summary")
    {
        string[] lines = Split(xml);
        if (lines.Length == 1)
            return Line($"/// <{element}>{xml}</{element}>");
        Line($"/// <{element}>");
        foreach (string line in lines)
            Line($"/// {line}".TrimEnd());
        return Line($"/// </{element}>");
    }

    /// <summary>Text as XML. Characters that XML has no way to write become U+FFFD.</summary>
    public static string Xml(string text)
    {
        StringBuilder xml = new(text.Length);
        foreach (char character in text)
        {
            _ = character switch
            {
                '&' => xml.Append("&amp;"),
                '<' => xml.Append("&lt;"),
                '>' => xml.Append("&gt;"),
                '\t' or '\r' or '\n' => xml.Append(character),
                < ' ' or '\uFFFE' or '\uFFFF' => xml.Append('\uFFFD'),
                _ => xml.Append(character),
            };
        }

        return xml.ToString();
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    private static string[] Split(string text) => text.Split(LineEnds, StringSplitOptions.None);
}
