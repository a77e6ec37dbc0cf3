//! What VBoxManage says, as data. Tolerant: what is not known is passed over, and no text makes it fail or panic.
//!
//! Two formats: `--machinereadable` (`key="value"`, one a line, descriptions over several) and `list` (`Key:   value`, things
//! apart by an empty line). Of a key that comes twice the first counts, because what users write comes last.

use super::inherited::{Inherited, attached};
use crate::{catalog::Protocol, model::Mac};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
};

/// What an adapter is plugged into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plug {
    /// NAT of its own.
    Nat,
    /// A NAT network.
    NatNetwork(String),
    /// A host-only interface of the host.
    HostOnlyInterface(String),
    /// A host-only network (macOS since 7.0).
    HostOnlyNetwork(String),
    /// An internal network.
    Internal(String),
    /// An interface of the host.
    Bridged(String),
    /// Nothing, or something that Sandtable does not make.
    Other(String),
}

/// A port of the host that leads to a port of the guest, through NAT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Where the host listens.
    pub host: SocketAddrV4,
    /// The guest's port.
    pub to: u16,
}

/// An adapter that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// What it is plugged into.
    pub plug: Plug,
    /// Its hardware address.
    pub mac: Mac,
    /// Whether its cable is in.
    pub is_connected: bool,
    /// What kind of card it is.
    pub card: String,
    /// Forwarded ports.
    pub rules: Vec<Rule>,
}

/// A machine as `showvminfo --machinereadable` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub uuid: String,
    /// Its groups.
    pub groups: String,
    /// Its settings file.
    pub settings_file: String,
    /// `poweroff`, `running`, `paused`, `saved`, `aborted` …
    pub state: String,
    /// When it got into that state, in seconds since 1970, where VirtualBox says so.
    pub state_since_secs: Option<u64>,
    /// Whether a process has it locked.
    pub is_locked: bool,
    /// The process that has it locked: `headless`, `GUI/Qt` …
    pub session: String,
    /// Virtual processors.
    pub cpus: u16,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// `piix3`, `ich9`, `armv8virtual`.
    pub chipset: String,
    /// Whether its hardware clock shows the host's local time.
    pub clock_is_local: bool,
    /// Adapters by slot, from 1.
    pub nics: BTreeMap<u32, Nic>,
    /// How many slots it has.
    pub slots: u32,
    /// Its disks' identities: what is written to now.
    pub disks: Vec<String>,
    /// Ports that a disk can be plugged into: controller, port, device.
    pub free_ports: Vec<(String, u32, u32)>,
    /// Names of its snapshots, oldest first.
    pub snapshots: Vec<String>,
    /// The snapshot that it stands on.
    pub current_snapshot: Option<String>,
    /// Where its disks are plugged in: controller, port, device.
    pub disk_places: Vec<(String, u32, u32)>,
    /// What no layout describes.
    pub inherited: Inherited,
}

/// The fields of a `--machinereadable` text, in order.
pub fn fields(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
        if let Some((key, mut value)) = open.take() {
            value.push('\n');
            value.push_str(line);
            match value.strip_suffix('"').filter(|_| !ends_escaped(&value)) {
                Some(whole) => found.push((key, unescaped(whole))),
                None => open = Some((key, value)),
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let key = key.trim_matches('"').to_owned();
        match value.strip_prefix('"') {
            None => found.push((key, value.to_owned())),
            Some(rest) => match rest.strip_suffix('"').filter(|_| !ends_escaped(rest)) {
                Some(whole) => found.push((key, unescaped(whole))),
                // Either it goes on, or something comes after it (VideoMode, BandwidthGroup).
                None if ends_later(rest) => found.push((key, unescaped(rest.split('"').next().unwrap_or_default()))),
                None => open = Some((key, rest.to_owned())),
            },
        }
    }
    found
}

fn ends_escaped(text: &str) -> bool {
    text.strip_suffix('"').is_some_and(|rest| rest.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1)
}

fn ends_later(rest: &str) -> bool {
    rest.split_once('"').is_some_and(|(before, after)| !before.ends_with('\\') && after.starts_with(['@', ',']))
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    plain
}

/// A machine; `None` where the text is not one's.
pub fn info(text: &str) -> Option<Info> {
    let fields = fields(text);
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, value) in &fields {
        first.entry(key).or_insert(value);
    }
    let get = |key: &str| first.get(key).copied().unwrap_or_default();
    let mut info = Info {
        name: get("name").to_owned(),
        uuid: get("UUID").to_lowercase(),
        groups: get("groups").to_owned(),
        settings_file: get("CfgFile").to_owned(),
        state: get("VMState").to_owned(),
        state_since_secs: seconds(get("VMStateChangeTime")),
        is_locked: first.contains_key("SessionName"),
        session: get("SessionName").to_owned(),
        cpus: get("cpus").parse().unwrap_or_default(),
        memory_mib: get("memory").parse().unwrap_or_default(),
        chipset: get("chipset").to_lowercase(),
        clock_is_local: get("rtcuseutc") == "off",
        current_snapshot: first.get("CurrentSnapshotName").map(|name| (*name).to_owned()),
        ..Info::default()
    };
    if info.uuid.is_empty() || info.state.is_empty() {
        return None;
    }
    let mut slot = 0;
    for (key, value) in &fields {
        if let Some(number) = key.strip_prefix("nic").and_then(|rest| rest.parse::<u32>().ok()) {
            slot = number;
            info.slots = info.slots.max(number);
            if let Some(nic) = nic(number, value, &get) {
                info.nics.entry(number).or_insert(nic);
            }
        } else if key.starts_with("Forwarding(") {
            // A rule follows its adapter.
            if let (Some(nic), Some(rule)) = (info.nics.get_mut(&slot), rule(value)) {
                nic.rules.push(rule);
            }
        } else if key == "SnapshotName" || key.starts_with("SnapshotName-") {
            info.snapshots.push(value.clone());
        }
    }
    info.free_ports = free_ports(&fields);
    let disks: Vec<_> = attached(&fields).into_iter().filter(|at| at.kind == "hdd" && !at.uuid.is_empty()).collect();
    info.disks = disks.iter().map(|disk| disk.uuid.clone()).collect();
    info.disk_places = disks.into_iter().map(|disk| (disk.controller, disk.port, disk.device)).collect();
    info.inherited = Inherited::of(&fields);
    Some(info)
}

/// A moment as VirtualBox writes it (`2026-11-21T09:05:40.791000000`, UTC), in seconds since 1970.
fn seconds(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(['.', 'Z']).next()?.splitn(3, ':').map(str::parse::<u64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March: the day that a leap year has more is then the last one.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day;
    // From the first of March of the year 0 to the first of January of 1970 it is 719 468 days; `day` counts from 1.
    Some(((days.checked_sub(719_469)? * 24 + hour) * 60 + minute) * 60 + second)
}

fn free_ports(fields: &[(String, String)]) -> Vec<(String, u32, u32)> {
    let of = |stem: &'static str| fields.iter().filter_map(move |(key, value)| Some((key.strip_prefix(stem)?, value.as_str())));
    let floppies: Vec<&str> = of("storagecontrollertype").filter(|(_, kind)| *kind == "I82078").map(|(number, _)| number).collect();
    let names: Vec<&str> = of("storagecontrollername").filter(|(number, _)| !floppies.contains(number)).map(|(_, name)| name).collect();
    let port = |(key, value): &(String, String)| {
        let (name, at) = names.iter().find_map(|name| Some((*name, key.strip_prefix(*name)?.strip_prefix('-')?)))?;
        let (port, device) = at.split_once('-')?;
        (value == "none").then_some((name.to_owned(), port.parse().ok()?, device.parse().ok()?))
    };
    fields.iter().filter_map(port).collect()
}

fn nic<'a>(slot: u32, kind: &str, get: &impl Fn(&str) -> &'a str) -> Option<Nic> {
    let of = |stem: &str| get(&format!("{stem}{slot}")).to_owned();
    let plug = match kind.to_lowercase().as_str() {
        "none" => return None,
        "nat" => Plug::Nat,
        "natnetwork" => Plug::NatNetwork(of("nat-network")),
        "hostonly" => Plug::HostOnlyInterface(of("hostonlyadapter")),
        "hostonlynet" | "hostonlynetwork" => Plug::HostOnlyNetwork(of("hostonly-network")),
        "intnet" => Plug::Internal(of("intnet")),
        "bridged" => Plug::Bridged(of("bridgeadapter")),
        other => Plug::Other(other.to_owned()),
    };
    Some(Nic {
        plug,
        mac: mac(&of("macaddress")).unwrap_or(Mac([0; 6])),
        is_connected: of("cableconnected") != "off",
        card: of("nictype"),
        rules: Vec::new(),
    })
}

/// A hardware address as VirtualBox writes it: twelve digits.
pub fn mac(text: &str) -> Option<Mac> {
    if text.len() != 12 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 6];
    for (byte, at) in bytes.iter_mut().zip((0..12).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(Mac(bytes))
}

/// `name,tcp,127.0.0.1,2222,,22`. No address is every address; `None` for an address that is not IPv4.
fn rule(text: &str) -> Option<Rule> {
    let mut parts = text.rsplitn(6, ',');
    let (to, _guest, port, address, protocol) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let address = if address.is_empty() { Ipv4Addr::UNSPECIFIED } else { address.parse().ok()? };
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    let host = SocketAddrV4::new(address, port.parse().ok()?);
    Some(Rule { name: parts.next()?.to_owned(), protocol, host, to: to.parse().ok()? })
}

/// Names and identities of `list vms`. A machine whose settings cannot be read has the name `<inaccessible>`.
pub fn machines(text: &str) -> Vec<(String, String)> {
    let line = |line: &str| {
        let (name, uuid) = line.trim_end().rsplit_once(" {")?;
        let name = name.strip_prefix('"')?.strip_suffix('"')?;
        Some((name.to_owned(), uuid.strip_suffix('}')?.to_lowercase()))
    };
    text.lines().filter_map(line).collect()
}

/// The settings files of the machines that VirtualBox cannot read, by UUID, as `list -l vms` shows them.
pub fn inaccessible(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut uuid: Option<String> = None;
    let mut is_inaccessible = false;
    for (key, value) in text.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim())) {
        match key {
            "Name" => (is_inaccessible, uuid) = (value == "<inaccessible!>", None),
            "UUID" if is_inaccessible => uuid = Some(value.to_lowercase()),
            "Config file" if is_inaccessible => drop(uuid.take().map(|uuid| found.insert(uuid, value.to_owned()))),
            _ => {}
        }
    }
    found
}

/// One thing of a list: its fields in order.
pub type Block = Vec<(String, String)>;

/// The things of a list, each with its fields.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![Vec::new()];
    for line in text.lines() {
        if line.trim().is_empty() {
            blocks.push(Vec::new());
        } else if let (Some(block), Some((key, value))) = (blocks.last_mut(), line.split_once(':')) {
            block.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// A field of a thing.
pub fn field<'a>(block: &'a [(String, String)], key: &str) -> &'a str {
    block.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
}

/// A disk that VirtualBox knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Its identity.
    pub uuid: String,
    /// The disk that it is a difference to.
    pub parent: Option<String>,
    /// Its file.
    pub location: String,
    /// Its size as the guest sees it, in MiB.
    pub capacity_mib: u64,
}

/// `list hdds`.
pub fn media(text: &str) -> Vec<Medium> {
    let medium = |block: &Block| {
        let parent = field(block, "Parent UUID").to_lowercase();
        Some(Medium {
            uuid: Some(field(block, "UUID").to_lowercase()).filter(|uuid| !uuid.is_empty())?,
            parent: Some(parent).filter(|parent| !parent.is_empty() && parent != "base"),
            location: field(block, "Location").to_owned(),
            capacity_mib: field(block, "Capacity").split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default(),
        })
    };
    blocks(text).iter().filter_map(medium).collect()
}

/// An interface of the host, or a host-only network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its address and mask.
    pub address: Option<ipnet::Ipv4Net>,
    /// Whether it is up.
    pub is_up: bool,
}

/// `list hostonlyifs` and `list bridgedifs`.
pub fn interfaces(text: &str) -> Vec<Interface> {
    let interface = |block: &Block| {
        let address = field(block, "IPAddress").parse::<Ipv4Addr>().ok().filter(|address| !address.is_unspecified());
        let mask = field(block, "NetworkMask").parse::<Ipv4Addr>().ok();
        Some(Interface {
            name: Some(field(block, "Name").to_owned()).filter(|name| !name.is_empty())?,
            address: address.zip(mask).and_then(|(address, mask)| ipnet::Ipv4Net::with_netmask(address, mask).ok()),
            is_up: field(block, "Status") == "Up",
        })
    };
    blocks(text).iter().filter_map(interface).collect()
}

/// `list hostonlynets`: names, and the first address of each with its mask.
pub fn host_only_networks(text: &str) -> Vec<Interface> {
    let network = |block: &Block| {
        let low = field(block, "LowerIP").parse::<Ipv4Addr>().ok();
        let mask = field(block, "NetworkMask").parse::<Ipv4Addr>().ok();
        Some(Interface {
            name: Some(field(block, "Name").to_owned()).filter(|name| !name.is_empty())?,
            address: low.zip(mask).and_then(|(low, mask)| ipnet::Ipv4Net::with_netmask(low, mask).ok()),
            is_up: field(block, "State") == "Enabled",
        })
    };
    blocks(text).iter().filter_map(network).collect()
}

/// `list natnets`: names and subnets. Older versions write `NetworkName`.
pub fn nat_networks(text: &str) -> BTreeMap<String, Option<ipnet::Ipv4Net>> {
    let network = |block: &Block| {
        let name = [field(block, "Name"), field(block, "NetworkName")].into_iter().find(|name| !name.is_empty())?.to_owned();
        Some((name, field(block, "Network").parse().ok()))
    };
    blocks(text).iter().filter_map(network).collect()
}

/// `list dhcpservers`: network names and the ranges that are handed out. Before 6.1 the keys were others.
pub fn dhcp_servers(text: &str) -> BTreeMap<String, Option<(Ipv4Addr, Ipv4Addr)>> {
    let server = |block: &Block| {
        let either = |one: &str, other: &str| field(block, one).parse().ok().or_else(|| field(block, other).parse().ok());
        let range = Option::zip(either("LowerIPAddress", "lowerIPAddress"), either("UpperIPAddress", "upperIPAddress"));
        Some((Some(field(block, "NetworkName").to_owned()).filter(|name| !name.is_empty())?, range))
    };
    blocks(text).iter().filter_map(server).collect()
}

/// The ranges of the servers of `list dhcpservers` that are on.
pub fn dhcp_enabled(text: &str) -> BTreeMap<String, (Ipv4Addr, Ipv4Addr)> {
    let on: Vec<Block> = blocks(text).into_iter().filter(|block| field(block, "Enabled") == "Yes").collect();
    let names: Vec<&str> = on.iter().map(|block| field(block, "NetworkName")).collect();
    let all = dhcp_servers(text).into_iter().filter(|(name, _)| names.contains(&name.as_str()));
    all.filter_map(|(name, range)| Some((name, range?))).collect()
}

/// `getextradata … enumerate`. A value with line ends goes on until the next key.
pub fn extra_data(text: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut last: Option<String> = None;
    for line in text.lines() {
        match line.strip_prefix("Key: ").and_then(|rest| rest.split_once(", Value: ")) {
            Some((key, value)) => {
                found.insert(key.to_owned(), value.to_owned());
                last = Some(key.to_owned());
            }
            None => {
                if let Some(value) = last.as_ref().and_then(|key| found.get_mut(key)) {
                    value.push('\n');
                    value.push_str(line);
                }
            }
        }
    }
    found
}

/// The folder of `list systemproperties` in which machines are made.
pub fn machine_folder(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("Default machine folder:"))?;
    Some(line.trim().to_owned()).filter(|folder| !folder.is_empty())
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
