using System.Globalization;
using System.Text;
using ParallelDsl.Data;
using ParallelDsl.Tests.Checkpoints;

namespace ParallelDsl.Tests.Data;

public sealed class CorpusTests : IDisposable
{
    private static readonly ByteTokenizer Tokenizer = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Text_files_are_documents_in_ordinal_order_of_their_paths()
    {
        _folder.Write("b.txt", "second");
        _folder.Write("a/z.md", "first");
        _folder.Write("c.cs", [0xEF, 0xBB, 0xBF, (byte)'3']);
        _folder.Write("empty.txt", "");
        _folder.Write("picture.png", [0, 0xFF]);
        _folder.Write(".hidden.txt", "hidden");
        var corpus = Corpus.FromTextDirectory(_folder.Path, Tokenizer, 100);
        Assert.Equal(["first", "second", "3"], corpus.Documents.Select(document => Tokenizer.Decode(document)));
        Assert.Equal(7 + 8 + 3, corpus.Tokens);
        Assert.EndsWith("3 documents from 4 of 4 files", corpus.Source);
        Assert.Single(Corpus.FromTextDirectory(_folder.Path, Tokenizer, 100, maximumDocuments: 1).Documents);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public void Long_documents_are_cut_and_every_token_but_the_first_stays_a_target_once(int maximumLength)
    {
        const string Text = "0123456789";
        _folder.Write("a.txt", Text);
        var corpus = Corpus.FromTextDirectory(_folder.Path, Tokenizer, maximumLength);
        Assert.All(corpus.Documents, document => Assert.InRange(document.Length, 2, maximumLength));
        Assert.Equal(Tokenizer.Encode(Text).Skip(1), corpus.Documents.SelectMany(document => document.Skip(1)));
        Assert.Equal(ByteTokenizer.Bos, corpus.Documents[0][0]);
    }

    [Fact]
    public void A_folder_that_cannot_be_used_is_named()
    {
        Assert.Contains("no such folder", Read(_folder["missing"]).Message);
        Assert.Contains("holds no text file", Read(_folder.Path).Message);
        _folder.Write("a.txt", "");
        Assert.Contains("All 1 text files are empty", Read(_folder.Path).Message);
        Assert.Contains("This is a file", Read(_folder["a.txt"]).Message);

        static CorpusException Read(string path)
        {
            CorpusException exception = Assert.Throws<CorpusException>(() => Corpus.FromTextDirectory(path, Tokenizer, 100));
            Assert.Equal(path, exception.Path);
            return exception;
        }
    }

    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x41, 0x00 })]
    [InlineData(new byte[] { 0x41, 0x80 })]
    [InlineData(new byte[] { 0x41, 0xC3 })]
    [InlineData(new byte[] { 0x41, 0x00, 0x41 })]
    public void A_file_that_is_no_text_is_named(byte[] bytes)
    {
        _folder.Write("good.txt", "good");
        string bad = _folder.Write("bad.txt", bytes);
        CorpusException exception = Assert.Throws<CorpusException>(() => Corpus.FromTextDirectory(_folder.Path, Tokenizer, 100));
        Assert.Equal(bad, exception.Path);
        Assert.Contains("no UTF-8 text", exception.Message);
    }

    [Fact]
    public void Limits_that_are_too_small_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Corpus.FromTextDirectory(_folder.Path, Tokenizer, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Corpus.FromTextDirectory(_folder.Path, Tokenizer, 100, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Corpus.FromReferencePacks(Tokenizer, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Corpus.FromReferencePacks(Tokenizer, 100, 0));
        Assert.Throws<CorpusException>(() => new Corpus("none", []));
        Assert.Throws<CorpusException>(() => new Corpus("short", [[1]]));
    }

    [Fact]
    public void Members_become_plain_text()
    {
        WritePack("10.0.1", """
            <member name="M:System.String.Join(System.String,System.Object[])">
              <summary>Concatenates the elements of <paramref name="values" />,
                 using a <see cref="T:System.String" />.</summary>
              <param name="values">Left out.</param>
              <returns><see langword="null" /> or <see cref="F:System.Int32.MaxValue">a number</see>.</returns>
              <remarks><para>One.</para><para>Two &amp; <c>three</c>.</para></remarks>
            </member>
            <member name="T:System.Nothing"><summary /></member>
            <member name="T:System.Empty" />
            <member name="P:System.Some.Value"><value>A <i>value</i>.</value></member>
            """);
        var corpus = Corpus.FromReferencePacks(Tokenizer, 500, dotnetRoot: _folder.Path);
        string[] expected =
        [
            "System.Some.Value: A value.",
            "System.String.Join(System.String,System.Object[]): Concatenates the elements of values, using a System.String. "
                + "Returns: null or a number. One. Two & three.",
        ];
        Assert.Equal(expected, corpus.Documents.Select(document => Tokenizer.Decode(document)).Order(StringComparer.Ordinal));
        Assert.Equal("Microsoft.NETCore.App.Ref 10.0.1: 2 documents from 3 members", corpus.Source);
    }

    [Fact]
    public void The_newest_pack_with_documentation_is_taken()
    {
        WritePack("9.0.12", Member("old"));
        WritePack("10.0.2", Member("new"));
        WritePack("10.0.10", Member("newest"));
        Directory.CreateDirectory(_folder["packs/Microsoft.NETCore.App.Ref/11.0.0"]);
        Directory.CreateDirectory(_folder["packs/Microsoft.NETCore.App.Ref/nonsense"]);
        var corpus = Corpus.FromReferencePacks(Tokenizer, 500, dotnetRoot: _folder.Path);
        Assert.Equal("newest: text", Tokenizer.Decode(Assert.Single(corpus.Documents)));
    }

    [Fact]
    public void A_limit_takes_members_from_everywhere_and_the_same_every_time()
    {
        WritePack("10.0.0", string.Concat(Enumerable.Range(0, 500).Select(index => Member($"N{index}"))));
        string[] few = [.. Read(20)];
        Assert.Equal(20, few.Length);
        Assert.Equal(few, Read(20));
        Assert.Equal(few, Read(500).Take(20));
        Assert.Contains(few, text => int.Parse(text.AsSpan(1, text.IndexOf(':') - 1), CultureInfo.InvariantCulture) > 400);

        IEnumerable<string> Read(int maximum) =>
            Corpus.FromReferencePacks(Tokenizer, 500, maximum, _folder.Path).Documents.Select(document => Tokenizer.Decode(document));
    }

    [Fact]
    public void A_missing_or_broken_pack_is_explained()
    {
        CorpusException missing = Assert.Throws<CorpusException>(() => Read(_folder["none"]));
        Assert.Contains("--text DIR", missing.Message);
        Directory.CreateDirectory(_folder["packs/Microsoft.NETCore.App.Ref/10.0.0/ref/net10.0"]);
        CorpusException empty = Assert.Throws<CorpusException>(() => Read(_folder.Path));
        Assert.Contains("--text DIR", empty.Message);
        string file = WritePack("10.0.0", "<member name=\"T:X\"><summary>x");
        Assert.Equal(file, Assert.Throws<CorpusException>(() => Read(_folder.Path)).Path);

        static Corpus Read(string root) => Corpus.FromReferencePacks(Tokenizer, 100, dotnetRoot: root);
    }

    [Fact]
    public void The_pack_of_this_machine_is_read()
    {
        var corpus = Corpus.FromReferencePacks(Tokenizer, 512, maximumDocuments: 2_000);
        Assert.Equal(2_000, corpus.Documents.Count);
        Assert.StartsWith("Microsoft.NETCore.App.Ref ", corpus.Source);
        Assert.All(corpus.Documents, document => Assert.InRange(document.Length, 2, 512));
        string text = string.Join('\n', corpus.Documents.Select(document => Tokenizer.Decode(document)));
        Assert.DoesNotContain("<see ", text);
        Assert.DoesNotContain("<para", text);
    }

    [Fact]
    public void Shuffling_is_decided_by_the_seed_alone()
    {
        var corpus = new Corpus("test", [.. Enumerable.Range(0, 10).Select(index => new[] { index, index })]);
        Assert.Equal("9 0 1 4 8 2 3 7 6 5", Order(corpus.Shuffle(1)));
        Assert.Equal(Order(corpus.Shuffle(1)), Order(corpus.Shuffle(1)));
        Assert.NotEqual(Order(corpus.Shuffle(1)), Order(corpus.Shuffle(2)));
        Assert.Equal("0 1 2 3 4 5 6 7 8 9", Order(corpus));

        static string Order(Corpus corpus) => string.Join(' ', corpus.Documents.Select(document => document[0]));
    }

    [Fact]
    public void Splitting_keeps_equal_documents_together_whatever_the_order()
    {
        var corpus = new Corpus("test", [.. Enumerable.Range(0, 2_000).Select(index => new[] { index % 1_000, 7 })]);
        (Corpus training, Corpus heldOut) = corpus.Split(10);
        Assert.Equal(2_000, training.Documents.Count + heldOut.Documents.Count);
        Assert.InRange(heldOut.Documents.Count, 130, 280);
        Assert.Empty(Ids(training).Intersect(Ids(heldOut)));
        Assert.Equal(Ids(heldOut).Order(), Ids(corpus.Shuffle(3).Split(10).HeldOut).Order());

        static IEnumerable<int> Ids(Corpus corpus) => corpus.Documents.Select(document => document[0]);
    }

    [Fact]
    public void Both_sides_of_a_split_get_something()
    {
        for (int first = 0; first < 100; first++)
        {
            (Corpus training, Corpus heldOut) = new Corpus("test", [[first, 0], [first, 1]]).Split(2 + first % 20);
            Assert.Single(training.Documents);
            Assert.Single(heldOut.Documents);
        }

        Assert.Throws<CorpusException>(() => new Corpus("test", [[1, 2], [1, 2]]).Split(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Corpus("test", [[1, 2], [1, 3]]).Split(1));
    }

    private static string Member(string name) => $"<member name=\"T:{name}\"><summary>text</summary></member>";

    private string WritePack(string version, string members) => _folder.Write(
        $"packs/Microsoft.NETCore.App.Ref/{version}/ref/net10.0/System.Runtime.xml",
        Encoding.UTF8.GetBytes($"<?xml version=\"1.0\" encoding=\"utf-8\"?><doc><members>{members}</members></doc>"));
}
