namespace ParallelDsl.Kernels;

/// <summary>
/// A run of consecutive query rows of one sequence against a run of consecutive key rows of the same sequence. A query at position p sees
/// the keys at positions up to p: a block wholly in the past is full, one on the diagonal is masked, one in the future is skipped.
/// </summary>
/// <param name="QueryStart">First row in the packed query matrix.</param>
/// <param name="QueryLength">Number of query rows.</param>
/// <param name="QueryPosition">Position of the first query in its sequence.</param>
/// <param name="KeyStart">First row in the packed key and value matrices.</param>
/// <param name="KeyLength">Number of key rows.</param>
/// <param name="KeyPosition">Position of the first key in its sequence.</param>
public readonly record struct AttentionBlock(
    int QueryStart, int QueryLength, int QueryPosition, int KeyStart, int KeyLength, int KeyPosition)
{
    /// <summary>Every query sees every key, whatever their positions: as if all keys lay before all queries.</summary>
    internal static AttentionBlock Full(int queryStart, int queryLength, int keyStart, int keyLength) =>
        new(queryStart, queryLength, keyLength, keyStart, keyLength, 0);

    /// <summary>Number of (query, key) pairs that are seen: the work of the block.</summary>
    public long Area
    {
        get
        {
            // Keys that query number i sees: its position minus the first key's, plus one, between zero and all.
            long first = (long)QueryPosition - KeyPosition + 1;
            long partialStart = Math.Clamp(-first + 1, 0, QueryLength);
            long fullStart = Math.Clamp(KeyLength - first, partialStart, QueryLength);
            long partial = fullStart - partialStart;
            long smallest = first + partialStart;
            return (partial * (2 * smallest + partial - 1) / 2) + ((QueryLength - fullStart) * KeyLength);
        }
    }
}
