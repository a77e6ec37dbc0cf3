//! `sandtable status`: what runs, how well it is, and who holds the VIPs.

use super::args::Running;
use super::failover::{FailoverLine, OutageSum, gap};
use super::{Format, Outcome, Result, Style, Terminal};
use crate::activity::{Author, Event, Sample, Viewer, between};
use crate::look::Tone;
use crate::model::{ClusterState, FlowId, Health, Lab, Observed, ObservedNode, Power, RequestOutage};
use crate::probe::{self, Need};
use crate::session::{LabHandle, Session, Traffic};
use crate::sim::LoadTotals;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Time between two looks of `--watch`.
const WATCH_EVERY: Duration = Duration::from_millis(100);

/// What `status` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    lab: Running,
    /// Keep watching, and print each change with its time; as JSON, a report with its changes whenever something differs
    #[arg(long)]
    watch: bool,
}

#[derive(Serialize, PartialEq)]
struct Report {
    lab: String,
    provider: String,
    deployed: bool,
    healthy: bool,
    nodes: BTreeMap<String, NodeLine>,
    vips: BTreeMap<String, VipLine>,
    flows: Vec<FlowLine>,
    clusters: BTreeMap<String, ClusterLine>,
    faults: Vec<FaultLine>,
    failover: Option<FailoverLine>,
    outage: Option<OutageSum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<RequestsLine>,
    /// What changed since the report before, with `--watch` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<ChangeLine>>,
}

/// One change between two observations.
#[derive(Serialize, PartialEq)]
struct ChangeLine {
    /// On the lab's clock.
    at_ms: u64,
    /// The same moment, in milliseconds since 1970.
    time_ms: u64,
    kind: &'static str,
    author: Author,
    who: String,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<String>,
}

impl ChangeLine {
    fn of(event: &Event) -> Self {
        let on = event.subject().map(|subject| subject.to_string());
        let (at_ms, time_ms, kind, author) = (event.lab_ms, event.at_ms, event.kind(), event.author);
        Self { at_ms, time_ms, kind, author, who: event.who(), what: event.what(), on }
    }
}

#[derive(Serialize, PartialEq)]
struct NodeLine {
    power: Power,
    booting: bool,
    health: Health,
    reason: String,
    services: BTreeMap<String, ServiceLine>,
}

#[derive(Serialize, PartialEq)]
struct ServiceLine {
    health: Health,
    listening: Vec<String>,
    reason: String,
}

#[derive(Serialize, PartialEq)]
struct VipLine {
    address: Option<String>,
    holders: Vec<String>,
    /// Why it is not held by exactly one candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize, PartialEq)]
struct FlowLine {
    from: String,
    to: String,
    port: Option<u16>,
    health: Health,
    forward: bool,
    backward: bool,
    latency_ms: Option<f32>,
    optional: bool,
    reason: String,
}

#[derive(Serialize, PartialEq)]
struct ClusterLine {
    state: ClusterState,
    parts: Vec<Vec<String>>,
    size: usize,
}

#[derive(Serialize, PartialEq)]
struct FaultLine {
    id: u64,
    what: &'static str,
    on: String,
    since: u64,
}

#[derive(Serialize, PartialEq)]
struct RequestsLine {
    per_sec: u32,
    sent: u64,
    ok: u64,
    failed: u64,
    longest_gap_ms: u64,
    latency_ms: Option<f32>,
    latency_ms_max: Option<f32>,
    entries: Vec<EntryLine>,
}

impl RequestsLine {
    fn of(traffic: &Traffic) -> Self {
        let totals = &traffic.totals;
        Self {
            per_sec: traffic.per_sec,
            sent: totals.sent,
            ok: totals.ok,
            failed: totals.failed,
            longest_gap_ms: totals.longest_gap_ms,
            latency_ms: totals.latency_ms(),
            latency_ms_max: totals.latency_ms_max(),
            entries: traffic.entries.iter().map(|entry| EntryLine::of(&entry.id, &entry.totals)).collect(),
        }
    }
}

/// The requests of one flow from outside.
#[derive(Serialize, PartialEq)]
pub(super) struct EntryLine {
    from: String,
    to: String,
    port: Option<u16>,
    sent: u64,
    ok: u64,
    failed: u64,
    longest_gap_ms: u64,
    latency_ms: Option<f32>,
    latency_ms_max: Option<f32>,
    causes: BTreeMap<String, u64>,
}

impl EntryLine {
    pub(super) fn of(id: &FlowId, totals: &LoadTotals) -> Self {
        Self {
            from: id.from.to_string(),
            to: id.to.to_string(),
            port: id.port,
            sent: totals.sent,
            ok: totals.ok,
            failed: totals.failed,
            longest_gap_ms: totals.longest_gap_ms,
            latency_ms: totals.latency_ms(),
            latency_ms_max: totals.latency_ms_max(),
            causes: totals.causes.iter().map(|(cause, count)| (cause.text().to_owned(), *count)).collect(),
        }
    }

    /// Its flow and its sums, as cells of a table.
    pub(super) fn cells(&self) -> Vec<(Style, String)> {
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        let failed = if self.failed == 0 { Style::Plain } else { Style::Bad };
        let latency = self.latency_ms.map_or_else(|| "never answered".to_owned(), |ms| format!("{ms:.1} ms"));
        vec![
            (Style::Plain, format!("{} -> {}{port}", self.from, self.to)),
            (Style::Plain, if self.sent == 1 { "1 request".to_owned() } else { format!("{} requests", self.sent) }),
            (failed, format!("{} failed", self.failed)),
            (Style::Plain, format!("longest gap {}", gap(self.longest_gap_ms))),
            (Style::Plain, latency),
        ]
    }
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    // What is not deployed has a status too: everything drawn is missing.
    let session = args.lab.open()?;
    let handle = session.handle()?;
    let (observed, traffic) = handle.observe_with_traffic()?;
    let report = report(&session, &observed, &traffic);
    match args.lab.format() {
        Format::Json if args.watch => {}
        Format::Json => terminal.json(&report)?,
        Format::Text => show(&session, &report, terminal),
    }
    if !report.deployed && args.lab.format() == Format::Text {
        hint_of_moved(&args, &session)?;
    }
    if args.watch {
        return watch(&args, &session, handle, observed, terminal);
    }
    Ok(if report.healthy { Outcome::Good } else { Outcome::Unwell })
}

/// Says where the lab may be that is not deployed from this file.
fn hint_of_moved(args: &Args, session: &Session) -> Result<()> {
    let of_layout = args.lab.layout.as_ref().map(|layout| session.moved_hint(layout)).transpose()?.flatten();
    let hint = of_layout.or_else(|| session.unreadable_hint());
    if let Some(hint) = hint {
        super::note(&hint);
    }
    Ok(())
}

/// Observes again and again until the program is ended, and prints what changed since the observation before.
fn watch(args: &Args, session: &Session, handle: &LabHandle, mut before: Observed, terminal: &mut Terminal) -> Result {
    let mut last: Option<Report> = None;
    let mut before_ms = session.now_ms();
    let mut before_outage: Option<RequestOutage> = None;
    loop {
        let (observed, traffic) = handle.observe_with_traffic()?;
        let now_ms = session.now_ms();
        // The command line injects and heals nothing while it watches: others did.
        let viewer = Viewer { process: std::process::id(), healing: &BTreeSet::new(), operation: None };
        let old = Sample { wall_ms: before_ms, observed: &before, outage: before_outage.as_ref() };
        let changes = between(old, Sample { wall_ms: now_ms, observed: &observed, outage: traffic.outage.as_ref() }, viewer);
        match args.lab.format() {
            Format::Json => {
                // Requests come in all the time: they are no change.
                let seen = Report { requests: None, outage: None, changes: Some(Vec::new()), ..report(session, &observed, &traffic) };
                if !changes.is_empty() || last.as_ref() != Some(&seen) {
                    let line = Report { changes: Some(changes.iter().map(ChangeLine::of).collect()), ..seen };
                    terminal.json_line(&line)?;
                    last = Some(Report { changes: Some(Vec::new()), ..line });
                }
            }
            Format::Text => changes.iter().for_each(|change| show_change(change, terminal)),
        }
        (before, before_ms, before_outage) = (observed, now_ms, traffic.outage);
        terminal.flush()?;
        std::thread::sleep(WATCH_EVERY);
    }
}

fn show_change(event: &Event, terminal: &mut Terminal) {
    let at = format!("{:>9}.{:03}", event.lab_ms / 1000, event.lab_ms % 1000);
    let style = match event.tone() {
        Tone::Good => Style::Good,
        Tone::Warn => Style::Warn,
        Tone::Bad => Style::Bad,
        Tone::Neutral | Tone::Accent | Tone::Advice | Tone::Vip => Style::Plain,
    };
    terminal.line(format_args!("{} {} {}", terminal.paint(Style::Faint, &at), event.who(), terminal.paint(style, &event.what())));
}

fn report(session: &Session, observed: &Observed, traffic: &Traffic) -> Report {
    let lab = &session.lab;
    let undrawn = observed.nodes.keys().filter(|name| !lab.nodes.contains_key(*name));
    let nodes = lab.nodes.keys().chain(undrawn).map(|name| (name.to_string(), node_line(observed.nodes.get(name))));
    let vips = lab.vips.iter().map(|(name, vip)| {
        let seen = observed.vips.get(name);
        let holders = seen.map(|vip| vip.holders.iter().map(ToString::to_string).collect()).unwrap_or_default();
        let reason = seen.map(|vip| vip.reason.clone()).filter(|reason| !reason.is_empty());
        (name.to_string(), VipLine { address: Some(vip.address.to_string()), holders, reason })
    });
    let flows = probe::judge(lab, observed).into_iter().map(|verdict| FlowLine {
        from: verdict.id.from.to_string(),
        to: verdict.id.to.to_string(),
        port: verdict.id.port,
        health: verdict.health,
        forward: verdict.forward,
        backward: verdict.backward,
        latency_ms: verdict.latency_ms,
        optional: verdict.need == Need::Optional,
        reason: verdict.reason,
    });
    let clusters = observed.clusters.iter().map(|(name, cluster)| {
        let parts = cluster.parts.iter().map(|part| part.iter().map(ToString::to_string).collect()).collect();
        (name.to_string(), ClusterLine { state: cluster.state, parts, size: cluster.size })
    });
    let faults =
        observed.faults.iter().map(|one| FaultLine { id: one.id, what: one.fault.word(), on: one.fault.on(), since: one.since_ms });
    let failover = traffic.failover.as_ref().map(FailoverLine::of);
    let outage = traffic.outage.as_ref().map(OutageSum::of);
    Report {
        lab: lab.name.clone(),
        provider: session.provider.to_string(),
        deployed: session.is_deployed() || !observed.is_empty(),
        healthy: is_healthy(lab, observed),
        nodes: nodes.collect(),
        vips: vips.collect(),
        flows: flows.collect(),
        clusters: clusters.collect(),
        faults: faults.collect(),
        failover,
        outage,
        requests: Some(RequestsLine::of(traffic)),
        changes: None,
    }
}

/// Whether all is well; of a lab whose layout is not known, all that runs.
fn is_healthy(lab: &Lab, observed: &Observed) -> bool {
    if lab.nodes.is_empty() {
        let is_split = observed.clusters.values().any(|cluster| cluster.state == ClusterState::Split);
        return !is_split && observed.nodes.values().all(|node| node.health == Health::Healthy);
    }
    probe::health(lab, observed) == Health::Healthy
}

fn node_line(node: Option<&ObservedNode>) -> NodeLine {
    let Some(node) = node else {
        let (power, health) = (Power::Missing, Health::Down);
        return NodeLine { power, booting: false, health, reason: String::new(), services: BTreeMap::new() };
    };
    let services = node.services.iter().map(|(name, service)| {
        let mut listening: Vec<String> = service.listening.iter().map(ToString::to_string).collect();
        listening.dedup();
        (name.to_string(), ServiceLine { health: service.health, listening, reason: service.reason.clone() })
    });
    NodeLine { power: node.power, booting: node.is_booting, health: node.health, reason: node.reason.clone(), services: services.collect() }
}

fn style(health: Health) -> Style {
    match health {
        Health::Healthy => Style::Good,
        Health::Unknown => Style::Faint,
        Health::Degraded => Style::Warn,
        Health::Down => Style::Bad,
    }
}

fn show(session: &Session, report: &Report, terminal: &mut Terminal) {
    let overall = match (report.deployed, report.healthy) {
        (false, _) => (Style::Bad, "not deployed"),
        (true, true) => (Style::Good, "healthy"),
        (true, false) => (Style::Bad, "not healthy"),
    };
    let overall = terminal.paint(overall.0, overall.1);
    terminal.line(format_args!("{} on {}: {overall}", report.lab, report.provider));
    let mut rows = Vec::new();
    let plain = |text: &str| (Style::Plain, text.to_owned());
    let undrawn = report.nodes.keys().map(String::as_str).filter(|name| !session.lab.nodes.contains_key(*name));
    for name in session.lab.nodes.keys().map(|name| name.as_str()).chain(undrawn) {
        let Some(node) = report.nodes.get(name) else { continue };
        let power = if node.booting { "booting" } else { node.power.title() };
        let why = if node.reason.is_empty() { power.to_owned() } else { format!("{power}: {}", node.reason) };
        rows.push(vec![(Style::Strong, name.to_owned()), (style(node.health), node.health.title().to_owned()), plain(&why)]);
        for (service, line) in &node.services {
            let what = if line.reason.is_empty() { line.listening.join(", ") } else { line.reason.clone() };
            rows.push(vec![plain(&format!("  {service}")), (style(line.health), line.health.title().to_owned()), plain(&what)]);
        }
    }
    for (name, vip) in &report.vips {
        let (style, state) = match vip.holders.as_slice() {
            [] => (Style::Bad, "held by nobody".to_owned()),
            [one] => (if vip.reason.is_some() { Style::Bad } else { Style::Good }, format!("held by {one}")),
            several => (Style::Bad, format!("held by {} at once", several.join(" and "))),
        };
        let address = vip.address.as_deref().unwrap_or("");
        let what = vip.reason.as_ref().map_or_else(|| address.to_owned(), |why| format!("{address}: {why}"));
        rows.push(vec![(Style::Strong, format!("vip:{name}")), (style, state), plain(&what)]);
    }
    for flow in &report.flows {
        let latency = flow.latency_ms.map_or_else(String::new, |ms| format!("{ms:.1} ms"));
        let what = if flow.reason.is_empty() { latency } else { flow.reason.clone() };
        let health = (style(flow.health), flow.health.title().to_owned());
        let port = flow.port.map_or_else(String::new, |port| format!(":{port}"));
        rows.push(vec![plain(&format!("{} -> {}{port}", flow.from, flow.to)), health, plain(&what)]);
    }
    terminal.table(&rows);
    let requests = report.requests.iter().flat_map(|requests| &requests.entries).filter(|entry| entry.sent > 0);
    let requests: Vec<_> = requests.map(EntryLine::cells).collect();
    if !requests.is_empty() {
        terminal.line("requests from outside:");
        terminal.table(&requests);
    }
    for fault in &report.faults {
        let word = terminal.paint(Style::Bad, "fault");
        terminal.line(format_args!("{word} {}: {} {}", fault.id, fault.what, fault.on));
    }
    report.failover.iter().flat_map(FailoverLine::texts).for_each(|text| terminal.line(text));
    if let Some(outage) = report.outage.as_ref().filter(|outage| outage.requests > 0) {
        terminal.line(outage.text());
    }
}
