using System.Globalization;
using System.Text;
using ParallelDsl.Data;

namespace TrainGpt.Tests;

/// <summary>A folder of its own for a class of tests, with a few texts to train on.</summary>
public sealed class Workspace : IDisposable
{
    /// <summary>Bytes of the longest text: many times the model's context.</summary>
    private const int LongTextBytes = 20_000;

    private readonly string _root = Directory.CreateTempSubdirectory("traingpt-").FullName;

    public Workspace()
    {
        TextFolder = NewFolder("text");
        for (int i = 1; i <= 40; i++)
            File.WriteAllText(Path.Combine(TextFolder, $"{i:D2}.txt"), Sentences(i, 40 * i));
        File.WriteAllText(Path.Combine(TextFolder, "long.md"), Sentences(99, LongTextBytes));
    }

    /// <summary>Texts of 40 bytes to 20 kB.</summary>
    public string TextFolder { get; }

    /// <summary>The documents that TrainGpt trains on, of <see cref="TextFolder"/>.</summary>
    public IReadOnlyList<int[]> Documents =>
        Corpus.FromTextDirectory(TextFolder, new ByteTokenizer(), Gpt.Plan.Model.ContextLength + 1).Split(20).Training.Documents;

    /// <summary>A path that nothing is at.</summary>
    public string NewPath(string name) => Path.Combine(_root, $"{name}-{Path.GetRandomFileName()}");

    /// <summary>A new, empty folder.</summary>
    public string NewFolder(string name) => Directory.CreateDirectory(NewPath(name)).FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static string Sentences(int seed, int bytes)
    {
        string[] nouns = ["rank", "stage", "ring", "mesh", "token", "layer", "schedule"];
        string[] verbs = ["sends", "holds", "splits", "merges", "waits for", "computes"];
        Random random = new(seed);
        StringBuilder text = new();
        while (text.Length < bytes)
            text.Append(CultureInfo.InvariantCulture, $"The {nouns[random.Next(nouns.Length)]} {verbs[random.Next(verbs.Length)]} {random.Next(2, 100)} {nouns[random.Next(nouns.Length)]}s. ");
        return text.ToString(0, bytes);
    }
}
