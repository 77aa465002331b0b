using static System.FormattableString;

namespace ParallelDsl.Planning.Clusters;

/// <summary>Published peak figures of devices. Rates are dense (no sparsity) with float32 accumulation where the maker tells them apart;
/// link rates are one direction, half of what makers print for both.</summary>
public static class DeviceCatalogue
{
    private const long GiB = 1L << 30;

    /// <summary>Every device but <see cref="DeviceKind.Custom"/>, in the order of <see cref="DeviceKind"/>.</summary>
    public static EquatableArray<DeviceSpec> All { get; } = new(
    [
        new(DeviceKind.Host, "Host", 4 * GiB, 100, 10, 5,
            "nominal figures of this project for one rank's share of the machine, float32; not published by anyone"),
        new(DeviceKind.A100Sxm80, "NVIDIA A100 SXM 80GB", 80 * GiB, 312_000, 2_039, 300,
            "NVIDIA A100 Tensor Core GPU data sheet: 312 TFLOPS bfloat16, 2,039 GB/s, NVLink 600 GB/s both directions"),
        new(DeviceKind.A800Sxm, "NVIDIA A800 SXM 80GB", 80 * GiB, 312_000, 2_039, 200,
            "NVIDIA A800 Tensor Core GPU data sheet: 312 TFLOPS bfloat16, 2,039 GB/s, NVLink 400 GB/s both directions"),
        new(DeviceKind.H100Sxm, "NVIDIA H100 SXM 80GB", 80 * GiB, 989_000, 3_350, 450,
            "NVIDIA H100 Tensor Core GPU data sheet: 1,979 TFLOPS bfloat16 with sparsity (989 dense), 3.35 TB/s, NVLink 900 GB/s both directions"),
        new(DeviceKind.H800Sxm, "NVIDIA H800 SXM 80GB", 80 * GiB, 989_000, 3_350, 200,
            "NVIDIA H800 Tensor Core GPU data sheet: 1,979 TFLOPS bfloat16 with sparsity (989 dense), 3.35 TB/s, NVLink 400 GB/s both directions"),
        new(DeviceKind.H200Sxm, "NVIDIA H200 SXM 141GB", 141_000_000_000, 989_000, 4_800, 450,
            "NVIDIA H200 Tensor Core GPU data sheet: 1,979 TFLOPS bfloat16 with sparsity (989 dense), 141 GB, 4.8 TB/s, NVLink 900 GB/s both directions"),
        new(DeviceKind.Mi300X, "AMD Instinct MI300X 192GB", 192 * GiB, 1_307_000, 5_300, 448,
            "AMD Instinct MI300X data sheet: 1,307.4 TFLOPS bfloat16, 192 GB, 5.3 TB/s, 7 Infinity Fabric links of 128 GB/s both directions"),
        new(DeviceKind.Rtx4090, "NVIDIA GeForce RTX 4090 24GB", 24 * GiB, 165_000, 1_008, 32,
            "NVIDIA Ada GPU architecture whitepaper, appendix A: 165.2 TFLOPS bfloat16 with float32 accumulation, 1,008 GB/s, PCI Express 4.0 x16"),
        new(DeviceKind.Rtx5090, "NVIDIA GeForce RTX 5090 32GB", 32 * GiB, 209_500, 1_792, 64,
            "NVIDIA RTX Blackwell GPU architecture whitepaper, appendix A: 209.5 TFLOPS bfloat16 with float32 accumulation, 1,792 GB/s, PCI Express 5.0 x16"),
        new(DeviceKind.L4, "NVIDIA L4 24GB", 24 * GiB, 121_000, 300, 32,
            "NVIDIA L4 Tensor Core GPU data sheet: 242 TFLOPS bfloat16 with sparsity (121 dense), 300 GB/s, PCI Express 4.0 x16 64 GB/s both directions"),
        new(DeviceKind.T4, "NVIDIA T4 16GB", 16 * GiB, 65_000, 320, 16,
            "NVIDIA T4 Tensor Core GPU data sheet: 65 TFLOPS float16, up to 320 GB/s, PCI Express 3.0 x16 32 GB/s both directions"),
    ]);

    /// <summary>The names that <see cref="FromName"/> knows: those of <see cref="DeviceKind"/> without
    /// <see cref="DeviceKind.Custom"/>.</summary>
    public static IEnumerable<string> Names => All.Select(device => device.Kind.ToString());

    /// <summary>The device of <paramref name="kind"/>.</summary>
    /// <exception cref="ArgumentException">The kind is <see cref="DeviceKind.Custom"/>, which has no figures, or none at all.</exception>
    public static DeviceSpec Of(DeviceKind kind) => kind >= DeviceKind.Host && (int)kind < All.Count
        ? All[(int)kind]
        : throw new ArgumentException(Invariant($"{kind} has no figures in the catalogue; give them yourself"), nameof(kind));

    /// <summary>The device whose <see cref="DeviceKind"/> is spelled <paramref name="name"/>, or null.</summary>
    public static DeviceSpec? FromName(string name) =>
        All.Where(device => device.Kind.ToString() == name).FirstOrDefault();

    /// <summary>A device with figures of one's own.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="memoryBytes">Memory, bytes.</param>
    /// <param name="flopsPerNanosecond">Peak dense rate of the training type: GFLOP/s.</param>
    /// <param name="memoryBytesPerNanosecond">Peak memory bandwidth: GB/s.</param>
    /// <param name="linkBytesPerNanosecond">Peak rate to the other devices of the node, one direction: GB/s.</param>
    public static DeviceSpec Custom(
        string name, long memoryBytes, long flopsPerNanosecond, long memoryBytesPerNanosecond, long linkBytesPerNanosecond) =>
        new(DeviceKind.Custom, name, memoryBytes, flopsPerNanosecond, memoryBytesPerNanosecond, linkBytesPerNanosecond, "declared");
}
