//! What this machine has: memory and processors, for rules and plans that ask whether a lab fits.

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

#[cfg(test)]
mod tests {
    #[test]
    fn a_machine_has_something() {
        let found = super::capacity();
        assert!(found.memory_mib > 64 && found.cpus > 0, "{found:?}");
        assert!(found.memory_free_mib <= found.memory_mib, "{found:?}");
    }
}
