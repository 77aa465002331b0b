using System.Globalization;
using System.Text.RegularExpressions;
using ParallelDsl.Tool.Launch;
using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Launch;

/// <summary>Where ranks run, as they see it themselves.</summary>
public sealed partial class BindingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [LaunchFact("mpirun", BindsTwo = true)]
    public void Each_rank_has_its_share_of_the_cores_in_the_order_of_the_mesh() =>
        AssertBound(CommandOutcome.Of("launch", "-n", "2", LaunchedProgram.Ranks, "--", "bound"), MachineProcessors.Own().Cores / 2);

    [LaunchFact("mpirun", BindsTwo = true)]
    public void Each_rank_on_a_machine_of_a_host_file_has_the_cores_that_are_asked_for()
    {
        string hosts = _folder.File("hosts");
        File.WriteAllText(hosts, "localhost slots=2\n");
        AssertBound(CommandOutcome.Of("launch", "-n", "2", "--hosts", hosts, "--cores", "1", LaunchedProgram.Ranks, "--", "bound"), 1);
    }

    [Fact]
    public void Threads_of_a_core_are_one_core()
    {
        foreach ((int processor, string siblings) in new[] { (0, "0,4"), (1, "1,5"), (4, "0,4"), (5, "1,5") })
        {
            string topology = Path.Combine(_folder.Path, string.Create(CultureInfo.InvariantCulture, $"cpu{processor}"), "topology");
            Directory.CreateDirectory(topology);
            File.WriteAllText(Path.Combine(topology, "thread_siblings_list"), siblings + "\n");
        }

        Assert.Equal(2, MachineProcessors.CountCores("\t0-1,4-5\n", _folder.Path));
        Assert.Equal(1, MachineProcessors.CountCores("0,4", _folder.Path));

        // Linux does not say: each is a core.
        Assert.Equal(3, MachineProcessors.CountCores("7-9", _folder.Path));
    }

    private static void AssertBound(CommandOutcome outcome, int cores)
    {
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        int[][] ranks = [.. Line().Matches(outcome.Output).OrderBy(line => line.Groups[1].Value, StringComparer.Ordinal)
            .Select(line => MachineProcessors.Parse(line.Groups[2].Value).ToArray())];
        Assert.True(ranks.Length == 2, outcome.ToString());
        Assert.All(ranks, processors => Assert.Equal(cores, MachineProcessors.CountCores(string.Join(',', processors), "/sys/devices/system/cpu")));
        Assert.Empty(ranks[0].Intersect(ranks[1]));
        Assert.True(ranks[0][0] < ranks[1][0], outcome.ToString());
    }

    [GeneratedRegex(@"\[(\d)\] rank \1 Cpus_allowed_list:\s*(\S+)")]
    private static partial Regex Line();
}
