using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>A transport on which all messages of the attention's ranks must be expected: what is expected is poison until it is received, every lane of
/// a hop is expected before the first is received, and nothing is left over.</summary>
/// <param name="inner">The rank's transport.</param>
internal sealed unsafe class ExpectingTransport(ITransport inner) : ITransport
{
    private readonly List<(int Source, int Tag, nint Data, int Length)> _expected = [];

    /// <summary>The most messages of one tag that were expected at once.</summary>
    public int MostAtOnce { get; private set; }

    /// <summary>What is still expected.</summary>
    public int Left => _expected.Count;

    public int Rank => inner.Rank;

    public int Size => inner.Size;

    public long BytesSent => inner.BytesSent;

    public long MessagesSent => inner.MessagesSent;

    public void Send(int destination, int tag, ReadOnlySpan<float> data) => inner.Send(destination, tag, data);

    public void Expect(int source, int tag, float* data, int length)
    {
        new Span<float>(data, length).Fill(float.NaN);
        _expected.Add((source, tag, (nint)data, length));
        MostAtOnce = Math.Max(MostAtOnce, _expected.Count(message => message.Tag == tag));
    }

    public void Receive(int source, int tag, Span<float> data)
    {
        int index = _expected.FindIndex(message => message.Source == source && message.Tag == tag);
        Assert.True(index >= 0, $"A message of rank {source} with tag {tag} was not expected.");
        fixed (float* memory = data)
            Assert.Equal((source, tag, (nint)memory, data.Length), _expected[index]);
        _expected.RemoveAt(index);
        Assert.All(data.ToArray(), value => Assert.True(float.IsNaN(value), "What is expected was used."));
        inner.Receive(source, tag, data);
    }

    public void Forget(int source, int tag, Exception cause) =>
        _expected.RemoveAll(message => message.Source == source && message.Tag == tag);

    public void Abort(Exception cause) => inner.Abort(cause);

    public void Dispose() => inner.Dispose();
}
