namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Numbers that look random and are the same everywhere (SplitMix64).</summary>
internal struct SearchRandom(ulong state)
{
    /// <summary>What the next numbers depend on.</summary>
    public ulong State { get; private set; } = state;

    /// <summary>A number from 0 to <paramref name="bound"/> - 1; the bound is below 2^31.</summary>
    public int Next(int bound)
    {
        unchecked
        {
            State += 0x9E3779B97F4A7C15UL;
            ulong value = State;
            value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9UL;
            value = (value ^ (value >> 27)) * 0x94D049BB133111EBUL;
            value ^= value >> 31;
            return (int)(((value >> 32) * (ulong)bound) >> 32);
        }
    }

    /// <summary>A number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public int Between(int least, int most) => least + Next(most - least + 1);
}
