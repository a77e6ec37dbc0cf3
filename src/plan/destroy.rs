//! The plan that leaves nothing: machines gone, networks gone. Nobody waits until what goes has shut itself down.

use super::{
    Action, Change, Plan,
    graph::{Demand, Doing, Draft, Point},
};
use crate::model::{NetworkName, NodeName, Observed, ObservedNode, Power, Subject};

/// What is to be done so that nothing of a lab is left. It needs no drawing: whatever is observed as this lab's goes.
pub fn destroy(observed: &Observed) -> Plan {
    let mut draft = Draft::default();
    for (name, node) in observed.nodes.iter().filter(|(_, node)| node.power != Power::Missing) {
        let state = if node.power == Power::Stopped { String::new() } else { format!(" is {}, and", node.power.title()) };
        delete_machine(&mut draft, name, &format!("{name}{state} is part of the lab that is destroyed."));
    }
    for network in observed.networks.keys() {
        delete_network(&mut draft, network, &format!("{network} is part of the lab that is destroyed."));
        for (name, _) in observed.nodes.iter().filter(|(_, node)| is_on(node, network)) {
            draft.order(Point::Deleted(name.clone()), Point::Unwired(network.clone()), Demand::Nature);
        }
    }
    Plan { observed_at_ms: observed.at_ms, ..draft.finish() }
}

/// Whether a node is plugged into a network, or may be for all that is known of it.
pub(super) fn is_on(node: &ObservedNode, network: &NetworkName) -> bool {
    node.spec.as_ref().is_none_or(|spec| spec.adapters.iter().any(|adapter| adapter.network == *network))
}

/// Puts [`Point::Down`] of a machine that goes.
pub(super) fn turn_off(draft: &mut Draft, name: &NodeName, node: &ObservedNode, why: &str) -> Point {
    let doing = (node.power != Power::Stopped).then(|| Doing {
        action: Action::PowerOff { node: name.clone() },
        change: Change::Update,
        subject: Subject::Node(name.clone()),
        reason: format!("{name} is {}, and {why}.", node.power.title()),
    });
    draft.put(Point::Down(name.clone()), doing);
    Point::Down(name.clone())
}

/// Puts [`Point::Deleted`].
pub(super) fn delete_machine(draft: &mut Draft, name: &NodeName, reason: &str) {
    let doing = Doing {
        action: Action::DeleteMachine { node: name.clone() },
        change: Change::Delete,
        subject: Subject::Node(name.clone()),
        reason: reason.to_owned(),
    };
    draft.put(Point::Deleted(name.clone()), Some(doing));
}

/// Puts [`Point::Unwired`].
pub(super) fn delete_network(draft: &mut Draft, name: &NetworkName, reason: &str) {
    let doing = Doing {
        action: Action::DeleteNetwork { network: name.clone() },
        change: Change::Delete,
        subject: Subject::Network(name.clone()),
        reason: reason.to_owned(),
    };
    draft.put(Point::Unwired(name.clone()), Some(doing));
}
