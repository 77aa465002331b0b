using ParallelDsl.Planning.Rings;
using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Refuses work of a layer that cannot be simulated.</summary>
internal static class LayerChecks
{
    /// <summary>Checks <paramref name="work"/> and <paramref name="rates"/>.</summary>
    /// <exception cref="ArgumentException">Something is wrong; the message says what.</exception>
    public static void Check(LayerWork work, LayerRates rates)
    {
        if (rates.FlopsPerNanosecond < 1 || rates.LinearFlopsPerToken < 0 || rates.AttentionFlopsPerPair < 0
            || rates.KeyValueBytesPerToken < 0 || rates.HiddenBytesPerToken < 0 || rates.GradientBytesFactor < 0
            || rates.BackwardLinearPermille < 0 || rates.BackwardAttentionPermille < 0)
        {
            throw new ArgumentException(Invariant($"a rate of a layer is negative, or its speed not positive: {rates}"), nameof(rates));
        }

        if (work.Ranks < 1 || work.LinearTokens.Length != work.Ranks)
            throw new ArgumentException(Invariant($"{work.LinearTokens.Length} counts of rows for {work.Ranks} ranks"), nameof(work));
        foreach (int tokens in work.LinearTokens)
        {
            if (tokens < 0)
                throw new ArgumentException(Invariant($"{tokens} rows"), nameof(work));
        }

        foreach ((int from, int to, int tokens) in work.RemapMoves)
            CheckMove(from, to, tokens, rank => rank >= 0 && rank < work.Ranks);
        var seen = new int[work.Ranks];
        for (int index = 0; index < work.Exchanges.Length; index++)
            Check(work.Exchanges[index], index, seen);
    }

    private static void Check(Exchange exchange, int index, int[] seen)
    {
        foreach (int rank in exchange.Members)
        {
            if (rank < 0 || rank >= seen.Length || seen[rank] == index + 1)
                throw new ArgumentException(Invariant($"exchange {index} has rank {rank} of {seen.Length}, or has it twice"));
            seen[rank] = index + 1;
        }

        int members = exchange.Members.Length;
        if (members == 0 || (exchange.Kind == ExchangeKind.Local && members != 1) || exchange.HeadChunks < 1 || exchange.Heads < 1
            || exchange.BlockTokens < 1)
        {
            string heads = Invariant($"{exchange.Heads} heads, {exchange.HeadChunks} head chunks");
            string counts = Invariant($"{members} members, {heads}, blocks of {exchange.BlockTokens} rows");
            throw new ArgumentException(Invariant($"exchange {index}, {exchange.Kind}, has {counts}"));
        }

        if (exchange.Kind == ExchangeKind.Ring && !Itineraries.Has(exchange.Datapath))
            throw new ArgumentException(Invariant($"exchange {index} is a ring, and under the datapath {exchange.Datapath} keys and values do not travel"));
        foreach (SequencePiece piece in exchange.Pieces)
        {
            if (piece.Start < 0 || piece.Length < 0)
                throw new ArgumentException(Invariant($"exchange {index} has {piece}"));
        }

        if (exchange.Kind != ExchangeKind.Direct)
            return;
        if (exchange.Areas.Length != members || exchange.Areas.Any(area => area < 0))
        {
            throw new ArgumentException(
                Invariant($"exchange {index} has {exchange.Areas.Length} areas of {members} members, or a negative one"));
        }

        for (int member = 0; member < exchange.OwnAreas.Length; member++)
        {
            if (exchange.OwnAreas.Length != members || exchange.OwnAreas[member] < 0 || exchange.OwnAreas[member] > exchange.Areas[member])
                throw new ArgumentException(Invariant($"exchange {index} has own areas that are no part of its areas"));
        }

        foreach ((int from, int to, long bytes) in exchange.Fetches.Concat(exchange.Returns))
            CheckMove(from, to, bytes, rank => rank >= 0 && rank < seen.Length && seen[rank] == index + 1);
    }

    private static void CheckMove(int from, int to, long amount, Func<int, bool> isThere)
    {
        if (amount < 0 || !isThere(from) || !isThere(to))
            throw new ArgumentException(Invariant($"a move of {amount} from rank {from} to rank {to}"));
    }
}
