using System.Diagnostics;
using System.Text;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tool.Tests.Commands;

/// <summary>The tool as a process: what a script sees.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Standard_output_is_the_plan_byte_for_byte()
    {
        string assembly = ModelAssembly.Write(_folder.File("One.dll"), ModelAssembly.Model(SamplePlans.Gpt));
        (int exitCode, byte[] output, string error) = await Run("plan", assembly, "--json");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal(Encoding.UTF8.GetBytes(PlanJson.Write(SamplePlans.Gpt)), output);
    }

    [Fact]
    public async Task Bad_usage_is_code_2()
    {
        (int exitCode, byte[] output, string error) = await Run("plan", "--unheard-of");
        Assert.Equal(2, exitCode);
        Assert.Empty(output);
        Assert.Equal("paralleldsl plan: unknown option '--unheard-of' (see paralleldsl plan --help)", error.TrimEnd());
    }

    private static async Task<(int ExitCode, byte[] Output, string Error)> Run(params string[] arguments)
    {
        string tool = Path.Combine(AppContext.BaseDirectory, "ParallelDsl.Tool.dll");
        var start = new ProcessStartInfo("dotnet", ["exec", tool, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        using var output = new MemoryStream();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.StandardOutput.BaseStream.CopyToAsync(output);
        await process.WaitForExitAsync();
        return (process.ExitCode, output.ToArray(), await error);
    }
}
