namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>The members of an exchange by node. Members of like index in their nodes form a column; where nodes have different numbers of
/// members, indices wrap round. A member's block comes to every node by its column, so all interfaces carry some.</summary>
internal sealed class NodeColumns
{
    private int[] _nodeOf = [], _indexOf = [], _first = [], _members = [], _numberOfNode = [];

    /// <summary>The number of nodes.</summary>
    public int Nodes { get; private set; }

    /// <summary>Finds the columns of <paramref name="exchange"/>.</summary>
    public void Arrange(LayerGraph graph, Exchange exchange)
    {
        int count = exchange.Members.Length, nodes = graph.Table.Links.Nodes.Count;
        if (_nodeOf.Length < count)
            (_nodeOf, _indexOf, _members) = (new int[count], new int[count], new int[count]);
        if (_numberOfNode.Length < nodes)
            (_numberOfNode, _first) = (new int[nodes], new int[nodes + 1]);
        for (int node = 0; node < nodes; node++)
            (_numberOfNode[node], _first[node + 1]) = (-1, 0);
        Nodes = 0;
        for (int member = 0; member < count; member++)
        {
            int node = graph.Table.NodeOf(graph.Devices[exchange.Members[member]]);
            if (_numberOfNode[node] < 0)
                _numberOfNode[node] = Nodes++;
            _nodeOf[member] = _numberOfNode[node];
            _indexOf[member] = _first[_nodeOf[member] + 1]++;
        }

        for (int node = 0; node < Nodes; node++)
            _first[node + 1] += _first[node];
        for (int member = 0; member < count; member++)
            _members[_first[_nodeOf[member]] + _indexOf[member]] = member;
    }

    /// <summary>The node of <paramref name="member"/>, numbered among those of the exchange.</summary>
    public int NodeOf(int member) => _nodeOf[member];

    /// <summary>How many members lie in <paramref name="node"/>.</summary>
    public int CountOf(int node) => _first[node + 1] - _first[node];

    /// <summary>The member with <paramref name="index"/> in <paramref name="node"/>.</summary>
    public int MemberAt(int node, int index) => _members[_first[node] + index];

    /// <summary>The member of the column of <paramref name="member"/> in the node that comes <paramref name="steps"/> after its
    /// own.</summary>
    public int Host(int member, int steps)
    {
        int node = (_nodeOf[member] + steps) % Nodes;
        return MemberAt(node, _indexOf[member] % CountOf(node));
    }
}
