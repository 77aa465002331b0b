using CsCheck;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Tests.Pipelines;

public class PipelineProgramsTests
{
    private static string[] Text(EquatableArray<PipelineProgram> programs) => [.. programs.Select(PipelineText.Write)];

    [Fact]
    public void One_forward_one_backward_over_two_devices() => Assert.Equal(
        [
            "F0.0 SF0.0 F0.1 SF0.1 RB0.0 X0.0 F0.2 SF0.2 RB0.1 X0.1 RB0.2 X0.2",
            "RF1.0 F1.0 X1.0 SB1.0 RF1.1 F1.1 X1.1 SB1.1 RF1.2 F1.2 X1.2 SB1.2",
        ],
        Text(PipelinePrograms.Build(PipelineSchedule.OneForwardOneBackward, 2, 3)));

    [Fact]
    public void GPipe_over_two_devices_with_a_split_backward() => Assert.Equal(
        [
            "F0.0 SF0.0 F0.1 SF0.1 RB0.0 B0.0 W0.0 RB0.1 B0.1 W0.1",
            "RF1.0 F1.0 RF1.1 F1.1 B1.0 SB1.0 W1.0 B1.1 SB1.1 W1.1",
        ],
        Text(PipelinePrograms.Build(PipelineSchedule.GPipe, 2, 2, splitBackward: true)));

    [Fact]
    public void One_device_has_no_transfers() => Assert.Equal(
        ["F0.0 X0.0 F0.1 X0.1"], Text(PipelinePrograms.Build(PipelineSchedule.OneForwardOneBackward, 1, 2)));

    [Fact]
    public void Stages_on_one_device_hand_over_without_a_transfer() => Assert.Equal(
        ["F0.0 F1.0 X1.0 X0.0"], Text(PipelinePrograms.Build(PipelineSchedule.Interleaved, 1, 1, 2)));

    [Theory]
    [InlineData(4, 8, 2)]
    [InlineData(4, 4, 3)]
    [InlineData(2, 8, 4)]
    public void Interleaving_warms_up_as_Megatron_does(int devices, int microBatches, int chunks)
    {
        EquatableArray<EquatableArray<PipelineAction>> orders = PipelineOrders.Of(PipelineSchedule.Interleaved, devices, microBatches, chunks);
        for (int rank = 0; rank < devices; rank++)
        {
            int expected = Math.Min((2 * (devices - 1 - rank)) + ((chunks - 1) * devices), microBatches * chunks);
            int forwards = orders[rank].TakeWhile(action => action.Kind == ActionKind.Forward).Count();

            // The steady state begins with a forward, where there is one left.
            Assert.Equal(Math.Min(expected + 1, microBatches * chunks), forwards);
        }
    }

    public static TheoryData<PipelineSchedule> Ordered { get; } = [.. Enum.GetValues<PipelineSchedule>().Except([PipelineSchedule.Adaptive])];

    [Theory]
    [MemberData(nameof(Ordered))]
    public void Every_schedule_is_valid_and_free_of_deadlock_with_any_capacity(PipelineSchedule schedule)
    {
        foreach (int devices in new[] { 1, 2, 3, 4, 5, 6, 7, 8, 16 })
        {
            foreach (int chunks in schedule == PipelineSchedule.Interleaved ? new[] { 1, 2, 3 } : [PipelineOrders.DefaultChunks(schedule)])
            {
                EquatableArray<int> placement = PipelineOrders.PlacementOf(schedule, devices, chunks);
                foreach (int microBatches in MicroBatchesOf(schedule, devices))
                {
                    foreach (bool split in new[] { false, true })
                    {
                        EquatableArray<PipelineProgram> programs = PipelinePrograms.Build(schedule, devices, microBatches, chunks, split);
                        foreach (int capacity in new[] { 1, 2, 100 })
                            Assert.Empty(PipelineValidation.Validate(programs, placement, microBatches, capacity));
                        if (split || PipelineOrders.SplitsBackward(schedule))
                            Assert.DoesNotContain(programs.SelectMany(program => program.Actions), action => action.Kind == ActionKind.Backward);
                    }
                }
            }
        }
    }

    /// <summary>Numbers of micro-batches that <paramref name="schedule"/> allows, fewer than devices where it can.</summary>
    internal static IEnumerable<int> MicroBatchesOf(PipelineSchedule schedule, int devices) => schedule switch
    {
        PipelineSchedule.Interleaved => [devices, 2 * devices, 5 * devices],
        PipelineSchedule.DualPipeV => [2 * devices, (2 * devices) + 1, (3 * devices) + 1, 5 * devices],
        _ => new[] { 1, 2, 3, devices - 1, devices, devices + 1, 2 * devices, (2 * devices) + 1, 5 * devices }.Where(count => count > 0).Distinct(),
    };

    /// <summary>Legal orders for arbitrary placements: a random walk over what is ready.</summary>
    internal static Gen<(EquatableArray<EquatableArray<PipelineAction>> Orders, int[] StageDevices, int MicroBatches)> RandomOrders { get; } =
        from devices in Gen.Int[1, 4]
        from stageDevices in Gen.Int[0, devices - 1].Array[1, 7]
        from microBatches in Gen.Int[1, 6]
        from split in Gen.Bool
        from choices in Gen.Int[0, 1_000_000].Array[3 * 7 * 6]
        select (Walk(devices, stageDevices, microBatches, split, choices), stageDevices, microBatches);

    private static EquatableArray<EquatableArray<PipelineAction>> Walk(
        int devices, int[] stageDevices, int microBatches, bool split, int[] choices)
    {
        List<PipelineAction>[] orders = [.. Enumerable.Range(0, devices).Select(_ => new List<PipelineAction>())];
        var done = new HashSet<PipelineAction>();
        ActionKind backward = split ? ActionKind.BackwardInput : ActionKind.Backward;
        PipelineAction[] all =
        [
            .. from stage in Enumerable.Range(0, stageDevices.Length)
               from microBatch in Enumerable.Range(0, microBatches)
               from kind in split ? new[] { ActionKind.Forward, backward, ActionKind.BackwardWeight } : [ActionKind.Forward, backward]
               select new PipelineAction(kind, stage, microBatch),
        ];
        bool Ready(PipelineAction action) => action.Kind switch
        {
            ActionKind.Forward => action.Stage == 0 || done.Contains(action with { Stage = action.Stage - 1 }),
            ActionKind.BackwardWeight => done.Contains(action with { Kind = backward }),
            _ => done.Contains(action with { Kind = ActionKind.Forward })
                && (action.Stage == stageDevices.Length - 1 || done.Contains(action with { Stage = action.Stage + 1 })),
        };
        for (int step = 0; step < all.Length; step++)
        {
            PipelineAction[] ready = [.. all.Where(action => !done.Contains(action) && Ready(action))];
            PipelineAction next = ready[choices[step] % ready.Length];
            done.Add(next);
            orders[stageDevices[next.Stage]].Add(next);
        }

        return new([.. orders.Select(order => order.ToEquatableArray())]);
    }

    [Fact]
    public void Transfers_for_any_placement_and_order_are_valid_and_keep_the_order() => Cases.Check(RandomOrders, 1_000, input =>
    {
        EquatableArray<int> placement = new(input.StageDevices);
        EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(input.Orders, placement, input.MicroBatches);
        Assert.Empty(PipelineValidation.Validate(programs, placement, input.MicroBatches));
        for (int device = 0; device < programs.Count; device++)
            Assert.Equal(input.Orders[device], programs[device].Actions.Where(action => action.IsCompute).ToEquatableArray());
    });

    [Theory]
    [InlineData(PipelineSchedule.GPipe, 0, 1, 1)]
    [InlineData(PipelineSchedule.GPipe, 1, 0, 1)]
    [InlineData(PipelineSchedule.GPipe, 2, 2, 2)]
    [InlineData(PipelineSchedule.Interleaved, 2, 2, 0)]
    [InlineData(PipelineSchedule.Interleaved, 4, 6, 2)]
    [InlineData(PipelineSchedule.OneForwardOneBackward, -1, -1, -1)]
    [InlineData(PipelineSchedule.ZeroBubbleH1, 0, 4, 1)]
    [InlineData(PipelineSchedule.ZeroBubbleH2, 2, 4, 2)]
    [InlineData(PipelineSchedule.ZeroBubbleV, 2, 4, 1)]
    [InlineData(PipelineSchedule.ZeroBubbleV, 2, 0, 2)]
    [InlineData(PipelineSchedule.DualPipeV, 2, 4, 3)]
    [InlineData(PipelineSchedule.DualPipeV, 4, 7, 2)]
    [InlineData(PipelineSchedule.Adaptive, 2, 4, 1)]
    [InlineData((PipelineSchedule)(-1), 2, 4, 1)]
    public void Impossible_counts_are_refused(PipelineSchedule schedule, int devices, int microBatches, int chunks) =>
        Assert.Throws<ArgumentException>(() => PipelinePrograms.Build(schedule, devices, microBatches, chunks));

    [Fact]
    public void Schedules_have_the_names_that_people_call_them_by() => Assert.Equal(
        ["GPipe", "1F1B", "interleaved 1F1B, 2 stages a position", "ZB-H1", "ZB-H2", "ZB-V", "DualPipeV", "adaptive"],
        Enum.GetValues<PipelineSchedule>().Select(schedule => PlanText.ScheduleName(new AxesSpec(1, 1, 2, schedule, 4, 2))));

    [Fact]
    public void Orders_that_wait_for_one_another_are_refused()
    {
        EquatableArray<PipelineAction> Order(string text) => PipelineText.ParseProgram(text).Actions;

        // Device 0 wants the gradient of micro-batch 1 first, device 1 makes it last, after an F whose input device 0 has not sent.
        var exception = Assert.Throws<ArgumentException>(() => PipelinePrograms.WithTransfers(
            [Order("F0.0 X0.0 F0.1 X0.1"), Order("F1.0 F1.1 X1.0 X1.1")], [0, 1], 2));
        Assert.StartsWith("deadlock: device 0 at X0.0 waits for X1.0 of device 1, ", exception.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => PipelinePrograms.WithTransfers([Order("F0.0"), Order("F0.0")], [0, 1], 1));
        Assert.Throws<ArgumentException>(() => PipelinePrograms.WithTransfers([Order("F0.0")], [1], 1));
        Assert.Throws<ArgumentException>(() => PipelinePrograms.WithTransfers([Order("SF0.0")], [0], 1));
    }
}
