//! What changes by itself, as far as reachability depends on it.

use super::{MachineNo, NetworkNo, ServiceNo};
use crate::model::Fault;
use std::{collections::BTreeMap, net::Ipv4Addr};

/// An adapter's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Whether its cable is in.
    pub connected: bool,
    /// The part of the packets that is lost there, in percent.
    pub loss_percent: u8,
    /// How long a packet waits that leaves by it, in microseconds: one of a question and its answer.
    pub delay_us: u64,
}

impl Link {
    /// A link without a fault.
    pub const GOOD: Self = Self { connected: true, loss_percent: 0, delay_us: 0 };

    /// What a fault on this link makes of it, beside others there.
    pub fn suffer(&mut self, fault: &Fault) {
        match fault {
            Fault::LinkDown(..) => self.connected = false,
            Fault::Loss(_, _, percent) => self.loss_percent = self.loss_percent.max(*percent),
            Fault::Delay(_, _, ms) => self.delay_us += u64::from(*ms) * 1000,
            _ => {}
        }
    }
}

/// The state of a lab at one moment: what a [`super::Map`] does not hold.
pub trait State {
    /// Whether a machine runs and answers packets.
    fn is_on(&self, machine: MachineNo) -> bool;
    /// The link of an adapter, by its slot.
    fn link(&self, machine: MachineNo, slot: usize) -> Link;
    /// Whether a service holds its sockets; of a gateway, a tunnel or a port forward, whether it does its work.
    fn runs(&self, service: ServiceNo) -> bool;
    /// Whether a fault drops what other machines send to a service.
    fn blocks(&self, service: ServiceNo) -> bool;
    /// Whether a fault drops packets from one machine to another.
    fn is_dropped(&self, from: MachineNo, to: MachineNo) -> bool;
    /// Whether a fault drops what a machine asks name servers.
    fn lookups_blocked(&self, machine: MachineNo) -> bool;
    /// Who holds a VIP's address, the one that announced it last first, and on which network.
    fn holders(&self, address: Ipv4Addr) -> &[(MachineNo, NetworkNo)];
}

/// A lab in which everything runs, no fault is injected, and each VIP is with its first holder.
#[derive(Debug, Clone, Default)]
pub struct AsDesigned {
    /// The holders of VIPs.
    pub holders: BTreeMap<Ipv4Addr, Vec<(MachineNo, NetworkNo)>>,
}

impl State for AsDesigned {
    fn is_on(&self, _: MachineNo) -> bool {
        true
    }

    fn link(&self, _: MachineNo, _: usize) -> Link {
        Link::GOOD
    }

    fn runs(&self, _: ServiceNo) -> bool {
        true
    }

    fn blocks(&self, _: ServiceNo) -> bool {
        false
    }

    fn is_dropped(&self, _: MachineNo, _: MachineNo) -> bool {
        false
    }

    fn lookups_blocked(&self, _: MachineNo) -> bool {
        false
    }

    fn holders(&self, address: Ipv4Addr) -> &[(MachineNo, NetworkNo)] {
        self.holders.get(&address).map(Vec::as_slice).unwrap_or_default()
    }
}
