using Google.OrTools.Sat;
using ParallelDsl.Planning.Routes;

namespace ParallelDsl.Planning.Tests.Routes;

/// <summary>The least cost of a change of layout, with the ranks that hold one token more left free. Neither shares code with the planner
/// or with the other.</summary>
internal static class RemapOracles
{
    /// <summary>By trying every choice of ranks and every matrix of moves.</summary>
    public static long ByEnumeration(int[] tokens, int[] nodes, int intraCost, int interCost, RemapObjective objective)
    {
        int ranks = tokens.Length, floor = tokens.Sum() / ranks, more = tokens.Sum() % ranks;
        long best = long.MaxValue;
        for (int chosen = 0; chosen < 1 << ranks; chosen++)
        {
            if (int.PopCount(chosen) != more)
                continue;
            int[] surplus = [.. tokens.Select((count, rank) => count - floor - (chosen >> rank & 1))];
            Try(surplus, 0, 0, 0, 0, 0);
        }

        return best;

        // Gives the surplus of a sender to receivers from one on, one amount after the other.
        void Try(int[] surplus, int sender, int receiver, long sum, long slowest, long own)
        {
            if ((objective == RemapObjective.Sum ? sum : Math.Max(slowest, own)) >= best)
                return;
            if (sender == ranks)
            {
                best = objective == RemapObjective.Sum ? sum : slowest;
                return;
            }

            if (surplus[sender] <= 0)
            {
                Try(surplus, sender + 1, 0, sum, Math.Max(slowest, own), 0);
                return;
            }

            if (receiver == ranks)
                return;
            int cost = nodes[sender] == nodes[receiver] ? intraCost : interCost;
            int most = Math.Min(surplus[sender], Math.Max(0, -surplus[receiver]));
            for (int amount = 0; amount <= most; amount++)
            {
                surplus[sender] -= amount;
                surplus[receiver] += amount;
                Try(surplus, sender, receiver + 1, sum + (amount * cost), slowest, own + (amount * cost));
                surplus[sender] += amount;
                surplus[receiver] -= amount;
            }
        }
    }

    /// <summary>By an integer program. For the sum of costs a rank may pass on what it receives, which must not help. For the slowest rank
    /// it may not: rows of the matrix are surpluses, columns are deficits.</summary>
    public static long BySolver(int[] tokens, int[] nodes, int intraCost, int interCost, RemapObjective objective)
    {
        int ranks = tokens.Length, total = tokens.Sum(), floor = total / ranks;
        var model = new CpModel();
        var moves = new IntVar[ranks, ranks];
        for (int from = 0; from < ranks; from++)
        {
            for (int to = 0; to < ranks; to++)
                moves[from, to] = model.NewIntVar(0, total, "");
        }

        long Cost(int from, int to) => from == to ? 0 : nodes[from] == nodes[to] ? intraCost : interCost;
        IntVar slowest = model.NewIntVar(0, (long)total * interCost, "");
        BoolVar[] raised = [.. tokens.Select(_ => model.NewBoolVar(""))];
        model.Add(LinearExpr.Sum(raised) == total % ranks);
        for (int rank = 0; rank < ranks; rank++)
        {
            IEnumerable<int> all = Enumerable.Range(0, ranks);
            model.Add(LinearExpr.Sum(all.Select(to => moves[rank, to])) == tokens[rank]);
            model.Add(LinearExpr.Sum(all.Select(from => moves[from, rank])) == raised[rank] + floor);
            model.Add(LinearExpr.WeightedSum(all.Select(to => moves[rank, to]), all.Select(to => Cost(rank, to))) <= slowest);
        }

        if (objective == RemapObjective.SlowestRank)
        {
            // No rank with more than the floor of the mean receives, and no other sends.
            for (int from = 0; from < ranks; from++)
            {
                for (int to = 0; to < ranks; to++)
                {
                    if (from != to && (tokens[from] <= floor || tokens[to] > floor))
                        model.Add(moves[from, to] == 0);
                }
            }

            model.Minimize(slowest);
        }
        else
        {
            (int From, int To)[] pairs = [.. Enumerable.Range(0, ranks * ranks).Select(index => (index / ranks, index % ranks))];
            model.Minimize(LinearExpr.WeightedSum(
                pairs.Select(pair => moves[pair.From, pair.To]), pairs.Select(pair => Cost(pair.From, pair.To))));
        }

        var solver = new CpSolver { StringParameters = "num_workers:1, random_seed:1, max_deterministic_time:20" };
        CpSolverStatus status = solver.Solve(model);
        Assert.True(status == CpSolverStatus.Optimal, $"the oracle ended with {status}");
        return (long)Math.Round(solver.ObjectiveValue);
    }
}
