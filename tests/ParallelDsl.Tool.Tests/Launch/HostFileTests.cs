using ParallelDsl.Tool.Launch;

namespace ParallelDsl.Tool.Tests.Launch;

public sealed class HostFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public HostFileTests() => _path = _folder.File("hosts");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_line_is_a_host_with_its_slots()
    {
        File.WriteAllText(_path, "# machines\r\nnode-1.lab  slots=4\n\n10.0.0.2\tslots=2 # old\nlast");
        Assert.Equal([new LaunchHost("node-1.lab", 4), new LaunchHost("10.0.0.2", 2), new LaunchHost("last", 1)], HostFile.Read(_path, 7));
    }

    [Theory]
    [InlineData("", ": names no host; write a line 'NAME slots=N' for each machine")]
    [InlineData("# nothing\n", ": names no host; write a line 'NAME slots=N' for each machine")]
    [InlineData("a slots=8\nb slot=2", ":2: 'slot=2' is not known; a line is 'NAME slots=N'; did you mean slots?")]
    [InlineData("a slots=0", ":1: slots: expected a whole number from 1 to 65536, found '0'")]
    [InlineData("a slots=-1", ":1: slots: expected a whole number from 1 to 65536, found '-1'")]
    [InlineData("a slots=two", ":1: slots: expected a whole number from 1 to 65536, found 'two'")]
    [InlineData("a slots=99999999999999999999", ":1: slots: expected a whole number from 1 to 65536, found '99999999999999999999'")]
    [InlineData("a slots=8 fast", ":1: 'fast' is not known; a line is 'NAME slots=N'")]
    [InlineData("a slots=4\n\na slots=4", ":3: host: a stands above already; give it all its slots in one line")]
    [InlineData("a;rm slots=4", ":1: host: 'a;rm' is not the name or address of a machine")]
    [InlineData("-x slots=4", ":1: host: '-x' is not the name or address of a machine")]
    [InlineData("a slots=4\nb slots=3", ": slots: there are 7 for 8 ranks; add hosts or slots")]
    public void What_is_wrong_is_named_with_its_line_and_field(string text, string message)
    {
        File.WriteAllText(_path, text);
        CommandException exception = Assert.Throws<CommandException>(() => HostFile.Read(_path, 8));
        Assert.Equal((CommandLine.BadInput, _path + message), (exception.ExitCode, exception.Message));
    }

    [Fact]
    public void A_file_that_is_missing_is_named() =>
        Assert.Equal($"{_path}: no such file", Assert.Throws<CommandException>(() => HostFile.Read(_path, 1)).Message);
}
