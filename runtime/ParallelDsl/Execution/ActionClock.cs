using System.Diagnostics;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Execution;

/// <summary>When each action of a rank's program started and ended in the last step of training. All memory is made before the run; an
/// action costs two looks at the clock.</summary>
internal sealed class ActionClock
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly PipelineAction[] _program;
    private readonly long[] _starts;
    private readonly long[] _ends;

    /// <summary>Makes the clock of a program that has not run yet: all its times are 0.</summary>
    public ActionClock(PipelineProgram program)
    {
        _program = [.. program.Actions];
        _starts = new long[_program.Length];
        _ends = new long[_program.Length];
    }

    /// <summary>The action at <paramref name="position"/> of the program starts.</summary>
    public void Start(int position) => _starts[position] = Stopwatch.GetTimestamp();

    /// <summary>The action at <paramref name="position"/> of the program is done.</summary>
    public void End(int position) => _ends[position] = Stopwatch.GetTimestamp();

    /// <summary>The actions in program order, in nanoseconds of a clock that all ranks of a process share. A receive lasts from the call to the
    /// arrival; a send as long as it holds up the rank, not as long as the transfer. Read it when no step is under way.</summary>
    public TimedAction[] Read()
    {
        var timed = new TimedAction[_program.Length];
        for (int position = 0; position < timed.Length; position++)
            timed[position] = new(_program[position], Nanoseconds(_starts[position]), Nanoseconds(_ends[position]));
        return timed;
    }

    private static long Nanoseconds(long ticks) => (long)((Int128)ticks * NanosecondsPerSecond / Stopwatch.Frequency);
}
