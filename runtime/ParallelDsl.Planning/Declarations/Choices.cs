// The choices that a declaration names. They live in the namespace of the attributes, so that `using ParallelDsl;` is all that a
// declaration needs, and in this assembly, because the plan records them.
namespace ParallelDsl;

/// <summary>The devices of the catalogue (figures and sources are in <c>DeviceCatalogue</c>).</summary>
public enum DeviceKind
{
    /// <summary>One rank's share of the machine that runs the program: managed SIMD kernels, float32.</summary>
    Host,

    /// <summary>NVIDIA A100 SXM, 80 GB.</summary>
    A100Sxm80,

    /// <summary>NVIDIA A800 SXM, 80 GB: an A100 with slower NVLink.</summary>
    A800Sxm,

    /// <summary>NVIDIA H100 SXM, 80 GB.</summary>
    H100Sxm,

    /// <summary>NVIDIA H800 SXM, 80 GB: an H100 with slower NVLink.</summary>
    H800Sxm,

    /// <summary>NVIDIA H200 SXM, 141 GB.</summary>
    H200Sxm,

    /// <summary>AMD Instinct MI300X, 192 GB.</summary>
    Mi300X,

    /// <summary>NVIDIA GeForce RTX 4090, 24 GB.</summary>
    Rtx4090,

    /// <summary>NVIDIA GeForce RTX 5090, 32 GB.</summary>
    Rtx5090,

    /// <summary>NVIDIA L4, 24 GB.</summary>
    L4,

    /// <summary>NVIDIA T4, 16 GB.</summary>
    T4,

    /// <summary>A device whose figures the declaration gives itself.</summary>
    Custom,
}

/// <summary>How the devices of one node are joined.</summary>
public enum Fabric
{
    /// <summary>A switch: a device sends at full rate to any one other device.</summary>
    Switch,

    /// <summary>A full mesh: a device has a link of its own to every other device.</summary>
    Mesh,

    /// <summary>PCI Express through the host.</summary>
    Pcie,
}

/// <summary>The order of the actions of a pipeline.</summary>
public enum PipelineSchedule
{
    /// <summary>All forwards, then all backwards (Huang et al., GPipe, 2019).</summary>
    GPipe,

    /// <summary>One forward, one backward (PipeDream-flush; Narayanan et al., 2021).</summary>
    OneForwardOneBackward,

    /// <summary>One forward, one backward over several stages a device (Megatron-LM; Narayanan et al., 2021).</summary>
    Interleaved,

    /// <summary>Zero bubble with the memory of 1F1B: backwards are split, weight gradients fill the gaps (Qi et al., 2023).</summary>
    ZeroBubbleH1,

    /// <summary>Zero bubble with up to twice the memory of 1F1B (Qi et al., 2023).</summary>
    ZeroBubbleH2,

    /// <summary>Zero bubble over two stages a device in the shape of a V, with the memory of 1F1B (Qi et al., 2024).</summary>
    ZeroBubbleV,

    /// <summary>Two stages a device in the shape of a V, forwards of one half beside backwards of the other (DeepSeek-AI, DualPipe cut in
    /// half).</summary>
    DualPipeV,

    /// <summary>Partition, placement and order are searched together for this model and cluster (after AdaPtis,
    /// arXiv 2509.23722; reconstructed).</summary>
    Adaptive,
}

/// <summary>How the sequences of a batch are grouped into units.</summary>
public enum Packing
{
    /// <summary>Whole sequences, so that the units hold near-equal numbers of tokens.</summary>
    Tokens,

    /// <summary>Slices and whole sequences, so that the units cost near-equally, with other units in the backward than in the forward;
    /// extreme sequences are spread over several data ranks (after SlimPack, arXiv 2509.26246; reconstructed).</summary>
    Asymmetric,
}

/// <summary>How a sequence is divided over the sequence axis.</summary>
public enum SequenceBalance
{
    /// <summary>2n chunks over n ranks; rank i holds chunks i and 2n-1-i, so that causal attention is balanced.</summary>
    Zigzag,

    /// <summary>Every sequence on as few ranks as its length needs: on one, on several of a node, or on several nodes, each in zigzag chunks,
    /// so that all ranks have near-equal work (after Zeppelin, arXiv 2509.21841; reconstructed).</summary>
    Hierarchical,
}

/// <summary>How keys and values travel over the sequence axis.</summary>
public enum Datapath
{
    /// <summary>One ring: every rank passes on what it received.</summary>
    Ring,

    /// <summary>Ranks swap tokens for heads before attention, and back after it: each attends to all tokens with a share of the heads
    /// (DeepSpeed-Ulysses; Jacobs et al., arXiv 2309.14509).</summary>
    AllToAll,

    /// <summary>One ring with a half of keys and values in each direction.</summary>
    BidirectionalRing,

    /// <summary>Rings inside nodes, and from node to node after each round, so that all network interfaces are used (after LoongTrain, arXiv
    /// 2406.18485; reconstructed). Where ranks are not spread evenly over several nodes it is one ring.</summary>
    DoubleRing,

    /// <summary>Every rank sends its own keys and values straight to all others, in every hop another part to each.</summary>
    Pairwise,

    /// <summary>Every rank sends all its keys and values to all others at once, and attends to all that came together.</summary>
    AllGather,

    /// <summary>As many rings as share no link, each with a part of keys and values, so that all links are used at once (after TASP, arXiv
    /// 2509.26541). Of 4 and of 6 ranks, which have no such rings, it is pairwise.</summary>
    Hamiltonian,

    /// <summary>What is predicted to be the fastest for a full unit, from the time of its attention and of its transfers over the links of the
    /// cluster. The plan says what that is.</summary>
    Automatic,
}

/// <summary>Where a path through a node goes on, of keys and values or of gradients that travel on paths over nodes: which device of the next
/// node a device sends to.</summary>
public enum NodeRail
{
    /// <summary>The one half a node further, rounded up, so that the same path goes on in every node; for any number of nodes.</summary>
    Cross,

    /// <summary>The one at the same place, as network interfaces of one rail are wired. Of an odd number of nodes whose number of devices is
    /// even and no multiple of 4 such paths do not close: they go across.</summary>
    Aligned,
}
