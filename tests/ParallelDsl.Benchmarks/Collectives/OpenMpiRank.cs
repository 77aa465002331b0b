using System.Globalization;
using System.Net.Sockets;
using ParallelDsl.Collectives;
using ParallelDsl.Mpi;
using ParallelDsl.Planning.Collectives;

namespace ParallelDsl.Benchmarks.Collectives;

/// <summary>A rank that <c>mpirun</c> has started: takes one case a line from the benchmark and answers with its seconds. Between cases it sleeps
/// in the read of its socket, so that it takes nothing from the other sides.</summary>
internal static class OpenMpiRank
{
    /// <summary>Runs the library's own collectives.</summary>
    public const string Library = "collectives-library-rank";

    /// <summary>Runs ours, over the library's point-to-point messages.</summary>
    public const string Ours = "collectives-our-rank";

    public static int Run(string side, string path)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        using NetworkStream stream = new(socket);
        using StreamReader reader = new(stream);
        using StreamWriter writer = new(stream) { AutoFlush = true };
        using CollectiveVectors vectors = new();
        if (side == Ours)
        {
            return MpiJob.Run((_, transport) =>
            {
                Dictionary<CollectiveAlgorithm, ProcessGroup> groups = CollectiveVectors.Groups(transport);
                writer.WriteLine("ours");
                Answer(item => vectors.Run(groups[item.Algorithm], item), groups[CollectiveAlgorithm.Direct].Barrier);
                return 0;
            });
        }

        OpenMpi.Start();
        writer.WriteLine(OpenMpi.Version);
        Answer(item => OpenMpi.Run(item, vectors), OpenMpi.Barrier);
        OpenMpi.End();
        return 0;

        void Answer(Action<CollectiveCase> run, Action barrier)
        {
            while (reader.ReadLine() is { Length: > 0 } line)
                writer.WriteLine(vectors.Time(CollectiveCase.Parse(line), run, barrier).ToString("R", CultureInfo.InvariantCulture));
        }
    }
}
