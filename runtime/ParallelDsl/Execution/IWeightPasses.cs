namespace ParallelDsl.Execution;

/// <summary>Is told of every pass that adds to gradients of parameters.</summary>
internal interface IWeightPasses
{
    /// <summary>A layer has run its W for one more unit of the step.</summary>
    void Ended(LayerModule layer);
}
