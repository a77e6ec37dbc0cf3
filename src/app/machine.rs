//! What the rules are told of this machine: how much it has, and which host-only networks VirtualBox may make on it.

use crate::host::{
    file::read_bounded,
    folder::{Location, locate},
    machine,
};
use crate::model::{Host, Lab};
use crate::rules::{Context, host_only_ranges};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

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
    Context { host, host_only_ranges, ..Context::default() }
}

/// Images of a lab that are files behind symbolic links, and where those lead; its layout is in this folder.
pub fn links(lab: &Lab, folder: &Path) -> BTreeMap<String, PathBuf> {
    let images = lab.image.iter().chain(lab.nodes.values().filter_map(|node| node.image.as_ref()));
    let names: BTreeSet<&str> = images.filter_map(|image| image.file()).filter(|name| is_below(name)).collect();
    let links = names.into_iter().filter_map(|name| match locate(folder, name) {
        Location::Outside { file, .. } => Some((name.to_owned(), file)),
        Location::Below(_) => None,
    });
    links.collect()
}

/// Whether a path's text stays below the folder; then only a link can lead out of it.
fn is_below(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
