namespace ParallelDsl.Planning.Strategies;

/// <summary>The names of the strategies, as the command line spells them.</summary>
public static class StrategyNames
{
    /// <summary>Hierarchical placement and asymmetric units together.</summary>
    public const string Joint = "joint";

    /// <summary>Every sequence on as few ranks as it needs (after Zeppelin).</summary>
    public const string Hierarchical = "hierarchical";

    /// <summary>Slices in units of near-equal cost, others in the backward than in the forward (after SlimPack).</summary>
    public const string Asymmetric = "asymmetric";

    /// <summary>One ring over all ranks.</summary>
    public const string RingContext = "te-cp";

    /// <summary>Rings over the best number of ranks.</summary>
    public const string RingContextTuned = "te-cp-tuned";

    /// <summary>Keys and values gathered before attention.</summary>
    public const string AllGatherContext = "all-gather-cp";

    /// <summary>Megatron-LM's hybrid context parallelism.</summary>
    public const string HybridData = "hybrid-dp";

    /// <summary>Sharding by document and packing by cost (after WLB-LLM).</summary>
    public const string Documents = "wlb";

    /// <summary>Groups of ranks of the size that their sequences need (after FlexSP).</summary>
    public const string Groups = "groups";

    /// <summary>Blocks of fixed length on any rank (after FCP and DistCA).</summary>
    public const string Blocks = "lpt-blocks";

    /// <summary>Whole sequences packed to the context.</summary>
    public const string WholeSample = "whole-sample";

    /// <summary>Whole sequences packed by cost, everything searched.</summary>
    public const string WholeSampleTuned = "whole-sample-tuned";

    /// <summary>All names: ours, then what they are compared with.</summary>
    public static EquatableArray<string> All { get; } = new(
    [
        Joint, Hierarchical, Asymmetric,
        RingContext, RingContextTuned, AllGatherContext, HybridData, Documents, Groups, Blocks, WholeSample, WholeSampleTuned,
    ]);

    /// <summary>The names of the strategies that ours are compared with.</summary>
    public static EquatableArray<string> Baselines { get; } = All.Skip(3).ToEquatableArray();
}
