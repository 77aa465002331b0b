using ParallelDsl.Kernels;

namespace ParallelDsl.Execution;

/// <summary>What attention over one unit reads and writes in one pass. Rows are attention tokens of this rank.</summary>
internal readonly struct AttentionOperands
{
    /// <summary>The rank's threads.</summary>
    public required ThreadTeam Team { get; init; }

    /// <summary>The layout of the unit.</summary>
    public required UnitLayout Unit { get; init; }

    /// <summary>The keys and values of earlier slices; null where there are none.</summary>
    public required KeyValueHistory? History { get; init; }

    /// <summary>[rows, heads x head width].</summary>
    public required Matrix Query { get; init; }

    /// <summary>[rows, key-value heads x head width].</summary>
    public required Matrix Key { get; init; }

    /// <summary>As <see cref="Key"/>.</summary>
    public required Matrix Value { get; init; }

    /// <summary>[heads, rows]: written in the forward.</summary>
    public required Matrix LogSumExp { get; init; }

    /// <summary>As <see cref="Query"/>: written in the forward.</summary>
    public Matrix Output { get; init; }

    /// <summary>Whether this is the backward, which has what follows.</summary>
    public bool IsBackward { get; init; }

    /// <summary>As <see cref="Query"/>.</summary>
    public Matrix OutputGradient { get; init; }

    /// <summary>[heads, rows]: the products of the rows of output and its gradient.</summary>
    public Matrix OutputDots { get; init; }

    /// <summary>As <see cref="Query"/>: added to.</summary>
    public Matrix QueryGradient { get; init; }

    /// <summary>As <see cref="Key"/>: added to.</summary>
    public Matrix KeyGradient { get; init; }

    /// <summary>As <see cref="Key"/>: added to.</summary>
    public Matrix ValueGradient { get; init; }
}
