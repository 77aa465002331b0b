namespace ParallelDsl.Planning.Models;

/// <summary>A contiguous run of the rows of a vocabulary: what one layer of a divided embedding or head holds.</summary>
/// <param name="FirstRow">Its first token id.</param>
/// <param name="Rows">How many token ids, at least 1.</param>
public readonly record struct VocabularySlice(int FirstRow, int Rows)
{
    /// <summary>Slice j of k near-equal slices of V rows: rows V j / k to V (j + 1) / k, rounded down.</summary>
    /// <param name="vocabulary">V, the number of token ids.</param>
    /// <param name="slice">j, from 0.</param>
    /// <param name="slices">k, from 1 to V.</param>
    public static VocabularySlice Of(int vocabulary, int slice, int slices)
    {
        int first = (int)((long)vocabulary * slice / slices);
        return new(first, (int)((long)vocabulary * (slice + 1) / slices) - first);
    }
}
