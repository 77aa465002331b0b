namespace ParallelDsl.Planning.Rings;

/// <summary>How keys and values travel over several links of a device at once.</summary>
public enum RingSetKind
{
    /// <summary>Hamiltonian cycles of all devices that share no arc: a part of the keys and values goes round each.</summary>
    Cycles,

    /// <summary>Hamiltonian paths of the devices of a node, joined from node to node: a part goes round all nodes on each. A device sends
    /// to and receives from one device of another node.</summary>
    Paths,

    /// <summary>Every device sends its own parts straight to the others: in each of n - 1 rounds one to each.</summary>
    Pairwise,
}
