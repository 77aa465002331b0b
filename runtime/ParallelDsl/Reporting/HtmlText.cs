using System.Net;
using System.Text;

namespace ParallelDsl.Reporting;

/// <summary>Builds a page: what is not markup of ours is escaped.</summary>
internal sealed class HtmlText
{
    private readonly StringBuilder _html = new();

    /// <summary>Markup as it stands.</summary>
    public HtmlText Raw(string markup)
    {
        _html.Append(markup);
        return this;
    }

    /// <summary>Text, escaped; control characters but line feeds become the replacement character.</summary>
    public HtmlText Text(string text)
    {
        _html.Append(WebUtility.HtmlEncode(string.Create(text.Length, text, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
                span[i] = char.IsControl(source[i]) && source[i] != '\n' ? '\uFFFD' : source[i];
        })));
        return this;
    }

    /// <summary>An element that holds text, on a line of its own.</summary>
    public HtmlText Element(string name, string text, string? style = null)
    {
        Raw("<").Raw(name).Raw(style is null ? ">" : $" class=\"{style}\">");
        return Text(text).Raw("</").Raw(name).Raw(">\n");
    }

    /// <summary>A name and what it stands for.</summary>
    public HtmlText Fact(string name, string text) => Element("dt", name).Element("dd", text);

    /// <summary>A drawing that scrolls on its own where the page is narrow.</summary>
    public HtmlText Figure(string title, string svg) =>
        Raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"").Text(title).Raw("\">\n").Raw(svg).Raw("\n</div>\n");

    /// <summary>A table that scrolls on its own where the page is narrow.</summary>
    /// <param name="titles">The titles; one that starts with <c>&lt;</c> heads a column of text, the others numbers.</param>
    /// <param name="rows">The rows, a cell for each title.</param>
    /// <param name="rest">What is said of rows that are left out, or null.</param>
    public HtmlText Table(string[] titles, IReadOnlyList<string[]> rows, string? rest)
    {
        Raw("<div class=\"scroll\" tabindex=\"0\">\n<table>\n<thead><tr>");
        foreach (string title in titles)
            Raw(title[0] == '<' ? "<th class=\"words\" scope=\"col\">" : "<th scope=\"col\">").Text(title.TrimStart('<')).Raw("</th>");
        Raw("</tr></thead>\n<tbody>\n");
        foreach (string[] row in rows)
        {
            Raw("<tr>");
            for (int i = 0; i < row.Length; i++)
                Raw(titles[i][0] == '<' ? "<td class=\"words\">" : "<td>").Text(row[i]).Raw("</td>");
            Raw("</tr>\n");
        }

        Raw("</tbody>\n</table>\n</div>\n");
        return rest is null ? this : Element("p", rest, "note");
    }

    /// <inheritdoc/>
    public override string ToString() => _html.ToString();
}
