namespace ParallelDsl.Generator.Emission;

/// <summary>The types of the library that generated code names, in full, so that no name of the user's can stand in their way.</summary>
internal static class RuntimeNames
{
    public const string Layer = "global::ParallelDsl.Layer";
    public const string LayerKind = "global::ParallelDsl.Planning.Models.LayerKind";
    public const string PlannedLayer = "global::ParallelDsl.Planning.Models.PlannedLayer";
    public const string ParallelPlan = "global::ParallelDsl.Planning.Plans.ParallelPlan";
    public const string PlanJson = "global::ParallelDsl.Planning.Plans.PlanJson";
    public const string Parsed = "global::ParallelDsl.Planning.Json.Parsed";
    public const string Coordinate = "global::ParallelDsl.Planning.Meshes.Coordinate";
    public const string StepPlan = "global::ParallelDsl.Planning.Packing.StepPlan";
    public const string TokenPacker = "global::ParallelDsl.Planning.Packing.TokenPacker";
    public const string StepPlanner = "global::ParallelDsl.Planning.Packing.StepPlanner";
    public const string StepConstants = "global::ParallelDsl.Planning.Packing.IStepConstants";
    public const string SequenceCosts = "global::ParallelDsl.Planning.Packing.SequenceCosts";
    public const string SequenceRings = "global::ParallelDsl.Planning.Plans.SequenceRings";
    public const string RouteTable = "global::ParallelDsl.Planning.Rings.RouteTable";
    public const string Packing = "global::ParallelDsl.Packing";
    public const string SequenceBalance = "global::ParallelDsl.SequenceBalance";
    public const string PackingException = "global::ParallelDsl.Planning.Packing.PackingException";
    public const string ParallelModel = "global::ParallelDsl.Execution.IParallelModel";
    public const string LayerModule = "global::ParallelDsl.Execution.LayerModule";
    public const string EmbeddingLayer = "global::ParallelDsl.Execution.EmbeddingLayer";
    public const string TransformerLayer = "global::ParallelDsl.Execution.TransformerLayer";
    public const string EmbeddingSliceLayer = "global::ParallelDsl.Execution.EmbeddingSliceLayer";
    public const string HeadSliceLayer = "global::ParallelDsl.Execution.HeadSliceLayer";
    public const string LanguageModelHeadLayer = "global::ParallelDsl.Execution.LanguageModelHeadLayer";
    public const string EmbeddingShape = "global::ParallelDsl.Kernels.IEmbeddingShape";
    public const string TransformerShape = "global::ParallelDsl.Kernels.ITransformerShape";
    public const string HeadShape = "global::ParallelDsl.Kernels.IHeadShape";
    public const string Lengths = "global::System.ReadOnlySpan<int>";
    public const string OutOfRange = "global::System.ArgumentOutOfRangeException";
    public const string InvalidOperation = "global::System.InvalidOperationException";
}
