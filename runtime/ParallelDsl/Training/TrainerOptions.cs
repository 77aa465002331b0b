namespace ParallelDsl.Training;

/// <summary>How a model is trained. Every member has a default that works.</summary>
public sealed record TrainerOptions
{
    /// <summary>Steps of the whole run; the learning rate falls over them.</summary>
    public int Steps { get; init; } = 200;

    /// <summary>Steps in which the learning rate rises from 0.</summary>
    public int WarmUpSteps { get; init; } = 20;

    /// <summary>The highest learning rate.</summary>
    public float LearningRate { get; init; } = 3e-3f;

    /// <summary>The last learning rate, as a part of the highest.</summary>
    public float FinalLearningRate { get; init; } = 0.1f;

    /// <summary>AdamW's decay of the first moment.</summary>
    public float Beta1 { get; init; } = 0.9f;

    /// <summary>AdamW's decay of the second moment.</summary>
    public float Beta2 { get; init; } = 0.95f;

    /// <summary>Added to the root of the second moment.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    /// <summary>Decoupled weight decay of matrices; norms have none.</summary>
    public float WeightDecay { get; init; } = 0.1f;

    /// <summary>The gradient is scaled down to this norm where it is larger; 0 means never.</summary>
    public float GradientClip { get; init; } = 1;

    /// <summary>Seed of the initial weights and of the order of documents.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Threads of every rank; 0 means the processors divided by the ranks, at least 1. Results do not depend on it.</summary>
    public int ThreadsPerRank { get; init; }

    /// <summary>Whether ranks note when each action of their programs starts and ends, for <see cref="Trainer{TModel}.ActionTimes"/>.</summary>
    public bool TimesActions { get; init; }

    /// <summary>The learning rate of <paramref name="step"/> (from 0): linear warm-up, then half a cosine.</summary>
    public float LearningRateAt(int step)
    {
        if (step < WarmUpSteps)
            return LearningRate * (step + 1) / WarmUpSteps;
        double progress = Math.Min(1, (step - WarmUpSteps + 1.0) / Math.Max(1, Steps - WarmUpSteps));
        return (float)(LearningRate * (FinalLearningRate + ((1 - FinalLearningRate) * 0.5 * (1 + Math.Cos(Math.PI * progress)))));
    }

    /// <summary>Refuses values that no run can use.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Steps);
        ArgumentOutOfRangeException.ThrowIfNegative(WarmUpSteps);
        Check(LearningRate > 0, LearningRate, nameof(LearningRate), "greater than 0");
        Check(FinalLearningRate is >= 0 and <= 1, FinalLearningRate, nameof(FinalLearningRate), "from 0 to 1");
        Check(Beta1 is >= 0 and < 1, Beta1, nameof(Beta1), "from 0 to below 1");
        Check(Beta2 is >= 0 and < 1, Beta2, nameof(Beta2), "from 0 to below 1");
        Check(Epsilon > 0, Epsilon, nameof(Epsilon), "greater than 0");
        Check(WeightDecay >= 0, WeightDecay, nameof(WeightDecay), "at least 0");
        Check(GradientClip >= 0, GradientClip, nameof(GradientClip), "at least 0");
        ArgumentOutOfRangeException.ThrowIfNegative(ThreadsPerRank);
    }

    private static void Check(bool holds, float value, string name, string range)
    {
        if (!holds || !float.IsFinite(value))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {range}.");
    }
}
