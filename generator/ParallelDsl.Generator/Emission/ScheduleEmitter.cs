using System.Text;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Emission;

/// <summary>The order of actions at each position of the pipeline axis, as a table to read beside a profile.</summary>
internal static class ScheduleEmitter
{
    private const int LineLength = 100;

    public static string Emit(PlannedModel model) => ModelFile.Write(
        model.Declaration.Type, "the order of actions of its pipeline.", string.Empty, null, writer =>
        {
            EquatableArray<PipelineProgram> programs = model.Plan.Programs;
            writer.Doc("The program of one position of the pipeline axis, as text: marks (F forward, B and W backward of input and of weights,\n"
                    + "X both backwards; SF, RF, SB, RB sends and receives of activations and gradients), stage, dot, micro-batch.\n"
                    + $"<code>\n{IndentedWriter.Xml(PlanText.Timeline(model.Plan).TrimEnd('\n'))}\n</code>")
                .Line("/// <param name=\"position\">The position on the pipeline axis.</param>")
                .Line($"/// <exception cref=\"{RuntimeNames.OutOfRange}\">The axis has no such position.</exception>")
                .Line(ModelFile.Generated)
                .Open("public static string ProgramOf(int position) => position switch");
            for (int i = 0; i < programs.Count; i++)
                WriteProgram(writer, i, programs[i]);
            writer.Line($"_ => throw new {RuntimeNames.OutOfRange}(nameof(position), position, "
                    + $"\"The pipeline axis of {model.Declaration.Type.Name} has positions 0 to {programs.Count - 1}.\"),")
                .Close(";");
        });

    private static void WriteProgram(IndentedWriter writer, int position, PipelineProgram program)
    {
        writer.Line($"{position} =>").Indent();
        StringBuilder line = new();
        foreach (PipelineAction action in program.Actions)
        {
            string text = PipelineText.Write(action);
            if (line.Length + text.Length + 1 > LineLength)
            {
                writer.Line($"\"{line} \" +");
                line.Clear();
            }

            line.Append(line.Length > 0 ? " " : "").Append(text);
        }

        writer.Line($"\"{line}\",").Outdent();
    }
}
