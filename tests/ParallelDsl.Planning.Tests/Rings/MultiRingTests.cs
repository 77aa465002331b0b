using CsCheck;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Tests.Rings;

public class MultiRingTests
{
    public static TheoryData<string> Sets => ["2", "3", "4", "5", "6", "7", "8", "10", "12", "13", "16", "p2", "p3", "p8", "p9", "2x4", "2x4a", "3x4a", "3x6", "4x2a", "8-", "6-", "8one"];

    /// <summary>Of n devices; pairwise (p); nodes x devices, along rails (a); with a missing link (-); one ring.</summary>
    private static RingSet Named(string name)
    {
        if (name == "8one")
            return new RingSet(RingSetKind.Cycles, 8, 1, [new([0, 1, 2, 3, 4, 5, 6, 7])]);
        if (name[0] == 'p')
            return RingSet.Pairwise(int.Parse(name[1..]));
        if (name.EndsWith('-'))
            return RingRepair.Without(int.Parse(name[..^1]), [new(2, 5), new(5, 2)]).Set!;
        int[] parts = [.. name.TrimEnd('a').Split('x').Select(int.Parse)];
        return parts.Length == 1
            ? RingSets.Complete(parts[0])
            : RingSets.OverNodes(parts[0], parts[1], name.EndsWith('a') ? NodeRail.Aligned : NodeRail.Cross).Set!;
    }

    /// <summary>Parts are passed on as the table says, and compared with what it says that ranks hold.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void Every_rank_sees_every_part_once(string name)
    {
        var rings = new MultiRing(Named(name));
        int ranks = rings.Ranks, slots = rings.Slots;
        var held = new (int Origin, int Slot)[ranks, slots];
        var seen = new HashSet<(int Rank, int Origin, int Slot)>();
        for (int rank = 0; rank < ranks; rank++)
        {
            for (int slot = 0; slot < slots; slot++)
                held[rank, slot] = (rank, slot);
        }

        for (int t = 0; ; t++)
        {
            for (int rank = 0; rank < ranks; rank++)
            {
                for (int slot = 0; slot < slots; slot++)
                {
                    Assert.Equal((rings.Origin(t, rank, slot), slot), held[rank, slot]);
                    Assert.True(seen.Add((rank, held[rank, slot].Origin, slot)));
                }
            }

            // Each part is at exactly one rank.
            Assert.Equal(ranks * slots, held.Cast<(int, int)>().Distinct().Count());
            if (t == rings.Iterations - 1)
                break;

            var links = new HashSet<(int From, int To)>();
            var arrived = new (int, int)?[ranks, slots];
            for (int rank = 0; rank < ranks; rank++)
            {
                for (int slot = 0; slot < slots; slot++)
                {
                    int next = rings.Next(t, rank, slot);
                    Assert.True(links.Add((rank, next)), "two parts on one link");
                    Assert.Equal(rank, rings.Previous(t, next, slot));
                    Assert.Null(arrived[next, slot]);
                    arrived[next, slot] = rings.Forwards ? held[rank, slot] : (rank, slot);
                }
            }

            for (int rank = 0; rank < ranks; rank++)
            {
                for (int slot = 0; slot < slots; slot++)
                    held[rank, slot] = arrived[rank, slot]!.Value;
            }
        }

        Assert.Equal(ranks * ranks * slots, seen.Count);
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Slots_of_the_first_iteration_are_those_of_the_table(string name)
    {
        RingSet set = Named(name);
        var rings = new MultiRing(set);
        int[][] send = set.SendSlots(), receive = set.ReceiveSlots();
        for (int rank = 0; rank < rings.Ranks; rank++)
        {
            for (int slot = 0; slot < rings.Slots; slot++)
            {
                Assert.Equal(slot, send[rank][rings.Next(0, rank, slot)]);
                Assert.Equal(slot, receive[rank][rings.Previous(0, rank, slot)]);
            }
        }
    }

    [Fact]
    public void What_nothing_can_travel_along()
    {
        var broken = new RingSet(RingSetKind.Cycles, 3, 1, [new([0, 1, 1])]);
        Assert.Contains("ring 0 has device 1 twice", Assert.Throws<ArgumentException>(() => new MultiRing(broken)).Message, StringComparison.Ordinal);
        var open = new RingSet(RingSetKind.Paths, 3, 1, [new([0, 1, 2])]);
        Assert.Contains("do not close", Assert.Throws<ArgumentException>(() => new MultiRing(open)).Message, StringComparison.Ordinal);
        var rings = new MultiRing(RingSets.Complete(5));
        Assert.Throws<ArgumentOutOfRangeException>(() => rings.Origin(5, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => rings.Next(4, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => rings.Previous(0, 5, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => rings.Previous(0, 0, 4));
    }

    private static Gen<int[]> Lengths => Gen.OneOf(Gen.Int[0, 40].Array[1], Gen.Int[1, 30].Array[2, 5], Gen.Int[100, 150].Array[1]);

    /// <summary>Every pair of a query and a key that the mask allows, and no other, is computed exactly once.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void Every_pair_of_tokens_once(string name)
    {
        var rings = new MultiRing(Named(name));
        Cases.Check(Lengths.Select(Gen.Bool), rings.Ranks > 9 ? 3 : 8, batch =>
        {
            (int[] lengths, bool causal) = batch;
            var placement = new RingPlacement(rings.Ranks, rings.Slots, new(lengths), causal);
            var pairs = new int[lengths.Length][,];
            for (int sequence = 0; sequence < lengths.Length; sequence++)
                pairs[sequence] = new int[lengths[sequence], lengths[sequence]];
            for (int t = 0; t < rings.Iterations; t++)
            {
                for (int rank = 0; rank < rings.Ranks; rank++)
                    Assert.Equal(Compute(rings, placement, t, rank, pairs), RingWork.Pairs(rings, placement, t, rank));
            }

            for (int sequence = 0; sequence < lengths.Length; sequence++)
            {
                for (int query = 0; query < lengths[sequence]; query++)
                {
                    for (int key = 0; key < lengths[sequence]; key++)
                        Assert.Equal(!causal || key <= query ? 1 : 0, pairs[sequence][query, key]);
                }
            }
        });
    }

    // What a rank does in an iteration, as the placement's rule says it.
    private static long Compute(MultiRing rings, RingPlacement placement, int t, int rank, int[][,] pairs)
    {
        long computed = 0;
        for (int sequence = 0; sequence < pairs.Length; sequence++)
        {
            int[] heads = Tokens(placement.Heads(sequence, rank)), tails = Tokens(placement.Tails(sequence, rank));
            for (int slot = 0; slot < rings.Slots; slot++)
            {
                int origin = rings.Origin(t, rank, slot);
                int[] head = Tokens(placement.Head(sequence, origin, slot)), tail = Tokens(placement.Tail(sequence, origin, slot));
                bool all = origin <= rank && t > 0;
                int[] queries = t == 0 || all || !placement.IsCausal ? [.. heads, .. tails] : tails;
                foreach (int query in queries)
                {
                    foreach (int key in all && placement.IsCausal ? head : head.Concat(tail))
                    {
                        if (t == 0 && placement.IsCausal && key > query)
                            continue;
                        pairs[sequence][query, key]++;
                        computed++;
                    }
                }
            }
        }

        return computed;
    }

    private static int[] Tokens(Segment segment) => [.. Enumerable.Range(segment.Start, segment.Length)];

    [Theory]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(10)]
    public void Equal_pieces_are_equal_work(int devices)
    {
        foreach (RingSet set in (RingSet[])[RingSets.Complete(devices), RingSet.Pairwise(devices)])
        {
            var rings = new MultiRing(set);
            for (int size = 1; size <= 3; size++)
            {
                // m heads and as many tails of size s: a triangle of 2ms tokens, then m s times 2ms.
                int m = rings.Slots;
                var placement = new RingPlacement(devices, m, new([2 * devices * m * size]), causal: true);
                for (int rank = 0; rank < devices; rank++)
                {
                    Assert.Equal(m * size * ((2L * m * size) + 1), RingWork.Pairs(rings, placement, 0, rank));
                    for (int t = 1; t < devices; t++)
                        Assert.Equal(2L * m * size * m * size, RingWork.Pairs(rings, placement, t, rank));
                }
            }
        }

        // The published figures of eight ranks with pieces of one token.
        var eight = new MultiRing(RingSets.Complete(8));
        var single = new RingPlacement(8, 7, new([112]), causal: true);
        Assert.Equal((105L, 98L), (RingWork.Pairs(eight, single, 0, 3), RingWork.Pairs(eight, single, 5, 3)));
    }

    /// <summary>With any lengths the work of a slot is that of equal pieces to within one token of each piece in it and of each chunk of queries.</summary>
    [Fact]
    public void Any_lengths_are_equal_work_to_within_a_token_a_piece() => Cases.Check(
        Gen.Select(Gen.Int[2, 13], Gen.Int[1, 2_000].Array[1, 4]), 60, batch =>
        {
            (int devices, int[] lengths) = batch;
            var rings = new MultiRing(RingSets.Complete(devices));
            int m = rings.Slots;
            var placement = new RingPlacement(devices, m, new(lengths), causal: true);
            double mean = 0, most = 0;
            foreach (int length in lengths)
            {
                double piece = length / (2.0 * devices * m);
                mean += 2 * m * piece * m * piece;
                most += m * ((2 * m * piece) + (2 * piece) + 2);
            }

            for (int rank = 0; rank < devices; rank++)
            {
                for (int t = 1; t < devices; t++)
                    Assert.InRange(RingWork.Pairs(rings, placement, t, rank), mean - most, mean + most);
            }
        });

    [Fact]
    public void Tokens_lie_where_a_single_ring_has_them() => Cases.Check(
        Gen.Select(Gen.Int[1, 9], Gen.Int[1, 12], Gen.Int[0, 500].Array[1, 6]), 200, layout =>
        {
            (int ranks, int slots, int[] lengths) = layout;
            var placement = new RingPlacement(ranks, slots, new(lengths), causal: true);
            long tokens = 0;
            for (int rank = 0; rank < ranks; rank++)
            {
                for (int sequence = 0; sequence < lengths.Length; sequence++)
                {
                    Segments zigzag = ZigzagSplit.SegmentsOf(lengths[sequence], ranks, rank);
                    int[] expected = [.. Enumerable.Range(0, zigzag.Count).SelectMany(index => Tokens(zigzag[index]))];
                    Assert.Equal(expected, Tokens(placement.Heads(sequence, rank)).Concat(Tokens(placement.Tails(sequence, rank))));
                    Assert.Equal(expected, Enumerable.Range(0, slots).SelectMany(slot =>
                        Tokens(placement.Head(sequence, rank, slot)).Concat(Tokens(placement.Tail(sequence, rank, slot)))).Order());
                    Assert.All(Enumerable.Range(0, slots), slot =>
                        Assert.InRange(placement.Head(sequence, rank, slot).Length, lengths[sequence] / (2 * ranks * slots), (lengths[sequence] / (2 * ranks * slots)) + 1));
                }

                Assert.Equal(placement.RankTokens(rank), Enumerable.Range(0, slots).Sum(slot => placement.SlotTokens(rank, slot)));
                tokens += placement.RankTokens(rank);
            }

            Assert.Equal(lengths.Sum(), tokens);
        });

    [Fact]
    public void What_is_sent_is_what_arrives()
    {
        var rings = new MultiRing(RingSets.Complete(7));
        var placement = new RingPlacement(7, 6, new([100, 13, 5]), causal: true);
        for (int t = 0; t < 6; t++)
        {
            for (int rank = 0; rank < 7; rank++)
            {
                for (int slot = 0; slot < 6; slot++)
                    Assert.Equal(placement.SlotTokens(rings.Origin(t, rank, slot), slot), RingWork.SentTokens(rings, placement, t, rank, slot));
            }
        }
    }

    [Fact]
    public void Wrong_placements()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new RingPlacement(0, 1, new([5]), true));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RingPlacement(2, 0, new([5]), true));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RingPlacement(2, 1, new([-5]), true));
        var placement = new RingPlacement(4, 3, new([5]), true);
        Assert.Throws<ArgumentOutOfRangeException>(() => placement.Head(1, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => placement.Tail(0, 4, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => placement.Head(0, 0, 3));
        Assert.Throws<ArgumentException>(() => RingWork.Pairs(new MultiRing(RingSets.Complete(5)), placement, 0, 0));
    }
}
