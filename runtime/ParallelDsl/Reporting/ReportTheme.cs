using System.Text;

namespace ParallelDsl.Reporting;

/// <summary>The colours of the drawings, light and dark. Plain class rules and a media query rather than variables, because a drawing also
/// has to look right in viewers that know no CSS variables.</summary>
internal static class ReportTheme
{
    /// <summary>Shades of a kind of action, one for each stage that a position holds.</summary>
    public const int Shades = 4;

    /// <summary>Colours of the positions of the pipeline axis; further positions start again.</summary>
    public const int Hues = 8;

    private static readonly (string Selector, string Property, string Light, string Dark)[] Paints =
    [
        ("text", "fill", "#1c2026", "#e7eaee"),
        ("muted", "fill", "#5b6470", "#a3adb9"),
        ("ground", "fill", "#ffffff", "#171a1f"),
        ("track", "fill", "#eef0f3", "#22262d"),
        ("node", "fill", "#f6f7f9", "#1d2127"),
        ("node", "stroke", "#cfd5dc", "#3a424d"),
        ("grid", "stroke", "#dfe3e8", "#2d333b"),
        ("axis", "stroke", "#8b95a1", "#6b7683"),
        ("on-action", "fill", "#ffffff", "#0f1216"),
        ("f0", "fill", "#2563c9", "#79a8f5"), ("f1", "fill", "#153f88", "#b6d0fb"),
        ("f2", "fill", "#5b54c9", "#a69cf7"), ("f3", "fill", "#38328f", "#d0cafb"),
        ("b0", "fill", "#12805a", "#5cc79c"), ("b1", "fill", "#0a5239", "#a6e5ca"),
        ("b2", "fill", "#0b6f7a", "#56c4c0"), ("b3", "fill", "#07474f", "#a8e4e1"),
        ("w0", "fill", "#a35a00", "#e6a850"), ("w1", "fill", "#6e3d00", "#f3d29f"),
        ("w2", "fill", "#94452b", "#eb9a7e"), ("w3", "fill", "#652c18", "#f5cbbb"),
        ("p0", "fill", "#d6e4fd", "#1f3b69"), ("p1", "fill", "#cdeee0", "#15493a"),
        ("p2", "fill", "#fde7c4", "#5a3f10"), ("p3", "fill", "#e6dcfa", "#3d2f66"),
        ("p4", "fill", "#fbd9e2", "#5c2437"), ("p5", "fill", "#cfeef5", "#124654"),
        ("p6", "fill", "#e6efc4", "#3d4a13"), ("p7", "fill", "#e4e0da", "#45403a"),
        ("p0", "stroke", "#2563c9", "#79a8f5"), ("p1", "stroke", "#0f7a55", "#5cc79c"),
        ("p2", "stroke", "#a35a00", "#e6a850"), ("p3", "stroke", "#6a3aa8", "#c39af2"),
        ("p4", "stroke", "#b32d56", "#f08aa8"), ("p5", "stroke", "#1b7897", "#66c3e0"),
        ("p6", "stroke", "#567312", "#a5c75a"), ("p7", "stroke", "#6b6257", "#b9afa2"),
        ("weights", "fill", "#2563c9", "#79a8f5"), ("gradients", "fill", "#0f7a55", "#5cc79c"),
        ("optimizer", "fill", "#a35a00", "#e6a850"), ("activations", "fill", "#8a5fd0", "#b79af0"),
        ("workspace", "fill", "#667080", "#8b95a1"),
        ("limit", "stroke", "#c0262d", "#ff7b7b"), ("limit-text", "fill", "#c0262d", "#ff8f8f"),
        ("ring", "stroke", "#6b7683", "#9aa5b1"), ("ring-head", "fill", "#6b7683", "#9aa5b1"),
        ("loss", "stroke", "#2563c9", "#79a8f5"), ("reference", "stroke", "#a35a00", "#e6a850"),
        ("loss-text", "fill", "#2563c9", "#79a8f5"), ("reference-text", "fill", "#a35a00", "#e6a850"),
        ("level", "stroke", "#0f7a55", "#5cc79c"), ("level-text", "fill", "#0f7a55", "#5cc79c"),
    ];

    /// <summary>The rules of all drawings.</summary>
    public static string Css { get; } = MakeCss();

    private static string MakeCss()
    {
        var css = new StringBuilder();
        css.Append(".pdsl text{font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:13px}\n");
        css.Append(".pdsl .heading{font-size:17px;font-weight:600}\n.pdsl .strong{font-weight:600}\n.pdsl .small{font-size:11px}\n");
        css.Append(".pdsl .line{fill:none;stroke-width:1}\n.pdsl .curve{fill:none;stroke-width:2;stroke-linejoin:round}\n.pdsl .curve-thin{fill:none;stroke-width:1.5}\n");
        css.Append(".pdsl .dashed{stroke-dasharray:6 4}\n");
        css.AppendJoin("", Paints.Select(paint => $".pdsl .{paint.Selector}{{{paint.Property}:{paint.Light}}}\n"));
        css.Append("@media (prefers-color-scheme:dark){\n");
        css.AppendJoin("", Paints.Select(paint => $".pdsl .{paint.Selector}{{{paint.Property}:{paint.Dark}}}\n"));
        return css.Append("}\n").ToString();
    }
}
