using ParallelDsl.Tool.Batches;

namespace ParallelDsl.Tool.Tests.Batches;

public sealed class BatchDisplayTests
{
    [Theory]
    [InlineData(false, "planned 1 of 1,200, now te-cp\nplanned 2 of 1,200, now groups\n")]
    [InlineData(true, "")]
    public void Says_in_lines_what_is_new(bool quiet, string expected)
    {
        using var error = new StringWriter { NewLine = "\n" };
        int planned = 1, asked = 0;
        using var done = new ManualResetEventSlim();

        // The work ends when it was asked about often enough; where it is not asked about it ends at once.
        new BatchDisplay(error, quiet, TimeSpan.FromMilliseconds(1)).Run(
            () =>
            {
                if (!quiet)
                    done.Wait();
            },
            () =>
            {
                if (++asked > 3)
                    planned = 2;
                if (asked > 6)
                    done.Set();
                return planned;
            },
            1_200,
            () => planned == 1 ? "te-cp" : "groups");
        Assert.Equal(expected, error.ToString());
    }

    [Fact]
    public void What_goes_wrong_comes_out()
    {
        using var error = new StringWriter();
        var display = new BatchDisplay(error, quiet: false, TimeSpan.FromMilliseconds(1));
        Assert.Throws<OverflowException>(() => display.Run(() => throw new OverflowException(), () => 0, 1, () => "te-cp"));
    }
}
