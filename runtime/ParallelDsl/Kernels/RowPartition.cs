namespace ParallelDsl.Kernels;

/// <summary>Work on a range of independent rows (or columns, or elements).</summary>
internal interface IRangeWork
{
    /// <summary>Does the rows from <paramref name="start"/> to <paramref name="end"/> - 1.</summary>
    void Run(int start, int end);
}

/// <summary>Cuts independent rows into one range for each thread.</summary>
internal static class RowPartition
{
    // Elements below which a range is not worth a thread: a few microseconds of work, what waking one costs.
    private const long SmallestRange = 16 * 1024;

    /// <summary>Runs the work over all rows.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="work">The work; its rows must be independent, for how they are cut depends on the team.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="elementsPerRow">Cost of a row, in elements read or written.</param>
    /// <param name="granularity">Ranges start at multiples of this.</param>
    public static void Run<TWork>(ThreadTeam team, in TWork work, int rows, long elementsPerRow, int granularity = 1)
        where TWork : struct, IRangeWork
    {
        int units = (rows + granularity - 1) / granularity;
        long worthwhile = (rows * elementsPerRow / SmallestRange) + 1;
        int parts = (int)Math.Min(Math.Min(team.Threads, units), worthwhile);
        team.Run(new Parts<TWork>(work, rows, units, granularity, parts), parts);
    }

    private readonly struct Parts<TWork>(TWork work, int rows, int units, int granularity, int parts) : ITeamWork
        where TWork : struct, IRangeWork
    {
        public void Run(int part) => work.Run(Boundary(part), Boundary(part + 1));

        private int Boundary(int part) => Math.Min(rows, (int)((long)units * part / parts) * granularity);
    }
}
