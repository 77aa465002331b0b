using CsCheck;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Tests.Pipelines;

public class MegatronLayoutTextTests
{
    private const string DeepSeek = "Et*3|(tt|)*29,m|L";

    private static MegatronLayout Read(string text)
    {
        Parsed<MegatronLayout> parsed = MegatronLayoutText.Parse(text);
        Assert.True(parsed.Error is null, parsed.Error?.ToString());
        return parsed.Value!;
    }

    // The layers of each stage, one letter each, a bar between two stages.
    private static string Plain(MegatronLayout layout) =>
        string.Join('|', layout.Stages.Select(stage => string.Concat(stage.Layers.Select(layer => "EtmL"[(int)layer]))));

    [Fact]
    public void Golden_DeepSeek_V3_over_16_devices_with_2_stages_each()
    {
        MegatronLayout layout = Read(DeepSeek);
        Assert.Equal(32, layout.Stages.Count);
        Assert.Equal([3, .. Enumerable.Repeat(2, 29), 1, 0], layout.Stages.Select(stage => stage.UnpinnedLayers));
        Assert.Equal(61, layout.Stages.Sum(stage => stage.Layers.Count(layer => layer == MegatronLayer.Transformer)));
        Assert.Equal([MegatronLayer.MultiTokenPrediction], layout.Stages[30].Layers);
        Assert.Equal([MegatronLayer.Loss], layout.Stages[31].Layers);
        Assert.Null(layout.Fault());
        Assert.Equal(DeepSeek, MegatronLayoutText.Write(layout));
        Assert.Equal(layout, Read("Ettt|(tt|)*29,m|L"));
    }

    [Theory]
    [InlineData("EtL", "EtL")]
    [InlineData("Et|tL", "Et|tL")]
    [InlineData(",E,,t|t,L,", "Et|tL")]
    [InlineData("t,*,3", "ttt")]
    [InlineData("t*1,2", "tttttttttttt")]
    [InlineData("t*003", "ttt")]
    [InlineData("(tm)*2", "tmtm")]
    [InlineData("tm(tt|m|EL)*2,tm", "tmtt|m|ELtt|m|ELtm")]
    [InlineData("(t*3|)*2", "ttt|ttt|")]
    [InlineData("(|t)*2,L", "|t|tL")]
    [InlineData("||", "||")]
    [InlineData("|*2", "||")]
    [InlineData("E||t|L", "E||t|L")]
    public void Reads_runs_groups_and_empty_stages(string text, string plain) => Assert.Equal(plain, Plain(Read(text)));

    [Theory]
    [InlineData("EttL", "EttL")]
    [InlineData("EtttL", "Et*3L")]
    [InlineData("Et|t|t|L", "Et|t|t|L")]
    [InlineData("Et|t|t|t|t|L", "Et|(t|)*4,L")]
    [InlineData("Et|tt|tt|tt|L", "Et|(tt|)*3,L")]
    [InlineData("tttttttttttttt|tttttttttttttt|", "(t*14|)*2")]
    [InlineData("||||||||", "(|)*8")]
    public void Writes_the_shorter_of_two_forms(string plain, string text)
    {
        MegatronLayout layout = Read(plain);
        Assert.Equal(text, MegatronLayoutText.Write(layout));
        Assert.Equal(layout, Read(text));
    }

    [Fact]
    public void Any_layout_round_trips() => Cases.Check(
        from stages in Gen.Int[0, 3].Array[0, 6].Array[1, 12]
        from repeats in Gen.Int[1, 5].Array[stages.Length]
        select (stages, repeats),
        3_000,
        input =>
        {
            MegatronStage[] stages =
            [
                .. input.stages.Zip(input.repeats).SelectMany(pair => Enumerable.Repeat(
                    new MegatronStage(pair.First.Select(layer => (MegatronLayer)layer).ToEquatableArray()), pair.Second)),
            ];
            var layout = new MegatronLayout(stages.ToEquatableArray());
            if (layout.Stages.Count == 1 && layout.Stages[0].Layers.Count == 0)
            {
                Assert.Throws<ArgumentException>(() => MegatronLayoutText.Write(layout));
                return;
            }

            string text = MegatronLayoutText.Write(layout);
            Assert.Equal(layout, Read(text));
            Assert.Equal(layout, Read(Plain(layout)));
            Assert.True(text.Replace(",", "").Length <= Plain(layout).Length);
        });

    [Fact]
    public void A_partition_has_the_embedding_first_and_the_loss_last()
    {
        MegatronLayout layout = MegatronLayout.FromPartition([14, 14, 14, 14]);
        Assert.Equal("Et*14|(t*14|)*2,t*14L", MegatronLayoutText.Write(layout));
        Assert.Equal([14, 14, 14, 14], layout.Stages.Select(stage => stage.UnpinnedLayers));
        Assert.Null(layout.Fault());
        Assert.Equal("EL", MegatronLayoutText.Write(MegatronLayout.FromPartition([0])));
        Assert.Throws<ArgumentException>(() => MegatronLayout.FromPartition([]));
        Assert.Throws<ArgumentException>(() => MegatronLayout.FromPartition([1, -1]));
    }

    [Theory]
    [InlineData("tL", "the first layer is not the embedding, E")]
    [InlineData("|", "the first layer is not the embedding, E")]
    [InlineData("Et", "the last layer is not the loss, L")]
    [InlineData("EtEL", "the embedding, E, stands there a second time")]
    [InlineData("EtL|L", "the loss, L, is not the last layer")]
    [InlineData("Etm|tL", "a transformer layer, t, stands after one of multi-token prediction, m")]
    [InlineData("|Et||mm|L", null)]
    public void Says_what_Megatron_would_refuse(string text, string? fault) => Assert.Equal(fault, Read(text).Fault());

    [Theory]
    [InlineData("", 1, "the layout is empty; expected stages of E, t, m and L with | between two")]
    [InlineData(",,", 3, "the layout is empty")]
    [InlineData("Et|x", 4, "'x' is no layer; known are E embedding, t transformer, m MTP, L loss")]
    [InlineData("E,T", 3, "'T' is no layer")]
    [InlineData("E t", 2, "' ' is no layer")]
    [InlineData("Et\n", 3, "'?' is no layer")]
    [InlineData("E\0", 2, "'?' is no layer")]
    [InlineData("E3t", 2, "'3' is no layer")]
    [InlineData("t*", 3, "expected a count after '*'")]
    [InlineData("t*-3", 3, "expected a count after '*'")]
    [InlineData("t*|", 3, "expected a count after '*'")]
    [InlineData("t*٣", 3, "expected a count after '*'")]
    [InlineData("t,,*0", 5, "a count of 0; leave the layer or group out")]
    [InlineData("*3", 1, "'*' stands after no layer, stage or group")]
    [InlineData("t*2*3", 4, "'*' stands after no layer")]
    [InlineData("(*3)*2", 2, "'*' stands after no layer")]
    [InlineData("E(tt|", 2, "the parenthesis is not closed")]
    [InlineData("E(tt|*3", 2, "the parenthesis is not closed")]
    [InlineData("Ett|)*3", 5, "the parenthesis was not opened")]
    [InlineData("E(tt|)L", 7, "expected '*' and a count after ')'")]
    [InlineData("E(tt|)", 7, "expected '*' and a count after ')'")]
    [InlineData("E(tt|)*", 8, "expected a count after '*'")]
    [InlineData("E(tt|)*0", 8, "a count of 0")]
    [InlineData("E()*3", 2, "the parentheses hold nothing")]
    [InlineData("E((t)*2|)*3", 3, "a parenthesis cannot stand inside another")]
    [InlineData("Et*100000", 2, "with this the layout has more than 100000 layers and stages")]
    [InlineData("Et*99999999999999999999999", 2, "more than 100000")]
    [InlineData("|*2147483648", 1, "more than 100000")]
    [InlineData("(t*50000|)*50000", 1, "more than 100000")]
    [InlineData("E,(t*100001|)*1", 4, "more than 100000")]
    public void Errors_have_a_column(string text, int column, string message)
    {
        Parsed<MegatronLayout> parsed = MegatronLayoutText.Parse(text);
        Assert.Null(parsed.Value);
        Assert.Equal((1, column, ""), (parsed.Error!.Line, parsed.Error.Column, parsed.Error.Field));
        Assert.Contains(message, parsed.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_longest_layout_is_read_and_written()
    {
        MegatronLayout layout = Read("t*100000");
        Assert.Equal(100_000, layout.Stages[0].UnpinnedLayers);
        Assert.Equal("(|)*100000", MegatronLayoutText.Write(Read("|*100000")));
    }

    [Fact]
    public void Random_texts_never_throw() => Cases.Check(Gen.Char["EtmL|()*,0123 x\n"].Array[0, 24], 10_000, characters =>
    {
        Parsed<MegatronLayout> parsed = MegatronLayoutText.Parse(new string(characters));
        Assert.True(parsed.Value is null != parsed.Error is null);
        Assert.DoesNotContain('\n', parsed.Error?.ToString() ?? "");
        if (parsed.Value is { } layout && Plain(layout).Length > 0)
            Assert.Equal(layout, Read(MegatronLayoutText.Write(layout)));
    });
}
