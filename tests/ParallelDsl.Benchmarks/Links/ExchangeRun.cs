using ParallelDsl.Transports;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>One exchange on one rank. Two buffers: what came last is attended to and passed on while the next comes.</summary>
internal sealed class ExchangeRun
{
    private readonly ITransport _transport;
    private readonly Exchange _exchange;
    private readonly KeysAndValues _data;
    private readonly float[] _own;
    private readonly float[][] _buffers;
    private readonly Message[][] _sends;
    private readonly Message[][] _receives;

    public ExchangeRun(ITransport transport, Exchange exchange, KeysAndValues data, float[] own)
    {
        (_transport, _exchange, _data, _own) = (transport, exchange, data, own);
        (_sends, _receives) = (new Message[exchange.Steps + 1][], new Message[exchange.Steps + 1][]);
        int most = 0;
        Dictionary<Piece, int> before = [];
        for (int step = 1; step <= exchange.Steps; step++)
        {
            List<Message> sends = [], receives = [];
            Dictionary<Piece, int> held = [];
            int offset = 0;
            for (int index = 0; index < exchange.Transfers.Count; index++)
            {
                Transfer transfer = exchange.Transfers[index];
                int length = transfer.Piece.Length * data.RowFloats;
                if (transfer.Issue == step && transfer.From == transport.Rank)
                {
                    bool isOwn = transfer.Piece.Origin == transport.Rank;
                    sends.Add(new Message(transfer.To, index, isOwn, isOwn ? transfer.Piece.First * data.RowFloats : before[transfer.Piece], length, transfer.Piece, 0));
                }

                if (transfer.Step == step && transfer.To == transport.Rank)
                {
                    receives.Add(new Message(transfer.From, index, false, offset, length, transfer.Piece, data.SumOf(transfer.Piece)));
                    held[transfer.Piece] = offset;
                    offset += length;
                }
            }

            (_sends[step], _receives[step], before) = ([.. sends], [.. receives], held);
            most = Math.Max(most, offset);
        }

        _buffers = [new float[most], new float[exchange.Steps > 1 ? most : 0]];
    }

    public string Name => _exchange.Name;

    /// <summary>Runs it. What arrives is checked by sums.</summary>
    /// <param name="call">Stands for attention to what came last.</param>
    /// <exception cref="InvalidDataException">Something else has arrived than was sent.</exception>
    public void Run(Action call)
    {
        ReadOnlySpan<float> held = _own;
        for (int step = 1; step <= _exchange.Steps; step++)
        {
            foreach (Message send in _sends[step])
                _transport.Send(send.Peer, send.Tag, (send.IsOwn ? _own : held).Slice(send.Offset, send.Length));
            if (!_exchange.GathersFirst)
                call();
            Span<float> next = _buffers[(step - 1) % 2];
            int length = 0;
            foreach (Message receive in _receives[step])
            {
                Span<float> target = next.Slice(receive.Offset, receive.Length);
                _transport.Receive(receive.Peer, receive.Tag, target);
                if (_data.SumOf(target, receive.Piece) != receive.Sum)
                    throw new InvalidDataException($"{Name}: rank {_transport.Rank} got something else than {receive.Piece} from rank {receive.Peer}");
                length += receive.Length;
            }

            held = next[..length];
        }

        for (int number = _exchange.GathersFirst ? 0 : _exchange.Ranks - 1; number < _exchange.Ranks; number++)
            call();
    }

    private readonly record struct Message(int Peer, int Tag, bool IsOwn, int Offset, int Length, Piece Piece, ulong Sum);
}
