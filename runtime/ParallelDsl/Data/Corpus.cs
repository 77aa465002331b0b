using System.Globalization;
using System.Text;

namespace ParallelDsl.Data;

/// <summary>Tokenised documents in a deterministic order. A document has at least two tokens; all but the first are targets.</summary>
public sealed class Corpus
{
    private static readonly HashSet<string> TextExtensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".txt", ".text", ".md", ".rst", ".tex", ".csv", ".json", ".xml", ".html", ".htm", ".yml", ".yaml",
        ".cs", ".fs", ".c", ".h", ".cpp", ".hpp", ".java", ".js", ".ts", ".py", ".go", ".rs", ".sh", ".sql",
    };

    /// <summary>Wraps documents.</summary>
    /// <param name="source">Where they come from, for reports.</param>
    /// <param name="documents">The documents.</param>
    /// <exception cref="CorpusException">There are none, or one has fewer than two tokens.</exception>
    public Corpus(string source, IReadOnlyList<int[]> documents)
    {
        if (documents.Count == 0)
            throw new CorpusException(source, "There are no documents.");
        foreach (int[] document in documents)
        {
            if (document.Length < 2)
                throw new CorpusException(source, "A document has fewer than two tokens: nothing could be predicted in it.");
            Tokens += document.Length;
        }

        Source = source;
        Documents = documents;
    }

    /// <summary>Where the documents come from and how many were found, for reports.</summary>
    public string Source { get; }

    /// <summary>The documents.</summary>
    public IReadOnlyList<int[]> Documents { get; }

    /// <summary>The number of tokens in all documents.</summary>
    public long Tokens { get; }

    /// <summary>
    /// Reads the text files of a folder and its subfolders in ordinal order of their paths. A file is a document; one that is longer
    /// than <paramref name="maximumLength"/> tokens is cut into pieces, each of which begins with the last token of the one before, so
    /// that every token but the first stays a target.
    /// </summary>
    /// <param name="path">The folder. Hidden files, links and files that do not look like text by their extension are left out.</param>
    /// <param name="tokenizer">Makes the tokens.</param>
    /// <param name="maximumLength">The most tokens of a document, at least 2.</param>
    /// <param name="maximumDocuments">Reading stops after so many documents, at least 1.</param>
    /// <exception cref="CorpusException">
    /// The folder is missing, has no text, or holds a file that cannot be read or is no UTF-8 text.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A limit is too small.</exception>
    public static Corpus FromTextDirectory(
        string path, ByteTokenizer tokenizer, int maximumLength, int maximumDocuments = int.MaxValue)
    {
        CheckLimits(maximumLength, maximumDocuments);
        string[] files = FindTextFiles(path);
        if (files.Length == 0)
        {
            string extensions = string.Join(' ', TextExtensions.Order(StringComparer.Ordinal));
            throw new CorpusException(path, $"The folder holds no text file; looked for {extensions}.");
        }

        var documents = new List<int[]>();
        int read = 0;
        for (; read < files.Length && documents.Count < maximumDocuments; read++)
        {
            byte[] text = ReadText(files[read], out int start);
            if (text.Length > start)
                Cut(tokenizer.Encode(text.AsSpan(start)), maximumLength, maximumDocuments, documents);
        }

        if (documents.Count == 0)
            throw new CorpusException(path, $"All {files.Length} text files are empty.");
        return new Corpus(Invariant($"{path}: {documents.Count:N0} documents from {read:N0} of {files.Length:N0} files"), documents);
    }

    /// <summary>
    /// Reads the XML documentation of the .NET SDK's newest reference pack, which is on every machine that builds .NET code. A member is
    /// a document: its name and what its summary, returned value and remarks say. Of more members than wanted those are taken whose
    /// names have the smallest hashes, so that a few come from everywhere. Long members are cut as in <see cref="FromTextDirectory"/>.
    /// </summary>
    /// <param name="tokenizer">Makes the tokens.</param>
    /// <param name="maximumLength">The most tokens of a document, at least 2.</param>
    /// <param name="maximumDocuments">The most documents, at least 1.</param>
    /// <param name="dotnetRoot">The folder of the dotnet host; null looks where DOTNET_ROOT says and where this runtime lies.</param>
    /// <exception cref="CorpusException">There is no reference pack, or it cannot be read.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A limit is too small.</exception>
    public static Corpus FromReferencePacks(
        ByteTokenizer tokenizer, int maximumLength, int maximumDocuments = 20_000, string? dotnetRoot = null)
    {
        CheckLimits(maximumLength, maximumDocuments);
        var pack = ReferencePack.Find(dotnetRoot);
        int members = 0;

        // The texts with the smallest hashes so far; the largest of these hashes comes out first. A name that two files share counts once.
        var chosen = new PriorityQueue<string, ulong>(Comparer<ulong>.Create((left, right) => right.CompareTo(left)));
        var seen = new HashSet<ulong>();
        foreach (string file in pack.Files)
        {
            DocumentationReader.Read(file, IsWanted, (name, text) =>
            {
                ulong hash = SplitMix64.Hash(name);
                if (!seen.Add(hash))
                    return;
                chosen.Enqueue(text, hash);
                if (chosen.Count > maximumDocuments)
                    chosen.Dequeue();
            });
        }

        var documents = new List<int[]>();
        foreach ((string text, _) in chosen.UnorderedItems.OrderBy(item => item.Priority))
            Cut(tokenizer.Encode(text), maximumLength, maximumDocuments, documents);
        string source = Invariant($"{ReferencePack.Name} {pack.Version}: {documents.Count:N0} documents from {members:N0} members");
        return new Corpus(source, documents);

        bool IsWanted(string name)
        {
            members++;
            return chosen.Count < maximumDocuments || (chosen.TryPeek(out _, out ulong largest) && SplitMix64.Hash(name) < largest);
        }
    }

    /// <summary>The same documents in an order that only the seed decides.</summary>
    public Corpus Shuffle(ulong seed)
    {
        int[][] shuffled = [.. Documents];
        new SplitMix64(seed).Shuffle<int[]>(shuffled);
        return new Corpus(Source, shuffled);
    }

    /// <summary>
    /// Sets about one document in <paramref name="heldOutEvery"/> apart. A document's contents decide, so equal documents stay on one
    /// side, and neither the order nor other documents matter. Both sides get something.
    /// </summary>
    /// <param name="heldOutEvery">At least 2.</param>
    /// <exception cref="CorpusException">There are not two different documents.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number is too small.</exception>
    public (Corpus Training, Corpus HeldOut) Split(int heldOutEvery)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(heldOutEvery, 2);
        ulong[] hashes = [.. Documents.Select(document => SplitMix64.Hash(document))];
        (ulong smallest, ulong largest) = (hashes.Min(), hashes.Max());
        if (smallest == largest)
            throw new CorpusException(Source, "There are not two different documents, so none can be held out.");

        // With few documents chance alone could leave a side empty.
        Func<ulong, bool> isHeldOut = hash => hash % (ulong)heldOutEvery == 0;
        if (!hashes.Any(isHeldOut))
            isHeldOut = hash => hash == smallest;
        else if (hashes.All(isHeldOut))
            isHeldOut = hash => hash != largest;

        var sides = Documents.Zip(hashes).ToLookup(pair => isHeldOut(pair.Second), pair => pair.First);
        return (new Corpus($"{Source} (training)", [.. sides[false]]), new Corpus($"{Source} (held out)", [.. sides[true]]));
    }

    private static void CheckLimits(int maximumLength, int maximumDocuments)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumLength, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumDocuments, 1);
    }

    private static string[] FindTextFiles(string path)
    {
        if (File.Exists(path))
            throw new CorpusException(path, "This is a file; name the folder that it is in.");
        if (!Directory.Exists(path))
            throw new CorpusException(path, "There is no such folder.");
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            IgnoreInaccessible = false,
            AttributesToSkip = FileAttributes.Hidden | FileAttributes.System | FileAttributes.ReparsePoint,
        };
        try
        {
            return
            [
                .. Directory.EnumerateFiles(path, "*", options)
                    .Where(file => TextExtensions.Contains(Path.GetExtension(file)))
                    .OrderBy(file => Path.GetRelativePath(path, file).Replace('\\', '/'), StringComparer.Ordinal),
            ];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException(path, exception.Message, exception);
        }
    }

    private static byte[] ReadText(string file, out int start)
    {
        try
        {
            byte[] text = File.ReadAllBytes(file);
            if (!System.Text.Unicode.Utf8.IsValid(text) || text.Contains((byte)0))
                throw new CorpusException(file, "This is no UTF-8 text; convert it or move it out of the folder.");
            start = text.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
            return text;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException(file, exception.Message, exception);
        }
    }

    private static void Cut(int[] tokens, int maximumLength, int maximumDocuments, List<int[]> documents)
    {
        for (int start = 0; start < tokens.Length - 1 && documents.Count < maximumDocuments; start += maximumLength - 1)
            documents.Add(tokens[start..Math.Min(start + maximumLength, tokens.Length)]);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
