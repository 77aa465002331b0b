namespace ParallelDsl.Benchmarks.Links;

/// <summary>Rows of keys and values of one rank.</summary>
/// <param name="Origin">Whose.</param>
/// <param name="First">The first row.</param>
/// <param name="Length">How many.</param>
internal readonly record struct Piece(int Origin, int First, int Length);

/// <summary>One message of an exchange.</summary>
/// <param name="Issue">Before which step it is sent: step s is issued when all of step s - 1 has come.</param>
/// <param name="Step">With which step it is received.</param>
/// <param name="From">The sender.</param>
/// <param name="To">The receiver.</param>
/// <param name="Piece">What it carries.</param>
internal readonly record struct Transfer(int Issue, int Step, int From, int To, Piece Piece);

/// <summary>How all keys and values come to all ranks, in steps. A rank attends to its own first; step s is attended to, in one call, after it
/// has come and while the next is on its way.</summary>
/// <param name="Name">What is said of it.</param>
/// <param name="Datapath">What the runtime's attention runs under this name; null where it has nothing of its own on this fabric.</param>
/// <param name="Ranks">n.</param>
/// <param name="Rows">Rows of each rank.</param>
/// <param name="Steps">Steps of transfers; there are n calls in any case.</param>
/// <param name="Transfers">All messages.</param>
internal sealed record Exchange(string Name, Datapath? Datapath, int Ranks, int Rows, int Steps, IReadOnlyList<Transfer> Transfers)
{
    /// <summary>Whether all is gathered before the calls: they are as many then as elsewhere.</summary>
    public bool GathersFirst => Steps == 1 && Ranks > 2;

    /// <summary>Checks that every rank gets every row of all others once, and sends only what it holds.</summary>
    /// <exception cref="InvalidOperationException">It does not.</exception>
    public Exchange Verified()
    {
        for (int rank = 0; rank < Ranks; rank++)
        {
            var seen = new bool[Ranks, Rows];
            foreach (Transfer transfer in Transfers.Where(transfer => transfer.To == rank))
            {
                for (int row = 0; row < transfer.Piece.Length; row++)
                {
                    ref bool isSeen = ref seen[transfer.Piece.Origin, transfer.Piece.First + row];
                    if (isSeen || transfer.Piece.Origin == rank)
                        throw new InvalidOperationException($"{Name}: rank {rank} gets {transfer.Piece} although it has it");
                    isSeen = true;
                }
            }

            if (seen.Cast<bool>().Count(isSeen => isSeen) != (Ranks - 1) * Rows)
                throw new InvalidOperationException($"{Name}: rank {rank} does not get everything");
        }

        foreach (Transfer transfer in Transfers)
        {
            bool isHeld = transfer.Piece.Origin == transfer.From
                || Transfers.Any(earlier => earlier.To == transfer.From && earlier.Step == transfer.Issue - 1 && earlier.Piece == transfer.Piece);
            if (!isHeld || transfer.Issue > transfer.Step || transfer.From == transfer.To)
                throw new InvalidOperationException($"{Name}: rank {transfer.From} cannot send {transfer.Piece} in step {transfer.Issue}");
        }

        return this;
    }
}
