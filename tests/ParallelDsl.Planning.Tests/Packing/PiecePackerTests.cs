using CsCheck;
using Google.OrTools.Sat;
using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Planning.Tests.Packing;

public class PiecePackerTests
{
    private static readonly Gen<(long[] Costs, int Units)> Few =
        from costs in Gen.Long[1, 60].Array[0, ExactUnits.MostPieces]
        from units in Gen.Int[1, 4]
        select (costs.OrderDescending().ToArray(), units);

    private static (PiecePacker Pieces, long[] Loads, long[] Rooms) Packed(long[] costs, int units, long room = 1_000_000)
    {
        var pieces = new PiecePacker();
        pieces.Begin(costs.Length);
        foreach (long cost in costs)
            pieces.Add(0, cost, 1);
        long[] loads = new long[units], rooms = [.. Enumerable.Repeat(room, units)];
        pieces.Pack(loads, rooms, 0, units);
        return (pieces, loads, rooms);
    }

    private static long[] LoadsOf(PiecePacker pieces, int units)
    {
        long[] loads = new long[units];
        for (int piece = 0; piece < pieces.Count; piece++)
            loads[pieces.UnitOf[piece]] += pieces.Costs[piece];
        return loads;
    }

    private static long Enumerated(long[] costs, long[] loads, int next)
    {
        if (next == costs.Length)
            return loads.Max();
        long best = long.MaxValue;
        for (int unit = 0; unit < loads.Length; unit++)
        {
            loads[unit] += costs[next];
            best = Math.Min(best, Enumerated(costs, loads, next + 1));
            loads[unit] -= costs[next];
        }

        return best;
    }

    [Fact]
    public void The_optimum_lies_between_the_bound_and_exchanges_which_lie_below_LPT() => Cases.Check(Few, 300, input =>
    {
        (long[] costs, int units) = input;
        (PiecePacker pieces, long[] loads, long[] rooms) = Packed(costs, units);
        long packed = loads.Max();
        pieces.Exchange(loads, rooms, 0, units);
        long exchanged = loads.Max();
        Assert.Equal(LoadsOf(pieces, units), loads);
        var search = new ExactUnits();
        long optimum = search.Improve(pieces, loads, rooms, 0, units, 1_000_000);
        Assert.True(search.IsProven);
        Assert.Equal(optimum, loads.Max());
        Assert.Equal(LoadsOf(pieces, units), loads);
        long bound = Math.Max((costs.Sum() + units - 1) / units, costs.FirstOrDefault());
        Assert.True(bound <= optimum && optimum <= exchanged && exchanged <= packed);

        // Graham, 1969: LPT is at most 4/3 - 1/(3m) of the best.
        Assert.True(3 * units * packed <= ((4 * units) - 1) * optimum || costs.Length == 0);
        if (Math.Pow(units, costs.Length) < 70_000)
            Assert.Equal(Enumerated(costs, new long[units], 0), optimum);
    });

    [Fact]
    public void The_optimum_is_that_of_an_integer_program() => Cases.Check(Few, 25, input =>
    {
        (long[] costs, int units) = input;
        (PiecePacker pieces, long[] loads, long[] rooms) = Packed(costs, units);
        long optimum = new ExactUnits().Improve(pieces, loads, rooms, 0, units, 1_000_000);
        Assert.Equal(Solved(costs, units), optimum);
    });

    private static long Solved(long[] costs, int units)
    {
        var model = new CpModel();
        IntVar dearest = model.NewIntVar(0, costs.Sum(), "dearest");
        var inUnit = new BoolVar[costs.Length, units];
        for (int piece = 0; piece < costs.Length; piece++)
        {
            for (int unit = 0; unit < units; unit++)
                inUnit[piece, unit] = model.NewBoolVar($"{piece} in {unit}");
            model.AddExactlyOne(Enumerable.Range(0, units).Select(unit => inUnit[piece, unit]));
        }

        for (int unit = 0; unit < units; unit++)
            model.Add(LinearExpr.WeightedSum(Enumerable.Range(0, costs.Length).Select(piece => inUnit[piece, unit]), costs) <= dearest);
        model.Minimize(dearest);
        var solver = new CpSolver { StringParameters = "num_workers:1, random_seed:1, max_deterministic_time:100" };
        Assert.Equal(CpSolverStatus.Optimal, solver.Solve(model));
        return (long)solver.ObjectiveValue;
    }

    [Fact]
    public void A_search_that_runs_out_of_steps_keeps_what_it_had_or_better() => Cases.Check(
        Gen.Select(Few, Gen.Int[0, 30]),
        300,
        input =>
        {
            ((long[] costs, int units), int limit) = input;
            (PiecePacker pieces, long[] loads, long[] rooms) = Packed(costs, units);
            long before = loads.Max(), after = new ExactUnits().Improve(pieces, loads, rooms, 0, units, limit);
            Assert.True(after <= before);
            Assert.Equal(LoadsOf(pieces, units), loads);
            Assert.Equal(after, loads.Max());
        });

    [Fact]
    public void No_unit_holds_more_than_it_has_room_for() => Cases.Check(Few, 300, input =>
    {
        (long[] costs, int units) = input;
        int room = Math.Max(1, (costs.Length + units - 1) / units);
        (PiecePacker pieces, long[] loads, long[] rooms) = Packed(costs, units, room);
        Check();
        pieces.Exchange(loads, rooms, 0, units);
        Check();
        new ExactUnits().Improve(pieces, loads, rooms, 0, units, 10_000);
        Check();

        void Check()
        {
            for (int unit = 0; unit < units; unit++)
            {
                int held = pieces.UnitOf.Take(pieces.Count).Count(of => of == unit);
                Assert.InRange(held, 0, room);
                Assert.Equal(room - held, rooms[unit]);
            }
        }
    });

    [Fact]
    public void Exchanges_even_out_many_pieces() => Cases.Check(Gen.Long[1, 1_000].Array[60, 120], 100, costs =>
    {
        (PiecePacker pieces, long[] loads, long[] rooms) = Packed([.. costs.OrderDescending()], 8);
        pieces.Exchange(loads, rooms, 0, 8);
        Assert.True(loads.Max() * 100 * 8 <= 101 * costs.Sum());
    });
}
