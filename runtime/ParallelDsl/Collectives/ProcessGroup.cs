using ParallelDsl.Planning.Collectives;
using ParallelDsl.Transports;

namespace ParallelDsl.Collectives;

/// <summary>
/// Some ranks of a run, in a fixed order, and the collective operations among them. All members must call the same operations in the
/// same order with matching lengths.
/// </summary>
/// <remarks>
/// <para>
/// Sums have a fixed order, whatever arrives first, so a run is repeated bit for bit and all members hold the same bits, over every transport.
/// The order is that of the algorithm (<see cref="CollectivePlan"/>), so another algorithm rounds otherwise: <see
/// cref="CollectiveAlgorithm.Direct"/> sums ((x0 + x1) + x2) + ... in group order; the others say in their own comments what they do. Two
/// members get the same bits from each. Two levels on one node, or with one member a node, are those of the direct exchange.
/// </para>
/// <para>
/// Where ranks share memory vectors are lent, and a member adds straight from those of the others. Elsewhere they travel in blocks of at
/// most <see cref="BlockBytes"/>, or <see cref="LongBlockBytes"/>, and every operation works with channels that hold a single message. Either way the memory that an operation
/// needs does not grow with the vector: three blocks, and a copy of one block a member where an algorithm reduces a vector that must not be
/// written.
/// </para>
/// <para>
/// Messages use tags that are reserved for collectives (<see cref="MessageTags"/>), made of the group's context and the operation. Groups
/// that share a pair of ranks need different contexts where their operations may come in different orders on the two; the groups
/// along one mesh axis are disjoint, so one context an axis is enough. A group is used by one thread at a time.
/// </para>
/// </remarks>
public sealed partial class ProcessGroup
{
    /// <summary>The largest message of a collective, in bytes, where ranks share no memory and messages are copied or summed.</summary>
    public const int BlockBytes = CollectivePlan.BlockBytes;

    /// <summary>The largest that is only collected, over a transport that reads it where it lies: long enough that one more costs nothing, and short
    /// enough that a failure of the run need not wait for it.</summary>
    public const int LongBlockBytes = 16 << 20;

    private readonly ITransport _transport;
    private readonly int[] _ranks;
    private readonly int[] _counts;
    private readonly int _context;
    private readonly int[] _lengths;
    private readonly int[] _starts;
    private readonly GroupMessages _messages;
    private readonly CollectiveSteps _steps;
    private readonly Scratch _copy = new();

    /// <summary>Forms a group. It sends nothing: every member forms it for itself, with the same arguments.</summary>
    /// <param name="transport">The own rank's transport.</param>
    /// <param name="ranks">The members in group order, the own rank among them.</param>
    /// <param name="context">Sets this group's messages apart; from 0 to <see cref="MessageTags.ContextLimit"/> - 1.</param>
    /// <param name="plan">The algorithm of all-reduce, reduce-scatter and all-gather; null is <see cref="CollectivePlan.Default"/>.</param>
    /// <exception cref="ArgumentException">The ranks are empty, repeated, out of range or lack the own one, or the rings or nodes of the plan
    /// are not those of so many members.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The context is out of range.</exception>
    public ProcessGroup(ITransport transport, ReadOnlySpan<int> ranks, int context = 0, CollectivePlan? plan = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(context);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(context, MessageTags.ContextLimit);
        for (int index = 0; index < ranks.Length; index++)
        {
            if ((uint)ranks[index] >= (uint)transport.Size)
            {
                throw new ArgumentException(
                    $"Rank {ranks[index]} of the group does not exist: there are {transport.Size} ranks.", nameof(ranks));
            }

            if (ranks[..index].Contains(ranks[index]))
                throw new ArgumentException($"Rank {ranks[index]} is in the group twice.", nameof(ranks));
        }

        Index = ranks.IndexOf(transport.Rank);
        if (Index < 0)
        {
            throw new ArgumentException(
                $"Rank {transport.Rank} forms a group that it is not a member of: [{string.Join(", ", ranks.ToArray())}].",
                nameof(ranks));
        }

        _transport = transport;
        _ranks = ranks.ToArray();
        _counts = new int[ranks.Length];
        _lengths = new int[ranks.Length];
        _starts = new int[ranks.Length];
        _context = context;
        _messages = new GroupMessages(transport, _ranks, Index, context);
        Plan = plan ?? CollectivePlan.Default;
        if (Plan.FaultFor(ranks.Length) is { } fault)
            throw new ArgumentException($"The algorithm does not fit the group: {fault}.", nameof(plan));
        _steps = CollectiveSteps.Of(Plan, _messages);
    }

    /// <summary>The algorithm of all-reduce, reduce-scatter and all-gather.</summary>
    public CollectivePlan Plan { get; }

    /// <summary>Bytes of buffers so far.</summary>
    public long Bytes => _messages.Bytes + _steps.Bytes + _copy.Bytes;

    /// <summary>The number of members.</summary>
    public int Size => _ranks.Length;

    /// <summary>The own position in the group.</summary>
    public int Index { get; }

    /// <summary>The members in group order.</summary>
    public ReadOnlySpan<int> Ranks => _ranks;

    /// <summary>Replaces <paramref name="data"/>, on every member, by the sum over the members.</summary>
    /// <exception cref="TransportException">The lengths differ between members, a peer failed, or the run was aborted.</exception>
    public void AllReduce(Span<float> data) => AllReduceSegments(data);

    /// <inheritdoc cref="AllReduce(Span{float})"/>
    public void AllReduce(Span<double> data) => AllReduceSegments(data);

    /// <summary>The sum of <paramref name="value"/> over the members.</summary>
    /// <exception cref="TransportException">A peer failed, or the run was aborted.</exception>
    public double AllReduce(double value)
    {
        AllReduceSegments(new Span<double>(ref value));
        return value;
    }

    /// <summary>Sums the members' sources and leaves each member its own part: the one at its index.</summary>
    /// <param name="source">
    /// The parts of all members one after the other, <see cref="Size"/> times the length of <paramref name="own"/>.
    /// </param>
    /// <param name="own">
    /// The sum of the own part. It may be that very part of <paramref name="source"/>, and must not overlap the rest.
    /// </param>
    /// <exception cref="ArgumentException">The lengths do not fit, or the spans overlap.</exception>
    /// <exception cref="TransportException">The lengths differ between members, a peer failed, or the run was aborted.</exception>
    public void ReduceScatter(ReadOnlySpan<float> source, Span<float> own)
    {
        CheckLength(source.Length, (long)Size * own.Length, nameof(source), "that of the own part times the members");
        Array.Fill(_counts, own.Length);
        ReduceScatterSegments(source, _counts, own);
    }

    /// <inheritdoc cref="ReduceScatter(ReadOnlySpan{float}, Span{float})"/>
    /// <param name="source">The parts of all members one after the other.</param>
    /// <param name="counts">The length of each member's part, the same on all members.</param>
    /// <param name="own">
    /// The sum of the own part. It may be that very part of <paramref name="source"/>, and must not overlap the rest.
    /// </param>
    public void ReduceScatter(ReadOnlySpan<float> source, ReadOnlySpan<int> counts, Span<float> own)
    {
        CheckCounts(counts, source.Length, nameof(counts), nameof(source));
        CheckLength(own.Length, counts[Index], nameof(own), $"the count of member {Index}");
        ReduceScatterSegments(source, counts, own);
    }

    /// <summary>Collects every member's part on every member, in group order.</summary>
    /// <param name="own">The own part.</param>
    /// <param name="all">
    /// The parts of all members one after the other, <see cref="Size"/> times the length of <paramref name="own"/>. <paramref name="own"/>
    /// may be its own part of it, and must not overlap the rest.
    /// </param>
    /// <exception cref="ArgumentException">The lengths do not fit, or the spans overlap.</exception>
    /// <exception cref="TransportException">The lengths differ between members, a peer failed, or the run was aborted.</exception>
    public void AllGather(ReadOnlySpan<float> own, Span<float> all)
    {
        CheckLength(all.Length, (long)Size * own.Length, nameof(all), "that of the own part times the members");
        Array.Fill(_counts, own.Length);
        AllGatherParts(own, _counts, all, CollectiveKind.AllGather);
    }

    /// <inheritdoc cref="AllGather(ReadOnlySpan{float}, Span{float})"/>
    /// <param name="own">The own part.</param>
    /// <param name="counts">The length of each member's part, the same on all members.</param>
    /// <param name="all">The parts of all members one after the other. <paramref name="own"/> may be its own part of it.</param>
    public void AllGather(ReadOnlySpan<float> own, ReadOnlySpan<int> counts, Span<float> all)
    {
        CheckCounts(counts, all.Length, nameof(counts), nameof(all));
        CheckLength(own.Length, counts[Index], nameof(own), $"the count of member {Index}");
        AllGatherParts(own, counts, all, CollectiveKind.AllGather);
    }

    /// <summary>Sends a part to every member and receives one from each.</summary>
    /// <param name="send">The parts for all members one after the other, in group order.</param>
    /// <param name="sendCounts">The length of the part for each member.</param>
    /// <param name="receive">
    /// The parts from all members one after the other, in group order. It must not overlap <paramref name="send"/>.
    /// </param>
    /// <param name="receiveCounts">The length of the part from each member.</param>
    /// <exception cref="ArgumentException">The lengths do not fit, or the spans overlap.</exception>
    /// <exception cref="TransportException">The lengths differ between members, a peer failed, or the run was aborted.</exception>
    public void AllToAll(
        ReadOnlySpan<float> send, ReadOnlySpan<int> sendCounts, Span<float> receive, ReadOnlySpan<int> receiveCounts)
    {
        CheckCounts(sendCounts, send.Length, nameof(sendCounts), nameof(send));
        CheckCounts(receiveCounts, receive.Length, nameof(receiveCounts), nameof(receive));
        CheckLength(receiveCounts[Index], sendCounts[Index], nameof(receiveCounts), "what the member sends to itself");
        if (send.Overlaps(receive))
            throw new ArgumentException("The receiving span overlaps the one that is sent.", nameof(receive));

        int block = BlockBytes / sizeof(float);
        int longest = Math.Max(Longest(sendCounts), Longest(receiveCounts));
        Part(send, sendCounts, Index).CopyTo(Part(receive, receiveCounts, Index));
        for (int offset = 0; offset < longest; offset += block)
        {
            for (int step = 1; step < Size; step++)
            {
                int peer = (Index + step) % Size;
                SendBlock(peer, CollectiveKind.AllToAll, Block(Part(send, sendCounts, peer), offset, block));
            }

            for (int step = 1; step < Size; step++)
            {
                int peer = (Index - step + Size) % Size;
                ReceiveBlock(peer, CollectiveKind.AllToAll, Block(Part(receive, receiveCounts, peer), offset, block));
            }
        }
    }

    /// <summary>Copies the root's data to every member: the root scatters it, then the members gather it.</summary>
    /// <param name="data">What is sent on the root, and what is overwritten elsewhere.</param>
    /// <param name="root">The group index of the root.</param>
    /// <exception cref="ArgumentOutOfRangeException">The root is no member.</exception>
    /// <exception cref="TransportException">The lengths differ between members, a peer failed, or the run was aborted.</exception>
    public void Broadcast(Span<float> data, int root)
    {
        CheckMember(root, nameof(root));
        int stride = StrideOf(sizeof(float));
        for (int offset = 0; offset < data.Length; offset += Math.Min(stride, data.Length - offset))
        {
            Span<float> segment = Block(data, offset, stride);
            ShareOut(segment.Length);
            if (Index == root)
            {
                for (int member = 0; member < Size; member++)
                {
                    if (member != root)
                        SendBlock(member, CollectiveKind.Broadcast, Part<float>(segment, _counts, member));
                }
            }
            else
            {
                ReceiveBlock(root, CollectiveKind.Broadcast, Part(segment, _counts, Index));
            }

            AllGatherParts(Part<float>(segment, _counts, Index), _counts, segment, CollectiveKind.Broadcast);
        }
    }

    /// <summary>Returns once every member has called it.</summary>
    /// <remarks>The dissemination barrier (Hensgen, Finkel and Manber, 1988): ceil(log2(size)) empty messages a member.</remarks>
    /// <exception cref="TransportException">A peer failed, or the run was aborted.</exception>
    public void Barrier()
    {
        int tag = MessageTags.Collective(_context, CollectiveKind.Barrier);
        for (int distance = 1; distance < Size; distance *= 2)
        {
            _transport.Send(_ranks[(Index + distance) % Size], tag, []);
            _transport.Receive(_ranks[(Index - distance + Size) % Size], tag, []);
        }
    }

    /// <summary>Sends a message to the member at a group index. See <see cref="ITransport.Send"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is no member's, or the tag is kept for collectives.</exception>
    public void Send(int member, int tag, ReadOnlySpan<float> data)
    {
        CheckMember(member, nameof(member));
        CheckTag(tag);
        _transport.Send(_ranks[member], tag, data);
    }

    /// <summary>Receives a message from the member at a group index. See <see cref="ITransport.Receive"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is no member's, or the tag is kept for collectives.</exception>
    public void Receive(int member, int tag, Span<float> data)
    {
        CheckMember(member, nameof(member));
        CheckTag(tag);
        _transport.Receive(_ranks[member], tag, data);
    }

    /// <summary>Whether <paramref name="own"/> is the own part of <paramref name="all"/>; any other overlap is an error.</summary>
    private static bool CheckOverlap<T>(ReadOnlySpan<T> all, ReadOnlySpan<T> own, ReadOnlySpan<T> mine, string name)
    {
        if (!all.Overlaps(own))
            return false;
        if (mine.Overlaps(own, out int elements) && elements == 0 && mine.Length == own.Length)
            return true;
        throw new ArgumentException("The own part overlaps the parts of other members.", name);
    }

    private void CheckCounts(ReadOnlySpan<int> counts, int length, string countsName, string lengthName)
    {
        if (counts.Length != Size)
            throw new ArgumentException($"There are {counts.Length} counts for {Size} members.", countsName);
        long total = 0;
        foreach (int count in counts)
        {
            if (count < 0)
                throw new ArgumentException($"A count is negative: {count}.", countsName);
            total += count;
        }

        CheckLength(length, total, lengthName, "the sum of the counts");
    }

    private static void CheckLength(int length, long expected, string name, string meaning)
    {
        if (length != expected)
            throw new ArgumentException($"The length is {length}, but must be {expected}: {meaning}.", name);
    }

    private void CheckMember(int member, string name)
    {
        if ((uint)member >= (uint)Size)
            throw new ArgumentOutOfRangeException(name, member, $"The group has {Size} members, 0 to {Size - 1}.");
    }

    private static void CheckTag(int tag)
    {
        if ((uint)tag >= MessageTags.PointToPointLimit)
        {
            throw new ArgumentOutOfRangeException(
                nameof(tag), tag, $"Point-to-point tags are from 0 to {MessageTags.PointToPointLimit - 1}.");
        }
    }
}
