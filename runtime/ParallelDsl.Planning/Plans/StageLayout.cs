namespace ParallelDsl.Planning.Plans;

/// <summary>A partition and a placement: which layers are a stage, and where each stage lies.</summary>
/// <param name="Boundaries">The first layer of every stage, and the number of layers at the end.</param>
/// <param name="StageDevices">The position on the pipeline axis of every stage.</param>
internal sealed record StageLayout(EquatableArray<int> Boundaries, EquatableArray<int> StageDevices)
{
    /// <summary>The number of stages.</summary>
    public int Stages => StageDevices.Count;

    /// <summary>The stages at <paramref name="position"/>, in execution order.</summary>
    public IEnumerable<int> StagesAt(int position)
    {
        for (int stage = 0; stage < Stages; stage++)
        {
            if (StageDevices[stage] == position)
                yield return stage;
        }
    }

    /// <summary>Whether stage <paramref name="stage"/> gives its output to another device.</summary>
    public bool Sends(int stage) => stage >= 0 && stage < Stages - 1 && StageDevices[stage] != StageDevices[stage + 1];
}
