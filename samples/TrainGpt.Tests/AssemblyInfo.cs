// Each test runs a process that takes all processors.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
