using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ParallelDsl.Checkpoints;

/// <summary>
/// Reads safetensors files. Opening checks the whole header against the file's length; elements are read when they are asked for.
/// Several threads may read at once.
/// </summary>
public sealed class SafetensorsReader : IDisposable
{
    private const int BlockBytes = 16 << 10;

    private readonly SafeFileHandle _file;
    private readonly long _dataStart;
    private readonly SafetensorsHeader _header;

    private SafetensorsReader(string path, SafeFileHandle file, long dataStart, SafetensorsHeader header)
    {
        Path = path;
        _file = file;
        _dataStart = dataStart;
        _header = header;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _header.Tensors;

    /// <summary>The free text beside the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens a file.</summary>
    /// <exception cref="CheckpointException">The file cannot be read, is truncated, or is no safetensors file.</exception>
    public static SafetensorsReader Open(string path)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, options: FileOptions.SequentialScan);
            long fileBytes = RandomAccess.GetLength(file);
            Span<byte> prefix = stackalloc byte[sizeof(ulong)];
            if (fileBytes < prefix.Length)
                throw new CheckpointException(path, null, $"The file has {fileBytes} bytes; a safetensors file has at least 10.");
            ReadFully(file, prefix, 0, path);
            ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
            if (headerBytes > SafetensorsHeader.LongestHeader)
            {
                throw new CheckpointException(path, null, $"The header claims {headerBytes} bytes, more than the "
                    + $"{SafetensorsHeader.LongestHeader} that the format allows; this is no safetensors file.");
            }

            long dataBytes = fileBytes - prefix.Length - (long)headerBytes;
            if (dataBytes < 0)
            {
                throw new CheckpointException(path, null, $"The header claims {headerBytes} bytes, but the file ends "
                    + $"{-dataBytes} bytes earlier: it is truncated, or no safetensors file.");
            }

            byte[] json = new byte[headerBytes];
            ReadFully(file, json, prefix.Length, path);
            var header = SafetensorsHeader.Parse(json, dataBytes, path);
            var reader = new SafetensorsReader(path, file, prefix.Length + json.Length, header);
            file = null;
            return reader;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, null, exception.Message, exception);
        }
        finally
        {
            file?.Dispose();
        }
    }

    /// <summary>Reads a whole tensor of <c>F32</c>, <c>F16</c> or <c>BF16</c> as float32.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="destination">Its elements in row-major order; as long as the tensor.</param>
    /// <exception cref="CheckpointException">There is no such tensor, it does not fit, or the file cannot be read.</exception>
    public void Read(string name, Span<float> destination)
    {
        TensorEntry tensor = Find(name);
        if (tensor.Length != destination.Length)
            throw new CheckpointException(Path, name, $"It has {tensor.Length} elements, but {destination.Length} are expected.");
        Read(name, 0, destination);
    }

    /// <summary>Reads a part of a tensor, for tensors longer than a span or memory that is not in one piece.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="offset">The first element.</param>
    /// <param name="destination">The elements in row-major order.</param>
    /// <exception cref="CheckpointException">There is no such tensor, it does not fit, or the file cannot be read.</exception>
    public void Read(string name, long offset, Span<float> destination)
    {
        TensorEntry tensor = Find(name);
        if (offset < 0 || offset > tensor.Length - destination.Length)
        {
            throw new CheckpointException(
                Path, name, $"It has {tensor.Length} elements, but {destination.Length} from {offset} on are expected.");
        }

        try
        {
            switch (tensor.DataType)
            {
                case "F32":
                    ReadFully(_file, MemoryMarshal.AsBytes(destination), _dataStart + tensor.Begin + offset * sizeof(float), Path);
                    SafetensorsWriter.ToLittleEndian(destination);
                    break;
                case "F16":
                    ReadNarrow(tensor, offset, destination, bits => (float)BitConverter.UInt16BitsToHalf(bits));
                    break;
                case "BF16":
                    ReadNarrow(tensor, offset, destination, bits => BitConverter.UInt32BitsToSingle((uint)bits << 16));
                    break;
                default:
                    throw new CheckpointException(
                        Path, name, $"Its dtype is {tensor.DataType}; F32, F16 and BF16 can be read as float32.");
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(Path, name, exception.Message, exception);
        }
    }

    /// <summary>Reads a whole tensor and demands its shape.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="shape">The extents that it must have.</param>
    /// <param name="destination">Its elements in row-major order; the native memory holds as many as the shape says.</param>
    /// <exception cref="CheckpointException">There is no such tensor, it does not fit, or the file cannot be read.</exception>
    public unsafe void Read(string name, ReadOnlySpan<long> shape, float* destination)
    {
        TensorEntry tensor = Find(name);
        if (!shape.SequenceEqual(tensor.Shape.ToArray()))
        {
            throw new CheckpointException(Path, name, $"Its shape is [{string.Join(", ", tensor.Shape)}], "
                + $"but the model's is [{string.Join(", ", shape.ToArray())}].");
        }

        // Its bytes must fit a span too.
        const int LongestSpan = 1 << 28;
        for (long offset = 0; offset < tensor.Length; offset += LongestSpan)
            Read(name, offset, new Span<float>(destination + offset, (int)Math.Min(LongestSpan, tensor.Length - offset)));
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static void ReadFully(SafeFileHandle file, Span<byte> destination, long offset, string path)
    {
        while (!destination.IsEmpty)
        {
            int read = RandomAccess.Read(file, destination, offset);
            if (read == 0)
                throw new CheckpointException(path, null, $"The file ends at byte {offset}: it was cut while it was being read.");
            destination = destination[read..];
            offset += read;
        }
    }

    private void ReadNarrow(TensorEntry tensor, long offset, Span<float> destination, Func<ushort, float> widen)
    {
        Span<byte> block = stackalloc byte[BlockBytes];
        while (!destination.IsEmpty)
        {
            int count = Math.Min(BlockBytes / sizeof(ushort), destination.Length);
            ReadFully(_file, block[..(count * sizeof(ushort))], _dataStart + tensor.Begin + offset * sizeof(ushort), Path);
            for (int index = 0; index < count; index++)
                destination[index] = widen(BinaryPrimitives.ReadUInt16LittleEndian(block[(index * sizeof(ushort))..]));
            destination = destination[count..];
            offset += count;
        }
    }

    private TensorEntry Find(string name) => Tensors.TryGetValue(name, out TensorEntry? tensor)
        ? tensor
        : throw new CheckpointException(Path, name, $"The file has no such tensor; it has {Tensors.Count}: "
            + $"{string.Join(", ", Tensors.Keys.Take(5))}{(Tensors.Count > 5 ? ", ..." : "")}.");
}
