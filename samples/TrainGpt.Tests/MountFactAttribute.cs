using System.Diagnostics;

namespace TrainGpt.Tests;

/// <summary>A test that mounts a disk of its own, in a namespace of its own. Skipped where the system does not let it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MountFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> CanMount = new(() =>
    {
        if (!OperatingSystem.IsLinux())
            return false;
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    });

    public MountFactAttribute()
    {
        if (!CanMount.Value)
            Skip = "This system does not let a process mount a file system in its own namespace (unshare -rm).";
    }
}
