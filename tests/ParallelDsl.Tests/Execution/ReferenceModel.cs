using ParallelDsl.Planning.Models;

namespace ParallelDsl.Tests.Execution;

/// <summary>The forward of a declared model in float64, written as plainly as possible and with nothing of the runtime: the oracle of the
/// kernels, the layers and the backward (by central differences).</summary>
internal sealed class ReferenceModel(ModelSpec model, IReadOnlyDictionary<string, double[]> weights)
{
    private readonly LayerSpec _embedding = model.Layers[0];

    /// <summary>The mean loss over all target tokens of the sequences; each holds one token more than its length.</summary>
    public double Loss(IEnumerable<int[]> sequences)
    {
        double nats = 0;
        int tokens = 0;
        foreach (int[] sequence in sequences)
        {
            double[][] hidden = [.. sequence[..^1].Select(token => Row("model.embed_tokens.weight", token, _embedding.Width))];
            int block = 0;
            foreach (LayerSpec layer in model.Layers.Where(layer => layer.Kind == LayerKind.TransformerBlock))
            {
                for (int repetition = 0; repetition < layer.Repeat; repetition++)
                    hidden = Block(hidden, layer, block++);
            }

            string head = model.Layers[^1].TiedWeights ? "model.embed_tokens.weight" : "lm_head.weight";
            for (int i = 0; i < hidden.Length; i++, tokens++)
            {
                double[] logits = Product(head, Norm(hidden[i], "model.norm.weight"), _embedding.Vocabulary);
                double largest = logits.Max();
                nats += largest + Math.Log(logits.Sum(value => Math.Exp(value - largest))) - logits[sequence[i + 1]];
            }
        }

        return nats / tokens;
    }

    private double[][] Block(double[][] hidden, LayerSpec layer, int block)
    {
        int width = _embedding.Width, heads = layer.Heads, keyHeads = layer.KeyValueHeads == 0 ? heads : layer.KeyValueHeads, headWidth = width / heads;
        string prefix = $"model.layers.{block}.";
        double[][] normed = [.. hidden.Select(x => Norm(x, prefix + "input_layernorm.weight"))];
        double[][] query = [.. normed.Select((x, i) => Rotate(Product(prefix + "self_attn.q_proj.weight", x, width), i, headWidth))];
        double[][] key = [.. normed.Select((x, i) => Rotate(Product(prefix + "self_attn.k_proj.weight", x, keyHeads * headWidth), i, headWidth))];
        double[][] value = [.. normed.Select(x => Product(prefix + "self_attn.v_proj.weight", x, keyHeads * headWidth))];
        double[][] result = new double[hidden.Length][];
        for (int i = 0; i < hidden.Length; i++)
        {
            double[] attended = new double[width];
            for (int head = 0; head < heads; head++)
            {
                int q = head * headWidth, k = head / (heads / keyHeads) * headWidth;
                double[] scores = [.. Enumerable.Range(0, i + 1).Select(j => Enumerable.Range(0, headWidth).Sum(d => query[i][q + d] * key[j][k + d]) / Math.Sqrt(headWidth))];
                double largest = scores.Max(), sum = scores.Sum(score => Math.Exp(score - largest));
                for (int j = 0; j <= i; j++)
                {
                    for (int d = 0; d < headWidth; d++)
                        attended[q + d] += Math.Exp(scores[j] - largest) / sum * value[j][k + d];
                }
            }

            double[] middle = Add(hidden[i], Product(prefix + "self_attn.o_proj.weight", attended, width));
            double[] fed = Norm(middle, prefix + "post_attention_layernorm.weight");
            double[] gate = Product(prefix + "mlp.gate_proj.weight", fed, layer.FeedForward);
            double[] up = Product(prefix + "mlp.up_proj.weight", fed, layer.FeedForward);
            double[] gated = [.. gate.Select((g, f) => g / (1 + Math.Exp(-g)) * up[f])];
            result[i] = Add(middle, Product(prefix + "mlp.down_proj.weight", gated, width));
        }

        return result;
    }

    private double[] Row(string name, int row, int columns) => weights[name].AsSpan(row * columns, columns).ToArray();

    private double[] Product(string name, double[] x, int rows)
    {
        double[] matrix = weights[name];
        double[] y = new double[rows];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < x.Length; column++)
                y[row] += matrix[(row * x.Length) + column] * x[column];
        }

        return y;
    }

    private double[] Norm(double[] x, string name)
    {
        double[] weight = weights[name];
        double inverse = 1 / Math.Sqrt((x.Sum(value => value * value) / x.Length) + 1e-5f);
        return [.. x.Select((value, i) => value * inverse * weight[i])];
    }

    private static double[] Rotate(double[] x, int position, int headWidth)
    {
        double[] y = new double[x.Length];
        for (int start = 0; start < x.Length; start += headWidth)
        {
            for (int i = 0; i < headWidth / 2; i++)
            {
                double angle = position * Math.Pow(10_000, -2.0 * i / headWidth);
                double a = x[start + i], b = x[start + i + (headWidth / 2)];
                y[start + i] = (a * Math.Cos(angle)) - (b * Math.Sin(angle));
                y[start + i + (headWidth / 2)] = (b * Math.Cos(angle)) + (a * Math.Sin(angle));
            }
        }

        return y;
    }

    private static double[] Add(double[] x, double[] y) => [.. x.Zip(y, (a, b) => a + b)];
}
