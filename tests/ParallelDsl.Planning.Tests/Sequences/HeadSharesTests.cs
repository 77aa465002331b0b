using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Tests.Sequences;

public sealed class HeadSharesTests
{
    /// <summary>Every head is in one share, shares follow one another and differ by at most one head.</summary>
    [Fact]
    public void SharesCoverEveryHeadOnce()
    {
        for (int heads = 1; heads <= 40; heads++)
        {
            for (int ranks = 1; ranks <= 70; ranks++)
            {
                int next = 0, least = int.MaxValue, most = 0;
                for (int rank = 0; rank < ranks; rank++)
                {
                    HeadShare share = HeadShares.Of(heads, ranks, rank);
                    Assert.Equal(next, share.First);
                    next += share.Count;
                    (least, most) = (Math.Min(least, share.Count), Math.Max(most, share.Count));
                }

                Assert.Equal(heads, next);
                Assert.InRange(most - least, 0, 1);
                Assert.Equal(most, HeadShares.Most(heads, ranks));
            }
        }
    }

    [Theory]
    [InlineData(0, 1, 0, "0 key-value heads")]
    [InlineData(4, 0, 0, "0 ranks")]
    [InlineData(4, 2, -1, "rank -1 of 2")]
    [InlineData(4, 2, 2, "rank 2 of 2")]
    public void WhatIsNoShareIsNamed(int heads, int ranks, int rank, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentOutOfRangeException>(() => HeadShares.Of(heads, ranks, rank)).Message, StringComparison.Ordinal);
}
