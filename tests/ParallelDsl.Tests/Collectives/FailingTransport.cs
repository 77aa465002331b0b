using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Collectives;

/// <summary>Fails at one of its calls: the first is call 0. After a failure nothing but clearing up may be called.</summary>
internal sealed unsafe class FailingTransport(ITransport inner, int failingCall) : ITransport
{
    public int Calls { get; private set; }

    public int Rank => inner.Rank;

    public int Size => inner.Size;

    public long BytesSent => inner.BytesSent;

    public long MessagesSent => inner.MessagesSent;

    public bool SharesMemory => inner.SharesMemory;

    public void Send(int destination, int tag, ReadOnlySpan<float> data)
    {
        Step();
        inner.Send(destination, tag, data);
    }

    public void Receive(int source, int tag, Span<float> data)
    {
        Step();
        inner.Receive(source, tag, data);
    }

    public void Lend(int destination, int tag, float* data, int length)
    {
        Step();
        inner.Lend(destination, tag, data, length);
    }

    public void TakeBack(int destination, int tag)
    {
        Step();
        inner.TakeBack(destination, tag);
    }

    public void Withdraw(int destination, int tag, Exception cause) => inner.Withdraw(destination, tag, cause);

    public float* Borrow(int source, int tag, int length)
    {
        Step();
        return inner.Borrow(source, tag, length);
    }

    public void Return(int source, int tag) => inner.Return(source, tag);

    public void Abort(Exception cause) => inner.Abort(cause);

    public void Dispose() => inner.Dispose();

    private void Step()
    {
        if (Calls++ == failingCall)
            throw new InvalidOperationException("the power is gone");
    }
}
