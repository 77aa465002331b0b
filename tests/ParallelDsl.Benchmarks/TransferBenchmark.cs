using System.Diagnostics;
using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;

namespace ParallelDsl.Benchmarks;

/// <summary>How much of a pipelined step the ranks' own threads spend on transfers: two ranks of one thread each, channels of many messages and
/// of one, and links on which a send takes its time without a processor, as a network's does.</summary>
internal static class TransferBenchmark
{
    private static readonly (int Capacity, int LinkMilliseconds)[] Cases = [(InProcessWorld.DefaultCapacity, 0), (1, 0), (1, 4), (1, 16)];

    public static int Run(BenchmarkOptions options)
    {
        ParallelPlan plan = Piped256.Plan;
        Console.WriteLine($"{plan.Mesh.Pipeline} ranks of one thread, {plan.Batching.UnitsPerDataRank} micro-batches of {plan.Batching.UnitTokens} tokens, 1F1B; medians of {options.Rounds} steps");
        Console.WriteLine($"{"capacity",9}{"link ms",9}{"ms/step",9}{"own thread in sends, ms",25}{"copied, ms",12}{"messages",10}{"MB sent",9}");
        TransferFigure[] figures = [.. Cases.Select(item => Measure(plan, item.Capacity, item.LinkMilliseconds, options.Rounds))];
        options.WriteJson(figures);
        return 0;
    }

    private static TransferFigure Measure(ParallelPlan plan, int capacity, int link, int rounds)
    {
        Random random = new(1);
        List<int[]> batch = [.. Enumerable.Range(0, plan.Batching.UnitsPerDataRank).Select(_ => Enumerable.Range(0, plan.Model.ContextLength + 1).Select(_ => random.Next(4_096)).ToArray())];
        StepPlan step = new();
        Piped256.TryPlanStep([.. batch.Select(sequence => sequence.Length - 1)], step);
        double[] seconds = new double[rounds];
        double own = 0, copied = 0;
        long messages = 0, bytes = 0;
        RankThreads.Run(
            InProcessWorld.Create(plan.Mesh.Size, capacity),
            inner =>
            {
                using TimedTransport transport = new(inner, link);
                using RankModel model = RankModel.Create<Piped256>(plan, inner.Rank);
                model.Store.Initialize(1);
                using ThreadTeam team = new(1);
                using RankSession session = new(model, transport, team);
                session.ComputeGradients(batch, step);
                transport.Clear();
                (long sentMessages, long sentBytes) = (inner.MessagesSent, inner.BytesSent);
                for (int round = 0; round < rounds; round++)
                {
                    session.Barrier();
                    long started = Stopwatch.GetTimestamp();
                    session.ComputeGradients(batch, step);
                    if (inner.Rank == 0)
                        seconds[round] = Stopwatch.GetElapsedTime(started).TotalSeconds;
                }

                if (inner.Rank == 0)
                {
                    (own, copied) = (transport.OwnSendSeconds / rounds, transport.CopySeconds / rounds);
                    (messages, bytes) = ((inner.MessagesSent - sentMessages) / rounds, (inner.BytesSent - sentBytes) / rounds);
                }
            },
            TimeSpan.FromMinutes(2));
        TransferFigure figure = new(capacity, link, Sample.Of(seconds).Median, own, copied, messages, bytes);
        Console.WriteLine(FormattableString.Invariant(
            $"{capacity,9}{link,9}{figure.SecondsPerStep * 1000,9:F1}{own * 1000,25:F2}{copied * 1000,12:F2}{messages,10}{bytes / 1e6,9:F2}"));
        return figure;
    }

    private sealed record TransferFigure(
        int Capacity, int LinkMilliseconds, double SecondsPerStep, double OwnThreadSendSeconds, double CopySeconds, long Messages, long Bytes);

    /// <summary>A transport that times sends of the pipeline, and lets each take a while.</summary>
    private sealed class TimedTransport(ITransport inner, int link) : ITransport
    {
        private readonly Thread _own = Thread.CurrentThread;
        private long _ownTicks;
        private long _copyTicks;

        public int Rank => inner.Rank;

        public int Size => inner.Size;

        public long BytesSent => inner.BytesSent;

        public long MessagesSent => inner.MessagesSent;

        public double OwnSendSeconds => (double)_ownTicks / Stopwatch.Frequency;

        public double CopySeconds => (double)_copyTicks / Stopwatch.Frequency;

        public void Clear() => (_ownTicks, _copyTicks) = (0, 0);

        public void Send(int destination, int tag, ReadOnlySpan<float> data)
        {
            if (tag >= MessageTags.PointToPointLimit)
            {
                inner.Send(destination, tag, data);
                return;
            }

            long started = Stopwatch.GetTimestamp();
            if (link > 0)
                Thread.Sleep(link);
            long copies = Stopwatch.GetTimestamp();
            inner.Send(destination, tag, data);
            long ended = Stopwatch.GetTimestamp();
            _copyTicks += ended - copies;
            if (Thread.CurrentThread == _own)
                _ownTicks += ended - started;
        }

        public void Receive(int source, int tag, Span<float> data) => inner.Receive(source, tag, data);

        public void Abort(Exception cause) => inner.Abort(cause);

        public void Dispose()
        {
            // The rank's transport ends with its body.
        }
    }
}
