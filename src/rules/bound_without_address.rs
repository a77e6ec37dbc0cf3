//! A service is bound to a network on which its node has no fixed address.
//!
//! ## Why
//! A service is bound to an address, and it is written into its configuration before the node runs. Where the adapter has
//! none, or gets one by DHCP, it is not known which: `plan` and `deploy` refuse it.
//!
//! ## Example
//! ```ron
//! "hall": (role: app, adapters: [(network: "yard")], services: {"web": (kind: "nginx", bind: on("yard"))})
//! ```
//!
//! ## Do this instead
//! Give the adapter an address, or let the service listen on every address.

use super::{Facts, Report, exposure, readdress};
use crate::model::{Bind, Node, NodeName, Path, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Bind::On(network) = &service.bind else { continue };
        let on_it = node.adapters.iter().position(|adapter| adapter.network == *network);
        // A network without a subnet is not drawn yet, and no mistake.
        let is_drawn = facts.network(network).is_some_and(|network| network.kind.joins_nodes() && network.subnet.is_some());
        let Some(slot) = on_it.filter(|_| is_drawn && node.address_on(network).is_none()) else { continue };
        let at = exposure::at(name, service_name);
        let found = report
            .add(
                Subject::Service(at.clone()),
                format!("{at} is bound to {network}, where its node has no fixed address; give the adapter an address"),
            )
            .within(Path::root().field("bind"))
            .involving(Subject::Adapter(name.clone(), slot, network.clone()));
        if let Some(free) = facts.free_address(network) {
            found.fix(format!("Give {name} {free}"), readdress::adapter(name, node, slot, free));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn an_address_is_needed() {
        let code = "bound-without-address";
        let lab = |network: &str, adapter: &str, bind: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"yard": {network}}}, nodes: {{"hall": (role: app, adapters: [(network: "yard"{adapter})],
                    services: {{"web": (kind: "nginx", bind: {bind})}})}})"#
            ))
        };
        let internal = r#"internal(subnet: "10.1.0.0/24")"#;
        let without = lab(internal, "", r#"on("yard")"#);
        let message = "hall/web is bound to yard, where its node has no fixed address; give the adapter an address";
        check(code, &without, &[message]);
        assert_eq!(fixes(code, &without), ["Give hall 10.1.0.10"]);
        let dhcp = r#"host_only(subnet: "192.168.56.0/24", dhcp: (from: "192.168.56.100", to: "192.168.56.200"))"#;
        check(code, &lab(dhcp, "", r#"on("yard")"#), &[message]);
        check(code, &lab("internal()", "", r#"on("yard")"#), &[]);
        check(code, &lab(internal, r#", address: "10.1.0.5""#, r#"on("yard")"#), &[]);
        check(code, &lab(internal, "", "any"), &[]);
        check(code, &lab("nat()", "", r#"on("yard")"#), &[]);
    }
}
