//! Requests from outside: how many a second, what became of them, and how long nobody answered. It can be watched while
//! something breaks.

use super::{
    outside::{Outside, Serves},
    request::{self, Trouble},
    watch::Shared,
};
use crate::{
    model::{Event, EventKind, NodeName, Subject, VipName},
    provider::Traffic,
    sim::{Cause, FailoverRuler, LoadSecond, LoadTotals, MoveCause},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval},
};

/// Seconds that are kept, one result each.
const SECONDS_MAX: usize = 900;
/// Requests that are kept one by one, for the ruler.
const REQUESTS_MAX: usize = 20_000;
/// The most requests a second.
const PER_SEC_MAX: u32 = 2000;

/// A request that has ended.
#[derive(Debug, Clone, Copy)]
struct Ended {
    began_ms: u64,
    ended_ms: u64,
    good: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    number: u64,
    /// When the first request began, in the first second that any ended in.
    first_ms: Option<u64>,
    ok: u32,
    failed: u32,
    latency_us: u64,
    latency_us_max: u64,
}

/// What became of the requests.
#[derive(Default)]
struct Book {
    per_sec: u32,
    totals: LoadTotals,
    first_ms: Option<u64>,
    last_good: Option<Instant>,
    seconds: VecDeque<Second>,
    ended: VecDeque<Ended>,
    answered: std::collections::BTreeMap<String, u64>,
}

impl Book {
    fn note(&mut self, began_ms: u64, took: Duration, ended_ms: u64, result: Result<Option<String>, Trouble>) {
        let number = ended_ms / 1000;
        let first_ms = *self.first_ms.get_or_insert(began_ms);
        if self.seconds.back().is_none_or(|second| second.number < number) {
            let first_ms = self.seconds.is_empty().then_some(first_ms);
            self.seconds.push_back(Second { number, first_ms, ..Second::default() });
        }
        while self.seconds.len() > SECONDS_MAX {
            self.seconds.pop_front();
        }
        self.ended.push_back(Ended { began_ms, ended_ms, good: result.is_ok() });
        while self.ended.len() > REQUESTS_MAX {
            self.ended.pop_front();
        }
        self.totals.in_flight = self.totals.in_flight.saturating_sub(1);
        let Some(second) = self.seconds.back_mut() else { return };
        match result {
            Ok(by) => {
                let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                second.ok += 1;
                second.latency_us = second.latency_us.saturating_add(us);
                second.latency_us_max = second.latency_us_max.max(us);
                self.totals.ok += 1;
                let now = Instant::now();
                if let Some(last) = self.last_good.replace(now) {
                    let gap_ms = u64::try_from((now - last).as_millis()).unwrap_or(u64::MAX);
                    self.totals.longest_gap_ms = self.totals.longest_gap_ms.max(gap_ms);
                }
                if let Some(by) = by {
                    *self.answered.entry(by).or_default() += 1;
                }
            }
            Err(trouble) => {
                second.failed += 1;
                self.totals.failed += 1;
                *self.totals.causes.entry(cause(trouble)).or_default() += 1;
            }
        }
    }

    fn seconds(&self) -> Vec<LoadSecond> {
        #[expect(clippy::cast_precision_loss, reason = "latencies are shown to a tenth of a millisecond")]
        let ms = |us: u64| us as f32 / 1000.0;
        let shown = |second: &Second| LoadSecond {
            at_ms: second.number * 1000,
            span_ms: second.first_ms.map_or(1000, |first_ms| ((second.number + 1) * 1000).saturating_sub(first_ms)).max(1),
            ok: second.ok,
            failed: second.failed,
            latency_ms: ms(second.latency_us / u64::from(second.ok.max(1))),
            latency_ms_max: ms(second.latency_us_max),
        };
        self.seconds.iter().map(shown).collect()
    }
}

fn cause(trouble: Trouble) -> Cause {
    match trouble {
        Trouble::Refused => Cause::Refused,
        Trouble::NoRoute => Cause::NoRoute,
        Trouble::Late => Cause::Timeout,
        Trouble::Broken => Cause::Lost,
        Trouble::Tls => Cause::Tls,
        Trouble::Status(_) => Cause::Needs,
    }
}

/// The load of one lab.
#[derive(Default)]
pub(super) struct Load {
    book: Arc<Mutex<Book>>,
    task: Mutex<Option<AbortHandle>>,
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    // A panic elsewhere left at worst one request uncounted.
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    /// Sends so many requests a second from now on; 0: none. Totals begin anew. Call it on a runtime.
    pub(super) fn set(&self, per_sec: u32, entries: Vec<Outside>, shared: Arc<Shared>) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = task.take() {
            old.abort();
        }
        let per_sec = if entries.is_empty() { 0 } else { per_sec.min(PER_SEC_MAX) };
        *lock(&self.book) = Book { per_sec, ..Book::default() };
        if per_sec > 0 {
            *task = Some(tokio::spawn(send(Arc::clone(&self.book), per_sec, entries, shared)).abort_handle());
        }
    }

    /// What became of the requests, and how the last move of a VIP went, by what was seen happening.
    pub(super) fn traffic(&self, events: &[Event]) -> Traffic {
        let book = lock(&self.book);
        let mut totals = book.totals.clone();
        // A gap that is not over counts so far.
        if let Some(last) = book.last_good.filter(|_| book.per_sec > 0) {
            let gap_ms = u64::try_from(last.elapsed().as_millis()).unwrap_or(u64::MAX);
            totals.longest_gap_ms = totals.longest_gap_ms.max(gap_ms);
        }
        Traffic {
            per_sec: book.per_sec,
            totals,
            seconds: book.seconds(),
            failover: failover(events, &book.ended),
            answered: book.answered.clone(),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// Sends requests at an even pace, whether or not they are answered.
async fn send(book: Arc<Mutex<Book>>, per_sec: u32, entries: Vec<Outside>, shared: Arc<Shared>) {
    let tls = request::tls();
    let mut pace = interval(Duration::from_secs(1) / per_sec);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = JoinSet::new();
    for entry in entries.iter().cycle() {
        pace.tick().await;
        while under_way.try_join_next().is_some() {}
        let (book, shared, tls, at, number) = (Arc::clone(&book), Arc::clone(&shared), tls.clone(), entry.at, entry.number);
        let tls = tls.filter(|_| entry.serves == Some(Serves::Tls));
        {
            let mut book = lock(&book);
            book.totals.sent += 1;
            book.totals.in_flight += 1;
        }
        under_way.spawn(async move {
            let (began, began_ms) = (Instant::now(), shared.core.now_ms());
            let result = request::get(at, tls).await;
            let ended_ms = shared.core.now_ms();
            if let Some(judged) = judged(&result) {
                shared.book().take_request(number, judged, ended_ms);
            }
            lock(&book).note(began_ms, began.elapsed(), ended_ms, result);
        });
    }
}

/// What a request says of the flow that it came in by; `None`: nothing. An answer that the asker has no right or did not ask well
/// comes from a service that works.
fn judged(result: &Result<Option<String>, Trouble>) -> Option<Result<(), String>> {
    match result {
        Ok(_) => Some(Ok(())),
        Err(Trouble::Status(400..=499)) => None,
        Err(Trouble::Status(code)) => Some(Err(format!("answered with {code}"))),
        Err(trouble) => Some(Err(cause(*trouble).text().to_owned())),
    }
}

/// The last move of a VIP, measured from what was observed: the fault before it, who noticed, who took it, and the first good
/// answer after that.
fn failover(events: &[Event], requests: &VecDeque<Ended>) -> Option<FailoverRuler> {
    // By when it happened: what others broke is learnt of later.
    let took = events.iter().filter(|event| event.kind == EventKind::TookVip).max_by_key(|event| event.at_ms)?;
    let Subject::Node(to) = &took.subject else { return None };
    let is_fault = |event: &&Event| matches!(event.kind, EventKind::Injected | EventKind::Healed) && event.at_ms <= took.at_ms;
    let fault = events.iter().filter(is_fault).max_by_key(|event| event.at_ms)?;
    let since = || events.iter().filter(|event| event.at_ms >= fault.at_ms);
    let is_notice = |event: &&Event| matches!(event.kind, EventKind::Died | EventKind::LeftVip | EventKind::Machine);
    let noticed = since().filter(is_notice).min_by_key(|event| event.at_ms);
    // The old holder may be found gone only after the new one has the address.
    let left = since().find(|event| event.kind == EventKind::LeftVip);
    let from: Option<NodeName> = left.and_then(|event| match &event.subject {
        Subject::Node(node) if node != to => Some(node.clone()),
        _ => None,
    });
    let vip: VipName = took.text.split(' ').nth(1)?.parse().ok()?;
    let mut ruler = FailoverRuler {
        vip,
        from,
        to: to.clone(),
        cause: if fault.kind == EventKind::Healed { MoveCause::Heal } else { MoveCause::Fault },
        fault_at_ms: fault.at_ms,
        detected_at_ms: noticed.map_or(took.at_ms, |event| event.at_ms.min(took.at_ms)),
        elected_at_ms: took.at_ms,
        first_good_at_ms: None,
        failed_requests: 0,
        requests: 0,
    };
    for request in requests.iter().filter(|request| request.began_ms >= fault.at_ms) {
        if ruler.first_good_at_ms.is_some_and(|good_ms| request.began_ms > good_ms) {
            continue;
        }
        ruler.requests += 1;
        ruler.failed_requests += u64::from(!request.good);
        if request.good && request.ended_ms >= took.at_ms && ruler.first_good_at_ms.is_none() {
            ruler.first_good_at_ms = Some(request.ended_ms);
        }
    }
    Some(ruler)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at_ms: u64, kind: EventKind, subject: Subject, text: &str) -> Event {
        Event { at_ms, subject, kind, text: text.into() }
    }

    #[test]
    fn only_what_fails_by_itself_is_held_against_a_flow() {
        assert_eq!(judged(&Ok(None)), Some(Ok(())));
        assert_eq!(judged(&Err(Trouble::Status(403))), None);
        assert_eq!(judged(&Err(Trouble::Status(503))), Some(Err("answered with 503".to_owned())));
        assert_eq!(judged(&Err(Trouble::Late)), Some(Err("no answer in time".to_owned())));
    }

    #[test]
    fn a_failover_is_measured_from_what_was_seen() {
        let node = |name: &str| Subject::Node(name.parse().unwrap());
        let mut events = vec![event(1000, EventKind::Injected, Subject::Lab, "stop db1/galera")];
        assert_eq!(failover(&events, &VecDeque::new()), None, "nothing has moved");
        events.push(event(2300, EventKind::LeftVip, node("db1"), "leaves database (192.168.60.30)"));
        events.push(event(2900, EventKind::TookVip, node("db2"), "takes database (192.168.60.30)"));
        let requests = [(900, 910, true), (1100, 1200, false), (2000, 3500, true), (2100, 3600, false), (4000, 4010, true)];
        let requests = requests.map(|(began_ms, ended_ms, good)| Ended { began_ms, ended_ms, good }).into();
        let ruler = failover(&events, &requests).unwrap();
        assert_eq!((ruler.from.unwrap().to_string(), ruler.to.to_string()), ("db1".into(), "db2".into()));
        assert_eq!((ruler.fault_at_ms, ruler.detected_at_ms, ruler.elected_at_ms), (1000, 2300, 2900));
        assert_eq!((ruler.first_good_at_ms, ruler.failed_requests, ruler.requests), (Some(3500), 2, 3));
    }

    #[test]
    fn what_ended_is_counted_by_the_second() {
        let mut book = Book::default();
        book.totals.in_flight = 3;
        book.note(100, Duration::from_millis(5), 900, Ok(Some("app1".into())));
        book.note(100, Duration::from_millis(7), 1900, Ok(Some("app1".into())));
        book.note(100, Duration::from_secs(4), 1950, Err(Trouble::Late));
        let seconds: Vec<_> = book.seconds().iter().map(|second| (second.at_ms, second.span_ms, second.ok, second.failed)).collect();
        assert_eq!(seconds, [(0, 900, 1, 0), (1000, 1000, 1, 1)], "the first second of the load begins with its first request");
        assert_eq!((book.totals.ok, book.totals.failed, book.totals.in_flight), (2, 1, 0));
        assert_eq!(book.answered.get("app1"), Some(&2));
        assert_eq!(book.totals.causes.get(&Cause::Timeout), Some(&1));
    }
}
