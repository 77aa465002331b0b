using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Tests.Pipelines;

public class PipelineTextTests
{
    [Theory]
    [InlineData("F3.0", ActionKind.Forward, 3, 0)]
    [InlineData("B0.1", ActionKind.BackwardInput, 0, 1)]
    [InlineData("W0.1", ActionKind.BackwardWeight, 0, 1)]
    [InlineData("X12.345", ActionKind.Backward, 12, 345)]
    [InlineData("SF1.2", ActionKind.SendForward, 1, 2)]
    [InlineData("RF1.2", ActionKind.ReceiveForward, 1, 2)]
    [InlineData("SB1.2", ActionKind.SendBackward, 1, 2)]
    [InlineData("RB2147483647.0", ActionKind.ReceiveBackward, int.MaxValue, 0)]
    public void Actions_have_one_text(string text, ActionKind kind, int stage, int microBatch)
    {
        var action = new PipelineAction(kind, stage, microBatch);
        Assert.Equal(text, PipelineText.Write(action));
        Assert.Equal(action, PipelineText.ParseAction(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("F")]
    [InlineData("F3")]
    [InlineData("F3.")]
    [InlineData("F.3")]
    [InlineData("3.0")]
    [InlineData("Q3.0")]
    [InlineData("f3.0")]
    [InlineData("F-3.0")]
    [InlineData("F+3.0")]
    [InlineData("F3.0 ")]
    [InlineData("F03.0")]
    [InlineData("F3.00")]
    [InlineData("F3.0.0")]
    [InlineData("F2147483648.0")]
    [InlineData("F٣.0")]
    public void Anything_else_is_a_format_error(string text)
    {
        var exception = Assert.Throws<FormatException>(() => PipelineText.ParseAction(text));
        Assert.Contains($"'{text}'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Programs_round_trip_and_errors_name_the_action()
    {
        const string text = "RF1.0 F1.0 X1.0 SB1.0";
        Assert.Equal(text, PipelineText.Write(PipelineText.ParseProgram(text)));
        Assert.Equal("", PipelineText.Write(PipelineText.ParseProgram("")));
        var exception = Assert.Throws<FormatException>(() => PipelineText.ParseProgram("RF1.0  F1.0"));
        Assert.StartsWith("action 1:", exception.Message, StringComparison.Ordinal);
    }
}
