using ParallelDsl.Planning.Plans;
using ParallelDsl.Training;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>The run on one rank against an independent float64 model.</summary>
public sealed class ReferenceTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void LossAndEveryGradientEqualFloat64(int slices) => Check<Untied>(slices);

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void TiedLossAndEveryGradientEqualFloat64(int slices) => Check<Tied>(slices);

    private void Check<TTiny>(int slices)
        where TTiny : struct, ITinyShape
    {
        ParallelPlan plan = TinyModel<TTiny>.PlanFor(TinyModel<TTiny>.Plan.Axes with { VocabularySlices = slices });
        List<int[]> batch = [.. Batches.Uneven(3).Where(sequence => sequence.Length < 12)];
        using Trainer<TinyModel<TTiny>> trainer = new(batch, new TrainerOptions { Steps = 1 }, plan);
        SortedDictionary<string, double[]> weights = new(StringComparer.Ordinal);
        foreach ((string name, float[] values) in GradientTable.Weights(trainer))
            weights.Add(name, Array.ConvertAll(values, value => (double)value));
        ReferenceModel reference = new(TinyModel<TTiny>.Model, weights);

        StepReport report = trainer.Step(batch);
        Assert.Equal(reference.Loss(batch), report.Loss, 1e-6);

        // Central differences of a sample of every tensor's weights: all of them would take minutes. The error of the difference
        // is of the order h^2, that of its rounding 1e-16 / h.
        const double Step = 1e-4;
        double worst = 0;
        foreach ((string name, float[] gradients) in GradientTable.Gradients(trainer))
        {
            double scale = gradients.Max(value => Math.Abs((double)value));
            int stride = Math.Max(1, gradients.Length / 12);
            for (int i = 0; i < gradients.Length; i += stride)
            {
                double original = weights[name][i];
                weights[name][i] = original + Step;
                double above = reference.Loss(batch);
                weights[name][i] = original - Step;
                double below = reference.Loss(batch);
                weights[name][i] = original;
                double difference = Math.Abs(((above - below) / (2 * Step)) - gradients[i]) / scale;
                Assert.True(difference < 1e-4, $"{name}[{i}] differs by {difference:E2} of the tensor's largest gradient");
                worst = Math.Max(worst, difference);
            }
        }

        output.WriteLine($"largest difference: {worst:E2} of a tensor's largest gradient");
    }
}
