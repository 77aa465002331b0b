using CsCheck;
using ParallelDsl.Planning.Meshes;

namespace ParallelDsl.Planning.Tests.Meshes;

public class MeshTests
{
    [Fact]
    public void Ranks_and_coordinates_are_a_bijection() => Cases.Check(
        from data in Gen.Int[1, 5]
        from sequence in Gen.Int[1, 5]
        from pipeline in Gen.Int[1, 5]
        from bytes in Gen.Long[0, 3].Array[3]
        select MeshPlanner.Plan(data, sequence, pipeline, bytes[0], bytes[1], bytes[2]),
        300,
        mesh =>
        {
            var seen = new HashSet<Coordinate>();
            for (int rank = 0; rank < mesh.Size; rank++)
            {
                Coordinate coordinate = mesh.CoordinateOf(rank);
                Assert.InRange(coordinate.Data, 0, mesh.Data - 1);
                Assert.InRange(coordinate.Sequence, 0, mesh.Sequence - 1);
                Assert.InRange(coordinate.Pipeline, 0, mesh.Pipeline - 1);
                Assert.True(seen.Add(coordinate));
                Assert.Equal(rank, mesh.RankOf(coordinate));
            }
        });

    [Fact]
    public void The_axis_that_moves_the_most_is_innermost()
    {
        Assert.Equal([Axis.Pipeline, Axis.Data, Axis.Sequence], MeshPlanner.Plan(2, 2, 2, 20, 10, 30).Order);
        Assert.Equal([Axis.Sequence, Axis.Data, Axis.Pipeline], MeshPlanner.Plan(2, 2, 2, 5, 5, 5).Order);
        Assert.Equal([Axis.Pipeline, Axis.Sequence, Axis.Data], MeshPlanner.Plan(1, 1, 2, 99, 99, 0).Order);
        Assert.Equal([Axis.Data, Axis.Sequence, Axis.Pipeline], MeshPlanner.Plan(3, 2, 1, 9, 8, 99).Order);
        Assert.Equal(new Coordinate(0, 0, 1), MeshPlanner.Plan(2, 2, 2, 20, 10, 30).CoordinateOf(1));
    }
}
