using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Launch;

/// <summary>A cluster of Slurm on this machine: a controller and two daemons that pass for two nodes. It runs what launch submits.</summary>
public sealed partial class SlurmTests : IDisposable
{
    private const string ConfigurationVariable = "SLURM_CONF";

    private readonly TemporaryFolder _folder = new();
    private readonly List<Process> _daemons = [];

    public void Dispose()
    {
        foreach (Process daemon in _daemons)
        {
            daemon.Kill(entireProcessTree: true);
            daemon.WaitForExit();
            daemon.Dispose();
        }

        Environment.SetEnvironmentVariable(ConfigurationVariable, null);
        _folder.Dispose();
    }

    [LaunchFact("mpirun", "sbatch", "slurmctld", "slurmd", "sinfo", NeedsRoot = true)]
    public void A_job_runs_on_two_nodes()
    {
        StartCluster();
        CommandOutcome outcome = CommandOutcome.Of("launch", "-n", "4", "--slurm", "--out", _folder.File("job.sbatch"), typeof(CommandLine).Assembly.Location, "--", "--version");
        Assert.True(outcome.ExitCode == 0, outcome.ToString() + Logs());
        Match submitted = Submitted().Match(outcome.Output);
        Assert.True(submitted.Success, outcome.Output);

        string result = Path.Combine(Environment.CurrentDirectory, $"ParallelDsl.Tool-{submitted.Groups[1].Value}.out");
        try
        {
            Assert.True(Await(() => File.Exists(result) && Ranks(File.ReadAllText(result)).Length >= 4), $"{(File.Exists(result) ? File.ReadAllText(result) : "no output")}\n{Logs()}");
            Assert.Equal(["0", "1", "2", "3"], Ranks(File.ReadAllText(result)));
        }
        finally
        {
            File.Delete(result);
        }
    }

    /// <summary>The ranks that wrote the version, whichever launcher marked their lines.</summary>
    private static string[] Ranks(string text) => [.. Line().Matches(text).Select(line => line.Groups[1].Value + line.Groups[2].Value).Order(StringComparer.Ordinal)];

    private void StartCluster()
    {
        string configuration = _folder.File("slurm.conf"), host = Dns.GetHostName();
        int[] ports = FreePorts(3);
        Directory.CreateDirectory(_folder.File("state"));
        File.WriteAllText(configuration, string.Create(CultureInfo.InvariantCulture, $"""
            ClusterName=one
            SlurmctldHost={host}(127.0.0.1)
            SlurmctldPort={ports[0]}
            AuthType=auth/none
            CredType=cred/none
            MpiDefault=none
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_CPU
            SlurmUser=root
            SlurmdUser=root
            ReturnToService=2
            StateSaveLocation={_folder.File("state")}
            SlurmdSpoolDir={_folder.File("spool")}-%n
            SlurmctldPidFile={_folder.File("controller.pid")}
            SlurmdPidFile={_folder.File("daemon")}-%n.pid
            SwitchType=switch/none
            JobAcctGatherType=jobacct_gather/none
            AccountingStorageType=accounting_storage/none
            SchedulerType=sched/builtin
            SlurmdParameters=config_overrides
            NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 State=UNKNOWN
            NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 State=UNKNOWN
            PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP

            """));
        Environment.SetEnvironmentVariable(ConfigurationVariable, configuration);
        Start("slurmctld", "-D", "-f", configuration, "-L", _folder.File("controller.log"));
        Start("slurmd", "-D", "-f", configuration, "-N", "n1", "-L", _folder.File("n1.log"));
        Start("slurmd", "-D", "-f", configuration, "-N", "n2", "-L", _folder.File("n2.log"));
        Assert.True(Await(() => Output("sinfo", "-h", "-o", "%T %D").Trim() == "idle 2"), Logs());
    }

    private void Start(string program, params string[] arguments) =>
        _daemons.Add(Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!);

    private static string Output(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return text;
    }

    private static bool Await(Func<bool> condition)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < TimeSpan.FromMinutes(1))
        {
            if (condition())
                return true;
            Thread.Sleep(200);
        }

        return condition();
    }

    private string Logs() => string.Concat(Directory.GetFiles(_folder.Path, "*.log").Select(file => $"\n== {file}\n{File.ReadAllText(file)}"));

    private static int[] FreePorts(int count)
    {
        TcpListener[] listeners = [.. Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0))];
        foreach (TcpListener listener in listeners)
            listener.Start();
        int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        foreach (TcpListener listener in listeners)
            listener.Stop();
        return ports;
    }

    [GeneratedRegex(@"Submitted batch job (\d+)")]
    private static partial Regex Submitted();

    [GeneratedRegex(@"(?:\[\d+,(\d+)\]<stdout>|^(\d+)): ?0\.1\.0", RegexOptions.Multiline)]
    private static partial Regex Line();
}
