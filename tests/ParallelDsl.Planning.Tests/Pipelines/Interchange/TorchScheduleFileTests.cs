using CsCheck;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Tests.Pipelines;

public class TorchScheduleFileTests
{
    private static string[] Text(TorchSchedule schedule) => [.. schedule.Programs.Select(PipelineText.Write)];

    private static TorchSchedule Read(string text)
    {
        Parsed<TorchSchedule> parsed = TorchScheduleFile.Parse(text);
        Assert.True(parsed.Error is null, parsed.Error?.ToString());
        return parsed.Value!;
    }

    private static Timeline Simulate(TorchSchedule schedule)
    {
        EquatableArray<long> All(long ticks) => Enumerable.Repeat(ticks, schedule.StageDevices.Count).ToEquatableArray();
        return PipelineSimulator.Run(schedule.Programs, schedule.StageDevices, new StageCosts(All(1), All(1), All(1), All(0)));
    }

    [Fact]
    public void Reads_computation_with_empty_cells_and_ragged_rows()
    {
        TorchSchedule schedule = Read("0F0,0F1,,,0I0,0W0, 0B1\r\n,1F0,1B0,1F1,1I1,1W1,,,\r\n");
        Assert.Equal(["F0.0 F0.1 B0.0 W0.0 X0.1", "F1.0 X1.0 F1.1 B1.1 W1.1"], Text(schedule));
        Assert.Equal([0, 1], schedule.StageDevices);
        Assert.Equal(2, schedule.MicroBatches);
        Assert.False(schedule.HasTransfers);
        Assert.Empty(PipelineValidation.Validate(
            PipelinePrograms.WithTransfers(schedule.ToOrders(), schedule.StageDevices, 2), schedule.StageDevices, 2));
    }

    [Fact]
    public void Reads_transfers_and_passes_over_where_weights_lie()
    {
        TorchSchedule schedule = Read(
            "0UNSHARD,0F0,0SEND_F0,0RECV_B0,0BW0,0REDUCE_GRAD,0RESHARD\n1UNSHARD,1RECV_F0,1F0,1B0,1SEND_B0,1REDUCE_GRAD\n");
        Assert.Equal(["F0.0 SF0.0 RB0.0 X0.0", "RF1.0 F1.0 X1.0 SB1.0"], Text(schedule));
        Assert.True(schedule.HasTransfers);
        Assert.Equal(["F0.0 X0.0", "F1.0 X1.0"], schedule.ToOrders().Select(order => PipelineText.Write(new PipelineProgram(order))));
        Assert.Empty(PipelineValidation.Validate(schedule.Programs, schedule.StageDevices, 1));
    }

    [Fact]
    public void An_overlap_is_its_parts_one_after_the_other()
    {
        TorchSchedule schedule = Read("0F0,1F0,(0F1;1B0)OVERLAP_F_B,(1F1;0I0)OVERLAP_F_B,0W0,1B1,0B1");
        Assert.Equal(["F0.0 F1.0 F0.1 X1.0 F1.1 B0.0 W0.0 X1.1 X0.1"], Text(schedule));
        Assert.Equal([0, 0], schedule.StageDevices);
    }

    [Fact]
    public void B_beside_W_is_the_input_gradient_of_older_files()
    {
        // BW is how those call the whole backward.
        TorchSchedule schedule = Read("0F0,0BW0,0F1,0B1,0W1");
        Assert.Equal(["F0.0 X0.0 F0.1 B0.1 W0.1"], Text(schedule));
    }

    [Fact]
    public void A_byte_order_mark_and_a_rank_without_stages_are_allowed()
    {
        Assert.Equal(["F0.0 X0.0"], Text(Read("\uFEFF0F0,0B0")));
        Assert.Equal(["", "F0.0 X0.0", ""], Text(Read(",\n0F0,0B0\n\n")));
    }

    [Fact]
    public void Golden_interleaved_zero_bubble_on_2_ranks()
    {
        TorchSchedule schedule = Read(TorchRules.InterleavedZeroBubble(2, 2, 8));
        Assert.Equal([0, 1, 0, 1], schedule.StageDevices);
        Assert.Equal(8, schedule.MicroBatches);
        Timeline timeline = Simulate(schedule);
        Assert.Equal(49, timeline.Makespan);
        Assert.Equal([48, 48], timeline.Work);
    }

    [Fact]
    public void Golden_DualPipeV_on_4_ranks()
    {
        TorchSchedule schedule = Read(TorchRules.DualPipeV(4, 10));
        Assert.Equal([0, 1, 2, 3, 3, 2, 1, 0], schedule.StageDevices);
        Assert.Equal(10, schedule.MicroBatches);
        Timeline timeline = Simulate(schedule);
        Assert.Equal(63, timeline.Makespan);
        Assert.Equal([60, 60, 60, 60], timeline.Work);
        EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(schedule.ToOrders(), schedule.StageDevices, 10);
        Assert.Empty(PipelineValidation.Validate(programs, schedule.StageDevices, 10));
    }

    [Fact]
    public void Rules_are_legal_for_other_sizes()
    {
        foreach (int ranks in new[] { 1, 2, 3, 4, 8 })
        {
            foreach (int more in new[] { 0, 1, 4 })
            {
                Assert.Equal(2 * ranks, Read(TorchRules.DualPipeV(ranks, (2 * ranks) + more)).StageDevices.Count);
                Assert.Equal(3 * ranks, Read(TorchRules.InterleavedZeroBubble(ranks, 3, ranks * (more + 1))).StageDevices.Count);
            }
        }
    }

    [Fact]
    public void Writes_what_it_reads()
    {
        const string compute = "0F0,0F1,0I0,0W0,0B1\n1F0,1B0,1F1,1I1,1W1\n";
        TorchSchedule schedule = Read(compute);
        Assert.Equal(compute, TorchScheduleFile.Write(schedule.Programs));
        const string steps = "0F0,0F1,,0I0,0W0,0B1\n,1F0,1B0,1F1,1I1,1W1\n";
        Assert.Equal(steps, TorchScheduleFile.WriteSteps(schedule.Programs, schedule.StageDevices));

        EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(schedule.ToOrders(), schedule.StageDevices, 2);
        Assert.StartsWith("0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0I0,", TorchScheduleFile.Write(programs), StringComparison.Ordinal);
        Assert.Equal(compute, TorchScheduleFile.Write(programs, transfers: false));
        Assert.Equal(steps, TorchScheduleFile.WriteSteps(programs, schedule.StageDevices));
    }

    [Fact]
    public void Any_programs_round_trip() => Cases.Check(PipelineProgramsTests.RandomOrders, 1_000, input =>
    {
        EquatableArray<int> placement = new(input.StageDevices);
        EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(input.Orders, placement, input.MicroBatches);
        var schedule = new TorchSchedule(programs, placement, input.MicroBatches);
        Assert.Equal(schedule, Read(TorchScheduleFile.Write(programs)));
        Assert.Equal(input.Orders, Read(TorchScheduleFile.Write(programs, transfers: false)).ToOrders());
        Assert.Equal(input.Orders, Read(TorchScheduleFile.WriteSteps(programs, placement)).ToOrders());
    });

    [Theory]
    [InlineData("", 1, 1, "", "the schedule has no actions")]
    [InlineData("\n", 1, 1, "", "the schedule has no actions")]
    [InlineData(" , ,\n,", 1, 1, "", "the schedule has no actions")]
    [InlineData("0UNSHARD", 1, 1, "", "the schedule has no actions")]
    [InlineData("0F0,0Q0", 1, 6, "ranks[0].cells[1]", "the action 'Q' is unknown; known are F, I, W, B, SEND_F,")]
    [InlineData("0F0, 0f0", 1, 7, "ranks[0].cells[1]", "the action 'f' is unknown")]
    [InlineData("0F0,,F0", 1, 6, "ranks[0].cells[2]", "'F0' is no action: expected a stage, a kind and a micro-batch, as in 0F7")]
    [InlineData("00", 1, 1, "ranks[0].cells[0]", "'00' is no action")]
    [InlineData("0F0 0B0", 1, 2, "ranks[0].cells[0]", "the action 'F0 0B' is unknown")]
    [InlineData("-1F0", 1, 1, "ranks[0].cells[0]", "'-1F0' is no action")]
    [InlineData("0F-1", 1, 2, "ranks[0].cells[0]", "the action 'F-' is unknown")]
    [InlineData("0F", 1, 3, "ranks[0].cells[0]", "expected a micro-batch after '0F'")]
    [InlineData("0UNSHARD7", 1, 9, "ranks[0].cells[0]", "UNSHARD has no micro-batch, found '7'")]
    [InlineData("1000000F0", 1, 1, "ranks[0].cells[0]", "expected a stage below 1000000, found 1000000")]
    [InlineData("0F99999999999999999999", 1, 3, "ranks[0].cells[0]", "expected a micro-batch below 1000000, found 99999999999999999999")]
    [InlineData("0F999999,0B999999", 1, 1, "ranks[0]", "'0F0' is missing")]
    [InlineData("0F0,0B0\n0F1", 2, 1, "ranks[1].cells[0]", "stage 0 stands on rank 1 here, and on rank 0 in line 1")]
    [InlineData("0F0,0B0\n,0UNSHARD", 2, 2, "ranks[1].cells[1]", "stage 0 stands on rank 1 here")]
    [InlineData("0F0,0B0\n2F0,2B0", 2, 1, "ranks[1].cells[0]", "there is a stage 2, and no rank has stage 1")]
    [InlineData("0F0,,0F0,0B0", 1, 6, "ranks[0].cells[2]", "'0F0' stands here a second time; the first is cell 0, '0F0'")]
    [InlineData("0F0,0B0,0BW0", 1, 9, "ranks[0].cells[2]", "'0BW0' stands here a second time; the first is cell 1, '0B0'")]
    [InlineData("0F0,0B0,0W0,0B0", 1, 13, "ranks[0].cells[3]", "'0B0' stands here a second time")]
    [InlineData("0F0,0B0\n1F0,1F1,1B0,1B1", 1, 1, "ranks[0]", "'0F1' is missing")]
    [InlineData("0F0,0F1,0B1", 1, 1, "ranks[0]", "'0B0' is missing")]
    [InlineData("0F0,0I0", 1, 1, "ranks[0]", "'0W0' is missing")]
    [InlineData("0F0,0W0", 1, 1, "ranks[0]", "'0I0' is missing")]
    [InlineData("0F0,0B0,0W0,0F1,0W1", 1, 1, "ranks[0]", "'0B1' is missing")]
    [InlineData("0F0,0B0,0W0,0F1,0B1", 1, 1, "ranks[0]", "'0W1' is missing")]
    [InlineData("0B0", 1, 1, "ranks[0]", "'0F0' is missing")]
    [InlineData("0UNSHARD,1F0,1B0", 1, 1, "ranks[0]", "'0F0' is missing")]
    [InlineData("0F0,0B0,0F1,0I1,0W1,0W0", 1, 21, "ranks[0].cells[5]", "'0W0' stands beside '0B0' in cell 1, which is the whole backward")]
    [InlineData("0F0,0B0,0I0,0W0", 1, 9, "ranks[0].cells[2]", "'0I0' stands beside '0B0' in cell 1")]
    [InlineData("0F0,0SEND_F0,0B0", 1, 5, "ranks[0].cells[1]", "there is no stage on the other side, the stages are 0 to 0")]
    [InlineData("0RECV_F0,0F0,0B0", 1, 1, "ranks[0].cells[0]", "no stage on the other side")]
    [InlineData("0F0,0B0\n1F0,1RECV_B0,1B0", 2, 5, "ranks[1].cells[1]", "no stage on the other side")]
    [InlineData("0F0,(0F1;0B0", 1, 5, "ranks[0].cells[1]", "'(0F1;0B0' is no overlap: expected a forward and a backward")]
    [InlineData("0F0,(0F1;0B0)", 1, 5, "ranks[0].cells[1]", "is no overlap")]
    [InlineData("0F0,(0F1)OVERLAP_F_B", 1, 5, "ranks[0].cells[1]", "is no overlap")]
    [InlineData(")(OVERLAP_F_B", 1, 1, "ranks[0].cells[0]", "is no action")]
    [InlineData("()OVERLAP_F_B", 1, 1, "ranks[0].cells[0]", "is no overlap")]
    [InlineData("(;)OVERLAP_F_B", 1, 2, "ranks[0].cells[0]", "'' is no action")]
    [InlineData("0F0,(0F1;0Q0)OVERLAP_F_B", 1, 11, "ranks[0].cells[1]", "the action 'Q' is unknown")]
    [InlineData("0F0,(0B0;0F1)OVERLAP_F_B", 1, 5, "ranks[0].cells[1]", "does not overlap a forward with a backward, in this order")]
    [InlineData("0F0,(0F1;0UNSHARD)OVERLAP_F_B", 1, 5, "ranks[0].cells[1]", "does not overlap a forward with a backward")]
    [InlineData("0B0,0F0", 1, 1, "ranks[0].cells[0]", "deadlock: device 0 at X0.0 waits for F0.0 of device 0, where it stands later")]
    [InlineData(
        "0F0,0B0,0F1,0B1\n1F0,,1F1,1B0,1B1", 1, 5, "ranks[0].cells[1]",
        "deadlock: device 0 at X0.0 waits for X1.0 of device 1, device 1 at F1.1 waits for F0.1 of device 0")]
    [InlineData(
        "0F0,0F1,(0F2;0B1)OVERLAP_F_B,0B0,0B2\n1F0,1B0,1F1,1F2,1F3,1B1,1B2,1B3\n", 1, 1, "ranks[0]", "'0F3' is missing")]
    public void Errors_have_line_column_and_cell(string text, int line, int column, string field, string message)
    {
        Parsed<TorchSchedule> parsed = TorchScheduleFile.Parse(text);
        Assert.Null(parsed.Value);
        Assert.Equal((line, column, field), (parsed.Error!.Line, parsed.Error.Column, parsed.Error.Field));
        Assert.Contains(message, parsed.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_deadlock_is_found_inside_an_overlap_too()
    {
        TextError error = TorchScheduleFile.Parse("0F0,(0F1;0B1)OVERLAP_F_B,0B0\n1F0,1B0,1F1,1B1,1F2").Error!;
        Assert.Equal("'0F2' is missing", error.Message);
        error = TorchScheduleFile.Parse("0F0,(0F1;0B1)OVERLAP_F_B,0F2,0B0,0B2\n1F0,1B0,1F1,1F2,1B1,1B2").Error!;
        Assert.Equal((1, 10, "ranks[0].cells[1]"), (error.Line, error.Column, error.Field));
        Assert.Equal(
            "deadlock: device 0 at X0.1 waits for X1.1 of device 1, device 1 at F1.2 waits for F0.2 of device 0", error.Message);
    }

    [Fact]
    public void A_text_that_ends_anywhere_is_an_error_or_a_schedule()
    {
        string text = TorchRules.DualPipeV(2, 4).TrimEnd();
        for (int length = 0; length < text.Length; length++)
            Assert.NotNull(TorchScheduleFile.Parse(text[..length]).Error);
        Assert.NotNull(TorchScheduleFile.Parse(text).Value);
    }

    [Fact]
    public void Damaged_texts_never_throw()
    {
        string good = TorchRules.DualPipeV(2, 5) + "4UNSHARD,4RECV_F0,4SEND_B0\n";
        Cases.Check(Gen.Select(Gen.Int[0, good.Length - 1], Gen.Char, Gen.Int[0, 3]), 3_000, input =>
        {
            (int at, char character, int kind) = input;
            string text = kind switch
            {
                0 => string.Concat(good.AsSpan(0, at), good.AsSpan(at + 1)),
                1 => good.Insert(at, character.ToString()),
                2 => string.Concat(good.AsSpan(0, at), character.ToString(), good.AsSpan(at + 1)),
                _ => good.Insert(at, "(),;0F1B2W3I\n_\r"[character % 15].ToString()),
            };
            Parsed<TorchSchedule> parsed = TorchScheduleFile.Parse(text);
            Assert.True(parsed.Value is null != parsed.Error is null);
            Assert.DoesNotContain('\n', parsed.Error?.ToString() ?? "");
        });
    }
}
