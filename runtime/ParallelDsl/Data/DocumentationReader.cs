using System.Text;
using System.Xml;

namespace ParallelDsl.Data;

/// <summary>
/// Turns the members of XML documentation files into plain text: the name, a colon, then what the summary, the returned value and the
/// remarks say.
/// </summary>
internal static class DocumentationReader
{
    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
    };

    /// <summary>Reads a file's members in their order.</summary>
    /// <param name="path">The file.</param>
    /// <param name="wanted">Asked with each member's name before its text is read.</param>
    /// <param name="found">Told each wanted member's name and text.</param>
    /// <exception cref="CorpusException">The file cannot be read or is no XML.</exception>
    public static void Read(string path, Func<string, bool> wanted, Action<string, string> found)
    {
        try
        {
            var text = new StringBuilder();
            using var reader = XmlReader.Create(path, Settings);
            while (reader.ReadToFollowing("member"))
            {
                if (reader.GetAttribute("name") is not { } name || reader.IsEmptyElement || !wanted(name))
                    continue;
                text.Clear();
                AppendMember(reader, text);
                string folded = Fold(text);
                if (folded.Length > 0)
                    found(name, $"{WithoutKind(name)}: {folded}");
            }
        }
        catch (Exception exception) when (exception is XmlException or IOException or UnauthorizedAccessException)
        {
            throw new CorpusException(path, exception.Message, exception);
        }
    }

    /// <summary>Leaves the reader at the member's end.</summary>
    private static void AppendMember(XmlReader reader, StringBuilder text)
    {
        int depth = reader.Depth;
        reader.Read();
        while (reader.Depth > depth)
        {
            if (reader.NodeType != XmlNodeType.Element)
            {
                reader.Read();
                continue;
            }

            switch (reader.Name)
            {
                case "summary" or "remarks" or "value":
                    AppendElement(reader, text);
                    break;
                case "returns":
                    text.Append(" Returns: ");
                    AppendElement(reader, text);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    /// <summary>Appends an element's text and leaves the reader behind it.</summary>
    private static void AppendElement(XmlReader reader, StringBuilder text)
    {
        int depth = reader.Depth;
        bool isEmpty = reader.IsEmptyElement;
        text.Append(' ');
        reader.Read();
        while (!isEmpty && reader.Depth > depth)
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element when reader.IsEmptyElement:
                    text.Append(Reference(reader));
                    break;
                case XmlNodeType.Element when reader.Name is "para" or "p" or "li" or "item" or "code" or "br":
                    text.Append(' ');
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace:
                    text.Append(reader.Value);
                    break;
                default:
                    break;
            }

            reader.Read();
        }

        if (!isEmpty)
            reader.Read();
        text.Append(' ');
    }

    /// <summary>What an empty element stands for: the name that it refers to, or a space.</summary>
    private static string Reference(XmlReader reader) =>
        reader.GetAttribute("cref") is { } member ? WithoutKind(member)
        : reader.GetAttribute("langword") ?? reader.GetAttribute("name") ?? reader.GetAttribute("href") ?? " ";

    /// <summary>"T:System.String" is a type, "M:..." a method: the letter is left out.</summary>
    private static string WithoutKind(string name) => name.Length > 2 && name[1] == ':' ? name[2..] : name;

    private static string Fold(StringBuilder text)
    {
        var folded = new StringBuilder(text.Length);
        foreach (ReadOnlyMemory<char> chunk in text.GetChunks())
        {
            foreach (char letter in chunk.Span)
            {
                if (!char.IsWhiteSpace(letter))
                    folded.Append(letter);
                else if (folded.Length > 0 && folded[^1] != ' ')
                    folded.Append(' ');
            }
        }

        return folded.ToString().TrimEnd();
    }
}
