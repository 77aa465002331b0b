using System.Globalization;
using System.Net.Sockets;

namespace ParallelDsl.Benchmarks.Collectives;

/// <summary>A rank of the Open MPI side, started by <c>mpirun</c>: takes one case a line from the benchmark and answers with its seconds. Between
/// cases it sleeps in the read of its socket, so that it takes nothing from the other side.</summary>
internal static class OpenMpiRank
{
    public const string Command = "collectives-rank";

    public static int Run(string path)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        using NetworkStream stream = new(socket);
        using StreamReader reader = new(stream);
        using StreamWriter writer = new(stream) { AutoFlush = true };
        OpenMpi.Start();
        using CollectiveVectors vectors = new();
        writer.WriteLine(OpenMpi.Version);
        while (reader.ReadLine() is { Length: > 0 } line)
        {
            double seconds = vectors.Time(CollectiveCase.Parse(line), item => OpenMpi.Run(item, vectors), OpenMpi.Barrier);
            writer.WriteLine(seconds.ToString("R", CultureInfo.InvariantCulture));
        }

        OpenMpi.End();
        return 0;
    }
}
