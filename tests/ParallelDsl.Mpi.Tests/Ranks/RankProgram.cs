using System.Globalization;
using System.Reflection;
using ParallelDsl.Planning.Collectives;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <summary>What each process of a job under test runs: <c>ParallelDsl.Mpi.Tests.dll SCENARIO [ARGUMENT ...]</c>.</summary>
internal static class RankProgram
{
    public static int Main(string[] arguments) => arguments switch
    {
        ["contract"] => MpiJob.Run((job, _) => RunAll(job)),
        ["alone"] => MpiJob.Run((job, transport) => FailingRanks.Alone(job, transport)),
        ["throws"] => MpiJob.Run(FailingRanks.Throw),
        ["deaf"] => MpiJob.Run(FailingRanks.BeDeaf),
        ["killed", var operation] => MpiJob.Run((job, _) => KilledRank.InLibrary(job, operation)),
        ["killed", var operation, var algorithm] => MpiJob.Run((job, transport) => KilledRank.InGroup(job, transport, Enum.Parse<CollectiveAlgorithm>(algorithm), operation)),
        ["leaves"] => MpiJob.Run(FailingRanks.Leave),
        ["unreceived", var whose] => MpiJob.Run((job, transport) => FailingRanks.LeaveMessages(job, transport, toSelf: whose == "own")),
        ["two transports"] => MpiJob.Run(FailingRanks.FailOnOneOfTwo),
        ["halts"] => MpiJob.Run(FailingRanks.Halt),
        ["withdraws"] => MpiJob.Run(FailingRanks.Withdraw),
        ["shares"] => MpiJob.Run(FailingRanks.ShareProcessors),
        ["ends late"] => FailingRanks.DisposeLate(),
        ["where"] => MpiJob.Run(LaunchedRanks.SayWhere),
        ["bound"] => MpiJob.Run(LaunchedRanks.SayProcessors),
        ["waits", var folder] => MpiJob.Run((job, _) => LaunchedRanks.WaitUntilAsked(job, folder)),
        ["huge", var floats] => MpiJob.Run((_, transport) => HugeMessage.Exchange(transport, int.Parse(floats, CultureInfo.InvariantCulture))),
        ["attention"] => MpiJob.Run(AttentionRanks.Compare),
        ["attention killed"] => MpiJob.Run(AttentionRanks.BeKilled),
        ["speed"] => MpiJob.Run(Speed.Measure),
        _ => throw new ArgumentException($"There is no scenario '{string.Join(' ', arguments)}'."),
    };

    /// <summary>Every check of the contract, on all ranks in the same order.</summary>
    private static int RunAll(MpiJob job)
    {
        foreach (MethodInfo check in typeof(ContractChecks).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).OrderBy(check => check.Name, StringComparer.Ordinal))
        {
            try
            {
                check.Invoke(null, [job]);
            }
            catch (TargetInvocationException exception)
            {
                throw new InvalidOperationException($"{check.Name}: {exception.InnerException}", exception.InnerException);
            }

            if (job.Rank == 0)
                Console.WriteLine($"passed {check.Name}");
        }

        return 0;
    }
}
