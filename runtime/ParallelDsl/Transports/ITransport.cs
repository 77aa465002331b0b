namespace ParallelDsl.Transports;

/// <summary>
/// Moves vectors of floats between the ranks of one run. The collectives and the executor are written once, against this interface;
/// a rank may be a thread (<see cref="InProcessWorld"/>) or a process.
/// </summary>
/// <remarks>
/// A message is matched by its source, destination and tag. Messages of the same source, destination and tag arrive in the order in
/// which they were sent; a message of one tag never holds up the receipt of another. Tags below
/// <see cref="MessageTags.PointToPointLimit"/> are free to use, the rest belongs to the collectives.
/// Every member is safe to call from several threads of the rank.
/// </remarks>
public interface ITransport : IDisposable
{
    /// <summary>The rank that this end belongs to, from 0 to <see cref="Size"/> - 1.</summary>
    int Rank { get; }

    /// <summary>The number of ranks in the run.</summary>
    int Size { get; }

    /// <summary>The payload that this rank has sent so far, in bytes, messages to itself included.</summary>
    long BytesSent { get; }

    /// <summary>The messages that this rank has sent so far, messages to itself included.</summary>
    long MessagesSent { get; }

    /// <summary>
    /// Sends a message. The send is buffered: it may return before the message is received, and <paramref name="data"/> may be reused
    /// at once. It blocks only while the channel from this rank to the destination holds its capacity of messages and the destination
    /// does not wait for this very one.
    /// </summary>
    /// <param name="destination">The receiving rank; the own rank is allowed.</param>
    /// <param name="tag">The kind of message, from 0 to <see cref="MessageTags.Limit"/> - 1.</param>
    /// <param name="data">The payload; it may be empty.</param>
    /// <exception cref="TransportException">
    /// The rank or the tag is out of range, this transport or the destination's is disposed, or the run was aborted.
    /// </exception>
    void Send(int destination, int tag, ReadOnlySpan<float> data);

    /// <summary>Sends as <see cref="Send"/> does, where that neither waits nor takes longer than a copy of the message; else sends nothing.</summary>
    /// <inheritdoc cref="Send"/>
    /// <returns>Whether the message is sent. A transport that cannot know says no.</returns>
    bool TrySend(int destination, int tag, ReadOnlySpan<float> data) => false;

    /// <summary>Waits for the next message of a source and a tag, and copies it.</summary>
    /// <param name="source">The sending rank; the own rank is allowed.</param>
    /// <param name="tag">The kind of message, from 0 to <see cref="MessageTags.Limit"/> - 1.</param>
    /// <param name="data">Where the payload goes; its length must be the message's length.</param>
    /// <exception cref="TransportException">
    /// The message has another length (it is lost then), the rank or the tag is out of range, this transport is disposed, the source's
    /// is disposed and has nothing left to deliver, or the run was aborted.
    /// </exception>
    void Receive(int source, int tag, Span<float> data);

    /// <summary>Receives as <see cref="Receive"/> does, on a thread that runs ahead of the rank's program. Where deadlocks are searched for, the
    /// rank does not count as one that waits, for this call, as long as nobody on the rank waits for its end.</summary>
    /// <param name="source">The sending rank; the own rank is allowed.</param>
    /// <param name="tag">The kind of message, from 0 to <see cref="MessageTags.Limit"/> - 1.</param>
    /// <param name="data">Where the payload goes; its length must be the message's length.</param>
    /// <param name="isAwaited">Whether the rank waits for it; asked at any time, on any thread, and not to wait for anything.</param>
    /// <inheritdoc cref="Receive"/>
    void ReceiveAhead(int source, int tag, Span<float> data, Func<bool> isAwaited) => Receive(source, tag, data);

    /// <summary>
    /// Ends every pending and future call on every rank with a <see cref="TransportException"/> that carries <paramref name="cause"/>.
    /// Only the first call has an effect.
    /// </summary>
    void Abort(Exception cause);
}
