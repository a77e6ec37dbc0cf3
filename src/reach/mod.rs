//! Reachability: who can open a connection to whom on which port, over which hops, and why not.
//!
//! One model for rules, plan, simulator and `sandtable explain`. It works on the specifications that the plan makes and on what the
//! recipes make of them on real nodes: addresses and routes, gateways, address translation both ways, port forwards, tunnels, the
//! firewall, sockets, VIPs and `/etc/hosts`. [`Map`] holds what is set up; what changes by itself (power, links, processes, VIP
//! holders, faults) is asked of a [`State`], at the moment of the question.
//!
//! Pure. It never changes what it is asked about, keeps no answer, and knows no name: [`Design`] and [`explain()`] add those.

mod callers;
mod deliver;
mod design;
mod entrance;
mod explain;
mod gateway;
mod map;
mod outcome;
mod route;
mod state;
mod trail;
mod tunnel;
mod walk;

pub use callers::{Caller, Port, callers, ports};
pub use design::{Design, Seen, Specs};
pub use entrance::Entrance;
pub use explain::{Explained, HopLine, Question, QuestionError, Target, WhyLine, explain};
pub use map::{AdapterRow, Map};
pub use outcome::{Hop, Outcome, Step, Trip, Why};
pub use state::{AsDesigned, Link, State};

/// The address that stands for everybody beyond the lab.
pub const INTERNET: std::net::Ipv4Addr = std::net::Ipv4Addr::UNSPECIFIED;
/// The address that VirtualBox's NAT calls from when it forwards a port (manual, section 6.3.1).
pub const NAT_HOST: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 0, 2, 2);

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);
        impl $name {
            /// The one with so many before it.
            pub fn at(place: usize) -> Self {
                Self(u32::try_from(place).unwrap_or(u32::MAX))
            }
            /// How many are before it.
            pub fn place(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

numbers! {
    /// A machine in a [`Map`], numbered by its owner.
    MachineNo,
    /// A network in a [`Map`], numbered by its owner.
    NetworkNo,
    /// A service in a [`Map`], numbered by its owner.
    ServiceNo,
}
