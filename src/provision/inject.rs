//! What breaks something inside a node, and what undoes it: two scripts a node, and what can go wrong first.
//!
//! The undo is put on the node before anything is broken, with a timer of the node's own that runs it when the time is up: whoever
//! broke it may be gone by then. Undoing what was never done, or half done, or undone, is no error. Each fault has rules, files
//! and units of its own, so that healing one never heals another.

use super::{
    script::{Draft, Script},
    service::SERVICES_FOLDER,
    slug,
};
use crate::catalog::Catalog;
use crate::model::{Fault, LOOKUP_PORTS, Mac, MachineSpec, NodeName, Observed, ServiceRef, ServiceSpec};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddrV4},
};

/// The functions of these scripts.
const BREAK: &str = include_str!("../../assets/node/break.sh");
/// How long breaking or mending something may take, in seconds.
const BREAK_SECS: u32 = 60;
/// How long a service may take to start again, in seconds.
const START_SECS: u32 = 150;
/// Part of a node's drawn memory that is used up at most, in percent.
pub const MEMORY_PERCENT: u64 = 80;
/// Part of a node's memory that is left of what was available, in percent.
pub const MEMORY_FREE_PERCENT: u64 = 5;

/// What is done on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Where.
    pub node: NodeName,
    /// Puts the undo there, sets the timer, and breaks.
    pub inject: Script,
}

/// Why a fault has no script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NoScript {
    /// What stands against it.
    pub why: String,
}

/// What the scripts must know beside the fault.
pub struct Facts<'a> {
    /// What is set up.
    pub seen: &'a Observed,
    /// The fault's number in this lab.
    pub id: u64,
    /// How long it may last, in seconds.
    pub secs: u32,
    /// A certificate that is out of date and its key, in PEM, for the fault that needs one.
    pub expired: Option<(&'a str, &'a str)>,
}

/// What breaks, and where: one or two nodes, or all those on either side of a cut.
///
/// # Errors
/// Where the fault cannot be done inside a node, or falls on what is not set up.
pub fn inside(fault: &Fault, facts: &Facts<'_>) -> Result<Vec<Act>, NoScript> {
    let one = |node: &NodeName, call: &str, arguments: Vec<String>| Ok(vec![act(fault, facts, node, call, &arguments, BREAK_SECS)]);
    match fault {
        Fault::Stop(at) => on_service(fault, facts, at, "stop"),
        Fault::Kill(at) => on_service(fault, facts, at, "kill"),
        Fault::Hang(at) => on_service(fault, facts, at, "hang"),
        Fault::Restart(at) => on_service(fault, facts, at, "restart"),
        Fault::Cookie(at) => on_service(fault, facts, at, "cookie"),
        Fault::Expire(at) => expire(fault, facts, at),
        Fault::Block(at) => {
            let spec = service(fault, facts, at)?;
            let ports: BTreeSet<u16> = spec.listen.values().flatten().map(SocketAddrV4::port).collect();
            one(&at.node, "block", ports.iter().map(u16::to_string).collect())
        }
        Fault::LinkDown(node, network) => one(node, "link_down", vec![mac(facts, node, network)?]),
        Fault::Loss(node, network, percent) => one(node, "loss", vec![mac(facts, node, network)?, percent.to_string()]),
        Fault::Delay(node, network, ms) => one(node, "delay", vec![mac(facts, node, network)?, ms.to_string()]),
        Fault::OneWay(from, to) => Ok(vec![act(fault, facts, to, "drop_from", &addresses(facts, std::slice::from_ref(from))?, BREAK_SECS)]),
        Fault::Cut(left, right) => {
            let side = |side: &[NodeName], other: &[NodeName]| {
                let sources = addresses(facts, other)?;
                Ok(side.iter().map(|node| act(fault, facts, node, "drop_from", &sources, BREAK_SECS)).collect::<Vec<_>>())
            };
            Ok(side(left, right)?.into_iter().chain(side(right, left)?).collect())
        }
        Fault::FillDisk(node) => one(node, "fill_disk", vec![machine(facts, node)?.disk_gib.to_string()]),
        Fault::FillMemory(node) => {
            let mib = u64::from(machine(facts, node)?.memory_mib) * MEMORY_PERCENT / 100;
            one(node, "fill_memory", vec![mib.to_string(), (100 - MEMORY_FREE_PERCENT).to_string()])
        }
        Fault::HogCpu(node) => one(node, "hog_cpu", vec![machine(facts, node)?.cpus.to_string()]),
        Fault::Skew(node, secs) => one(node, "skew", vec![secs.to_string()]),
        Fault::NoDns(node) => one(node, "no_dns", LOOKUP_PORTS.iter().map(u16::to_string).collect()),
        Fault::PowerOff(_) | Fault::Pause(_) => Err(NoScript { why: "this can only be done from below the node".into() }),
    }
}

/// What undoes it on a node, whatever became of it there.
pub fn undo(fault: &Fault, id: u64) -> Script {
    let mut draft = Draft::new();
    draft.lines(BREAK);
    draft.call("undo_now", [id.to_string()]);
    draft.finish(format!("heal {fault}"), START_SECS)
}

/// Starts what is enabled on a node that was turned off and is on again.
pub fn start_all() -> Script {
    let mut draft = Draft::new();
    draft.lines(BREAK);
    draft.lines("start_all");
    draft.finish("start its services", START_SECS)
}

fn act(fault: &Fault, facts: &Facts<'_>, node: &NodeName, call: &str, arguments: &[String], secs: u32) -> Act {
    let mut draft = Draft::new();
    draft.lines(BREAK);
    let (id, lasts) = (facts.id.to_string(), facts.secs.to_string());
    draft.call("fault", [id.as_str(), lasts.as_str(), call].into_iter().chain(arguments.iter().map(String::as_str)));
    Act { node: node.clone(), inject: draft.finish(fault.to_string(), secs) }
}

fn on_service(fault: &Fault, facts: &Facts<'_>, at: &ServiceRef, call: &str) -> Result<Vec<Act>, NoScript> {
    service(fault, facts, at)?;
    let home = format!("{SERVICES_FOLDER}/{}", slug(&at.service));
    Ok(vec![act(fault, facts, &at.node, call, &[home], START_SECS)])
}

fn expire(fault: &Fault, facts: &Facts<'_>, at: &ServiceRef) -> Result<Vec<Act>, NoScript> {
    service(fault, facts, at)?;
    let Some((certificate, key)) = facts.expired else {
        return Err(NoScript { why: format!("{at} has no certificate of this lab's authority") });
    };
    let mut draft = Draft::new();
    draft.lines(BREAK);
    draft.call_with("keep_text", ["certificate"], certificate);
    draft.call_with("keep_text", ["key"], key);
    let home = format!("{SERVICES_FOLDER}/{}", slug(&at.service));
    let folder = format!("{}/{}", super::scene::TLS_FOLDER, slug(&at.service));
    draft.call("fault", [facts.id.to_string().as_str(), facts.secs.to_string().as_str(), "expire", home.as_str(), folder.as_str()]);
    Ok(vec![Act { node: at.node.clone(), inject: draft.finish(fault.to_string(), START_SECS) }])
}

/// The service that a fault falls on, as it is set up, where its kind has that fault.
fn service<'a>(fault: &Fault, facts: &Facts<'a>, at: &ServiceRef) -> Result<&'a ServiceSpec, NoScript> {
    let found = facts.seen.nodes.get(&at.node).and_then(|node| node.services.get(&at.service)?.spec.as_ref());
    let spec = found.ok_or_else(|| NoScript { why: format!("{at} is not set up") })?;
    // Whether a cookie is there the node itself says: its files are asked.
    let known = Catalog::embedded().get(&spec.kind).filter(|_| !matches!(fault, Fault::Cookie(_)));
    match known.and_then(|entry| entry.set_up_withstands(fault, spec)) {
        Some(why) => Err(NoScript { why: format!("{at}: {why}") }),
        None => Ok(spec),
    }
}

fn machine<'a>(facts: &Facts<'a>, node: &NodeName) -> Result<&'a MachineSpec, NoScript> {
    let found = facts.seen.nodes.get(node).and_then(|node| node.spec.as_ref());
    found.ok_or_else(|| NoScript { why: format!("there is no machine {node}") })
}

/// The hardware address of a node's card on a network, without colons.
fn mac(facts: &Facts<'_>, node: &NodeName, network: &str) -> Result<String, NoScript> {
    let adapter = machine(facts, node)?.adapters.iter().find(|adapter| adapter.network == *network);
    let found: Option<Mac> = adapter.map(|adapter| adapter.mac);
    found.map(|mac| mac.to_string().replace(':', "").to_lowercase()).ok_or_else(|| NoScript { why: format!("{node} is not on {network}") })
}

/// The addresses of some nodes: their own, and those of VIPs that they may hold.
fn addresses(facts: &Facts<'_>, nodes: &[NodeName]) -> Result<Vec<String>, NoScript> {
    let mut found: BTreeSet<Ipv4Addr> = BTreeSet::new();
    for node in nodes {
        let own = machine(facts, node)?.adapters.iter().filter_map(|adapter| adapter.address).map(|net| net.addr());
        found.extend(own);
    }
    if found.is_empty() {
        return Err(NoScript { why: "none of these nodes has an address of its own".into() });
    }
    Ok(found.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests;
