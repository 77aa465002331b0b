using System.Globalization;
using ParallelDsl.Generator.Tests.Support;

namespace ParallelDsl.Generator.Tests;

/// <summary>Nothing that is generated or reported depends on the developer's culture: dotted and dotless i, minus signs, separators.</summary>
public class CultureTests
{
    [Theory]
    [InlineData("tr-TR")]
    [InlineData("fi-FI")]
    [InlineData("ar-SA")]
    public void GeneratedCodeAndDiagnosticsAreTheSameInEveryCulture(string culture)
    {
        (string Source, Generated Invariant)[] expected =
        [
            .. BrokenDeclaration.All.Select(broken => broken.Source).Append(Sources.Gpt)
                .Select(source => (source, In(CultureInfo.InvariantCulture, () => Compiler.Run(source)))),
        ];
        foreach ((string source, Generated invariant) in expected)
        {
            CultureInfo local = CultureInfo.GetCultureInfo(culture);
            Generated generated = In(local, () =>
            {
                Generated run = Compiler.Run(source);
                Assert.Same(local, CultureInfo.CurrentCulture);
                return run;
            });
            Assert.Equal(invariant.Files, generated.Files);
            Assert.Equal(
                invariant.Diagnostics.Select(diagnostic => diagnostic.GetMessage(CultureInfo.InvariantCulture)),
                generated.Diagnostics.Select(diagnostic => diagnostic.GetMessage(CultureInfo.InvariantCulture)));
        }
    }

    private static T In<T>(CultureInfo culture, Func<T> run)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = culture;
            return run();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
