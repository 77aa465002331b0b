namespace ParallelDsl.Reporting;

/// <summary>A table of a page.</summary>
/// <param name="Heading">What it shows.</param>
/// <param name="Note">How to read it.</param>
/// <param name="Titles">The titles; one that starts with <c>&lt;</c> heads a column of text, the others numbers.</param>
/// <param name="Rows">The rows, a cell for each title.</param>
public sealed record PageTable(string Heading, string Note, string[] Titles, IReadOnlyList<string[]> Rows);

/// <summary>Writes plans of batches as one page: tables and a drawing for each plan. The page needs nothing else: no script, no font, no
/// picture from elsewhere, and its content policy forbids them. It follows the reader's choice of light or dark.</summary>
public static class RankLoadHtml
{
    /// <summary>The page as text.</summary>
    /// <param name="heading">What the plans are for.</param>
    /// <param name="tables">Figures.</param>
    /// <param name="panels">The plans.</param>
    public static string Write(string heading, IReadOnlyList<PageTable> tables, IReadOnlyList<RankLoadPanel> panels)
    {
        var html = new HtmlText();
        html.Raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n")
            .Raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n")
            .Raw("<meta name=\"color-scheme\" content=\"light dark\"/>\n")
            .Raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n")
            .Element("title", heading)
            .Raw("<style>\n").Raw(PlanHtmlStyle.Css).Raw(ReportTheme.Css).Raw("</style>\n</head>\n<body>\n<main>\n")
            .Raw("<header>\n").Element("p", "Batches of sequences of any lengths", "eyebrow").Element("h1", heading).Raw("</header>\n");
        foreach (PageTable table in tables)
        {
            html.Raw("<section>\n").Element("h2", table.Heading).Element("p", table.Note, "note");
            html.Table(table.Titles, table.Rows, null).Raw("</section>\n");
        }

        foreach (RankLoadPanel panel in panels)
        {
            string title = $"Load of each rank, {panel.Title} (simulated)";
            html.Raw("<section>\n").Element("h2", title);
            html.Figure(title, RankLoadSvg.Write(title, [panel], standalone: false)).Raw("</section>\n");
        }

        html.Raw("<footer>\n").Element("p", "Times and bytes are simulated from published peak rates, not measured; planning times are measured.")
            .Raw("</footer>\n</main>\n</body>\n</html>\n");
        return html.ToString();
    }
}
