using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Simulation;

/// <summary>Numbers the values that stages wait for, and holds when each is there: first, for every stage and micro-batch, the input of
/// F, then the gradient of the output, which B and X need. The first stage's inputs and the last stage's gradients are there from the
/// start.</summary>
internal sealed class PipelineValues
{
    /// <summary>The arrival of a value that is not made yet.</summary>
    public const long Unknown = -1;

    /// <summary>No value.</summary>
    public const int None = -1;

    /// <summary>The values of <paramref name="stages"/> stages and <paramref name="microBatches"/> micro-batches.</summary>
    /// <exception cref="OverflowException">There are too many to number.</exception>
    public PipelineValues(int stages, int microBatches)
    {
        (Stages, MicroBatches, Gradients) = (stages, microBatches, stages * microBatches);
        Arrivals = new long[2 * Gradients];
        if (stages == 0)
            return;
        for (int value = microBatches; value < Arrivals.Length - microBatches; value++)
            Arrivals[value] = Unknown;
    }

    /// <summary>The number of stages.</summary>
    public int Stages { get; }

    /// <summary>The number of micro-batches.</summary>
    public int MicroBatches { get; }

    /// <summary>The number of inputs, and so the first gradient.</summary>
    public int Gradients { get; }

    /// <summary>For each value the tick at which it is on the device that needs it, or <see cref="Unknown"/>.</summary>
    public long[] Arrivals { get; }

    /// <summary>The value that <paramref name="action"/> makes, sends or receives, or <see cref="None"/>, as where there is no stage on the
    /// other side.</summary>
    public int Of(PipelineAction action)
    {
        int cell = (action.Stage * MicroBatches) + action.MicroBatch;
        bool first = action.Stage == 0, last = action.Stage == Stages - 1;
        return action.Kind switch
        {
            ActionKind.Forward or ActionKind.SendForward when !last => cell + MicroBatches,
            ActionKind.ReceiveForward when !first => cell,
            ActionKind.BackwardInput or ActionKind.Backward or ActionKind.SendBackward when !first => Gradients + cell - MicroBatches,
            ActionKind.ReceiveBackward when !last => Gradients + cell,
            _ => None,
        };
    }

    /// <summary>The send of <paramref name="value"/>.</summary>
    public PipelineAction SendOf(int value) => value < Gradients
        ? new(ActionKind.SendForward, (value / MicroBatches) - 1, value % MicroBatches)
        : new(ActionKind.SendBackward, ((value - Gradients) / MicroBatches) + 1, value % MicroBatches);

    /// <summary>The boundary that <paramref name="value"/> crosses: between stage s and stage s + 1.</summary>
    public int BoundaryOf(int value) => value < Gradients ? (value / MicroBatches) - 1 : (value - Gradients) / MicroBatches;
}
