using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Reporting;

namespace ParallelDsl.Tool.Tests.Reports;

public class PlanHtmlTests
{
    [Fact]
    public void Is_well_formed_and_needs_nothing_from_elsewhere() => Cases.CheckPlans(40, plan => Check(PlanHtml.Write(plan)));

    [Fact]
    public void Holds_the_plan()
    {
        foreach (ParallelPlan plan in new[] { SamplePlans.Gpt, SamplePlans.Interleaved, SamplePlans.Single })
        {
            string json = Check(PlanHtml.Write(plan)).Descendants("pre").Single(pre => (string?)pre.Attribute("id") == "plan").Value;
            Assert.Equal(plan, PlanJson.Read(json).Value);
        }
    }

    [Fact]
    public void Escapes_what_is_not_ours()
    {
        string html = PlanHtml.Write(SamplePlans.Hostile);
        XDocument page = Check(html);
        Assert.DoesNotContain("<img", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", html, StringComparison.Ordinal);
        Assert.Equal("</script><b>&\"'\uFFFD\uFFFD Größe 模型", page.Descendants("h1").Single().Value);
    }

    [Fact]
    public void Says_what_is_simulated()
    {
        XDocument page = Check(PlanHtml.Write(SamplePlans.Gpt));
        Assert.Contains(page.Descendants("dt"), name => name.Value == "step, simulated");
        Assert.Contains(page.Descendants("h2"), heading => heading.Value.Contains("simulated", StringComparison.Ordinal));
    }

    [Fact]
    public void Stays_small_for_very_many_ranks()
    {
        string html = PlanHtml.Write(SamplePlans.Huge);
        Check(html);
        Assert.True(html.Length < 8_000_000, $"{html.Length} characters");
    }

    /// <summary>The page is written as XML too, so that a missing end tag or quote cannot hide.</summary>
    private static XDocument Check(string html)
    {
        foreach (string word in new[] { "src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "javascript:" })
            Assert.DoesNotContain(word, Regex.Replace(html, "<pre id=\"plan\">.*</pre>", "", RegexOptions.Singleline).Replace("img src=x", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
        Assert.All(Regex.Matches(html, "https?://[^\"<\\s]*"), address => Assert.True(
            address.Value is "http://www.w3.org/2000/svg", $"{address.Value} at {address.Index}"));
        using var reader = XmlReader.Create(new StringReader(html), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader, LoadOptions.PreserveWhitespace);
    }
}
