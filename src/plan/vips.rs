//! Stage: each holder takes part in the election of its VIPs as drawn.

use super::{
    Action, Change,
    graph::{Demand, Doing, Draft, Point},
    sight::{Sight, because},
};
use crate::model::{NodeName, ServiceRef, Subject, VipName, VipSpec};

pub(super) fn stage(sight: &Sight<'_>, draft: &mut Draft) {
    let mut previous: Option<(&VipName, &NodeName)> = None;
    for ((vip, node), spec) in &sight.desired.vips {
        let point = || Point::Takes(vip.clone(), node.clone());
        draft.put(point(), doing(sight, vip, node, spec));
        draft.order(Point::Configured(node.clone()), point(), Demand::Nature);
        // The first to come holds it; without preemption it keeps it. So the best holder goes first.
        if let Some((_, before)) = previous.filter(|(last, _)| *last == vip) {
            draft.order(Point::Takes(vip.clone(), before.clone()), point(), Demand::Cluster);
        }
        previous = Some((vip, node));
        if let Some(service) = &spec.follows {
            let followed = ServiceRef { node: node.clone(), service: service.clone() };
            let members = sight.desired.services.get(&followed).and_then(|spec| spec.cluster.as_ref());
            for member in members.into_iter().flat_map(|(_, members)| members) {
                draft.order(Point::Ready(member.clone()), point(), Demand::Cluster);
            }
            draft.order(Point::Ready(followed), point(), Demand::Cluster);
        }
    }
}

fn doing(sight: &Sight<'_>, vip: &VipName, node: &NodeName, spec: &VipSpec) -> Option<Doing> {
    let there = sight.node(node).filter(|_| !sight.fate(node).is_fresh()).and_then(|node| node.vips.get(vip));
    let (change, reason) = match there {
        None => (Change::Create, format!("{node} is a candidate for VIP {vip}, but VRRP is not configured.")),
        Some(there) if there != spec => (Change::Update, because(format_args!("{node}'s part in {vip}"), &differences(spec, there))),
        Some(_) => return None,
    };
    let action = Action::SetVip { node: node.clone(), vip: vip.clone(), spec: spec.clone() };
    Some(Doing { action, change, subject: Subject::Vip(vip.clone()), reason })
}

fn differences(drawn: &VipSpec, there: &VipSpec) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut compare = |what: &str, there: String, drawn: String| {
        if there != drawn {
            reasons.push(format!("has {what} {there}, the layout says {drawn}"));
        }
    };
    compare("the address", there.address.to_string(), drawn.address.to_string());
    compare("the network", there.network.to_string(), drawn.network.to_string());
    compare("the router id", there.id.to_string(), drawn.id.to_string());
    compare("priority", there.priority.to_string(), drawn.priority.to_string());
    let list = |spec: &VipSpec| spec.peers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    compare("the peers", list(there), list(drawn));
    let follows =
        |spec: &VipSpec| spec.follows.as_ref().map_or_else(|| "nothing to follow".to_owned(), |service| format!("to follow {service}"));
    compare("", follows(there), follows(drawn));
    compare("advertisements every", format!("{} ms", there.advertise_ms), format!("{} ms", drawn.advertise_ms));
    let preempt = |spec: &VipSpec| if spec.preempt { "taking back" } else { "no taking back" }.to_owned();
    compare("", preempt(there), preempt(drawn));
    reasons.iter_mut().for_each(|reason| *reason = reason.replace("has  ", "has "));
    reasons
}
