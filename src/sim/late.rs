//! What packets that wait on a link do to the members of a cluster.
//!
//! Nothing here is asked while no packet waits.

use super::{network::Route, table::ServiceId, world::World};

impl World {
    /// The way from one member to another, as its configuration has it.
    fn route_to(&self, from: ServiceId, to: ServiceId) -> Option<Route> {
        let address = self.address_of_peer(from, to)?;
        self.route(self.services[from].machine, address).ok()
    }

    /// What a question of one member to another and its answer take, in microseconds.
    pub(super) fn round_trip_to(&self, one: ServiceId, other: ServiceId) -> Option<u64> {
        self.route_to(one, other).map(|route| route.round_trip_us)
    }

    /// Whether what a member has sent since the last change of a delay is there by now: until then another hears nothing of it.
    pub(super) fn has_arrived(&self, from: ServiceId, to: ServiceId) -> bool {
        let Some(route) = self.route_to(from, to) else { return false };
        let cards = self.machines.iter().flat_map(|(_, machine)| &machine.cards).filter(|card| card.delay_us > 0);
        let since_us = cards.map(|card| card.delayed_since_us).max().unwrap_or(0);
        self.clock.now_us.saturating_sub(since_us) >= route.there_us
    }

    /// How much longer a commit takes because packets wait: each is ordered when all of the view have acknowledged it, so by a round trip
    /// to the slowest member.
    pub(super) fn commit_delay_us(&self, service: ServiceId) -> u64 {
        let Some((_, voter)) = self.voter(service).filter(|_| self.faults.delays) else { return 0 };
        let others = voter.members.iter().filter(|other| **other != service);
        others.filter_map(|other| self.round_trip_to(service, *other)).max().unwrap_or(0)
    }
}
