using System.Buffers.Binary;
using System.Text;
using CsCheck;
using ParallelDsl.Checkpoints;

namespace ParallelDsl.Tests.Checkpoints;

public sealed class SafetensorsTests : IDisposable
{
    private static readonly Gen<(string Name, long[] Shape)[]> Layouts = Gen
        .Select(Gen.String[Gen.Char.AlphaNumeric, 1, 8], Gen.Long[0, 5].Array[0, 3])
        .Select((name, shape) => (Name: name, Shape: shape)).Array[0, 6]
        .Select(tensors => tensors.DistinctBy(tensor => tensor.Name).ToArray());

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        NamedTensor[] tensors =
        [
            NamedTensor.FromMemory("b", [2, 1], new float[] { 1, -2 }),
            NamedTensor.FromMemory("a", [], new float[] { 0.5f }),
        ];
        byte[] actual = Serialize(tensors, new Dictionary<string, string> { ["z"] = "1", ["format"] = "pt" });

        string header = """{"__metadata__":{"format":"pt","z":"1"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"""
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[8,12]}}";
        header = header.PadRight((header.Length + 7) / 8 * 8);
        byte[] expected =
        [
            (byte)header.Length, 0, 0, 0, 0, 0, 0, 0, .. Encoding.ASCII.GetBytes(header),
            0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F,
        ];
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void Foreign_files_are_read()
    {
        // As in the reference implementation's own tests: other element types, padding and any order of the header.
        const string Header = """
            {
                "later": {"shape": [2], "dtype": "F32", "data_offsets": [18, 26], "unknown": {}},
                "__metadata__": {"framework": "pt"},
                "half": {"dtype": "F16", "shape": [3], "data_offsets": [0, 6]},
                "brain": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [6, 14]},
                "integer": {"dtype": "I32", "shape": [1], "data_offsets": [14, 18]}
            }
            """;
        byte[] half = [0x00, 0x3C, 0x00, 0xC4, 0x01, 0x00];
        byte[] brain = [0x80, 0x3F, 0x00, 0xC0, 0x80, 0x7F, 0xC0, 0x7F];
        byte[] file = Build(Header, [.. half, .. brain, 7, 0, 0, 0, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40]);
        using var reader = SafetensorsReader.Open(_folder.Write("x.safetensors", file));
        Assert.Equal("pt", reader.Metadata["framework"]);
        Assert.Equal(4, reader.Tensors.Count);
        Assert.Equal([1f, -4f, (float)BitConverter.UInt16BitsToHalf(1)], Read(reader, "half", 3));
        Assert.Equal([1f, -2f, float.PositiveInfinity, float.NaN], Read(reader, "brain", 4));
        Assert.Equal([3f, 4f], Read(reader, "later", 2));
        Assert.Equal([2, 2], reader.Tensors["brain"].Shape);
        CheckpointException exception = Assert.Throws<CheckpointException>(() => Read(reader, "integer", 1));
        Assert.Equal("integer", exception.Tensor);
        Assert.Contains("x.safetensors', tensor 'integer': Its dtype is I32", exception.Message);
    }

    [Fact]
    public void What_is_written_is_read_bit_for_bit() => Gen.Select(Layouts, Gen.UInt).Sample(
        (layout, seed) =>
        {
            var random = new Random((int)seed);
            var contents = layout.ToDictionary(tensor => tensor.Name, tensor => Bits(random, Length(tensor.Shape)));
            NamedTensor[] tensors = [.. layout.Select(tensor => NamedTensor.FromMemory(tensor.Name, tensor.Shape, contents[tensor.Name]))];
            byte[] file = Serialize(tensors);
            Assert.Equal(0, (8 + BinaryPrimitives.ReadInt64LittleEndian(file)) % 8);
            using var reader = SafetensorsReader.Open(_folder.Write("x.safetensors", file));
            Assert.Equal(layout.Length, reader.Tensors.Count);
            foreach ((string name, long[] shape) in layout)
            {
                Assert.Equal(shape, reader.Tensors[name].Shape);
                float[] read = Read(reader, name, contents[name].Length);
                Assert.Equal(contents[name].Select(BitConverter.SingleToInt32Bits), read.Select(BitConverter.SingleToInt32Bits));
            }
        },
        seed: "0000000000000", iter: 100, threads: 1);

    [Fact]
    public void A_truncated_file_is_always_refused()
    {
        byte[] file = Serialize(Example());
        for (int length = 0; length < file.Length; length++)
        {
            string path = _folder.Write("x.safetensors", file[..length]);
            CheckpointException exception = Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(path).Dispose());
            Assert.Equal(path, exception.Path);
        }

        Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(_folder.Write("x.safetensors", [.. file, 0])).Dispose());
    }

    [Fact]
    public void A_damaged_file_gives_no_other_exception() => Gen.Select(Gen.Int[0, 1_000], Gen.Byte, Gen.Int[0, 3]).Array[1, 4].Sample(
        damages =>
        {
            List<byte> file = [.. Serialize(Example())];
            foreach ((int at, byte value, int kind) in damages)
            {
                int index = at % file.Count;
                if (kind == 0)
                    file.RemoveAt(index);
                else if (kind == 1)
                    file.Insert(index, value);
                else
                    file[index] = value;
            }

            try
            {
                using var reader = SafetensorsReader.Open(_folder.Write("x.safetensors", [.. file]));
                foreach (TensorEntry tensor in reader.Tensors.Values)
                    Read(reader, tensor.Name, (int)tensor.Length);
            }
            catch (CheckpointException exception)
            {
                Assert.EndsWith("x.safetensors", exception.Path);
            }
        },
        seed: "0000000000001", iter: 3_000, threads: 1);

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{", "not valid JSON")]
    [InlineData("""{"a":1}""", "tensor 'a': The header lacks its dtype")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", "lacks its dtype, shape or data_offsets")]
    [InlineData("""{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}""", "The dtype 'F99' is unknown")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "The shape holds -1")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", "The shape holds 1.5")]
    [InlineData("""{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}""", "The shape holds 99999999999999999999")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}""", "too many elements")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "do not span the 8 bytes of F32 [2]")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "do not span")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", "do not span")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", "The data_offsets holds -4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "the file is truncated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "leave a gap")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""",
        "tensor 'b': It begins at byte 4, but the tensor before it ends at byte 8: they overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "8 bytes follow the header, but its tensors take 4")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""",
        "not valid JSON")]
    [InlineData("""{"__metadata__":{"a":1}}""", "__metadata__ holds 'a', which is not a string")]
    [InlineData("""{"__metadata__":[]}""", "__metadata__ is not a JSON object")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "not well-formed")]
    public void A_bad_header_is_explained(string header, string expected)
    {
        string path = _folder.Write("bad.safetensors", Build(header, new byte[8]));
        CheckpointException exception = Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(path).Dispose());
        Assert.Contains("bad.safetensors'", exception.Message);
        Assert.Contains(expected, exception.Message);
    }

    [Theory]
    [InlineData(100_000_001UL, "more than the 100000000")]
    [InlineData(ulong.MaxValue, "this is no safetensors file")]
    [InlineData(1_000UL, "the file ends 998 bytes earlier")]
    public void A_huge_header_length_is_refused_without_reading_it(ulong length, string expected)
    {
        byte[] file = new byte[10];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        string path = _folder.Write("x.safetensors", file);
        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(path).Dispose()).Message);
    }

    [Fact]
    public void A_missing_file_or_a_folder_is_refused()
    {
        string missing = _folder["none.safetensors"];
        Assert.Contains(missing, Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(missing)).Message);
        Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(_folder.Path));
    }

    [Fact]
    public unsafe void Reads_that_do_not_fit_are_refused()
    {
        using var reader = SafetensorsReader.Open(_folder.Write("x.safetensors", Serialize(Example())));
        CheckpointException exception = Assert.Throws<CheckpointException>(() => Read(reader, "third", 1));
        Assert.Contains("has no such tensor; it has 2: first, second", exception.Message);
        exception = Assert.Throws<CheckpointException>(() => Read(reader, "first", 5));
        Assert.Contains("It has 6 elements, but 5 are expected", exception.Message);
        Assert.Throws<CheckpointException>(() => reader.Read("first", 4, new float[3]));
        Assert.Throws<CheckpointException>(() => reader.Read("first", -1, new float[3]));
        Assert.Throws<CheckpointException>(() => reader.Read("first", long.MaxValue, new float[3]));
        float[] part = new float[2];
        reader.Read("first", 4, part);
        Assert.Equal([4, 5], part);
        float[] whole = new float[6];
        fixed (float* memory = whole)
        {
            reader.Read("first", [2, 3], memory);
            nint address = (nint)memory;
            Assert.Contains(
                "Its shape is [2, 3], but the model's is [3, 2]",
                Assert.Throws<CheckpointException>(() => reader.Read("first", [3, 2], (float*)address)).Message);
        }

        Assert.Equal([0, 1, 2, 3, 4, 5], whole);
    }

    [Fact]
    public unsafe void Large_tensors_are_asked_for_in_pieces_in_order()
    {
        const int Length = 1_000_003;
        long next = 0;
        int longest = 0;
        var counted = new NamedTensor("counted", [Length], (offset, destination) =>
        {
            Assert.Equal(next, offset);
            for (int index = 0; index < destination.Length; index++)
                destination[index] = offset + index;
            next += destination.Length;
            longest = Math.Max(longest, destination.Length);
        });
        float[] native = [1, 2, 3];
        fixed (float* memory = native)
        {
            string path = _folder.Write("x.safetensors", Serialize([counted, NamedTensor.FromPointer("native", [3], memory)]));
            Assert.InRange(longest, 1, 1 << 17);
            using var reader = SafetensorsReader.Open(path);
            Assert.Equal(Enumerable.Range(0, Length).Select(index => (float)index), Read(reader, "counted", Length));
            Assert.Equal(native, Read(reader, "native", 3));
        }
    }

    [Fact]
    public void Bad_tensors_are_refused_before_anything_is_written()
    {
        float[] one = [1];
        Assert.Throws<ArgumentException>(() => NamedTensor.FromMemory("", [1], one));
        Assert.Throws<ArgumentException>(() => NamedTensor.FromMemory("__metadata__", [1], one));
        Assert.Throws<ArgumentException>(() => NamedTensor.FromMemory("x\ud800", [1], one));
        Assert.Throws<ArgumentException>(() => NamedTensor.FromMemory("x", [-1], one));
        Assert.Throws<ArgumentException>(() => NamedTensor.FromMemory("x", [long.MaxValue], one));
        Assert.Throws<ArgumentException>(() => NamedTensor.FromMemory("x", [2], one));
        Assert.Equal("\U0001F600", NamedTensor.FromMemory("\U0001F600", [1], one).Name);

        using var stream = new MemoryStream();
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(
            stream, [NamedTensor.FromMemory("x", [1], one), NamedTensor.FromMemory("x", [1], one)]));
        Assert.Equal(0, stream.Length);
    }

    private static NamedTensor[] Example() =>
    [
        NamedTensor.FromMemory("first", [2, 3], new float[] { 0, 1, 2, 3, 4, 5 }),
        NamedTensor.FromMemory("second", [4], new float[] { -1, -2, -3, -4 }),
    ];

    private static byte[] Serialize(NamedTensor[] tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, tensors, metadata);
        return stream.ToArray();
    }

    private static byte[] Build(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data];
    }

    private static float[] Read(SafetensorsReader reader, string name, int length)
    {
        float[] values = new float[length];
        reader.Read(name, values);
        return values;
    }

    private static int Length(long[] shape) => (int)shape.Aggregate(1L, (length, extent) => length * extent);

    private static float[] Bits(Random random, int length) =>
        [.. Enumerable.Range(0, length).Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)))];
}
