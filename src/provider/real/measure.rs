//! What the failover ruler measures on real nodes: it is told what was observed, in the order in which it happened.

use crate::{
    activity::{self, Moment, Ruler},
    model::{Event, EventKind, FailoverRuler, FlowId, MoveCause, NodeName, RequestOutage, Subject, VipName},
    sim::{Cause, Tally},
};
use std::collections::{BTreeSet, VecDeque};

/// Microseconds in a millisecond.
const MS: u64 = 1000;

/// A request that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    /// The place of its entry.
    pub(super) entry: usize,
    pub(super) began_ms: u64,
    pub(super) ended_ms: u64,
    pub(super) good: bool,
}

/// What the ruler measures from what was observed: the last move of a VIP, and what became of requests since the last fault. What others
/// broke is learnt of late, so that all of it is told to a new ruler in the order in which it happened.
pub(super) fn measured(
    events: &[Event],
    ended: &VecDeque<Ended>,
    entries: &[(FlowId, Tally)],
    now_ms: u64,
) -> (Option<FailoverRuler>, Option<RequestOutage>) {
    let took = events.iter().filter(|event| event.kind == EventKind::TookVip).max_by_key(|event| event.at_ms);
    let took = took.and_then(|event| Taken::of(event, events));
    let marks = || events.iter().filter(|event| matches!(event.kind, EventKind::Injected | EventKind::Healed));
    let moved_by = took.as_ref().and_then(|took| marks().filter(|mark| mark.at_ms <= took.at_ms).map(|mark| mark.at_ms).max());
    let broken = marks().filter(|mark| mark.kind == EventKind::Injected).map(|mark| mark.at_ms).max();
    let Some(from_ms) = moved_by.into_iter().chain(broken).min() else { return (None, None) };
    let mut feed: Vec<(u64, Told<'_>)> = Vec::new();
    feed.extend(marks().filter(|mark| mark.at_ms >= from_ms).map(|mark| (mark.at_ms, Told::Mark(mark.kind))));
    let is_notice = |event: &&Event| matches!(event.kind, EventKind::Died | EventKind::LeftVip | EventKind::Machine);
    feed.extend(events.iter().filter(is_notice).filter(|event| event.at_ms >= from_ms).map(|event| (event.at_ms, Told::Notice)));
    feed.extend(took.iter().map(|took| (took.at_ms, Told::Took)));
    for request in ended.iter().filter(|request| request.ended_ms >= from_ms) {
        feed.push((request.began_ms, Told::Asked(request.entry)));
        feed.push((request.ended_ms, Told::Ended(request)));
    }
    // Requests under way have not ended, and may fail.
    let waiting = entries.iter().map(|(_, tally)| now_ms.saturating_sub(tally.open_gap_us(now_ms * MS) / MS));
    feed.extend(waiting.enumerate().filter(|(_, since_ms)| *since_ms < now_ms).map(|(entry, since_ms)| (since_ms, Told::Asked(entry))));
    feed.sort_by_key(|(at_ms, told)| (*at_ms, told.order()));
    // Others may have been answered all the time: where some entries failed, the first good answer is one of theirs.
    let since_ms = moved_by.unwrap_or(from_ms);
    let failing: BTreeSet<usize> =
        ended.iter().filter(|request| request.began_ms >= since_ms && !request.good).map(|request| request.entry).collect();
    let mut ruler = Ruler::default();
    let mut tallies: Vec<(&FlowId, Tally)> = entries.iter().map(|(id, _)| (id, Tally::default())).collect();
    for (at_ms, told) in feed {
        let now = Moment { us: at_ms * MS, shown_ms: at_ms };
        let gaps = |tallies: &[(&FlowId, Tally)]| tallies.iter().map(|(id, tally)| ((*id).clone(), tally.open_gap_us(now.us))).collect();
        match told {
            Told::Mark(kind) => {
                let cause = if kind == EventKind::Healed { MoveCause::Heal } else { MoveCause::Fault };
                ruler.mark(cause, now, &|| gaps(&tallies));
            }
            Told::Notice => took.iter().for_each(|took| ruler.noticed(&took.vip, now)),
            Told::Took => took.iter().for_each(|took| ruler.taken(&took.vip, took.from.clone(), &took.to, now)),
            Told::Asked(entry) => tallies.get_mut(entry).into_iter().for_each(|(_, tally)| tally.arrived(now.us)),
            Told::Ended(request) => {
                let Some((id, tally)) = tallies.get_mut(request.entry) else { continue };
                let id = *id;
                let latency_us = at_ms.saturating_sub(request.began_ms) * MS;
                let gap_us = tally.ended(now.us, if request.good { Ok(latency_us) } else { Err(Cause::Timeout) });
                let counts = failing.is_empty() || failing.contains(&request.entry);
                let by_new_holder = counts && took.as_ref().is_some_and(|took| at_ms >= took.at_ms);
                let end = activity::Ended { began_us: request.began_ms * MS, is_good: request.good, gap_us, by_new_holder };
                ruler.ended(id, &end, now, &|| gaps(&tallies));
            }
        }
    }
    let open = || entries.iter().map(|(id, tally)| (id.clone(), tally.open_gap_us(now_ms * MS))).collect();
    (ruler.failover(now_ms * MS, &open), ruler.outage(now_ms * MS, &open))
}

/// Something that the ruler is told.
enum Told<'a> {
    /// A fault was injected or healed.
    Mark(EventKind),
    /// Something was noticed.
    Notice,
    /// The VIP was taken.
    Took,
    /// A request came in.
    Asked(usize),
    /// A request ended.
    Ended(&'a Ended),
}

impl Told<'_> {
    /// Of what has the same time, what comes first.
    fn order(&self) -> u8 {
        match self {
            Self::Mark(_) => 0,
            Self::Notice => 1,
            Self::Took => 2,
            Self::Asked(_) => 3,
            Self::Ended(_) => 4,
        }
    }
}

/// The last move of a VIP, as it was observed.
struct Taken {
    at_ms: u64,
    vip: VipName,
    from: Option<NodeName>,
    to: NodeName,
}

impl Taken {
    fn of(took: &Event, events: &[Event]) -> Option<Self> {
        let Subject::Node(to) = &took.subject else { return None };
        let marks = events.iter().filter(|event| matches!(event.kind, EventKind::Injected | EventKind::Healed));
        let fault_ms = marks.map(|mark| mark.at_ms).filter(|at_ms| *at_ms <= took.at_ms).max()?;
        // The old holder may be found gone only after the new one has the address.
        let left = events.iter().find(|event| event.kind == EventKind::LeftVip && event.at_ms >= fault_ms);
        let from = left.and_then(|event| match &event.subject {
            Subject::Node(node) if node != to => Some(node.clone()),
            _ => None,
        });
        let vip = took.text.split(' ').nth(1)?.parse().ok()?;
        Some(Self { at_ms: took.at_ms, vip, from, to: to.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at_ms: u64, kind: EventKind, subject: Subject, text: &str) -> Event {
        Event { at_ms, subject, kind, text: text.into() }
    }

    #[test]
    fn a_failover_is_measured_from_what_was_seen() {
        let node = |name: &str| Subject::Node(name.parse().unwrap());
        let mut events = vec![event(1000, EventKind::Injected, Subject::Lab, "stop db1/galera")];
        let ids: Vec<FlowId> = ["outside -> lb/web", "outside -> dir/dns"].map(|id| id.parse().unwrap()).into();
        let entries: Vec<(FlowId, Tally)> = ids.into_iter().map(|id| (id, Tally::default())).collect();
        assert_eq!(measured(&events, &VecDeque::new(), &entries, 2000).0, None, "nothing has moved");
        events.push(event(2300, EventKind::LeftVip, node("db1"), "leaves database (192.168.60.30)"));
        events.push(event(2900, EventKind::TookVip, node("db2"), "takes database (192.168.60.30)"));
        let requests = [(0, 900, 910, true), (0, 1100, 1200, false), (1, 2900, 2950, true), (0, 2000, 3500, true), (0, 2100, 3600, false)];
        let requests = requests.map(|(entry, began_ms, ended_ms, good)| Ended { entry, began_ms, ended_ms, good }).into();
        let (ruler, outage) = measured(&events, &requests, &entries, 4000);
        let ruler = ruler.unwrap();
        assert_eq!((ruler.from.unwrap().to_string(), ruler.to.to_string()), ("db1".into(), "db2".into()));
        assert_eq!((ruler.fault_at_ms, ruler.detected_at_ms, ruler.elected_at_ms), (1000, 2300, 2900));
        assert_eq!((ruler.first_good_at_ms, ruler.failed_requests, ruler.requests), (Some(3500), 2, 4));
        let outages: Vec<_> = ruler.entries.iter().map(|one| (one.requests, one.failed_requests, one.longest_gap_ms)).collect();
        assert_eq!(outages, [(3, 2, 2400), (1, 0, 50)], "one entry was out while the other went on");
        let outage = outage.unwrap();
        assert_eq!((outage.fault_at_ms, outage.requests, outage.failed_requests, outage.answered_after_ms), (1000, 4, 2, None));
        // A second of good answers later.
        let mut requests = requests;
        requests.extend([(0, 3700, 3710, true), (0, 4720, 4730, true)].map(|(entry, began_ms, ended_ms, good)| Ended {
            entry,
            began_ms,
            ended_ms,
            good,
        }));
        let outage = measured(&events, &requests, &entries, 5000).1.unwrap();
        assert_eq!((outage.requests, outage.failed_requests, outage.answered_after_ms), (6, 2, Some(2710)));
    }
}
