using CsCheck;
using ParallelDsl.Tool.Launch;

namespace ParallelDsl.Tool.Tests.Launch;

public sealed class RankOutputTests
{
    [Fact]
    public void Pieces_of_a_line_are_put_together()
    {
        Assert.Equal(
            ("[1] whole\n[1] start end\n[0] start mid end\n[1] other\n[0] no end\n", "mpirun says\n"),
            Take(2, "[17,1]<stdout>:whole", "[17,0]<stdout>:start [17,1]<stdout>:start [17,0]<stdout>:mid [17,1]<stdout>:end", "mpirun says", "[17,0]<stdout>:end", "[17,0]<stdout>:no end[17,1]<stderr>:other"));
    }

    /// <summary>Whatever the pieces, each rank's text is what it wrote.</summary>
    [Fact]
    public void Any_division_into_pieces_gives_the_text_of_each_rank() => Gen.Select(
        Gen.Int[0, 10], Gen.OneOf(Gen.Const("a"), Gen.Const("[b]"), Gen.Const("\n"), Gen.Const(" c:"), Gen.Const("<stdout>"))).Array[0, 60].Sample(
        pieces =>
        {
            string[] written = [.. Enumerable.Range(0, 11).Select(rank => string.Concat(pieces.Where(piece => piece.Item1 == rank).Select(piece => piece.Item2)))];
            string stream = string.Concat(pieces.Select(piece => $"[3,{piece.Item1}]<stdout>:{piece.Item2}"));
            (string output, string other) = Take(11, stream.Split('\n') is [.. var lines, ""] ? lines : stream.Split('\n'));
            Assert.Equal("", other);
            for (int rank = 0; rank < written.Length; rank++)
            {
                string prefix = $"[{rank,2}] ";
                string[] own = [.. output.Split('\n').Where(line => line.StartsWith(prefix, StringComparison.Ordinal)).Select(line => line[prefix.Length..])];
                string[] expected = written[rank].Split('\n') is [.. var whole, ""] ? whole : written[rank].Split('\n');
                Assert.Equal(expected, own);
            }
        },
        seed: "0000000000000", iter: 200, threads: 1);

    [Fact]
    public void The_launcher_tells_which_rank_failed()
    {
        var exit = new FailedRank();
        foreach (string line in new[] { "the job to be terminated. The first process to do so was:", "  Process name: [[17372,1],3]", "  Exit code:    5" })
            exit.Take(line);
        Assert.Equal("rank 3 ended with exit code 5; the others were stopped", exit.Describe());
        var signal = new FailedRank();
        signal.Take("mpirun noticed that process rank 2 with PID 0 on node vm exited on signal 9 (Killed).");
        Assert.Equal("rank 2 was killed by signal 9; the others were stopped", signal.Describe());
        Assert.Null(new FailedRank().Describe());
    }

    private static (string Output, string Other) Take(int ranks, params string[] lines)
    {
        using StringWriter output = new() { NewLine = "\n" }, other = new() { NewLine = "\n" };
        var parser = new RankOutput(output, other, ranks);
        foreach (string line in lines)
            parser.Take(line);
        parser.End();
        return (output.ToString(), other.ToString());
    }
}
