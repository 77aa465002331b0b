using ParallelDsl.Kernels;

namespace ParallelDsl.Tests.Kernels;

public sealed class ThreadTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_part_runs_once(int threads)
    {
        using var team = new ThreadTeam(threads);
        foreach (int parts in new[] { 0, 1, 2, 3, 16, 1000 })
        {
            for (int repeat = 0; repeat < 20; repeat++)
            {
                int[] calls = new int[parts];
                team.Run(new Count(calls), parts);
                Assert.All(calls, count => Assert.Equal(1, count));
            }
        }
    }

    [Fact]
    public void Idle_workers_wake_up_again()
    {
        using var team = new ThreadTeam(3);
        for (int repeat = 0; repeat < 5; repeat++)
        {
            Thread.Sleep(20);
            int[] calls = new int[50];
            team.Run(new Count(calls), calls.Length);
            Assert.All(calls, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void Many_teams_share_the_cores() => Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
    {
        using var team = new ThreadTeam(3);
        for (int repeat = 0; repeat < 200; repeat++)
        {
            int[] calls = new int[7];
            team.Run(new Count(calls), calls.Length);
            Assert.All(calls, count => Assert.Equal(1, count));
        }
    });

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Exception_of_a_part_reaches_the_caller(int threads)
    {
        using var team = new ThreadTeam(threads);
        for (int part = 0; part < 8; part++)
        {
            var exception = Assert.Throws<InvalidDataException>(() => team.Run(new Fail(part), 8));
            Assert.Equal($"part {part}", exception.Message);
        }
        int[] calls = new int[8];
        team.Run(new Count(calls), 8);
        Assert.All(calls, count => Assert.Equal(1, count));
    }

    [Fact]
    public void A_part_cannot_use_its_own_team()
    {
        using var team = new ThreadTeam(2);
        Assert.Contains("one caller at a time", Assert.Throws<InvalidOperationException>(() => team.Run(new Nest(team), 2)).Message);
    }

    [Fact]
    public void Wrong_use_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ThreadTeam(0));
        var team = new ThreadTeam(2);
        Assert.Throws<ArgumentOutOfRangeException>(() => team.Run(new Count([]), -1));
        team.Dispose();
        team.Dispose();
        Assert.Throws<ObjectDisposedException>(() => team.Run(new Count([0]), 1));
    }

    private readonly struct Count(int[] calls) : ITeamWork
    {
        public void Run(int part) => Interlocked.Increment(ref calls[part]);
    }

    private readonly struct Fail(int failing) : ITeamWork
    {
        public void Run(int part)
        {
            if (part == failing)
                throw new InvalidDataException($"part {part}");
        }
    }

    private readonly struct Nest(ThreadTeam team) : ITeamWork
    {
        public void Run(int part) => team.Run(new Count(new int[2]), 2);
    }
}
