//! VIPs: keepalived with unicast peers, one file a VIP, so that several live side by side on a node.

use super::{Place, ProvisionError, Script, firewall, quote::quote, scene::interface_token, script::Draft, service::SERVICES_FOLDER, slug};
use crate::{
    catalog::Landing,
    model::{VipName, VipSpec},
};

/// Where a node keeps what it must know of its VIPs.
pub const VIPS_FOLDER: &str = "/var/lib/sandtable/vips";

/// What it needs, on every family.
pub const PACKAGE: &str = "keepalived";
const KEEPALIVED_FOLDER: &str = "/etc/keepalived/sandtable";
const SET_SECS: u32 = 600;
/// Failed checks in a row after which a node gives the address up.
pub const CHECK_FALL: u8 = 2;
/// Good checks in a row after which it may hold it again.
pub const CHECK_RISE: u8 = 2;
/// What a check of the followed service may take, counted in times between two of them.
const CHECK_BEATS: u32 = 2;
/// How long somebody may take to hold the address, counted likewise: three advertisements, the checks and some slack.
const HELD_BEATS: u32 = 12;

/// Who takes part already when a node comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Nobody: it is the first.
    None,
    /// Somebody, who may need a moment to hold the address. Where nothing is taken back, whoever is first to hold it keeps it, so
    /// the others come after that.
    Some,
}

/// Lets a node take part in the election of a VIP. `password` is what all holders share. The step does not wait until this node
/// holds the address: its checks and three advertisements take seconds, in which what comes next can start.
///
/// # Errors
/// Where the node has no address on the VIP's network, or the password cannot be written.
pub fn set(place: Place<'_>, name: &VipName, spec: &VipSpec, password: &str, others: Others) -> Result<Script, ProvisionError> {
    let slug = slug(name);
    let adapter = place.machine.adapters.iter().find(|adapter| adapter.network == spec.network);
    let Some((adapter, own)) = adapter.and_then(|adapter| Some((adapter, adapter.address?))) else {
        return Err(ProvisionError {
            why: format!("{} has no address on {}, where {name} lies", place.node, spec.network),
            next: "Give it one, or take it off the VIP's holders.".into(),
        });
    };
    let token = interface_token(adapter.mac);
    let check = format!("{KEEPALIVED_FOLDER}/{slug}.check");
    let mut draft = Draft::new();
    draft.set("home", &format!("{VIPS_FOLDER}/{slug}"));
    draft.lines("mkdir -p -m 0700 \"$home\"");
    draft.call("packages", [PACKAGE]);
    draft.call("folder", [KEEPALIVED_FOLDER, "0755", "root:root"]);
    draft.call_with("put", ["/etc/keepalived/keepalived.conf", "0644", "root:root", "reload"], MAIN);
    if let Some(service) = &spec.follows {
        draft.call_with("put", [check.as_str(), "0755", "root:root", "nothing"], &check_script(&super::slug(service)));
    } else {
        draft.call("gone", [check.as_str(), "reload"]);
    }
    let instance = Instance { slug: &slug, token: &token, own: &own.addr().to_string(), check: spec.follows.as_ref().map(|_| &*check) };
    let password = quote(Landing::Plain, password).map_err(|error| ProvisionError::recipe("keepalived", error.to_string()))?;
    draft.call_with("put", [&format!("{KEEPALIVED_FOLDER}/{slug}.conf"), "0600", "root:root", "reload"], &instance.text(spec, &password));
    draft.call_with("put", [&format!("{VIPS_FOLDER}/{slug}/address"), "0600", "root:root", "nothing"], &format!("{}\n", spec.address));
    draft.call_with("put", [&format!("{VIPS_FOLDER}/{slug}/name"), "0600", "root:root", "nothing"], &format!("{name}\n"));
    draft.call_with("put", [fragment(&slug).as_str(), "0600", "root:root", "nothing"], &firewall::vip(spec));
    draft.lines("firewall");
    if others == Others::Some && !spec.peers.is_empty() {
        draft.call("vip_awaited", [&token, &spec.address.to_string(), &(HELD_BEATS * beat_secs(spec)).to_string()]);
    }
    draft.lines("keepalived_on");
    Ok(draft.finish(format!("set {name}"), SET_SECS))
}

/// Lets a node no longer take part.
pub fn remove(name: &VipName) -> Script {
    let slug = slug(name);
    let mut draft = Draft::new();
    draft.set("home", &format!("{VIPS_FOLDER}/{slug}"));
    for path in [format!("{KEEPALIVED_FOLDER}/{slug}.conf"), format!("{KEEPALIVED_FOLDER}/{slug}.check"), fragment(&slug)] {
        draft.call("gone", [path.as_str(), "nothing"]);
    }
    draft.lines("keepalived_off\nrm -rf \"$home\"\nfirewall");
    draft.finish(format!("remove {name}"), SET_SECS)
}

fn fragment(slug: &str) -> String {
    format!("{}/vip-{slug}.nft", firewall::FOLDER)
}

const MAIN: &str = "\
# Written by Sandtable; what stands here is written anew at each deployment.
global_defs {
    script_user root
    enable_script_security
    vrrp_garp_master_refresh 5
}
include /etc/keepalived/sandtable/*.conf
";

/// Follows the service's own idea of its health: well enough to be asked (0, 2) or not.
fn check_script(service: &str) -> String {
    format!(
        "#!/bin/sh\n\
         # Written by Sandtable: whether {service} is well enough here to hold its VIP.\n\
         home={SERVICES_FOLDER}/{service}\n\
         if [ -e \"$home/health\" ]; then\n\
         \x20   sh \"$home/health\" >/dev/null 2>&1 || [ $? = 2 ]\n\
         else\n\
         \x20   read -r unit <\"$home/units\" && systemctl is-active --quiet \"$unit\"\n\
         fi\n"
    )
}

/// How often the followed service is checked, in seconds: as often as advertisements come, and not more than once a second. Whoever
/// lets them come seldom has slow nodes, on which a check takes its time too.
pub fn beat_secs(spec: &VipSpec) -> u32 {
    spec.advertise_ms.div_ceil(1000).max(1)
}

/// A version of VRRP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VrrpVersion {
    /// RFC 3768: whole seconds, and passwords.
    Two,
    /// RFC 5798: hundredths of a second, and no passwords (section 9).
    Three,
}

/// The version that a VIP's holders speak: 2 where its interval can be written in it, because it has passwords.
pub fn vrrp_version(spec: &VipSpec) -> VrrpVersion {
    if spec.advertise_ms > 0 && spec.advertise_ms.is_multiple_of(1000) { VrrpVersion::Two } else { VrrpVersion::Three }
}

struct Instance<'a> {
    slug: &'a str,
    token: &'a str,
    own: &'a str,
    check: Option<&'a str>,
}

impl Instance<'_> {
    fn text(&self, spec: &VipSpec, password: &str) -> String {
        let Self { slug, token, own, check } = self;
        let mut text = String::new();
        if let Some(check) = check {
            let (every, limit) = (beat_secs(spec), CHECK_BEATS * beat_secs(spec));
            text.push_str(&format!(
                "vrrp_script check_{slug} {{\n    script \"{check}\"\n    interval {every}\n    timeout {limit}\n    fall {CHECK_FALL}\n    rise {CHECK_RISE}\n}}\n"
            ));
        }
        text.push_str(&format!("vrrp_instance {slug} {{\n    state BACKUP\n"));
        if !spec.preempt {
            text.push_str("    nopreempt\n");
        }
        text.push_str(&format!(
            "    interface {token}\n    virtual_router_id {}\n    priority {}\n    unicast_src_ip {own}\n",
            spec.id, spec.priority
        ));
        if vrrp_version(spec) == VrrpVersion::Two {
            text.push_str(&format!("    version 2\n    advert_int {}\n", spec.advertise_ms / 1000));
            text.push_str(&format!("    authentication {{\n        auth_type PASS\n        auth_pass {password}\n    }}\n"));
        } else {
            let hundredths = spec.advertise_ms.div_ceil(10).max(1);
            text.push_str(&format!("    version 3\n    advert_int {}.{:02}\n", hundredths / 100, hundredths % 100));
        }
        if !spec.peers.is_empty() {
            text.push_str("    unicast_peer {\n");
            for peer in &spec.peers {
                text.push_str(&format!("        {peer}\n"));
            }
            text.push_str("    }\n");
        }
        text.push_str(&format!("    virtual_ipaddress {{\n        {} dev {token}\n    }}\n", spec.address));
        if check.is_some() {
            text.push_str(&format!("    track_script {{\n        check_{slug}\n    }}\n"));
        }
        text.push_str("}\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_checked_as_often_as_advertisements_come() {
        let text = |advertise_ms: u32| {
            let spec = VipSpec {
                address: "192.168.60.30/24".parse().unwrap(),
                network: "backend".parse().unwrap(),
                id: 51,
                priority: 100,
                peers: Vec::new(),
                follows: Some("galera".parse().unwrap()),
                advertise_ms,
                preempt: false,
            };
            Instance { slug: "database", token: "card", own: "192.168.60.21", check: Some("check") }.text(&spec, "secret")
        };
        for (advertise_ms, every, limit, advertised) in [
            (1000, 1, 2, "version 2\n    advert_int 1\n"),
            (5000, 5, 10, "advert_int 5\n"),
            (200, 1, 2, "version 3\n    advert_int 0.20\n"),
        ] {
            let text = text(advertise_ms);
            assert!(
                text.contains(&format!("\n    interval {every}\n    timeout {limit}\n")) && text.contains(advertised),
                "{advertise_ms}: {text}"
            );
        }
    }
}
