using System.Runtime.InteropServices;
using ParallelDsl.Transports;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>How the ranks start together and agree on numbers, and what a message between two costs.</summary>
internal sealed class RankLine(ITransport transport)
{
    private const int ReadyTag = 1 << 20;
    private const int StartTag = ReadyTag + 1;
    private const int NumberTag = ReadyTag + 2;
    private const int MessageTag = ReadyTag + 3;
    private const int Repetitions = 9;

    /// <summary>From the agreement to the start: longer than it takes to reach everybody.</summary>
    private const long Lead = 15_000_000;

    private readonly float[] _number = new float[2];

    /// <summary>Waits for all ranks; returns at the same moment on each, which is the result.</summary>
    public long StartTogether()
    {
        if (transport.Rank != 0)
        {
            transport.Send(0, ReadyTag, []);
            long start = BitConverter.DoubleToInt64Bits(Receive(0, StartTag));
            MonotonicClock.WaitUntil(start);
            return start;
        }

        for (int rank = 1; rank < transport.Size; rank++)
            transport.Receive(rank, ReadyTag, []);
        long common = MonotonicClock.Now + Lead;
        for (int rank = 1; rank < transport.Size; rank++)
            Send(rank, StartTag, BitConverter.Int64BitsToDouble(common));
        MonotonicClock.WaitUntil(common);
        return common;
    }

    /// <summary>The largest of all ranks' numbers, on every rank.</summary>
    public double Most(double number)
    {
        if (transport.Rank != 0)
        {
            Send(0, NumberTag, number);
            return Receive(0, NumberTag);
        }

        for (int rank = 1; rank < transport.Size; rank++)
            number = Math.Max(number, Receive(rank, NumberTag));
        for (int rank = 1; rank < transport.Size; rank++)
            Send(rank, NumberTag, number);
        return number;
    }

    /// <summary>What a message from rank 0 to another costs, from messages of two lengths, each answered by an empty one.</summary>
    /// <param name="other">The other rank.</param>
    /// <param name="shortFloats">A length.</param>
    /// <param name="longFloats">A longer one.</param>
    /// <param name="burstBytes">What the link lets through at once after a pause.</param>
    public LinkCost Measure(int other, int shortFloats, int longFloats, int burstBytes)
    {
        double none = 0, little = 0, much = 0;
        if (transport.Rank == 0 || transport.Rank == other)
            (none, little, much) = (Answered(other, 0), Answered(other, shortFloats), Answered(other, longFloats));
        (none, little, much) = (Most(none), Most(little), Most(much));
        double perByte = (much - little) / ((longFloats - shortFloats) * (double)sizeof(float));
        double latency = little - (none / 2) - (shortFloats * sizeof(float) * perByte);

        // One message after the other leaves a token bucket empty: no burst is in these times. Where a pause has filled it the latency would be less than none.
        return new LinkCost(Math.Max(0, latency), perByte, burstBytes * perByte);
    }

    private double Answered(int other, int floats)
    {
        float[] data = new float[floats];
        var times = new double[Repetitions];
        for (int i = -1; i < Repetitions; i++)
        {
            long start = MonotonicClock.Now;
            if (transport.Rank == 0)
            {
                transport.Send(other, MessageTag, data);
                transport.Receive(other, MessageTag, []);
            }
            else
            {
                transport.Receive(0, MessageTag, data);
                transport.Send(0, MessageTag, []);
            }

            if (i >= 0)
                times[i] = transport.Rank == 0 ? MonotonicClock.Now - start : 0;
        }

        // The least disturbed: a cost of the link, not of what else the machine does.
        return times.Min();
    }

    private void Send(int rank, int tag, double number)
    {
        MemoryMarshal.Write(MemoryMarshal.AsBytes(_number.AsSpan()), number);
        transport.Send(rank, tag, _number);
    }

    private double Receive(int rank, int tag)
    {
        transport.Receive(rank, tag, _number);
        return MemoryMarshal.Read<double>(MemoryMarshal.AsBytes(_number.AsSpan()));
    }
}
