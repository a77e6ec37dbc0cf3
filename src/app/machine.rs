//! What the rules are told of this machine: how much it has, and which host-only networks VirtualBox may make on it.

use crate::host::{file::read_bounded, machine};
use crate::model::Host;
use crate::rules::{Context, host_only_ranges};
use std::path::Path;

/// Where an administrator says which host-only networks VirtualBox may make (manual, section 6.7).
const NETWORKS_FILE: &str = "/etc/vbox/networks.conf";
/// The largest such file that is read, in bytes.
const NETWORKS_BYTES_MAX: u64 = 64 * 1024;

/// Looks at this machine.
pub fn context() -> Context {
    let capacity = machine::capacity();
    let memory = u32::try_from(capacity.memory_mib).unwrap_or(u32::MAX);
    let cpus = u16::try_from(capacity.cpus).unwrap_or(u16::MAX);
    // What the system does not tell is 0, and then the rules are told nothing.
    let host = if memory > 0 && cpus > 0 { Some(Host { memory, cpus }) } else { None };
    // Most machines have no such file; then VirtualBox allows its own range.
    let networks = read_bounded(Path::new(NETWORKS_FILE), NETWORKS_BYTES_MAX).ok();
    let host_only_ranges = host_only_ranges(networks.as_deref().map(String::from_utf8_lossy).as_deref());
    Context { host, host_only_ranges }
}
