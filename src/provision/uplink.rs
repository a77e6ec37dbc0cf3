//! Packages for a node that has no way to them: fetched over an uplink that is there for nothing else, and the proof that it is
//! gone.
//!
//! Addresses and the route are set by hand and kept nowhere, whatever sets up the node's network; the source of packages is
//! known to one command alone. So nothing of it is left but what was installed.

use super::{Script, script::Draft};
use crate::model::{Ipv4Net, Mac};
use std::net::Ipv4Addr;

/// How long packages may take, in seconds.
const FETCH_SECS: u32 = 1800;
const GONE_SECS: u32 = 60;

/// The adapter that leads out, as the node is to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uplink {
    /// Its hardware address.
    pub mac: Mac,
    /// The node's address on it.
    pub address: Ipv4Net,
    /// Who leads on, and answers questions for names.
    pub gateway: Ipv4Addr,
}

/// Gets packages by the uplink. `source` is where they come from instead of the image's own sources: lines as in apt's
/// sources.list(5).
pub fn fetch(packages: &[String], uplink: Uplink, source: Option<&str>) -> Script {
    let mut draft = Draft::new();
    draft.call("uplink_up", [hexadecimal(uplink.mac), uplink.address.to_string(), uplink.gateway.to_string()]);
    if let Some(source) = source {
        draft.call_with("package_source", [""; 0], source);
    }
    draft.call("packages", packages);
    draft.lines("uplink_down");
    draft.finish("fetch packages", FETCH_SECS)
}

/// Looks, after the adapter was taken away, that nothing of it is left: no card, no address, no route, no answer from outside.
pub fn gone(uplink: Uplink) -> Script {
    let mut draft = Draft::new();
    draft.call("uplink_gone", [hexadecimal(uplink.mac), uplink.address.addr().to_string(), uplink.gateway.to_string()]);
    draft.finish("prove that the uplink is gone", GONE_SECS)
}

fn hexadecimal(mac: Mac) -> String {
    let Mac(bytes) = mac;
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_travels_as_data() {
        let uplink = Uplink { mac: Mac([2, 0, 0, 0, 0, 7]), address: "10.200.7.2/24".parse().unwrap(), gateway: [10, 200, 7, 1].into() };
        let script = fetch(&["nginx".into(), "$(reboot)".into()], uplink, Some("deb http://here/ ./\n$(reboot)"));
        assert!(script.text.contains("uplink_up '020000000007' '10.200.7.2/24' '10.200.7.1'\n"));
        assert!(script.text.contains("packages 'nginx' '$(reboot)'\n") && !script.text.contains("\n$(reboot)"));
        assert!(script.text.contains("\npackage_source <<"));
        assert!(!fetch(&[], uplink, None).text.contains("\npackage_source <<"));
    }
}
