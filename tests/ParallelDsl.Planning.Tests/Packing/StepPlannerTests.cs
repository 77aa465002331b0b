using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Planning.Tests.Packing;

public class StepPlannerTests
{
    [Fact]
    public void Every_plan_is_sound()
    {
        var reused = new StepPlan();
        int fitted = 0, sliced = 0, merged = 0, asymmetric = 0, crossing = 0, refused = 0;
        Cases.Check(StepCases.Any, 4_000, input =>
        {
            if (!StepPlanner.TryPlan(input.Constants, input.Lengths, reused))
            {
                refused++;
                return;
            }

            fitted++;
            StepChecks.Sound(input.Constants, input.Lengths, reused);
            sliced += reused.IsSliced ? 1 : 0;
            asymmetric += reused.IsSymmetric ? 0 : 1;
            for (int ring = 0; ring < reused.RingCount; ring++)
            {
                merged += reused.RanksOf(ring)[0] / reused.SequenceRanks != reused.RanksOf(ring)[^1] / reused.SequenceRanks ? 1 : 0;
                crossing += reused.RingZones[ring] == Zone.InterNode ? 1 : 0;
            }
        });
        Assert.NotEqual("", $"fitted {fitted} refused {refused} sliced {sliced} asymmetric {asymmetric} merged {merged} crossing {crossing}");
    }
}
