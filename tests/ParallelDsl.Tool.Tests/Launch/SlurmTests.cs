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

    /// <summary>Given to jobs. The two nodes are one machine, where the names of Open MPI's shared memory would meet; and ranks need less time to
    /// save than those of a model.</summary>
    private static readonly (string Name, string Value)[] JobVariables = [("OMPI_MCA_btl", "self,tcp"), ("PARALLELDSL_GRACE_SECONDS", "4")];

    private readonly TemporaryFolder _folder = new();
    private readonly List<Process> _daemons = [];
    private readonly List<string> _jobs = [];

    public void Dispose()
    {
        // What a job has started is not the daemons' child.
        foreach (string job in _jobs)
            Output("scancel", job);
        if (_jobs.Count > 0)
            Await(() => Output("squeue", "-h").Trim().Length == 0);
        foreach (Process daemon in _daemons)
        {
            daemon.Kill(entireProcessTree: true);
            daemon.WaitForExit();
            daemon.Dispose();
        }

        foreach (string job in _jobs)
            File.Delete(ResultOf(job));

        Environment.SetEnvironmentVariable(ConfigurationVariable, null);
        foreach ((string name, _) in JobVariables)
            Environment.SetEnvironmentVariable(name, null);
        _folder.Dispose();
    }

    [LaunchFact("mpirun", "sbatch", "slurmctld", "slurmd", "sinfo", NeedsRoot = true)]
    public void Jobs_run_on_two_nodes_and_end_well_or_badly()
    {
        StartCluster();

        // All are ranks of one job.
        string where = Run("where");
        Assert.Equal(
            ["rank 0 of 4 at n1", "rank 1 of 4 at n1", "rank 2 of 4 at n2", "rank 3 of 4 at n2"],
            Where().Matches(where).Select(line => line.Value).Order(StringComparer.Ordinal));

        // One that leaves stops the others, which would wait for it for ever.
        Assert.Contains("rank 1 has died", Run("leaves"), StringComparison.Ordinal);

        // When the job is cancelled its ranks have time to save.
        string job = Submit("waits", _folder.Path);
        Assert.True(LaunchedProgram.HaveCome(_folder.Path, "started", 4), Logs());
        Output("scancel", job);
        Assert.True(LaunchedProgram.HaveCome(_folder.Path, "saved", 4), Logs());
        Assert.True(LaunchedProgram.AreGone(_folder.Path), Logs());
    }

    /// <summary>Runs a job to its end.</summary>
    /// <returns>What its ranks wrote.</returns>
    private string Run(params string[] scenario)
    {
        string job = Submit(scenario), result = ResultOf(job);
        Assert.True(Await(() => Output("squeue", "-h", "-j", job).Trim().Length == 0), $"{scenario[0]} does not end\n{Logs()}");
        return File.Exists(result) ? File.ReadAllText(result) : "";
    }

    /// <returns>The number of the job.</returns>
    private string Submit(params string[] scenario)
    {
        CommandOutcome outcome = CommandOutcome.Of(["launch", "-n", "4", "--slurm", "--out", _folder.File("job.sbatch"), LaunchedProgram.Ranks, "--", .. scenario]);
        Assert.True(outcome.ExitCode == 0, outcome.ToString() + Logs());
        Match submitted = Submitted().Match(outcome.Output);
        Assert.True(submitted.Success, outcome.Output);
        _jobs.Add(submitted.Groups[1].Value);
        return submitted.Groups[1].Value;
    }

    private static string ResultOf(string job) => Path.Combine(Environment.CurrentDirectory, $"ParallelDsl.Mpi.Tests-{job}.out");

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
        foreach ((string name, string value) in JobVariables)
            Environment.SetEnvironmentVariable(name, value);
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

    private static bool Await(Func<bool> condition) => LaunchedProgram.Await(condition);

    private string Logs() => string.Concat(_jobs.Select(ResultOf).Where(File.Exists).Select(file => $"\n== {file}\n{File.ReadAllText(file)}")) + string.Concat(Directory.GetFiles(_folder.Path, "*.log").Select(file => $"\n== {file}\n{File.ReadAllText(file)}"));

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

    [GeneratedRegex(@"rank \d of \d at n\d")]
    private static partial Regex Where();
}
