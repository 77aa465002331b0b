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

    /// <summary>Says where the next message of a source and a tag goes, so that it may begin to arrive: the caller goes on to <see cref="Receive"/> it
    /// with the same arguments, or, after a failure, to
    /// <see cref="Forget"/> it. Until then the memory may not move, be used or be freed.</summary>
    /// <param name="source">The sending rank.</param>
    /// <param name="tag">The kind of message, from 0 to <see cref="MessageTags.Limit"/> - 1. Messages of a source and a tag are
    /// expected in the order in which they are sent, and received in that order, by one thread.</param>
    /// <param name="data">Where the payload goes.</param>
    /// <param name="length">The message's length in floats.</param>
    /// <exception cref="TransportException">As of <see cref="Receive"/>.</exception>
    unsafe void Expect(int source, int tag, float* data, int length)
    {
        // A transport that only delivers to those who wait has nothing to begin.
    }

    /// <summary>After a failure: the messages of a source and a tag that are expected are not written to their memory from here on. A transport that
    /// cannot stop one that has begun to arrive may abort the run. It throws nothing.</summary>
    /// <param name="source">The sending rank.</param>
    /// <param name="tag">The kind of message.</param>
    /// <param name="cause">The failure.</param>
    void Forget(int source, int tag, Exception cause)
    {
    }

    /// <summary>Whether the ranks are in one memory, so that <see cref="Borrow"/> works and a lent message is never copied by the transport. The
    /// same on every rank of a run.</summary>
    bool SharesMemory => false;

    /// <summary>Whether a lent message is read where it lies, so that its length costs no memory. The same on every rank of a run.</summary>
    bool LendsInPlace => SharesMemory;

    /// <summary>Sends a message whose memory stays the caller's: it may not move, change or be freed before <see cref="TakeBack"/> or
    /// <see cref="Withdraw"/> has returned. It never waits for the receiver where memory is shared; elsewhere it may wait as
    /// <see cref="Send"/> does.</summary>
    /// <param name="destination">The receiving rank.</param>
    /// <param name="tag">The kind of message, from 0 to <see cref="MessageTags.Limit"/> - 1. Messages of one tag are lent by one thread.</param>
    /// <param name="data">The payload.</param>
    /// <param name="length">Its length in floats.</param>
    /// <inheritdoc cref="Send"/>
    unsafe void Lend(int destination, int tag, float* data, int length) => Send(destination, tag, new ReadOnlySpan<float>(data, length));

    /// <summary>Waits until nobody needs the memory of what was lent to a rank with a tag any more.</summary>
    /// <param name="destination">The receiving rank.</param>
    /// <param name="tag">The kind of message.</param>
    /// <exception cref="TransportException">The receiver has ended, or the run was aborted; then the caller must
    /// <see cref="Withdraw"/>.</exception>
    void TakeBack(int destination, int tag)
    {
        // A message that was copied is not needed any more.
    }

    /// <summary>Takes back what was lent to a rank with a tag after a failure: what nobody reads yet is never received, and what is being read
    /// is waited for, which takes no longer than to read it. A transport that cannot take a message back may abort the run. It throws
    /// nothing.</summary>
    /// <param name="destination">The receiving rank.</param>
    /// <param name="tag">The kind of message.</param>
    /// <param name="cause">The failure.</param>
    void Withdraw(int destination, int tag, Exception cause)
    {
    }

    /// <summary>Receives as <see cref="Receive"/> does, but where the message lies: it may be read until <see cref="Return"/>.</summary>
    /// <param name="source">The sending rank.</param>
    /// <param name="tag">The kind of message; one message of a source and a tag is borrowed at a time.</param>
    /// <param name="length">The message's length in floats.</param>
    /// <inheritdoc cref="Receive"/>
    /// <exception cref="NotSupportedException">The ranks do not share memory.</exception>
    unsafe float* Borrow(int source, int tag, int length) =>
        throw new NotSupportedException($"The ranks of {GetType().Name} do not share memory: a message cannot be borrowed.");

    /// <summary>Ends the reading of the message that was borrowed.</summary>
    /// <param name="source">The sending rank.</param>
    /// <param name="tag">The kind of message.</param>
    void Return(int source, int tag) =>
        throw new NotSupportedException($"The ranks of {GetType().Name} do not share memory: no message was borrowed.");

    /// <summary>The same end of the run for a thread that runs ahead of the rank's program. Where deadlocks are searched for, the rank does not count
    /// as one that waits, for calls through it, as long as nobody on the rank waits for their end. It is not disposed of.</summary>
    /// <param name="isAwaited">Whether the rank waits for that thread; asked at any time, on any thread, and not to wait for anything.</param>
    ITransport Ahead(Func<bool> isAwaited) => this;

    /// <summary>
    /// Ends every pending and future call on every rank with a <see cref="TransportException"/> that carries <paramref name="cause"/>.
    /// Only the first call has an effect.
    /// </summary>
    void Abort(Exception cause);
}
