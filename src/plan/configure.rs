//! Stage: machines have their names, addresses and the names of others.

use super::{
    Action, Change, Desired,
    graph::{Demand, Doing, Draft, Point},
    sight::{Sight, because},
};
use crate::model::{Ipv4Net, MachineSpec, NodeName, RouteSpec, Subject};
use std::collections::BTreeSet;

pub(super) fn stage(sight: &Sight<'_>, draft: &mut Draft) {
    for (name, spec) in &sight.desired.machines {
        let there = sight.node(name).filter(|_| !sight.fate(name).is_fresh());
        let reason = match there.and_then(|node| Some((node.configured, node.spec.as_ref()?))) {
            None => Some(format!("{name} has just been made.")),
            Some((configured, there)) => {
                let mut reasons = differences(spec, there);
                // Other adapters may carry other addresses inside, whatever the specification says of them.
                let plugs = |spec: &MachineSpec| spec.adapters.iter().map(|one| (one.network.clone(), one.mac)).collect::<Vec<_>>();
                if reasons.is_empty() && plugs(spec) != plugs(there) {
                    reasons.push("gets other adapters".into());
                }
                if reasons.is_empty() && !configured {
                    reasons.push("was not set up to the end".into());
                }
                (!reasons.is_empty()).then(|| because(name, &reasons))
            }
        };
        let doing = reason.map(|reason| Doing {
            action: action(sight.desired, name, spec),
            change: Change::Update,
            subject: Subject::Node(name.clone()),
            reason,
        });
        draft.put(Point::Configured(name.clone()), doing);
        draft.order(Point::On(name.clone()), Point::Configured(name.clone()), Demand::Nature);
    }
}

/// What configures a node as it is drawn.
pub(super) fn action(desired: &Desired, name: &NodeName, spec: &MachineSpec) -> Action {
    Action::Configure {
        node: name.clone(),
        spec: spec.clone(),
        kinds: desired.services.iter().filter(|(at, _)| at.node == *name).map(|(_, spec)| spec.kind.clone()).collect(),
        vips: desired.vips.keys().filter(|(_, node)| node == name).map(|(vip, _)| vip.clone()).collect(),
    }
}

fn differences(drawn: &MachineSpec, there: &MachineSpec) -> Vec<String> {
    let mut reasons = Vec::new();
    if drawn.hostname != there.hostname {
        reasons.push(format!("has the host name {}, the layout says {}", there.hostname, drawn.hostname));
    }
    let address = |address: Option<Ipv4Net>| address.map_or_else(|| "an address from DHCP".to_owned(), |address| address.to_string());
    for (slot, (drawn, there)) in drawn.adapters.iter().zip(&there.adapters).enumerate() {
        if drawn.address != there.address {
            let (now, wanted) = (address(there.address), address(drawn.address));
            reasons.push(format!("has {now} on adapter {}, the layout says {wanted}", slot + 1));
        }
    }
    if drawn.hosts != there.hosts {
        let now: BTreeSet<_> = there.hosts.iter().collect();
        let wanted: BTreeSet<_> = drawn.hosts.iter().collect();
        let names = |one: &BTreeSet<&(std::net::Ipv4Addr, std::sync::Arc<str>)>, other: &BTreeSet<_>| -> Vec<String> {
            one.difference(other).map(|(address, name)| format!("{name} ({address})")).collect()
        };
        let (lacks, extra) = (names(&wanted, &now), names(&now, &wanted));
        if !lacks.is_empty() {
            reasons.push(format!("does not know {} in /etc/hosts", lacks.join(", ")));
        }
        if !extra.is_empty() {
            reasons.push(format!("still knows {} in /etc/hosts", extra.join(", ")));
        }
        if lacks.is_empty() && extra.is_empty() {
            reasons.push("has its /etc/hosts in another order".into());
        }
    }
    if drawn.routes != there.routes {
        let list = |spec: &MachineSpec| match spec.routes.as_slice() {
            [] => "no other network".to_owned(),
            routes => routes.iter().map(|RouteSpec { to, through, .. }| format!("{to} by {through}")).collect::<Vec<_>>().join(", "),
        };
        reasons.push(format!("reaches {}, the layout says {}", list(there), list(drawn)));
    }
    if drawn.pins != there.pins {
        let list = |spec: &MachineSpec| match spec.pins.is_empty() {
            true => "no version of any package".to_owned(),
            false => spec.pins.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", "),
        };
        reasons.push(format!("keeps to {}, the layout says {}", list(there), list(drawn)));
    }
    reasons
}
