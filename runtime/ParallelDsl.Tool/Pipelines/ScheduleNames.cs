namespace ParallelDsl.Tool.Pipelines;

/// <summary>What the command line calls the schedules.</summary>
internal static class ScheduleNames
{
    /// <summary>Stands for every schedule.</summary>
    public const string All = "all";

    /// <summary>What a pipeline is called whose order comes from a file.</summary>
    public const string Csv = "csv";

    private static readonly string[] Names = ["gpipe", "1f1b", "interleaved", "zb-h1", "zb-h2", "zb-v", "dualpipe-v", "adaptive"];

    /// <summary>The schedules with a name, in the order of a comparison.</summary>
    public static IEnumerable<PipelineSchedule> Schedules => Enum.GetValues<PipelineSchedule>();

    /// <summary>The names for a message or a help text.</summary>
    public static string List { get; } = string.Join(", ", Names);

    /// <summary>The name of <paramref name="schedule"/>.</summary>
    public static string Of(PipelineSchedule schedule) => Names[(int)schedule];

    /// <summary>The schedule called <paramref name="name"/>; null for <see cref="All"/>.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public static PipelineSchedule? Parse(string name)
    {
        if (name == All)
            return null;
        int index = Array.IndexOf(Names, name);
        return index >= 0
            ? (PipelineSchedule)index
            : throw CommandException.BadInput(
                $"--schedule: no schedule is called '{name}'{NearestNames.Suggest(name, Names.Append(All))}; known are {List} and {All}");
    }
}
