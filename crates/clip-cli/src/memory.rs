//! How much memory this process takes, where the system tells.

/// The most that it has had since it began, or since [`forget_peak`].
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Counts the most from now on. Where the system doesn't do that, the peak stays that of the whole run.
pub fn forget_peak() {
    // 5 resets the peak of the resident set (Linux, proc_pid_clear_refs(5)).
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
