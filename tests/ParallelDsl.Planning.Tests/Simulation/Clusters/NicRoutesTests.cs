using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>Over how many interfaces a hop goes, and by whom.</summary>
public class NicRoutesTests
{
    [Fact]
    public void Every_part_has_interfaces_of_its_own()
    {
        for (int devices = 1; devices <= 9; devices++)
        {
            for (int nics = 1; nics <= 9; nics++)
            {
                var table = new LinkTable(new(new([new(devices, nics, 80, 100), new(devices, nics, 80, 100)])));
                int parts = Enumerable.Range(0, devices).Select(table.NicOf).Distinct().Count();
                Assert.Equal(Math.Min(devices, nics), parts);
                for (int source = 0; source < devices; source++)
                {
                    int destination = devices + ((3 * source) % devices);
                    (int Sender, int Receiver)[] proxies =
                        [.. Enumerable.Range(0, parts).Select(part => NicRoutes.ProxiesOf(table, source, destination, parts, part))];
                    Assert.Equal(source, proxies[0].Sender);
                    Assert.Contains(proxies, proxy => proxy.Receiver == destination);
                    Assert.All(proxies, proxy => Assert.InRange(proxy.Sender, 0, devices - 1));
                    Assert.All(proxies, proxy => Assert.InRange(proxy.Receiver, devices, (2 * devices) - 1));
                    Assert.Equal(parts, proxies.Select(proxy => table.NicOf(proxy.Sender)).Distinct().Count());
                    Assert.Equal(parts, proxies.Select(proxy => table.NicOf(proxy.Receiver)).Distinct().Count());
                }
            }
        }
    }

    // As the runtime chooses, which does not know of latencies.
    [Fact]
    public void The_number_of_parts_has_the_least_predicted_time()
    {
        foreach ((int nics, int gbps, long fabric) in new[] { (4, 200, 200L), (8, 400, 450L), (8, 400, 90L), (2, 100, 20L) })
        {
            var table = new LinkTable(new(new([new(8, nics, gbps, fabric), new(8, nics, gbps, fabric)]), 5_000, 2_000));
            for (long bytes = 840; bytes < 1L << 31; bytes *= 3)
            {
                // In nanoseconds, exact but for what rounding up adds.
                decimal Time(int parts) => (bytes * 8m / parts / gbps) + (parts == 1 ? 0 : 2m * bytes * (parts - 1) / parts / fabric);
                int chosen = NicRoutes.PartsOf(table, 3, 12, bytes);
                Assert.InRange(chosen, 1, nics);
                Assert.True(Time(chosen) <= Enumerable.Range(1, nics).Min(Time) + 1);
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
