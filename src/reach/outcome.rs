//! What a question comes to: outcome, hops, and the reason at the first hop that fails.

use super::{MachineNo, NetworkNo, ServiceNo};
use serde::Serialize;
use std::net::{Ipv4Addr, SocketAddrV4};

/// How an attempt to connect ends for who makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The connection opens; where no port was named, packets pass both ways.
    Answered,
    /// Nothing listens: the target resets the connection (RFC 9293, section 3.10.7.1).
    Refused,
    /// Nothing comes back.
    TimedOut,
    /// A router, or the caller itself, says that there is no route (RFC 1812, section 4.3.3.1).
    Unreachable,
    /// The caller's `/etc/hosts` does not have the name.
    NameNotResolved,
}

impl Outcome {
    /// The words that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::TimedOut => "timed out",
            Self::Unreachable => "unreachable",
            Self::NameNotResolved => "name not resolved",
        }
    }
}

/// Why a connection does not open: what fails at the first hop that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The machine is off, frozen or booting.
    MachineOff(MachineNo),
    /// The machine has no route to the address.
    NoRoute(MachineNo, Ipv4Addr),
    /// The machine leads the packet to a loopback address of its own, and the kernel drops that (ip-sysctl, `route_localnet`).
    LoopbackOnly(MachineNo, Ipv4Addr),
    /// The machine's adapter on the network has no link.
    LinkDown(MachineNo, NetworkNo),
    /// Nothing on the network has the address.
    NobodyThere(NetworkNo, Ipv4Addr),
    /// The machine does not forward packets: it runs no gateway.
    NotRouting(MachineNo),
    /// The gateway's service is stopped, and drops what passes.
    RouterStopped(ServiceNo),
    /// The gateway's service does not let packets from the first address to the second pass.
    NotRouted(ServiceNo, Ipv4Addr, Ipv4Addr),
    /// The gateway does not hide (masquerade) what lies behind it, so that no answer from outside finds the way back.
    NotHidden(MachineNo),
    /// Answers pass this gateway, which did not see the connection begin. It takes what follows the first one for a new connection
    /// (nf_conntrack_tcp_loose) and replaces the source from this address.
    AnswerHidden(MachineNo, Ipv4Addr),
    /// The tunnel is stopped: its routes end there.
    TunnelStopped(ServiceNo),
    /// The tunnel's far end is stopped or missing.
    NoPeer(ServiceNo),
    /// The tunnel's far end does not take packets from this address (WireGuard, AllowedIPs).
    NotFromThere(ServiceNo, Ipv4Addr),
    /// The machine at the tunnel's far end would answer this address by another way, and its kernel drops what comes by the tunnel:
    /// see `reach::tunnel`.
    OtherWayBack(ServiceNo, Ipv4Addr),
    /// No service opens the port in the firewall of the machine, which drops the rest.
    Filtered(MachineNo, u16),
    /// The service's firewall rules do not have the source.
    NotAllowed(ServiceNo, Option<Ipv4Addr>),
    /// A fault drops what is sent to the service.
    Blocked(ServiceNo),
    /// The service that listens there is stopped.
    Stopped(ServiceNo),
    /// Nothing listens there.
    NothingListens(MachineNo, SocketAddrV4),
    /// A fault drops packets from the first to the second machine.
    Dropped(MachineNo, MachineNo),
    /// A fault drops what the machine asks name servers.
    LookupsBlocked(MachineNo),
    /// Faults lose every packet on the way, the last of them at the machine's adapter on the network.
    Lost(MachineNo, NetworkNo),
    /// Packets go round and round until this machine says that they are too old.
    Loop(MachineNo),
    /// Packets come back to the machine whose address they have as their source, and its kernel drops them (a martian source: RFC 1812,
    /// section 5.3.7).
    OwnSource(MachineNo),
    /// Nothing leads from outside to the machine.
    NoEntrance(MachineNo),
}

impl Why {
    /// How an attempt ends for this reason.
    pub fn outcome(self) -> Outcome {
        match self {
            // A packet that was forwarded too often is reported (RFC 1812, section 5.3.1), and the caller gives up (tcp_v4_err).
            Self::NoRoute(..) | Self::TunnelStopped(_) | Self::NoEntrance(_) | Self::Loop(_) => Outcome::Unreachable,
            Self::Stopped(_) | Self::NothingListens(..) => Outcome::Refused,
            // Nobody answers on the network: the kernel gives up after some seconds (arp(7)), later than most programs.
            Self::MachineOff(_)
            | Self::NobodyThere(..)
            | Self::LoopbackOnly(..)
            | Self::LinkDown(..)
            | Self::NotRouting(_)
            | Self::RouterStopped(_)
            | Self::NotRouted(..)
            | Self::NotHidden(_)
            | Self::NoPeer(_)
            | Self::NotFromThere(..)
            | Self::OtherWayBack(..)
            | Self::Filtered(..)
            | Self::NotAllowed(..)
            | Self::Blocked(_)
            | Self::AnswerHidden(..)
            | Self::OwnSource(_)
            | Self::Lost(..)
            | Self::LookupsBlocked(_)
            | Self::Dropped(..) => Outcome::TimedOut,
        }
    }

    /// The word for it in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::MachineOff(_) => "machine-off",
            Self::NoRoute(..) => "no-route",
            Self::LoopbackOnly(..) => "loopback-only",
            Self::LinkDown(..) => "link-down",
            Self::NobodyThere(..) => "nobody-there",
            Self::NotRouting(_) => "not-routing",
            Self::RouterStopped(_) => "router-stopped",
            Self::NotRouted(..) => "not-routed",
            Self::NotHidden(_) => "not-hidden",
            Self::AnswerHidden(..) => "answer-hidden",
            Self::TunnelStopped(_) => "tunnel-stopped",
            Self::NoPeer(_) => "no-peer",
            Self::NotFromThere(..) => "not-from-there",
            Self::OtherWayBack(..) => "other-way-back",
            Self::Filtered(..) => "filtered",
            Self::NotAllowed(..) => "not-allowed",
            Self::Blocked(_) => "blocked",
            Self::Stopped(_) => "stopped",
            Self::NothingListens(..) => "nothing-listens",
            Self::Dropped(..) => "dropped",
            Self::LookupsBlocked(_) => "lookups-blocked",
            Self::Lost(..) => "lost",
            Self::Loop(_) => "loop",
            Self::OwnSource(_) => "own-source",
            Self::NoEntrance(_) => "no-entrance",
        }
    }
}

/// What a machine does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Sends it over a network to an address there.
    Sends(NetworkNo, Ipv4Addr),
    /// Sends it through a tunnel, by this service of its own.
    Tunnels(ServiceNo),
    /// Leads it to another address and port (destination NAT), by this service of its own.
    Leads(ServiceNo, SocketAddrV4),
    /// Replaces its source address by its own (source NAT).
    Hides(Ipv4Addr),
    /// Sends it out of the lab over a network.
    Leaves(NetworkNo),
    /// Takes it.
    Takes,
}

/// One thing that happens to a packet on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// Where.
    pub at: MachineNo,
    /// What.
    pub step: Step,
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trip {
    /// How it ends.
    pub outcome: Outcome,
    /// The service that answers; `None` where none does, and where only packets were asked for.
    pub service: Option<ServiceNo>,
    /// Whether packets arrive at the target's machine.
    pub forward: bool,
    /// Whether answers would come back from there.
    pub backward: bool,
    /// The way there, as far as it goes.
    pub hops: Vec<Hop>,
    /// Why it is not answered.
    pub why: Option<Why>,
    /// The source address that the target sees.
    pub source: Option<Ipv4Addr>,
    /// The machine that packets arrive at; `None` outside, or where they arrive nowhere.
    pub machine: Option<MachineNo>,
    /// Networks crossed on the way there.
    pub crossings: u32,
    /// What the links on the way there add to the time of a packet and its answer, in microseconds.
    pub delay_us: u64,
    /// The part of that which is added to the time of the packet: what its answer waits for is not in it.
    pub there_us: u64,
    /// The part of the packets that is lost on the way there, in percent.
    pub loss_percent: u8,
}
