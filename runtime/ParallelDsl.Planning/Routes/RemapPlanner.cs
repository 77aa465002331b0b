using static System.FormattableString;

namespace ParallelDsl.Planning.Routes;

/// <summary>What a change of layout keeps small.</summary>
public enum RemapObjective
{
    /// <summary>The cost of all moves together.</summary>
    Sum,

    /// <summary>The cost of the sender whose moves cost the most.</summary>
    SlowestRank,
}

/// <summary>Plans the way from the layout of attention, where ranks hold unequal numbers of tokens, to one where they differ by at most one
/// (after Zeppelin's remapping layer, arXiv 2509.21841; reconstructed, with both objectives that it may have). Every rank that knows the
/// counts gets the same answer with no communication.</summary>
/// <remarks>
/// <para>A transportation problem with two prices: a token costs less inside its node than between nodes. Surpluses and deficits of a node
/// cancel first, so the tokens that leave a node are its net surplus, and no plan with the same counts moves fewer between nodes. Which
/// ranks hold the one token more, where the mean is not whole, is part of what is optimised.</para>
/// <para>Both objectives are solved exactly, <see cref="RemapObjective.Sum"/> in O(R log R) over R ranks and a search for a bound in each
/// node, <see cref="RemapObjective.SlowestRank"/> with a search for one bound around it. Once the counts are known, both share out what
/// leaves a node so that its slowest sender is as fast as it can be.</para>
/// </remarks>
public static class RemapPlanner
{
    /// <summary>Plans the moves.</summary>
    /// <param name="tokens">Tokens that each rank holds now.</param>
    /// <param name="nodes">The node of each rank: any numbers, equal in a node.</param>
    /// <param name="count">How many ranks.</param>
    /// <param name="intraCost">Cost of a token that stays in its node, in nanoseconds or any other unit.</param>
    /// <param name="interCost">Cost of a token that goes to another node.</param>
    /// <param name="objective">What is least.</param>
    /// <param name="into">Receives the result; not to be used after an exception.</param>
    /// <exception cref="ArgumentOutOfRangeException">No ranks, fewer counts or nodes than said, a negative count, a cost that is not
    /// positive, or a dearer way inside nodes than between them.</exception>
    public static void Plan(
        int[] tokens, int[] nodes, int count, int intraCost, int interCost, RemapObjective objective, TokenRemap into)
    {
        if (count < 1 || count > tokens.Length || count > nodes.Length || count > 1 << 28)
        {
            throw new ArgumentOutOfRangeException(
                nameof(count), Invariant($"{count} ranks with {tokens.Length} counts of tokens and {nodes.Length} nodes"));
        }

        if (intraCost < 1 || interCost < intraCost)
        {
            throw new ArgumentOutOfRangeException(
                nameof(interCost), Invariant($"a token costs {intraCost} inside a node and {interCost} between nodes"));
        }

        for (int rank = 0; rank < count; rank++)
        {
            if (tokens[rank] < 0)
                throw new ArgumentOutOfRangeException(nameof(tokens), Invariant($"rank {rank} has {tokens[rank]} tokens"));
        }

        RemapDraft draft = into.Draft;
        draft.Load(tokens, nodes, count, intraCost, interCost);
        if (objective == RemapObjective.SlowestRank)
            draft.RaiseForSlowestRank();
        draft.RaiseTheRest();
        into.Reset(count, intraCost, interCost);
        for (int rank = 0; rank < count; rank++)
            into.SetRank(rank, nodes[rank], tokens[rank], draft.Target(rank));
        draft.Match(into);
        into.Complete();
    }
}
