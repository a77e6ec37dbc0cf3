//! A service is of a kind that the catalog does not have.
//!
//! ## Why
//! Nothing is known of such a service: not its ports, not whether it keeps data. No other rule can judge it, so a layout
//! with one mistyped word could hide an open database. It cannot be deployed either.
//!
//! ## Example
//! ```ron
//! "web": (kind: "ngimx")
//! ```
//!
//! ## Do this instead
//! Use a kind of the catalog: the palette lists them.

use super::{Facts, Report, exposure, offer};
use crate::catalog::Mismatch;
use crate::model::{Node, NodeName, Path};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        if facts.entry(service).is_some() {
            continue;
        }
        let Some(mismatch) = facts.catalog.unknown_kind(service) else { continue };
        let found = report
            .add(exposure::subject(name, service_name), format!("{name}/{service_name} {mismatch}"))
            .within(Path::root().field("kind"));
        if let Mismatch::Kind { nearest: Some(near), .. } = mismatch
            && let Ok(kind) = near.parse()
        {
            let edits = offer::service(name, service_name, service, |service| service.kind = kind);
            found.fix(format!("Change the kind to {near}"), edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_mistyped_kind_is_an_error_and_hides_nothing() {
        let code = "unknown-kind";
        let lab = |service: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"office": bridged(), "lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "n": (role: database, adapters: [(network: "office"), (network: "lan", address: "10.1.0.10")], services: {{"s": ({service})}}),
                }})"#
            ))
        };
        let web = lab(r#"kind: "ngimx", bind: on("lan")"#);
        check(code, &web, &["n/s is of the kind ngimx, which the catalog does not have; did you mean nginx?"]);
        assert_eq!(fixes(code, &lab(r#"kind: "mariadbb", bind: on("lan")"#)), ["Change the kind to mariadb"]);
        // With the right kind there would be an open database: that fix is not offered.
        let open = lab(r#"kind: "postgres", bind: any"#);
        check(code, &open, &["n/s is of the kind postgres, which the catalog does not have; did you mean postgresql?"]);
        assert_eq!(fixes(code, &open), [] as [&str; 0]);
        check(code, &lab(r#"kind: "something-else""#), &["n/s is of the kind something-else, which the catalog does not have"]);
        check(code, &lab(r#"kind: "nginx""#), &[]);
    }
}
