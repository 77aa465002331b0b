using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Reporting;

/// <summary>Writes a ring set as one page: a drawing and tables. The page needs nothing else, and its content policy forbids it. It follows
/// the reader's choice of light or dark.</summary>
public static class RingHtml
{
    /// <summary>The page as text.</summary>
    /// <param name="heading">What the set is.</param>
    /// <param name="set">The set.</param>
    /// <param name="tables">Rings and slots.</param>
    public static string Write(string heading, RingSet set, IReadOnlyList<PageTable> tables)
    {
        var html = new HtmlText();
        html.Raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n")
            .Raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n")
            .Raw("<meta name=\"color-scheme\" content=\"light dark\"/>\n")
            .Raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n")
            .Element("title", heading)
            .Raw("<style>\n").Raw(PlanHtmlStyle.Css).Raw(ReportTheme.Css).Raw("</style>\n</head>\n<body>\n<main>\n")
            .Raw("<header>\n").Element("p", "Ways of keys and values", "eyebrow").Element("h1", heading).Raw("</header>\n")
            .Raw("<section>\n").Element("h2", "Drawing").Figure(heading, RingSvg.Write(heading, set, standalone: false)).Raw("</section>\n");
        foreach (PageTable table in tables)
        {
            html.Raw("<section>\n").Element("h2", table.Heading).Element("p", table.Note, "note");
            html.Table(table.Titles, table.Rows, null).Raw("</section>\n");
        }

        html.Raw("</main>\n</body>\n</html>\n");
        return html.ToString();
    }
}
