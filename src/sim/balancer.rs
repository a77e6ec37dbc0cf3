//! A load balancer's view of its servers: checks, and the choice of the next one.

use super::{
    event::{Cause, EventKind},
    network::{Caller, Dial},
    table::ServiceId,
    time::Tick,
    world::World,
};
use crate::model::Value;
use serde::{Deserialize, Serialize};

/// A server as its balancer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Server {
    pub(super) up: bool,
    /// Checks in a row that say the opposite.
    against: u64,
}

/// What a balancer keeps in mind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Balancer {
    pub(super) servers: Vec<Server>,
    next: usize,
}

impl Balancer {
    /// The next server that is up, in turn; never the one given, if there is another.
    pub(super) fn choose(&mut self, start: Option<usize>, not: Option<usize>) -> Option<usize> {
        let count = self.servers.len();
        let first = start.unwrap_or(self.next) % count.max(1);
        let is_up = |place: &usize| self.servers.get(*place).is_some_and(|server| server.up);
        let order = || (first..count).chain(0..first);
        let chosen = order().filter(is_up).find(|place| Some(*place) != not).or_else(|| order().find(is_up))?;
        self.next = chosen + 1;
        Some(chosen)
    }

    pub(super) fn up(&self) -> usize {
        self.servers.iter().filter(|server| server.up).count()
    }
}

impl World {
    /// A balancer starts: all its servers count as up until a check says otherwise.
    pub(super) fn balancer_up(&mut self, service: ServiceId) {
        let row = &mut self.services[service];
        let count = row.spec.as_ref().map_or(0, |spec| spec.upstreams.len());
        row.balancer = Balancer { servers: vec![Server { up: true, against: 0 }; count], next: 0 };
        let (check_us, generation) = (row.timing.check_us, row.generation);
        for place in 0..u32::try_from(count).unwrap_or(0) {
            // HAProxy spreads its checks over the interval.
            let offset_us = check_us * u64::from(place) / (count as u64).max(1);
            self.plan(offset_us, Tick::Check(service, place, generation));
        }
    }

    /// One check of one server.
    pub(super) fn check_server(&mut self, service: ServiceId, place: u32) {
        let row = &self.services[service];
        let check_us = row.timing.check_us;
        self.plan(check_us, Tick::Check(service, place, self.services[service].generation));
        if self.works(service).is_err() {
            return;
        }
        let good = self.server_answers(service, place);
        let row = &mut self.services[service];
        let (fall, rise) = (row.timing.fall, row.timing.rise);
        let Some(server) = row.balancer.servers.get_mut(place as usize) else { return };
        if server.up == good {
            server.against = 0;
            return;
        }
        server.against += 1;
        if server.against < if server.up { fall } else { rise } {
            return;
        }
        *server = Server { up: good, against: 0 };
        let to =
            row.spec.as_ref().and_then(|spec| spec.upstreams.get(place as usize)).map(|upstream| upstream.to.clone()).unwrap_or_default();
        let (kind, text) = if good { (EventKind::ServerUp, "uses") } else { (EventKind::ServerDown, "leaves out") };
        let text = format!("{text} {to}{}", if good { " again" } else { "" });
        self.tell(self.subject(service), kind, text);
    }

    /// Whether a server answers a check in time. One that passes bytes on only opens a connection, which is no check of what is behind
    /// it: the kernel takes it for a process that hangs as well (HAProxy manual, option httpchk).
    fn server_answers(&mut self, service: ServiceId, place: u32) -> bool {
        let row = &self.services[service];
        let (passes_bytes, timing) = (row.passes_bytes, row.timing);
        let Some(at) = row.spec.as_ref().and_then(|spec| spec.upstreams.get(place as usize)).map(|upstream| upstream.at) else {
            return false;
        };
        match self.dial(Caller::Machine(row.machine), at) {
            // Connection, question and answer: any of the packets may be lost, and then it is too late.
            Dial::Open { service: server, round_trip_us, loss_percent, .. } => {
                let lost = (0..2).any(|_| self.rng.percent(loss_percent));
                let connects = round_trip_us < timing.connect_us.min(timing.check_us);
                let answers = passes_bytes || (self.works(server).is_ok() && round_trip_us < timing.check_timeout_us);
                connects && answers && !lost
            }
            Dial::Refused(_) | Dial::Unreachable(_) | Dial::Silent(_) => false,
        }
    }

    /// The server for a request, or why there is none. `number` tells requests apart that have one source.
    pub(super) fn choose_server(&mut self, service: ServiceId, not: Option<usize>, number: u64) -> Result<usize, Cause> {
        let row = &mut self.services[service];
        let by_source =
            matches!(row.spec.as_ref().and_then(|spec| spec.settings.get("balance")), Some(Value::Text(how)) if how == "source");
        // All requests of the load come from one host, so by source they go to one server while it is up.
        let start = (by_source && not.is_none()).then_some(0);
        let _ = number;
        row.balancer.choose(start, not).ok_or(Cause::NoServer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(up: &[bool]) -> Balancer {
        Balancer { servers: up.iter().map(|up| Server { up: *up, against: 0 }).collect(), next: 0 }
    }

    #[test]
    fn in_turn_and_around_those_that_are_down() {
        let mut all = with(&[true, true, true]);
        assert_eq!([all.choose(None, None), all.choose(None, None), all.choose(None, None)], [Some(0), Some(1), Some(2)]);
        assert_eq!(all.choose(None, None), Some(0));
        let mut some = with(&[true, false, true]);
        assert_eq!([some.choose(None, None), some.choose(None, None), some.choose(None, None)], [Some(0), Some(2), Some(0)]);
    }

    #[test]
    fn a_retry_goes_elsewhere_if_it_can() {
        assert_eq!(with(&[true, true]).choose(Some(0), Some(0)), Some(1));
        assert_eq!(with(&[true, false]).choose(None, Some(0)), Some(0));
        assert_eq!(with(&[false, false]).choose(None, None), None);
        assert_eq!(with(&[]).choose(None, None), None);
    }
}
