namespace ParallelDsl.Transports;

/// <summary>How message tags are shared out between point-to-point traffic and collectives.</summary>
/// <remarks>
/// 23 bits, because that is all that some Open MPI transports offer (UCX: <c>MPI_TAG_UB</c> = 2^23 - 1). The lower half is free for
/// point-to-point messages. A tag of the upper half is made of a group's context and the kind of collective, so two ranks that enter
/// different collectives stop with a report instead of mixing their data.
/// </remarks>
public static class MessageTags
{
    /// <summary>Tags from 0 to this one, exclusive, are free for point-to-point messages.</summary>
    public const int PointToPointLimit = 1 << 22;

    /// <summary>Every tag is below this one.</summary>
    public const int Limit = 1 << 23;

    /// <summary>The contexts that groups may have are from 0 to this one, exclusive.</summary>
    public const int ContextLimit = (Limit - PointToPointLimit) / Kinds;

    private const int Kinds = 8;

    private static readonly string[] KindNames =
        ["reduce-scatter", "all-gather", "all-to-all", "broadcast", "barrier"];

    internal static int Collective(int context, CollectiveKind kind) => PointToPointLimit + context * Kinds + (int)kind;

    /// <summary>A tag as reports show it: its number, or the collective that it belongs to.</summary>
    public static string Describe(int tag)
    {
        int kind = (tag - PointToPointLimit) % Kinds;
        return tag >= PointToPointLimit && tag < Limit && kind < KindNames.Length
            ? $"tag {tag}: {KindNames[kind]} of context {(tag - PointToPointLimit) / Kinds}"
            : $"tag {tag}";
    }
}

/// <summary>The message rounds of which collectives are made. An all-reduce is a reduce-scatter and an all-gather.</summary>
internal enum CollectiveKind
{
    ReduceScatter,
    AllGather,
    AllToAll,
    Broadcast,
    Barrier,
}
