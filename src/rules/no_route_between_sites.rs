//! A flow crosses from one site to another, and nothing routes there.
//!
//! ## Why
//! Sites meet only where their gateways do. A flow between them needs a gateway in each that is on the network of a link
//! between the two, and that routes or tunnels what comes from its site. Each site works by itself in the meantime, so
//! it is noticed late.
//!
//! A site that has no gateway, or none on its link's network, is left to `site-without-gateway`; nodes of one site that
//! share no network, to `no-path-for-flow`.
//!
//! ## Example
//! Both gateways are on `wan`, but the one in `eu-west` runs neither a router nor a tunnel.
//!
//! ## Do this instead
//! Put a router (or a tunnel, to encrypt what crosses) on both gateways, or let only the gateways talk across.

use super::contract::{Verdict};
use super::{Facts, Report};
use crate::model::{Flow, Subject};

pub(super) fn check(_: &Facts<'_>, flow: &Flow, verdict: &Verdict<'_>, report: &mut Report) {
    let Verdict::NoRoute(from, to, here, there) = verdict.clone() else { return };
    report
        .add(Subject::flow(flow), format!("{} has no path to {}: nothing routes from {here} to {there}", from.name, flow.to))
        .involving(Subject::Site(here.clone()))
        .involving(Subject::Site(there.clone()))
        .involving(Subject::Node(to.at.name.clone()));
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, lab};

    #[test]
    fn gateways_that_do_not_route() {
        let sites = |gateway: &str| {
            lab(&format!(
                r#"(name: "x", sites: {{"us": (gateways: ["gw-us"]), "eu": (gateways: ["gw-eu"])}}, networks: {{
                    "us-lan": internal(subnet: "10.1.0.0/24", site: "us"), "eu-lan": internal(subnet: "10.2.0.0/24", site: "eu"), "wan": internal(subnet: "10.9.0.0/24"),
                }}, nodes: {{
                    "a": (role: worker, site: "us", adapters: [(network: "us-lan", address: "10.1.0.10")]),
                    "b": (role: worker, site: "eu", adapters: [(network: "eu-lan", address: "10.2.0.10")]),
                    "gw-us": (role: gateway, site: "us", adapters: [(network: "us-lan", address: "10.1.0.11"), (network: "wan", address: "10.9.0.10")], services: {{"router": (kind: "gateway")}}),
                    "gw-eu": (role: gateway, site: "eu", adapters: [(network: "eu-lan", address: "10.2.0.11"), (network: "wan", address: "10.9.0.11")], services: {{{gateway}}}),
                }}, links: [(between: ("us", "eu"), network: "wan")], flows: [(from: "a", to: "b")])"#
            ))
        };
        check("no-route-between-sites", &sites(""), &["a has no path to b: nothing routes from us to eu"]);
        check("no-path-for-flow", &sites(""), &[]);
        check("no-route-between-sites", &sites(r#""router": (kind: "gateway")"#), &[]);
    }
}
