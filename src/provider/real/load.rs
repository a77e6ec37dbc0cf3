//! Requests from outside: how many a second, what became of them, and how long nobody answered. It can be watched while
//! something breaks.

use super::{
    measure::{Ended, measured},
    outside::{self, Outside, Serves},
    request::{self, Trouble},
    watch::Shared,
};
use crate::{
    model::{Event, FlowId},
    probe::record::Answer,
    provider::Traffic,
    sim::{Cause, LoadTotals, Tally},
};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval},
};

/// Requests that are kept one by one, for the ruler.
const REQUESTS_MAX: usize = 20_000;
/// The most requests a second.
const PER_SEC_MAX: u32 = 2000;

/// What became of the requests.
#[derive(Default)]
struct Book {
    per_sec: u32,
    all: Tally,
    entries: Vec<(FlowId, Tally)>,
    ended: VecDeque<Ended>,
    answered: std::collections::BTreeMap<String, u64>,
}

impl Book {
    fn arrived(&mut self, entry: usize, now_ms: u64) {
        self.all.arrived(now_ms * 1000);
        if let Some((_, tally)) = self.entries.get_mut(entry) {
            tally.arrived(now_ms * 1000);
        }
    }

    fn note(&mut self, (entry, began_ms): (usize, u64), took: Duration, ended_ms: u64, result: Result<Option<String>, Trouble>) {
        self.ended.push_back(Ended { entry, began_ms, ended_ms, good: result.is_ok() });
        while self.ended.len() > REQUESTS_MAX {
            self.ended.pop_front();
        }
        if let Ok(Some(by)) = &result {
            *self.answered.entry(by.clone()).or_default() += 1;
        }
        let result = result.map(|_| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)).map_err(cause);
        let gap_us = self.entries.get_mut(entry).map_or(0, |(_, tally)| tally.ended(ended_ms * 1000, result));
        self.all.ended_with_gap(ended_ms * 1000, result, gap_us);
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
    pub(super) fn set(&self, per_sec: u32, mut entries: Vec<Outside>, shared: Arc<Shared>) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = task.take() {
            old.abort();
        }
        // Two flows of one identity are one entry.
        let mut known = BTreeSet::new();
        entries.retain(|entry| known.insert(entry.id.clone()));
        let per_sec = if entries.is_empty() { 0 } else { per_sec.min(PER_SEC_MAX) };
        let counts = entries.iter().filter(|_| per_sec > 0).map(|entry| (entry.id.clone(), Tally::default()));
        *lock(&self.book) = Book { per_sec, entries: counts.collect(), ..Book::default() };
        if per_sec > 0 {
            *task = Some(tokio::spawn(send(Arc::clone(&self.book), per_sec, entries, shared)).abort_handle());
        }
    }

    /// What became of the requests until now, and how the last move of a VIP went, by what was seen happening.
    pub(super) fn traffic(&self, events: &[Event], now_ms: u64) -> Traffic {
        let book = lock(&self.book);
        let entries: Vec<_> = book.entries.iter().map(|(id, tally)| tally.seen(id, Some(now_ms * 1000), |us| us / 1000)).collect();
        let longest_gap_ms = entries.iter().map(|entry| entry.totals.longest_gap_ms).max().unwrap_or(0);
        let (failover, outage) = measured(events, &book.ended, &book.entries, now_ms);
        Traffic {
            per_sec: book.per_sec,
            totals: LoadTotals { longest_gap_ms, ..book.all.totals().clone() },
            seconds: book.all.seconds(|us| us / 1000),
            entries,
            failover,
            outage,
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

/// Sends requests at an even pace, whether or not they are answered: those of users in turn, and to what serves no users a connection
/// now and then.
async fn send(book: Arc<Mutex<Book>>, per_sec: u32, entries: Vec<Outside>, shared: Arc<Shared>) {
    let tls = request::tls();
    let (others, users): (Vec<_>, Vec<_>) = entries.into_iter().enumerate().partition(|(_, entry)| entry.every_secs().is_some());
    let mut pace = interval(Duration::from_secs(1) / per_sec);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = JoinSet::new();
    let mut turn = users.iter().cycle();
    for number in 0_u64.. {
        pace.tick().await;
        while under_way.try_join_next().is_some() {}
        let second = number / u64::from(per_sec);
        let is_due = |every_secs: Option<u32>| every_secs.is_some_and(|every| second.is_multiple_of(u64::from(every)));
        let due = others.iter().filter(|(_, entry)| number.is_multiple_of(u64::from(per_sec)) && is_due(entry.every_secs()));
        for (place, entry) in turn.next().into_iter().chain(due) {
            let (book, shared, tls, place, entry) = (Arc::clone(&book), Arc::clone(&shared), tls.clone(), *place, entry.clone());
            lock(&book).arrived(place, shared.core.now_ms());
            under_way.spawn(async move {
                let (began, began_ms) = (Instant::now(), shared.core.now_ms());
                let result = match (entry.serves, tls) {
                    (Some(Serves::Plain), _) => request::get(entry.at, None).await,
                    (Some(Serves::Tls), Some(tls)) => request::get(entry.at, Some(tls)).await,
                    (Some(Serves::Tls), None) => Err(Trouble::Tls),
                    (Some(Serves::Names | Serves::Clock) | None, _) => connected(outside::try_once(&entry).await),
                };
                let ended_ms = shared.core.now_ms();
                if let Some(judged) = judged(&result) {
                    shared.book().take_request(entry.number, judged, ended_ms);
                }
                lock(&book).note((place, began_ms), began.elapsed(), ended_ms, result);
            });
        }
    }
}

/// What a try came to, as a request.
fn connected(answer: Answer) -> Result<Option<String>, Trouble> {
    match answer {
        Answer::Open(_) => Ok(None),
        Answer::Refused => Err(Trouble::Refused),
        Answer::Late => Err(Trouble::Late),
        Answer::NoRoute | Answer::Unknown => Err(Trouble::NoRoute),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fails_by_itself_is_held_against_a_flow() {
        assert_eq!(judged(&Ok(None)), Some(Ok(())));
        assert_eq!(judged(&Err(Trouble::Status(403))), None);
        assert_eq!(judged(&Err(Trouble::Status(503))), Some(Err("answered with 503".to_owned())));
        assert_eq!(judged(&Err(Trouble::Late)), Some(Err("no answer in time".to_owned())));
    }

    #[test]
    fn requests_are_counted_by_entry() {
        let ids = ["outside -> lb/web", "outside -> dir/dns"].map(|id: &str| (id.parse().unwrap(), Tally::default()));
        let mut book = Book { entries: ids.into(), ..Book::default() };
        book.arrived(0, 100);
        book.arrived(1, 100);
        book.note((0, 100), Duration::from_millis(5), 105, Ok(Some("app1".into())));
        book.note((1, 100), Duration::from_secs(4), 4100, Err(Trouble::Late));
        let load = Load { book: Arc::new(Mutex::new(book)), task: Mutex::default() };
        let traffic = load.traffic(&[], 5100);
        let entries: Vec<_> = traffic.entries.iter().map(|one| (one.totals.ok, one.totals.failed, one.totals.longest_gap_ms)).collect();
        assert_eq!(entries, [(1, 0, 5), (0, 1, 5000)], "what never answered is out all the time");
        assert_eq!((traffic.totals.sent, traffic.totals.failed, traffic.totals.longest_gap_ms), (2, 1, 5000));
        assert_eq!(traffic.totals.causes.get(&Cause::Timeout), Some(&1));
        assert_eq!(traffic.answered.get("app1"), Some(&1));
    }
}
