//! Who has which address, by what nodes report: the holders of each VIP, why it is not held by exactly one candidate, and addresses
//! that belong to another node.

use super::page::Page;
use crate::model::{Health, NodeName, Observed, ObservedVip, Power, ServiceName, VipName};
use std::{collections::BTreeMap, net::Ipv4Addr};

/// A VIP, and who held it when it was last looked for.
#[derive(Debug, Default)]
pub(super) struct Token {
    pub(super) address: Option<Ipv4Addr>,
    pub(super) candidates: Vec<NodeName>,
    pub(super) follows: Option<ServiceName>,
    pub(super) holders: Vec<NodeName>,
    pub(super) since_ms: u64,
    pub(super) known: bool,
}

impl Token {
    /// The nodes that have the address now, of those that can still be heard: candidates first, then any other node of the lab.
    pub(super) fn find(&self, pages: &BTreeMap<NodeName, Page>, is_on: impl Fn(&NodeName) -> bool, now_ms: u64) -> Vec<NodeName> {
        let Some(address) = self.address else { return Vec::new() };
        let holds = |node: &&NodeName| is_on(node) && pages.get(*node).is_some_and(|page| page.is_fresh(now_ms) && has(page, address));
        let others = pages.keys().filter(|node| !self.candidates.contains(node));
        self.candidates.iter().chain(others).filter(holds).cloned().collect()
    }

    /// Nodes that have the address now, those that did not have it before first: they announced it last.
    pub(super) fn newest_first(&self, now: Vec<NodeName>) -> Vec<NodeName> {
        let (old, mut holders): (Vec<_>, Vec<_>) = now.into_iter().partition(|node| self.holders.contains(node));
        holders.extend(self.holders.iter().filter(|node| old.contains(node)).cloned());
        holders
    }

    /// Why it is not held by exactly one of its candidates; empty where it is.
    pub(super) fn reason(&self, seen: &Observed, pages: &BTreeMap<NodeName, Page>) -> String {
        let strangers: Vec<String> = self
            .holders
            .iter()
            .filter(|node| !self.candidates.contains(node))
            .map(|node| format!("{node} is not a candidate for it"))
            .collect();
        if !self.holders.is_empty() {
            return strangers.join("; ");
        }
        self.candidates.iter().map(|node| self.why_not(node, seen, pages)).collect::<Vec<_>>().join("; ")
    }

    /// Why a candidate does not hold it.
    fn why_not(&self, node: &NodeName, seen: &Observed, pages: &BTreeMap<NodeName, Page>) -> String {
        let Some(there) = seen.nodes.get(node) else { return format!("{node} is missing") };
        if there.power != Power::Running {
            return format!("{node} is {}", there.power.title());
        }
        let Some(page) = pages.get(node).filter(|page| page.is_fresh(seen.at_ms)) else { return format!("{node} does not report") };
        if !vrrp_runs(page) {
            return format!("keepalived does not run on {node}");
        }
        if let Some(service) = &self.follows
            && there.services.get(service).is_some_and(|service| service.health == Health::Down)
        {
            return format!("{node}/{service} is down");
        }
        let own = there.spec.iter().flat_map(|spec| &spec.adapters).filter_map(|adapter| adapter.address).map(|net| net.addr());
        for address in own {
            let thief = pages.iter().find(|(other, page)| *other != node && page.is_fresh(seen.at_ms) && has(page, address));
            if let Some((other, _)) = thief {
                return format!("{other} has {address}, the address of {node}");
            }
        }
        format!("{node} does not take it")
    }
}

/// Whether a node's keepalived runs, as far as it says.
pub(super) fn vrrp_runs(page: &Page) -> bool {
    page.facts.get("vrrp").is_none_or(|word| word != "stopped")
}

/// Fills in who holds each VIP, and nodes that have what is another's or take no part in what is theirs.
pub(super) fn fill(
    seen: &mut Observed,
    tokens: &BTreeMap<VipName, Token>,
    pages: &BTreeMap<NodeName, Page>,
    homes: &BTreeMap<NodeName, Vec<Ipv4Addr>>,
) {
    for (vip, token) in tokens {
        let reason = if token.known { token.reason(seen, pages) } else { String::new() };
        let shown = ObservedVip { address: token.address, holders: token.holders.clone(), since_ms: token.since_ms, reason };
        seen.vips.insert(vip.clone(), shown);
    }
    let fresh = |name: &NodeName| pages.get(name).filter(|page| page.is_fresh(seen.at_ms));
    let duplicates: Vec<_> =
        seen.nodes.keys().filter_map(|name| Some((name.clone(), duplicate(name, fresh(name)?, homes, seen)?))).collect();
    for (name, why) in duplicates {
        if let Some(node) = seen.nodes.get_mut(&name).filter(|node| node.power == Power::Running) {
            node.health = node.health.worse(Health::Degraded);
            node.reason = why;
        }
    }
    // One whose keepalived is stopped takes no part in any election, whatever was set up on it.
    for (name, node) in seen.nodes.iter_mut().filter(|(_, node)| node.power == Power::Running) {
        if pages.get(name).is_some_and(|page| !vrrp_runs(page)) {
            node.vips.clear();
        }
    }
}

/// What a node has that is the address of another: on a network that both are on, packets then reach the wrong one.
fn duplicate(node: &NodeName, page: &Page, homes: &BTreeMap<NodeName, Vec<Ipv4Addr>>, seen: &Observed) -> Option<String> {
    let nets: Vec<_> = seen.nodes.get(node)?.spec.iter().flat_map(|spec| &spec.adapters).filter_map(|adapter| adapter.address).collect();
    page.addresses.iter().find_map(|(_, net)| {
        let address = net.addr();
        let is_foreign = nets.iter().all(|own| own.addr() != address) && nets.iter().any(|own| own.contains(&address));
        let owner = homes.iter().find(|(other, all)| *other != node && all.contains(&address)).filter(|_| is_foreign)?.0;
        Some(format!("it has {address}, the address of {owner}"))
    })
}

fn has(page: &Page, address: Ipv4Addr) -> bool {
    page.addresses.iter().any(|(_, net)| net.addr() == address)
}
