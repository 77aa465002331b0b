using CsCheck;
using ParallelDsl.Planning.Routes;

namespace ParallelDsl.Planning.Tests.Routes;

public class RemapPlannerTests
{
    private static TokenRemap Plan(
        int[] tokens, int[] nodes, RemapObjective objective = RemapObjective.Sum, int intraCost = 1, int interCost = 8)
    {
        var remap = new TokenRemap();
        RemapPlanner.Plan(tokens, nodes, tokens.Length, intraCost, interCost, objective, remap);
        return remap;
    }

    private static TokenMove[] Moves(TokenRemap remap) => remap.Moves[..remap.MoveCount];

    private static string Text(TokenRemap remap) => string.Join(" ", Moves(remap).Select(move =>
        $"{move.From}>{move.To}:{move.Tokens}@{move.FromRow}>{move.ToRow}"));

    private static long Cost(TokenRemap remap, RemapObjective objective) =>
        objective == RemapObjective.Sum ? remap.TotalCost : remap.SlowestCost;

    [Fact]
    public void Nodes_cancel_first()
    {
        TokenRemap remap = Plan([10, 2, 9, 3], [0, 0, 1, 1]);
        Assert.Equal("0>1:4@6>2 2>3:3@6>3", Text(remap));
        Assert.Equal((7L, 0L, 7L, 4L), (remap.IntraTokens, remap.InterTokens, remap.TotalCost, remap.SlowestCost));

        // Six leave node 0, three by each of its senders, so that neither is slower than need be.
        remap = Plan([9, 9, 3, 3], [0, 0, 1, 1]);
        Assert.Equal("0>2:3@6>3 1>3:3@6>3", Text(remap));
        Assert.Equal((0L, 6L, 48L, 24L), (remap.IntraTokens, remap.InterTokens, remap.TotalCost, remap.SlowestCost));
    }

    [Fact]
    public void The_sender_with_less_to_send_sends_more_of_it_far()
    {
        // Node 0 sends 8 away and 6 inside: 9 by rank 0, 5 by rank 1. Far tokens cost 1 more: at a bound of 11 only 2 and 5 of them may go
        // far, at 12 all 8.
        TokenRemap remap = Plan([15, 11, 0, 0, 4, 6], [0, 0, 0, 1, 1, 1], RemapObjective.SlowestRank, 1, 2);
        Assert.Equal((6L, 8L, 12L), (remap.IntraTokens, remap.InterTokens, remap.SlowestCost));
    }

    [Fact]
    public void One_more_token_stays_where_it_saves_most()
    {
        // The mean is 4.5, two ranks hold 5. Over 4 and 4, node 0 has a net surplus of 4: with both of its ranks raised only 2 cross. Where
        // that saves nothing, the two ranks with an excess are raised, and fewer tokens move.
        Assert.Equal(2, Plan([9, 3, 5, 1], [0, 0, 1, 1]).InterTokens);
        Assert.Equal([5, 5, 4, 4], Plan([9, 3, 5, 1], [0, 0, 1, 1]).After[..4]);
        Assert.Equal([5, 4, 5, 4], Plan([9, 3, 5, 1], [0, 0, 1, 1], interCost: 1).After[..4]);
    }

    private static Gen<(int[] Tokens, int[] Nodes, int Intra, int Inter)> Layouts(int mostRanks, int mostTokens) =>
        from ranks in Gen.Int[1, mostRanks]
        from tokens in Gen.Int[0, mostTokens].Array[ranks]
        from nodes in Gen.Int[0, Math.Min(3, ranks)].Array[ranks]
        from intra in Gen.Int[1, 9]
        from dearer in Gen.OneOf(Gen.Int[0, 20], Gen.Int[0, 3])
        select (tokens, nodes, intra, intra + dearer);

    [Theory]
    [InlineData(RemapObjective.Sum)]
    [InlineData(RemapObjective.SlowestRank)]
    public void No_choice_of_ranks_and_no_moves_cost_less(RemapObjective objective)
    {
        int crossing = 0;
        Cases.Check(Layouts(4, 12), 20_000, layout =>
        {
            (int[] tokens, int[] nodes, int intra, int inter) = layout;
            TokenRemap remap = Plan(tokens, nodes, objective, intra, inter);
            Assert.Equal(RemapOracles.ByEnumeration(tokens, nodes, intra, inter, objective), Cost(remap, objective));
            crossing += remap is { IntraTokens: > 0, InterTokens: > 0 } ? 1 : 0;
        });
        Assert.True(crossing > 3_000, $"{crossing} cases with moves of both kinds");
    }

    [Theory]
    [InlineData(RemapObjective.Sum)]
    [InlineData(RemapObjective.SlowestRank)]
    public void An_integer_program_finds_no_less(RemapObjective objective) => Cases.Check(Layouts(6, 200), 600, layout =>
    {
        (int[] tokens, int[] nodes, int intra, int inter) = layout;
        Assert.Equal(
            RemapOracles.BySolver(tokens, nodes, intra, inter, objective), Cost(Plan(tokens, nodes, objective, intra, inter), objective));
    });

    [Fact]
    public void Every_plan_is_sound()
    {
        var reused = new TokenRemap();
        Cases.Check(Gen.Select(Layouts(40, 1_000), Gen.Bool), 2_000, input =>
        {
            ((int[] tokens, int[] nodes, int intra, int inter), bool sum) = input;
            RemapObjective objective = sum ? RemapObjective.Sum : RemapObjective.SlowestRank;
            RemapPlanner.Plan(tokens, nodes, tokens.Length, intra, inter, objective, reused);
            CheckSound(tokens, nodes, reused);

            // A result that was used before gives the same as a new one.
            TokenRemap fresh = Plan(tokens, nodes, objective, intra, inter);
            Assert.Equal(Text(fresh), Text(reused));
            Assert.Equal((fresh.TotalCost, fresh.SlowestCost), (reused.TotalCost, reused.SlowestCost));

            // What the other objective keeps small is never smaller here.
            TokenRemap other = Plan(tokens, nodes, sum ? RemapObjective.SlowestRank : RemapObjective.Sum, intra, inter);
            Assert.True(Cost(fresh, objective) <= Cost(other, objective));
        });
    }

    private static void CheckSound(int[] tokens, int[] nodes, TokenRemap remap)
    {
        int ranks = tokens.Length;
        int[] after = remap.After[..ranks], held = [.. tokens];
        Assert.Equal(tokens, remap.Before[..ranks]);
        Assert.True(after.Max() - after.Min() <= 1);
        TokenMove[] moves = Moves(remap);
        Assert.Equal(moves.OrderBy(move => (move.From, move.To)), moves);
        Assert.Equal(moves.Length, moves.Select(move => (move.From, move.To)).Distinct().Count());
        foreach (TokenMove move in moves)
        {
            Assert.True(move.Tokens > 0 && move.From != move.To);
            Assert.True(tokens[move.From] > after[move.From] && tokens[move.To] < after[move.To]);
            held[move.From] -= move.Tokens;
            held[move.To] += move.Tokens;
        }

        Assert.Equal(after, held);

        // What crosses is the net surplus of every node, no more.
        long crossing = moves.Where(move => nodes[move.From] != nodes[move.To]).Sum(move => (long)move.Tokens);
        Assert.Equal(crossing, remap.InterTokens);
        Assert.Equal(crossing, Enumerable.Range(0, ranks).GroupBy(rank => nodes[rank], rank => (long)tokens[rank] - after[rank])
            .Sum(node => Math.Max(0, node.Sum())));
        Assert.Equal(moves.Sum(move => (long)move.Tokens), remap.IntraTokens + remap.InterTokens);
        long[] costs = [.. Enumerable.Range(0, ranks).Select(rank => moves.Where(move => move.From == rank)
            .Sum(move => (long)move.Tokens * (nodes[rank] == nodes[move.To] ? remap.IntraCost : remap.InterCost)))];
        Assert.Equal((costs.Sum(), costs.Max()), (remap.TotalCost, remap.SlowestCost));

        // The index of moves by sender and by receiver.
        for (int rank = 0; rank < ranks; rank++)
        {
            Assert.Equal(moves.Where(move => move.From == rank), remap.Moves[remap.MoveStarts[rank]..remap.MoveStarts[rank + 1]]);
            Assert.Equal(
                moves.Where(move => move.To == rank).OrderBy(move => move.From),
                remap.Arrivals[remap.ArrivalStarts[rank]..remap.ArrivalStarts[rank + 1]].Select(index => remap.Moves[index]));
        }
    }

    // Runs a plan on real rows, move by move in any order, with one array for what every rank holds.
    private static T[][] Apply<T>(TokenRemap remap, T[][] rows)
    {
        T[][] result = [.. rows.Select((own, rank) => own[..Math.Min(own.Length, remap.After[rank])].Concat(
            new T[Math.Max(0, remap.After[rank] - own.Length)]).ToArray())];
        foreach (TokenMove move in Moves(remap).Reverse())
            rows[move.From].AsSpan(move.FromRow, move.Tokens).CopyTo(result[move.To].AsSpan(move.ToRow));
        return result;
    }

    [Fact]
    public void The_way_back_restores_every_row_and_every_gradient()
    {
        var back = new TokenRemap();
        var forth = new TokenRemap();
        Cases.Check(Gen.Select(Layouts(12, 60), Gen.Bool), 1_000, input =>
        {
            ((int[] tokens, int[] nodes, int intra, int inter), bool sum) = input;
            TokenRemap remap = Plan(tokens, nodes, sum ? RemapObjective.Sum : RemapObjective.SlowestRank, intra, inter);
            remap.Invert(back);
            (int, int)[][] rows = [.. tokens.Select((count, rank) => Enumerable.Range(0, count).Select(row => (rank, row)).ToArray())];
            (int, int)[][] balanced = Apply(remap, rows);
            Assert.Equal(rows.SelectMany(own => own).Order(), balanced.SelectMany(own => own).Order());
            Assert.Equal(rows, Apply(back, balanced));

            // A gradient of the balanced layout goes back and forth the other way round.
            float[][] gradients = [.. balanced.Select((own, rank) => own.Select((_, row) => (rank * 0.1f) + (row / 3f)).ToArray())];
            Assert.Equal(gradients, Apply(remap, Apply(back, gradients)));

            // <dy, remap(x)> = <back(dy), x>: the way back is the transpose, which is what makes it the backward pass.
            float[][] inputs = [.. rows.Select((own, rank) => own.Select((_, row) => (rank * 7) - (row * 0.5f)).ToArray())];
            Assert.Equal(Products(gradients, Apply(remap, inputs)), Products(Apply(back, gradients), inputs));

            back.Invert(forth);
            Assert.Equal(Text(remap), Text(forth));
            Assert.Equal((remap.TotalCost, remap.SlowestCost), (forth.TotalCost, forth.SlowestCost));
            Assert.Equal((remap.IntraTokens, remap.InterTokens), (back.IntraTokens, back.InterTokens));
            Assert.Equal(Moves(back).OrderBy(move => (move.From, move.To)), Moves(back));
        });
    }

    private static IEnumerable<float> Products(float[][] left, float[][] right) =>
        left.SelectMany(row => row).Zip(right.SelectMany(row => row), (one, other) => one * other).Order();

    [Theory]
    [InlineData(RemapObjective.Sum)]
    [InlineData(RemapObjective.SlowestRank)]
    public void Extremes(RemapObjective objective)
    {
        Assert.Equal("", Text(Plan([0, 0, 0], [0, 0, 1], objective)));
        Assert.Equal("", Text(Plan([17], [3], objective)));
        Assert.Equal("", Text(Plan([5, 6, 5], [0, 0, 1], objective)));
        Assert.Equal("1>0:3@4>0 1>2:3@7>0", Text(Plan([0, 10, 0], [0, 0, 0], objective)));

        // All on one rank; as many tokens as an array can index on every other rank.
        TokenRemap one = Plan([int.MaxValue, 0, 0, 0], [0, 0, 1, 1], objective, 1_000, int.MaxValue);
        Assert.Equal([536_870_912, 536_870_912, 536_870_912, 536_870_911], one.After[..4]);
        TokenRemap many = Plan([.. Enumerable.Range(0, 128).Select(rank => rank % 2 == 0 ? int.MaxValue : 0)],
            [.. Enumerable.Range(0, 128).Select(rank => rank / 8)], objective, 3, 40);
        Assert.Equal((0L, 64L * (int.MaxValue / 2)), (many.InterTokens, many.IntraTokens));
        Assert.Equal(64 * (long)int.MaxValue, many.After[..128].Sum(tokens => (long)tokens));

        // Numbers of nodes are only names.
        int[] far = [int.MinValue, int.MaxValue, int.MinValue, int.MaxValue];
        Assert.Equal(Text(Plan([9, 2, 4, 1], [0, 1, 0, 1], objective)), Text(Plan([9, 2, 4, 1], far, objective)));
    }

    [Fact]
    public void Impossible_arguments_are_refused()
    {
        static void Refused(int[] tokens, int[] nodes, int count, int intra, int inter) => Assert.Throws<ArgumentOutOfRangeException>(
            () => RemapPlanner.Plan(tokens, nodes, count, intra, inter, RemapObjective.Sum, new TokenRemap()));
        Refused([1], [0], 0, 1, 1);
        Refused([1], [0], 2, 1, 1);
        Refused([1, 1], [0], 2, 1, 1);
        Refused([1, -1], [0, 0], 2, 1, 1);
        Refused([1], [0], 1, 0, 1);
        Refused([1], [0], 1, 2, 1);
        var remap = new TokenRemap();
        Assert.Throws<ArgumentException>(() => remap.Invert(remap));

        // Items after the count are not looked at.
        RemapPlanner.Plan([1, 3, -1], [0, 0], 2, 1, 1, RemapObjective.Sum, remap);
        Assert.Equal("1>0:1@2>1", Text(remap));
    }

    [Theory]
    [InlineData(RemapObjective.Sum)]
    [InlineData(RemapObjective.SlowestRank)]
    public void Steady_state_allocates_nothing(RemapObjective objective)
    {
        int[] tokens = [.. Enumerable.Range(0, 128).Select(rank => rank * 7_919 % 5_000)];
        int[] nodes = [.. Enumerable.Range(0, 128).Select(rank => rank / 8)];
        var remap = new TokenRemap();
        var back = new TokenRemap();
        void Step()
        {
            RemapPlanner.Plan(tokens, nodes, 128, 5, 40, objective, remap);
            remap.Invert(back);
        }

        for (int warmUp = 0; warmUp < 3; warmUp++)
            Step();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 0; step < 10; step++)
            Step();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
