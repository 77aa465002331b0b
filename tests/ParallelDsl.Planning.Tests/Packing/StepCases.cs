using CsCheck;
using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Planning.Tests.Packing;

/// <summary>Steps for tests: constants, long-tailed batches, random worlds.</summary>
internal static class StepCases
{
    /// <summary>About those of a model of 7 billion parameters: a token of the linear part costs as much as 26,000 pairs.</summary>
    public static readonly SequenceCosts Costs = SequenceCosts.Of(524_288, 13_600_000_000, 524_288, 4_000_000);

    /// <summary>Where attention is dear: a token of the linear part costs as much as 100 pairs.</summary>
    public static readonly SequenceCosts AttentionHeavy = SequenceCosts.Of(1_000, 100_000, 64, 64);

    public static StepConstants Constants(
        ParallelDsl.Packing packing,
        SequenceBalance balance,
        int dataRanks,
        int sequenceRanks,
        int units,
        int rankTokens,
        int window = 1,
        int perNode = 8,
        int intra = 0,
        int inter = 0,
        SequenceCosts? costs = null,
        int context = 1_000_000,
        int intraHeads = 0,
        int interHeads = 0) => new(
            packing,
            balance,
            context,
            dataRanks,
            sequenceRanks,
            units,
            rankTokens,
            1,
            window,
            intra,
            inter,
            intraHeads,
            interHeads,
            costs ?? Costs,
            new EquatableArray<int>([.. Enumerable.Range(0, dataRanks * sequenceRanks).Select(rank => rank / perNode)]));

    /// <summary>The same where neighbours are of different data ranks: ranks of a data rank lie on as many nodes as they can.</summary>
    public static StepConstants Interleaved(StepConstants constants, int perNode) => constants with
    {
        Nodes = new([.. Enumerable.Range(0, constants.DataRanks * constants.SequenceRanks)
            .Select(rank => ((rank % constants.SequenceRanks * constants.DataRanks) + (rank / constants.SequenceRanks)) / perNode)]),
    };

    public static readonly (ParallelDsl.Packing, SequenceBalance)[] Strategies =
    [
        (ParallelDsl.Packing.Tokens, SequenceBalance.Zigzag),
        (ParallelDsl.Packing.Tokens, SequenceBalance.Hierarchical),
        (ParallelDsl.Packing.Asymmetric, SequenceBalance.Zigzag),
        (ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical),
    ];

    /// <summary>Mostly hundreds of tokens, now and then tens of thousands.</summary>
    public static int[] LongTailed(int count, int seed, int longest = 65_536)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (int)Math.Clamp(200 * Math.Pow(random.NextDouble() + 1e-3, -0.8), 16, longest))];
    }

    private static readonly Gen<int[]> Lengths = Gen.OneOf(
        Gen.Int[1, 40].Array[0, 30],
        Gen.Int[1, 3_000].Array[0, 60],
        Gen.Select(Gen.Int[1, 400].Array[0, 40], Gen.Int[1, 20_000].Array[0, 3], (shorts, longs) => (int[])[.. shorts, .. longs]),
        Gen.Select(Gen.Int[1, 60], Gen.Int[0, 40], (length, count) => Enumerable.Repeat(length, count).ToArray()));

    /// <summary>Worlds of up to 4 x 4 ranks on nodes of any size, units and windows, batches of all shapes and room for between 0.7 and 4
    /// times as many tokens.</summary>
    public static readonly Gen<(StepConstants Constants, int[] Lengths)> Any =
        from strategy in Gen.Int[0, 3]
        from dataRanks in Gen.Int[1, 4]
        from sequenceRanks in Gen.Int[1, 4]
        from units in Gen.Int[1, 6]
        from window in Gen.Int[1, 6]
        from perNode in Gen.Int[1, 6]
        from overlap in Gen.Int[0, 2_000]
        from roomy in Gen.Int[70, 400]
        from costs in Gen.Bool
        from intraHeads in Gen.Int[-4, 9]
        from interHeads in Gen.Int[-4, 9]
        from interleaved in Gen.Bool
        from lengths in Lengths
        let constants = Constants(
            Strategies[strategy].Item1,
            Strategies[strategy].Item2,
            dataRanks,
            sequenceRanks,
            units,
            Math.Max(1, (int)(lengths.Sum(length => (long)length) * roomy / 100 / (dataRanks * sequenceRanks * units))),
            window,
            perNode,
            overlap / 4,
            overlap,
            costs ? Costs : AttentionHeavy,
            intraHeads: Math.Max(0, intraHeads),
            interHeads: Math.Max(0, interHeads))
        select (interleaved ? Interleaved(constants, perNode) : constants, lengths);
}
