using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>Over how many interfaces a hop goes, and by whom.</summary>
public class NicRoutesTests
{
    [Fact]
    public void Every_part_has_an_interface_of_its_own()
    {
        for (int devices = 1; devices <= 9; devices++)
        {
            for (int nics = 1; nics <= 9; nics++)
            {
                var table = new LinkTable(new(new([new(2, 1, 80, 100), new(devices, nics, 80, 100)])));
                int groups = Enumerable.Range(2, devices).Select(table.NicOf).Distinct().Count();
                Assert.Equal(Math.Min(devices, nics), groups);
                for (int device = 2; device < 2 + devices; device++)
                {
                    int[] proxies = [.. Enumerable.Range(0, groups).Select(part => NicRoutes.ProxyOf(table, device, part))];
                    Assert.Equal(device, proxies[0]);
                    Assert.All(proxies, proxy => Assert.InRange(proxy, 2, 1 + devices));
                    Assert.Equal(groups, proxies.Select(table.NicOf).Distinct().Count());
                }

                // Where every interface has the same number of devices, two senders never share a proxy of the same part.
                if (devices % groups != 0)
                    continue;
                for (int part = 0; part < groups; part++)
                    Assert.Equal(devices, Enumerable.Range(2, devices).Select(device => NicRoutes.ProxyOf(table, device, part)).Distinct().Count());
            }
        }
    }

    [Fact]
    public void The_number_of_parts_has_the_least_predicted_time()
    {
        foreach ((int nics, int gbps, long fabric, long latency) in new[] { (4, 200, 200L, 0L), (4, 200, 200L, 2_000L), (8, 400, 450L, 2_000L), (8, 400, 90L, 0L), (2, 100, 20L, 10L) })
        {
            var table = new LinkTable(new(new([new(8, nics, gbps, fabric), new(8, nics, gbps, fabric)]), 5_000, latency));
            for (long bytes = 840; bytes < 1L << 31; bytes *= 3)
            {
                // In nanoseconds, exact but for what rounding up a term adds.
                decimal Time(int parts) => (bytes * 8m / parts / gbps) + (parts == 1 ? 0 : (2m * bytes * (parts - 1) / parts / fabric) + (2 * latency));
                int chosen = NicRoutes.PartsOf(table, 3, 12, bytes);
                Assert.InRange(chosen, 1, nics);
                Assert.True(Time(chosen) <= Enumerable.Range(1, nics).Min(Time) + 4);
                Assert.Equal(1, NicRoutes.PartsOf(table, 3, 4, bytes));
            }
        }
    }

    [Theory]
    [InlineData(4, 200, 200, 4)] // 0.04 n direct, 0.0175 n over four
    [InlineData(8, 400, 450, 8)] // 0.02 n direct, 0.0064 n over eight
    [InlineData(4, 200, 50, 1)] // 0.04 n direct, 0.04 n over any
    [InlineData(4, 200, 40, 1)] // 0.04 n direct, more over any
    [InlineData(1, 200, 200, 1)]
    public void Large_hops(int nics, int gbps, long fabric, int parts)
    {
        var table = new LinkTable(new(new([new(8, nics, gbps, fabric), new(8, nics, gbps, fabric)])));
        Assert.Equal(parts, NicRoutes.PartsOf(table, 0, 8, 1L << 30));
    }
}
