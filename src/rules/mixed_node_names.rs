//! Some nodes of a mesh have long names, others short ones.
//!
//! ## Why
//! A BEAM node that runs with short names refuses one with long names, and the other way round, whatever cookie they
//! have. Names are chosen at the start, so it cannot be mended while they run.
//!
//! ## Example
//! `edge-eu-1` says `names: "short"`, the rest of its mesh uses long names.
//!
//! ## Do this instead
//! Use one sort in all of a mesh: long names where it spans networks.

use super::{Facts, Report, alike, offer};
use crate::catalog::Behaviour;
use crate::model::{ClusterName, ServiceRef, Subject, Value};

/// The setting that all nodes of a mesh must agree on.
const NAMES: &str = "names";

pub(super) fn check(facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    let members: Vec<(&ServiceRef, &str)> = facts
        .members(name)
        .filter(|(_, service)| facts.behaviour(service).is_some_and(Behaviour::is_beam))
        .filter_map(|(at, service)| match facts.entry(service)?.value(service, NAMES)? {
            Value::Text(names) => Some((at, names.as_str())),
            _ => None,
        })
        .collect();
    let Some((common, others)) = alike::minority(&members) else { return };
    for (at, names) in others {
        let found = report
            .add(Subject::Service(at.clone()), format!("{at} uses {names} names, others of {name} use {common} ones"))
            .involving(Subject::Cluster(name.clone()));
        if let Some(service) = facts.lab.service(at) {
            let edits = offer::service(&at.node, &at.service, service, |service| {
                service.settings.insert(NAMES.to_owned(), Value::Text(common.to_owned()));
            });
            found.fix(format!("Use {common} names"), edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn long_and_short() {
        let mesh = |settings: &str| {
            let node = |name: &str, host: u8, settings: &str| {
                format!(
                    r#""{name}": (role: worker, adapters: [(network: "lan", address: "10.1.0.{host}")], services: {{"beam": (kind: "beam", cluster: "eu", settings: {{{settings}}})}}),"#
                )
            };
            let nodes = [node("a", 10, ""), node("b", 11, ""), node("c", 12, settings)].concat();
            lab(&format!(r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{{nodes}}})"#))
        };
        let mixed = mesh(r#""names": "short""#);
        check("mixed-node-names", &mixed, &["c/beam uses short names, others of eu use long ones"]);
        assert_eq!(fixes("mixed-node-names", &mixed), ["Use long names"]);
        check("mixed-node-names", &mesh(r#""names": "long""#), &[]);
    }
}
