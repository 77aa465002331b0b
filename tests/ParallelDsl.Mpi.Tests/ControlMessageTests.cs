using ParallelDsl.Mpi.Native;

namespace ParallelDsl.Mpi.Tests;

public sealed class ControlMessageTests
{
    [Theory]
    [InlineData("")]
    [InlineData("the loss is not a number: größer, ∞")]
    public void What_is_written_is_read(string text)
    {
        byte[] buffer = new byte[ControlMessage.LongestBytes];
        var message = new ControlMessage(IsAbort: true, Rank: 1_234_567, text, Taken: 98_765_432_109);
        Assert.Equal(message, ControlMessage.Read(buffer.AsSpan(0, message.Write(buffer))));
    }

    [Fact]
    public void A_long_text_is_cut_between_characters()
    {
        byte[] buffer = new byte[ControlMessage.LongestBytes];
        int bytes = new ControlMessage(IsAbort: true, Rank: 3, new string('ö', 5_000)).Write(buffer);
        Assert.InRange(bytes, ControlMessage.LongestBytes - 2, ControlMessage.LongestBytes);
        Assert.All(ControlMessage.Read(buffer.AsSpan(0, bytes)).Text, character => Assert.Equal('ö', character));
    }

    [Fact]
    public void A_missing_library_says_what_to_install()
    {
        MpiException exception = Assert.Throws<MpiException>(() => MpiHandles.Load("libnothing-at-all.so.40"));
        Assert.Contains("libnothing-at-all.so.40", exception.Message);
        Assert.Contains("apt-get install openmpi-bin", exception.Message);
        Assert.Contains("is not the library of Open MPI", Assert.Throws<MpiException>(() => MpiHandles.Load("libc.so.6")).Message);
    }

    [Fact]
    public void A_thread_level_below_the_needed_one_is_refused()
    {
        MpiJob.CheckThreadLevel(LibMpi.ThreadSerialized);
        MpiJob.CheckThreadLevel(3);
        Assert.Contains("MPI_THREAD_SERIALIZED", Assert.Throws<MpiException>(() => MpiJob.CheckThreadLevel(1)).Message);
    }
}
