using System.Globalization;

namespace ParallelDsl.Benchmarks.Batches;

/// <summary>Lengths of documents, and batches drawn from them.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Source">Where the lengths come from.</param>
/// <param name="Lengths">Tokens of each document.</param>
internal sealed record LengthSet(string Name, string Source, int[] Lengths)
{
    private const int MadeLengths = 100_000;

    /// <summary>The two measured sets where they are there, and one that is made here.</summary>
    public static LengthSet[] All() =>
    [
        Read("lengths-wikipedia.txt", "wikipedia", "first 100,000 lengths of the FlexSP Wikipedia set, Apache-2.0")
            ?? Made("wikipedia-like", 350, 1.35, 2),
        Read("lengths-long-tail.txt", "long-tail", "DistCA's WLB-LLM-like set, Apache-2.0") ?? Made("long-tail-like", 2_500, 1.0, 3),
        Made("log-normal", 3_000, 1.3, 1),
    ];

    /// <summary>Documents in random order, cut to the context, until there are <paramref name="tokens"/>, for which the last one is cut too, or
    /// until there are <paramref name="most"/>. Other contexts draw other documents.</summary>
    public int[] Draw(int seed, long tokens, int context, int most = int.MaxValue)
    {
        Random random = new(unchecked((seed * 1_000_003) ^ context));
        List<int> drawn = [];
        while (drawn.Count < most && tokens > 0)
        {
            int length = (int)Math.Min(tokens, Math.Min(context, Lengths[random.Next(Lengths.Length)]));
            tokens -= length;
            drawn.Add(length);
        }

        return [.. drawn];
    }

    private static LengthSet? Read(string file, string name, string source)
    {
        for (string? folder = Repository.Root(); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string path = Path.Combine(folder, "shared", "data", file);
            if (File.Exists(path))
                return new(name, source, [.. File.ReadLines(path).Select(line => int.Parse(line, CultureInfo.InvariantCulture))]);
        }

        return null;
    }

    // The logarithm is normal: the sum of twelve uniform numbers less six, which has variance 1, is near enough.
    private static LengthSet Made(string name, double median, double deviation, int seed)
    {
        Random random = new(seed);
        return new(
            name,
            FormattableString.Invariant($"made: log-normal, median {median:F0}, deviation {deviation:F2} of the logarithm, seed {seed}"),
            [.. Enumerable.Range(0, MadeLengths).Select(_ =>
            {
                double normal = Enumerable.Range(0, 12).Sum(_ => random.NextDouble()) - 6;
                return (int)Math.Clamp(median * Math.Exp(deviation * normal), 16, 262_144);
            })]);
    }
}
