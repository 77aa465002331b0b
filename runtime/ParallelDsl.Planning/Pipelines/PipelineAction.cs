namespace ParallelDsl.Planning.Pipelines;

/// <summary>What a device does in one step of its program.</summary>
public enum ActionKind
{
    /// <summary>F: the forward of a stage.</summary>
    Forward,

    /// <summary>B: the gradient of the stage's input.</summary>
    BackwardInput,

    /// <summary>W: the gradient of the stage's weights.</summary>
    BackwardWeight,

    /// <summary>X: an unsplit backward, B then W as one action.</summary>
    Backward,

    /// <summary>SF: sends the stage's output to the next stage.</summary>
    SendForward,

    /// <summary>RF: receives the stage's input from the stage before it.</summary>
    ReceiveForward,

    /// <summary>SB: sends the gradient of the stage's input to the stage before it.</summary>
    SendBackward,

    /// <summary>RB: receives the gradient of the stage's output from the next stage.</summary>
    ReceiveBackward,
}

/// <summary>One action of a program. Its text is the mark of its kind, the stage, a dot and the micro-batch: <c>F3.0</c>, <c>RB2.7</c>.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Stage">For which stage (of a transfer: the stage on this device).</param>
/// <param name="MicroBatch">For which micro-batch.</param>
public readonly record struct PipelineAction(ActionKind Kind, int Stage, int MicroBatch)
{
    /// <summary>Whether the action computes; the others transfer.</summary>
    public bool IsCompute => Kind <= ActionKind.Backward;
}

/// <summary>The actions of one device of the pipeline axis, in order.</summary>
public sealed record PipelineProgram(EquatableArray<PipelineAction> Actions);
