using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Collectives;

/// <summary>A transport with nothing but what every transport must have: it lends nothing, as one between processes.</summary>
internal sealed class CopyingTransport(ITransport inner) : ITransport
{
    public int Rank => inner.Rank;

    public int Size => inner.Size;

    public long BytesSent => inner.BytesSent;

    public long MessagesSent => inner.MessagesSent;

    public void Send(int destination, int tag, ReadOnlySpan<float> data) => inner.Send(destination, tag, data);

    public void Receive(int source, int tag, Span<float> data) => inner.Receive(source, tag, data);

    public void Abort(Exception cause) => inner.Abort(cause);

    public void Dispose() => inner.Dispose();
}
