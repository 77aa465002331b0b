using System.Text;

namespace ParallelDsl.Data;

/// <summary>
/// Tokens are the bytes of the UTF-8 text, 0 to 255, and two marks: <see cref="Bos"/> before a document and <see cref="Eos"/> after it.
/// It needs no training and knows every text.
/// </summary>
public sealed class ByteTokenizer
{
    /// <summary>The beginning of a document.</summary>
    public const int Bos = 256;

    /// <summary>The end of a document.</summary>
    public const int Eos = 257;

    /// <summary>The number of tokens.</summary>
    public const int Vocabulary = 258;

    /// <summary>The tokens of a document, with the marks at its ends. What is not well-formed becomes U+FFFD.</summary>
    public int[] Encode(string text) => Encode(Encoding.UTF8.GetBytes(text));

    /// <summary>The tokens of a document that is UTF-8 already, with the marks at its ends.</summary>
#pragma warning disable CA1822 // A tokenizer is an object to its users, so that another can take its place.
    public int[] Encode(ReadOnlySpan<byte> utf8)
    {
        int[] tokens = new int[utf8.Length + 2];
        tokens[0] = Bos;
        for (int index = 0; index < utf8.Length; index++)
            tokens[index + 1] = utf8[index];
        tokens[^1] = Eos;
        return tokens;
    }

    /// <summary>The text of tokens; the marks are left out, and bytes that are no UTF-8 become U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A token is below 0 or not below <see cref="Vocabulary"/>.</exception>
    public string Decode(ReadOnlySpan<int> tokens)
    {
        byte[] bytes = new byte[tokens.Length];
        int count = 0;
        foreach (int token in tokens)
        {
            if ((uint)token >= Vocabulary)
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"Tokens are from 0 to {Vocabulary - 1}.");
            if (token < Bos)
                bytes[count++] = (byte)token;
        }

        return Encoding.UTF8.GetString(bytes, 0, count);
    }
#pragma warning restore CA1822
}
