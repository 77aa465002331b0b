using ParallelDsl.Data;

namespace ParallelDsl.Tests.Data;

public sealed class TokenTests
{
    private static readonly ByteTokenizer Tokenizer = new();

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("Grüße, 世界 \U0001F600\0\n")]
    public void Text_survives(string text)
    {
        int[] tokens = Tokenizer.Encode(text);
        Assert.Equal(ByteTokenizer.Bos, tokens[0]);
        Assert.Equal(ByteTokenizer.Eos, tokens[^1]);
        Assert.Equal(System.Text.Encoding.UTF8.GetByteCount(text) + 2, tokens.Length);
        Assert.All(tokens, token => Assert.InRange(token, 0, ByteTokenizer.Vocabulary - 1));
        Assert.Equal(text, Tokenizer.Decode(tokens));
    }

    [Fact]
    public void What_is_no_text_is_replaced_and_what_is_no_token_is_refused()
    {
        Assert.Equal("a\uFFFD", Tokenizer.Decode(Tokenizer.Encode("a\ud800")));
        Assert.Equal("\uFFFDa", Tokenizer.Decode([0xC3, 'a']));
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.Decode([-1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.Decode([ByteTokenizer.Vocabulary]));
    }

    [Fact]
    public void Random_numbers_are_those_of_the_published_generator()
    {
        // The first outputs for seed 1234567, as in the reference implementation by Vigna.
        var random = new SplitMix64(1_234_567);
        ulong[] expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];
        Assert.Equal(expected, expected.Select(_ => random.Next()));
        var resumed = new SplitMix64(random.State);
        Assert.Equal(random.Next(), resumed.Next());
    }

    [Fact]
    public void Bounded_numbers_are_even_and_in_range()
    {
        var random = new SplitMix64(3);
        int[] counts = new int[7];
        for (int draw = 0; draw < 70_000; draw++)
            counts[random.NextBelow(7)]++;
        Assert.All(counts, count => Assert.InRange(count, 9_600, 10_400));
        Assert.Equal(0, random.NextBelow(1));
        Assert.InRange(random.NextBelow(int.MaxValue), 0, int.MaxValue - 1);
        Assert.InRange(random.NextDouble(), 0, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextBelow(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextBelow(-5));
    }

    [Fact]
    public void The_unigram_loss_is_the_mean_of_the_smoothed_counts()
    {
        // Targets: 1, 1, 2 of a vocabulary of 4; the first tokens do not count.
        var model = new UnigramModel([[0, 1, 1], [3, 2]], vocabulary: 4);
        double expected = (Math.Log(7 / 3.0) + Math.Log(7 / 2.0) + Math.Log(7 / 1.0)) / 3;
        Assert.Equal(expected, model.MeanLoss([[9, 1, 2, 0]]), 12);
        Assert.Throws<ArgumentException>(() => model.MeanLoss([]));
        Assert.Throws<ArgumentException>(() => model.MeanLoss([[1]]));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.MeanLoss([[1, 4]]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new UnigramModel([[1, -1]], 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => new UnigramModel([], 0));
        Assert.Equal(Math.Log(4), new UnigramModel([], 4).MeanLoss([[0, 1]]), 12);
    }

    [Fact]
    public void The_sampler_takes_every_document_once_an_epoch_in_changing_orders()
    {
        var sampler = new SequenceSampler(50, seed: 9);
        int[][] epochs = [.. Enumerable.Range(0, 3).Select(_ => Enumerable.Range(0, 50).Select(_ => sampler.Next()).ToArray())];
        Assert.All(epochs, epoch => Assert.Equal(Enumerable.Range(0, 50), epoch.Order()));
        Assert.NotEqual(epochs[0], epochs[1]);
        Assert.NotEqual(epochs[1], epochs[2]);
        Assert.NotEqual(epochs[0], Enumerable.Range(0, 50).Select(_ => new SequenceSampler(50, seed: 10).Next()));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void A_resumed_sampler_goes_on_as_if_nothing_had_happened(int count)
    {
        var sampler = new SequenceSampler(count, seed: 5);
        for (int draw = 0; draw < 5 * count; draw++)
        {
            var resumed = new SequenceSampler(count, seed: 5, sampler.State);
            for (int ahead = 0; ahead < 2 * count; ahead++)
                resumed.Next();
            var reference = new SequenceSampler(count, seed: 5);
            for (int done = 0; done < draw + 2 * count; done++)
                reference.Next();
            Assert.Equal(reference.Next(), resumed.Next());
            Assert.Equal(reference.State, resumed.State);
            sampler.Next();
        }
    }

    [Fact]
    public void A_sampler_that_cannot_be_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceSampler(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceSampler(5, 1, new SamplerState(0, 6)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceSampler(5, 1, new SamplerState(-1, 0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceSampler(5, 1, new SamplerState(0, -1)));
    }
}
