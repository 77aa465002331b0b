using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace ParallelDsl.Benchmarks.Collectives;

/// <summary>Ranks that are processes of this program under <c>mpirun</c>, of one side.</summary>
internal sealed class OpenMpiWorld : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Process _launcher;
    private readonly string _path;
    private readonly List<(StreamReader Reader, StreamWriter Writer)> _ranks = [];

    /// <summary>Starts them.</summary>
    /// <exception cref="InvalidOperationException">There is no Open MPI, or a rank did not start.</exception>
    public OpenMpiWorld(int size, string side)
    {
        _path = Path.Combine(Path.GetTempPath(), $"{side}-{Environment.ProcessId}-{size}.socket");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        File.Delete(_path);
        listener.Bind(new UnixDomainSocketEndPoint(_path));
        listener.Listen(size);
        string count = size.ToString(CultureInfo.InvariantCulture);
        List<string> arguments = ["--allow-run-as-root", "--oversubscribe", "-n", count, Environment.ProcessPath!];
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            arguments.Add(typeof(OpenMpiWorld).Assembly.Location);
        try
        {
            _launcher = Process.Start(new ProcessStartInfo("mpirun", [.. arguments, side, _path]))!;
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new InvalidOperationException("Open MPI is missing: apt-get install openmpi-bin libopenmpi3.", exception);
        }

        long start = Stopwatch.GetTimestamp();
        while (_ranks.Count < size)
        {
            if (listener.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectRead))
            {
                NetworkStream stream = new(listener.Accept(), ownsSocket: true);
                _ranks.Add((new StreamReader(stream), new StreamWriter(stream) { AutoFlush = true }));
            }
            else if (_launcher.HasExited || Stopwatch.GetElapsedTime(start) > Patience)
            {
                throw new InvalidOperationException($"mpirun started {_ranks.Count} of {size} ranks; what it says stands above.");
            }
        }

        string[] versions = [.. _ranks.Select(rank => Answer(rank.Reader))];
        Version = versions[0];
    }

    /// <summary>Of the library's side its name and version, as it tells itself.</summary>
    public string Version { get; }

    /// <summary>Seconds of one operation, on the slowest rank.</summary>
    public double Time(CollectiveCase item)
    {
        foreach ((_, StreamWriter writer) in _ranks)
            writer.WriteLine(item.Write());
        return _ranks.Max(rank => double.Parse(Answer(rank.Reader), CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        foreach ((StreamReader reader, StreamWriter writer) in _ranks)
        {
            writer.WriteLine();
            reader.Dispose();
        }

        if (!_launcher.WaitForExit(Patience))
            _launcher.Kill(entireProcessTree: true);
        _launcher.Dispose();
        File.Delete(_path);
    }

    private static string Answer(StreamReader reader) =>
        reader.ReadLine() ?? throw new InvalidOperationException("A rank of Open MPI ended early; what it says stands above.");
}
