//! How much memory this process takes, where the system tells.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the system's figure holds a peak that should be forgotten.
static IS_STALE: AtomicBool = AtomicBool::new(false);

/// The most that it has had since it began, or since [`forget_peak`]; `None` too where the system couldn't forget what was before that.
pub fn peak_bytes() -> Option<u64> {
    if IS_STALE.load(Ordering::Relaxed) {
        return None;
    }
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Counts the most from now on, where the system does that.
pub fn forget_peak() {
    forget_peak_through(Path::new("/proc/self/clear_refs"));
}

fn forget_peak_through(file: &Path) {
    // 5 resets the peak of the resident set (Linux, proc_pid_clear_refs(5)). In many containers the file can't be written.
    let is_stale = std::fs::write(file, "5").is_err();
    IS_STALE.store(is_stale, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_that_could_not_be_forgotten_is_not_given_for_a_later_one() {
        let before = peak_bytes();
        forget_peak_through(Path::new("no/such/folder/clear_refs"));
        assert_eq!(peak_bytes(), None);
        let file = std::env::temp_dir().join(format!("clip-ttl-clear-refs-{}", std::process::id()));
        forget_peak_through(&file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(peak_bytes().is_some(), before.is_some());
    }
}
