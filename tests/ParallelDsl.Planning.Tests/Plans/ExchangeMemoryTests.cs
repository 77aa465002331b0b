using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Tests.Plans;

public sealed class ExchangeMemoryTests
{
    private static readonly AxesSpec Rings = new(), Heads = new(Datapath: Datapath.AllToAll, InterNodeDatapath: Datapath.AllToAll);

    /// <summary>Keys and values, those of the next hop, and gradients three times on a ring; of two ranks there is no next hop; both once alone with earlier slices; nothing else alone.</summary>
    [Theory]
    [InlineData(1, 1, 0, 0)]
    [InlineData(1, 3, 0, 2 * 3 * 10)]
    [InlineData(2, 1, 0, 4 * 10)]
    [InlineData(3, 1, 0, 5 * 10)]
    [InlineData(8, 3, 0, 5 * 3 * 10)]
    [InlineData(8, 1, 50, 100)]
    [InlineData(1, 1, 7, 14)]
    public void RingsTakeFiveTimesTheKeys(int ranks, int window, long moved, long expected) =>
        Assert.Equal(expected, ExchangeMemory.Elements(Rings, new(ranks, ranks), [default, new(10, 24, 11, 5)], moved, window));

    /// <summary>No ring of up to so many ranks has a rank with more, counted message by message over all shares.</summary>
    [Fact]
    public void HeadsTakeNoMoreThanThePlanSays()
    {
        foreach (int heads in (int[])[1, 2, 3, 4, 5, 8])
        {
            foreach (int window in (int[])[1, 3])
            {
                var widths = new AttentionWidths(2L * heads * 6, 4L * heads * 7, 2L * heads * 6, heads);
                for (int reach = 2; reach <= 20; reach++)
                {
                    long planned = ExchangeMemory.Elements(Heads, new(reach, reach), [widths], 0, window);
                    long most = 0;
                    for (int ranks = 2; ranks <= reach; ranks++)
                    {
                        for (int rank = 0; rank < ranks; rank++)
                            most = Math.Max(most, AtOnce(widths, window, ranks, HeadShares.Of(heads, ranks, rank).Count));
                    }

                    Assert.Equal(planned, most);
                }
            }
        }
    }

    /// <summary>A mixture takes what the worst of its kinds takes.</summary>
    [Fact]
    public void TheNeediestDatapathCounts()
    {
        AttentionWidths widths = new(20, 50, 20, 1);
        long rings = ExchangeMemory.Elements(Rings, new(4, 8), [widths], 0, 1), heads = ExchangeMemory.Elements(Heads, new(4, 4), [widths], 0, 1);
        Assert.True(heads > rings);
        AxesSpec inside = new(Datapath: Datapath.AllToAll);
        Assert.Equal(heads, ExchangeMemory.Elements(inside, new(4, 8), [widths], 0, 1));
        Assert.Equal(rings, ExchangeMemory.Elements(inside, new(1, 8), [widths], 0, 1));
        Assert.Equal(0, ExchangeMemory.Elements(inside, new(1, 1), [widths], 0, 1));
    }

    /// <summary>Two nodes of four devices: how many ranks of a node, and of several, may be together.</summary>
    [Theory]
    [InlineData(2, 4, 1, ParallelDsl.Packing.Tokens, 4, 1)]
    [InlineData(2, 4, 1, ParallelDsl.Packing.Asymmetric, 4, 8)]
    [InlineData(1, 8, 1, ParallelDsl.Packing.Tokens, 4, 8)]
    [InlineData(4, 2, 1, ParallelDsl.Packing.Tokens, 2, 1)]
    [InlineData(8, 1, 1, ParallelDsl.Packing.Tokens, 1, 1)]
    [InlineData(1, 4, 2, ParallelDsl.Packing.Tokens, 4, 1)]
    public void AReachIsThatOfTheRanksTogether(int data, int sequence, int pipeline, ParallelDsl.Packing packing, int within, int over)
    {
        NodeGroup node = new(2, 4, DeviceCatalogue.Of(DeviceKind.Host), Fabric.Switch, 4, 100);
        var mesh = new Mesh(data, sequence, pipeline, new([Axis.Sequence, Axis.Data, Axis.Pipeline]));
        AxesSpec axes = new(data, sequence, pipeline, Packing: packing, Datapath: Datapath.AllToAll);
        Assert.Equal(new RingReach(within, over), RingReach.Of(axes, new ClusterSpec("Host", new([node])), mesh));
    }

    /// <summary>One token of a unit on every rank; a share of the heads is a share of every element.</summary>
    private static long AtOnce(AttentionWidths widths, int window, int ranks, int share)
    {
        long own = (widths.KeyValues * window) + widths.Queries, gradients = (widths.KeyValues * window) + widths.QueryGradients;
        long part = share * own / widths.KeyValueHeads, returned = share * gradients / widths.KeyValueHeads, sent = own - part;
        long[] phases = [sent + (ranks * part) + part, ranks * (part + returned), (ranks * returned) + ((ranks - 1) * returned) + returned];
        return phases.Max();
    }
}
