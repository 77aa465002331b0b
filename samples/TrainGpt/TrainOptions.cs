using ParallelDsl.Transports;

namespace TrainGpt;

/// <summary>What the command line asks for.</summary>
/// <param name="Steps">Steps of training.</param>
/// <param name="Ranks">8 for the declared plan, 1 for one rank.</param>
/// <param name="Seed">Seed of the weights and of the order of documents.</param>
/// <param name="JsonFile">Where the figures go, or null.</param>
/// <param name="TextDirectory">A folder of one's own texts, or null for the documentation of .NET.</param>
/// <param name="OutputDirectory">Where the plan, the loss curve and the checkpoints go.</param>
/// <param name="Checkpoint">A checkpoint to go on from, or null.</param>
/// <param name="Transport">This process's rank, where ranks are processes; null where they are threads.</param>
/// <param name="Threads">Threads of a rank; 0 for a share of the processors.</param>
internal sealed record TrainOptions(
    int Steps, int Ranks, long Seed, string? JsonFile, string? TextDirectory, string OutputDirectory, string? Checkpoint,
    ITransport? Transport, int Threads)
{
    /// <summary>Whether this process says what happens and writes files.</summary>
    public bool Reports => Transport is null or { Rank: 0 };
}
