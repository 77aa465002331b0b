using CsCheck;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>Steps of pipelines on several data ranks.</summary>
public class StepSimulatorTests
{
    private static readonly StepSimulator Simulator = new();

    private static readonly Gen<StepWork> SomeStep =
        from dataRanks in Gen.Int[1, 4]
        from stages in Gen.Int[1, 5]
        from slots in Gen.Int[1, 7]
        from lag in Gen.Int[0, 8]
        from numbers in Gen.Int[0, 1_000_000].Array[dataRanks * stages * slots]
        select Filled(new StepWork(dataRanks, stages, slots, lag), numbers);

    [Fact]
    public void Uniform_units_take_m_plus_p_less_one_of_both_at_every_lag()
    {
        for (int stages = 1; stages <= 6; stages++)
        {
            for (int slots = 1; slots <= 9; slots++)
            {
                for (int lag = 0; lag <= slots + 1; lag++)
                {
                    var work = new StepWork(2, stages, slots, lag);
                    for (int rank = 0; rank < 2; rank++)
                    {
                        for (int slot = 0; slot < slots; slot++)
                            work.SetSlot(rank, slot, 10, 23);
                    }

                    StepTimes times = Simulator.Run(work);
                    Assert.Equal((slots + stages - 1) * 33, times.Makespan);
                    Assert.All(times.Busy, busy => Assert.Equal(slots * 33, busy));
                    Assert.All(times.Bubble, bubble => Assert.Equal((stages - 1) * 33, bubble));
                }
            }
        }
    }

    [Fact]
    public void One_stage_takes_the_sum() => Cases.Check(Gen.Select(Gen.Long[0, 50].Array[12], Gen.Int[0, 7]), 100, input =>
    {
        var work = new StepWork(1, 1, 6, input.Item2);
        for (int slot = 0; slot < 6; slot++)
            work.SetSlot(0, slot, input.Item1[slot], input.Item1[6 + slot]);
        Assert.Equal(input.Item1.Sum(), Simulator.Run(work).Makespan);
    });

    [Fact]
    public void A_slot_that_is_longer_on_one_data_rank_holds_up_those_that_are_joined_to_it()
    {
        // Two stages, two slots of 10 and 20; the first slot of data ranks 0 and 1 is one of 40 and 80, data rank 2 is on its own.
        var work = new StepWork(3, 2, 2);
        for (int rank = 0; rank < 3; rank++)
        {
            work.SetSlot(rank, 0, 10, 20);
            work.SetSlot(rank, 1, 10, 20);
        }

        work.SetSlot(1, 0, 40, 80);
        (work.ForwardLeaders[1 * 2], work.BackwardLeaders[1 * 2]) = (0, 0);
        StepTimes times = Simulator.Run(work);

        // Stage 0: F0 40, F1 10, B0 from 160 (F0 and B0 of stage 1) to 240, B1 20; data rank 2 takes 3 x 30.
        Assert.Equal(260, times.Makespan);
        Assert.Equal([150, 150, 150, 150, 60, 60], times.Busy);
        Assert.Equal([110, 110, 110, 110, 200, 200], times.Bubble);
    }

    [Fact]
    public void One_data_rank_without_lag_agrees_with_the_simulator_of_pipelines() => Cases.Check(SomeStep, 300, step =>
    {
        // That simulator has one cost a stage: those of slot 0, for all slots.
        var work = new StepWork(1, step.Stages, step.Slots);
        for (int stage = 0; stage < step.Stages; stage++)
        {
            for (int slot = 0; slot < step.Slots; slot++)
            {
                work.Forward[work.Cell(0, stage, slot)] = step.Forward[step.Cell(0, stage, 0)];
                work.Backward[work.Cell(0, stage, slot)] = step.Backward[step.Cell(0, stage, 0)];
            }
        }

        step.Hops.CopyTo(work.Hops, 0);
        var orders = PipelineOrders.Of(PipelineSchedule.OneForwardOneBackward, step.Stages, step.Slots);
        EquatableArray<int> placement = PipelineOrders.PlacementOf(PipelineSchedule.OneForwardOneBackward, step.Stages);
        long[] Column(long[] times) => [.. Enumerable.Range(0, step.Stages).Select(stage => times[step.Cell(0, stage, 0)])];
        var costs = new StageCosts(new(Column(step.Forward)), new(Column(step.Backward)), new(new long[step.Stages]), new([.. step.Hops, 0]));
        Timeline timeline = PipelineSimulator.Run(PipelinePrograms.WithTransfers(orders, placement, step.Slots), placement, costs);
        StepTimes times = Simulator.Run(work);
        Assert.Equal(timeline.Makespan, times.Makespan);
        Assert.Equal(timeline.Work, new EquatableArray<long>(times.Busy));
    });

    [Fact]
    public void Times_are_those_of_the_tasks_on_a_cluster() => Cases.Check(SomeStep, 300, work =>
    {
        // Every action a task of the engine, a hop a delay, a joined slot a gate that all of its data ranks wait for.
        int devices = work.DataRanks * work.Stages;
        var graph = new TaskGraph();
        var gates = new Dictionary<(bool Forward, int Leader, int Stage, int Slot), int>();
        var tasks = new Dictionary<(bool Forward, int Rank, int Stage, int Slot), int>();
        foreach (bool forward in new[] { true, false })
        {
            int[] leaders = forward ? work.ForwardLeaders : work.BackwardLeaders;
            for (int rank = 0; rank < work.DataRanks; rank++)
            {
                for (int stage = 0; stage < work.Stages; stage++)
                {
                    for (int slot = 0; slot < work.Slots; slot++)
                    {
                        int leader = leaders[(rank * work.Slots) + slot];
                        long longest = Enumerable.Range(0, work.DataRanks).Where(other => leaders[(other * work.Slots) + slot] == leader)
                            .Max(other => (forward ? work.Forward : work.Backward)[work.Cell(other, stage, slot)]);
                        if (!gates.TryGetValue((forward, leader, stage, slot), out int gate))
                            gates.Add((forward, leader, stage, slot), gate = graph.AddDelay());
                        int task = graph.AddCompute((rank * work.Stages) + stage, longest);
                        graph.Wait(task, gate);
                        tasks.Add((forward, rank, stage, slot), task);
                    }
                }
            }
        }

        foreach (((bool forward, int rank, int stage, int slot), int task) in tasks)
        {
            int gate = gates[(forward, (forward ? work.ForwardLeaders : work.BackwardLeaders)[(rank * work.Slots) + slot], stage, slot)];
            int source = forward ? stage - 1 : stage + 1;
            if (source >= 0 && source < work.Stages)
            {
                int hop = graph.AddDelay(work.Hops[Math.Min(stage, source)]);
                graph.Wait(hop, tasks[(forward, rank, source, slot)]);
                graph.Wait(gate, hop);
            }

            // The order of the stage as a list: warm-up, pairs, the rest.
            var order = new List<(bool Forward, int Slot)>();
            int warmUp = Math.Min(work.Slots, work.Stages - 1 - stage + work.Lag);
            order.AddRange(Enumerable.Range(0, warmUp).Select(each => (true, each)));
            for (int backward = 0; backward < work.Slots; backward++)
            {
                if (warmUp + backward < work.Slots)
                    order.Add((true, warmUp + backward));
                order.Add((false, backward));
            }

            int place = order.IndexOf((forward, slot));
            if (place > 0)
                graph.Wait(gate, tasks[(order[place - 1].Forward, rank, stage, order[place - 1].Slot)]);

            // What the lag promises.
            if (!forward)
                Assert.True(order.IndexOf((true, Math.Min(slot + work.Lag, work.Slots - 1))) < place);
        }

        var cluster = new ClusterSimulator(new(new([new(devices, 0, 0, 1)])));
        cluster.Run(graph);
        StepTimes times = Simulator.Run(work);
        Assert.Equal(cluster.Makespan, times.Makespan);
        Assert.Equal(Enumerable.Range(0, devices).Select(cluster.BusyOf), times.Busy);
    });

    [Fact]
    public void Mistakes_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new StepWork(1, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new StepWork(1, 1, 1, -1));
        var work = new StepWork(2, 1, 1);
        work.ForwardLeaders[0] = 1;
        Assert.Contains("data rank 1 does not lead data rank 0 in slot 0", Assert.Throws<ArgumentException>(() => Simulator.Run(work)).Message);
        work = new StepWork(1, 1, 1);
        work.Forward[0] = -1;
        Assert.Throws<ArgumentException>(() => Simulator.Run(work));
    }

    private static StepWork Filled(StepWork work, int[] numbers)
    {
        for (int cell = 0; cell < work.Forward.Length; cell++)
            (work.Forward[cell], work.Backward[cell]) = (numbers[cell] % 20, numbers[cell] / 20 % 40);
        for (int boundary = 0; boundary < work.Hops.Length; boundary++)
            work.Hops[boundary] = numbers[boundary] / 800 % 6;

        // Each joins a data rank before it that leads, or is alone.
        for (int rank = 1; rank < work.DataRanks; rank++)
        {
            for (int slot = 0; slot < work.Slots; slot++)
            {
                int number = numbers[(rank * work.Slots) + slot] / 5_000;
                (int forward, int backward) = (number % (rank + 1), number / 7 % (rank + 1));
                int index = (rank * work.Slots) + slot;
                if (work.ForwardLeaders[(forward * work.Slots) + slot] == forward)
                    work.ForwardLeaders[index] = forward;
                if (work.BackwardLeaders[(backward * work.Slots) + slot] == backward)
                    work.BackwardLeaders[index] = backward;
            }
        }

        return work;
    }
}
