namespace ParallelDsl.Planning.Packing;

/// <summary>What is fixed at compile time about the planning of a step. The generator emits a struct whose properties are constants, which the
/// JIT folds into <see cref="StepPlanner"/>; <see cref="StepConstants"/> takes them from a plan.</summary>
public interface IStepConstants
{
    /// <summary>How sequences become units.</summary>
    ParallelDsl.Packing Packing { get; }

    /// <summary>How sequences are spread over ranks.</summary>
    SequenceBalance Balance { get; }

    /// <summary>The longest sequence, tokens.</summary>
    int ContextLength { get; }

    /// <summary>The degree of the data axis.</summary>
    int DataRanks { get; }

    /// <summary>The degree of the sequence axis.</summary>
    int SequenceRanks { get; }

    /// <summary>Units (micro-batches) of each data rank in a step.</summary>
    int UnitsPerDataRank { get; }

    /// <summary>Tokens that a unit may hold on one rank.</summary>
    int UnitTokensPerRank { get; }

    /// <summary>What token packing rounds lengths up to a multiple of.</summary>
    int Granule { get; }

    /// <summary>Units that lie open at once: units w W to w W + W - 1 (window w) may exchange slices, since every backward of the window runs
    /// after every forward of it. 1: forward and backward of a sequence are in the same unit.</summary>
    int Window { get; }

    /// <summary>The least tokens a rank from which a sequence is spread over a ring inside a node; with fewer only where it finds no room.</summary>
    int IntraNodeTokens { get; }

    /// <summary>The same for a ring over several nodes.</summary>
    int InterNodeTokens { get; }

    /// <summary>What tokens cost in balancing, in all layers.</summary>
    SequenceCosts Costs { get; }

    /// <summary>The node of an attention rank, from 0. Ranks of a node need not be neighbours.</summary>
    /// <param name="attentionRank">d S + s.</param>
    int NodeOf(int attentionRank);
}
