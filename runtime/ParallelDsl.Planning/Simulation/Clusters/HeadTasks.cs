using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Makes the tasks of exchanges whose members swap tokens for heads (DeepSpeed-Ulysses; Jacobs et al., 2023): queries, keys and values
/// go to the members that have their heads, every member attends to all tokens with its heads once all of them are there, and outputs go
/// back. In the backward the gradients of outputs take the first way, and those of queries, keys and values the second.</summary>
/// <remarks>Keys and values of rows before a piece, which lie evenly spread over the members, come with it again, and in the backward their
/// gradients go back. Work of other exchanges hides the swaps, work of the same does not.</remarks>
internal sealed class HeadTasks
{
    private long[] _rows = [];
    private int[] _work = [];

    /// <summary>Adds the tasks of <paramref name="exchange"/>.</summary>
    public void Add(LayerGraph graph, Exchange exchange, int priority)
    {
        int[] members = exchange.Members;
        int count = members.Length;
        if (_rows.Length < count)
            (_rows, _work) = (new long[count], new int[count]);
        Array.Clear(_rows, 0, count);
        long earlier = 0;
        foreach (SequencePiece piece in exchange.Pieces)
        {
            earlier += piece.Start;
            for (int member = 0; member < count; member++)
                _rows[member] += ZigzagSplit.TokensOf(piece.Length, count, member);
        }

        for (int member = 0; member < count; member++)
        {
            _work[member] = graph.Compute(members[member], graph.Times[member], priority);
            graph.Tasks.Wait(_work[member], graph.Ready[members[member]]);
        }

        for (int distance = 1; distance < count; distance++)
        {
            for (int attends = 0; attends < count; attends++)
                Swap(graph, exchange, attends, (attends + distance) % count, earlier);
        }
    }

    // What goes between one member that attends with its heads and one that holds rows.
    private void Swap(LayerGraph graph, Exchange exchange, int attends, int holds, long earlier)
    {
        LayerRates rates = graph.Rates;
        int share = exchange.HeadsOf(attends), count = exchange.Members.Length;
        long rows = _rows[holds], held = AttentionShares.Part(earlier, count, holds), keys = rates.KeyValueBytesPerToken;
        long wide = rates.HiddenBytesPerToken + keys, narrow = rates.HiddenBytesPerToken;
        long enters = (rows * wide) + (held * keys), leaves = rows * narrow;
        if (graph.Backward)
        {
            enters = (exchange.KeepsSwapped ? 0 : enters) + (rows * narrow);
            leaves = (rows * narrow) + ((rows + held) * keys * rates.GradientBytesFactor);
        }

        int from = exchange.Members[holds], to = exchange.Members[attends];
        (enters, leaves) = (AttentionShares.Ceiling(enters, share, exchange.Heads), AttentionShares.Ceiling(leaves, share, exchange.Heads));
        if (enters > 0)
        {
            int enter = graph.Transfer(from, to, enters);
            graph.Tasks.Wait(enter, graph.Ready[from]);
            graph.Tasks.Wait(enter, graph.Ready[to]);
            graph.Tasks.Wait(_work[attends], enter);
        }

        if (leaves > 0)
        {
            int leave = graph.Transfer(to, from, leaves);
            graph.Tasks.Wait(leave, _work[attends]);
            graph.Tasks.Wait(graph.Done[from], leave);
        }
    }
}
