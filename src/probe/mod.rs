//! The topology contract, judged: each flow tried, both ways, and whether the lab as a whole does what it is drawn for.
//!
//! Pure: providers ask, this layer says what the answers mean. A fact that nobody has asked for is unknown, never good.

mod addresses;
pub mod book;
pub mod clusters;
#[cfg(test)]
pub(crate) mod fixture;
mod pace;
mod page;
pub mod record;
mod roles;
pub mod steady;
pub mod tries;

pub use roles::judge as judge_roles;

use crate::model::{ClusterState, Endpoint, Flow, FlowId, Health, Lab, Observed, ObservedFlow, Power};
use std::collections::{HashMap, VecDeque};

/// What trying a flow came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Packets go there and answers come back, and the answer is good.
    Good,
    /// Packets go there and answers come back, and the answer is not good, or not always.
    Poor,
    /// Packets get there and no answer comes back.
    OneWay,
    /// Nothing gets there.
    Closed,
    /// Nobody has asked yet.
    Unknown,
}

impl Outcome {
    /// The word that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Poor => "poor",
            Self::OneWay => "one way only",
            Self::Closed => "closed",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether the lab may be healthy without a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It may not.
    Mandatory,
    /// It may.
    Optional,
}

/// A flow, tried and judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Which flow.
    pub id: FlowId,
    /// Whether the lab needs it.
    pub need: Need,
    /// What trying it came to.
    pub outcome: Outcome,
    /// How well it is over several tries.
    pub health: Health,
    /// Whether packets arrive.
    pub forward: bool,
    /// Whether answers come back.
    pub backward: bool,
    /// How long an answer takes, in milliseconds.
    pub latency_ms: Option<f32>,
    /// Why, where it is not good.
    pub reason: String,
}

impl Verdict {
    /// Whether the contract is broken by it.
    pub fn breaks_contract(&self) -> bool {
        self.need == Need::Mandatory && self.outcome != Outcome::Good
    }
}

/// Every flow of a lab, in the drawing's order, judged by what is observed.
pub fn judge(lab: &Lab, observed: &Observed) -> Vec<Verdict> {
    // A layout may have a flow twice; both are observed, in the layout's order.
    let mut seen: HashMap<&FlowId, VecDeque<&ObservedFlow>> = HashMap::new();
    for flow in &observed.flows {
        seen.entry(&flow.id).or_default().push_back(flow);
    }
    let mut verdicts = Vec::with_capacity(lab.flows.len());
    for flow in &lab.flows {
        let found = seen.get_mut(&FlowId::from(flow)).and_then(VecDeque::pop_front);
        let verdict = judge_one(flow, found);
        verdicts.push(match stopped_sender(&flow.from, observed) {
            Some(reason) => {
                // From a machine that does not run nothing is sent. A service that is stopped says nothing of the path.
                let is_off = flow.from.node().and_then(|node| observed.nodes.get(node)).is_some_and(|node| node.power != Power::Running);
                let (outcome, health) = if is_off { (Outcome::Closed, Health::Down) } else { (Outcome::Unknown, Health::Unknown) };
                Verdict { outcome, health, forward: false, backward: false, latency_ms: None, reason, ..verdict }
            }
            None => verdict,
        });
    }
    verdicts
}

/// Whether a service that a flow leads to does anything for it, by how well it says it is: a connection may open at one that hangs, or
/// at a forward with nothing behind it. Simulated and real nodes are both evaluated by this.
pub fn serves(health: Health) -> bool {
    health != Health::Down
}

/// What became of the last requests from outside at one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// None failed lately, or none came.
    All,
    /// Some were answered and some failed.
    Some,
    /// All failed.
    None,
}

/// How long a failed request counts, in milliseconds.
pub const REQUESTS_COUNT_MS: u64 = 3000;

/// How often a connection from outside is tried to what takes no requests of users, in seconds.
pub const CONNECT_SECS: u32 = 1;
/// How often one to an ssh server is tried, in seconds: such servers log each stranger, and turn away those who come often.
pub const SHELL_SECS: u32 = 5;

/// What became of the requests at an entry within the last [`REQUESTS_COUNT_MS`], by how long ago the last good answer and the last
/// failure were, in milliseconds; `None`: there was none.
pub fn answered(good_ms_ago: Option<u64>, failed_ms_ago: Option<u64>) -> Answered {
    let lately = |ago: Option<u64>| ago.is_some_and(|ms| ms <= REQUESTS_COUNT_MS);
    match (lately(good_ms_ago), lately(failed_ms_ago)) {
        (_, false) => Answered::All,
        (true, true) => Answered::Some,
        (false, true) => Answered::None,
    }
}

/// Why nothing is sent from an end now, where its machine or its service does not run: a path that a probe finds open is
/// not used by anything then. `None`: it runs, or nothing is known of it.
pub fn stopped_sender(from: &Endpoint, observed: &Observed) -> Option<String> {
    let node = observed.nodes.get(from.node()?)?;
    if node.power != Power::Running {
        return Some(format!("{} is {}", from.node()?, node.power.title()));
    }
    let Endpoint::Service(at) = from else { return None };
    let service = node.services.get(&at.service)?;
    (service.health == Health::Down && service.listening.is_empty()).then(|| format!("{at} does not run"))
}

fn judge_one(flow: &Flow, seen: Option<&ObservedFlow>) -> Verdict {
    let need = if flow.optional { Need::Optional } else { Need::Mandatory };
    let id = FlowId::from(flow);
    let Some(seen) = seen else {
        let reason = "nobody has tried it yet".to_owned();
        let (outcome, health) = (Outcome::Unknown, Health::Unknown);
        return Verdict { id, need, outcome, health, forward: false, backward: false, latency_ms: None, reason };
    };
    let outcome = match (seen.health, seen.forward, seen.backward) {
        (Health::Unknown, ..) => Outcome::Unknown,
        (Health::Healthy, ..) => Outcome::Good,
        (_, true, true) => Outcome::Poor,
        (_, true, false) | (_, false, true) => Outcome::OneWay,
        (_, false, false) => Outcome::Closed,
    };
    let (forward, backward) = (seen.forward, seen.backward);
    Verdict { id, need, outcome, health: seen.health, forward, backward, latency_ms: seen.latency_ms, reason: seen.reason.clone() }
}

/// How well a lab is as a whole: every drawn node on and well, every VIP held once, every mandatory flow good, no cluster split. A flow
/// from outside is only good while requests are answered there. A lab without anything drawn is healthy.
pub fn health(lab: &Lab, observed: &Observed) -> Health {
    needed(lab, observed).into_iter().map(|(_, health)| health).fold(Health::Healthy, Health::worse)
}

/// What makes its name, where somebody wants to read it.
type Named<'a> = Box<dyn Fn() -> String + 'a>;

/// Everything that a lab needs to be well, and how well each is.
fn needed<'a>(lab: &'a Lab, observed: &Observed) -> Vec<(Named<'a>, Health)> {
    let mut all: Vec<(Named<'a>, Health)> = Vec::new();
    for name in lab.nodes.keys() {
        let health = match observed.nodes.get(name) {
            Some(node) if node.power == Power::Running => node.health,
            Some(_) | None => Health::Down,
        };
        all.push((Box::new(move || name.to_string()), health));
    }
    for (name, _) in lab.vips.iter().filter(|(_, vip)| !vip.holders.is_empty()) {
        let health = match observed.vips.get(name) {
            Some(vip) if vip.holders.len() == 1 && vip.reason.is_empty() => Health::Healthy,
            Some(_) | None => Health::Down,
        };
        all.push((Box::new(move || format!("vip:{name}")), health));
    }
    // One that misses members has one that is not well; one in parts may have members of which each is.
    for (name, _) in observed.clusters.iter().filter(|(_, cluster)| cluster.state == ClusterState::Split) {
        let name = name.to_string();
        all.push((Box::new(move || name.clone()), Health::Down));
    }
    for (flow, verdict) in lab.flows.iter().zip(judge(lab, observed)).filter(|(_, verdict)| verdict.need == Need::Mandatory) {
        all.push((Box::new(move || flow.to_string()), verdict.health));
    }
    all
}

/// How far a lab is that comes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settling {
    /// How many of the things that it needs are well.
    pub well: usize,
    /// How many it needs: nodes, VIPs, mandatory flows, and clusters that must not be split.
    pub of: usize,
    /// The first that is not, in the drawing's order, as its file writes it.
    pub waits_for: Option<String>,
}

impl std::fmt::Display for Settling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} well", self.well, self.of)?;
        self.waits_for.iter().try_for_each(|first| write!(f, ", waiting for {first}"))
    }
}

/// How far a lab is that comes up, by what is observed.
pub fn settling(lab: &Lab, observed: &Observed) -> Settling {
    let mut settling = Settling { well: 0, of: 0, waits_for: None };
    for (name, health) in needed(lab, observed) {
        settling.of += 1;
        if health == Health::Healthy {
            settling.well += 1;
        } else if settling.waits_for.is_none() {
            settling.waits_for = Some(name());
        }
    }
    settling
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::mini_cloud;

    fn seen(flow: &Flow, health: Health, forward: bool, backward: bool) -> ObservedFlow {
        ObservedFlow { id: flow.into(), health, forward, backward, latency_ms: None, reason: String::new() }
    }

    fn check(health: Health, forward: bool, backward: bool, expected: Outcome) {
        let flow = mini_cloud().flows.remove(0);
        let observed = seen(&flow, health, forward, backward);
        assert_eq!(judge_one(&flow, Some(&observed)).outcome, expected, "{health:?} {forward} {backward}");
    }

    #[test]
    fn both_directions_count() {
        check(Health::Healthy, true, true, Outcome::Good);
        check(Health::Degraded, true, true, Outcome::Poor);
        check(Health::Down, true, false, Outcome::OneWay);
        check(Health::Down, false, true, Outcome::OneWay);
        check(Health::Down, false, false, Outcome::Closed);
        check(Health::Unknown, false, false, Outcome::Unknown);
    }

    #[test]
    fn requests_count_for_a_while() {
        assert_eq!(answered(None, None), Answered::All);
        assert_eq!(answered(Some(10), Some(REQUESTS_COUNT_MS + 1)), Answered::All);
        assert_eq!(answered(Some(10), Some(20)), Answered::Some);
        assert_eq!(answered(Some(REQUESTS_COUNT_MS + 1), Some(20)), Answered::None);
        assert_eq!(answered(None, Some(0)), Answered::None);
    }

    #[test]
    fn what_nobody_tried_is_unknown_and_breaks_the_contract() {
        let mut lab = mini_cloud();
        lab.flows[1].optional = true;
        let verdicts = judge(&lab, &Observed::default());
        assert!(verdicts.iter().all(|verdict| verdict.outcome == Outcome::Unknown));
        assert_eq!(verdicts.iter().filter(|verdict| !verdict.breaks_contract()).count(), 1, "the optional one does not");
    }

    #[test]
    fn a_lab_is_as_well_as_the_worst_that_it_needs() {
        let lab = mini_cloud();
        let mut observed = Observed::default();
        assert_eq!(health(&lab, &observed), Health::Down, "nothing is there");
        for name in lab.nodes.keys() {
            let node = crate::model::ObservedNode { power: Power::Running, health: Health::Healthy, ..Default::default() };
            observed.nodes.insert(name.clone(), node);
        }
        observed.flows = lab.flows.iter().map(|flow| seen(flow, Health::Healthy, true, true)).collect();
        let held = |holders: &[&str]| crate::model::ObservedVip {
            holders: holders.iter().map(|holder| holder.parse().unwrap()).collect(),
            ..Default::default()
        };
        for (holders, expected) in [(vec![], Health::Down), (vec!["db1", "db2"], Health::Down), (vec!["db1"], Health::Healthy)] {
            observed.vips.insert("database".parse().unwrap(), held(&holders));
            assert_eq!(health(&lab, &observed), expected, "{holders:?}");
        }
        let split = crate::model::ObservedCluster { state: ClusterState::Split, ..Default::default() };
        observed.clusters.insert("minicloud".parse().unwrap(), split);
        assert_eq!(health(&lab, &observed), Health::Down, "a cluster in two parts");
        observed.clusters.clear();
        observed.flows[0].health = Health::Degraded;
        assert_eq!(health(&lab, &observed), Health::Degraded);
        let far = settling(&lab, &observed);
        assert_eq!((far.of - far.well, far.waits_for.as_deref()), (1, Some(lab.flows[0].to_string().as_str())));
        observed.flows[0].health = Health::Healthy;
        let far = settling(&lab, &observed);
        assert_eq!((far.well, far.to_string()), (far.of, format!("{0} of {0} well", far.of)));
    }
}
