//! A lab's networks as the daemon's: made, changed, removed.
//!
//! NAT and NAT networks are bridges with the daemon's own translation; host-only is a bridge that leads nowhere; internal is a
//! bridge without an address; bridged is a macvlan on an interface of the daemon's machine.

use super::{
    IncusMachines,
    answers::{Config, Network, NetworkState},
    api::{encoded, nothing},
    error::ApiError,
    names, subnets,
};
use crate::{
    model::{NetworkKind, NetworkName, NetworkSpec},
    provider::{Done, ProviderError, Retry},
};
use hyper::Method;
use ipnet::Ipv4Net;
use serde_json::json;
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

/// How long the daemon may take for a network.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long the daemon may take for a network that somebody else has asked it for.
const MADE_WITHIN: Duration = Duration::from_secs(2);
const NETWORKS: &str = "/1.0/networks";

/// Why a drawn network cannot be had here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Impossible {
    why: String,
    next: String,
}

/// The daemon's type of network for a kind.
fn type_of(kind: NetworkKind) -> &'static str {
    match kind {
        NetworkKind::Nat | NetworkKind::NatNetwork | NetworkKind::HostOnly | NetworkKind::Internal => "bridge",
        NetworkKind::Bridged => "macvlan",
    }
}

/// Whether the daemon's machine has an address on such a network, so that it needs a subnet.
pub(super) fn has_host(kind: NetworkKind) -> bool {
    matches!(kind, NetworkKind::Nat | NetworkKind::NatNetwork | NetworkKind::HostOnly)
}

/// The configuration of a network without its marks. `subnet` is the drawn one or the one that was chosen, `parent` the
/// interface that a bridged one is joined to.
fn configuration(spec: &NetworkSpec, subnet: Option<Ipv4Net>, parent: Option<&str>) -> Result<Config, Impossible> {
    let mut config = Config::new();
    let mut set = |key: &str, value: String| config.insert(key.to_owned(), value);
    if spec.kind == NetworkKind::Bridged {
        let Some(parent) = parent else {
            let why = "the daemon's machine has no interface to join it to".to_owned();
            return Err(Impossible { why, next: "Draw the interface: bridged(interface: \"eth0\")".into() });
        };
        set("parent", parent.to_owned());
        return Ok(config);
    }
    set("ipv6.address", "none".into());
    if !has_host(spec.kind) {
        if spec.dhcp.is_some() {
            let why = "an internal network has no DHCP server on Incus, for the host has no address on it".to_owned();
            return Err(Impossible { why, next: "Give its nodes addresses, or make it host_only".into() });
        }
        set("ipv4.address", "none".into());
        return Ok(config);
    }
    let Some(subnet) = subnet else {
        let why = "no private subnet is free for it".to_owned();
        return Err(Impossible { why, next: "Draw a subnet for it".into() });
    };
    set("ipv4.address", format!("{}/{}", subnets::first_address(subnet), subnet.prefix_len()));
    let leads_out = spec.kind != NetworkKind::HostOnly;
    set("ipv4.nat", leads_out.to_string());
    // Adapters without an address of their own on a network that leads out get one, as VirtualBox does it.
    let has_dhcp = leads_out || spec.dhcp.is_some();
    set("ipv4.dhcp", has_dhcp.to_string());
    if !has_dhcp {
        // Without names to serve there is no dnsmasq to start: half a second less (Incus 6.0.4). `ipv4.routing=false` would keep
        // the host from leading on, but with br_netfilter it also rejects what nodes of one bridge say to each other.
        set("dns.mode", "none".into());
    }
    if let Some((from, to)) = spec.dhcp {
        set("ipv4.dhcp.ranges", format!("{from}-{to}"));
    }
    if !leads_out && has_dhcp {
        // `ipv4.dhcp.gateway=none` is refused (Incus 6.0.4), and an empty option 3 hands out none.
        set("raw.dnsmasq", "dhcp-option=3".into());
    }
    Ok(config)
}

/// How a network really is: its specification as it was made, with what somebody has changed since.
pub(super) fn observed(network: &Network) -> Option<NetworkSpec> {
    let mut spec: NetworkSpec = serde_json::from_str(network.config.get(names::SPEC)?).ok()?;
    let subnet = subnet_of(network);
    if has_host(spec.kind) {
        if spec.subnet.is_some() && spec.subnet.map(|subnet| subnet.trunc()) != subnet {
            spec.subnet = subnet;
        }
        let leads_out = network.config.get("ipv4.nat").is_some_and(|nat| nat == "true");
        if leads_out != (spec.kind != NetworkKind::HostOnly) {
            spec.kind = if leads_out { NetworkKind::NatNetwork } else { NetworkKind::HostOnly };
        }
    }
    if spec.kind == NetworkKind::Bridged && spec.interface.is_some() {
        spec.interface = network.config.get("parent").cloned();
    }
    Some(spec)
}

/// Whether the daemon says of a network that its making did not come to its end.
fn is_doubtful(network: &Network) -> bool {
    matches!(network.status.as_str(), "Pending" | "Errored" | "Unknown")
}

/// The subnet of a network of the daemon's.
pub(super) fn subnet_of(network: &Network) -> Option<Ipv4Net> {
    network.config.get("ipv4.address")?.parse::<Ipv4Net>().ok().map(|net| net.trunc())
}

impl IncusMachines {
    pub(super) async fn create_network(
        &self,
        name: &NetworkName,
        spec: &NetworkSpec,
        says: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Done, ProviderError> {
        let what = || format!("making the network {name}");
        let bridge = names::bridge(&self.lab, name);
        let path = format!("{NETWORKS}/{bridge}");
        let there: Option<Network> = self.find(&path).await.map_err(|error| error.explain(what(), None))?;
        if let Some(there) = there {
            self.must_be_ours(&there.config, "network", &bridge, &what())?;
            let Some(there) = self.whole(there).await.map_err(|error| error.explain(what(), None))? else {
                says(&format!("making {bridge} was cut off; it is made again"));
                return self.remake_network(name, spec).await;
            };
            return self.update_network(name, spec, &there).await;
        }
        self.make_network(name, spec, says).await
    }

    async fn make_network(
        &self,
        name: &NetworkName,
        spec: &NetworkSpec,
        says: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Done, ProviderError> {
        let what = || format!("making the network {name}");
        let bridge = names::bridge(&self.lab, name);
        let config = self.network_configuration(name, spec, None).await?;
        let body = json!({
            "name": bridge,
            "type": type_of(spec.kind),
            "description": format!("Sandtable: {name} of {}", self.lab),
            "config": config,
        });
        says(&format!("{bridge} is {name}"));
        self.on_all_members(&bridge, spec, &config).await.map_err(|error| error.explain(what(), None))?;
        match self.api.run(Method::POST, NETWORKS, body, TIMEOUT).await {
            Ok(_) => {}
            // An interface of the machine has that name, and the daemon does not know it.
            Err(error) if error.says("already exists") => {
                let error = error.explain(what(), None);
                return Err(ProviderError { next: format!("Rename or remove the interface {bridge}, which is not ours"), ..error });
            }
            Err(error) => return Err(error.explain(what(), None)),
        }
        self.remember_subnet(name, subnet_in(&config));
        Ok(Done::Changed)
    }

    pub(super) async fn change_network(&self, name: &NetworkName, spec: &NetworkSpec) -> Result<Done, ProviderError> {
        let what = format!("changing the network {name}");
        let bridge = names::bridge(&self.lab, name);
        let there: Option<Network> = self.find(&format!("{NETWORKS}/{bridge}")).await.map_err(|error| error.explain(what.clone(), None))?;
        let Some(there) = there else { return self.make_network(name, spec, &|_| ()).await };
        self.must_be_ours(&there.config, "network", &bridge, &what)?;
        match self.whole(there).await.map_err(|error| error.explain(what, None))? {
            Some(there) => self.update_network(name, spec, &there).await,
            None => self.remake_network(name, spec).await,
        }
    }

    /// A network as it is once whoever makes it now is done; `None` where its making was cut off.
    ///
    /// Incus 6.0.4 takes a bridge away again when whoever asked for it is gone before it is done, and then fails to take the record
    /// away too: what is left is `Pending` for ever and has no bridge.
    async fn whole(&self, mut there: Network) -> Result<Option<Network>, ApiError> {
        let start = Instant::now();
        while is_doubtful(&there) && start.elapsed() < MADE_WITHIN {
            tokio::time::sleep(MADE_WITHIN / 8).await;
            let Some(now) = self.find(&format!("{NETWORKS}/{}", there.name)).await? else { return Ok(None) };
            there = now;
        }
        Ok(if self.is_cut_off(&there).await? { None } else { Some(there) })
    }

    /// Whether there is nothing but the record of a network.
    pub(super) async fn is_cut_off(&self, there: &Network) -> Result<bool, ApiError> {
        if !is_doubtful(there) {
            return Ok(false);
        }
        match self.api.get(&format!("{NETWORKS}/{}/state", encoded(&there.name))).await {
            Ok(_) => Ok(false),
            Err(error) if error.is_missing() || error.says("not found") => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Makes a network anew whose making was cut off.
    async fn remake_network(&self, name: &NetworkName, spec: &NetworkSpec) -> Result<Done, ProviderError> {
        let start = Instant::now();
        loop {
            self.delete_network(name).await?;
            match self.make_network(name, spec, &|_| ()).await {
                // Whoever was cut off may be taking the bridge away just now.
                Err(error) if error.why.contains("already exists") && start.elapsed() < MADE_WITHIN => {
                    tokio::time::sleep(MADE_WITHIN / 8).await;
                }
                made => return made,
            }
        }
    }

    async fn update_network(&self, name: &NetworkName, spec: &NetworkSpec, there: &Network) -> Result<Done, ProviderError> {
        let what = format!("changing the network {name}");
        if there.kind != type_of(spec.kind) {
            // The daemon cannot turn one type into another; a network that nobody uses is made anew.
            self.delete_network(name).await?;
            return self.make_network(name, spec, &|_| ()).await;
        }
        let config = self.network_configuration(name, spec, subnet_of(there)).await?;
        // What the daemon adds for itself (a hardware address) is left alone.
        let mut wanted: Config = there.config.iter().filter(|(key, _)| key.starts_with("volatile.")).map(clone).collect();
        wanted.extend(config);
        if wanted == there.config {
            self.remember_subnet(name, subnet_in(&wanted));
            return Ok(Done::AlreadySo);
        }
        let subnet = subnet_in(&wanted);
        let body = json!({ "config": wanted, "description": format!("Sandtable: {name} of {}", self.lab) });
        let path = format!("{NETWORKS}/{}", there.name);
        self.api.run(Method::PUT, &path, body, TIMEOUT).await.map_err(|error| error.explain(what, None))?;
        self.remember_subnet(name, subnet);
        Ok(Done::Changed)
    }

    pub(super) async fn delete_network(&self, name: &NetworkName) -> Result<Done, ProviderError> {
        let what = format!("removing the network {name}");
        let bridge = names::bridge(&self.lab, name);
        let path = format!("{NETWORKS}/{bridge}");
        let there: Option<Network> = self.find(&path).await.map_err(|error| error.explain(what.clone(), None))?;
        // One for packages that a killed deployment left goes with the drawn ones.
        self.drop_uplink_network().await?;
        let Some(there) = there else { return Ok(Done::AlreadySo) };
        self.must_be_ours(&there.config, "network", &bridge, &what)?;
        match self.api.run(Method::DELETE, &path, nothing(), TIMEOUT).await {
            // A daemon that ended while it made a network does not know of its bridge afterwards (Incus 6.0.4).
            Ok(_) if is_doubtful(&there) && self.api.get(&format!("{path}/state")).await.is_ok() => Err(ProviderError {
                what,
                node: None,
                why: format!("the daemon ended while it made the bridge {bridge}, and has left it behind"),
                next: format!("Remove it: sudo ip link delete {bridge}"),
                retry: Retry::Useless,
            }),
            Ok(_) => Ok(Done::Changed),
            Err(error) if error.is_missing() => Ok(Done::AlreadySo),
            Err(error) if error.says("in use") => {
                let error = error.explain(what, None);
                let users: Vec<&str> = there.used_by.iter().filter_map(|path| path.rsplit('/').next()).collect();
                Err(ProviderError { next: format!("Unplug or remove what uses it: {}", users.join(", ")), ..error })
            }
            Err(error) => Err(error.explain(what, None)),
        }
    }

    /// The configuration of a network with its marks; a subnet is chosen where none is drawn, and kept where it has one.
    async fn network_configuration(&self, name: &NetworkName, spec: &NetworkSpec, kept: Option<Ipv4Net>) -> Result<Config, ProviderError> {
        let what = || format!("making the network {name}");
        let mut subnet = spec.subnet.map(|subnet| subnet.trunc());
        let mut parent = spec.interface.clone();
        let chooses_subnet = subnet.is_none() && has_host(spec.kind);
        if chooses_subnet && kept.is_some() {
            subnet = kept;
        } else if chooses_subnet || (spec.kind == NetworkKind::Bridged) {
            let all: Vec<Network> = self.api.read(&format!("{NETWORKS}?recursion=1")).await.map_err(|error| error.explain(what(), None))?;
            if chooses_subnet {
                let taken = self.subnets_taken(&all).await.map_err(|error| error.explain(what(), None))?;
                subnet = subnets::free(&self.lab, name, &taken);
            } else {
                parent = Some(parent_interface(&all, parent.as_deref()).map_err(|impossible| impossible.explain(what()))?);
            }
        }
        let mut config = configuration(spec, subnet, parent.as_deref()).map_err(|impossible| impossible.explain(what()))?;
        config.insert(names::LAB.into(), self.lab.to_string());
        config.insert(names::NETWORK.into(), name.to_string());
        config.insert(names::SPEC.into(), serde_json::to_string(spec).unwrap_or_default());
        Ok(config)
    }

    /// The subnets that the daemon's machine has or gets to already.
    pub(super) async fn subnets_taken(&self, all: &[Network]) -> Result<Vec<Ipv4Net>, ApiError> {
        let mut taken: Vec<Ipv4Net> = all.iter().filter_map(subnet_of).collect();
        for network in all.iter().filter(|network| !network.managed && network.kind != "loopback") {
            let path = format!("{NETWORKS}/{}/state", encoded(&network.name));
            // An interface may be gone by now.
            let Ok(state) = self.api.read::<NetworkState>(&path).await else { continue };
            let nets = state.addresses.iter().filter(|address| address.family == "inet");
            taken.extend(nets.filter_map(|address| format!("{}/{}", address.address, address.netmask).parse::<Ipv4Net>().ok()));
        }
        if self.api.is_local() {
            taken.extend(std::fs::read_to_string("/proc/net/route").map(|table| subnets::routed(&table)).unwrap_or_default());
        }
        Ok(taken)
    }

    /// In a cluster a network is announced to each member before it is made.
    async fn on_all_members(&self, bridge: &str, spec: &NetworkSpec, config: &Config) -> Result<(), ApiError> {
        for member in self.members().await? {
            // Only the interface may differ between members.
            let own: Config = config.iter().filter(|(key, _)| *key == "parent").map(clone).collect();
            let body = json!({ "name": bridge, "type": type_of(spec.kind), "config": own });
            match self.api.run(Method::POST, &format!("{NETWORKS}?target={}", encoded(member)), body, TIMEOUT).await {
                Ok(_) => {}
                Err(error) if error.says("already defined") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn clone((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

fn subnet_in(config: &Config) -> Option<Ipv4Net> {
    config.get("ipv4.address")?.parse::<Ipv4Net>().ok().map(|net| net.trunc())
}

/// The interface that a bridged network is joined to: the drawn one, or the first real one by name.
fn parent_interface(all: &[Network], drawn: Option<&str>) -> Result<String, Impossible> {
    let usable = |network: &&Network| !network.managed && matches!(network.kind.as_str(), "physical" | "bridge" | "bond" | "vlan");
    let mut known: Vec<&str> = all.iter().filter(usable).map(|network| network.name.as_str()).collect();
    known.sort_unstable();
    let listed = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    match drawn {
        Some(drawn) if known.contains(&drawn) => Ok(drawn.to_owned()),
        Some(drawn) => Err(Impossible {
            why: format!("the daemon's machine has no interface {drawn}"),
            next: format!("Draw one that it has: {listed}"),
        }),
        None => {
            let real =
                all.iter().filter(|network| !network.managed && network.kind == "physical").map(|network| network.name.clone()).min();
            real.ok_or_else(|| Impossible {
                why: "the daemon's machine has no interface to join it to".into(),
                next: format!("Draw one with bridged(interface: …); it has: {listed}"),
            })
        }
    }
}

impl Impossible {
    fn explain(self, what: String) -> ProviderError {
        ProviderError { what, node: None, why: self.why, next: self.next, retry: Retry::Useless }
    }
}

/// The daemon's own address on a network.
pub(super) fn host_address(kind: NetworkKind, subnet: Option<Ipv4Net>) -> Option<Ipv4Addr> {
    if has_host(kind) { subnet.map(subnets::first_address) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(kind: NetworkKind, subnet: Option<&str>) -> NetworkSpec {
        NetworkSpec { kind, subnet: subnet.map(|subnet| subnet.parse().unwrap()), dhcp: None, interface: None }
    }

    fn made(spec: &NetworkSpec) -> Vec<String> {
        let config = configuration(spec, spec.subnet, spec.interface.as_deref()).unwrap();
        config.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn each_kind_leads_where_it_should() {
        assert_eq!(
            made(&spec(NetworkKind::Nat, Some("192.168.50.0/24"))),
            ["ipv4.address=192.168.50.1/24", "ipv4.dhcp=true", "ipv4.nat=true", "ipv6.address=none"]
        );
        assert_eq!(
            made(&spec(NetworkKind::HostOnly, Some("192.168.60.0/24"))),
            ["dns.mode=none", "ipv4.address=192.168.60.1/24", "ipv4.dhcp=false", "ipv4.nat=false", "ipv6.address=none"]
        );
        assert_eq!(made(&spec(NetworkKind::Internal, Some("10.0.0.0/24"))), ["ipv4.address=none", "ipv6.address=none"]);
        let bridged = NetworkSpec { interface: Some("eth0".into()), ..spec(NetworkKind::Bridged, None) };
        assert_eq!(made(&bridged), ["parent=eth0"]);
    }

    #[test]
    fn a_drawn_range_is_handed_out() {
        let range = Some((Ipv4Addr::new(192, 168, 60, 100), Ipv4Addr::new(192, 168, 60, 150)));
        let host_only = NetworkSpec { dhcp: range, ..spec(NetworkKind::HostOnly, Some("192.168.60.0/24")) };
        let made = made(&host_only);
        assert!(made.contains(&"ipv4.dhcp=true".into()) && made.contains(&"ipv4.dhcp.ranges=192.168.60.100-192.168.60.150".into()));
        assert!(made.contains(&"raw.dnsmasq=dhcp-option=3".into()), "no way out is handed out: {made:?}");
        let internal = NetworkSpec { dhcp: range, ..spec(NetworkKind::Internal, Some("192.168.60.0/24")) };
        assert!(configuration(&internal, internal.subnet, None).unwrap_err().why.contains("no DHCP"));
    }

    #[test]
    fn what_somebody_changed_shows() {
        let drawn = spec(NetworkKind::HostOnly, Some("192.168.60.0/24"));
        let mut network = Network { config: configuration(&drawn, drawn.subnet, None).unwrap(), ..Network::default() };
        assert_eq!(observed(&network), None, "without our mark it is nothing to us");
        network.config.insert(names::SPEC.into(), serde_json::to_string(&drawn).unwrap());
        assert_eq!(observed(&network), Some(drawn.clone()));
        network.config.insert("ipv4.address".into(), "192.168.61.1/24".into());
        network.config.insert("ipv4.nat".into(), "true".into());
        let changed = observed(&network).unwrap();
        assert_eq!((changed.kind, changed.subnet), (NetworkKind::NatNetwork, "192.168.61.0/24".parse().ok()));
    }

    #[test]
    fn a_bridged_network_needs_an_interface_that_is_there() {
        let network = |name: &str, kind: &str, managed| Network { name: name.into(), kind: kind.into(), managed, ..Network::default() };
        let all = [
            network("lo", "loopback", false),
            network("eth1", "physical", false),
            network("eth0", "physical", false),
            network("st1", "bridge", true),
        ];
        assert_eq!(parent_interface(&all, None).unwrap(), "eth0");
        assert_eq!(parent_interface(&all, Some("eth1")).unwrap(), "eth1");
        assert!(parent_interface(&all, Some("st1")).unwrap_err().next.contains("eth0, eth1"));
        assert!(parent_interface(&[], None).is_err());
    }
}
