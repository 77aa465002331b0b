using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ParallelDsl.Transports;

/// <summary>A message on its way: a node of a channel's queue, with a buffer that outlives it or with memory that the sender lends.</summary>
/// <param name="capacity">The floats that the buffer holds; 0 for messages that are lent.</param>
internal sealed unsafe class Message(int capacity)
{
    // Pinned, so that it can be read where it lies.
    private readonly float[] _buffer = GC.AllocateUninitializedArray<float>(capacity, pinned: true);
    private float* _lent;
    private int _state;

    public int Tag { get; private set; }

    public Message? Next { get; set; }

    /// <summary>The next in a list beside the queue: of the sender's loans, or of what the receiver has borrowed.</summary>
    public Message? NextLoan { get; set; }

    public int Capacity => _buffer.Length;

    public int Length { get; private set; }

    public bool IsLent => _buffer.Length == 0;

    public ReadOnlySpan<float> Data => IsLent ? new(_lent, Length) : _buffer.AsSpan(0, Length);

    /// <summary>Where the data lies; the buffer does not move.</summary>
    public float* Pointer => IsLent ? _lent : (float*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_buffer));

    /// <summary>Of a loan: where it is. Written under the channel's lock, read by the sender without it.</summary>
    public LoanState State
    {
        get => (LoanState)Volatile.Read(ref _state);
        set => Volatile.Write(ref _state, (int)value);
    }

    public void Fill(int tag, ReadOnlySpan<float> data)
    {
        Tag = tag;
        Length = data.Length;
        data.CopyTo(_buffer);
    }

    /// <summary>The payload of the buffer, to be written in place.</summary>
    public Span<float> Content => _buffer.AsSpan(0, Length);

    /// <summary>Makes a message of any contents, to be written through <see cref="Content"/>.</summary>
    public void Prepare(int tag, int length) => (Tag, Length) = (tag, length);

    public void Lend(int tag, float* data, int length)
    {
        (Tag, Length) = (tag, length);
        _lent = data;
        State = LoanState.Offered;
    }
}

/// <summary>Where a loan is.</summary>
internal enum LoanState
{
    /// <summary>In the queue.</summary>
    Offered,

    /// <summary>The receiver reads it.</summary>
    Borrowed,

    /// <summary>The sender may write its memory again.</summary>
    Returned,
}
