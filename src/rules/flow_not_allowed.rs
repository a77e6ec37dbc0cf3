//! A service lets only some in, and the one who has a flow to it is not among them.
//!
//! ## Why
//! The list of a service becomes the firewall of its node. A flow that it leaves out is drawn, but its connections are
//! dropped, and a connection that is dropped fails only after a long wait.
//!
//! ## Example
//! `db1/db` allows only `app1`, and `app2` has a flow to it.
//!
//! ## Do this instead
//! Add the sender to the list, or leave the list out: then exactly the senders of its flows are allowed.

use super::contract::{Source, Verdict};
use super::reached::Sort;
use super::{Facts, Report, offer};
use crate::model::{Allow, Flow, Peer, Subject};

pub(super) fn check(_: &Facts<'_>, flow: &Flow, verdict: &Verdict<'_>, report: &mut Report) {
    let (from, listener) = match verdict.clone() {
        Verdict::Refused(from, listener) => (from, listener),
        Verdict::Unreached(why) if why.sort == Sort::Allow => {
            report.add(Subject::flow(flow), why.message(flow)).involving_all(why.node.iter().cloned().map(Subject::Node));
            return;
        }
        _ => return,
    };
    let peer = match from {
        Source::Outside => Peer::Outside,
        Source::Node(at) => Peer::Node(at.name.clone()),
    };
    let add = offer::service(listener.at.name, listener.name, listener.service, |service| {
        if let Allow::Only(peers) = &mut service.allow {
            peers.push(peer);
        }
    });
    let drawn = offer::service(listener.at.name, listener.name, listener.service, |service| service.allow = Allow::Drawn);
    report
        .add(Subject::flow(flow), format!("{} does not let {from} in", listener.reference()))
        .involving(Subject::Service(listener.reference()))
        .fix(format!("Allow {from}"), add)
        .fix("Allow whoever has a flow", drawn);
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_flow_that_the_list_leaves_out() {
        let allowing = |allow: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lab": host_only(subnet: "192.168.56.0/24")}}, nodes: {{
                    "app1": (role: app, adapters: [(network: "lab", address: "192.168.56.10")]),
                    "app9": (role: app, adapters: [(network: "lab", address: "192.168.56.19")]),
                    "db1": (role: database, adapters: [(network: "lab", address: "192.168.56.11")], services: {{"db": (kind: "mariadb", bind: on("lab"), allow: {allow})}}),
                }}, flows: [(from: "app1", to: "db1/db")])"#
            ))
        };
        let closed = allowing(r#"only(["app9"])"#);
        check("flow-not-allowed", &closed, &["db1/db does not let app1 in"]);
        assert_eq!(fixes("flow-not-allowed", &closed), ["Allow app1", "Allow whoever has a flow"]);
        check("flow-not-allowed", &allowing(r#"only(["10.0.0.0/8"])"#), &["db1/db does not let app1 in"]);
        for good in [r#"only(["app1"])"#, r#"only(["network:lab"])"#, r#"only(["192.168.56.0/28"])"#, "everyone", "drawn"] {
            check("flow-not-allowed", &allowing(good), &[]);
        }
    }

    #[test]
    fn from_outside() {
        let on = |network: &str, peer: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lab": {network}(subnet: "192.168.56.0/24")}}, nodes: {{
                    "app1": (role: app, adapters: [(network: "lab", address: "192.168.56.11")]),
                    "web1": (role: app, adapters: [(network: "lab", address: "192.168.56.10")], services: {{"web": (kind: "nginx", allow: only(["{peer}"]))}}),
                }}, flows: [(from: "outside", to: "web1/web")])"#
            ))
        };
        check("flow-not-allowed", &on("host_only", "app1"), &["web1/web does not let outside in"]);
        for good in ["outside", "network:lab", "192.168.56.1"] {
            check("flow-not-allowed", &on("host_only", good), &[]);
        }
        // On a host-only network nothing but the host calls; over a bridged one callers have addresses that the lab does not know.
        let host = "outside does not reach web1/web: the firewall drops it: web1/web does not let 192.168.56.1 in";
        check("flow-not-allowed", &on("host_only", "10.0.0.0/8"), &[host]);
        check("flow-not-allowed", &on("bridged", "10.0.0.0/8"), &[]);
    }
}
