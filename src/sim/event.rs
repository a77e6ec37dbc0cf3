//! Why something does not work, as people read it.

pub use crate::model::{Event, EventKind};

use serde::{Deserialize, Serialize};
use std::net::SocketAddrV4;

/// Why something does not work. Small, so that a request can carry it without a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The machine is off, frozen or booting.
    MachineOff,
    /// There is no way to the address.
    NoRoute,
    /// Nothing leads there from outside.
    NoEntrance,
    /// An adapter on the way has no link.
    LinkDown,
    /// Nothing on the network has the address.
    NobodyThere,
    /// A node on the way forwards nothing: it runs no gateway.
    NotRouting,
    /// A gateway on the way is stopped.
    GatewayStopped,
    /// A gateway on the way does not let these addresses pass.
    NotRouted,
    /// Answers do not find the way back.
    NoWayBack,
    /// A tunnel on the way is down at one of its ends.
    TunnelDown,
    /// A tunnel on the way does not carry this address.
    NotTunnelled,
    /// Packets go round.
    Loop,
    /// The port leads to an address that only its own node reaches.
    LoopbackOnly,
    /// Links lose every packet.
    PacketsLost,
    /// Somebody drops the packets.
    Dropped,
    /// A fault drops what the caller asks name servers.
    NoLookups,
    /// The node's firewall does not let the caller in.
    NotAllowed,
    /// The node's firewall drops what nothing opens.
    Filtered,
    /// Nothing listens there.
    Refused,
    /// The service is not running.
    NotRunning,
    /// It is starting.
    Starting,
    /// It holds its sockets and answers nothing.
    Hung,
    /// No answer came in time.
    Timeout,
    /// The connection broke.
    Lost,
    /// Its part of the cluster has no quorum.
    NonPrimary,
    /// It copies the whole state.
    Transferring,
    /// It waits until its cluster agrees on who is in it.
    Stalled,
    /// It is a replica: it takes no writes.
    ReadOnly,
    /// The balancer has no server left.
    NoServer,
    /// What it needs does not answer.
    Needs,
    /// Its copy is behind: the primary does not answer.
    Behind,
    /// Cookies differ.
    Cookie,
    /// One speaks TLS, the other does not.
    Tls,
    /// One calls nodes by long names, the other by short ones.
    Names,
    /// There is no room left on the disk.
    DiskFull,
    /// A certificate is out of date.
    Expired,
    /// By the caller's clock a certificate is not valid yet.
    NotYetValid,
    /// It does not take the secret of who logs in.
    LoginRefused,
    /// Not all members see each other.
    Split,
    /// Another service of its node listens on its port.
    PortTaken,
    /// It is to copy from a service of another kind.
    OtherKind,
    /// There is no such thing.
    Missing,
}

impl Cause {
    /// The words for it.
    pub fn text(self) -> &'static str {
        match self {
            Self::MachineOff => "machine does not run",
            Self::NoRoute => "no route",
            Self::NoEntrance => "nothing leads there from outside",
            Self::LinkDown => "an adapter on the way has no link",
            Self::NobodyThere => "nothing has the address",
            Self::NotRouting => "a node on the way forwards nothing",
            Self::GatewayStopped => "a gateway on the way is stopped",
            Self::NotRouted => "a gateway does not let it pass",
            Self::NoWayBack => "answers do not find the way back",
            Self::TunnelDown => "a tunnel on the way is down",
            Self::NotTunnelled => "a tunnel does not carry it",
            Self::Loop => "packets go in a circle",
            Self::LoopbackOnly => "forwarded to a loopback address",
            Self::PacketsLost => "all packets are lost",
            Self::Dropped => "packets are dropped",
            Self::NoLookups => "DNS lookups are blocked",
            Self::NotAllowed => "not allowed in",
            Self::Filtered => "no answer: nothing opens the port",
            Self::Refused => "connection refused",
            Self::NotRunning => "not running",
            Self::Starting => "starting",
            Self::Hung => "hangs",
            Self::Timeout => "no answer in time",
            Self::Lost => "connection lost",
            Self::NonPrimary => "non-primary: no quorum",
            Self::Transferring => "copies the state",
            Self::Stalled => "waits for its cluster",
            Self::ReadOnly => "read-only replica",
            Self::NoServer => "no server is up",
            Self::Needs => "what it needs does not answer",
            Self::Behind => "replication is broken",
            Self::Cookie => "another cookie",
            Self::Tls => "TLS on one side only",
            Self::Names => "long and short names do not mix",
            Self::DiskFull => "no room on the disk",
            Self::Expired => "its certificate is out of date",
            Self::NotYetValid => "by the clock of this node its certificate is not valid yet",
            Self::LoginRefused => "login refused",
            Self::Split => "does not see all members",
            Self::PortTaken => "address already in use",
            Self::OtherKind => "cannot copy from a service of another kind",
            Self::Missing => "not there",
        }
    }
}

/// A cause and the address that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Why {
    pub(super) cause: Cause,
    pub(super) at: Option<SocketAddrV4>,
    /// Whether the connection opens, and it is requests over it that fail, for this cause somewhere behind.
    #[serde(default)]
    pub(super) is_behind: bool,
    /// How long who asks waits before it gives up, in milliseconds; 0: not long, or it is not known.
    #[serde(default)]
    pub(super) waits_ms: u32,
}

impl Why {
    pub(super) fn text(self) -> String {
        let behind = if self.is_behind { "requests fail: " } else { "" };
        let waits = match self.waits_ms {
            0 => String::new(),
            ms => format!(", and who asks waits {} s", ms.div_ceil(1000)),
        };
        match self.at {
            Some(at) => format!("{behind}{at}: {}{waits}", self.cause.text()),
            None => format!("{behind}{}{waits}", self.cause.text()),
        }
    }

    /// Of requests that fail at an entry which can be reached.
    pub(super) fn behind(cause: Cause) -> Self {
        Self { is_behind: true, ..cause.into() }
    }
}

impl From<Cause> for Why {
    fn from(cause: Cause) -> Self {
        Self { cause, at: None, is_behind: false, waits_ms: 0 }
    }
}
