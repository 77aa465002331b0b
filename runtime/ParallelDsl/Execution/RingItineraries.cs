using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Rings;
using static System.FormattableString;

namespace ParallelDsl.Execution;

/// <summary>The itineraries of a run's rings as one rank sees them. Each is made when the first ring of its kind and size appears.</summary>
/// <param name="datapaths">How keys and values travel.</param>
internal sealed class RingItineraries(RingDatapaths datapaths)
{
    private readonly Dictionary<(Datapath Datapath, int Ranks, int Nodes), Itinerary> _all = [];
    private readonly Dictionary<(Itinerary Itinerary, int Position), MemberItinerary> _members = [];

    /// <summary>How keys and values travel on a ring of a step.</summary>
    public Datapath DatapathOf(StepPlan step, int ring) => datapaths.Of(step, ring);

    /// <summary>The itinerary of a member of a ring on which keys and values travel.</summary>
    /// <param name="datapath">How.</param>
    /// <param name="ranks">The members, and maybe more.</param>
    /// <param name="count">How many members.</param>
    /// <param name="position">The member.</param>
    /// <exception cref="InvalidOperationException">Nothing runs the datapath.</exception>
    public MemberItinerary Of(Datapath datapath, int[] ranks, int count, int position)
    {
        if (!Itineraries.Has(datapath))
            throw new InvalidOperationException(Invariant($"Nothing runs the datapath {datapath}."));
        int nodes = datapaths.Nodes is { } nodeOf ? Itineraries.NodesOf(ranks, count, nodeOf) : 1;
        if (!_all.TryGetValue((datapath, count, nodes), out Itinerary? itinerary))
            _all.Add((datapath, count, nodes), itinerary = Of(datapath, count, nodes));
        if (!_members.TryGetValue((itinerary, position), out MemberItinerary? member))
            _members.Add((itinerary, position), member = new MemberItinerary(itinerary, position));
        return member;
    }

    /// <summary>Where the plan says on which rings, on those.</summary>
    private Itinerary Of(Datapath datapath, int count, int nodes) =>
        datapaths.Rings is { } planned && planned.AreOf(datapath, count, nodes)
            ? Itinerary.Of(new MultiRing(planned.Set))
            : Itineraries.Of(datapath, count, nodes, datapaths.Rail);
}
