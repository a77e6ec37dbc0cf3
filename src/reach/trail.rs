//! What a packet's walk leaves behind: its hops, who translated it, and what its links add.

use super::{Hop, Link, MachineNo, NetworkNo, State, Step};
use std::net::Ipv4Addr;

/// What a walk leaves behind.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail {
    pub(super) hops: Vec<Hop>,
    /// Machines that replaced the source, with the source before.
    pub(super) hidden: Vec<(MachineNo, Ipv4Addr)>,
    /// Machines that led the packet elsewhere, with the destination before.
    pub(super) led: Vec<(MachineNo, Ipv4Addr)>,
    /// The first pair of machines between which a fault drops it.
    pub(super) dropped: Option<(MachineNo, MachineNo)>,
    /// The first adapter on the way at which every packet is lost by then.
    pub(super) lost: Option<(MachineNo, NetworkNo)>,
    pub(super) crossings: u32,
    pub(super) delay_us: u64,
    pub(super) there_us: u64,
    pub(super) loss_percent: u8,
}

impl Trail {
    pub(super) fn step(&mut self, at: MachineNo, step: Step) {
        self.hops.push(Hop { at, step });
    }

    /// Whether a machine sent the packet on: it knows the connection.
    pub(super) fn passed(&self, at: MachineNo) -> bool {
        self.hops.iter().any(|hop| hop.at == at)
    }

    /// Leaves by the link of a machine's adapter on a network. What delays packets is a queue of those that leave (tc-netem(8)).
    pub(super) fn leave(&mut self, link: Link, adapter: (MachineNo, NetworkNo)) {
        self.there_us += link.delay_us;
        self.enter(link, adapter);
    }

    /// Arrives by the link of a machine's adapter on a network; its answer leaves by it.
    pub(super) fn enter(&mut self, link: Link, adapter: (MachineNo, NetworkNo)) {
        self.delay_us += link.delay_us;
        self.loss_percent = either(self.loss_percent, link.loss_percent);
        if self.loss_percent >= 100 {
            self.lost.get_or_insert(adapter);
        }
    }

    /// Passes all links that another walk passed: that of the packets which carry this one.
    pub(super) fn cross_all(&mut self, other: &Self) {
        self.crossings += other.crossings;
        self.delay_us += other.delay_us;
        self.there_us += other.there_us;
        self.loss_percent = either(self.loss_percent, other.loss_percent);
        self.lost = self.lost.or(other.lost);
    }

    /// Forgets what comes after the first hop that is there twice, of those from a place on.
    pub(super) fn end_at_repetition(&mut self, from: usize) {
        let mut seen: Vec<Hop> = Vec::new();
        for hop in self.hops.iter().skip(from) {
            let is_known = seen.contains(hop);
            seen.push(*hop);
            if is_known {
                break;
            }
        }
        self.hops.truncate(from);
        self.hops.append(&mut seen);
    }

    pub(super) fn drop_between(&mut self, state: &impl State, from: MachineNo, to: MachineNo) {
        if self.dropped.is_none() && state.is_dropped(from, to) {
            self.dropped = Some((from, to));
        }
    }
}

/// The chance, in percent, that at least one of two losses happens.
fn either(one: u8, other: u8) -> u8 {
    let kept = (100 - u16::from(one.min(100))) * (100 - u16::from(other.min(100)));
    u8::try_from(100 - kept / 100).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::either;

    #[test]
    fn losses_add_up_as_chances() {
        for (one, other, both) in [(0, 0, 0), (20, 0, 20), (50, 50, 75), (100, 0, 100), (0, 100, 100)] {
            assert_eq!(either(one, other), both, "{one} {other}");
        }
    }
}
