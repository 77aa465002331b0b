using CsCheck;
using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Tests.Pipelines;

public class PipelineValidationTests
{
    private static EquatableArray<PipelineProgram> Programs(params string[] texts) => new([.. texts.Select(PipelineText.ParseProgram)]);

    // Two stages on two devices, one micro-batch: right as it stands.
    private const string First = "F0.0 SF0.0 RB0.0 X0.0";
    private const string Second = "RF1.0 F1.0 X1.0 SB1.0";

    [Theory]
    [InlineData("F0.0 SF0.0 RB0.0", Second, "the backward of stage 0 and micro-batch 0 is missing")]
    [InlineData("SF0.0 RB0.0 X0.0", Second, "its F does not stand before it")]
    [InlineData("F0.0 F0.0 SF0.0 RB0.0 X0.0", Second, "a second time")]
    [InlineData("F0.0 SF0.0 RB0.0 X0.0 B0.0 W0.0", Second, "the backward is already done")]
    [InlineData("F0.0 SF0.0 RB0.0 B0.0", Second, "the W of stage 0")]
    [InlineData("F0.0 SF0.0 RB0.0 W0.0 B0.0", Second, "its B does not stand before it")]
    [InlineData("F0.0 SF0.0 X0.0 RB0.0", Second, "its gradient from stage 1 is not there yet")]
    [InlineData("F0.0 RB0.0 X0.0", Second, "the SF of stage 0")]
    [InlineData("F0.0 SF0.0 RB0.0 X0.0 SB0.0", Second, "no stage on the other side")]
    [InlineData("F0.0 SF0.0 RB0.0 X0.0 F2.0", Second, "there are 2 stages")]
    [InlineData("F0.0 SF0.0 RB0.0 X0.0 F0.1", Second, "there are 1 micro-batches")]
    [InlineData("F0.0 SF0.0 RB0.0 X0.0 F1.0", Second, "stage 1 lies on device 1")]
    [InlineData(First, "F1.0 RF1.0 X1.0 SB1.0", "its input from stage 0 is not there yet")]
    [InlineData(First, "RF1.0 F1.0 SB1.0 X1.0", "its B or X does not stand before it")]
    [InlineData(First, "RF1.0 F1.0 X1.0", "the SB of stage 1")]
    [InlineData(First, "RF1.0 X1.0 F1.0 SB1.0", "its F does not stand before it")]
    public void Each_fault_is_named(string first, string second, string message)
    {
        EquatableArray<PipelineError> errors = PipelineValidation.Validate(Programs(first, second), [0, 1], 1);
        Assert.Contains(errors, error => error.Message.Contains(message, StringComparison.Ordinal));
        Assert.Empty(PipelineValidation.Validate(Programs(First, Second), [0, 1], 1));
    }

    [Fact]
    public void A_transfer_inside_a_device_is_a_fault()
    {
        EquatableArray<PipelineError> errors = PipelineValidation.Validate(Programs("F0.0 SF0.0 RF1.0 F1.0 X1.0 SB1.0 RB0.0 X0.0"), [0, 0], 1);
        Assert.Contains(errors, error => error.Message.Contains("needs no transfer", StringComparison.Ordinal));
        Assert.Equal(4, errors.Count);
    }

    [Fact]
    public void Transfers_in_different_orders_are_a_fault()
    {
        EquatableArray<PipelineError> errors = PipelineValidation.Validate(
            Programs("F0.0 SF0.0 F0.1 SF0.1 RB0.0 X0.0 RB0.1 X0.1", "RF1.1 F1.1 RF1.0 F1.0 X1.0 SB1.0 X1.1 SB1.1"), [0, 1], 2);
        PipelineError error = Assert.Single(errors);
        Assert.Equal((1, 0), (error.Device, error.Position));
        Assert.Contains("the next transfer from device 0 is SF0.0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_deadlock_that_only_more_capacity_resolves_is_a_fault()
    {
        // Device 0 takes no gradient before it has sent all inputs; device 1 sends each gradient before it takes the next input.
        EquatableArray<PipelineProgram> programs = Programs(
            "F0.0 F0.1 F0.2 F0.3 SF0.0 SF0.1 SF0.2 SF0.3 RB0.0 X0.0 RB0.1 X0.1 RB0.2 X0.2 RB0.3 X0.3",
            "RF1.0 F1.0 X1.0 SB1.0 RF1.1 F1.1 X1.1 SB1.1 RF1.2 F1.2 X1.2 SB1.2 RF1.3 F1.3 X1.3 SB1.3");
        Assert.Empty(PipelineValidation.Validate(programs, [0, 1], 4, channelCapacity: 2));
        EquatableArray<PipelineError> errors = PipelineValidation.Validate(programs, [0, 1], 4, channelCapacity: 1);
        Assert.Equal(2, errors.Count);
        Assert.All(errors, error => Assert.Contains("deadlock", error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Impossible_arguments_are_faults_too()
    {
        Assert.NotEmpty(PipelineValidation.Validate(default, default, 1));
        Assert.NotEmpty(PipelineValidation.Validate(Programs(First), [0], 0));
        Assert.NotEmpty(PipelineValidation.Validate(Programs(First), [-1], 1));
        Assert.NotEmpty(PipelineValidation.Validate(Programs(First), [1], 1));
        Assert.NotEmpty(PipelineValidation.Validate(Programs(First, Second), [0, 1], 1, channelCapacity: 0));
        var strange = new PipelineProgram([new PipelineAction((ActionKind)99, 0, 0), new PipelineAction((ActionKind)(-1), 0, 0)]);
        Assert.NotEmpty(PipelineValidation.Validate([strange], [0], 1));
    }

    [Fact]
    public void Errors_are_limited()
    {
        EquatableArray<PipelineError> errors = PipelineValidation.Validate([new PipelineProgram(default)], [0], 1_000);
        Assert.Equal(PipelineValidation.MaximumErrors, errors.Count);
    }

    private sealed record Mutation(int Kind, int Device, int Position, int Other);

    private static readonly Gen<Mutation> Mutations =
        from kind in Gen.Int[0, 4]
        from device in Gen.Int[0, 99]
        from position in Gen.Int[0, 9_999]
        from other in Gen.Int[0, 9_999]
        select new Mutation(kind, device, position, other);

    private static EquatableArray<PipelineProgram> Apply(EquatableArray<PipelineProgram> programs, Mutation mutation)
    {
        List<PipelineAction>[] changed = [.. programs.Select(program => program.Actions.ToList())];
        int device = mutation.Device % changed.Length;
        List<PipelineAction> actions = changed[device];
        if (actions.Count == 0)
            return programs;
        (int position, int other) = (mutation.Position % actions.Count, mutation.Other % actions.Count);
        PipelineAction action = actions[position];
        switch (mutation.Kind)
        {
            case 0:
                actions.RemoveAt(position);
                break;
            case 1:
                actions.Insert(other, action);
                break;
            case 2:
                (actions[position], actions[other]) = (actions[other], action);
                break;
            case 3:
                int next = Math.Min(position + 1, actions.Count - 1);
                (actions[position], actions[next]) = (actions[next], action);
                break;
            default:
                actions[position] = action with { Kind = (ActionKind)(mutation.Other % 8) };
                break;
        }

        return new([.. changed.Select(list => new PipelineProgram(list.ToEquatableArray()))]);
    }

    [Fact]
    public void Finds_exactly_the_mutations_that_break_a_run()
    {
        int broken = 0, harmless = 0;
        var gen = Gen.Select(PipelineProgramsTests.RandomOrders, Mutations, Gen.Int[1, 2]);
        Cases.Check(gen, 4_000, input =>
        {
            ((var orders, int[] stageDevices, int microBatches), Mutation mutation, int capacity) = input;
            EquatableArray<int> placement = new(stageDevices);
            EquatableArray<PipelineProgram> programs =
                Apply(PipelinePrograms.WithTransfers(orders, placement, microBatches), mutation);
            bool runs = NaiveRun.Completes(programs, placement, microBatches, capacity);
            EquatableArray<PipelineError> errors = PipelineValidation.Validate(programs, placement, microBatches, capacity);
            Assert.Equal(runs, errors.Count == 0);
            (broken, harmless) = runs ? (broken, harmless + 1) : (broken + 1, harmless);
        });
        Assert.True(broken > 1_000, $"{broken} broken");
        Assert.True(harmless > 100, $"{harmless} harmless");
    }
}
