namespace ParallelDsl.Planning.Packing;

/// <summary>In which slots of its window the forwards, or the backwards, of each sequence run: in one, or cut at some tokens in several.</summary>
internal sealed class SlotCuts
{
    private int[] _placeOf = [];
    private int[] _ends = [];
    private int[] _slots = [];

    /// <summary>How many parts of cut sequences there are.</summary>
    public int Count { get; private set; }

    /// <summary>Forgets all.</summary>
    public void Begin(int sequences)
    {
        Count = 0;
        if (_placeOf.Length < sequences)
            _placeOf = new int[Math.Max(sequences, 2 * _placeOf.Length)];
    }

    /// <summary>Puts a whole sequence into a slot.</summary>
    public void Put(int sequence, int slot) => _placeOf[sequence] = slot;

    /// <summary>The slot of a whole sequence; negative where it is cut.</summary>
    public int SlotOf(int sequence) => _placeOf[sequence];

    /// <summary>The first part of a cut sequence.</summary>
    public int FirstPart(int sequence) => ~_placeOf[sequence];

    /// <summary>Where a part ends.</summary>
    public int End(int part) => _ends[part];

    /// <summary>In which slot a part runs.</summary>
    public int Slot(int part) => _slots[part];

    /// <summary>Says that the parts from <paramref name="part"/> on are those of <paramref name="sequence"/>.</summary>
    public void Cut(int sequence, int part) => _placeOf[sequence] = ~part;

    /// <summary>Adds the next part.</summary>
    public void Add(int end, int slot)
    {
        if (_ends.Length == Count)
        {
            Array.Resize(ref _ends, (2 * Count) + 64);
            Array.Resize(ref _slots, (2 * Count) + 64);
        }

        (_ends[Count], _slots[Count]) = (end, slot);
        Count++;
    }

    /// <summary>Forgets the parts from <paramref name="count"/> on.</summary>
    public void Truncate(int count) => Count = count;
}
