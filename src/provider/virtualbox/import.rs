//! Machines that exist, read into a lab: their processors, memory, adapters, networks, forwards and addresses as far as they are
//! known. Changes nothing.
//!
//! What runs inside is not looked at, and what could not be known is said.

use super::{
    VBoxManage, VirtualBox, Waits, all, cannot,
    error::{CallError, Kind},
    names,
    parse::{self, Info, Interface, Medium, Plug},
};
use crate::{
    catalog::Protocol,
    model::{Adapter, DhcpRange, Family, Forward, Image, Lab, Network, NetworkKind, NetworkName, Node, NodeName, Role},
    provider::ProviderError,
};
use ipnet::Ipv4Net;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The lab. Nothing in it has a position: the picture finds places.
    pub lab: Lab,
    /// What could not be known, or has no place in a drawing, in sentences.
    pub unknown: Vec<String>,
}

/// A machine, and the addresses that its guest has told, by hardware address as VirtualBox writes it.
#[derive(Debug, Clone, Default)]
struct Found {
    info: Info,
    system: String,
    told: BTreeMap<String, Ipv4Addr>,
}

/// What is around the machines.
#[derive(Debug, Clone, Default)]
struct Around {
    interfaces: Vec<Interface>,
    host_only: Vec<Interface>,
    nats: BTreeMap<String, Option<Ipv4Net>>,
    dhcp: BTreeMap<String, Option<(Ipv4Addr, Ipv4Addr)>>,
    disks: Vec<Medium>,
}

impl VirtualBox {
    /// Reads machines of this VirtualBox, by name or UUID; all but those of labs where none is named.
    ///
    /// # Errors
    /// Where one does not exist, or VirtualBox does not answer.
    pub async fn import(manage: &VBoxManage, wanted: &[String]) -> Result<Imported, ProviderError> {
        let what = "read the machines";
        let failed = |error: CallError| error.explain(what, None, manage.version());
        let there = parse::machines(&manage.ask(&["list", "vms"]).await.map_err(failed)?);
        let mut chosen: Vec<&(String, String)> = Vec::new();
        for name in wanted {
            let named: Vec<_> = there.iter().filter(|(own, uuid)| own == name || *uuid == name.to_lowercase()).collect();
            match named.as_slice() {
                [one] if chosen.contains(one) => {}
                [one] => chosen.push(one),
                [] => {
                    let names: Vec<&str> = there.iter().map(|(name, _)| name.as_str()).collect();
                    let next = format!("VirtualBox has: {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
                    return Err(cannot(what, None, format!("there is no machine {name}"), next));
                }
                several => {
                    let uuids: Vec<&str> = several.iter().map(|(_, uuid)| uuid.as_str()).collect();
                    return Err(cannot(
                        what,
                        None,
                        format!("{name} is the name of several machines"),
                        format!("Name one by its UUID: {}", uuids.join(", ")),
                    ));
                }
            }
        }
        if wanted.is_empty() {
            chosen.extend(&there);
        }
        let reads = chosen.iter().map(|(name, uuid)| Box::pin(read(manage, name, uuid)) as Waits<'_, Result<Found, String>>);
        let (mut found, mut unknown) = (Vec::new(), Vec::new());
        for machine in all(reads.collect()).await {
            match machine {
                // Machines of labs have a layout already.
                Ok(machine) if wanted.is_empty() && machine.info.groups.split(',').any(|group| group.starts_with(names::GROUPS)) => {}
                Ok(machine) => found.push(machine),
                Err(why) => unknown.push(why),
            }
        }
        if found.is_empty() {
            let mut why = "VirtualBox has no machine that is not a lab's already".to_owned();
            for left_out in &unknown {
                why.push_str(&format!("; {}", left_out.trim_end_matches('.')));
            }
            return Err(cannot(what, None, why, "Make one first, or name machines"));
        }
        let around = around(manage, &found).await.map_err(failed)?;
        let mut imported = draw(&found, &around);
        imported.unknown.extend(unknown);
        Ok(imported)
    }
}

/// One machine; a sentence where it cannot be read. That one must not keep the others from being read.
async fn read(manage: &VBoxManage, name: &str, uuid: &str) -> Result<Found, String> {
    let (shown, told) = (["showvminfo", uuid, "--machinereadable"], ["guestproperty", "enumerate", uuid]);
    let (shown, told) = tokio::join!(manage.ask(&shown), manage.ask(&told));
    let unreadable =
        || format!("{name} ({uuid}): VirtualBox cannot read its settings, so it is left out. See why: VBoxManage list -l vms.");
    let shown = match shown {
        Ok(shown) => shown,
        Err(error) if error.kind == Kind::Inaccessible => return Err(unreadable()),
        Err(error) => return Err(format!("{name} ({uuid}) is left out: {error}.")),
    };
    let info = parse::info(&shown).ok_or_else(unreadable)?;
    let system = parse::fields(&shown).into_iter().find(|(key, _)| key == "ostype").map(|(_, value)| value).unwrap_or_default();
    // Without guest additions nobody tells, and versions differ in how they say so.
    Ok(Found { info, system, told: told.map(|text| told_addresses(&text)).unwrap_or_default() })
}

async fn around(manage: &VBoxManage, found: &[Found]) -> Result<Around, CallError> {
    let plugs: Vec<&Plug> = found.iter().flat_map(|machine| machine.info.nics.values().map(|nic| &nic.plug)).collect();
    let has = |wanted: fn(&Plug) -> bool| plugs.iter().any(|plug| wanted(plug));
    // Only what is needed: not every VirtualBox knows every list.
    let list = async |is_needed: bool, what: &str| if is_needed { manage.ask(&["list", what]).await } else { Ok(String::new()) };
    let (interfaces, host_only, nats, dhcp, disks) = tokio::try_join!(
        list(has(|plug| matches!(plug, Plug::HostOnlyInterface(_))), "hostonlyifs"),
        list(has(|plug| matches!(plug, Plug::HostOnlyNetwork(_))), "hostonlynets"),
        list(has(|plug| matches!(plug, Plug::NatNetwork(_))), "natnets"),
        list(has(|plug| !matches!(plug, Plug::Nat | Plug::Bridged(_))), "dhcpservers"),
        list(true, "hdds"),
    )?;
    Ok(Around {
        interfaces: parse::interfaces(&interfaces),
        host_only: parse::host_only_networks(&host_only),
        nats: parse::nat_networks(&nats),
        dhcp: parse::dhcp_servers(&dhcp),
        disks: parse::media(&disks),
    })
}

/// The addresses that a guest's additions have told, by its cards' hardware addresses. Two ways to write it, before 7.0 and since.
fn told_addresses(text: &str) -> BTreeMap<String, Ipv4Addr> {
    let mut values: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines() {
        let old = line
            .strip_prefix("Name: ")
            .and_then(|rest| rest.split_once(", value: "))
            .map(|(key, rest)| (key, rest.split(", timestamp:").next().unwrap_or(rest)));
        let new = || line.split_once(" = '").and_then(|(key, rest)| Some((key.trim(), rest.split_once('\'')?.0)));
        if let Some((key, value)) = old.or_else(new) {
            values.insert(key, value);
        }
    }
    let card = |(key, mac): (&&str, &&str)| {
        let stem = key.strip_prefix("/VirtualBox/GuestInfo/Net/")?.strip_suffix("/MAC")?;
        let address = values.get(format!("/VirtualBox/GuestInfo/Net/{stem}/V4/IP").as_str())?.parse::<Ipv4Addr>().ok()?;
        (!address.is_unspecified()).then(|| (mac.to_uppercase(), address))
    };
    values.iter().filter_map(card).collect()
}

/// The lab that these machines are.
fn draw(found: &[Found], around: &Around) -> Imported {
    let mut lab = Lab::new("Imported from VirtualBox");
    let mut unknown = Vec::new();
    let mut networks: Vec<(Plug, NetworkName)> = Vec::new();
    let stems: Vec<&str> = found.iter().filter_map(|machine| vagrant_stem(&machine.info.name)).collect();
    let head = vagrant_head(&stems);
    for machine in found {
        let vagrant = vagrant_stem(&machine.info.name);
        let own = vagrant.map(|stem| stem.get(head..).unwrap_or(stem));
        let name = node_name(own.unwrap_or(&machine.info.name), &lab);
        let mut node = Node::new(role(&name));
        node.cpus = machine.info.cpus.max(1);
        node.memory = machine.info.memory_mib;
        let disk = machine.info.disks.first().and_then(|uuid| around.disks.iter().find(|disk| disk.uuid == *uuid));
        if let Some(disk) = disk.filter(|disk| disk.capacity_mib > 0) {
            node.disk = u32::try_from(disk.capacity_mib.div_ceil(1024)).unwrap_or(u32::MAX);
        }
        node.image = Some(image(machine));
        if machine.info.current_snapshot.is_none() {
            unknown.push(format!(
                "{name} has no snapshot, which a clone of it needs: VBoxManage snapshot \"{}\" take base.",
                machine.info.name
            ));
        }
        for (slot, nic) in &machine.info.nics {
            if let Plug::Other(kind) = &nic.plug {
                unknown.push(format!("{name}: adapter {slot} is plugged into {kind}, which has no place in a drawing."));
                continue;
            }
            let network = network_of(&nic.plug, &mut networks, &mut lab, around);
            let mac = nic.mac.to_string().replace(':', "").to_uppercase();
            let address = address(&name, &network, machine.told.get(&mac).copied(), &lab, &mut unknown);
            // Vagrant finds a free port for its own ssh, and would find ours taken.
            let is_own = |rule: &&parse::Rule| rule.name == names::WAY_RULE || (vagrant.is_some() && rule.name == "ssh" && rule.to == 22);
            let (tcp, udp): (Vec<&parse::Rule>, Vec<&parse::Rule>) =
                nic.rules.iter().filter(|rule| !is_own(rule)).partition(|rule| rule.protocol == Protocol::Tcp);
            for rule in udp {
                unknown.push(format!("{name}: a layout has no forwards of UDP, so {} -> {} is left out.", rule.host, rule.to));
            }
            let forward = |rule: &parse::Rule| Forward { host: rule.host.port(), to: rule.to, address: *rule.host.ip() };
            let forwards = tcp.into_iter().map(forward).collect();
            node.adapters.push(Adapter { address, forwards, ..Adapter::on(network) });
        }
        lab.nodes.insert(name, node);
    }
    share_image(&mut lab);
    for (name, network) in &lab.networks {
        if network.subnet.is_none() && matches!(network.kind, NetworkKind::Internal | NetworkKind::HostOnly) {
            unknown.push(format!("The subnet of {name} is not known: VirtualBox has none for it."));
        }
    }
    unknown.push("What runs on the machines is not known: draw their services.".to_owned());
    Imported { lab, unknown }
}

/// The address that a machine has for good on a network, as far as it is known; what is not known is said.
fn address(name: &NodeName, network: &NetworkName, told: Option<Ipv4Addr>, lab: &Lab, unknown: &mut Vec<String>) -> Option<Ipv4Addr> {
    let drawn = lab.networks.get(network).filter(|network| network.kind.joins_nodes())?;
    // VirtualBox's default interface has a DHCP server from the start; addresses beside its range are set in the guest.
    let is_handed_out = |address: Ipv4Addr| drawn.dhcp.is_some_and(|range| (range.from..=range.to).contains(&address));
    match told {
        Some(address) if is_handed_out(address) => {
            unknown.push(format!("{name}: {address} on {network} is in the range of its DHCP server, so it is left to that."));
            None
        }
        Some(address) => Some(address),
        None => {
            unknown.push(format!("{name}: its address on {network} is not known: a machine tells it with guest additions, while it runs."));
            None
        }
    }
}

/// A machine's name without the time and the number that Vagrant puts after it (`PROJECT_NAME_1732881234867_31234`); `None` where
/// it is not made by Vagrant.
fn vagrant_stem(name: &str) -> Option<&str> {
    let is_number = |text: &str, digits: usize| text.len() >= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, random) = name.rsplit_once('_')?;
    let (stem, time) = rest.rsplit_once('_')?;
    (is_number(random, 1) && is_number(time, 12) && !stem.is_empty()).then_some(stem)
}

/// How much of these stems is their project's name, which all have before their own: its length with the underscore. Both names may
/// have underscores, so it is the longest that leaves each a name that begins with a letter.
fn vagrant_head(stems: &[&str]) -> usize {
    let Some((first, others)) = stems.split_first() else { return 0 };
    let is_common = |head: &str| others.iter().all(|other| other.starts_with(head));
    let is_name = |rest: Option<&str>| rest.is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_alphabetic()));
    let ends = first.match_indices('_').map(|(at, _)| at + 1).take_while(|end| first.get(..*end).is_some_and(is_common));
    let heads: Vec<usize> = ends.filter(|end| stems.iter().all(|stem| is_name(stem.get(*end..)))).collect();
    // A machine alone says nothing of where its project's name ends.
    (if others.is_empty() { heads.first() } else { heads.last() }).copied().unwrap_or_default()
}

/// What a clone of the machine would be made of: itself, at the snapshot that it stands on.
fn image(machine: &Found) -> Image {
    let system = machine.system.to_lowercase();
    let families = [
        ("ubuntu", Family::Ubuntu),
        ("debian", Family::Debian),
        ("fedora", Family::Fedora),
        ("red hat", Family::Rocky),
        ("rocky", Family::Rocky),
        ("oracle", Family::Rocky),
        ("alma", Family::Rocky),
    ];
    let family = families.into_iter().find(|(word, _)| system.contains(word)).map_or(Family::Other, |(_, family)| family);
    let mut image = Image {
        name: machine.info.name.clone(),
        snapshot: machine.info.current_snapshot.clone(),
        family,
        arch: Default::default(),
        full_clone: false,
    };
    if system.contains("arm") {
        image.arch = crate::model::Arch::Aarch64;
    }
    image
}

/// An image that all have is the lab's.
fn share_image(lab: &mut Lab) {
    let images: BTreeSet<String> = lab.nodes.values().map(|node| format!("{:?}", node.image)).collect();
    if images.len() == 1 {
        lab.image = lab.nodes.values_mut().filter_map(|node| node.image.take()).last();
    }
}

/// A network's name in the lab; the network is drawn where it is met first.
fn network_of(plug: &Plug, known: &mut Vec<(Plug, NetworkName)>, lab: &mut Lab, around: &Around) -> NetworkName {
    if let Some((_, name)) = known.iter().find(|(there, _)| there == plug) {
        return name.clone();
    }
    let subnet = |interfaces: &[Interface], name: &str| interfaces.iter().find(|there| there.name == name)?.address.map(|net| net.trunc());
    let range = |server: &str| around.dhcp.get(server).copied().flatten().map(|(from, to)| DhcpRange { from, to });
    let (stem, network) = match plug {
        Plug::Nat | Plug::Other(_) => ("internet", Network::new(NetworkKind::Nat)),
        Plug::NatNetwork(name) => {
            let subnet = around.nats.get(name).copied().flatten().map(|net| net.trunc());
            (name.as_str(), Network { subnet, dhcp: range(name), ..Network::new(NetworkKind::NatNetwork) })
        }
        Plug::HostOnlyInterface(name) => {
            let (subnet, dhcp) = (subnet(&around.interfaces, name), range(&format!("HostInterfaceNetworking-{name}")));
            (name.as_str(), Network { subnet, dhcp, ..Network::new(NetworkKind::HostOnly) })
        }
        Plug::HostOnlyNetwork(name) => {
            (name.as_str(), Network { subnet: subnet(&around.host_only, name), ..Network::new(NetworkKind::HostOnly) })
        }
        Plug::Internal(name) => (name.as_str(), Network { dhcp: range(name), ..Network::new(NetworkKind::Internal) }),
        Plug::Bridged(name) => (name.as_str(), Network { interface: Some(name.clone()), ..Network::new(NetworkKind::Bridged) }),
    };
    let name: NetworkName = free(&plain(stem, "network"), |name| lab.networks.contains_key(name));
    // A range without the subnet that it lies in means nothing.
    let dhcp = network.dhcp.filter(|range| network.subnet.is_some_and(|subnet| subnet.contains(&range.from) && subnet.contains(&range.to)));
    lab.networks.insert(name.clone(), Network { dhcp, ..network });
    known.push((plug.clone(), name.clone()));
    name
}

/// A name that a host can have: no underscores, no hyphen beside a dot.
fn node_name(machine: &str, lab: &Lab) -> NodeName {
    let dashed = plain(&machine.replace('_', "-"), "node");
    let words: Vec<&str> = dashed.split('.').map(|word| word.trim_matches('-')).filter(|word| !word.is_empty()).collect();
    let name = words.join(".");
    let is_taken_for_another = name.parse::<Ipv4Addr>().is_ok() || name.eq_ignore_ascii_case("localhost");
    let name = if is_taken_for_another || name.is_empty() { format!("node-{}", name.replace('.', "-")) } else { name };
    free(name.trim_end_matches('-'), |name| lab.nodes.contains_key(name))
}

/// The name, or the first of `NAME-2`, `NAME-3` … that nobody has. The name must be a plain one.
fn free<T: for<'a> TryFrom<&'a str>>(name: &str, is_taken: impl Fn(&str) -> bool) -> T {
    let mut number = 1_u64;
    loop {
        let candidate = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        match T::try_from(&candidate) {
            Ok(free) if !is_taken(&candidate) => return free,
            _ => number += 1,
        }
    }
}

/// A name that a lab takes and a system can have: letters, digits, dots, dashes and underscores.
fn plain(text: &str, otherwise: &str) -> String {
    let letters = text.chars().map(|letter| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' });
    let dashed: String = letters.take(50).collect();
    let parts: Vec<&str> = dashed.split('-').filter(|part| !part.is_empty()).collect();
    let name = parts.join("-").trim_matches(['.', '_']).to_owned();
    if name.is_empty() || name == "outside" { otherwise.to_owned() } else { name }
}

/// What a machine is for, as far as its name tells.
fn role(name: &str) -> Role {
    let words = [
        ("bastion", Role::Bastion),
        ("jump", Role::Bastion),
        ("balancer", Role::Balancer),
        ("haproxy", Role::Balancer),
        ("lb", Role::Balancer),
        ("gateway", Role::Gateway),
        ("router", Role::Gateway),
        ("gw", Role::Gateway),
        ("arbitrator", Role::Arbitrator),
        ("arb", Role::Arbitrator),
        ("garbd", Role::Arbitrator),
        ("monitor", Role::Monitor),
        ("mon", Role::Monitor),
        ("prometheus", Role::Monitor),
        ("cache", Role::Cache),
        ("redis", Role::Cache),
        ("nfs", Role::Storage),
        ("nas", Role::Storage),
        ("storage", Role::Storage),
        ("ldap", Role::Directory),
        ("dns", Role::Directory),
        ("dir", Role::Directory),
        ("database", Role::Database),
        ("db", Role::Database),
        ("mysql", Role::Database),
        ("mariadb", Role::Database),
        ("postgres", Role::Database),
        ("pg", Role::Database),
        ("app", Role::App),
        ("web", Role::App),
        ("www", Role::App),
    ];
    let lower = name.to_lowercase();
    let parts: Vec<&str> = lower.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|part| !part.is_empty()).collect();
    words.into_iter().find(|(word, _)| parts.contains(word)).map_or(Role::Worker, |(_, role)| role)
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
