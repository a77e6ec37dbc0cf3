//! BEAM nodes that must connect have different cookies.
//!
//! ## Why
//! A BEAM node lets in only who knows its cookie. One with another cookie is refused by all the others, and says only
//! that the connection failed.
//!
//! All nodes of a mesh share one, and so do gateways that join two meshes. A mesh in which no cookie is named gets one when
//! it is deployed. Source: Erlang reference manual, Distributed Erlang, security.
//!
//! ## Example
//! In the mesh `us-east`, `edge-us-1` and `edge-us-2` name the secret `us-cookie`, `gw-us` names `cookie`.
//!
//! ## Do this instead
//! Name the same secret in all of them.

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
        check("cookie-mismatch", &other, &["c/beam has the cookie eu, others of us have the cookie us: they refuse each other"]);
        assert_eq!(fixes("cookie-mismatch", &other), ["Use the cookie us in all of us"]);
        check("cookie-mismatch", &mesh("us", "us", ""), &["c/beam has no cookie, others of us have the cookie us: they refuse each other"]);
        check("cookie-mismatch", &mesh("us", "us", "us"), &[]);
        check("cookie-mismatch", &mesh("", "", ""), &[]);
    }

    #[test]
    fn gateways_of_two_meshes() {
        let gate = |cookie: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "e": (role: gateway, services: {{"door": (kind: "beam-gateway", cluster: "east", secrets: {{"cookie": "ek"}})}}),
                    "w": (role: gateway, services: {{"door": (kind: "beam-gateway", cluster: "west", secrets: {{"cookie": "{cookie}"}})}}),
                }}, flows: [(from: "e/door", to: "w/door")])"#
            ))
        };
        check("cookie-mismatch", &gate("wk"), &["e/door has the cookie ek, w/door has the cookie wk: they refuse each other"]);
        assert_eq!(fixes("cookie-mismatch", &gate("wk")), ["Use the cookie wk in all of east", "Use the cookie ek in all of west"]);
        check("cookie-mismatch", &gate("ek"), &[]);
    }
}
