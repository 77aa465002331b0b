namespace ParallelDsl.Reporting;

/// <summary>What one rank computes in the forwards or backwards of a step, FLOPs.</summary>
/// <param name="Linear">Linear modules.</param>
/// <param name="Local">Attention of sequences that lie on this rank alone.</param>
/// <param name="IntraNode">Attention of sequences on several ranks of its node.</param>
/// <param name="InterNode">Attention of sequences on several nodes.</param>
public readonly record struct PassWork(long Linear, long Local, long IntraNode, long InterNode)
{
    /// <summary>All of it.</summary>
    public long Total => Linear + Local + IntraNode + InterNode;
}

/// <summary>What one rank computes in a step.</summary>
/// <param name="Rank">The rank.</param>
/// <param name="Forward">In its forwards.</param>
/// <param name="Backward">In its backwards.</param>
public sealed record RankWork(int Rank, PassWork Forward, PassWork Backward);

/// <summary>The ranks of one plan, as they are drawn below a title.</summary>
/// <param name="Title">What the plan is called.</param>
/// <param name="Note">What is to be said of it.</param>
/// <param name="Ranks">The ranks, at least one.</param>
public sealed record RankLoadPanel(string Title, string Note, IReadOnlyList<RankWork> Ranks);
