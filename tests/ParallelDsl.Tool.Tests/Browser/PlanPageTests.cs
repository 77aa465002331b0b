using System.Security.Cryptography;
using Microsoft.Playwright;
using ParallelDsl.Reporting;
using Xunit.Abstractions;

namespace ParallelDsl.Tool.Tests.Browser;

/// <summary>The page in a real browser. Without Chromium the tests say so and check nothing.</summary>
public sealed class PlanPageTests(ITestOutputHelper log) : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async Task InitializeAsync()
    {
        string? chromium = new[] { "chromium", "chromium-browser", "google-chrome" }
            .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/bin").Select(folder => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);
        if (chromium is null)
        {
            log.WriteLine("NOT RUN: no Chromium on PATH (Debian: apt-get install chromium)");
            return;
        }

        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = chromium, Args = ["--no-sandbox", "--disable-gpu"] });
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("Gpt", 1280)]
    [InlineData("Gpt", 400)]
    [InlineData("Interleaved", 1280)]
    [InlineData("Interleaved", 400)]
    [InlineData("Single", 400)]
    [InlineData("Hostile", 400)]
    [InlineData("Hostile", 1280)]
    public async Task Shows_in_light_and_dark(string plan, int width)
    {
        if (_browser is null)
            return;
        string html = PlanHtml.Write(plan switch
        {
            "Gpt" => SamplePlans.Gpt,
            "Interleaved" => SamplePlans.Interleaved,
            "Single" => SamplePlans.Single,
            _ => SamplePlans.Hostile,
        });
        string file = _folder.File("plan.html");
        await File.WriteAllTextAsync(file, html);

        Look light = await See(file, plan, width, ColorScheme.Light), dark = await See(file, plan, width, ColorScheme.Dark);
        Assert.All([light, dark], look =>
        {
            Assert.Empty(look.Complaints);
            Assert.Equal([new Uri(file).AbsoluteUri], look.Requests);
            Assert.Equal(width, look.ContentWidth);
            Assert.Empty(look.Invisible);
            Assert.True(look.Texts > 40, $"{look.Texts} texts");
            Assert.True(look.LeastContrast >= 4.5, $"contrast {look.LeastContrast} of {look.LeastContrastOf}");
        });
        Assert.NotEqual(light.Ground, dark.Ground);
        Assert.NotEqual(light.Picture, dark.Picture);
    }

    private async Task<Look> See(string file, string plan, int width, ColorScheme scheme)
    {
        await using IBrowserContext context = await _browser!.NewContextAsync(new() { ColorScheme = scheme, ViewportSize = new() { Width = width, Height = 900 } });
        IPage page = await context.NewPageAsync();
        var complaints = new List<string>();
        var requests = new List<string>();
        page.Console += (_, message) => complaints.Add(message.Text);
        page.PageError += (_, error) => complaints.Add(error);
        page.Request += (_, request) => requests.Add(request.Url);
        await page.GotoAsync(new Uri(file).AbsoluteUri);
        byte[] picture = await page.ScreenshotAsync(new() { FullPage = true });
        if (Environment.GetEnvironmentVariable("PARALLELDSL_SCREENSHOTS") is { Length: > 0 } folder)
            await File.WriteAllBytesAsync(Path.Combine(folder, $"{plan}-{width}-{scheme}.png"), picture);

        PageFacts facts = await page.EvaluateAsync<PageFacts>(Script);
        return new Look(
            complaints, requests, facts.ContentWidth, facts.Ground, facts.Texts, facts.Invisible, facts.LeastContrast, facts.LeastContrastOf, Convert.ToHexString(SHA256.HashData(picture)));
    }

    // What is not seen: text without a box, or in a colour too near to what is behind it. Contrast as WCAG 2.2 defines it.
    private const string Script = """
        () => {
          const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
          const luminance = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
          const parse = text => { const n = text.match(/[\d.]+/g).map(Number); return n.length > 3 && n[3] === 0 ? null : n; };
          const ground = element => {
            for (let e = element; e; e = e.parentElement) {
              const c = parse(getComputedStyle(e).backgroundColor);
              if (c) return c;
            }
            return [255, 255, 255];
          };
          const behind = text => {
            const box = text.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
            const shapes = [...text.ownerSVGElement.querySelectorAll('rect')].filter(r => {
              const b = r.getBoundingClientRect();
              return b.x <= x && x <= b.right && b.y <= y && y <= b.bottom && text.compareDocumentPosition(r) & Node.DOCUMENT_POSITION_PRECEDING;
            });
            return shapes.length ? parse(getComputedStyle(shapes.at(-1)).fill) : ground(text.ownerSVGElement.parentElement);
          };
          let texts = 0, invisible = [], least = 21, of = '';
          const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const node = walker.currentNode, element = node.parentElement;
            if (!node.data.trim() || element.closest('title,style') || (element.closest('details') && !element.closest('summary'))) continue;
            texts++;
            const range = document.createRange();
            range.selectNodeContents(node);
            const box = range.getBoundingClientRect();
            if (box.width === 0 || box.height === 0) invisible.push(node.data);
            const isSvg = element instanceof SVGElement;
            const fore = luminance(parse(isSvg ? getComputedStyle(element).fill : getComputedStyle(element).color));
            const back = luminance(isSvg ? behind(element) : ground(element));
            const contrast = (Math.max(fore, back) + 0.05) / (Math.min(fore, back) + 0.05);
            if (contrast < least) { least = contrast; of = node.data; }
          }
          return {
            contentWidth: document.documentElement.scrollWidth, ground: getComputedStyle(document.body).backgroundColor,
            texts, invisible, leastContrast: least, leastContrastOf: of,
          };
        }
        """;

    private sealed class PageFacts
    {
        public int ContentWidth { get; set; }

        public string Ground { get; set; } = "";

        public int Texts { get; set; }

        public string[] Invisible { get; set; } = [];

        public double LeastContrast { get; set; }

        public string LeastContrastOf { get; set; } = "";
    }

    private sealed record Look(
        IReadOnlyList<string> Complaints,
        IReadOnlyList<string> Requests,
        int ContentWidth,
        string Ground,
        int Texts,
        string[] Invisible,
        double LeastContrast,
        string LeastContrastOf,
        string Picture);
}
