using System.Globalization;
using System.Text;
using System.Xml;

namespace ParallelDsl.Reporting;

/// <summary>Writes one SVG drawing: shapes with classes of <see cref="ReportTheme"/>, escaped text, coordinates with at most two decimals.</summary>
internal sealed class SvgCanvas
{
    private const double Margin = 20;

    /// <summary>Height of the heading, which a page has outside of the drawing.</summary>
    private const double HeadingHeight = 28;

    private readonly StringBuilder _text = new();
    private readonly XmlWriter _xml;
    private readonly bool _standalone;

    /// <summary>Starts a drawing.</summary>
    /// <param name="width">Width in user units.</param>
    /// <param name="height">Height in user units, of which the first 28 are the heading's.</param>
    /// <param name="heading">What the drawing shows.</param>
    /// <param name="standalone">Whether it is a file of its own, with heading, ground, margin and rules, or part of a page that has them.</param>
    public SvgCanvas(double width, double height, string heading, bool standalone)
    {
        (double x, double y) = standalone ? (-Margin, -Margin / 2) : (0, HeadingHeight);
        (width, height) = standalone ? (width + (2 * Margin), height + Margin) : (width, height - HeadingHeight);
        _standalone = standalone;
        _xml = XmlWriter.Create(_text, new XmlWriterSettings { OmitXmlDeclaration = true, NewLineChars = "\n", Indent = true, IndentChars = "" });
        _xml.WriteStartElement("svg", "http://www.w3.org/2000/svg");
        _xml.WriteAttributeString("class", "pdsl");
        _xml.WriteAttributeString("viewBox", $"{Number(x)} {Number(y)} {Number(width)} {Number(height)}");
        _xml.WriteAttributeString("width", Number(width));
        _xml.WriteAttributeString("height", Number(height));
        _xml.WriteAttributeString("role", "img");
        _xml.WriteAttributeString("aria-label", Clean(heading));
        if (!standalone)
            return;
        _xml.WriteElementString("title", Clean(heading));
        _xml.WriteElementString("style", ReportTheme.Css);
        Rectangle(x, y, width, height, "ground");
        Text(0.5, 18, Fit(heading, width * 0.75), "heading text");
    }

    /// <summary>A box, with text that appears when it is pointed at.</summary>
    public void Rectangle(double x, double y, double width, double height, string style, double radius = 0, string? tip = null)
    {
        _xml.WriteStartElement("rect");
        Place("x", x);
        Place("y", y);
        Place("width", width);
        Place("height", height);
        if (radius > 0)
            Place("rx", radius);
        _xml.WriteAttributeString("class", style);
        Tip(tip);
        _xml.WriteEndElement();
    }

    /// <summary>One line of text; <paramref name="anchor"/> is start, middle or end.</summary>
    public void Text(double x, double y, string text, string style, string anchor = "start")
    {
        _xml.WriteStartElement("text");
        Place("x", x);
        Place("y", y);
        _xml.WriteAttributeString("class", style);
        if (anchor != "start")
            _xml.WriteAttributeString("text-anchor", anchor);
        _xml.WriteString(Clean(text));
        _xml.WriteEndElement();
    }

    /// <summary>A straight line.</summary>
    public void Line(double x1, double y1, double x2, double y2, string style) =>
        Path($"M{Number(x1)} {Number(y1)}L{Number(x2)} {Number(y2)}", "line " + style);

    /// <summary>A path in the language of SVG.</summary>
    public void Path(string path, string style, string? tip = null)
    {
        _xml.WriteStartElement("path");
        _xml.WriteAttributeString("d", path);
        _xml.WriteAttributeString("class", style);
        Tip(tip);
        _xml.WriteEndElement();
    }

    /// <summary>Ends the drawing and gives its text; a file of its own ends with a line feed.</summary>
    public string Finish()
    {
        _xml.WriteEndElement();
        _xml.Dispose();
        return _standalone ? _text.Append('\n').ToString() : _text.ToString();
    }

    /// <summary>A coordinate.</summary>
    public static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>What fits in <paramref name="width"/> units of text in the normal size, by a width that most letters stay under.</summary>
    public static string Fit(string text, double width)
    {
        int most = Math.Max(1, (int)(width / 7.2));
        return text.Length <= most ? text : string.Concat(text.AsSpan(0, most - 1).TrimEnd(), "…");
    }

    private void Place(string name, double value) => _xml.WriteAttributeString(name, Number(value));

    private void Tip(string? tip)
    {
        if (tip is not null)
            _xml.WriteElementString("title", Clean(tip));
    }

    /// <summary>Characters that XML cannot carry, lone surrogates among them, become the replacement character.</summary>
    private static string Clean(string text)
    {
        bool clean = true;
        for (int i = 0; i < text.Length && clean; i++)
        {
            if (char.IsSurrogate(text[i]))
                clean = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]) && ++i > 0;
            else
                clean = XmlConvert.IsXmlChar(text[i]);
        }

        if (clean)
            return text;
        var cleaned = new StringBuilder();
        foreach (Rune rune in text.EnumerateRunes())
            cleaned.Append(rune.IsBmp && !XmlConvert.IsXmlChar((char)rune.Value) ? "\uFFFD" : rune.ToString());
        return cleaned.ToString();
    }
}
