using System.Collections.Concurrent;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Messages and floats.</summary>
internal readonly record struct Traffic(long Messages, long Floats)
{
    public static Traffic operator +(Traffic left, Traffic right) => new(left.Messages + right.Messages, left.Floats + right.Floats);
}

/// <summary>Counts by tag what a rank sends and receives. What is received must be what was expected first of its source and tag, if anything was.</summary>
/// <param name="inner">The rank's transport.</param>
/// <param name="beforeSend">Called with the destination and the tag of every message before it is sent; no message is sent at once then.</param>
internal sealed class CountingTransport(ITransport inner, Action<int, int>? beforeSend = null) : ITransport
{
    private readonly ConcurrentDictionary<int, Traffic> _sent = new(), _received = new();
    private readonly List<(int Source, int Tag, nint Data, int Length)> _expected = [];

    public int Rank => inner.Rank;

    public int Size => inner.Size;

    public long BytesSent => inner.BytesSent;

    public long MessagesSent => inner.MessagesSent;

    public Traffic SentWith(params ReadOnlySpan<int> tags) => Sum(_sent, tags);

    public Traffic ReceivedWith(params ReadOnlySpan<int> tags) => Sum(_received, tags);

    public void Send(int destination, int tag, ReadOnlySpan<float> data)
    {
        beforeSend?.Invoke(destination, tag);
        inner.Send(destination, tag, data);
        Count(_sent, tag, data.Length);
    }

    public bool TrySend(int destination, int tag, ReadOnlySpan<float> data)
    {
        if (beforeSend is not null || !inner.TrySend(destination, tag, data))
            return false;
        Count(_sent, tag, data.Length);
        return true;
    }

    public unsafe void Expect(int source, int tag, float* data, int length)
    {
        lock (_expected)
            _expected.Add((source, tag, (nint)data, length));
    }

    public unsafe void Receive(int source, int tag, Span<float> data)
    {
        lock (_expected)
        {
            int first = _expected.FindIndex(message => message.Source == source && message.Tag == tag);
            if (first >= 0)
            {
                fixed (float* memory = data)
                    Assert.Equal((source, tag, (nint)memory, data.Length), _expected[first]);
                _expected.RemoveAt(first);
            }
        }

        inner.Receive(source, tag, data);
        Count(_received, tag, data.Length);
    }

    public void ReceiveAhead(int source, int tag, Span<float> data, Func<bool> isAwaited)
    {
        inner.ReceiveAhead(source, tag, data, isAwaited);
        Count(_received, tag, data.Length);
    }

    public void Abort(Exception cause) => inner.Abort(cause);

    public void Dispose() => inner.Dispose();

    private static void Count(ConcurrentDictionary<int, Traffic> counts, int tag, int floats) =>
        counts.AddOrUpdate(tag, new Traffic(1, floats), (_, known) => known + new Traffic(1, floats));

    private static Traffic Sum(ConcurrentDictionary<int, Traffic> counts, ReadOnlySpan<int> tags)
    {
        Traffic sum = default;
        foreach (int tag in tags)
            sum += counts.GetValueOrDefault(tag);
        return sum;
    }
}
