//! What this machine has: memory and processors, for rules and plans that ask whether a lab fits.

use std::path::Path;

/// Memory and processors of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// All of its memory, in MiB.
    pub memory_mib: u64,
    /// Memory that programs could have now, in MiB.
    pub memory_free_mib: u64,
    /// Processors that run at the same time.
    pub cpus: usize,
}

/// What this machine has now. A figure that the system does not tell is 0.
pub fn capacity() -> Capacity {
    const MIB: u64 = 1024 * 1024;
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let Ok(mut system) = sysinfo::System::new() else { return Capacity { memory_mib: 0, memory_free_mib: 0, cpus } };
    system.refresh_memory();
    Capacity { memory_mib: system.total_memory() / MIB, memory_free_mib: system.available_memory() / MIB, cpus }
}

/// How much room there is on the disk that holds a folder, or would hold it, in MiB; `None` where the system does not tell.
pub fn disk_free_mib(folder: &Path) -> Option<u64> {
    const MIB: u64 = 1024 * 1024;
    let disks = sysinfo::Disks::new_with_refreshed_list().ok()?;
    // The disk whose place is the longest part of the folder's path.
    let holding = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
    holding.max_by_key(|disk| disk.mount_point().as_os_str().len()).map(|disk| disk.available_space() / MIB)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_machine_has_something() {
        let found = super::capacity();
        assert!(found.memory_mib > 64 && found.cpus > 0, "{found:?}");
        assert!(found.memory_free_mib <= found.memory_mib, "{found:?}");
    }
}
