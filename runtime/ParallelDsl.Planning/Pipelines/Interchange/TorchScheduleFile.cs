using System.Text;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Simulation;
using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>Reads and writes the schedules of torch.distributed.pipelining: comma-separated values, a line a rank, a cell an action
/// (<c>0F7</c>: stage 0, micro-batch 7), an empty cell where the rank has nothing to do. Of its actions <c>F</c>, <c>W</c>, <c>SEND_F</c>,
/// <c>RECV_F</c>, <c>SEND_B</c> and <c>RECV_B</c> are ours by other names (F, W, SF, RF, SB, RB), <c>I</c> is our B and <c>B</c> or
/// <c>BW</c> our X. In older files, those without I where a B and a W of one stage and micro-batch meet, <c>B</c> is our B.</summary>
/// <remarks><c>(0F7;7B3)OVERLAP_F_B</c> is read as its parts, one after the other. <c>UNSHARD</c>, <c>RESHARD</c> and
/// <c>REDUCE_GRAD</c>, which are about where weights lie and not about the pipeline, are checked and passed over.</remarks>
public static class TorchScheduleFile
{
    // In the order of ActionKind.
    private static readonly string[] Names = ["F", "I", "W", "B", "SEND_F", "RECV_F", "SEND_B", "RECV_B"];

    /// <summary>The schedule that <paramref name="text"/> describes, or the first error in it, with its line, its column and its cell (from
    /// 0, as steps are counted). No other exception than for a null text. Every computation of the schedule is there once, and its
    /// computations do not wait for one another; whether sends and receives match is for <see cref="PipelineValidation"/> to say.</summary>
    public static Parsed<TorchSchedule> Parse(string text)
    {
        try
        {
            var reader = new TorchScheduleReader();
            reader.ReadLines(text);
            return new(reader.ToSchedule(), null);
        }
        catch (TextException exception)
        {
            return new(null, exception.Error);
        }
    }

    /// <summary>The text of programs, an action a cell and no empty cells. <see cref="Parse"/> reads it back as equal programs.</summary>
    /// <param name="programs">The program of each device.</param>
    /// <param name="transfers">Whether to write sends and receives too.</param>
    public static string Write(EquatableArray<PipelineProgram> programs, bool transfers = true)
    {
        var text = new StringBuilder();
        foreach (PipelineProgram program in programs)
        {
            bool first = true;
            foreach (PipelineAction action in program.Actions.Where(action => transfers || action.IsCompute))
            {
                text.Append(first ? "" : ",").Append(Cell(action));
                first = false;
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The text of the computation of programs with its gaps, as torch draws schedules: a cell is a step, every F, B, W and X
    /// takes one, transfers take none.</summary>
    /// <param name="programs">The program of each device.</param>
    /// <param name="stageDevices">The device of each stage.</param>
    /// <exception cref="ArgumentException">The programs cannot be simulated: see <see cref="PipelineSimulator.Run"/>.</exception>
    public static string WriteSteps(EquatableArray<PipelineProgram> programs, EquatableArray<int> stageDevices)
    {
        EquatableArray<long> nothing = new(new long[stageDevices.Count]);
        Timeline timeline = PipelineSimulator.Run(programs, stageDevices, new StageCosts(nothing, nothing, nothing, nothing, Overhead: 1));
        var text = new StringBuilder();
        foreach (EquatableArray<TimedAction> device in timeline.Devices)
        {
            // Step 0 has no comma before it.
            long step = 0;
            foreach (TimedAction timed in device.Where(timed => timed.Action.IsCompute))
            {
                text.Append(',', (int)(timed.Start - step)).Append(Cell(timed.Action));
                step = timed.Start;
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The cell of <paramref name="action"/>.</summary>
    internal static string Cell(PipelineAction action) => Invariant($"{action.Stage}{Names[(int)action.Kind]}{action.MicroBatch}");

    /// <summary>The kind that torch calls <paramref name="name"/> today, or null.</summary>
    internal static ActionKind? Kind(string name)
    {
        int kind = Array.IndexOf(Names, name == "BW" ? "B" : name);
        return kind < 0 ? null : (ActionKind)kind;
    }
}
