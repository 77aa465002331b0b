using System.Text.Json;
using ParallelDsl.Transports;
using ParallelDsl.Transports.Sockets;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>A rank of the benchmark, a process in a namespace of its own: runs all cases in the order that all ranks know, and leaves its figures in a
/// file. Ends when its standard input does, so that none outlives the benchmark.</summary>
internal sealed class LinkRank : IDisposable
{
    private const int Calibrations = 3;

    private readonly LinkSpec _spec;
    private readonly ITransport _transport;
    private readonly RankLine _line;
    private readonly KeysAndValues _data;
    private readonly Exchange[] _exchanges;
    private readonly ExchangeRun[] _runs;
    private readonly EngineAttention?[] _engines;

    private LinkRank(LinkSpec spec, ITransport transport)
    {
        (_spec, _transport, _line) = (spec, transport, new RankLine(transport));
        _data = new KeysAndValues(spec.Rows, spec.Width);
        float[] own = _data.Of(transport.Rank);
        _exchanges = Exchanges.Of(spec.Fabric, spec.Rows);
        _runs = [.. _exchanges.Select(exchange => new ExchangeRun(transport, exchange, _data, own))];
        _engines = [.. _exchanges.Select(exchange => spec.RunsAttention && exchange.Datapath is { } datapath
            ? new EngineAttention(transport, spec.Fabric, datapath, spec.Rows)
            : null)];
    }

    /// <param name="arguments">The file of the specification and the rank.</param>
    public static int Run(string[] arguments)
    {
        Thread watch = new(() =>
        {
            while (Console.Read() >= 0)
            {
            }

            Environment.Exit(1);
        })
        { IsBackground = true };
        watch.Start();
        LinkSpec spec = JsonSerializer.Deserialize<LinkSpec>(File.ReadAllText(arguments[0]))!;
        int rank = int.Parse(arguments[1], System.Globalization.CultureInfo.InvariantCulture);
        using SocketTransport transport = SocketTransport.Join(rank, spec.Fabric.Addresses(), new SocketOptions { Run = spec.Run, JoinTimeout = TimeSpan.FromMinutes(1) });
        try
        {
            using LinkRank own = new(spec, transport);
            LinkFigures figures = own.Measure();
            File.WriteAllText(spec.ResultOf(rank), JsonSerializer.Serialize(figures));
            return 0;
        }
        catch (Exception exception)
        {
            transport.Abort(exception);
            Console.Error.WriteLine(exception is TransportException or InvalidDataException ? $"rank {rank}: {exception.Message}" : $"rank {rank}: {exception}");
            return 1;
        }
    }

    public void Dispose() => Array.ForEach(_engines, engine => engine?.Dispose());

    private LinkFigures Measure()
    {
        for (int exchange = 0; exchange < _runs.Length; exchange++)
        {
            _runs[exchange].Run(static () => { });
            _line.StartTogether();
            _engines[exchange]?.Check(_exchanges[exchange].Name, _engines[0]!);
            _line.StartTogether();
        }

        int floats = _spec.Rows * _data.RowFloats;
        int burst = _spec.Fabric.LinkMegabits == 0 ? 0 : LinkNetwork.BurstBytes;
        LinkCost link = _line.Measure(1, floats / 8, floats, burst);
        LinkCost port = _spec.Fabric.Kind == LinkKind.Nodes ? _line.Measure(_spec.Fabric.PerNode, floats / 8, floats, burst) : link;
        double ring = Enumerable.Range(0, Calibrations).Select(_ => _line.Most(Time(new LinkCase(0, LinkWork.Waits), 0).Time)).Order().ElementAt(Calibrations / 2);

        List<LinkTime> times = [];
        LinkCase[] cases = [.. Enumerable.Range(0, _runs.Length).SelectMany(exchange => (LinkCase[])
        [
            .. _spec.Ratios.Prepend(0).Select(ratio => new LinkCase(exchange, LinkWork.Waits, ratio)),
            .. _engines[exchange] is null ? [] : (LinkCase[])[new(exchange, LinkWork.Forward), new(exchange, LinkWork.Training)],
        ])];
        for (int round = 0; round < _spec.Rounds; round++)
        {
            // The same order on every rank.
            new Random(round).Shuffle(cases);
            foreach (LinkCase item in cases)
                times.Add(Time(item, ring));
            if (_transport.Rank == 0)
                Console.Error.WriteLine($"{_spec.Fabric.Name}: round {round + 1} of {_spec.Rounds}");
        }

        List<LinkLoad> loads = [];
        for (int exchange = 0; exchange < _runs.Length; exchange++)
            loads.AddRange(Watch(exchange));
        _line.StartTogether();
        return new LinkFigures(times, loads, ring, link, port);
    }

    private LinkTime Time(LinkCase item, double ring)
    {
        long call = (long)(item.Ratio * ring / _transport.Size);
        long start = _line.StartTogether();
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        MachineTime machine = _transport.Rank == 0 ? MachineTime.Now() : default;
        if (item.Work == LinkWork.Waits)
            _runs[item.Exchange].Run(call == 0 ? static () => { } : () => MonotonicClock.WaitUntil(MonotonicClock.Now + call));
        else
            _engines[item.Exchange]!.Forward();
        if (item.Work == LinkWork.Training)
            _engines[item.Exchange]!.Backward();
        long time = MonotonicClock.Now - start;
        double busy = _transport.Rank == 0 ? MachineTime.Now().ShareSince(machine) : 0;
        return new LinkTime(item, time, (long)(Environment.CpuUsage.TotalTime - processor).TotalNanoseconds, busy);
    }

    private List<LinkLoad> Watch(int exchange)
    {
        LinkEnd[] links = [.. _spec.Fabric.Links().Where(link => link.Rank == _transport.Rank)];
        long start = _line.StartTogether();
        Dictionary<string, (long Out, long In)> before = InterfaceCounters.Read();
        using InterfaceWatch watch = new(_spec.Fabric, _transport.Rank);
        _runs[exchange].Run(static () => { });
        // Until the last rank has all: what this one still sends counts too.
        double seconds = _line.Most(MonotonicClock.Now - start) / 1e9;
        Dictionary<string, double> busy = watch.End();
        Dictionary<string, (long Out, long In)> after = InterfaceCounters.Read();
        return [.. links.Select(link => new LinkLoad(
            exchange,
            link.ToString(),
            link.IsOut ? after[link.Interface].Out - before[link.Interface].Out : after[link.Interface].In - before[link.Interface].In,
            busy[link.ToString()],
            seconds))];
    }
}
