using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>Where tokens lie, on random step plans: every token once in every layout and direction, every pair once, equal shares where rows
/// are remapped.</summary>
public sealed class StepLayoutTests(ITestOutputHelper output)
{
    private const int Seeds = 200;
    private const int Units = 4;

    private static readonly List<int[]> Batch = StepPlanTests.BatchOf(48, 9, 1, 5, 3, 7, 2, 1, 6, 20, 11);

    [Fact]
    public void EveryTokenLiesOnceInEveryLayout()
    {
        ForEach((plan, step, layouts) =>
        {
            foreach (bool backward in (bool[])[false, true])
            {
                foreach (bool attention in (bool[])[false, true])
                {
                    HashSet<(int Sequence, int Position)> seen = [];
                    foreach (StepLayout layout in layouts)
                    {
                        for (int unit = 0; unit < Units; unit++)
                        {
                            UnitLayout rows = (backward ? layout.Backward : layout.Forward)[unit];
                            int next = 0;
                            foreach (RowRun run in (attention ? rows.AttentionRows : rows.Rows).Runs)
                            {
                                Slice slice = step.Slices[run.Slice];
                                Assert.Equal(unit, backward ? slice.BackwardUnit : slice.ForwardUnit);
                                Assert.Equal(slice.ForwardUnit, run.ForwardUnit);
                                Assert.Equal(next, run.Row);
                                Assert.InRange(run.Position, slice.Start, slice.End - run.Length);
                                next += run.Length;
                                for (int i = 0; i < run.Length; i++)
                                {
                                    Assert.True(seen.Add((slice.Sequence, run.Position + i)));
                                    if (attention)
                                        continue;
                                    Assert.Equal(run.Position + i, rows.Positions[run.Row + i]);
                                    Assert.Equal(Batch[slice.Sequence][run.Position + i], rows.TokenIds[run.Row + i]);
                                    Assert.Equal(Batch[slice.Sequence][run.Position + i + 1], rows.Targets[run.Row + i]);
                                }
                            }

                            Assert.Equal(next, attention ? rows.AttentionTokens : rows.Tokens);
                        }
                    }

                    Assert.Equal(step.TotalTokens, seen.Count);
                }
            }
        });
    }

    /// <summary>Of each sequence exactly the pairs (query, key) with key &lt;= query are computed, each once, over all ranks, units and slices.</summary>
    [Fact]
    public void EveryPairIsComputedOnce()
    {
        ForEach((plan, step, layouts) =>
        {
            foreach (bool backward in (bool[])[false, true])
            {
                HashSet<(int Sequence, int Query, int Key)> pairs = [];
                foreach (StepLayout layout in layouts)
                {
                    foreach (UnitLayout unit in backward ? layout.Backward : layout.Forward)
                    {
                        foreach (UnitRing ring in unit.Rings)
                        {
                            for (int member = 0; member < ring.Size; member++)
                            {
                                foreach (AttentionBlock block in ring.BlocksOf(member))
                                    AddPairs(block, step, unit, pairs);
                            }
                        }
                    }
                }

                Assert.Equal(Batch.Sum(sequence => sequence.Length * (sequence.Length - 1) / 2), pairs.Count);
            }
        });
    }

    [Fact]
    public void RemappedForwardUnitsAreBalanced()
    {
        int remapped = 0, moved = 0;
        ForEach((plan, step, layouts) =>
        {
            if (!plan.Batching.Remaps)
                return;
            for (int unit = 0; unit < Units; unit++)
            {
                // The data ranks that rings of the unit join.
                int[] domains = [.. Enumerable.Range(0, plan.Mesh.Data)];
                for (int round = 0; round < plan.Mesh.Data; round++)
                {
                    foreach (Slice slice in step.Slices.Take(step.SliceCount).Where(slice => slice.ForwardUnit == unit))
                    {
                        int[] data = [.. step.RanksOf(slice.Ring).ToArray().Select(rank => rank / plan.Mesh.Sequence).Distinct()];
                        int least = data.Min(dataRank => domains[dataRank]);
                        Array.ForEach(data, dataRank => domains[dataRank] = least);
                    }
                }

                foreach (int domain in domains.Distinct())
                {
                    int[] ranks = [.. Enumerable.Range(0, layouts.Length).Where(rank => domains[rank / plan.Mesh.Sequence] == domain)];
                    int[] tokens = [.. ranks.Select(rank => layouts[rank].Forward[unit].Tokens)];
                    Assert.Equal(ranks.Sum(rank => layouts[rank].Forward[unit].AttentionTokens), tokens.Sum());
                    Assert.InRange(tokens.Max() - tokens.Min(), 0, 1);
                }

                remapped += layouts.Count(layout => layout.Forward[unit].IsRemapped);
            }

            moved += layouts.Sum(layout => layout.Backward.Count(unit => unit.IsRemapped));
        });
        output.WriteLine($"{remapped} forward and {moved} backward units of a rank exchange rows");
        Assert.True(remapped > 100 && moved > 100);
    }

    /// <summary>Both ends of an exchange of rows know of the same tokens in the same order, and a rank finds what it keeps in the same order in
    /// both layouts.</summary>
    [Fact]
    public void BothEndsOfAnExchangeAgree()
    {
        ForEach((plan, step, layouts) =>
        {
            for (int unit = 0; unit < Units; unit++)
            {
                foreach (bool backward in (bool[])[false, true])
                {
                    for (int rank = 0; rank < layouts.Length; rank++)
                    {
                        for (int peer = 0; peer < layouts.Length; peer++)
                            Assert.Equal(Tokens(Of(rank).AttentionRows, peer), Tokens(Of(peer).Rows, rank));
                    }

                    UnitLayout Of(int rank) => (backward ? layouts[rank].Backward : layouts[rank].Forward)[unit];
                }
            }
        });

        static List<(int Slice, int Position)> Tokens(RowRuns rows, int peer)
        {
            List<(int, int)> tokens = [];
            foreach (RowRun run in rows.Runs)
            {
                if (run.Peer == peer)
                    tokens.AddRange(Enumerable.Range(run.Position, run.Length).Select(position => (run.Slice, position)));
            }

            return tokens;
        }
    }

    /// <summary>The random plans that other tests run are not all of one kind.</summary>
    [Fact]
    public void TheRandomPlansHaveWhatTheyShould()
    {
        int gathered = 0, shared = 0, overData = 0, histories = 0, single = 0, several = 0;
        ForEach((plan, step, layouts) =>
        {
            foreach (StepLayout layout in layouts)
            {
                gathered += layout.Backward.Count(unit => unit.ForwardUnit < 0 && unit.Tokens > 0);
                shared += layout.Backward.Count(unit => unit.ForwardUnit >= 0);
                histories += layout.HistoryRows;
                several += layout.Forward.Count(unit => unit.Rings.Length > 2);
            }

            single += step.Slices.Take(step.SliceCount).Count(slice => slice.Length == 1 && step.FirstSlices[slice.Sequence + 1] - step.FirstSlices[slice.Sequence] > 1);
            overData += Enumerable.Range(0, step.RingCount).Count(ring => step.RanksOf(ring).ToArray().Select(rank => rank / plan.Mesh.Sequence).Distinct().Count() > 1);
        });
        output.WriteLine($"{gathered} units gathered, {shared} not; {overData} rings over data ranks; {histories} rows read later; {single} slices of one token; {several} units with three rings or more");
        Assert.True(Math.Min(Math.Min(gathered, shared), Math.Min(overData, Math.Min(several, Math.Min(histories, single)))) > 100);
    }

    /// <summary>Under full attention several slices of a sequence share a unit, in both directions, or there is an error.</summary>
    [Fact]
    public void FullAttentionOverUnitsIsRefused()
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(1, 2, 1, PipelineSchedule.GPipe, Units, UnitTokens: 480), StepTraits.All);
        StepLayout layout = new(1, 2, Units, 0, nodes: null, isCausal: false);
        layout.Build(Batch, RandomStep.Of(new Random(1), plan, Batch, StepTraits.Slices));
        layout.Build(Batch, Cut(forward: 1, backward: 1));
        foreach (StepPlan step in (StepPlan[])[Cut(forward: 2, backward: 1), Cut(forward: 1, backward: 0)])
        {
            ArgumentException refused = Assert.Throws<ArgumentException>(() => layout.Build(Batch, step));
            Assert.Contains("Sequence 0 is cut at token 20 into slices of several units", refused.Message, StringComparison.Ordinal);
            new StepLayout(1, 2, Units, 0, nodes: null).Build(Batch, step);
        }

        StepPlan Cut(int forward, int backward)
        {
            int[] lengths = [.. Batch.Select(sequence => sequence.Length - 1)];
            StepPlan step = new();
            step.Reserve(1, 2, Units, Batch.Count);
            for (int sequence = 0; sequence < lengths.Length; sequence++)
                step.SetLength(sequence, lengths[sequence], plan.Model.ContextLength);
            int ring = RandomStep.AddRing(step, [0, 1], plan);
            step.AddSlice(new Slice(0, 0, 20, ring, 1, 1));
            step.AddSlice(new Slice(0, 20, lengths[0] - 20, ring, forward, backward));
            for (int sequence = 1; sequence < lengths.Length; sequence++)
                step.AddSlice(new Slice(sequence, 0, lengths[sequence], ring, 3, 3));
            step.Gather();
            return step;
        }
    }

    [Fact]
    public void ASteadyStateAllocatesNothing()
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(2, 2, 1, PipelineSchedule.GPipe, Units, UnitTokens: 480), StepTraits.All);
        StepPlan step = RandomStep.Of(new Random(1), plan, Batch, StepTraits.All);
        StepLayout layout = new(2, 2, Units, 1, [0, 0, 1, 1]);
        for (int round = 0; round < 3; round++)
            layout.Build(Batch, step);
        long before = GC.GetAllocatedBytesForCurrentThread();
        layout.Build(Batch, step);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static void AddPairs(AttentionBlock block, StepPlan step, UnitLayout unit, HashSet<(int, int, int)> pairs)
    {
        for (int i = 0; i < block.QueryLength; i++)
        {
            (int sequence, int position) = TokenOf(step, unit, block.QueryStart + i);
            Assert.Equal(block.QueryPosition + i, position);
            for (int j = 0; j < block.KeyLength && block.KeyPosition + j <= position; j++)
                Assert.True(pairs.Add((sequence, position, block.KeyPosition + j)));
        }
    }

    private static (int Sequence, int Position) TokenOf(StepPlan step, UnitLayout unit, int row)
    {
        foreach (RowRun run in unit.AttentionRows.Runs)
        {
            if (row < run.Row + run.Length)
                return (step.Slices[run.Slice].Sequence, run.Position + row - run.Row);
        }

        throw new InvalidOperationException($"There is no row {row}.");
    }

    private static void ForEach(Action<ParallelPlan, StepPlan, StepLayout[]> check)
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            Random random = new(seed);
            StepTraits traits = (StepTraits)random.Next(8);
            ParallelPlan plan = StepPlanTests.PlanOf(
                new AxesSpec(random.Next(1, 4), random.Next(1, 4), 1, PipelineSchedule.GPipe, Units, UnitTokens: 720), traits);
            StepPlan step = RandomStep.Of(random, plan, Batch, traits);
            int ranks = step.AttentionRanks;
            ClusterTopology topology = new(plan.Cluster);
            int[]? nodes = plan.Batching.Remaps ? [.. Enumerable.Range(0, ranks).Select(rank => topology.Locate(rank).Node)] : null;
            StepLayout[] layouts = [.. Enumerable.Range(0, ranks).Select(rank => new StepLayout(plan.Mesh.Data, plan.Mesh.Sequence, Units, rank, nodes, plan.Batching.UnitTokensPerRank))];
            Array.ForEach(layouts, layout => layout.Build(Batch, step));
            check(plan, step, layouts);
        }
    }
}
