using CsCheck;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Tests.Sequences;

public class ZigzagSplitTests
{
    [Fact]
    public void Two_ranks_of_eight_tokens()
    {
        Segments first = ZigzagSplit.SegmentsOf(8, 2, 0);
        Assert.Equal((2, new Segment(0, 2), new Segment(6, 2)), (first.Count, first[0], first[1]));

        // Rank n - 1 holds the two middle chunks, which are one segment.
        Segments second = ZigzagSplit.SegmentsOf(8, 2, 1);
        Assert.Equal((1, new Segment(2, 4)), (second.Count, second[0]));
    }

    [Fact]
    public void One_rank_holds_all_in_one_segment()
    {
        Segments all = ZigzagSplit.SegmentsOf(7, 1, 0);
        Assert.Equal((1, new Segment(0, 7), 7), (all.Count, all[0], all.Tokens));
    }

    [Fact]
    public void Every_length_is_covered_exactly_and_evenly()
    {
        foreach (int ranks in new[] { 1, 2, 3, 4, 5, 8 })
        {
            for (int length = 0; length <= 100; length++)
                Check(length, ranks);
        }

        Cases.Check(Gen.Select(Gen.Int[0, 10_000], Gen.Int[1, 64]), 500, input => Check(input.Item1, input.Item2));
    }

    private static void Check(int length, int ranks)
    {
        var owner = new int[length];
        long most = 2L * ((length + (2L * ranks) - 1) / (2L * ranks));
        for (int rank = 0; rank < ranks; rank++)
        {
            Segments segments = ZigzagSplit.SegmentsOf(length, ranks, rank);
            int tokens = 0, end = -1;
            for (int index = 0; index < segments.Count; index++)
            {
                Segment segment = segments[index];
                Assert.True(segment.Length > 0);
                Assert.True(segment.Start > end, "segments are in order and not adjacent");
                for (int token = segment.Start; token < segment.End; token++)
                    owner[token]++;
                tokens += segment.Length;
                end = segment.End;
            }

            Assert.Equal(tokens, segments.Tokens);
            Assert.Equal(tokens, ZigzagSplit.TokensOf(length, ranks, rank));
            Assert.True(tokens <= most);
        }

        Assert.All(owner, times => Assert.Equal(1, times));
    }

    [Fact]
    public void Causal_work_is_even()
    {
        const int length = 4_096, ranks = 8;
        long[] pairs = [.. Enumerable.Range(0, ranks).Select(rank =>
        {
            Segments segments = ZigzagSplit.SegmentsOf(length, ranks, rank);
            return Enumerable.Range(0, segments.Count).Sum(index =>
                Enumerable.Range(segments[index].Start, segments[index].Length).Sum(query => query + 1L));
        })];
        Assert.Equal(pairs.Min(), pairs.Max());
        Assert.Equal(length * (length + 1L) / 2, pairs.Sum());
    }

    [Fact]
    public void Long_sequences_do_not_overflow() => Assert.Equal(
        int.MaxValue, Enumerable.Range(0, 1_000).Sum(rank => ZigzagSplit.TokensOf(int.MaxValue, 1_000, rank)));

    [Theory]
    [InlineData(-1, 2, 0)]
    [InlineData(8, 0, 0)]
    [InlineData(8, -1, 0)]
    [InlineData(8, int.MaxValue, 0)]
    [InlineData(8, 2, 2)]
    [InlineData(8, 2, -1)]
    public void Bad_arguments_are_refused(int length, int ranks, int rank)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ZigzagSplit.SegmentsOf(length, ranks, rank));
        Assert.Throws<ArgumentOutOfRangeException>(() => ZigzagSplit.TokensOf(length, ranks, rank));
    }

    [Fact]
    public void Segments_outside_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ZigzagSplit.SegmentsOf(8, 1, 0)[1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => ZigzagSplit.SegmentsOf(8, 1, 0)[-1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => ZigzagSplit.SegmentsOf(0, 1, 0)[0]);
    }
}
