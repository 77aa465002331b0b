using ParallelDsl.Testing;

namespace ParallelDsl.Tool.Tests.Snapshots;

public sealed class SnapshotTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _source;

    public SnapshotTests()
    {
        _source = _folder.File("LayoutTests.cs");
        File.WriteAllText(_source, "");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Nothing_accepted_yet_writes_the_received_file_and_fails()
    {
        SnapshotException exception = await Assert.ThrowsAsync<SnapshotException>(() => Verify("one\ntwo\n"));
        Assert.Equal("one\ntwo", File.ReadAllText(Received));
        Assert.False(File.Exists(Verified));
        Assert.Contains("nothing was accepted yet", exception.Message, StringComparison.Ordinal);
        Assert.Contains(Received, exception.Message, StringComparison.Ordinal);
        Assert.Contains("+     2  two", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("one\ntwo")]
    [InlineData("one\r\ntwo\r\n")]
    [InlineData("\uFEFFone\ntwo\n\n")]
    public async Task What_was_accepted_passes_and_the_received_file_goes(string accepted)
    {
        File.WriteAllText(Verified, accepted);
        File.WriteAllText(Received, "of an earlier run");
        byte[] bytes = File.ReadAllBytes(Verified);
        await Verify("one\ntwo\n");
        Assert.False(File.Exists(Received));
        Assert.Equal(bytes, File.ReadAllBytes(Verified));
    }

    [Fact]
    public async Task A_difference_shows_its_lines_and_some_around_them()
    {
        string[] lines = [.. Enumerable.Range(1, 40).Select(number => $"line {number}")];
        File.WriteAllText(Verified, string.Join("\n", lines));
        lines[19] = "changed ";
        SnapshotException exception = await Assert.ThrowsAsync<SnapshotException>(() => Verify(string.Join("\n", lines)));
        Assert.EndsWith(
            "     17  line 17\n     18  line 18\n     19  line 19\n-    20  line 20\n+    20  changed·\n     21  line 21\n     22  line 22\n     23  line 23",
            exception.Message, StringComparison.Ordinal);
        Assert.Equal(string.Join("\n", lines), File.ReadAllText(Received));
    }

    [Fact]
    public async Task A_large_difference_is_cut()
    {
        File.WriteAllText(Verified, string.Join("\n", Enumerable.Range(1, 5_000).Select(number => $"old {number}")));
        SnapshotException exception = await Assert.ThrowsAsync<SnapshotException>(
            () => Verify(string.Join("\n", Enumerable.Range(1, 5_000).Select(number => $"new {number}"))));
        Assert.True(exception.Message.Split('\n').Length < 70);
        Assert.EndsWith("… and 9940 more changed lines", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_texts_in_one_test_need_names()
    {
        File.WriteAllText(Verified, "first");
        await Verify("first");
        await Verify("first");
        SnapshotException exception = await Assert.ThrowsAsync<SnapshotException>(() => Verify("second"));
        Assert.Contains("name:", exception.Message, StringComparison.Ordinal);

        File.WriteAllText(_folder.File("LayoutTests.Layout_second.verified.txt"), "second");
        await Snapshot.Verify("second", name: "second", sourceFile: _source, testMethod: "Layout");
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("a:b")]
    [InlineData("a\nb")]
    public async Task A_name_is_part_of_a_file_name(string name) =>
        await Assert.ThrowsAsync<ArgumentException>(() => Snapshot.Verify("text", name, sourceFile: _source, testMethod: "Layout"));

    [Fact]
    public async Task Snapshots_of_concurrent_tests_do_not_meet()
    {
        await Parallel.ForAsync(0, 64, async (index, _) =>
        {
            string name = $"case{index}", text = string.Join("\n", Enumerable.Range(index, 50));
            await Assert.ThrowsAsync<SnapshotException>(() => Snapshot.Verify(text, name, sourceFile: _source, testMethod: "Layout"));
            File.Move(_folder.File($"LayoutTests.Layout_{name}.received.txt"), _folder.File($"LayoutTests.Layout_{name}.verified.txt"));
            await Snapshot.Verify(text, name, sourceFile: _source, testMethod: "Layout");
        });
        Assert.Equal(64, Directory.GetFiles(_folder.Path, "*.verified.txt").Length);
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.received.txt"));
    }

    [Fact]
    public async Task A_source_that_is_not_there_is_named() =>
        Assert.Contains("/_/elsewhere/GoneTests.cs", (await Assert.ThrowsAsync<InvalidOperationException>(
            () => Snapshot.Verify("text", sourceFile: "/_/elsewhere/GoneTests.cs", testMethod: "Layout"))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("", "a", "+     1  a")]
    [InlineData("a", "", "-     1  a")]
    [InlineData("a\nb\nc", "a\nc", "      1  a\n-     2  b\n      2  c")]
    [InlineData("a\nc", "a\nb\nc", "      1  a\n+     2  b\n      3  c")]
    [InlineData("x\na\nb", "a\nb\ny", "-     1  x\n      1  a\n      2  b\n+     3  y")]
    public void Differences_keep_the_lines_in_common(string accepted, string received, string expected) =>
        Assert.Equal(expected, LineDifference.Write(accepted, received));

    private string Verified => _folder.File("LayoutTests.Layout.verified.txt");

    private string Received => _folder.File("LayoutTests.Layout.received.txt");

    private Task Verify(string text) => Snapshot.Verify(text, sourceFile: _source, testMethod: "Layout");
}
