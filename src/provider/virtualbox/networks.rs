//! Networks: made, reused, changed and removed; only what this lab has made goes with it.
//!
//! NAT and internal networks are nothing in VirtualBox until an adapter is in them, so each network of a lab is noted in
//! VirtualBox's own extra data, with what it is there.

use super::{
    VirtualBox, cannot,
    command::{Patience, Place},
    error::{CallError, Kind},
    find::System,
    names,
    parse::{self, Interface},
    ranges,
    shape::{Wire, cold_plug, hot_plug},
};
use crate::{
    host::ssh::RemoteCommand,
    model::{NetworkKind, NetworkName, NetworkSpec, Power},
    plan::LabId,
    provider::{Done, ProviderError},
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

/// A network of a lab as noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its name in the drawing.
    pub name: NetworkName,
    /// How it was made.
    pub spec: NetworkSpec,
    /// What it is in VirtualBox.
    pub wire: Wire,
}

/// The networks of a lab in VirtualBox's extra data.
pub(super) fn records(lab: &LabId, extra: &BTreeMap<String, String>) -> BTreeMap<NetworkName, Record> {
    let prefix = names::network_keys(lab);
    let ours = extra.iter().filter(|(key, _)| key.starts_with(&prefix));
    let read = ours.filter_map(|(_, value)| serde_json::from_str::<Record>(value).ok());
    read.map(|record| (record.name.clone(), record)).collect()
}

/// Whether any lab's network is this interface of the host's.
fn is_used(extra: &BTreeMap<String, String>, interface: &str) -> bool {
    let all = extra.iter().filter(|(key, _)| key.starts_with("sandtable/") && key.contains("/network/"));
    let wires = all.filter_map(|(_, value)| serde_json::from_str::<Record>(value).ok()).map(|record| record.wire);
    wires.into_iter().any(|wire| matches!(wire, Wire::HostOnlyInterface(name) | Wire::HostOnlyNetwork(name) if name == interface))
}

/// Labs that use the same host-only interfaces as this one: pairs of a network of ours and of theirs, by lab. `own` says which
/// interface a network of this lab is.
pub(super) fn others_on<'a>(
    lab: &LabId,
    extra: &BTreeMap<String, String>,
    own: impl Fn(&NetworkName) -> Option<&'a Interface>,
    networks: impl Iterator<Item = &'a NetworkName> + Clone,
) -> BTreeMap<String, Vec<(NetworkName, NetworkName)>> {
    let mut shared: BTreeMap<String, Vec<(NetworkName, NetworkName)>> = BTreeMap::new();
    for (key, value) in extra {
        let Some((other, _)) = key.strip_prefix("sandtable/").and_then(|rest| rest.split_once("/network/")) else { continue };
        let Ok(Record { name, wire: Wire::HostOnlyInterface(interface), .. }) = serde_json::from_str::<Record>(value) else { continue };
        if other == lab.as_str() {
            continue;
        }
        let ours = networks.clone().filter(|network| own(network).is_some_and(|there| there.name == interface));
        for network in ours {
            shared.entry(other.to_owned()).or_default().push((network.clone(), name.clone()));
        }
    }
    shared
}

/// The interface of the host to bridge to.
///
/// # Errors
/// Where there is none: why, and what to do.
pub(super) fn bridge_of(spec: &NetworkSpec, there: &[Interface]) -> Result<String, (String, String)> {
    let found = match &spec.interface {
        // The name must be right to the byte: on macOS it is `en0: Wi-Fi` (VirtualBox issue 874).
        Some(name) => there.iter().find(|interface| interface.name == *name || interface.name.split(':').next() == Some(name)),
        None => there.iter().find(|interface| interface.is_up && interface.address.is_some()),
    };
    if let Some(found) = found {
        return Ok(found.name.clone());
    }
    let wanted = spec.interface.as_ref().map_or_else(|| "no interface that is up".to_owned(), |name| format!("no interface {name}"));
    let names: Vec<&str> = there.iter().map(|interface| interface.name.as_str()).collect();
    let next = if names.is_empty() {
        "VirtualBox knows no interface of this machine: see VBoxManage list bridgedifs".to_owned()
    } else {
        format!("It has: {}. Name one of them in the drawing", names.join(", "))
    };
    Err((format!("this machine has {wanted} to bridge to"), next))
}

/// The first and the last address of a host-only network of macOS. Its DHCP server is built in and hands out all between them, so
/// without a drawn range only the network's own address is given, which nobody can have.
fn bounds(subnet: Ipv4Net, dhcp: Option<(Ipv4Addr, Ipv4Addr)>) -> (Ipv4Addr, Ipv4Addr) {
    dhcp.unwrap_or((subnet.network(), subnet.network()))
}

/// The address that the host takes on a host-only network.
fn host_address(subnet: Ipv4Net) -> Option<Ipv4Net> {
    Ipv4Net::new(subnet.hosts().next()?, subnet.prefix_len()).ok()
}

/// An address for a network's DHCP server: beside the range that it hands out.
fn server_address(subnet: Ipv4Net, range: (Ipv4Addr, Ipv4Addr)) -> Option<Ipv4Addr> {
    let first = subnet.hosts().next()?;
    let below = u32::from(range.0).checked_sub(1).map(Ipv4Addr::from);
    let above = u32::from(range.1).checked_add(1).map(Ipv4Addr::from);
    let is_free = |address: &Ipv4Addr| {
        subnet.contains(address) && *address != first && *address != subnet.network() && *address != subnet.broadcast()
    };
    [below, above].into_iter().flatten().find(is_free)
}

impl VirtualBox {
    /// What the noted networks are really like now.
    pub(super) async fn real_networks(
        &self,
        records: &BTreeMap<NetworkName, Record>,
    ) -> Result<BTreeMap<NetworkName, NetworkSpec>, CallError> {
        let has = |wanted: fn(&Wire) -> bool| records.values().any(|record| wanted(&record.wire));
        let interfaces =
            if has(|wire| matches!(wire, Wire::HostOnlyInterface(_))) { self.host_only_interfaces().await? } else { Vec::new() };
        let networks = if has(|wire| matches!(wire, Wire::HostOnlyNetwork(_))) { self.host_only_networks().await? } else { Vec::new() };
        let nats = if has(|wire| matches!(wire, Wire::NatNetwork(_))) { self.nat_networks().await? } else { BTreeMap::new() };
        let mut real = BTreeMap::new();
        for (name, record) in records {
            let mut spec = record.spec.clone();
            let subnet = match &record.wire {
                Wire::HostOnlyInterface(interface) => interfaces.iter().find(|there| there.name == *interface).map(|there| there.address),
                Wire::HostOnlyNetwork(network) => networks.iter().find(|there| there.name == *network).map(|there| there.address),
                Wire::NatNetwork(network) => nats.get(network).copied(),
                Wire::Nat(_) | Wire::Internal(_) | Wire::Bridged(_) => {
                    real.insert(name.clone(), spec);
                    continue;
                }
            };
            // One that is gone is still shown, without addresses, so that it is made anew or its note goes.
            let same = subnet.flatten().is_some_and(|there| spec.subnet.is_some_and(|drawn| drawn.trunc() == there.trunc()));
            if !same {
                spec.subnet = subnet.flatten().map(|there| there.trunc());
            }
            real.insert(name.clone(), spec);
        }
        Ok(real)
    }

    async fn host_only_interfaces(&self) -> Result<Vec<Interface>, CallError> {
        let there = parse::interfaces(&self.manage.ask(&["list", "hostonlyifs"]).await?);
        self.kept().hosts.extend(there.iter().filter_map(|interface| Some((interface.name.clone(), interface.address?.addr()))));
        Ok(there)
    }

    async fn host_only_networks(&self) -> Result<Vec<Interface>, CallError> {
        Ok(parse::host_only_networks(&self.manage.ask(&["list", "hostonlynets"]).await?))
    }

    async fn nat_networks(&self) -> Result<BTreeMap<String, Option<Ipv4Net>>, CallError> {
        Ok(parse::nat_networks(&self.manage.ask(&["list", "natnets"]).await?))
    }

    /// Makes a network, or makes it other. Machines that are in it are plugged into what it becomes.
    pub(super) async fn make_network(
        &self,
        network: &NetworkName,
        spec: &NetworkSpec,
        says: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Done, ProviderError> {
        let what = format!("make the network {network}");
        // What is nothing in VirtualBox but a note can be noted beside all else.
        let _alone =
            if matches!(spec.kind, NetworkKind::HostOnly | NetworkKind::NatNetwork) { Some(self.manage.alone().await) } else { None };
        let failed = |error: CallError| self.failed(&what, None, &error);
        let known = self.kept().global.clone();
        let extra = match known {
            Some(extra) => extra,
            None => self.global_extra().await.map_err(failed)?,
        };
        let before = records(&self.lab, &extra).remove(network);
        if let Some(before) = &before
            && before.spec == *spec
            && self.real_networks(&[(network.clone(), before.clone())].into()).await.map_err(failed)?.get(network) == Some(spec)
        {
            return Ok(Done::AlreadySo);
        }
        let wire = match spec.kind {
            NetworkKind::Nat => Wire::Nat(spec.subnet),
            NetworkKind::Internal => Wire::Internal(names::network(&self.lab, network)),
            NetworkKind::NatNetwork => self.make_nat_network(network, spec, &what).await?,
            NetworkKind::HostOnly => self.make_host_only(network, spec, &what, says).await?,
            NetworkKind::Bridged => self.find_bridge(spec, &what).await?,
        };
        let record = Record { name: network.clone(), spec: spec.clone(), wire: wire.clone() };
        let text = serde_json::to_string(&record).map_err(|error| cannot(&what, None, error.to_string(), "Please report it"))?;
        self.set_extra("global", &extra, &names::network_key(&self.lab, network), Some(&text)).await.map_err(failed)?;
        let is_new = before.is_none() && !matches!(wire, Wire::HostOnlyInterface(_));
        if spec.dhcp.is_some() || !is_new {
            self.serve_dhcp(&wire, spec).await.map_err(failed)?;
        }
        if let Some(old) = before.filter(|before| before.wire != wire) {
            self.replug(network, &old.wire, &wire).await.map_err(failed)?;
            self.remove_wire(&old.wire, &names::network_key(&self.lab, network)).await.map_err(failed)?;
        }
        Ok(Done::Changed)
    }

    async fn make_nat_network(&self, network: &NetworkName, spec: &NetworkSpec, what: &str) -> Result<Wire, ProviderError> {
        let failed = |error: CallError| self.failed(what, None, &error);
        let Some(subnet) = spec.subnet else {
            return Err(cannot(what, None, format!("{network} has no subnet"), "Give it one in the drawing"));
        };
        let (name, net) = (names::network(&self.lab, network), subnet.trunc().to_string());
        let there = self.nat_networks().await.map_err(failed)?;
        let dhcp = if spec.dhcp.is_some() { "on" } else { "off" };
        let args = match there.get(&name) {
            Some(old) if *old == Some(subnet.trunc()) => vec!["natnetwork", "modify", "--netname", &name, "--enable", "--dhcp", dhcp],
            Some(_) => vec!["natnetwork", "modify", "--netname", &name, "--network", &net, "--enable", "--dhcp", dhcp],
            None => vec!["natnetwork", "add", "--netname", &name, "--network", &net, "--enable", "--dhcp", dhcp],
        };
        // One that is there already may have to become another thing, so only a new one is looked for.
        let is_so = || async { Ok(!there.contains_key(&name) && self.nat_networks().await?.get(&name) == Some(&Some(subnet.trunc()))) };
        if let Err(error) = self.manage.change(&args, Patience::Short, is_so).await {
            // A failed `natnetwork add` leaves a network behind (seen with 7.2.22).
            if !there.contains_key(&name) {
                let _nothing_left = self.manage.call(&["natnetwork", "remove", "--netname", &name], Patience::Short).await;
            }
            return Err(failed(error));
        }
        let now = self.nat_networks().await.map_err(failed)?;
        if now.get(&name).copied().flatten() != Some(subnet.trunc()) {
            return Err(cannot(what, None, "VirtualBox says that it made it, and it is not there", "Try again"));
        }
        Ok(Wire::NatNetwork(name))
    }

    async fn make_host_only(
        &self,
        network: &NetworkName,
        spec: &NetworkSpec,
        what: &str,
        says: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Wire, ProviderError> {
        let failed = |error: CallError| self.failed(what, None, &error);
        let Some((subnet, host)) = spec.subnet.and_then(|subnet| Some((subnet, host_address(subnet)?))) else {
            return Err(cannot(what, None, format!("{network} has no subnet"), "Give it one in the drawing"));
        };
        let (version, system) = self.manage.about().await.map_err(failed)?;
        if system == System::MacOs && version.has_host_only_networks() {
            return self.make_host_only_network(network, spec, subnet, what).await;
        }
        let there = self.host_only_interfaces().await.map_err(failed)?;
        let has = |interface: &&Interface| interface.address.is_some_and(|address| address.trunc() == subnet.trunc());
        if let Some(found) = there.iter().find(has) {
            says(&format!("{network} is {}, which is there already", found.name));
            return Ok(Wire::HostOnlyInterface(found.name.clone()));
        }
        self.check_range(subnet, system, what).await?;
        self.manage.call(&["hostonlyif", "create"], Patience::Long).await.map_err(failed)?;
        let now = self.host_only_interfaces().await.map_err(failed)?;
        let Some(new) = now.iter().find(|new| !there.iter().any(|old| old.name == new.name)).map(|new| new.name.clone()) else {
            return Err(cannot(what, None, "VirtualBox says that it made an interface, and there is none", "Try again"));
        };
        self.set_extra("global", &BTreeMap::new(), &names::interface_key(&new), Some("made")).await.map_err(failed)?;
        let (ip, mask) = (format!("--ip={}", host.addr()), format!("--netmask={}", host.netmask()));
        if let Err(error) = self.manage.call(&["hostonlyif", "ipconfig", &new, &ip, &mask], Patience::Long).await {
            let _nothing_left = self.remove_interface(&new).await;
            return Err(failed(error));
        }
        Ok(Wire::HostOnlyInterface(new))
    }

    async fn make_host_only_network(
        &self,
        network: &NetworkName,
        spec: &NetworkSpec,
        subnet: Ipv4Net,
        what: &str,
    ) -> Result<Wire, ProviderError> {
        let failed = |error: CallError| self.failed(what, None, &error);
        let name = names::network(&self.lab, network);
        let there = self.host_only_networks().await.map_err(failed)?;
        let (low, high) = bounds(subnet, spec.dhcp);
        let (mask, low, high) = (subnet.netmask().to_string(), low.to_string(), high.to_string());
        let verb = if there.iter().any(|old| old.name == name) { "modify" } else { "add" };
        let args = ["hostonlynet", verb, "--name", &name, "--netmask", &mask, "--lower-ip", &low, "--upper-ip", &high, "--enable"];
        self.manage.call(&args, Patience::Long).await.map_err(failed)?;
        Ok(Wire::HostOnlyNetwork(name))
    }

    /// Says which line `/etc/vbox/networks.conf` lacks before anything is made that VirtualBox would refuse.
    async fn check_range(&self, subnet: Ipv4Net, system: System, what: &str) -> Result<(), ProviderError> {
        if system == System::Windows {
            return Ok(());
        }
        match ranges::missing_line(&self.networks_file().await, &[subnet]) {
            None => Ok(()),
            Some(line) => {
                let next = format!("Add this line to {}: {line} (or run: {})", ranges::FILE, ranges::command(&line));
                Err(cannot(what, None, format!("VirtualBox does not allow {} on host-only networks", subnet.trunc()), next))
            }
        }
    }

    /// The file that allows ranges; empty where there is none.
    pub(super) async fn networks_file(&self) -> String {
        match self.manage.place() {
            Place::Here(_) => std::fs::read_to_string(ranges::FILE).unwrap_or_default(),
            Place::There(ssh, _) => {
                let argv = ["cat", ranges::FILE].map(str::to_owned).to_vec();
                let ran = ssh.run(RemoteCommand { argv, stdin: Vec::new(), timeout: Duration::from_secs(60) }).await;
                ran.map(|ran| String::from_utf8_lossy(&ran.stdout).into_owned()).unwrap_or_default()
            }
        }
    }

    async fn find_bridge(&self, spec: &NetworkSpec, what: &str) -> Result<Wire, ProviderError> {
        let there = parse::interfaces(&self.manage.ask(&["list", "bridgedifs"]).await.map_err(|error| self.failed(what, None, &error))?);
        bridge_of(spec, &there).map(Wire::Bridged).map_err(|(why, next)| cannot(what, None, why, next))
    }

    /// A DHCP server where one is drawn, and none where none is. Interfaces that were there before keep theirs.
    async fn serve_dhcp(&self, wire: &Wire, spec: &NetworkSpec) -> Result<(), CallError> {
        let network = match wire {
            Wire::Internal(name) | Wire::NatNetwork(name) => name.clone(),
            Wire::HostOnlyInterface(name) if self.has_made(name).await? => format!("HostInterfaceNetworking-{name}"),
            Wire::HostOnlyInterface(_) | Wire::HostOnlyNetwork(_) | Wire::Nat(_) | Wire::Bridged(_) => return Ok(()),
        };
        let there = parse::dhcp_servers(&self.manage.ask(&["list", "dhcpservers"]).await?);
        let by_network = format!("--network={network}");
        let Some((range, subnet)) = spec.dhcp.zip(spec.subnet) else {
            if there.contains_key(&network) {
                self.manage.call(&["dhcpserver", "remove", &by_network], Patience::Short).await?;
            }
            return Ok(());
        };
        if there.get(&network) == Some(&Some(range)) {
            return Ok(());
        }
        let server = server_address(subnet, range).ok_or_else(|| {
            CallError::new(Kind::Invalid, format!("{subnet} has no address for a DHCP server beside the range that it hands out"))
        })?;
        let verb = if there.contains_key(&network) { "modify" } else { "add" };
        let args = [
            by_network,
            format!("--server-ip={server}"),
            format!("--netmask={}", subnet.netmask()),
            format!("--lower-ip={}", range.0),
            format!("--upper-ip={}", range.1),
            "--enable".to_owned(),
        ];
        let args: Vec<&str> = ["dhcpserver", verb].into_iter().chain(args.iter().map(String::as_str)).collect();
        self.manage.call(&args, Patience::Short).await.map(drop)
    }

    /// Plugs machines from what a network was into what it is.
    async fn replug(&self, network: &NetworkName, old: &Wire, new: &Wire) -> Result<(), CallError> {
        let machines = self.see_all(&self.manage.ask(&["list", "vms"]).await?).await?;
        for seen in machines.values() {
            let made = seen.made(&self.lab).map(|made| made.adapters).unwrap_or_default();
            for (slot, _) in (1..).zip(&made).filter(|(_, adapter)| adapter.network == *network) {
                if seen.info.nics.get(&slot).is_none_or(|nic| !old.holds(&nic.plug)) {
                    continue;
                }
                let (verb, args) = match seen.power() {
                    Power::Running | Power::Paused => ("controlvm", hot_plug(slot, &new.plug())),
                    Power::Stopped | Power::Missing => ("modifyvm", cold_plug(slot, &new.plug())),
                };
                let _lock = self.manage.machine(&seen.info.uuid).await;
                let args: Vec<&str> = [verb, &seen.info.uuid].into_iter().chain(args.iter().map(String::as_str)).collect();
                self.manage.call(&args, Patience::Short).await?;
            }
        }
        Ok(())
    }

    /// Removes a network, and what was made for it.
    pub(super) async fn delete_network(&self, network: &NetworkName) -> Result<Done, ProviderError> {
        let what = format!("remove the network {network}");
        let _alone = self.manage.alone().await;
        self.delete_network_alone(network).await.map_err(|error| self.failed(&what, None, &error))
    }

    async fn delete_network_alone(&self, network: &NetworkName) -> Result<Done, CallError> {
        let extra = self.global_extra().await?;
        let Some(record) = records(&self.lab, &extra).remove(network) else { return Ok(Done::AlreadySo) };
        // A program that died after the last machine went has left the lab's folder, or its image.
        self.tidy().await?;
        self.leave_images_alone().await?;
        // Its note goes last, so that a failure leaves something to find it by.
        let key = names::network_key(&self.lab, network);
        self.remove_wire(&record.wire, &key).await?;
        self.set_extra("global", &extra, &key, None).await?;
        Ok(Done::Changed)
    }

    /// Removes what a network is, unless somebody else has it as well; the network itself is noted under `own_key`.
    async fn remove_wire(&self, wire: &Wire, own_key: &str) -> Result<(), CallError> {
        match wire {
            Wire::Nat(_) | Wire::Bridged(_) => Ok(()),
            Wire::Internal(name) => self.remove_dhcp(name).await,
            Wire::NatNetwork(name) => {
                self.remove_dhcp(name).await?;
                let is_gone = || async { Ok(!self.nat_networks().await?.contains_key(name)) };
                self.remove_until(&["natnetwork", "remove", "--netname", name], Patience::Short, is_gone).await
            }
            Wire::HostOnlyNetwork(name) => {
                let is_gone = || async { Ok(self.host_only_networks().await?.iter().all(|there| there.name != *name)) };
                self.remove_until(&["hostonlynet", "remove", "--name", name], Patience::Long, is_gone).await
            }
            Wire::HostOnlyInterface(name) => {
                let mut extra = self.global_extra().await?;
                extra.remove(own_key);
                let is_ours = extra.contains_key(&names::interface_key(name));
                if !is_ours || is_used(&extra, name) || self.is_plugged_in(name).await? {
                    return Ok(());
                }
                self.remove_interface(name).await
            }
        }
    }

    async fn has_made(&self, interface: &str) -> Result<bool, CallError> {
        let known = self.kept().global.clone();
        let extra = match known {
            Some(extra) => extra,
            None => self.global_extra().await?,
        };
        Ok(extra.contains_key(&names::interface_key(interface)))
    }

    /// Whether any machine, ours or not, is on a host-only interface. Removing it under them would succeed and break them.
    async fn is_plugged_in(&self, interface: &str) -> Result<bool, CallError> {
        let all = self.manage.ask(&["list", "-l", "vms"]).await?;
        Ok(all.contains(&format!("Host-only Interface '{interface}'")))
    }

    async fn remove_interface(&self, name: &str) -> Result<(), CallError> {
        self.remove_dhcp(&format!("HostInterfaceNetworking-{name}")).await?;
        let is_gone = || async { Ok(self.host_only_interfaces().await?.iter().all(|there| there.name != name)) };
        self.remove_until(&["hostonlyif", "remove", name], Patience::Long, is_gone).await?;
        let extra = self.global_extra().await?;
        self.set_extra("global", &extra, &names::interface_key(name), None).await
    }

    async fn remove_dhcp(&self, network: &str) -> Result<(), CallError> {
        let is_gone = || async { Ok(!parse::dhcp_servers(&self.manage.ask(&["list", "dhcpservers"]).await?).contains_key(network)) };
        self.remove_until(&["dhcpserver", "remove", &format!("--network={network}")], Patience::Short, is_gone).await
    }

    /// Removes something if it is there. One word of VirtualBox's is not enough, neither that it is not there nor that it is removed: our
    /// note of it goes next, and then nobody would look for it again.
    async fn remove_until<L>(&self, args: &[&str], patience: Patience, is_gone: impl Fn() -> L + Send + Sync) -> Result<(), CallError>
    where
        L: Future<Output = Result<bool, CallError>> + Send,
    {
        if is_gone().await? && is_gone().await? {
            return Ok(());
        }
        self.manage.change(args, patience, &is_gone).await?;
        let verb = args.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        if is_gone().await? {
            Ok(())
        } else {
            Err(CallError::new(Kind::Other, format!("{verb} was said to be done, and it is still there")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_hosts_and_servers() {
        let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
        let ip = |text: &str| text.parse::<Ipv4Addr>().unwrap();
        assert_eq!(host_address(net("192.168.56.0/24")), Some(net("192.168.56.1/24")));
        assert_eq!(server_address(net("10.7.0.0/24"), (ip("10.7.0.100"), ip("10.7.0.200"))), Some(ip("10.7.0.99")));
        assert_eq!(server_address(net("10.7.0.0/24"), (ip("10.7.0.2"), ip("10.7.0.200"))), Some(ip("10.7.0.201")));
        assert_eq!(server_address(net("10.7.0.0/30"), (ip("10.7.0.1"), ip("10.7.0.2"))), None);
    }

    #[test]
    fn the_built_in_server_of_macos_hands_out_no_drawn_address() {
        let (subnet, ip) = ("192.168.56.0/24".parse().unwrap(), |text: &str| text.parse::<Ipv4Addr>().unwrap());
        assert_eq!(bounds(subnet, None), (ip("192.168.56.0"), ip("192.168.56.0")));
        let range = (ip("192.168.56.100"), ip("192.168.56.200"));
        assert_eq!(bounds(subnet, Some(range)), range);
    }

    #[test]
    fn labs_on_the_same_interface_are_found() {
        let (one, other) = (LabId::of_file(std::path::Path::new("/a.ron")), LabId::of_file(std::path::Path::new("/b.ron")));
        let spec = NetworkSpec { kind: NetworkKind::HostOnly, subnet: None, dhcp: None, interface: None };
        let record = Record { name: "theirs".parse().unwrap(), spec, wire: Wire::HostOnlyInterface("vboxnet0".into()) };
        let text = serde_json::to_string(&record).unwrap();
        let extra = BTreeMap::from([(names::network_key(&other, "theirs"), text.clone()), (names::network_key(&one, "lab"), text)]);
        let interface = |name: &str| Interface { name: name.into(), address: None, is_up: true };
        let (same, another) = (interface("vboxnet0"), interface("vboxnet1"));
        let lab: NetworkName = "lab".parse().unwrap();
        let found = others_on(&one, &extra, |_| Some(&same), [&lab].into_iter());
        assert_eq!(found, BTreeMap::from([(other.to_string(), vec![(lab.clone(), "theirs".parse().unwrap())])]));
        assert!(others_on(&one, &extra, |_| Some(&another), [&lab].into_iter()).is_empty());
    }

    #[test]
    fn an_interface_is_used_by_any_lab() {
        let (one, other) = (LabId::of_file(std::path::Path::new("/a.ron")), LabId::of_file(std::path::Path::new("/b.ron")));
        let spec = NetworkSpec { kind: NetworkKind::HostOnly, subnet: None, dhcp: None, interface: None };
        let record = Record { name: "lab".parse().unwrap(), spec, wire: Wire::HostOnlyInterface("vboxnet0".into()) };
        let extra = BTreeMap::from([(names::network_key(&other, "lab"), serde_json::to_string(&record).unwrap())]);
        assert!(is_used(&extra, "vboxnet0") && !is_used(&extra, "vboxnet1"));
        assert!(records(&one, &extra).is_empty());
        assert_eq!(records(&other, &extra).values().next(), Some(&record));
    }
}
