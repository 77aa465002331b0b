using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Execution;

/// <summary>An itinerary as one member of a ring sees it, as tables by hop and lane. Members are named by their positions.</summary>
internal sealed class MemberItinerary
{
    private readonly int[] _origins;
    private readonly int[] _from;
    private readonly int[] _to;
    private readonly int[] _lastHolders;

    /// <summary>Makes the tables of a member.</summary>
    public MemberItinerary(Itinerary all, int position)
    {
        All = all;
        int cells = checked((all.Hops + 1) * all.Lanes);
        (_origins, _from, _to, _lastHolders) = (new int[cells], new int[cells], new int[cells], new int[all.Lanes]);
        for (int lane = 0; lane < all.Lanes; lane++)
        {
            _origins[lane] = position;
            for (int hop = 1; hop <= all.Hops; hop++)
            {
                int cell = (hop * all.Lanes) + lane;
                (_origins[cell], _from[cell], _to[cell]) = (all.Origin(hop, position, lane), all.From(hop, position, lane), all.To(hop, position, lane));
            }

            for (int member = 0; member < all.Ranks; member++)
            {
                if (all.Origin(all.Hops, member, lane) == position)
                    _lastHolders[lane] = member;
            }
        }
    }

    /// <summary>The itinerary of all members.</summary>
    public Itinerary All { get; }

    /// <summary>How many hops keys and values go.</summary>
    public int Hops => All.Hops;

    /// <summary>How many parts come in a hop.</summary>
    public int Lanes => All.Lanes;

    /// <summary>Into how many parts the rows of a member are cut.</summary>
    public int Parts => All.Parts;

    /// <summary>Whether what is received is passed on.</summary>
    public bool Forwards => All.Forwards;

    /// <summary>Whose part comes in a hop; in hop 0 the member's own.</summary>
    public int Origin(int hop, int lane) => _origins[(hop * Lanes) + lane];

    /// <summary>From whom a part comes in a hop, from 1.</summary>
    public int From(int hop, int lane) => _from[(hop * Lanes) + lane];

    /// <summary>To whom goes what is received in a hop, from 1.</summary>
    public int To(int hop, int lane) => _to[(hop * Lanes) + lane];

    /// <summary>Who has this member's part after the last hop, where parts are passed on.</summary>
    public int LastHolder(int lane) => _lastHolders[lane];
}
