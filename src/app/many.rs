//! One act on several things, as one step of undo.

use super::ops::{self, Act, Refusal, Step};
use crate::catalog::Catalog;
use crate::model::{Endpoint, Kind, Lab, NetworkName, NodeName, Subject};

/// Puts a service of a kind on each of these nodes.
///
/// # Errors
/// Where it can be put on none of them.
pub fn add_services(lab: &Lab, catalog: &Catalog, nodes: &[NodeName], kind: &Kind) -> Act {
    let name = catalog.get(kind).map_or(kind.as_str(), |entry| entry.name.as_str());
    all(lab, nodes, |count| format!("Add {name} to {count} nodes"), |lab, node| ops::add_service(lab, catalog, node, kind))
}

/// Plugs each of these nodes into a network; those that are on it already stay as they are.
///
/// # Errors
/// Where none of them can be connected.
pub fn connect(lab: &Lab, nodes: &[NodeName], network: &NetworkName) -> Act {
    all(lab, nodes, |count| format!("Connect {count} nodes to {network}"), |lab, node| ops::connect(lab, node, network))
}

/// Draws a flow from each of these nodes.
///
/// # Errors
/// Where none can be drawn.
pub fn add_flows(lab: &Lab, nodes: &[NodeName], to: &Endpoint) -> Act {
    let flow = |lab: &Lab, node: &NodeName| ops::add_flow(lab, Endpoint::Node(node.clone()), to.clone());
    all(lab, nodes, |count| format!("Draw {count} flows to {to}"), flow)
}

/// Does an act on each node, the next on the lab as the one before leaves it.
fn all(lab: &Lab, nodes: &[NodeName], title: impl Fn(usize) -> String, act: impl Fn(&Lab, &NodeName) -> Act) -> Act {
    if let [only] = nodes {
        return act(lab, only);
    }
    let mut after = lab.clone();
    let mut edits = Vec::new();
    let mut done = 0;
    let mut why = Refusal("Select the nodes first.".to_owned());
    for node in nodes {
        match act(&after, node) {
            Ok(step) if after.apply(&step.edits).is_ok() => {
                edits.extend(step.edits);
                done += 1;
            }
            Ok(_) => {}
            Err(refusal) => why = refusal,
        }
    }
    if edits.is_empty() {
        return Err(why);
    }
    Ok(Step { title: title(done), edits, select: Some(nodes.iter().cloned().map(Subject::Node).collect()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NetworkKind, Role};

    #[test]
    fn several_nodes_are_one_step_and_get_addresses_of_their_own() {
        let mut lab = Lab::new("x");
        for _ in 0..3 {
            let step = ops::add_node(&lab, Role::App, None).unwrap();
            lab.apply(&step.edits).unwrap();
        }
        let step = ops::add_network(&lab, NetworkKind::Internal, None).unwrap();
        lab.apply(&step.edits).unwrap();
        let (nodes, network): (Vec<NodeName>, NetworkName) = (lab.nodes.keys().cloned().collect(), "internal".parse().unwrap());
        let (first, rest) = nodes.split_first().unwrap();
        lab.apply(&ops::connect(&lab, first, &network).unwrap().edits).unwrap();
        let step = connect(&lab, &nodes, &network).unwrap();
        assert_eq!((step.title.as_str(), step.edits.len()), ("Connect 2 nodes to internal", rest.len()));
        lab.apply(&step.edits).unwrap();
        let addresses: std::collections::BTreeSet<_> = lab.nodes.values().filter_map(|node| node.adapters.first()?.address).collect();
        assert_eq!(addresses.len(), 3);
        assert!(connect(&lab, &nodes, &network).is_err(), "all are on it");
        let step = add_services(&lab, Catalog::embedded(), &nodes, &"nginx".parse().unwrap()).unwrap();
        lab.apply(&step.edits).unwrap();
        assert_eq!(lab.services().count(), 3);
        assert_eq!(step.select.map(|chosen| chosen.len()), Some(3));
    }
}
