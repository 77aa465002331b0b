using CsCheck;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Tests.Rings;

public class MultiRingTests
{
    public static TheoryData<string> Sets => ["2", "3", "4", "5", "6", "7", "8", "10", "12", "13", "16", "p2", "p3", "p8", "p9", "2x4", "2x4a", "3x4a", "3x6", "4x2a", "2x7", "3x7a", "2x9a", "8-", "6-", "8one"];

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

    /// <summary>Every pair of a query and a key that the mask allows, and no other, is computed exactly once: under a causal mask a rank attends
    /// to its own rows under that mask, with all of its queries to the heads of an earlier rank, and with those of its tails to all of a later
    /// one.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void Every_pair_of_tokens_once(string name)
    {
        var rings = new MultiRing(Named(name));
        Cases.Check(Lengths.Select(Gen.Bool), rings.Ranks > 9 ? 3 : 8, batch =>
        {
            (int[] lengths, bool causal) = batch;
            var rows = new RingRows(rings.Ranks, rings.Slots, lengths);
            var pairs = new int[lengths.Length][,];
            for (int sequence = 0; sequence < lengths.Length; sequence++)
                pairs[sequence] = new int[lengths[sequence], lengths[sequence]];
            for (int t = 0; t < rings.Iterations; t++)
            {
                for (int rank = 0; rank < rings.Ranks; rank++)
                    Assert.Equal(Compute(rings, rows, t, rank, causal, pairs), rows.Pairs(rings, t, rank, causal));
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

    // What a rank does in an iteration, token by token.
    private static long Compute(MultiRing rings, RingRows rows, int t, int rank, bool causal, int[][,] pairs)
    {
        long computed = 0;
        for (int sequence = 0; sequence < pairs.Length; sequence++)
        {
            int[] queries = [.. Enumerable.Range(0, rings.Slots).SelectMany(slot => rows.Tokens(sequence, rank, slot))];
            for (int slot = 0; slot < rings.Slots; slot++)
            {
                int origin = rings.Origin(t, rank, slot);
                foreach (int query in queries)
                {
                    foreach (int key in rows.Tokens(sequence, origin, slot))
                    {
                        bool seen = !causal || (origin == rank ? key <= query : origin < rank ? rows.IsHead(sequence, key) : !rows.IsHead(sequence, query));
                        if (!seen)
                            continue;
                        pairs[sequence][query, key]++;
                        computed++;
                    }
                }
            }
        }

        return computed;
    }

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
                // m heads and as many tails of size s: a triangle of 2ms tokens, then m s times 2ms. Without a mask 2ms times 2ms.
                int m = rings.Slots;
                var rows = new RingRows(devices, m, [2 * devices * m * size]);
                for (int rank = 0; rank < devices; rank++)
                {
                    Assert.Equal(m * size * ((2L * m * size) + 1), rows.Pairs(rings, 0, rank, causal: true));
                    for (int t = 0; t < devices; t++)
                    {
                        if (t > 0)
                            Assert.Equal(2L * m * size * m * size, rows.Pairs(rings, t, rank, causal: true));
                        Assert.Equal(4L * m * size * m * size, rows.Pairs(rings, t, rank, causal: false));
                    }
                }
            }
        }

        // The published figures of eight ranks with pieces of one token.
        var eight = new MultiRing(RingSets.Complete(8));
        var single = new RingRows(8, 7, [112]);
        Assert.Equal((105L, 98L), (single.Pairs(eight, 0, 3, causal: true), single.Pairs(eight, 5, 3, causal: true)));
    }

    /// <summary>With any lengths the work of an iteration is that of equal pieces to within one token of each piece in it and of each chunk of
    /// queries.</summary>
    [Fact]
    public void Any_lengths_are_equal_work_to_within_a_token_a_piece() => Cases.Check(
        Gen.Select(Gen.Int[2, 13], Gen.Int[1, 2_000].Array[1, 4]), 60, batch =>
        {
            (int devices, int[] lengths) = batch;
            var rings = new MultiRing(RingSets.Complete(devices));
            int m = rings.Slots;
            var rows = new RingRows(devices, m, lengths);
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
                    Assert.InRange(rows.Pairs(rings, t, rank, causal: true), mean - most, mean + most);
            }
        });

    /// <summary>Head and tail of a sequence are in every part in their proportion, whatever came before them: of the last rank, whose two chunks
    /// are one segment, both together.</summary>
    [Fact]
    public void Pieces_of_a_sequence_are_near_equal() => Cases.Check(
        Gen.Select(Gen.Int[1, 9], Gen.Int[1, 12], Gen.Int[0, 500].Array[1, 6]), 200, layout =>
        {
            (int ranks, int parts, int[] lengths) = layout;
            var rows = new RingRows(ranks, parts, lengths);
            for (int sequence = 0; sequence < lengths.Length; sequence++)
            {
                int least = lengths[sequence] / (2 * ranks * parts);
                for (int rank = 0; rank < ranks; rank++)
                {
                    for (int part = 0; part < parts; part++)
                    {
                        (int heads, int tails) = rows.Count(sequence, rank, part);
                        Assert.InRange(heads + tails, 2 * least, (2 * least) + 2);
                        if (rank == ranks - 1)
                            continue;
                        Assert.InRange(heads, least, least + 1);
                        Assert.InRange(tails, least, least + 1);
                    }
                }
            }
        });

    /// <summary>Where the rows of a batch lie: zigzag chunks of every sequence, each segment cut into parts, as the runtime cuts them. A head is
    /// of the first half of its sequence, a tail of the second.</summary>
    private sealed class RingRows
    {
        private readonly int[] _lengths;
        private readonly int[,,][] _tokens;

        public RingRows(int ranks, int parts, int[] lengths)
        {
            (_lengths, _tokens) = (lengths, new int[lengths.Length, ranks, parts][]);
            for (int rank = 0; rank < ranks; rank++)
            {
                int before = 0;
                for (int sequence = 0; sequence < lengths.Length; sequence++)
                {
                    var pieces = new List<int>[parts];
                    Segments split = ZigzagSplit.SegmentsOf(lengths[sequence], ranks, rank);
                    for (int index = 0; index < split.Count; before += split[index].Length, index++)
                    {
                        int token = split[index].Start;
                        for (int part = 0; part < parts; part++)
                        {
                            int length = RowParts.RowsOf(split[index].Length, parts, part, before);
                            (pieces[part] ??= []).AddRange(Enumerable.Range(token, length));
                            token += length;
                        }
                    }

                    for (int part = 0; part < parts; part++)
                        _tokens[sequence, rank, part] = pieces[part]?.ToArray() ?? [];
                }
            }
        }

        /// <summary>The tokens of a sequence in a part of a rank.</summary>
        public int[] Tokens(int sequence, int rank, int part) => _tokens[sequence, rank, part];

        public bool IsHead(int sequence, int token) => token < _lengths[sequence] / 2;

        public (int Heads, int Tails) Count(int sequence, int rank, int part)
        {
            int heads = Tokens(sequence, rank, part).Count(token => IsHead(sequence, token));
            return (heads, Tokens(sequence, rank, part).Length - heads);
        }

        /// <summary>Pairs of a query and a key that a rank computes in an iteration, of all sequences and slots.</summary>
        public long Pairs(MultiRing rings, int iteration, int rank, bool causal)
        {
            long pairs = 0;
            for (int sequence = 0; sequence < _lengths.Length; sequence++)
            {
                (long heads, long tails) = (0, 0);
                for (int part = 0; part < rings.Slots; part++)
                {
                    (int partHeads, int partTails) = Count(sequence, rank, part);
                    (heads, tails) = (heads + partHeads, tails + partTails);
                }

                long all = heads + tails;
                if (causal && iteration == 0)
                {
                    pairs += all * (all + 1) / 2;
                    continue;
                }

                for (int slot = 0; slot < rings.Slots; slot++)
                {
                    int origin = rings.Origin(iteration, rank, slot);
                    (int partHeads, int partTails) = Count(sequence, origin, slot);
                    pairs += !causal ? all * (partHeads + partTails) : origin < rank ? all * partHeads : tails * (partHeads + partTails);
                }
            }

            return pairs;
        }
    }
}
