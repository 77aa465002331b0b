using System.Text;
using ParallelDsl.Reporting;

namespace ParallelDsl.Tool.Tests.Reports;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Writes_and_replaces()
    {
        string path = _folder.File("plan.html");
        AtomicFile.WriteText(path, "first, longer than the second");
        AtomicFile.WriteText(path, "Größe\n");
        Assert.Equal(Encoding.UTF8.GetBytes("Größe\n"), File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Names_the_folder_that_is_missing()
    {
        string path = _folder.File("missing/plan.html");
        IOException exception = Assert.Throws<IOException>(() => AtomicFile.WriteText(path, "text"));
        Assert.Equal($"cannot write {path}: the folder {_folder.File("missing")} does not exist; create it first", exception.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData(".")]
    [InlineData("sub/")]
    public void Refuses_what_is_no_file(string name)
    {
        string path = name.Trim().Length == 0 ? name : _folder.Path + "/" + name;
        Assert.StartsWith("cannot write", Assert.Throws<IOException>(() => AtomicFile.WriteText(path, "text")).Message, StringComparison.Ordinal);
    }

    /// <summary>The name is longer than a file system allows, so the rename fails after the text was written.</summary>
    [Fact]
    public void Leaves_the_old_file_where_the_new_one_cannot_be_written()
    {
        string path = _folder.File("plan.html");
        AtomicFile.WriteText(path, "old");
        string tooLong = _folder.File(new string('x', 300));
        IOException exception = Assert.Throws<IOException>(() => AtomicFile.WriteText(tooLong, "new"));
        Assert.DoesNotContain('\n', exception.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }
}
