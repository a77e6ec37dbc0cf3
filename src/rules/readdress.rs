//! What the rules about addresses share: giving an adapter or a whole network other addresses, with all that follows.

use super::Facts;
use crate::model::{
    Adapter, Allow, Bind, DhcpRange, Edit, Ipv4Net, Lab, ListEdit, Network, NetworkName, Node, NodeName, Peer, Service, Value, Vip,
};
use std::net::Ipv4Addr;

/// How many subnets of a range are tried for a free one.
const SUBNETS_TRIED_MAX: usize = 512;

/// Moving a network looks at every node. It is offered while that is at most so much work for all networks together.
const MOVES_MAX: usize = 4_000_000;

/// Edits that give an adapter another address; services bound to the old one move along.
pub(super) fn adapter(node_name: &NodeName, node: &Node, slot: usize, to: Ipv4Addr) -> Vec<Edit> {
    let Some(adapter) = node.adapters.get(slot) else { return Vec::new() };
    let change = ListEdit::Replace(Adapter { address: Some(to), ..adapter.clone() });
    let mut edits = vec![Edit::Adapter { node: node_name.clone(), slot, change }];
    let Some(old) = adapter.address else { return edits };
    let has_other = node.adapters.iter().enumerate().any(|(other, there)| other != slot && there.address == Some(old));
    let bound = node.services.iter().filter(|(_, service)| !has_other && service.bind == Bind::Address(old));
    edits.extend(bound.map(|(name, service)| Edit::Service {
        node: node_name.clone(),
        name: name.clone(),
        at: None,
        to: Some(Box::new(Service { bind: Bind::Address(to), ..service.clone() })),
    }));
    edits
}

/// The fix that gives an adapter the next free address of its network.
pub(super) fn to_free(facts: &Facts<'_>, node_name: &NodeName, node: &Node, slot: usize) -> Option<(String, Vec<Edit>)> {
    let free = facts.free_address(&node.adapters.get(slot)?.network)?;
    Some((format!("Use {free}"), adapter(node_name, node, slot, free)))
}

/// The fix that gives a VIP the next free address of its network.
pub(super) fn vip_to_free(facts: &Facts<'_>, name: &crate::model::VipName, vip: &Vip) -> Option<(String, Vec<Edit>)> {
    let free = facts.free_address(&vip.network)?;
    let to = Some(Vip { address: free, ..vip.clone() });
    Some((format!("Use {free}"), vec![Edit::Vip { name: name.clone(), at: None, to }]))
}

/// The fix that moves a network to a free subnet of the same size in one of these ranges; `None` where there is none.
pub(super) fn network_to_free(facts: &Facts<'_>, name: &NetworkName, ranges: &[Ipv4Net], size: Ipv4Net) -> Option<(String, Vec<Edit>)> {
    let lab = facts.lab;
    if lab.networks.len().saturating_mul(lab.nodes.len()) > MOVES_MAX {
        return None;
    }
    let free = free_subnet(facts, ranges, size)?;
    Some((format!("Move {name} to {free}"), network(lab, name, free)))
}

/// A subnet as large as this one, in one of these ranges, that no network has; `None` where there is no room.
fn free_subnet(facts: &Facts<'_>, ranges: &[Ipv4Net], size: Ipv4Net) -> Option<Ipv4Net> {
    let inside = ranges.iter().filter(|range| range.prefix_len() <= size.prefix_len());
    let candidates = inside.filter_map(|range| range.subnets(size.prefix_len()).ok()).flat_map(|subnets| subnets.take(SUBNETS_TRIED_MAX));
    candidates.into_iter().find(|subnet| !facts.is_subnet_taken(*subnet))
}

/// Edits that move a network to another subnet of the same size, with its adapters, VIPs, DHCP range, and the services,
/// allow lists and settings that name its addresses.
fn network(lab: &Lab, name: &NetworkName, to: Ipv4Net) -> Vec<Edit> {
    let Some((network, from)) = lab.networks.get(name).and_then(|network| Some((network, network.subnet?))) else { return Vec::new() };
    let shift = Shift { from, to };
    let dhcp = network.dhcp.map(|range| DhcpRange { from: shift.address(range.from), to: shift.address(range.to) });
    let moved = Network { subnet: Some(to), dhcp, ..network.clone() };
    let mut edits = vec![Edit::Network { name: name.clone(), at: None, to: Some(moved) }];
    for (node_name, node) in lab.nodes.iter().filter(|(_, node)| may_name(node, name)) {
        let mut changed = node.clone();
        let mut own_addresses = Vec::new();
        for adapter in changed.adapters.iter_mut().filter(|adapter| adapter.network == *name) {
            own_addresses.extend(adapter.address);
            adapter.address = adapter.address.map(|address| shift.address(address));
        }
        for service in changed.services.values_mut() {
            shift.service(service, &own_addresses);
        }
        if changed != *node {
            edits.push(Edit::Node { name: node_name.clone(), at: None, to: Some(Box::new(changed)) });
        }
    }
    for (vip_name, vip) in lab.vips.iter().filter(|(_, vip)| vip.network == *name) {
        let to = Some(Vip { address: shift.address(vip.address), ..vip.clone() });
        edits.push(Edit::Vip { name: vip_name.clone(), at: None, to });
    }
    edits
}

/// Whether a node may name addresses of a network: by an adapter on it, or in a list of a service.
fn may_name(node: &Node, network: &NetworkName) -> bool {
    let lists = |service: &Service| {
        matches!(service.allow, Allow::Only(_)) || service.settings.values().any(|value| matches!(value, Value::List(_)))
    };
    node.adapters.iter().any(|adapter| adapter.network == *network) || node.services.values().any(lists)
}

/// A move from one subnet to another of the same size.
#[derive(Clone, Copy)]
struct Shift {
    from: Ipv4Net,
    to: Ipv4Net,
}

impl Shift {
    /// Where an address goes: to the same place in the other subnet; one from elsewhere stays.
    fn address(self, address: Ipv4Addr) -> Ipv4Addr {
        if !self.from.contains(&address) {
            return address;
        }
        let host = u32::from(address) & u32::from(self.from.hostmask());
        Ipv4Addr::from(u32::from(self.to.network()) | host)
    }

    fn subnet(self, subnet: Ipv4Net) -> Ipv4Net {
        if !self.from.contains(&subnet) {
            return subnet;
        }
        Ipv4Net::new(self.address(subnet.addr()), subnet.prefix_len()).unwrap_or(subnet)
    }

    fn service(self, service: &mut Service, own_addresses: &[Ipv4Addr]) {
        if let Bind::Address(address) = &mut service.bind
            && own_addresses.contains(address)
        {
            *address = self.address(*address);
        }
        if let Allow::Only(peers) = &mut service.allow {
            for peer in peers {
                if let Peer::Subnet(subnet) = peer {
                    *subnet = self.subnet(*subnet);
                }
            }
        }
        for value in service.settings.values_mut() {
            if let Value::List(items) = value {
                for item in items {
                    if let Ok(subnet) = item.parse::<Ipv4Net>() {
                        *item = self.subnet(subnet).to_string();
                    }
                }
            }
        }
    }
}
