using ParallelDsl.Generator.Tests.Support;

namespace ParallelDsl.Generator.Tests;

public class GeneratedCodeTests
{
    [Fact]
    public void ADeclaredModelCompilesWithoutWarnings()
    {
        Generated generated = Compiler.Run(Sources.Gpt);
        if (Environment.GetEnvironmentVariable("DUMP") is { } folder)
            foreach ((string name, string text) in generated.Files) File.WriteAllText(Path.Combine(folder, name), text);
        Assert.Empty(generated.Diagnostics);
        Assert.Empty(generated.Compiled);
    }
}
