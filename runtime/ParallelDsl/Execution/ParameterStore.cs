using ParallelDsl.Data;
using ParallelDsl.Kernels;
using ParallelDsl.Memory;

namespace ParallelDsl.Execution;

/// <summary>All parameters of one rank, contiguous: weights, gradients and both moments are one buffer each, so that a reduction or an
/// optimizer step is one call. Matrices come first, norms last: weight decay covers a prefix.</summary>
public sealed class ParameterStore : IDisposable
{
    private readonly Dictionary<TensorRows, Parameter> _byTensor = [];

    /// <summary>Makes the parameters of <paramref name="layers"/> and binds them. Layers that name the same rows of a tensor share them.</summary>
    public ParameterStore(IReadOnlyList<LayerModule> layers)
    {
        List<ParameterSpec> specs = [];
        HashSet<TensorRows> seen = [];
        foreach (ParameterSpec spec in layers.SelectMany(layer => layer.Parameters))
        {
            if (seen.Add(spec.Tensors[0]))
                specs.Add(spec);
        }

        specs = [.. specs.OrderBy(spec => spec.IsNorm)];
        DecayedLength = specs.Where(spec => !spec.IsNorm).Sum(spec => spec.Length);
        Length = specs.Sum(spec => spec.Length);
        Weights = new NativeBuffer(Length);
        Gradients = new NativeBuffer(Length);
        FirstMoment = new NativeBuffer(Length);
        SecondMoment = new NativeBuffer(Length);
        long offset = 0;
        List<Parameter> parameters = [];
        foreach (ParameterSpec spec in specs)
        {
            var parameter = new Parameter(spec, this, offset);
            _byTensor.Add(spec.Tensors[0], parameter);
            parameters.Add(parameter);
            offset += spec.Length;
        }

        Parameters = parameters;
        foreach (LayerModule layer in layers)
            layer.Bind([.. layer.Parameters.Select(spec => _byTensor[spec.Tensors[0]])]);
    }

    /// <summary>The parameters in the order of the buffers.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Weights of all parameters.</summary>
    public NativeBuffer Weights { get; }

    /// <summary>Gradients of all parameters.</summary>
    public NativeBuffer Gradients { get; }

    /// <summary>First moments of all parameters.</summary>
    public NativeBuffer FirstMoment { get; }

    /// <summary>Second moments of all parameters.</summary>
    public NativeBuffer SecondMoment { get; }

    /// <summary>The number of weights.</summary>
    public long Length { get; }

    /// <summary>How many of them, from the first, take weight decay.</summary>
    public long DecayedLength { get; }

    /// <summary>The parameter whose first tensor is <paramref name="tensor"/>, or null.</summary>
    public Parameter? Find(TensorRows tensor) => _byTensor.GetValueOrDefault(tensor);

    /// <summary>Fills the weights from <paramref name="seed"/>. A tensor's values depend on the seed and its name alone, so that every
    /// mesh and every number of vocabulary slices starts from the same model.</summary>
    public void Initialize(long seed)
    {
        foreach (Parameter parameter in Parameters)
        {
            int row = 0;
            foreach (TensorRows tensor in parameter.Spec.Tensors)
            {
                Matrix rows = parameter.Weights.RowRange(row, tensor.Rows);
                if (parameter.Spec.IsNorm)
                    rows.Span.Fill(1);
                else
                    FillNormal(rows.Span, (long)tensor.FirstRow * parameter.Spec.Columns, parameter.Spec.Deviation, RandomOf(tensor.Name, seed));
                row += tensor.Rows;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Weights.Dispose();
        Gradients.Dispose();
        FirstMoment.Dispose();
        SecondMoment.Dispose();
    }

    private static SplitMix64 RandomOf(string tensor, long seed) => new(SplitMix64.Hash(tensor) ^ SplitMix64.Mix(unchecked((ulong)seed)));

    /// <summary>Fills the elements of a tensor from <paramref name="first"/> on. They come in pairs of two random numbers each, so the
    /// numbers of those before are skipped, and a slice may begin and end within a pair.</summary>
    private static void FillNormal(Span<float> values, long first, float deviation, SplitMix64 random)
    {
        random.Skip(first / 2 * 2);
        for (int i = (int)-(first % 2); i < values.Length; i += 2)
        {
            // Box-Muller; the first uniform number must not be 0.
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            double angle = 2 * Math.PI * random.NextDouble();
            if (i >= 0)
                values[i] = (float)(deviation * radius * Math.Cos(angle));
            if (i + 1 < values.Length)
                values[i + 1] = (float)(deviation * radius * Math.Sin(angle));
        }
    }
}
