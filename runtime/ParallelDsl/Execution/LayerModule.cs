using ParallelDsl.Kernels;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Execution;

/// <summary>One layer on one rank: its parameters and its three passes. What a pass needs from an earlier one lies in memory that the
/// executor owns, so that any number of units can be in flight.</summary>
/// <param name="layer">The planned layer.</param>
public abstract class LayerModule(PlannedLayer layer)
{
    private int _activationFloats;

    /// <summary>The planned layer.</summary>
    public PlannedLayer Layer { get; } = layer;

    /// <summary>The parameters, in the order in which <see cref="Bind"/> gets them.</summary>
    public abstract IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <summary>The width of the input, and of its gradient; 0 where token ids come in.</summary>
    public abstract int InputWidth { get; }

    /// <summary>The width of the output, and of its gradient; 0 for the head, which gives a loss.</summary>
    public abstract int OutputWidth { get; }

    /// <summary>What is held from F to W, matrix after matrix. The layer's input comes first.</summary>
    public abstract IReadOnlyList<ActivationPart> Activations { get; }

    /// <summary>Floats a token held from F to W.</summary>
    public int ActivationFloats => _activationFloats > 0 ? _activationFloats : _activationFloats = Activations.Sum(part => part.Columns);

    /// <summary>Floats a token held from B to W. The gradient of the output comes first.</summary>
    public abstract int GradientFloats { get; }

    /// <summary>Floats a token used within a pass.</summary>
    public abstract int ScratchFloats { get; }

    /// <summary>The same where rows are remapped.</summary>
    public virtual int RemapScratchFloats => ScratchFloats;

    /// <summary>The most floats of a token that move to the layout of attention or back at once.</summary>
    public virtual int RemapFloats => 0;

    /// <summary>Floats of a token's keys and values, which travel on the ring; 0 where the layer has none.</summary>
    public virtual int KeyValueFloats => 0;

    /// <summary>The keys and values among the activations of a unit, [attention tokens, <see cref="KeyValueFloats"/>]: keys first.</summary>
    /// <param name="activations">The layer's activations of the unit.</param>
    /// <param name="unit">The layout of the unit.</param>
    /// <exception cref="NotSupportedException">The layer has none.</exception>
    public virtual unsafe Matrix KeyValues(float* activations, UnitLayout unit) =>
        throw new NotSupportedException($"{Layer.Name} has no keys and values.");

    /// <summary>Gives the layer its parameters, in the order of <see cref="Parameters"/>.</summary>
    public abstract void Bind(Parameter[] parameters);

    /// <summary>F: reads the input from the activations, writes the rest of them and <paramref name="output"/> [tokens, <see cref="OutputWidth"/>].</summary>
    public abstract void Forward(in LayerCall call, Matrix output);

    /// <summary>B: reads the gradient of the output from the gradients, writes the rest of them and <paramref name="inputGradient"/>.</summary>
    public abstract void BackwardInput(in LayerCall call, Matrix inputGradient);

    /// <summary>W: adds to the gradients of the parameters.</summary>
    public abstract void BackwardWeight(in LayerCall call);
}

/// <summary>The memory and the surroundings of one pass of one layer for one unit.</summary>
public readonly unsafe ref struct LayerCall
{
    /// <summary>The rank's threads.</summary>
    public required ThreadTeam Team { get; init; }

    /// <summary>The tokens of the unit on this rank.</summary>
    public required UnitLayout Unit { get; init; }

    /// <summary>Attention over the rings of the data and sequence axes.</summary>
    public required RingAttention Ring { get; init; }

    /// <summary>What the layer holds of earlier slices; null where the unit is all there is.</summary>
    public KeyValueHistory? History { get; init; }

    /// <summary>Where the head adds its loss.</summary>
    public required LossSum Loss { get; init; }

    /// <summary>The layer's activations of this unit.</summary>
    public required float* Activations { get; init; }

    /// <summary>The layer's gradients of this unit; null in F.</summary>
    public required float* Gradients { get; init; }

    /// <summary>Memory that nothing outlives.</summary>
    public required float* Scratch { get; init; }

    /// <summary>Rows of this unit on this rank.</summary>
    public int Tokens => Unit.Tokens;

    /// <summary>Takes the next matrix [tokens, <paramref name="columns"/>] at <paramref name="cursor"/>, and moves it on.</summary>
    public Matrix Take(ref float* cursor, int columns)
    {
        Matrix matrix = new(cursor, Tokens, columns, columns);
        cursor += (long)Tokens * columns;
        return matrix;
    }
}

/// <summary>The loss of one step so far on one rank.</summary>
public sealed class LossSum
{
    /// <summary>The sum of -log p over the target tokens, nats.</summary>
    public double Nats { get; set; }

    /// <summary>What every token's gradient is multiplied by: 1 / target tokens of the whole step on all ranks, so that ranks that hold
    /// different numbers of tokens still give the mean over tokens.</summary>
    public float Scale { get; set; }
}
