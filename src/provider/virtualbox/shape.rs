//! How a machine is to be, beside how it is: the arguments that make the one the other. Pure.

use super::{
    names,
    parse::{Info, Plug, Rule},
};
use crate::{
    catalog::Protocol,
    model::{Mac, MachineSpec, NetworkName},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
};

/// What a network of a lab is in VirtualBox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// NAT, of each adapter's own; with its addresses where the drawing says some.
    Nat(Option<ipnet::Ipv4Net>),
    /// A NAT network.
    NatNetwork(String),
    /// A host-only interface.
    HostOnlyInterface(String),
    /// A host-only network.
    HostOnlyNetwork(String),
    /// An internal network: it exists while an adapter is in it.
    Internal(String),
    /// An interface of the host's.
    Bridged(String),
}

impl Wire {
    /// What an adapter in it is plugged into.
    pub fn plug(&self) -> Plug {
        match self {
            Self::Nat(_) => Plug::Nat,
            Self::NatNetwork(name) => Plug::NatNetwork(name.clone()),
            Self::HostOnlyInterface(name) => Plug::HostOnlyInterface(name.clone()),
            Self::HostOnlyNetwork(name) => Plug::HostOnlyNetwork(name.clone()),
            Self::Internal(name) => Plug::Internal(name.clone()),
            Self::Bridged(name) => Plug::Bridged(name.clone()),
        }
    }

    /// Whether an adapter that is plugged so belongs to it, also while a fault has cut it off.
    pub fn holds(&self, plug: &Plug) -> bool {
        match (self, plug) {
            (Self::Internal(name), Plug::Internal(there)) => there == name || *there == names::cut_off(name),
            _ => self.plug() == *plug,
        }
    }
}

/// How Sandtable gets in where nothing of the drawing leads in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayKind {
    /// A forward on a NAT adapter that is drawn.
    Drawn,
    /// A forward on an adapter that is there only while the node is set up.
    Uplink,
    /// That adapter is gone.
    Closed,
}

/// A forward that leads to a node's ssh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The port of the host, on loopback.
    pub port: u16,
    /// The adapter's slot, from 1.
    pub slot: u32,
    /// What sort.
    pub kind: WayKind,
}

impl Way {
    /// The way into a machine of this specification: a drawn NAT adapter if it has one, else an adapter after the drawn ones.
    pub fn of(spec: &MachineSpec, wires: &BTreeMap<NetworkName, Wire>, port: u16) -> Self {
        let is_nat = |network: &NetworkName| matches!(wires.get(network), Some(Wire::Nat(_)));
        let slots = spec.adapters.iter().zip(1..);
        match slots.clone().find(|(adapter, _)| is_nat(&adapter.network)) {
            Some((_, slot)) => Self { port, slot, kind: WayKind::Drawn },
            None => Self { port, slot: slots.count().try_into().unwrap_or(u32::MAX).saturating_add(1), kind: WayKind::Uplink },
        }
    }

    fn rule(self) -> Option<Rule> {
        let host = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port);
        (self.kind != WayKind::Closed).then(|| Rule { name: names::WAY_RULE.into(), protocol: Protocol::Tcp, host, to: 22 })
    }
}

/// An adapter as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    plug: Plug,
    // The address of the uplink is VirtualBox's to choose.
    mac: Option<Mac>,
    rules: Vec<Rule>,
    nat: Option<ipnet::Ipv4Net>,
}

/// A machine as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    cpus: u16,
    memory_mib: u32,
    sockets: BTreeMap<u32, Socket>,
}

impl Shape {
    /// The shape of a specification.
    ///
    /// # Errors
    /// Where it names a network that was not made.
    pub fn of(spec: &MachineSpec, wires: &BTreeMap<NetworkName, Wire>, way: Way) -> Result<Self, String> {
        let mut sockets = BTreeMap::new();
        for (adapter, slot) in spec.adapters.iter().zip(1..) {
            let wire = wires.get(&adapter.network).ok_or_else(|| format!("its network {} does not exist", adapter.network))?;
            let forward = |forward: &crate::model::Forward| Rule {
                name: format!("sandtable-{}", forward.host),
                protocol: Protocol::Tcp,
                host: SocketAddrV4::new(forward.address, forward.host),
                to: forward.to,
            };
            // Forwards of a NAT network are the network's; elsewhere there are none.
            let mut rules: Vec<Rule> = match wire {
                Wire::Nat(_) => adapter.forwards.iter().map(forward).collect(),
                _ => Vec::new(),
            };
            rules.extend(way.rule().filter(|_| way.slot == slot));
            let nat = if let Wire::Nat(subnet) = wire { *subnet } else { None };
            sockets.insert(slot, Socket { plug: wire.plug(), mac: Some(adapter.mac), rules, nat });
        }
        if way.kind == WayKind::Uplink {
            let rules = way.rule().into_iter().collect();
            sockets.insert(way.slot, Socket { plug: Plug::Nat, mac: None, rules, nat: None });
        }
        Ok(Self { cpus: spec.cpus, memory_mib: spec.memory_mib, sockets })
    }

    /// How many slots it needs.
    pub fn slots(&self) -> u32 {
        self.sockets.keys().next_back().copied().unwrap_or_default()
    }

    /// What `modifyvm` must be told so that a machine that is off is so; empty where it is.
    pub fn changes(&self, info: &Info) -> Vec<String> {
        let mut args = Vec::new();
        if info.memory_mib != self.memory_mib {
            args.extend(["--memory".to_owned(), self.memory_mib.to_string()]);
        }
        if info.cpus != self.cpus {
            args.extend(["--cpus".to_owned(), self.cpus.to_string()]);
        }
        // Systems that nodes run take the hardware clock for UTC.
        if info.clock_is_local {
            args.extend(["--rtcuseutc", "on"].map(str::to_owned));
        }
        // The image's own kind of card is one that its system has a driver for.
        let card = info.nics.values().next().map(|nic| nic.card.clone()).filter(|card| !card.is_empty());
        for slot in 1..=info.slots.max(self.slots()) {
            match (self.sockets.get(&slot), info.nics.get(&slot)) {
                (None, None) => {}
                (None, Some(nic)) => {
                    args.extend(nic.rules.iter().flat_map(|rule| [format!("--natpf{slot}"), "delete".into(), rule.name.clone()]));
                    args.extend([format!("--nic{slot}"), "none".to_owned()]);
                }
                (Some(socket), nic) => {
                    let rules = nic.map_or(&[][..], |nic| &nic.rules);
                    args.extend(
                        rule_changes(socket, rules).0.into_iter().flat_map(|name| [format!("--natpf{slot}"), "delete".into(), name]),
                    );
                    if nic.is_none_or(|nic| nic.plug != socket.plug) {
                        args.extend(plug_options(slot, &socket.plug));
                        args.extend(card.iter().flat_map(|card| [format!("--nictype{slot}"), card.clone()]));
                        args.extend([format!("--cableconnected{slot}"), "on".to_owned()]);
                        args.extend(socket.nat.iter().flat_map(|net| [format!("--natnet{slot}"), net.trunc().to_string()]));
                    }
                    if let Some(mac) = socket.mac.filter(|mac| nic.is_none_or(|nic| nic.mac != *mac)) {
                        args.extend([format!("--macaddress{slot}"), digits(mac)]);
                    }
                    args.extend(rule_changes(socket, rules).1.iter().flat_map(|rule| [format!("--natpf{slot}"), written(rule)]));
                }
            }
        }
        args.extend(info.inherited.options().iter().cloned());
        args
    }

    /// What `modifyvm` must be told of a fresh clone, beside [`Shape::changes`], of which nothing that VirtualBox shows tells whether
    /// it is so: no adapter writes its packets to a file of the host, and NAT passes DNS queries on.
    pub fn unseen(&self, info: &Info) -> Vec<String> {
        let traces = info.nics.keys().flat_map(|slot| [format!("--nictrace{slot}"), "off".to_owned()]);
        let has_nat = |slot: &u32| info.nics.get(slot).is_some_and(|nic| nic.plug == Plug::Nat);
        let nat = self.sockets.iter().filter(|(slot, socket)| socket.plug == Plug::Nat && has_nat(slot));
        traces.chain(nat.flat_map(|(slot, _)| dns_proxy(*slot))).collect()
    }

    /// What `controlvm` must be told so that a machine that is on is so: one list of arguments a call.
    ///
    /// # Errors
    /// What can only be changed while it is off, in words.
    pub fn hot_changes(&self, info: &Info) -> Result<Vec<Vec<String>>, Vec<String>> {
        let (mut calls, mut cold) = (Vec::new(), Vec::new());
        if info.memory_mib != self.memory_mib {
            cold.push(format!("its memory ({} MiB)", self.memory_mib));
        }
        if info.cpus != self.cpus {
            cold.push(format!("its processors ({})", self.cpus));
        }
        for slot in 1..=info.slots.max(self.slots()) {
            match (self.sockets.get(&slot), info.nics.get(&slot)) {
                (None, None) => {}
                (None, Some(_)) | (Some(_), None) => cold.push(format!("adapter {slot}")),
                (Some(socket), Some(nic)) => {
                    if socket.mac.is_some_and(|mac| mac != nic.mac) {
                        cold.push(format!("the hardware address of adapter {slot}"));
                    }
                    if socket.plug != nic.plug {
                        calls.push(hot_plug(slot, &socket.plug));
                    }
                    let (gone, new) = rule_changes(socket, &nic.rules);
                    calls.extend(gone.into_iter().map(|name| vec![format!("natpf{slot}"), "delete".into(), name]));
                    calls.extend(new.iter().map(|rule| vec![format!("natpf{slot}"), written(rule)]));
                }
            }
        }
        if cold.is_empty() { Ok(calls) } else { Err(cold) }
    }
}

/// Names of rules that must go, and rules that must come.
fn rule_changes<'a>(socket: &'a Socket, there: &[Rule]) -> (Vec<String>, Vec<&'a Rule>) {
    let gone = there.iter().filter(|rule| !socket.rules.contains(rule)).map(|rule| rule.name.clone()).collect();
    let new = socket.rules.iter().filter(|rule| !there.contains(rule)).collect();
    (gone, new)
}

fn written(rule: &Rule) -> String {
    let address = if rule.host.ip().is_unspecified() { String::new() } else { rule.host.ip().to_string() };
    let protocol = match rule.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{},{protocol},{address},{},,{}", rule.name, rule.host.port(), rule.to)
}

/// A hardware address as VirtualBox takes it.
fn digits(mac: Mac) -> String {
    mac.0.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The kind, and the option's stem and value that say which one.
fn kind_of(plug: &Plug) -> (&'static str, Option<(&'static str, &str)>) {
    match plug {
        Plug::Nat => ("nat", None),
        Plug::NatNetwork(name) => ("natnetwork", Some(("nat-network", name))),
        Plug::HostOnlyInterface(name) => ("hostonly", Some(("hostonlyadapter", name))),
        Plug::HostOnlyNetwork(name) => ("hostonlynet", Some(("host-only-net", name))),
        Plug::Internal(name) => ("intnet", Some(("intnet", name))),
        Plug::Bridged(name) => ("bridged", Some(("bridgeadapter", name))),
        Plug::Other(_) => ("null", None),
    }
}

/// The guest asks NAT for names, not the host's name servers: those change when the host changes its network.
fn dns_proxy(slot: u32) -> [String; 2] {
    [format!("--natdnsproxy{slot}"), "on".to_owned()]
}

fn plug_options(slot: u32, plug: &Plug) -> Vec<String> {
    let (kind, which) = kind_of(plug);
    let mut args = vec![format!("--nic{slot}"), kind.to_owned()];
    args.extend((*plug == Plug::Nat).then(|| dns_proxy(slot)).into_iter().flatten());
    args.extend(which.iter().flat_map(|(stem, name)| [format!("--{stem}{slot}"), (*name).to_owned()]));
    args
}

/// The `controlvm` arguments that plug an adapter into something else while the machine runs.
pub fn hot_plug(slot: u32, plug: &Plug) -> Vec<String> {
    let (kind, which) = kind_of(plug);
    [format!("nic{slot}"), kind.to_owned()].into_iter().chain(which.map(|(_, name)| name.to_owned())).collect()
}

/// The `modifyvm` arguments that plug an adapter into something else while the machine is off.
pub fn cold_plug(slot: u32, plug: &Plug) -> Vec<String> {
    plug_options(slot, plug)
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
