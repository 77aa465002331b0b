namespace ParallelDsl;

/// <summary>Declares a model: a partial class whose partial properties are its layers, in execution order. The generator plans it and
/// writes the rest of the class.</summary>
/// <remarks>Needs a <see cref="RunsOnAttribute"/> and at least an embedding and a head. The class is partial, not generic and not static, and
/// so is every type that contains it partial and not generic.</remarks>
/// <example><code>
/// [ParallelModel(ContextLength = 8_192)]
/// [RunsOn(typeof(Lab))]
/// public sealed partial class Gpt { … }
/// </code></example>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ParallelModelAttribute : Attribute
{
    /// <summary>The longest sequence that the model takes, in tokens.</summary>
    /// <value>Required, at least 1. Where there is a sequence axis, a multiple of twice its degree.</value>
    public int ContextLength { get; set; }

    /// <summary>What attention weighs against all other work where sequences are balanced, in percent of its FLOPs: more where its kernels reach
    /// a smaller share of a device's peak rate, as with many short sequences. Times and memory of the plan stay. Only with
    /// <see cref="SequenceBalance.Hierarchical"/> or <see cref="Packing.Asymmetric"/>.</summary>
    /// <value>Default 100; from 1 to 10,000.</value>
    public int AttentionPercent { get; set; } = 100;
}
