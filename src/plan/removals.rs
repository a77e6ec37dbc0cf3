//! Stage: what is no longer drawn goes, children first: VIPs, services, machines, networks.
//!
//! Only what the drawing does not have at all goes. What is drawn and cannot be specified yet stays as it is.

use super::{
    Action, Change,
    destroy::{delete_machine, delete_network, is_on, turn_off},
    graph::{Demand, Doing, Draft, Point},
    sight::Sight,
};
use crate::model::{NodeName, Power, ServiceRef, Subject};
use std::collections::BTreeMap;

/// Nodes leave the elections that they are no longer drawn in, before anything else is done to them.
pub(super) fn leave_vips(sight: &Sight<'_>, draft: &mut Draft) {
    for (node_name, node) in sight.observed.nodes.iter().filter(|(name, _)| sight.lab.nodes.contains_key(*name)) {
        if sight.fate(node_name).is_fresh() {
            continue;
        }
        for vip in node.vips.keys() {
            let drawn = sight.lab.vips.get(vip).is_some_and(|vip| vip.holders.iter().any(|holder| holder.node == *node_name));
            if drawn {
                continue;
            }
            let doing = Doing {
                action: Action::RemoveVip { node: node_name.clone(), vip: vip.clone() },
                change: Change::Delete,
                subject: Subject::Vip(vip.clone()),
                reason: format!("VRRP for VIP {vip} is configured on {node_name}, which is no longer a candidate."),
            };
            draft.put(Point::Leaves(vip.clone(), node_name.clone()), Some(doing));
            draft.order(Point::Leaves(vip.clone(), node_name.clone()), Point::Down(node_name.clone()), Demand::Nature);
        }
    }
}

pub(super) fn stage(sight: &Sight<'_>, draft: &mut Draft) {
    let users = users(sight);
    let wait_for_users = |draft: &mut Draft, gone: &ServiceRef, point: &Point| {
        // Who was told of it is told otherwise before it goes.
        for user in users.get(&gone.to_string()).into_iter().flatten() {
            draft.order(Point::Ready(user.clone()), point.clone(), Demand::Flow);
        }
    };
    for (node_name, node) in sight.observed.nodes.iter().filter(|(_, node)| node.power != Power::Missing) {
        match sight.lab.nodes.get(node_name) {
            Some(drawn) if !sight.fate(node_name).is_fresh() => {
                for (service, _) in node.services.iter().filter(|(name, there)| there.spec.is_some() && !drawn.services.contains_key(*name))
                {
                    let at = ServiceRef { node: node_name.clone(), service: service.clone() };
                    let point = Point::Removed(at.clone());
                    let doing = Doing {
                        action: Action::RemoveService { node: node_name.clone(), service: service.clone() },
                        change: Change::Delete,
                        subject: Subject::Service(at.clone()),
                        reason: format!("{at} is there and no longer drawn."),
                    };
                    draft.put(point.clone(), Some(doing));
                    wait_for_users(draft, &at, &point);
                    draft.order(Point::Configured(node_name.clone()), point.clone(), Demand::Nature);
                    // Its ports may be another's now.
                    for other in drawn.services.keys() {
                        let other = ServiceRef { node: node_name.clone(), service: other.clone() };
                        draft.order(point.clone(), Point::Installed(other), Demand::Drawn);
                    }
                    for vip in node.vips.keys() {
                        draft.order(Point::Leaves(vip.clone(), node_name.clone()), point.clone(), Demand::Nature);
                    }
                }
            }
            Some(_) => {}
            None => {
                let down = turn_off(draft, node_name, node, "no longer drawn");
                for service in node.services.keys() {
                    wait_for_users(draft, &ServiceRef { node: node_name.clone(), service: service.clone() }, &down);
                }
                delete_machine(draft, node_name, &format!("{node_name} is there and no longer drawn. What is on its disk will be lost."));
                draft.order(down, Point::Deleted(node_name.clone()), Demand::Nature);
            }
        }
    }
    for network in sight.observed.networks.keys().filter(|name| !sight.lab.networks.contains_key(*name)) {
        delete_network(draft, network, &format!("{network} is there and no longer drawn."));
        let on_it = sight.observed.nodes.iter().filter(|(_, node)| is_on(node, network));
        for node in on_it.map(|(name, _): (&NodeName, _)| name) {
            for point in [Point::Deleted(node.clone()), Point::Made(node.clone())] {
                draft.order(point, Point::Unwired(network.clone()), Demand::Nature);
            }
        }
    }
}

/// Drawn services by what they are told of now, as their specifications write it.
fn users(sight: &Sight<'_>) -> BTreeMap<String, Vec<ServiceRef>> {
    let mut users: BTreeMap<String, Vec<ServiceRef>> = BTreeMap::new();
    for at in sight.desired.services.keys() {
        let Some(spec) = sight.service(at).and_then(|service| service.spec.as_ref()) else { continue };
        for upstream in &spec.upstreams {
            users.entry(upstream.to.clone()).or_default().push(at.clone());
        }
        for member in spec.cluster.iter().flat_map(|(_, members)| members) {
            users.entry(member.to_string()).or_default().push(at.clone());
        }
    }
    users
}
