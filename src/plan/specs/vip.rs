//! VIPs, as each holder is to take part in their election.

use super::Unplannable;
use crate::model::{Holder, Ipv4Net, Lab, NodeName, Subject, Vip, VipName, VipSpec};
use std::net::Ipv4Addr;

/// What each holder is told, the highest priority first.
pub(super) fn specify(lab: &Lab, name: &VipName, vip: &Vip) -> Result<Vec<(NodeName, VipSpec)>, Unplannable> {
    let fail = |why: String| Unplannable { subject: Subject::Vip(name.clone()), why };
    let network = &vip.network;
    let subnet = lab
        .networks
        .get(network)
        .and_then(|wire| wire.subnet)
        .ok_or_else(|| fail(format!("{name} lies on {network}, which has no subnet; give {network} its subnet.")))?;
    let address = Ipv4Net::new(vip.address, subnet.prefix_len()).map_err(|error| fail(error.to_string()))?;
    let mut holders: Vec<(&Holder, Ipv4Addr)> = Vec::new();
    for holder in &vip.holders {
        let on_network = lab.nodes.get(&holder.node).and_then(|node| node.address_on(network));
        let address = on_network.ok_or_else(|| {
            fail(format!("{} may hold {name} and has no address on {network}; give it one, or take it off the holders.", holder.node))
        })?;
        holders.push((holder, address));
    }
    // A stable sort: equal priorities stay as drawn, and the first drawn wins (`Vip::first_holder`).
    holders.sort_by_key(|(holder, _)| std::cmp::Reverse(holder.priority));
    let spec = |holder: &Holder| VipSpec {
        address,
        network: network.clone(),
        id: vip.id,
        priority: holder.priority,
        peers: holders.iter().filter(|(other, _)| other.node != holder.node).map(|(_, address)| *address).collect(),
        follows: vip.follows.clone(),
        advertise_ms: vip.advertise_ms,
        preempt: vip.preempt,
    };
    Ok(holders.iter().map(|(holder, _)| (holder.node.clone(), spec(holder))).collect())
}
