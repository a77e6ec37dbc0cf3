//! Whether Incus can hold a lab: the daemon, its pool, images, and what it needs of its machine. Looks only.

use super::{
    Settings,
    answers::{Alias, Pool, Server},
    api::Api,
    error::ApiError,
    images, remote,
};
use crate::provider::doctor::Check;
use std::{fs, path::Path};

/// The oldest daemon that was tried.
const OLDEST: (u32, u32) = (6, 0);
/// The most of a machine's file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Looks at everything that a deployment needs, at the daemon of this machine or a remote.
pub async fn doctor(remote: Option<&str>, settings: &Settings) -> Vec<Check> {
    let api = match remote::find(remote, settings) {
        Ok(address) => Api::new(address),
        Err(error) => return vec![failed("daemon", error)],
    };
    let server: Server = match api.read("/1.0").await {
        Ok(server) => server,
        Err(error) => return vec![failed("daemon", error)],
    };
    let mut checks = vec![of_server(&server, &api.place())];
    if server.auth != "trusted" {
        return checks;
    }
    checks.push(match api.read::<Vec<Pool>>("/1.0/storage-pools?recursion=1").await {
        Ok(pools) => of_pools(&pools, settings.pool.as_deref()),
        Err(error) => failed("storage", error),
    });
    checks.push(match api.read::<Vec<Alias>>("/1.0/images/aliases?recursion=1").await {
        Ok(aliases) => of_images(&aliases, settings.image.as_deref()),
        Err(error) => failed("images", error),
    });
    if api.is_local() {
        checks.extend(of_this_machine(&Machine::found()));
    }
    checks
}

fn failed(title: &'static str, error: ApiError) -> Check {
    let error = error.explain("", None);
    Check::bad(title, error.why, error.next)
}

fn of_server(server: &Server, place: &str) -> Check {
    let version = &server.environment.server_version;
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    let found = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if server.auth != "trusted" {
        return Check::bad(
            "daemon",
            format!("Incus {version} at {place} does not trust this client"),
            "Let it in: there, incus config trust add NAME; here, incus remote add",
        );
    }
    if found < OLDEST {
        let (major, minor) = OLDEST;
        return Check::doubtful(
            "daemon",
            format!("Incus {version} at {place} is older than {major}.{minor}, the oldest that was tried"),
            "Install a newer one",
        );
    }
    Check::good("daemon", format!("Incus {version} answers at {place}"))
}

fn of_pools(pools: &[Pool], wanted: Option<&str>) -> Check {
    if let Some(wanted) = wanted
        && pools.iter().all(|pool| pool.name != wanted)
    {
        let known: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
        return Check::bad(
            "storage",
            format!("there is no pool {wanted}"),
            format!("Set SANDTABLE_INCUS_POOL to one of: {}", known.join(", ")),
        );
    }
    let Some(pool) = pools.iter().find(|pool| wanted.is_none_or(|wanted| pool.name == wanted)) else {
        return Check::bad("storage", "there is no storage pool", "Make one: incus storage create default btrfs size=20GiB");
    };
    if pool.status == "Unavailable" {
        return Check::bad(
            "storage",
            format!("the pool {} is not available", pool.name),
            format!("See why: incus storage show {}", pool.name),
        );
    }
    if pool.driver == "dir" {
        let found = format!("the pool {} is a plain folder: each node is a full copy of its image", pool.name);
        return Check::doubtful(
            "storage",
            found,
            "For quick copies and snapshots: incus storage create fast btrfs size=20GiB, and SANDTABLE_INCUS_POOL=fast",
        );
    }
    Check::good("storage", format!("the pool {} is of {}", pool.name, pool.driver))
}

fn of_images(aliases: &[Alias], wanted: Option<&str>) -> Check {
    let mut known: Vec<&str> = aliases.iter().filter(|alias| alias.kind != "virtual-machine").map(|alias| alias.name.as_str()).collect();
    known.sort_unstable();
    let make = "Make one with what a lab needs: sandtable image LAYOUT --on incus";
    if let Some(wanted) = wanted {
        return match known.contains(&wanted) {
            true => Check::good("images", format!("nodes are made of {wanted}, as SANDTABLE_INCUS_IMAGE says")),
            false => Check::bad("images", format!("there is no image {wanted}, which SANDTABLE_INCUS_IMAGE names"), make),
        };
    }
    if known.is_empty() {
        return Check::bad("images", "there is no image to make nodes of", make);
    }
    Check::good("images", format!("nodes can be made of {}", known.join(", ")))
}

/// What was found on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Machine {
    has_dnsmasq: bool,
    has_tun: bool,
    /// The contents of `/etc/subuid`; `None`: no such file.
    subuid: Option<String>,
    /// Whether packets between nodes of one bridge pass the machine's other firewalls.
    bridges_are_filtered: bool,
    /// Whether the kernel holds nodes to their memory.
    has_limits: bool,
    is_root: bool,
    image_tools_missing: Vec<&'static str>,
}

impl Machine {
    fn found() -> Self {
        let read = |path: &str| {
            let bytes = crate::host::file::read_bounded(Path::new(path), FILE_BYTES_MAX).ok()?;
            String::from_utf8(bytes).ok()
        };
        Self {
            has_dnsmasq: images::program("dnsmasq").is_some(),
            has_tun: Path::new("/dev/net/tun").exists(),
            subuid: fs::exists("/etc/subuid").is_ok_and(|exists| exists).then(|| read("/etc/subuid")).flatten(),
            bridges_are_filtered: fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables").is_ok_and(|text| text.trim() == "1"),
            has_limits: images::has_limits(),
            is_root: images::is_root(),
            image_tools_missing: images::tools_missing(),
        }
    }
}

fn of_this_machine(machine: &Machine) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.push(if machine.has_dnsmasq {
        Check::good("dnsmasq", "networks can hand out addresses")
    } else {
        Check::bad("dnsmasq", "dnsmasq is missing, so networks cannot hand out addresses", "sudo apt install dnsmasq-base")
    });
    // Without any entry the daemon takes numbers of its own (Incus 6.0.4); with others' alone it has none.
    let entries: Vec<&str> = machine.subuid.as_deref().unwrap_or_default().lines().filter(|line| line.contains(':')).collect();
    let has_ids = entries.is_empty() || entries.iter().any(|line| line.starts_with("root:") || line.starts_with("0:"));
    checks.push(if has_ids {
        Check::good("user numbers", "nodes have user numbers of their own")
    } else {
        let next = "echo root:1000000:1000000000 | sudo tee -a /etc/subuid /etc/subgid; sudo systemctl restart incus";
        Check::bad("user numbers", "/etc/subuid gives root no numbers for nodes", next)
    });
    if machine.bridges_are_filtered {
        let found =
            "br_netfilter is on: what nodes of one network say to each other passes this machine's other firewalls (Docker's drops it)";
        checks.push(Check::doubtful(
            "bridges",
            found,
            "Where nodes do not reach each other: sudo sysctl net.bridge.bridge-nf-call-iptables=0",
        ));
    }
    if !machine.has_tun {
        checks.push(Check::doubtful("tunnels", "there is no /dev/net/tun, so WireGuard in nodes will not start", "sudo modprobe tun"));
    }
    if !machine.has_limits {
        let found = "this machine's control groups hold nobody to a size: memory and processors of nodes are accepted and not enforced";
        checks.push(Check::doubtful("limits", found, "Start the machine with cgroup v2 alone: systemd.unified_cgroup_hierarchy=1"));
    }
    if !machine.is_root {
        let found = "this user cannot pull cables at their outer end; a pulled cable takes the adapter out of the node instead";
        checks.push(Check::doubtful("cables", found, "Run as root for cables that only lose their carrier"));
    }
    if !machine.image_tools_missing.is_empty() || !machine.is_root {
        let (found, next) = images::how_to_build(&machine.image_tools_missing, machine.is_root);
        checks.push(Check::doubtful("making images", found, next));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::doctor::State;

    fn server(version: &str, auth: &str) -> Server {
        let text = format!(r#"{{"auth": "{auth}", "environment": {{"server_version": "{version}"}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_daemon_must_trust_us_and_should_be_new() {
        let state = |version, auth| of_server(&server(version, auth), "here").state;
        assert_eq!(state("6.0.4", "trusted"), State::Good);
        assert_eq!(state("6.10", "trusted"), State::Good);
        assert_eq!(state("5.21", "trusted"), State::Doubtful);
        assert_eq!(state("6.0.4", "untrusted"), State::Bad);
    }

    #[test]
    fn a_pool_and_an_image_must_be_there() {
        let pool = |name: &str, driver: &str| Pool { name: name.into(), driver: driver.into(), status: "Created".into() };
        assert_eq!(of_pools(&[], None).state, State::Bad);
        assert_eq!(of_pools(&[pool("default", "dir")], None).state, State::Doubtful);
        assert_eq!(of_pools(&[pool("default", "btrfs")], None).state, State::Good);
        assert!(of_pools(&[pool("default", "btrfs")], Some("fast")).next.contains("default"));
        let alias = |name: &str| Alias { name: name.into(), kind: "container".into(), ..Alias::default() };
        assert_eq!(of_images(&[], None).state, State::Bad);
        assert_eq!(of_images(&[alias("rocky-9")], None).state, State::Good);
        assert_eq!(of_images(&[alias("rocky-9")], Some("other")).state, State::Bad);
    }

    #[test]
    fn this_machine_lacks_nothing_or_says_what() {
        let good = Machine { has_dnsmasq: true, has_tun: true, has_limits: true, is_root: true, ..Machine::default() };
        assert!(of_this_machine(&good).iter().all(|check| check.state == State::Good));
        let others = Machine { subuid: Some("someone:100000:65536\n".into()), ..good.clone() };
        assert!(of_this_machine(&others).iter().any(|check| check.state == State::Bad && check.next.contains("/etc/subuid")));
        let bare = Machine { has_dnsmasq: false, bridges_are_filtered: true, image_tools_missing: vec!["mmdebstrap"], ..good };
        let checks = of_this_machine(&bare);
        let next = |title: &str| checks.iter().find(|check| check.title == title).map(|check| check.next.clone()).unwrap();
        assert!(
            next("dnsmasq").contains("apt install") && next("making images").contains("mmdebstrap") && next("bridges").contains("sysctl")
        );
    }
}
