using ParallelDsl.Kernels;
using ParallelDsl.Planning.Routes;
using ParallelDsl.Transports;

namespace ParallelDsl.Execution;

/// <summary>The ends of hops: sends rows to the next rank of a ring and receives those of the one before, directly, or in parts over the
/// <see cref="Relay"/>s of other ranks.</summary>
/// <param name="transport">The rank's transport.</param>
/// <param name="courier">Sends.</param>
/// <param name="ranks">The ranks of the attention ranks.</param>
/// <param name="routes">Which hops go in parts; null where all go directly.</param>
internal sealed class HopTransfers(ITransport transport, Courier courier, int[] ranks, NodeRoutes? routes)
{
    private readonly int _self = Array.IndexOf(ranks, transport.Rank);

    /// <summary>This rank's attention rank.</summary>
    public int Self => _self;

    /// <summary>Sends rows of a parcel, which the caller still holds.</summary>
    /// <param name="destination">The attention rank that receives.</param>
    /// <param name="tag">What it is.</param>
    /// <param name="parcel">Where the rows lie.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="first">How many rows as wide lie before them in the parcel.</param>
    public void Send(int destination, int tag, Parcel parcel, Matrix rows, int first = 0)
    {
        if (rows.Rows == 0)
            return;
        Route route = RouteOf(_self, destination, rows);
        if (route.Parts == 0)
        {
            courier.Send(ranks[destination], tag, parcel, checked((int)rows.Count), (long)first * rows.Columns);
            return;
        }

        for (int index = 0; index < route.Parts; index++)
        {
            HopPart part = routes!.PartOf(route, _self, destination, index);
            int to = part.SourceProxy == _self ? part.DestinationProxy : part.SourceProxy;
            courier.Send(
                ranks[to],
                to == destination ? tag : HopTags.ToRelay,
                parcel,
                checked(part.Length * rows.Columns),
                ((long)first + part.Start) * rows.Columns);
        }
    }

    /// <summary>Lets rows begin to arrive that are received later, every part in its place.</summary>
    public unsafe void Expect(int source, int tag, Matrix rows)
    {
        for (int index = 0, parts = PartsOf(source, rows); index < parts; index++)
        {
            (int rank, int partTag, Matrix part) = PartOf(source, tag, rows, index);
            transport.Expect(rank, partTag, part.Data, checked((int)part.Count));
        }
    }

    /// <summary>Receives rows, every part in its place.</summary>
    public void Receive(int source, int tag, Matrix rows)
    {
        for (int index = 0, parts = PartsOf(source, rows); index < parts; index++)
        {
            (int rank, int partTag, Matrix part) = PartOf(source, tag, rows, index);
            transport.Receive(rank, partTag, part.Span);
        }
    }

    /// <summary>After a failure: rows that are expected are not written from here on. It throws nothing.</summary>
    public void Forget(int source, int tag, Matrix rows, Exception cause)
    {
        for (int index = 0, parts = PartsOf(source, rows); index < parts; index++)
        {
            (int rank, int partTag, _) = PartOf(source, tag, rows, index);
            transport.Forget(rank, partTag, cause);
        }
    }

    /// <summary>In how many messages rows come.</summary>
    private int PartsOf(int source, Matrix rows) => rows.Rows == 0 ? 0 : Math.Max(1, RouteOf(source, _self, rows).Parts);

    /// <summary>From which rank one of them comes, with which tag, and where it goes.</summary>
    private (int Rank, int Tag, Matrix Rows) PartOf(int source, int tag, Matrix rows, int index)
    {
        Route route = RouteOf(source, _self, rows);
        if (route.Parts == 0)
            return (ranks[source], tag, rows);
        HopPart part = routes!.PartOf(route, source, _self, index);
        int from = part.DestinationProxy == _self ? part.SourceProxy : part.DestinationProxy;
        return (ranks[from], from == source ? tag : HopTags.FromRelay, rows.RowRange(part.Start, part.Length));
    }

    private Route RouteOf(int source, int destination, Matrix rows) => routes?.Of(source, destination, rows.Rows, rows.Columns) ?? default;
}
