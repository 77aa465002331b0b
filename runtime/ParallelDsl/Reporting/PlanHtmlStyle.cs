namespace ParallelDsl.Reporting;

/// <summary>The rules of the page around the drawings.</summary>
internal static class PlanHtmlStyle
{
    public const string Css =
        """
        :root{--page:#f4f5f7;--panel:#ffffff;--ink:#1c2026;--muted:#5b6470;--line:#dfe3e8;--accent:#2563c9}
        @media (prefers-color-scheme:dark){
        :root{--page:#0f1216;--panel:#171a1f;--ink:#e7eaee;--muted:#a3adb9;--line:#2d333b;--accent:#79a8f5}
        }
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--ink);
        font:15px/1.5 ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
        main{max-width:1240px;margin:0 auto;padding:28px 16px 48px}
        h1{font-size:30px;line-height:1.2;margin:0 0 6px;overflow-wrap:anywhere}
        h2{font-size:18px;margin:0 0 10px}
        .eyebrow{margin:0 0 4px;color:var(--accent);font-size:13px;font-weight:600}
        .lead{margin:0 0 20px;color:var(--muted);max-width:75ch;overflow-wrap:anywhere}
        .note{margin:0 0 12px;color:var(--muted);font-size:13px}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin:0 0 20px}
        .tiles div,section,details{background:var(--panel);border:1px solid var(--line);border-radius:10px}
        .tiles div{padding:12px 14px}
        .tiles dt{color:var(--muted);font-size:13px}
        .tiles dd{margin:0}
        .tiles .value{font-size:24px;font-weight:650;line-height:1.3;font-variant-numeric:tabular-nums}
        section,details{padding:18px 20px;margin:0 0 16px}
        summary{cursor:pointer;font-weight:600}
        details[open] summary{margin-bottom:12px}
        .scroll{overflow-x:auto;max-width:100%}
        .scroll svg{display:block;width:100%;min-width:980px;height:auto}
        .scroll+.scroll{margin-top:14px}
        table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
        th,td{padding:6px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
        th{color:var(--muted);font-size:13px;font-weight:600}
        th:first-child,td:first-child{padding-left:0}
        tbody tr:last-child td{border-bottom:0}
        .words{text-align:left}
        .facts{display:grid;grid-template-columns:max-content 1fr;gap:6px 20px;margin:0}
        .facts dt{color:var(--muted)}
        .facts dd{margin:0;overflow-wrap:anywhere}
        pre{margin:0;max-height:480px;overflow:auto;font:12px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
        footer{color:var(--muted);font-size:13px;overflow-wrap:anywhere}
        @media (max-width:560px){
        main{padding:20px 12px 32px}
        section,details{padding:14px}
        .tiles{grid-template-columns:1fr 1fr}
        .facts{grid-template-columns:1fr;gap:0}
        .facts dd{margin-bottom:10px}
        }

        """;
}
