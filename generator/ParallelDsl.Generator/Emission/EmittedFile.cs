using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Planning;

namespace ParallelDsl.Generator.Emission;

/// <summary>A generated file, compared by its text: what is equal is not added again.</summary>
/// <param name="ModelName">The full name of the model.</param>
/// <param name="Concern">What it is about.</param>
/// <param name="Text">Its text; empty where <paramref name="Failure"/> is not.</param>
/// <param name="Failure">Why it could not be written.</param>
internal sealed record EmittedFile(string ModelName, string Concern, string Text, DiagnosticInfo? Failure)
{
    /// <summary>The name of the file, with <paramref name="suffix"/> after the model's name.</summary>
    public string HintName(string suffix) => $"{NamePolicy.HintName(ModelName, suffix)}.{Concern}.g.cs";
}

/// <summary>One concern of generated code: one file a model.</summary>
/// <param name="Name">Its name, the middle of the file's.</param>
/// <param name="Write">Writes it for a plan.</param>
/// <param name="WriteUnplanned">Writes it for a model without a plan, or null where such a model has no such file.</param>
internal sealed record Concern(string Name, Func<PlannedModel, string> Write, Func<ModelOutcome, string>? WriteUnplanned = null)
{
    /// <summary>All concerns.</summary>
    public static readonly Concern[] All =
    [
        new("Plan", PlanEmitter.Emit, UnplannedEmitter.Emit),
        new("Shapes", ShapesEmitter.Emit),
        new("Stages", StagesEmitter.Emit),
        new("Schedule", ScheduleEmitter.Emit),
        new("Batching", BatchingEmitter.Emit),
        new("Collectives", CollectivesEmitter.Emit),
        new("Rings", RingsEmitter.Emit),
        new("Kernels", KernelsEmitter.Emit),
    ];

    /// <summary>The file of this concern, or null where there is none.</summary>
    public EmittedFile? Emit(ModelOutcome outcome, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using InvariantCulture scope = InvariantCulture.Enter();
        string model = outcome.Declaration.Type.FullName;
        try
        {
            if (!outcome.Declaration.CanEmit)
                return null;
            if (outcome.Plan is { } plan)
                return new EmittedFile(model, Name, Write(new PlannedModel(outcome.Declaration, plan)), null);
            return WriteUnplanned is null ? null : new EmittedFile(model, Name, WriteUnplanned(outcome), null);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new EmittedFile(
                model, Name, string.Empty, DiagnosticInfo.Create(Rules.InternalError, null, model, InternalFailure.Describe(exception)));
        }
    }
}
