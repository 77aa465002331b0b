namespace ParallelDsl.Execution;

/// <summary>Tags of messages between attention ranks. A part of a hop that others carry has a tag for each way, so that of two ranks one
/// thread sends what has a tag, and one receives it.</summary>
internal static class HopTags
{
    /// <summary>Keys and values, or a part of them that nobody relays.</summary>
    public const int KeyValue = 1;

    /// <summary>Their gradients, or a part of them that nobody relays.</summary>
    public const int Gradient = 2;

    /// <summary>Rows that are remapped.</summary>
    public const int Row = 3;

    /// <summary>A part of a hop, from its source to the first that relays it.</summary>
    public const int ToRelay = 4;

    /// <summary>A part of a hop, from the proxy in its source's node to that in its destination's.</summary>
    public const int BetweenRelays = 5;

    /// <summary>A part of a hop, from the last that relays it to its destination.</summary>
    public const int FromRelay = 6;

    /// <summary>Tokens with a share of the heads, on their way to the rank that attends with it.</summary>
    public const int ToHeads = 7;

    /// <summary>What that rank gives back for them.</summary>
    public const int FromHeads = 8;
}
