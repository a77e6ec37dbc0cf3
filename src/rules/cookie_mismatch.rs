//! Nodes of one mesh have different cookies.
//!
//! ## Why
//! A BEAM node lets in only who knows its cookie. One with another cookie is refused by all the others, and says only
//! that the connection failed.
//!
//! A mesh in which no cookie is named gets one when it is deployed.
//!
//! ## Example
//! In the mesh `us-east`, `edge-us-1` and `edge-us-2` name the secret `us-cookie`, `gw-us` names `cookie`.
//!
//! ## Do this instead
//! Name the same secret in all of them.

use super::{Facts, Report, alike, offer};
use crate::catalog::Behaviour;
use crate::model::{ClusterName, SecretName, ServiceRef, Subject};

/// The setting that all nodes of a mesh must agree on.
const COOKIE: &str = "cookie";

pub(super) fn check(facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    let members: Vec<(&ServiceRef, Option<&SecretName>)> = facts
        .members(name)
        .filter(|(_, service)| facts.behaviour(service).is_some_and(Behaviour::is_beam))
        .map(|(at, service)| (at, service.secrets.get(COOKIE)))
        .collect();
    let Some((common, others)) = alike::minority(&members) else { return };
    // Each fix changes the whole mesh: of a large one only the first finding has it.
    let offers = if members.len() > offer::ENTRIES_MAX { 1 } else { others.len() };
    let called = |cookie: Option<&SecretName>| cookie.map_or_else(|| "no cookie".to_owned(), |cookie| format!("the cookie {cookie}"));
    for (place, (at, cookie)) in others.into_iter().enumerate() {
        let found = report
            .add(Subject::Service(at.clone()), format!("{at} has {}, others of {name} have {}", called(cookie), called(common)))
            .involving(Subject::Cluster(name.clone()));
        // Where most have none, naming one everywhere is the way out.
        let Some(cookie) = common.or(cookie).filter(|_| place < offers) else { continue };
        let edits = members.iter().filter(|(_, own)| *own != Some(cookie)).filter_map(|(at, _)| {
            let service = facts.lab.service(at)?;
            Some(offer::service(&at.node, &at.service, service, |service| {
                service.secrets.insert(COOKIE.to_owned(), cookie.clone());
            }))
        });
        found.fix(format!("Use the cookie {cookie} in all of {name}"), edits.flatten().collect());
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn another_cookie() {
        let mesh = |one: &str, two: &str, three: &str| {
            let node = |name: &str, host: u8, cookie: &str| {
                let secrets = if cookie.is_empty() { String::new() } else { format!(r#", secrets: {{"cookie": "{cookie}"}}"#) };
                format!(r#""{name}": (role: worker, adapters: [(network: "lan", address: "10.1.0.{host}")], services: {{"beam": (kind: "beam", cluster: "us"{secrets})}}),"#)
            };
            let nodes = [node("a", 10, one), node("b", 11, two), node("c", 12, three)].concat();
            lab(&format!(r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{{nodes}}})"#))
        };
        let other = mesh("us", "us", "eu");
        check("cookie-mismatch", &other, &["c/beam has the cookie eu, others of us have the cookie us"]);
        assert_eq!(fixes("cookie-mismatch", &other), ["Use the cookie us in all of us"]);
        check("cookie-mismatch", &mesh("us", "us", ""), &["c/beam has no cookie, others of us have the cookie us"]);
        check("cookie-mismatch", &mesh("us", "us", "us"), &[]);
        check("cookie-mismatch", &mesh("", "", ""), &[]);
    }
}
