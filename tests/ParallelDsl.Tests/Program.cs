using ParallelDsl.Tests.Transports;

// Started by tests only: a rank of a run whose ranks are processes.
if (args.Length == 0)
{
    Console.Error.WriteLine("These are tests: run them with dotnet test.");
    return 2;
}

return SocketRank.Run(args);
