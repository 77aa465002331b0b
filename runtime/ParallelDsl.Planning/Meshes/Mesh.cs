namespace ParallelDsl.Planning.Meshes;

/// <summary>A dimension of the mesh.</summary>
public enum Axis
{
    /// <summary>Different sequences, the same weights.</summary>
    Data,

    /// <summary>Different parts of the same sequences, the same weights.</summary>
    Sequence,

    /// <summary>The same sequences, different layers.</summary>
    Pipeline,
}

/// <summary>The place of a rank on every axis.</summary>
public readonly record struct Coordinate(int Data, int Sequence, int Pipeline);

/// <summary>All axes together. Rank r runs on device r of the cluster.</summary>
/// <param name="Data">Size of the data axis.</param>
/// <param name="Sequence">Size of the sequence axis.</param>
/// <param name="Pipeline">Size of the pipeline axis.</param>
/// <param name="Order">The axes from the innermost, whose ranks are neighbours (the one that moves the most bytes), to the outermost.</param>
public sealed record Mesh(int Data, int Sequence, int Pipeline, EquatableArray<Axis> Order)
{
    /// <summary>The number of ranks.</summary>
    public int Size => Data * Sequence * Pipeline;

    /// <summary>The number of ranks along <paramref name="axis"/>.</summary>
    public int SizeOf(Axis axis) => axis switch { Axis.Data => Data, Axis.Sequence => Sequence, _ => Pipeline };

    /// <summary>The coordinate of <paramref name="rank"/>.</summary>
    public Coordinate CoordinateOf(int rank)
    {
        int data = 0, sequence = 0, pipeline = 0;
        foreach (Axis axis in Order)
        {
            int size = SizeOf(axis);
            int position = rank % size;
            rank /= size;
            switch (axis)
            {
                case Axis.Data: data = position; break;
                case Axis.Sequence: sequence = position; break;
                default: pipeline = position; break;
            }
        }

        return new Coordinate(data, sequence, pipeline);
    }

    /// <summary>The rank at <paramref name="coordinate"/>.</summary>
    public int RankOf(Coordinate coordinate)
    {
        int rank = 0, stride = 1;
        foreach (Axis axis in Order)
        {
            rank += stride * axis switch
            {
                Axis.Data => coordinate.Data,
                Axis.Sequence => coordinate.Sequence,
                _ => coordinate.Pipeline,
            };
            stride *= SizeOf(axis);
        }

        return rank;
    }
}
