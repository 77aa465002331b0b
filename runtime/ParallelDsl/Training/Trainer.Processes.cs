using ParallelDsl.Checkpoints;
using ParallelDsl.Collectives;
using ParallelDsl.Execution;
using ParallelDsl.Memory;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Transports;

namespace ParallelDsl.Training;

/// <content>Checkpoints of a model whose ranks are processes.</content>
public sealed partial class Trainer<TModel>
{
    /// <summary>Tag of the parameters on their way to the rank that writes them. Nothing else is sent between two runs.</summary>
    private const int ParametersTag = MessageTags.PointToPointLimit - 1;

    /// <summary>Floats of a message: 16 MiB. A transport keeps copies of what waits to be received, so the next is sent only when rank 0 has this
    /// one and says so; else all positions but the first would hold their parameters twice.</summary>
    private const int PartFloats = 4 << 20;

    /// <summary>Rank 0 collects the parameters of every position of the pipeline from its first rank, and writes them. The replicas have the same.</summary>
    private string SaveTogether(string directory)
    {
        if (_isRunning)
            throw new InvalidOperationException("Where the ranks are processes, all of them save together, between two calls of Train: this one alone was told of the step.");
        CheckpointException? failure = null;
        RunRanks(transport =>
        {
            ProcessGroup world = new(transport, [.. Enumerable.Range(0, transport.Size)]);
            Coordinate own = _models[0].Coordinate;
            if (transport.Rank == 0)
                failure = CollectAndWrite(directory, transport);
            else if (own is { Data: 0, Sequence: 0 })
                ForEachPart(_models[0], part =>
                {
                    transport.Send(0, ParametersTag, part.Span);
                    transport.Receive(0, ParametersTag, []);
                });
            bool isWritten = world.AllReduce(failure is null ? 0 : 1) == 0;
            if (!isWritten)
                failure ??= new CheckpointException(CheckpointDirectory.PathOf(directory, StepsDone), null, "rank 0 could not write the checkpoint; it says why");
        });
        return failure is null ? CheckpointDirectory.PathOf(directory, StepsDone) : throw failure;
    }

    private CheckpointException? CollectAndWrite(string directory, ITransport transport)
    {
        List<RankModel> models = [_models[0]];
        try
        {
            for (int position = 1; position < Plan.Mesh.Pipeline; position++)
            {
                int rank = Plan.Mesh.RankOf(new Coordinate(0, 0, position));
                RankModel model = RankModel.Create<TModel>(Plan, rank);
                models.Add(model);
                ForEachPart(model, part =>
                {
                    transport.Receive(rank, ParametersTag, part.Span);
                    transport.Send(rank, ParametersTag, []);
                });
            }

            Write(directory, models);
            return null;
        }
        catch (CheckpointException exception)
        {
            return exception;
        }
        finally
        {
            foreach (RankModel model in models.Skip(1))
                model.Dispose();
        }
    }

    /// <summary>Weights and moments, in messages.</summary>
    private static void ForEachPart(RankModel model, Action<Part> action)
    {
        foreach (NativeBuffer buffer in new[] { model.Store.Weights, model.Store.FirstMoment, model.Store.SecondMoment })
        {
            for (long start = 0; start < buffer.Length; start += PartFloats)
                action(new Part(buffer, start, (int)Math.Min(PartFloats, buffer.Length - start)));
        }
    }

    /// <summary>A part of a buffer that one message carries.</summary>
    private readonly record struct Part(NativeBuffer Buffer, long Start, int Length)
    {
        public unsafe Span<float> Span => new(Buffer.Pointer + Start, Length);
    }
}
