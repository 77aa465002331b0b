namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>What a search varies: partition, placement, and the preferences of the list scheduler that make the order.</summary>
internal sealed class TuningPoint
{
    private TuningPoint(Layout layout, int[] forward, int[] input, int[] weight) =>
        (Layout, ForwardShift, InputShift, WeightDelay) = (layout, forward, input, weight);

    public TuningPoint(Layout layout)
        : this(layout, new int[layout.Stages], new int[layout.Stages], new int[layout.Stages])
    {
    }

    /// <summary>Ticks that it takes, as last found.</summary>
    public long Makespan { get; set; }

    public Layout Layout { get; set; }

    /// <summary>Phases of F and B as percentages of the times of one unit, and the gap between its F and its B as a percentage of the
    /// period.</summary>
    public int ForwardPercent { get; set; } = 100;

    public int InputPercent { get; set; } = 100;

    public int TurnPercent { get; set; }

    /// <summary>See <see cref="SchedulingRule.Alternates"/>.</summary>
    public bool Alternates { get; set; }

    /// <summary>See <see cref="SchedulingRule.Patience"/>.</summary>
    public int Patience { get; set; }

    /// <summary>For each stage how much later its F and its B are wanted, in thousandths of the period.</summary>
    public int[] ForwardShift { get; set; }

    public int[] InputShift { get; set; }

    /// <summary>For each stage how long after its B its W is wanted, in thousandths of the period; 0 for whenever nothing else is
    /// ready.</summary>
    public int[] WeightDelay { get; set; }

    public TuningPoint Clone() => new(Layout.Clone(), (int[])ForwardShift.Clone(), (int[])InputShift.Clone(), (int[])WeightDelay.Clone())
    {
        ForwardPercent = ForwardPercent,
        InputPercent = InputPercent,
        TurnPercent = TurnPercent,
        Alternates = Alternates,
        Patience = Patience,
        Makespan = Makespan,
    };

    /// <summary>Writes the preferences into <paramref name="rule"/>.</summary>
    public void Apply(StageTable table, SchedulingRule rule)
    {
        (rule.Alternates, rule.Patience) = (Alternates, Patience);
        rule.Stretch(table, ForwardPercent, InputPercent, TurnPercent);
        for (int stage = 0; stage < table.Stages; stage++)
        {
            rule.ForwardPhase[stage] += rule.Period * ForwardShift[stage] / 1000;
            rule.InputPhase[stage] += rule.Period * InputShift[stage] / 1000;
            if (WeightDelay[stage] != 0)
                rule.WeightPhase[stage] = rule.InputPhase[stage] + (rule.Period * WeightDelay[stage] / 1000);
        }
    }
}
