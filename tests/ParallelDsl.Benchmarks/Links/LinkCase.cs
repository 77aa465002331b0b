namespace ParallelDsl.Benchmarks.Links;

/// <summary>What is done with keys and values that travel.</summary>
internal enum LinkWork
{
    /// <summary>Timed waits that use no processor, or nothing.</summary>
    Waits,

    /// <summary>The runtime's own causal attention, forward.</summary>
    Forward,

    /// <summary>Forward and backward.</summary>
    Training,
}

/// <summary>A case: an exchange and what is computed.</summary>
/// <param name="Exchange">Its number.</param>
/// <param name="Work">What is done.</param>
/// <param name="Ratio">Of waits: all of them by the single ring's communication; 0 is the exchange alone.</param>
internal readonly record struct LinkCase(int Exchange, LinkWork Work, double Ratio = 0);
