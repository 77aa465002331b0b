using ParallelDsl.Planning.Collectives;

namespace ParallelDsl.Tests.Collectives;

/// <summary>In which order each algorithm is said to sum: written from its description, one element at a time.</summary>
internal static class SumOrders
{
    /// <summary>The sum of one element over the members.</summary>
    /// <param name="plan">The algorithm.</param>
    /// <param name="values">The members' values.</param>
    /// <param name="part">The part that the element is in.</param>
    /// <param name="index">Its place in the part.</param>
    /// <param name="length">The length of the part.</param>
    /// <param name="add">The addition of the element type.</param>
    public static T Sum<T>(CollectivePlan plan, T[] values, int part, int index, int length, Func<T, T, T> add)
    {
        int size = values.Length;
        switch (plan.Algorithm)
        {
            case CollectiveAlgorithm.Direct:
                return values.Aggregate(add);
            case CollectiveAlgorithm.Ring:
                return AlongRing([.. Enumerable.Range(0, size)]);
            case CollectiveAlgorithm.MultiRing:
                int rings = plan.Rings.Count;
                int ring = Enumerable.Range(0, rings).First(item => index < (long)length * (item + 1) / rings);
                return AlongRing([.. plan.Rings[ring]]);
            case CollectiveAlgorithm.TwoLevel:
                return Enumerable.Range(0, size).GroupBy(member => plan.Nodes[member])
                    .Select(node => node.Select(member => values[member]).Aggregate(add)).Aggregate(add);
            case CollectiveAlgorithm.HalvingDoubling:
                int workers = 1;
                while (workers * 2 <= size)
                    workers *= 2;
                List<T> level = [];
                for (int member = 0; member < size; member++)
                {
                    if (member < 2 * (size - workers))
                        level.Add(add(values[member], values[++member]));
                    else
                        level.Add(values[member]);
                }

                while (level.Count > 1)
                    level = [.. level.Take(level.Count / 2).Zip(level.Skip(level.Count / 2), add)];
                return level[0];
            default:
                throw new ArgumentException(plan.ToString());
        }

        T AlongRing(int[] order)
        {
            int start = Array.IndexOf(order, part) + 1;
            return Enumerable.Range(start, size).Select(place => values[order[place % size]]).Aggregate(add);
        }
    }

    /// <summary>One plan of each algorithm that a group of this size can have, rings and nodes drawn from a seed.</summary>
    public static IEnumerable<CollectivePlan> Plans(int size, int seed)
    {
        var random = new Random(seed);
        yield return new(CollectiveAlgorithm.Direct);
        yield return new(CollectiveAlgorithm.Ring);
        yield return new(CollectiveAlgorithm.HalvingDoubling);

        // The circulant rings of all strides that are coprime to the size use different arcs; their members are renamed at random.
        int[] names = [.. Enumerable.Range(0, size)];
        random.Shuffle(names);
        int[][] rings = [.. Enumerable.Range(1, Math.Max(1, size - 1)).Where(stride => Gcd(stride, size) == 1)
            .Select(stride => Enumerable.Range(0, size).Select(place => names[place * stride % size]).ToArray())];
        yield return new(CollectiveAlgorithm.MultiRing, Rings: [.. rings.Select(ring => new Planning.EquatableArray<int>(ring))]);
        int nodes = random.Next(1, size + 1);
        yield return new(CollectiveAlgorithm.TwoLevel, Nodes: [.. Enumerable.Range(0, size).Select(_ => random.Next(nodes))]);
    }

    private static int Gcd(int left, int right) => right == 0 ? left : Gcd(right, left % right);
}
