namespace ParallelDsl.Transports;

/// <summary>One rank's end of an <see cref="InProcessWorld"/>.</summary>
/// <param name="world">The world.</param>
/// <param name="rank">The rank.</param>
/// <param name="traffic">What the rank has sent, whichever thread did.</param>
/// <param name="isAwaited">Of the end of a thread that runs ahead: whether the rank waits for it. Else null.</param>
internal sealed unsafe class InProcessTransport(
    InProcessWorld world, int rank, InProcessTransport.Traffic traffic, Func<bool>? isAwaited = null) : ITransport
{

    public int Rank => rank;

    public int Size => world.Size;

    public long BytesSent => Interlocked.Read(ref traffic.Bytes);

    public long MessagesSent => Interlocked.Read(ref traffic.Messages);

    public void Send(int destination, int tag, ReadOnlySpan<float> data)
    {
        Check(rank, destination, destination, tag, data.Length, isReceive: false);
        world.Between(rank, destination).Send(tag, data, isAwaited);
        Count(data.Length);
    }

    public bool TrySend(int destination, int tag, ReadOnlySpan<float> data)
    {
        Check(rank, destination, destination, tag, data.Length, isReceive: false);
        if (!world.Between(rank, destination).SendNow(tag, data))
            return false;
        Count(data.Length);
        return true;
    }

    public void Receive(int source, int tag, Span<float> data)
    {
        Check(source, rank, source, tag, data.Length, isReceive: true);
        world.Between(source, rank).Receive(tag, data, isAwaited);
    }

    public void ReceiveAhead(int source, int tag, Span<float> data, Func<bool> isAwaitedNow)
    {
        Check(source, rank, source, tag, data.Length, isReceive: true);
        world.Between(source, rank).Receive(tag, data, isAwaitedNow);
    }

    public bool SharesMemory => true;

    public void Lend(int destination, int tag, float* data, int length)
    {
        Check(rank, destination, destination, tag, length, isReceive: false);
        world.Between(rank, destination).Lend(tag, data, length);
        Count(length);
    }

    public void TakeBack(int destination, int tag) => world.Between(rank, destination).TakeBack(tag, isAwaited);

    public void Withdraw(int destination, int tag, Exception cause) => world.Between(rank, destination).Withdraw(tag);

    public float* Borrow(int source, int tag, int length)
    {
        Check(source, rank, source, tag, length, isReceive: true);
        return world.Between(source, rank).Borrow(tag, length, isAwaited);
    }

    public void Return(int source, int tag) => world.Between(source, rank).Return(tag);

    public ITransport Ahead(Func<bool> isAwaited) => new InProcessTransport(world, rank, traffic, isAwaited);

    public void Abort(Exception cause) => world.Abort(rank, cause);

    public void Dispose() => world.Close(rank);

    private void Count(int length)
    {
        Interlocked.Add(ref traffic.Bytes, (long)length * sizeof(float));
        Interlocked.Increment(ref traffic.Messages);
    }

    private void Check(int source, int destination, int peer, int tag, int length, bool isReceive)
    {
        string? problem = (uint)peer >= (uint)world.Size ? $"there are {world.Size} ranks, 0 to {world.Size - 1}"
            : (uint)tag >= MessageTags.Limit ? $"tags are from 0 to {MessageTags.Limit - 1}"
            : null;
        if (problem is not null)
        {
            throw new TransportException(
                TransportFailure.BadArgument,
                $"{InProcessWorld.DescribeCall(source, destination, tag, length, isReceive)}: {problem}.");
        }
    }

    /// <summary>Payload and messages that a rank has sent.</summary>
    internal sealed class Traffic
    {
        public long Bytes;
        public long Messages;
    }
}
