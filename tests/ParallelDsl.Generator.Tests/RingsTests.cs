using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Parsing;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Generator.Tests.Support;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Generator.Tests;

/// <summary>The tables of rings and routes say what ranks run, and unsound rings do not reach them.</summary>
public class RingsTests
{
    private const string Name = "Demo.Gpt.Rings.g.cs";

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(10)]
    [InlineData(12)]
    [InlineData(64)]
    [InlineData(160)]
    public void HamiltonianTablesAreThoseOfTheRingSet(int ranks)
    {
        Generated generated = Compiler.Run(Sources.OnMesh(1, ranks, Datapath.Hamiltonian));
        Assert.Empty(generated.Diagnostics);
        Assert.Empty(generated.Compiled);
        RunningModel model = RunningModel.Load(generated, "Demo.Gpt");
        RingSet set = RingSets.Complete(ranks);
        MultiRing rings = new(set);
        int[][] sends = Rows(model, "SendsTo", ranks), receives = Rows(model, "ReceivesFrom", ranks);

        int[][] sendSlots = set.SendSlots(), receiveSlots = set.ReceiveSlots();
        for (int rank = 0; rank < ranks; rank++)
        {
            Assert.Equal(set.Slots, sends[rank].Length);
            Assert.Equal(set.Slots, receives[rank].Length);
            for (int slot = 0; slot < set.Slots; slot++)
            {
                Assert.Equal(slot, sendSlots[rank][sends[rank][slot]]);
                Assert.Equal(slot, receiveSlots[rank][receives[rank][slot]]);

                // What comes to a rank is what was sent to it: one table is the other, transposed.
                Assert.Equal(rank, receives[sends[rank][slot]][slot]);
                for (int round = 0; round < ranks - 1; round++)
                {
                    int column = rings.Forwards ? slot : (slot + round) % set.Slots;
                    Assert.Equal(rings.Next(round, rank, slot), sends[rank][column]);
                    Assert.Equal(rings.Previous(round, rank, slot), receives[rank][column]);
                }
            }
        }

        foreach ((int index, EquatableArray<int> ring) in set.Rings.Index())
            Assert.Equal(ring, model.Row("RingOf", index));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Row("RingOf", Math.Max(1, set.Rings.Count)));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Row("SendsTo", ranks));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Row("ReceivesFrom", -1));
    }

    /// <summary>Every datapath: the columns of the tables, and for each hop the column that its comment says.</summary>
    [Theory]
    [InlineData(Datapath.Ring, 1, 5)]
    [InlineData(Datapath.Ring, 1, 1)]
    [InlineData(Datapath.BidirectionalRing, 1, 6)]
    [InlineData(Datapath.BidirectionalRing, 2, 1)]
    [InlineData(Datapath.DoubleRing, 2, 4)]
    [InlineData(Datapath.DoubleRing, 3, 2)]
    [InlineData(Datapath.DoubleRing, 4, 1)]
    [InlineData(Datapath.DoubleRing, 1, 4)]
    [InlineData(Datapath.Pairwise, 1, 5)]
    [InlineData(Datapath.Pairwise, 2, 4)]
    [InlineData(Datapath.AllGather, 2, 3)]
    [InlineData(Datapath.Hamiltonian, 2, 4)]
    [InlineData(Datapath.Hamiltonian, 2, 3)]
    [InlineData(Datapath.Hamiltonian, 3, 2)]
    [InlineData(Datapath.Hamiltonian, 2, 15)]
    [InlineData(Datapath.AllToAll, 1, 4)]
    public void TablesAreThoseOfTheItinerary(Datapath datapath, int nodes, int perNode)
    {
        int ranks = nodes * perNode;
        Generated generated = Compiler.Run(Sources.OnMesh(nodes, perNode, datapath));
        Assert.Empty(generated.Compiled);
        RunningModel model = RunningModel.Load(generated, "Demo.Gpt");
        int[][] sends = Rows(model, "SendsTo", ranks), receives = Rows(model, "ReceivesFrom", ranks);
        Assert.Equal(model.Plan.Rings, Enumerable.Range(0, model.Plan.Rings.Count).Select(ring => new EquatableArray<int>(model.Row("RingOf", ring))));
        if (datapath == Datapath.AllToAll || ranks == 1)
        {
            Assert.All(sends.Concat(receives), Assert.Empty);
            return;
        }

        Itinerary ways = Itineraries.Of(datapath, ranks, nodes);
        bool isDouble = datapath == Datapath.DoubleRing && nodes > 1 && perNode > 1;
        for (int rank = 0; rank < ranks; rank++)
        {
            Assert.Equal(isDouble ? 2 : ways.Lanes, sends[rank].Length);
            for (int hop = 1; hop <= ways.Hops; hop++)
            {
                for (int lane = 0; lane < ways.Lanes; lane++)
                {
                    int column = isDouble ? (hop % perNode == 0 ? 1 : 0) : ways.Forwards ? lane : (lane + hop - 1) % ways.Lanes;
                    Assert.Equal(ways.To(hop, rank, lane), sends[rank][column]);
                    Assert.Equal(ways.From(hop, rank, lane), receives[rank][column]);
                }
            }
        }
    }

    /// <summary>Along rails every rank sends to the one of its place in the next node; where such paths do not close they go across.</summary>
    [Theory]
    [InlineData(2, 4, true)]
    [InlineData(4, 2, true)]
    [InlineData(2, 15, true)]
    [InlineData(3, 2, false)]
    public void RailsOfADeclarationReachItsTables(int nodes, int perNode, bool closes)
    {
        Generated generated = Compiler.Run(Sources.OnMesh(nodes, perNode, Datapath.Hamiltonian)
            .Replace("Datapath.Hamiltonian", "Datapath.Hamiltonian, Rail = NodeRail.Aligned", StringComparison.Ordinal));
        Assert.Empty(generated.Diagnostics);
        Assert.Empty(generated.Compiled);
        RunningModel model = RunningModel.Load(generated, "Demo.Gpt");
        Assert.Equal(NodeRail.Aligned, model.Plan.Axes.Rail);
        Assert.Equal(RingSets.OverNodes(nodes, perNode, closes ? NodeRail.Aligned : NodeRail.Cross).Set!.Rings, model.Plan.Rings);
        foreach ((int rank, int[] sends) in Rows(model, "SendsTo", nodes * perNode).Index())
        {
            int next = Assert.Single(sends, to => to / perNode != rank / perNode);
            Assert.Equal((((rank / perNode) + 1) % nodes, closes), (next / perNode, next % perNode == rank % perNode));
        }
    }

    /// <summary>Rings and two tables of one hop, a line for each ring and position: nothing grows with hops too.</summary>
    [Fact]
    public void TheFileOf64RanksIsModest()
    {
        string text = Compiler.Run(Sources.OnMesh(1, 64, Datapath.Hamiltonian)).Files[Name];
        Assert.Equal(
            [63 * 64, 63 * 64, 63 * 64],
            CSharpSyntaxTree.ParseText(text).GetRoot().DescendantNodes().OfType<CollectionExpressionSyntax>().Select(table => table.Elements.Count));
        Assert.Equal((63, 128), (Regex.Count(text, "// ring [0-9]+\n"), Regex.Count(text, "// position [0-9]+\n")));
        Assert.InRange(text.Length, 1, 64 * 1_024);
    }

    /// <summary>The compiler takes long for long tables: of more ranks they are made of the plan at run time.</summary>
    [Theory]
    [InlineData(Datapath.Hamiltonian, 160)]
    [InlineData(Datapath.Pairwise, 160)]
    [InlineData(Datapath.AllGather, 1_024)]
    public void TheFileOfManyRanksHasNoTables(Datapath datapath, int ranks)
    {
        Generated generated = Compiler.Run(Sources.OnMesh(1, ranks, datapath).Replace("7_680", "61_440", StringComparison.Ordinal));
        Assert.Empty(generated.Diagnostics);
        Assert.Empty(generated.Compiled);
        Assert.InRange(generated.Files[Name].Length, 1, 16 * 1_024);
        RunningModel model = RunningModel.Load(generated, "Demo.Gpt");
        Itinerary ways = Itineraries.Of(datapath, ranks, 1);
        Assert.Equal(Enumerable.Range(0, ways.Lanes).Select(lane => ways.To(1, 7, lane)), model.Row("SendsTo", 7));
        Assert.Equal(Enumerable.Range(0, ways.Lanes).Select(lane => ways.From(1, 7, lane)), model.Row("ReceivesFrom", 7));
    }

    /// <summary>A span over constants lies in the image of the assembly; one that was made of an array would be elsewhere each time.</summary>
    [Theory]
    [InlineData("RingOf", 8)]
    [InlineData("SendsTo", 8)]
    [InlineData("ReceivesFrom", 8)]
    [InlineData("RingOf", 160)]
    [InlineData("SendsTo", 160)]
    public void TablesAreNotAllocated(string method, int ranks)
    {
        Func<int, ReadOnlySpan<int>> table = RunningModel.Load(Compiler.Run(Sources.OnMesh(1, ranks, Datapath.Hamiltonian)), "Demo.Gpt").Table(method);
        Assert.True(table(1) == table(1));
        Assert.False(table(0) == table(1));
    }

    /// <summary>Names that generated code takes are told to users who want them; so all must be known.</summary>
    [Fact]
    public void AllNamesAreKnown()
    {
        Generated generated = Compiler.Run(Sources.OnMesh(2, 4, Datapath.Hamiltonian).Replace("SequenceAxis(8,", "SequenceAxis(8, Balance = SequenceBalance.Hierarchical,", StringComparison.Ordinal));
        INamedTypeSymbol type = generated.Output.GetTypeByMetadataName("Demo.Gpt")!;
        string[] members = [.. type.GetMembers().Where(member => !member.IsImplicitlyDeclared && member is not IMethodSymbol { AssociatedSymbol: not null }).Select(member => member.Name)];
        Assert.Contains("RingSends", members);
        Assert.Empty(members.Except([.. GeneratedNames.Members, "Tokens", "Blocks", "Head", "TokensShape", "BlocksShape", "HeadShape"]));
    }

    [Theory]
    [InlineData(0, "ring 0 has device 3 twice", "[0, 1, 2, 3, 3]")]
    [InlineData(1, "ring 1 sends from 2 to 3, as ring 0 does", "[0, 1, 2, 3, 4]", "[0, 2, 3, 1, 4]")]
    [InlineData(4, "ring 4 is one too many: at most 4 cycles of 5 devices share no link", "[0, 1, 2, 3, 4]", "[0, 2, 4, 1, 3]", "[0, 3, 1, 4, 2]", "[0, 4, 3, 2, 1]", "[0, 1, 3, 2, 4]")]
    [InlineData(0, "ring 0 visits 6 devices, where there are 5", "[0, 1, 2, 3, 4, 5]")]
    [InlineData(0, "ring 0 is a path that does not close", "\"N0 0 1 2 3 4 N4\"")]
    [InlineData(-1, "there are no rings")]
    public void UnsoundRingsOfAPlanFileAreAnErrorAtTheirRow(int row, string says, params string[] rows)
    {
        string source = Sources.OnMesh(1, 5, Datapath.Hamiltonian);
        string file = Plans.WithRows(PlanJson.Write(RunningModel.Load(Compiler.Run(source), "Demo.Gpt").Plan), rows);
        Generated generated = Compiler.Run(source, ("plans/Gpt.plan.json", file));
        Diagnostic diagnostic = Assert.Single(generated.Diagnostics);
        Assert.Equal("PDSL4013", diagnostic.Id);
        Assert.StartsWith($"The rings of Gpt.plan.json are not sound: {says}", diagnostic.GetMessage(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        FileLinePositionSpan place = diagnostic.Location.GetLineSpan();
        Assert.Equal("plans/Gpt.plan.json", place.Path);
        string line = file.Split('\n')[place.StartLinePosition.Line];
        Assert.StartsWith(row < 0 ? "  \"rings\": [" : "    " + rows[row], line, StringComparison.Ordinal);

        // The model is planned as if there were no file.
        Assert.Equal(Compiler.Run(source).Files, generated.Files);
        Assert.Empty(generated.Compiled);
    }

    /// <summary>Three rings that are sound are too many for two directions, and rings of any kind where keys and values travel on none.</summary>
    [Theory]
    [InlineData(Datapath.BidirectionalRing, 2, "there are 3 rings, and under the datapath BidirectionalRing keys and values travel on two, or on one")]
    [InlineData(Datapath.Pairwise, 1, "under the datapath Pairwise keys and values travel on none of the plan's rings")]
    public void RingsThatTheDatapathHasNoUseForAreAnErrorAtTheirRow(Datapath datapath, int row, string says)
    {
        string source = Sources.OnMesh(1, 5, datapath);
        string[] rows = ["[0, 1, 2, 3, 4]", "[0, 2, 4, 1, 3]", "[0, 3, 1, 4, 2]"];
        string file = Plans.WithRows(PlanJson.Write(RunningModel.Load(Compiler.Run(source), "Demo.Gpt").Plan), rows);
        Diagnostic diagnostic = Assert.Single(Compiler.Run(source, ("plans/Gpt.plan.json", file)).Diagnostics);
        Assert.Equal("PDSL4013", diagnostic.Id);
        Assert.StartsWith($"The rings of Gpt.plan.json are not sound: {says}", diagnostic.GetMessage(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        Assert.StartsWith("    " + rows[row], file.Split('\n')[diagnostic.Location.GetLineSpan().StartLinePosition.Line], StringComparison.Ordinal);
    }

    /// <summary>Fewer rings than there could be, one too, and paths of nodes: the tables are of those.</summary>
    [Theory]
    [InlineData("[0, 1, 2, 3, 4, 5, 6, 7]")]
    [InlineData("[0, 2, 1, 3, 4, 6, 5, 7]", "[1, 0, 3, 2, 5, 4, 7, 6]")]
    [InlineData("\"N0 0 1 3 2 N2\"", "\"N1 1 2 0 3 N3\"", "\"N2 2 3 1 0 N0\"")]
    public void SoundRingsOfAPlanFileAreEmitted(params string[] rows)
    {
        string source = Sources.OnMesh(2, 4, Datapath.Hamiltonian);
        ParallelPlan plan = RunningModel.Load(Compiler.Run(source), "Demo.Gpt").Plan;
        EquatableArray<EquatableArray<int>> rings = RingSetText.Parse(
            string.Join('\n', rows).Replace("[", "", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal).Replace("\"", "", StringComparison.Ordinal),
            8, rows[0][0] == '"' ? 2 : 1).Value!.Rings;
        Generated generated = Compiler.Run(source, ("Gpt.plan.json", Plans.WithRows(PlanJson.Write(plan with { Rings = rings }), rows)));
        Assert.Empty(generated.Diagnostics);
        Assert.Empty(generated.Compiled);
        RunningModel model = RunningModel.Load(generated, "Demo.Gpt");
        Assert.Equal(rings, model.Plan.Rings);
        int[][] sends = Rows(model, "SendsTo", 8), receives = Rows(model, "ReceivesFrom", 8);
        foreach ((int slot, EquatableArray<int> ring) in rings.Index())
        {
            for (int place = 0; place < 8; place++)
            {
                Assert.Equal(ring[(place + 1) % 8], sends[ring[place]][slot]);
                Assert.Equal(ring[(place + 7) % 8], receives[ring[place]][slot]);
            }
        }

        Assert.All(sends, row => Assert.Equal(rings.Count, row.Length));
    }

    /// <summary>Rings that the planner made are proven too; no declaration makes it make wrong ones, so here the plan is changed on its way.</summary>
    [Fact]
    public void UnsoundRingsOfThePlannerAreAnErrorOfTheModel()
    {
        ParallelPlan plan = RunningModel.Load(Compiler.Run(Sources.OnMesh(1, 5, Datapath.Hamiltonian)), "Demo.Gpt").Plan;
        ModelDeclaration declaration = new(
            new TypeName("Demo", new([new TypePart("class", "Gpt")])), true, 1, plan.Axes, default, new ClusterReference(null, null), default, default);
        Assert.Empty(ModelPlanner.Outcome(declaration, new Planned(plan)).Problems);
        ModelOutcome outcome = ModelPlanner.Outcome(declaration, new Planned(plan with { Rings = new([plan.Rings[1], plan.Rings[1]]) }));
        Assert.Null(outcome.Plan);
        ModelProblem problem = Assert.Single(outcome.Problems);
        Assert.Equal((Rules.UnsoundRings, PlanSubject.Model), (problem.Rule, problem.Subject));
        Assert.StartsWith(
            $"PDSL4013: The rings of Gpt are not sound: ring 1 sends from {plan.Rings[1][0]} to {plan.Rings[1][1]}, as ring 0 does; ", problem.Info(null).Text, StringComparison.Ordinal);
    }

    /// <summary>Data ranks that lie over nodes otherwise than the first have other ways, and the file says so.</summary>
    [Theory]
    [InlineData(2, false)]
    [InlineData(3, true)]
    public void TablesSayWhoseTheyAre(int data, bool says)
    {
        string source = Sources.OnMesh(2, 6, Datapath.Ring).Replace(
            "[SequenceAxis(12,", $"[DataAxis({data})] [SequenceAxis({12 / data},", StringComparison.Ordinal);
        Generated generated = Compiler.Run(source);
        Assert.Empty(generated.Diagnostics);
        Assert.Equal(says, generated.Files[Name].Contains("// Of the first data rank", StringComparison.Ordinal));
    }

    private static int[][] Rows(RunningModel model, string method, int ranks) => [.. Enumerable.Range(0, ranks).Select(rank => model.Row(method, rank))];
}
