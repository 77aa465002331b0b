using System.Runtime.ExceptionServices;
using ParallelDsl.Collectives;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Transports;

namespace ParallelDsl.Execution;

/// <summary>Sums the gradients of a rank over its replicas, in buckets of a fixed size, each as soon as the last W of the step has added to it:
/// on a thread of its own, while the rank computes the rest of its backwards.</summary>
/// <remarks>
/// <para>Replicas run the same program, so buckets become ready in the same order on all of them; in that order they are reduced. A bucket is one
/// all-reduce in place, so its sums, and their bits, do not depend on when it runs, and no memory is needed beside the group's own.</para>
/// <para>A parameter that several layers share waits for all of them. One that two positions of the pipeline share is summed over both after
/// the program; what is in a bucket with it waits for the end.</para>
/// </remarks>
internal sealed unsafe class GradientBuckets : IWeightPasses, IDisposable
{
    private readonly object _gate = new();
    private readonly ITransport _transport;
    private readonly ProcessGroup _replicas;
    private readonly ParameterStore _store;
    private readonly Dictionary<LayerModule, int[]> _bucketsOf = [];
    private readonly int[] _passes;
    private readonly int[] _missing;
    private readonly int[] _ready;
    private readonly int _bucketFloats;
    private readonly bool _overlaps;
    private Thread? _thread;
    private volatile bool _isAwaited;
    private int _given;
    private int _done;
    private bool _ended;
    private Exception? _failure;

    /// <summary>Finds out which W is the last for every bucket.</summary>
    /// <param name="model">The rank's part of the model.</param>
    /// <param name="transport">The rank's transport.</param>
    /// <param name="ranks">Its replicas in the order of sums.</param>
    /// <param name="context">Of the replicas' messages.</param>
    /// <param name="reduction">Their algorithm.</param>
    /// <param name="options">Their size, and when they begin.</param>
    public GradientBuckets(
        RankModel model, ITransport transport, ReadOnlySpan<int> ranks, int context, CollectivePlan reduction, GradientOptions options)
    {
        _transport = transport.Ahead(() => _isAwaited);
        _replicas = new ProcessGroup(_transport, ranks, context, reduction);
        _store = model.Store;
        (_bucketFloats, _overlaps) = (options.BucketFloats, options.Overlaps);
        int buckets = checked((int)((_store.Length + _bucketFloats - 1) / _bucketFloats));
        _passes = new int[buckets];
        _missing = new int[buckets];
        _ready = new int[buckets];
        PipelineAction[] program = [.. model.Plan.Programs[model.Coordinate.Pipeline].Actions];
        foreach (LayerModule layer in model.Layers.OfType<LayerModule>())
        {
            int stage = model.Plan.Stages.Last(item => item.FirstLayer <= layer.Layer.Index).Index;
            int weights = program.Count(action => action.Stage == stage && action.Kind is (ActionKind.Backward or ActionKind.BackwardWeight));
            int[] own = [.. layer.Parameters.SelectMany(spec => BucketsOf(_store.Find(spec.Tensors[0])!)).Distinct()];
            _bucketsOf.Add(layer, own);
            foreach (int bucket in own)
                _passes[bucket] += weights;
        }

        // One pass more, which comes after the program.
        foreach (int bucket in model.TiedTables.SelectMany(tied => BucketsOf(tied.Table)).Distinct())
            _passes[bucket]++;
    }

    /// <summary>The replicas.</summary>
    public ReadOnlySpan<int> Ranks => _replicas.Ranks;

    /// <summary>Buckets that were reduced in this step before its program ended, as far as they were ready then.</summary>
    public int Early { get; private set; }

    /// <summary>The number of buckets.</summary>
    public int Count => _passes.Length;

    /// <summary>Starts a step.</summary>
    public void Begin()
    {
        _passes.CopyTo(_missing, 0);
        lock (_gate)
            (_given, _done) = (0, 0);
    }

    /// <inheritdoc/>
    public void Ended(LayerModule layer)
    {
        if (_replicas.Size == 1)
            return;
        foreach (int bucket in _bucketsOf[layer])
        {
            if (--_missing[bucket] == 0 && _overlaps)
                Give(bucket);
        }
    }

    /// <summary>After the program, and after the sums over positions: reduces what is left, and returns once all is reduced.</summary>
    /// <exception cref="TransportException">The run was aborted, or a replica failed.</exception>
    public void Finish()
    {
        if (_replicas.Size == 1)
            return;
        Early = _given;
        for (int bucket = 0; bucket < _missing.Length; bucket++)
        {
            if (_missing[bucket] > 0 || !_overlaps)
                Give(bucket);
        }

        _isAwaited = true;
        lock (_gate)
        {
            while (_done < _given && _failure is null)
                Monitor.Wait(_gate);
        }

        _isAwaited = false;
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
    }

    /// <summary>Ends the thread. After a failure the run must be aborted before, so that a reduction that waits ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }

        _thread?.Join();
    }

    private IEnumerable<int> BucketsOf(Parameter parameter)
    {
        long end = parameter.Offset + parameter.Spec.Length;
        for (long bucket = parameter.Offset / _bucketFloats; bucket * _bucketFloats < end; bucket++)
            yield return (int)bucket;
    }

    private void Give(int bucket)
    {
        lock (_gate)
        {
            _ready[_given++] = bucket;
            if (_thread is null)
            {
                _thread = new Thread(Run) { Name = $"gradients of rank {_transport.Rank}", IsBackground = true };
                _thread.Start();
            }

            Monitor.PulseAll(_gate);
        }
    }

    private void Run()
    {
        while (TryTake(out int bucket))
        {
            Exception? failure = null;
            try
            {
                long start = (long)bucket * _bucketFloats;
                _replicas.AllReduce(new Span<float>(_store.Gradients.Pointer + start, (int)Math.Min(_bucketFloats, _store.Length - start)));
            }
#pragma warning disable CA1031 // Whatever it is, it is thrown on the rank's thread.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = exception;

                // The rank may wait for others, and they for it.
                _transport.Abort(exception);
            }

            lock (_gate)
            {
                _done++;
                _failure ??= failure;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private bool TryTake(out int bucket)
    {
        lock (_gate)
        {
            while (!_ended && (_done == _given || _failure is not null))
                Monitor.Wait(_gate);
            bucket = _ended ? 0 : _ready[_done];
            return !_ended;
        }
    }
}

/// <summary>How gradients are summed over replicas. All ranks of a run have the same.</summary>
/// <param name="BucketFloats">Floats of a bucket.</param>
/// <param name="Overlaps">Whether a bucket is reduced while the rank still computes. The bits are the same.</param>
internal readonly record struct GradientOptions(int BucketFloats, bool Overlaps)
{
    /// <summary>Those of training.</summary>
    public static GradientOptions Default { get; } = new(CollectivePlan.BucketBytes / sizeof(float), true);
}
