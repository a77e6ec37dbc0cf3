//! BEAM nodes that must connect have long names here and short ones there.
//!
//! ## Why
//! A BEAM node that runs with short names refuses one with long names, and the other way round, whatever cookie they
//! have. Names are chosen at the start, so it cannot be corrected while they run. This
//! holds for gateways that join two meshes as well. Source: Erlang reference manual, Distributed Erlang, nodes.
//!
//! ## Example
//! `edge-eu-1` says `names: "short"`, the rest of its mesh uses long names.
//!
//! ## Do this instead
//! Use one sort in all of a mesh: long names where it spans networks.

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
        check("mixed-node-names", &mixed, &["c/beam has names short, others of eu have names long: nodes with long and with short names do not connect"]);
        assert_eq!(fixes("mixed-node-names", &mixed), ["Use names long in all of eu"]);
        check("mixed-node-names", &mesh(r#""names": "long""#), &[]);
    }

    #[test]
    fn gateways_of_two_meshes() {
        let gate = |names: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "e": (role: gateway, services: {{"door": (kind: "beam-gateway", cluster: "east")}}),
                    "w": (role: gateway, services: {{"door": (kind: "beam-gateway", cluster: "west", settings: {{"names": "{names}"}})}}),
                }}, flows: [(from: "e/door", to: "w/door")])"#
            ))
        };
        let said = "e/door has names long, w/door has names short: nodes with long and with short names do not connect";
        check("mixed-node-names", &gate("short"), &[said]);
        check("mixed-node-names", &gate("long"), &[]);
    }
}
