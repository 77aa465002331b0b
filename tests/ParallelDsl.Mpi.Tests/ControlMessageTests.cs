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

    [Fact]
    public void Too_few_tags_are_refused()
    {
        MpiJob.CheckTagLimit((1 << 23) - 1);
        Assert.Contains("tags up to 65535 here, but 8388607 are needed (MPI_TAG_UB)", Assert.Throws<MpiException>(() => MpiJob.CheckTagLimit(65_535)).Message);
    }

    [Fact]
    public void Ranks_that_are_bound_to_the_same_processors_share_them()
    {
        RankProcess[] unbound = [.. Enumerable.Range(0, 8).Select(rank => new RankProcess(Machine: 1, rank, Processors: 16, Binding: 5))];
        RankProcess[] bound = [.. unbound.Select((process, rank) => process with { Binding = (ulong)rank })];
        RankProcess[] apart = [.. unbound.Select((process, rank) => process with { Machine = (ulong)rank / 4 })];
        Assert.Equal((8, 1, 4), (unbound[3].CountSharing(unbound), bound[3].CountSharing(bound), apart[3].CountSharing(apart)));
    }
}
