using ParallelDsl.Testing;

namespace TrainGpt.Tests;

/// <summary>What a team would write for its own model: a change of the plan or of the generated code shows in review.</summary>
public sealed class PlanTests
{
    [Fact]
    public Task Plan() => Snapshot.Verify(Gpt.Plan);

    [Fact]
    public Task Code() => Snapshot.VerifyGenerated<Gpt>();
}
