//! `sandtable load`: requests from outside, with a line each second, to be watched while something breaks.

use super::failover::{FailoverLine, gap};
use super::status::EntryLine;
use super::interrupt::Interrupt;
use super::open::open_deployed;
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::model::{Endpoint, FlowId};
use crate::session::{ProviderId, Session, Traffic};
use crate::sim::{LoadSecond, LoadTotals};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long answers that are under way at the end are waited for.
const END: Duration = Duration::from_millis(4200);

/// What `load` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The layout whose lab is asked
    layout: PathBuf,
    /// Requests of users in each second; what serves no users, such as ssh, gets a connection now and then
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=2000))]
    per_second: u32,
    /// How long, in seconds; without it until Ctrl-C, which ends it with its sums
    #[arg(long)]
    secs: Option<u64>,
    /// End sooner: so many seconds after the last that did not go well
    #[arg(long, value_name = "SECS")]
    calm: Option<u64>,
    /// Where it is deployed
    #[arg(long)]
    on: Option<ProviderId>,
    /// How to write it; as JSON, one object a line for each second and one with the sum
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct SecondLine {
    at_ms: u64,
    ok: u32,
    failed: u32,
    latency_ms: f32,
    latency_ms_max: f32,
}

#[derive(Serialize)]
struct Summary {
    lab: String,
    provider: String,
    requests: u64,
    ok: u64,
    failed: u64,
    longest_gap_ms: u64,
    latency_ms: Option<f32>,
    latency_ms_max: Option<f32>,
    causes: BTreeMap<String, u64>,
    entries: Vec<EntryLine>,
    answered: BTreeMap<String, u64>,
    failover: Option<FailoverLine>,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let session = open_deployed(&args.layout, args.on.clone())?;
    if !session.lab.flows.iter().any(|flow| flow.from == Endpoint::Outside) {
        return Err(nothing_asked());
    }
    let handle = session.handle()?;
    // A look first: it says where requests can go in, and watches what moves meanwhile.
    handle.observe()?;
    handle.send_requests(args.per_second)?;
    let before = handle.traffic()?;
    if before.per_sec == 0 || before.entries.is_empty() {
        return Err(nothing_asked());
    }
    if before.per_sec != args.per_second {
        super::note(&format!("this lab gets {} requests per second by itself; --per-second does not change that", before.per_sec));
    }
    let began_ms = handle.observe()?.at_ms;
    let mut measure = Measure::begin(before, began_ms);
    let interrupt = Interrupt::heard()?;
    let (began, mut told, mut shown) = (Instant::now(), measure.last_second_ms(), 0);
    let mut calm_secs = None;
    loop {
        let is_calm = args.calm.is_some_and(|secs| calm_secs.is_some_and(|calm| calm >= secs));
        let is_over = interrupt.is_asked() || is_calm || args.secs.is_some_and(|secs| began.elapsed() >= Duration::from_secs(secs));
        if is_over {
            break;
        }
        std::thread::sleep(Duration::from_millis(250));
        shown += 1;
        if shown % 4 == 0 {
            // Looking is what tells who holds a VIP.
            handle.observe()?;
        }
        let traffic = handle.traffic()?;
        measure.look(&traffic);
        // The last second is not over yet.
        let over = traffic.seconds.len().saturating_sub(1);
        let before = told;
        for second in traffic.seconds.iter().take(over).filter(|second| before.is_none_or(|told| second.at_ms > told)) {
            line(&args, second, terminal)?;
            told = Some(second.at_ms);
            // A second without any answer is none that went well.
            let is_good = second.failed == 0 && second.ok > 0;
            calm_secs = if is_good { calm_secs.map(|calm: u64| calm + 1) } else { Some(0) };
        }
        terminal.flush()?;
    }
    let last = handle.traffic()?;
    let waited = if last.totals.in_flight > u64::from(args.per_second) { END } else { Duration::from_millis(300) };
    std::thread::sleep(waited);
    let traffic = if waited == END { handle.traffic()? } else { last };
    measure.look(&traffic);
    let measured = measure.end(traffic);
    sum(&args, &session, &measured, terminal)?;
    Ok(if measured.totals.failed == 0 { Outcome::Good } else { Outcome::Unwell })
}

/// What becomes of requests while the command runs. A simulated lab has had some before.
struct Measure {
    before: Traffic,
    began_ms: u64,
    /// The longest gap and latency of each entry since.
    most: BTreeMap<FlowId, (u64, f32)>,
}

impl Measure {
    fn begin(before: Traffic, began_ms: u64) -> Self {
        Self { before, began_ms, most: BTreeMap::new() }
    }

    /// The last second before it began, which others have seen.
    fn last_second_ms(&self) -> Option<u64> {
        self.before.seconds.last().map(|second| second.at_ms)
    }

    /// Keeps what is longest: a provider forgets seconds after a while.
    fn look(&mut self, traffic: &Traffic) {
        let last_ms = self.last_second_ms();
        for entry in &traffic.entries {
            let most = self.most.entry(entry.id.clone()).or_default();
            for second in entry.seconds.iter().filter(|second| last_ms.is_none_or(|last_ms| second.at_ms > last_ms)) {
                // A gap may have begun earlier.
                most.0 = most.0.max(second.longest_gap_ms.min((second.at_ms + 1000).saturating_sub(self.began_ms)));
                most.1 = most.1.max(second.latency_ms_max);
            }
            let until_ms = traffic.seconds.last().map_or(self.began_ms, |second| second.at_ms + 1000);
            most.0 = most.0.max(entry.open_gap_ms.min(until_ms.saturating_sub(self.began_ms)));
        }
    }

    /// What became of requests since it began.
    fn end(self, mut after: Traffic) -> Traffic {
        let earlier: BTreeMap<&FlowId, &LoadTotals> = self.before.entries.iter().map(|entry| (&entry.id, &entry.totals)).collect();
        let since = |totals: LoadTotals, before: Option<&LoadTotals>, (longest_gap_ms, latency_ms): (u64, f32)| {
            let totals = match before {
                Some(before) => totals.since(before),
                None => totals,
            };
            LoadTotals { longest_gap_ms, latency_us_max: micros(latency_ms), ..totals }
        };
        for entry in &mut after.entries {
            let most = self.most.get(&entry.id).copied().unwrap_or_default();
            entry.totals = since(std::mem::take(&mut entry.totals), earlier.get(&entry.id).copied(), most);
        }
        let most = self.most.values().fold((0, 0.0_f32), |(gap, latency), one| (gap.max(one.0), latency.max(one.1)));
        after.totals = since(std::mem::take(&mut after.totals), Some(&self.before.totals), most);
        after
    }
}

fn micros(ms: f32) -> u64 {
    u64::try_from(Duration::from_secs_f32(ms.max(0.0) / 1000.0).as_micros()).unwrap_or(u64::MAX)
}

fn nothing_asked() -> Failure {
    Failure::input("no flow from outside leads to anything that can be connected to; draw one: outside -> NODE/SERVICE")
}

fn line(args: &Args, second: &LoadSecond, terminal: &mut Terminal) -> Result<()> {
    match args.format {
        Format::Json => {
            let LoadSecond { at_ms, ok, failed, latency_ms, latency_ms_max, .. } = *second;
            terminal.json_line(&SecondLine { at_ms, ok, failed, latency_ms, latency_ms_max })?;
        }
        Format::Text => {
            let at = terminal.paint(Style::Faint, &format!("{:>7} s", second.at_ms / 1000));
            let failed = match second.failed {
                0 => String::new(),
                count => format!("  {}", terminal.paint(Style::Bad, &format!("{count} failed"))),
            };
            let latency = format!("{:.0} ms, at most {:.0} ms", second.latency_ms, second.latency_ms_max);
            let latency = if second.ok == 0 { String::new() } else { terminal.paint(Style::Faint, &latency) };
            terminal.line(format_args!("{at} {:>5} good  {latency}{failed}", second.ok));
        }
    }
    Ok(())
}

/// The sums of all requests. Those that wait count as well, as in the lines of the entries.
fn headline(totals: &LoadTotals) -> String {
    let waiting = match totals.in_flight {
        0 => String::new(),
        count => format!(", {count} not answered yet"),
    };
    let gap = gap(totals.longest_gap_ms);
    format!("{} requests, {} failed{waiting}, the longest time without a good answer {gap}", totals.sent, totals.failed)
}

fn sum(args: &Args, session: &Session, traffic: &Traffic, terminal: &mut Terminal) -> Result<()> {
    let totals = &traffic.totals;
    let failover = traffic.failover.as_ref().map(FailoverLine::of);
    if args.format == Format::Json {
        let summary = Summary {
            lab: session.lab.name.clone(),
            provider: session.provider.to_string(),
            requests: totals.ok + totals.failed,
            ok: totals.ok,
            failed: totals.failed,
            longest_gap_ms: totals.longest_gap_ms,
            latency_ms: totals.latency_ms(),
            latency_ms_max: totals.latency_ms_max(),
            entries: traffic.entries.iter().map(|entry| EntryLine::of(&entry.id, &entry.totals)).collect(),
            causes: totals.causes.iter().map(|(cause, count)| (cause.text().to_owned(), *count)).collect(),
            answered: traffic.answered.clone(),
            failover,
        };
        terminal.json_line(&summary)?;
        return Ok(());
    }
    terminal.line(headline(totals));
    if traffic.entries.len() > 1 {
        let rows: Vec<_> = traffic.entries.iter().map(|entry| EntryLine::of(&entry.id, &entry.totals).cells()).collect();
        terminal.table(&rows);
    }
    for (cause, count) in &totals.causes {
        terminal.line(format_args!("  {count} failed: {}", cause.text()));
    }
    for (node, count) in &traffic.answered {
        terminal.line(format_args!("  {count} answered by {node}"));
    }
    failover.iter().flat_map(FailoverLine::texts).for_each(|text| terminal.line(text));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_wait_for_an_answer_are_in_the_sum() {
        let before = LoadTotals { sent: 100, ok: 90, in_flight: 10, ..LoadTotals::default() };
        let after = LoadTotals { sent: 290, ok: 92, failed: 150, in_flight: 48, ..LoadTotals::default() };
        let said = headline(&after.since(&before));
        assert!(said.starts_with("200 requests, 150 failed, 48 not answered yet, "), "{said}");
        assert!(!headline(&LoadTotals { sent: 3, ok: 3, ..LoadTotals::default() }).contains("not answered"));
    }
}
