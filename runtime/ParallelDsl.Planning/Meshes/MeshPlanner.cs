namespace ParallelDsl.Planning.Meshes;

/// <summary>Orders the axes of a mesh.</summary>
public static class MeshPlanner
{
    /// <summary>The mesh whose innermost axis, the one whose ranks are neighbours, moves the most bytes. Ties go to sequence, then data,
    /// then pipeline; axes of size 1 come last.</summary>
    /// <param name="data">Degree of the data axis.</param>
    /// <param name="sequence">Degree of the sequence axis.</param>
    /// <param name="pipeline">Degree of the pipeline axis.</param>
    /// <param name="dataBytes">Bytes that a rank sends along the data axis in a step.</param>
    /// <param name="sequenceBytes">The same along the sequence axis.</param>
    /// <param name="pipelineBytes">The same along the pipeline axis.</param>
    public static Mesh Plan(int data, int sequence, int pipeline, long dataBytes, long sequenceBytes, long pipelineBytes)
    {
        (Axis Axis, int Size, long Bytes)[] axes =
        [
            (Axis.Sequence, sequence, sequenceBytes),
            (Axis.Data, data, dataBytes),
            (Axis.Pipeline, pipeline, pipelineBytes),
        ];
        return new Mesh(
            data,
            sequence,
            pipeline,
            axes.OrderBy(axis => axis.Size == 1).ThenByDescending(axis => axis.Bytes).Select(axis => axis.Axis).ToEquatableArray());
    }
}
