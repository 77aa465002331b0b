using System.Globalization;
using System.Runtime.InteropServices;
using ParallelDsl.Mpi.Native;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Transports;

namespace ParallelDsl.Mpi;

/// <summary>This process as one rank of an Open MPI job, from its start to its end. A process has one.</summary>
/// <example>
/// <code>
/// return MpiJob.Run((job, transport) =>
/// {
///     transport.Send((job.Rank + 1) % job.Size, tag: 0, [job.Rank]);
///     return 0;
/// });
/// </code>
/// </example>
/// <remarks>Started by <c>mpirun</c>, by Slurm's <c>srun</c>, or by <c>paralleldsl launch</c>, which does it for you. A process that is started
/// without any of them is a job of one rank.</remarks>
public sealed unsafe partial class MpiJob : IDisposable
{
    /// <summary>What the launchers set: mpirun, and Slurm with either of its interfaces.</summary>
    private static readonly string[] LauncherVariables = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"];

    private static bool _isJoined;

    /// <summary>Replaced, never changed: one thread reads it without the lock.</summary>
    private volatile MpiTransport[] _transports = [];
    private readonly RankProcess[] _processes;
    private readonly PosixSignalRegistration _termination;
    private readonly nint _world;
    private bool _isEnded;

    private MpiJob(nint world, bool givesWay)
    {
        _world = world;
        GivesWay = givesWay;
        MpiException.ThrowIfFailed(LibMpi.CommSetErrhandler(world, MpiHandles.ErrorsReturn));
        MpiException.ThrowIfFailed(LibMpi.CommRank(world, out int rank));
        MpiException.ThrowIfFailed(LibMpi.CommSize(world, out int size));
        (Rank, Size) = (rank, size);
        _processes = RankProcess.Exchange(world, size);
        RankProcess own = _processes[rank];
        LocalSize = _processes.Count(process => process.Machine == own.Machine);
        LocalRank = _processes.Take(rank).Count(process => process.Machine == own.Machine);
        Progress = new MpiProgress(this);
        World = new MpiCommunicator(this, world, isOwned: false);
        _termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, AskToEnd);
    }

    /// <summary>The own rank, from 0 to <see cref="Size"/> - 1.</summary>
    public int Rank { get; }

    /// <summary>The number of ranks.</summary>
    public int Size { get; }

    /// <summary>The own place among the ranks of this machine.</summary>
    public int LocalRank { get; }

    /// <summary>The number of ranks on this machine.</summary>
    public int LocalSize { get; }

    /// <summary>Threads that a rank may use: a share of the processors that it has, where other ranks have the same.</summary>
    public int ThreadsPerRank => Math.Max(1, _processes[Rank].Processors / _processes[Rank].CountSharing(_processes));

    /// <summary>Whether a rank has less than a processor.</summary>
    internal bool IsCrowded => _processes[Rank].CountSharing(_processes) > _processes[Rank].Processors;

    /// <summary>Whether the library gives way to other processes whenever it has looked in vain.</summary>
    internal bool GivesWay { get; }

    /// <summary>All ranks.</summary>
    public MpiCommunicator World { get; }

    internal MpiProgress Progress { get; }

    /// <summary>Whether the library is left, or is about to be.</summary>
    internal bool IsEnded => _isEnded;

    /// <summary>Joins the job that this process was started in.</summary>
    /// <exception cref="MpiException">Open MPI is not installed, gives no sufficient level of threads or too few tags, or failed.</exception>
    /// <exception cref="InvalidOperationException">This process has joined already.</exception>
    public static MpiJob Join()
    {
        if (_isJoined)
            throw new InvalidOperationException("A process joins its Open MPI job once.");
        MpiHandles.Load();
        _isJoined = true;
        bool givesWay = PrepareEnvironment();
        MpiException.ThrowIfFailed(LibMpi.InitThread(0, 0, LibMpi.ThreadSerialized, out int level));
        CheckThreadLevel(level);
        MpiException.ThrowIfFailed(LibMpi.CommGetAttr(MpiHandles.World, LibMpi.AttributeTagLimit, out int* limit, out int found));
        CheckTagLimit(found == 0 ? 0 : *limit);
        MpiException.ThrowIfFailed(LibMpi.CommDup(MpiHandles.World, out nint world));
        return new MpiJob(world, givesWay);
    }

    /// <summary>Joins the job, runs <paramref name="body"/> with a transport, and ends the job. A body that throws aborts the run: every other rank
    /// ends with an error that names this one, and what it was doing itself.</summary>
    /// <param name="body">What the rank does; it returns the exit code.</param>
    /// <returns>The exit code of the body, or 1 where it failed; errors are on standard error.</returns>
    public static int Run(Func<MpiJob, MpiTransport, int> body)
    {
        MpiJob job;
        try
        {
            job = Join();
        }
        catch (MpiException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return 2;
        }

        using (job)
            return RunJoined(job, body);
    }

    /// <summary>Opens a transport between all ranks of the job: every rank must call it, as often and in the same order.</summary>
    /// <param name="capacity">The messages that each channel holds before a send waits, at least 1.</param>
    /// <exception cref="MpiException">The library failed.</exception>
    /// <exception cref="TransportException">The run was aborted.</exception>
    public MpiTransport Open(int capacity = MpiTransport.DefaultCapacity) => Open(capacity, MpiTransport.DefaultPartFloats);

    /// <summary>The ranks that give the same <paramref name="color"/>, in the order of <paramref name="key"/>; every rank must call it.</summary>
    /// <exception cref="MpiException">The library failed.</exception>
    /// <exception cref="TransportException">The run was aborted.</exception>
    public MpiCommunicator Split(int color, int key)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(color);
        nint part;
        lock (Progress.Gate)
        {
            // It blocks, but not for long: all ranks have come.
            ThrowIfAborted("MPI barrier");
            MpiException.ThrowIfFailed(LibMpi.Ibarrier(_world, out nint request));
            Progress.Complete(request, "MPI barrier");
            MpiException.ThrowIfFailed(LibMpi.CommSplit(_world, color, key, out part));
        }

        return new MpiCommunicator(this, part, isOwned: true);
    }

    /// <summary>The ranks that differ from this one on one axis of the mesh alone, in the order of that axis: one communicator an axis. Every
    /// rank must call it.</summary>
    /// <param name="mesh">The mesh of the job's ranks.</param>
    /// <exception cref="ArgumentException">The mesh has another number of ranks than the job.</exception>
    /// <exception cref="MpiException">The library failed.</exception>
    public (MpiCommunicator Data, MpiCommunicator Sequence, MpiCommunicator Pipeline) SplitAlong(Mesh mesh)
    {
        CheckSize(mesh.Size);
        Coordinate own = mesh.CoordinateOf(Rank);
        return (
            Split(mesh.RankOf(own with { Data = 0 }), own.Data),
            Split(mesh.RankOf(own with { Sequence = 0 }), own.Sequence),
            Split(mesh.RankOf(own with { Pipeline = 0 }), own.Pipeline));
    }

    /// <summary>Throws where the job has another number of ranks than a plan.</summary>
    /// <exception cref="ArgumentException">It has, with both numbers.</exception>
    public void CheckSize(int ranks)
    {
        if (ranks != Size)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"The plan has {ranks} ranks, but the job was started with {Size}: start it with -n {ranks}."));
    }

    internal static void CheckThreadLevel(int level)
    {
        if (level < LibMpi.ThreadSerialized)
        {
            throw new MpiException(string.Create(CultureInfo.InvariantCulture, $"Open MPI gives thread level {level}, but {LibMpi.ThreadSerialized} (MPI_THREAD_SERIALIZED) is needed: several threads of a rank send and receive. Install a build of Open MPI with threads, such as Debian's openmpi-bin."));
        }
    }

    internal static void CheckTagLimit(int limit)
    {
        if (limit < MessageTags.Limit - 1)
            throw new MpiException(string.Create(CultureInfo.InvariantCulture, $"Open MPI offers tags up to {limit} here, but {MessageTags.Limit - 1} are needed (MPI_TAG_UB). Choose another transport of Open MPI, such as mpirun --mca pml ob1."));
    }

    internal MpiTransport Open(int capacity, int partFloats)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        nint communicator;
        lock (Progress.Gate)
        {
            // Where the wait ends early the library keeps the place that it writes to.
            nint* copy = (nint*)NativeMemory.AllocZeroed((nuint)sizeof(nint));
            ThrowIfAborted("MPI_Comm_idup");
            MpiException.ThrowIfFailed(LibMpi.CommIdup(_world, copy, out nint request));
            Progress.Complete(request, "MPI_Comm_idup");
            communicator = *copy;
            NativeMemory.Free(copy);
        }

        var transport = new MpiTransport(this, communicator, capacity, partFloats);
        lock (Progress.Gate)
            _transports = [.. _transports, transport];
        return transport;
    }

    private static int RunJoined(MpiJob job, Func<MpiJob, MpiTransport, int> body)
    {
        MpiTransport? transport = null;
        try
        {
            transport = job.Open();
            int exitCode = body(job, transport);
            if (transport.Close() is not { } unreceived)
                return job.IsAborted && exitCode == 0 ? 1 : exitCode;
            Console.Error.WriteLine(unreceived);
            return 1;
        }
#pragma warning disable CA1031 // Whatever a rank throws ends the run and is told.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            transport?.Abort(exception);
            if (job.Abortion is not { Cause: not null })
                Console.Error.WriteLine(exception.Message);
            return 1;
        }
    }

    /// <summary>What the library reads when it starts; a variable that the user has set stays as it is.</summary>
    /// <returns>Whether the library will give way to other processes.</returns>
    private static bool PrepareEnvironment()
    {
        // Both catch the signal of a bad address: .NET makes a NullReferenceException of it, and was there first.
        LibC.SetVariable("OMPI_MCA_opal_signal", "6");

        // Where ranks may have to share a processor the library gives way to the others whenever it looks in vain. Else that would cost
        // several times what it takes to receive a short message.
        bool isRoomy = int.TryParse(Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_LOCAL_SIZE"), NumberStyles.None, CultureInfo.InvariantCulture, out int ranks)
            && ranks <= LibC.OnlineProcessors;
        const string GiveWay = "OMPI_MCA_mpi_yield_when_idle";
        bool givesWay = Environment.GetEnvironmentVariable(GiveWay) is { } wish ? wish is not ("0" or "false") : !isRoomy;
        if (givesWay)
            LibC.SetVariable(GiveWay, "1");

        // Without a launcher: one rank, and no daemon beside it.
        if (LauncherVariables.All(name => Environment.GetEnvironmentVariable(name) is null))
            LibC.SetVariable("OMPI_MCA_ess_singleton_isolated", "1");

        // mpirun gives each rank a terminal that nobody looks at: .NET would write codes to it that end in files and pipes.
        else
            Environment.SetEnvironmentVariable("TERM", "dumb");
        return givesWay;
    }
}
