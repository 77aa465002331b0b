using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Planning.Tests.Strategies;

public class BatchModelTests
{
    [Theory]
    [InlineData("3b", 3.0)]
    [InlineData("7b", 6.7)]
    [InlineData("13b", 13.0)]
    [InlineData("30b", 32.5)]
    public void A_name_tells_the_size(string name, double billions) =>
        Assert.InRange(BatchModel.FromName(name)!.Parameters / 1e9, 0.9 * billions, 1.15 * billions);

    [Fact]
    public void One_expert_of_the_mixture_is_a_model_of_550_million()
    {
        BatchModel mixture = BatchModel.FromName("moe-8x550m")!;
        Assert.InRange((mixture with { Experts = 1, ExpertsPerToken = 1 }).Parameters / 1e6, 540, 560);
        Assert.Equal(8, mixture.Experts);
    }

    [Fact]
    public void Costs_are_those_of_the_formulas()
    {
        // h = 4, two heads of keys and values of four: h_k = 2; i = 8; head of 10 ids over 2 layers.
        var model = new BatchModel("tiny", 2, 4, 4, 2, 8, 10);
        long block = 2 * ((2 * 16) + (2 * 4 * 2) + (3 * 4 * 8));
        Assert.Equal(block + (2 * 4 * 10 / 2), model.LinearFlopsPerToken);
        Assert.Equal(16, model.AttentionFlopsPerPair);
        Assert.Equal(4 * 2, model.KeyValueBytesPerToken);
        Assert.Equal((38 * 4, 2 * 4), (model.ActivationBytes(recompute: false), model.ActivationBytes(recompute: true)));
        Assert.Equal((2 * block / 2) + (2 * 4 * 10), model.Parameters);

        SequenceCosts costs = model.Costs(recompute: false);
        Assert.Equal((2 * 16 * 6) + (2 * model.LinearFlopsPerToken * 3), costs.Forward(0, 3));
        Assert.Equal((2 * 40 * 6) + (2 * 2 * model.LinearFlopsPerToken * 3), costs.Backward(0, 3));
        Assert.Equal((2 * 56 * 6) + (2 * 3 * model.LinearFlopsPerToken * 3), model.Costs(recompute: true).Backward(0, 3));
    }

    [Fact]
    public void Experts_cost_a_token_only_those_that_it_takes()
    {
        var dense = new BatchModel("dense", 1, 4, 4, 4, 16, 10);
        var mixture = new BatchModel("mixture", 1, 4, 4, 4, 8, 10, Experts: 4, ExpertsPerToken: 2);
        Assert.Equal(dense.LinearFlopsPerToken, mixture.LinearFlopsPerToken);
        Assert.True(mixture.Parameters > dense.Parameters);
    }

    [Fact]
    public void A_file_describes_a_model() => Assert.Equal(
        new BatchModel("mine", 2, 64, 8, 4, 128, 1_000, 4, 2),
        BatchModelFile.Parse("""
            {"name": "mine", "layers": 2, "hidden": 64, "heads": 8, "keyValueHeads": 4, "feedForward": 128, "vocabulary": 1000,
             "experts": 4, "expertsPerToken": 2}
            """).Value);

    [Theory]
    [InlineData("""{"name": "m", "layers": 2, "hidden": 64, "heads": 8, "keyValueHeads": 4, "feedForward": 1, "vocabulari": 9}""", "did you mean 'vocabulary'?")]
    [InlineData("""{"name": "m", "layers": 0, "hidden": 64, "heads": 8, "keyValueHeads": 4, "feedForward": 1, "vocabulary": 9}""", "from 1 to 1000")]
    [InlineData("""{"name": "m", "layers": 1, "hidden": 64, "heads": 7, "keyValueHeads": 7, "feedForward": 1, "vocabulary": 9}""", "7 heads do not divide")]
    [InlineData("""{"name": "m", "layers": 1, "hidden": 64, "heads": 8, "keyValueHeads": 3, "feedForward": 1, "vocabulary": 9}""", "do not divide 8 heads")]
    [InlineData("""{"name": "m", "layers": 1, "hidden": 64, "heads": 8, "keyValueHeads": 4, "feedForward": 1, "vocabulary": 9, "tp": 2}""", "'tp' is unknown")]
    [InlineData("""{"name": "m", "layers": 1, "hidden": 64, "heads": 8, "keyValueHeads": 4, "feedForward": 1, "vocabulary": 9, "expertsPerToken": 2}""", "2 of 1 experts")]
    public void What_is_wrong_with_a_file_is_said(string text, string message)
    {
        Assert.Null(BatchModelFile.Parse(text).Value);
        Assert.Contains(message, BatchModelFile.Parse(text).Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Clusters_have_names()
    {
        Assert.Equal([16, 32, 128, 32, 32], BuiltInClusters.All.Select(cluster => cluster.DeviceCount));
        Assert.Equal(800, BuiltInClusters.FromName("a800-16x8")!.Nodes.Sum(group => group.NicsPerNode * group.NicGbps));
        Assert.Null(BuiltInClusters.FromName("b200-2x8"));
    }
}
