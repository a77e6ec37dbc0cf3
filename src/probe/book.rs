//! The book of what nodes say: records come in with the time at which they were heard, and what they come to is filled into
//! [`Observed`]. Facts that are old say nothing any more.
//!
//! It asks nobody and reads no clock; the same records at the same times give the same picture.

mod powers;
mod requests;

use self::requests::Lately;
use super::{
    addresses::{self, Token},
    clusters::clusters,
    pace::{Pace, STALE_MS},
    page::{Line, Page, fill_node, home},
    record::{Answer, Numbered, Record, Went},
    steady::{Said, Steady},
    tries::{Goal, How, Start, Try, ends},
};
use crate::model::{
    ClusterName, ClusterState, Endpoint, Event, EventKind, Flow, Health, NodeName, Observed, ObservedFlow, Power, ServiceName, ServiceRef,
    Subject, VipName,
};
use std::{
    collections::{BTreeMap, VecDeque},
    net::Ipv4Addr,
};

/// The code of a service that did not answer in time (timeout(1)).
const SILENT: u8 = 124;
/// Silence of a frozen node after which a word of it means that it runs again, in milliseconds; what comes sooner was under way.
const THAW_MS: u64 = 1500;
/// How long after such a word what is said of its machine may still be old, in milliseconds.
const THAWED_MS: u64 = 2500;
/// Events that are kept; the oldest go first.
const EVENTS_MAX: usize = 2000;

/// What is known of one flow.
#[derive(Debug, Default)]
struct Way {
    steady: Steady,
    forward: bool,
    backward: bool,
    latency_ms: Option<f32>,
    at_ms: Option<u64>,
    lately: Lately,
}

/// Everything that is known of one lab's nodes.
#[derive(Debug, Default)]
pub struct Book {
    pages: BTreeMap<NodeName, Page>,
    names: BTreeMap<(NodeName, ServiceName), String>,
    homes: BTreeMap<NodeName, Vec<Ipv4Addr>>,
    powers: BTreeMap<NodeName, Power>,
    flows: Vec<Flow>,
    tries: Vec<Try>,
    ends: Vec<Vec<NodeName>>,
    ways: Vec<Way>,
    tokens: BTreeMap<VipName, Token>,
    states: BTreeMap<ClusterName, ClusterState>,
    /// What happened, in the order in which it was noticed.
    events: VecDeque<Event>,
}

impl Book {
    /// Learns what is set up: what services and VIPs there are, and how flows are tried. Gives whether flows are tried
    /// otherwise than before; then answers that are under way have the wrong numbers.
    pub fn learn(&mut self, seen: &Observed, flows: &[Flow], tries: Vec<Try>, slug: &dyn Fn(&str) -> String) -> bool {
        self.pages.retain(|node, _| seen.nodes.contains_key(node));
        self.homes = seen.nodes.iter().map(|(name, node)| (name.clone(), home(node))).collect();
        self.names.clear();
        for (node, there) in &seen.nodes {
            self.names.extend(there.services.keys().map(|name| ((node.clone(), name.clone()), slug(name))));
        }
        let mut tokens: BTreeMap<VipName, Token> = BTreeMap::new();
        for (node, there) in &seen.nodes {
            for (vip, spec) in &there.vips {
                let token = tokens.entry(vip.clone()).or_default();
                token.address = Some(spec.address.addr());
                token.candidates.push(node.clone());
                token.follows.clone_from(&spec.follows);
            }
        }
        for (vip, token) in &mut tokens {
            if let Some(old) = self.tokens.remove(vip).filter(|old| old.address == token.address) {
                (token.holders, token.since_ms, token.known) = (old.holders, old.since_ms, old.known);
            }
        }
        self.tokens = tokens;
        if self.flows == flows && self.tries == tries {
            return false;
        }
        self.ends = tries.iter().map(|one| ends(&one.goal, seen).into_iter().cloned().collect()).collect();
        if self.flows != flows {
            self.ways = flows.iter().map(|_| Way::default()).collect();
            self.flows = flows.to_vec();
        }
        self.tries = tries;
        true
    }

    /// The tries, by the numbers that nodes answer with.
    pub fn tries(&self) -> &[Try] {
        &self.tries
    }

    /// Takes what a node says. `now_ms` is the lab's clock and `wall_secs` the one on the wall, both when it was heard.
    pub fn take(&mut self, node: &NodeName, numbered: Numbered, now_ms: u64, wall_secs: u64) {
        self.spoke(node, now_ms);
        let page = self.pages.entry(node.clone()).or_default();
        page.seen_ms = Some(now_ms);
        // Services and flows write from processes of their own, so a late one of the round before is no fault of the channel.
        let last = page.numbers.entry(numbered.writer).or_default();
        if matches!(numbered.writer, 'r' | 'a') && numbered.number <= *last && !matches!(numbered.record, Record::Hello(_)) {
            return;
        }
        *last = numbered.number;
        match numbered.record {
            Record::Hello(_) => {
                page.rounds = 0;
                page.pace.begin();
                page.numbers.clear();
                page.numbers.insert(numbered.writer, numbered.number);
            }
            Record::Alive(round) => {
                page.rounds = round;
                page.pace.over(round, now_ms);
            }
            Record::Bye => {}
            Record::Service { slug, code, reason } => self.answered(node, &slug, code, reason, now_ms),
            Record::Fact { slug, name, value } => {
                page.lines.entry(slug).or_default().facts.insert(name, value);
            }
            Record::Address(went, interface, net) => {
                match went {
                    Went::Came => page.addresses.insert((interface, net)),
                    Went::Left => page.addresses.remove(&(interface, net)),
                };
                self.find_holders(now_ms);
            }
            Record::Addresses(all) => {
                page.addresses = all.into_iter().collect();
                page.has_addresses = true;
                self.find_holders(now_ms);
            }
            Record::Listening(sockets) => page.listening = sockets,
            Record::Heard(from) => {
                page.heard = from.into_iter().collect();
                page.heard_ms = Some(now_ms);
            }
            Record::Node { name, value } => {
                if let ("clock", Ok(secs)) = (name.as_str(), value.parse::<u64>()) {
                    page.clock_ahead_secs = i64::try_from(i128::from(secs) - i128::from(wall_secs)).unwrap_or(i64::MAX);
                }
                page.facts.insert(name, value);
            }
            Record::Flow(number, answer) => {
                let starts_here = self.tries.get(number).is_some_and(|one| one.from == Start::Node(node.clone()));
                if starts_here {
                    self.tried(number, &answer, now_ms);
                }
            }
        }
    }

    /// Takes what trying a flow from outside came to.
    pub fn take_outside(&mut self, number: usize, answer: &Answer, now_ms: u64) {
        if self.tries.get(number).is_some_and(|one| one.from == Start::Outside) {
            self.tried(number, answer, now_ms);
        }
    }

    /// Something was done on a node: what its services said before is old.
    pub fn touched(&mut self, node: &NodeName) {
        if let Some(page) = self.pages.get_mut(node) {
            page.rounds = 0;
            page.lines.values_mut().for_each(|line| line.steady = Steady::default());
        }
    }

    /// Whether a node says anything.
    pub fn speaks(&self, node: &NodeName, now_ms: u64) -> bool {
        self.pages.get(node).is_some_and(|page| page.is_fresh(now_ms))
    }

    /// Whether a node has said so much of its addresses and services that they can be judged.
    pub fn is_known(&self, node: &NodeName, now_ms: u64) -> bool {
        let expects = self.names.iter().filter(|((at, _), _)| at == node).map(|(_, slug)| slug);
        self.pages.get(node).is_some_and(|page| {
            let known = || expects.into_iter().all(|slug| page.lines.get(slug).is_some_and(|line| line.steady.is_known()));
            page.is_fresh(now_ms) && page.has_addresses && known()
        })
    }

    /// Whether every flow that can be tried has been tried often enough to say something.
    pub fn knows_flows(&self) -> bool {
        self.tries.iter().all(|one| self.ways.get(one.flow).is_none_or(|way| way.steady.is_known()))
    }

    /// What happened, in the order in which it was noticed.
    pub fn events(&self) -> Vec<Event> {
        self.events.iter().cloned().collect()
    }

    /// Notes that something happened, now or some time ago.
    pub fn tell(&mut self, at_ms: u64, subject: Subject, kind: EventKind, text: impl Into<String>) {
        self.events.push_back(Event { at_ms, subject, kind, text: text.into() });
        while self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
    }

    /// A frozen node that speaks after a silence runs again, whatever was last heard of its machine.
    fn spoke(&mut self, node: &NodeName, now_ms: u64) {
        let page = self.pages.entry(node.clone()).or_default();
        let silence_ms = now_ms.saturating_sub(std::mem::replace(&mut page.spoke_ms, now_ms));
        if silence_ms > THAW_MS && self.powers.get(node) == Some(&Power::Paused) {
            page.seen_ms = Some(now_ms);
            page.thawed_ms = Some(now_ms);
            // How well its services were before it was frozen is not how well they are.
            page.lines.values_mut().for_each(|line| line.steady = Steady::default());
            self.powers.insert(node.clone(), Power::Running);
            self.tell(now_ms, Subject::Node(node.clone()), EventKind::Machine, "is running now");
            self.find_holders(now_ms);
        }
    }

    fn answered(&mut self, node: &NodeName, slug: &str, code: u8, reason: String, now_ms: u64) {
        let Some(page) = self.pages.get_mut(node) else { return };
        let line = page.lines.entry(slug.to_owned()).or_default();
        let said = match code {
            0 => Said::Good,
            2 => Said::Poor(reason),
            _ => Said::Bad(if reason.is_empty() { format!("its health script ends with {code}") } else { reason }),
        };
        // One that did not answer in time was silent for two rounds: that is as much as two bad answers.
        let is_silent = code == SILENT && line.steady.take(said.clone(), now_ms);
        if !(line.steady.take(said, now_ms) || is_silent) || line.steady.health() == line.told {
            return;
        }
        let (before, health) = (line.told, line.steady.health());
        line.told = health;
        let (kind, text) = match health {
            Health::Healthy => (EventKind::Started, "is healthy".to_owned()),
            Health::Down => (EventKind::Died, format!("is down: {}", line.steady.reason())),
            Health::Degraded | Health::Unknown => (EventKind::Check, format!("is {}: {}", health.title(), line.steady.reason())),
        };
        let name = self.names.iter().find(|((at, _), known)| at == node && *known == slug).map(|((_, name), _)| name.clone());
        // The first answer says what is so, not what happened.
        if let Some(service) = name.filter(|_| before != Health::Unknown || health != Health::Healthy) {
            self.tell(now_ms, Subject::Service(ServiceRef { node: node.clone(), service }), kind, text);
        }
    }

    /// Who has each VIP now, of the nodes that can still be heard.
    fn find_holders(&mut self, now_ms: u64) {
        let mut told = Vec::new();
        for (vip, token) in &mut self.tokens {
            let Some(address) = token.address else { continue };
            let is_on = |node: &NodeName| self.powers.get(node).is_none_or(|power| *power == Power::Running);
            let holders = token.newest_first(token.find(&self.pages, is_on, now_ms));
            if holders == token.holders && token.known {
                continue;
            }
            let complete = token.candidates.iter().all(|node| self.pages.get(node).is_some_and(|page| page.has_addresses));
            if token.known {
                let left = token.holders.iter().filter(|node| !holders.contains(node)).map(|node| (node, EventKind::LeftVip, "leaves"));
                let came = holders.iter().filter(|node| !token.holders.contains(node)).map(|node| (node, EventKind::TookVip, "takes"));
                for (node, kind, verb) in left.chain(came) {
                    told.push((Subject::Node(node.clone()), kind, format!("{verb} {vip} ({address})")));
                }
            }
            if holders != token.holders {
                token.since_ms = now_ms;
            }
            token.known |= complete || !holders.is_empty();
            token.holders = holders;
        }
        for (subject, kind, text) in told {
            self.tell(now_ms, subject, kind, text);
        }
    }

    /// The age after which what trying a flow came to is stale, in milliseconds.
    fn stale_ms(&self, one: &Try) -> u64 {
        let node = match &one.from {
            Start::Node(node) => self.pages.get(node),
            Start::Outside => None,
        };
        let pace = node.map_or_else(Pace::default, |page| page.pace.clone());
        if one.how == How::Greet { pace.greeted_stale_ms() } else { pace.stale_ms() }
    }

    /// Whether packets of one node reached another within the last seconds; `None`: the other does not say.
    fn reaches(&self, from: &NodeName, to: &NodeName, now_ms: u64) -> Option<bool> {
        let page = self.pages.get(to)?;
        page.heard_ms.filter(|at_ms| now_ms.saturating_sub(*at_ms) <= page.pace.stale_ms())?;
        let mine = self.homes.get(from)?;
        Some(mine.iter().any(|address| page.heard.contains(address)))
    }

    fn tried(&mut self, number: usize, answer: &Answer, now_ms: u64) {
        let Some(one) = self.tries.get(number) else { return };
        let Some(flow) = self.flows.get(one.flow) else { return };
        if let (Endpoint::Vip(vip), Start::Node(node)) = (&flow.from, &one.from)
            && self.tokens.get(vip).is_some_and(|token| !token.holders.contains(node))
        {
            return;
        }
        let (said, forward, backward) = self.judge(number, one, answer, now_ms);
        let latency_ms = match answer {
            #[expect(clippy::cast_precision_loss, reason = "latencies are shown to a tenth of a millisecond")]
            Answer::Open(Some(us)) => Some(*us as f32 / 1000.0),
            _ => None,
        };
        let flow = one.flow;
        if let Some(way) = self.ways.get_mut(flow) {
            way.steady.take(said, now_ms);
            (way.forward, way.backward, way.latency_ms, way.at_ms) = (forward, backward, latency_ms, Some(now_ms));
        }
    }

    /// What an answer says: whether it is good, and which directions work.
    fn judge(&self, number: usize, one: &Try, answer: &Answer, now_ms: u64) -> (Said, bool, bool) {
        let ends = self.ends.get(number).map(Vec::as_slice).unwrap_or_default();
        let holder = match &one.goal {
            Goal::Vip(vip) => self.tokens.get(vip).and_then(|token| token.holders.first()),
            _ => None,
        };
        let packets = match &one.from {
            Start::Outside => (None, None),
            Start::Node(from) => {
                let to = holder.or(ends.first()).filter(|to| *to != from);
                (to.and_then(|to| self.reaches(from, to, now_ms)), to.and_then(|to| self.reaches(to, from, now_ms)))
            }
        };
        let at = &one.at;
        match (answer, packets) {
            (Answer::Open(_), _) => (self.behind(&one.goal), true, true),
            // Outside nobody listens for us: who refuses was reached.
            (Answer::Refused, _) if one.goal == Goal::Outside => (Said::Good, true, true),
            (Answer::Refused, _) => (Said::Bad(format!("{at}: connection refused")), true, true),
            (_, (Some(true), Some(false))) => (Said::Bad(format!("{at}: packets arrive, answers do not come back")), true, false),
            (_, (Some(false), Some(true))) => (Said::Bad(format!("{at}: packets do not arrive")), false, true),
            (Answer::NoRoute, _) => (Said::Bad(format!("{at}: no route")), false, false),
            (Answer::Late, (Some(true), Some(true))) if one.at.port.is_some() => {
                (Said::Bad(format!("{at}: no answer, though packets pass: somebody drops those to this port")), false, false)
            }
            (_, (Some(true), Some(true))) => (self.behind(&one.goal), true, true),
            (Answer::Unknown, (None, None)) => (self.behind(&one.goal), true, true),
            _ => (Said::Bad(format!("{at}: no answer in time")), false, false),
        }
    }

    /// Whether what answers there is well, as it says itself.
    fn behind(&self, goal: &Goal) -> Said {
        match self.line_of(goal) {
            Some((at, Some(line))) if !super::serves(line.steady.health()) => {
                Said::Bad(format!("answers, but {at} is down: {}", line.steady.reason()))
            }
            _ => Said::Good,
        }
    }

    /// Whether the service there has not said anything yet.
    fn is_unheard(&self, goal: &Goal) -> bool {
        self.line_of(goal).is_some_and(|(_, line)| line.is_none_or(|line| line.told == Health::Unknown && !line.steady.is_known()))
    }

    /// The service at the end of a flow, and what it says of itself.
    fn line_of(&self, goal: &Goal) -> Option<(ServiceRef, Option<&Line>)> {
        let at = match goal {
            Goal::Service(at) => at.clone(),
            Goal::Vip(vip) => {
                let token = self.tokens.get(vip)?;
                ServiceRef { node: token.holders.first()?.clone(), service: token.follows.clone()? }
            }
            Goal::Node(_) | Goal::Outside => return None,
        };
        let slug = self.names.get(&(at.node.clone(), at.service.clone()))?;
        let line = self.pages.get(&at.node).and_then(|page| page.lines.get(slug));
        Some((at, line))
    }

    /// Fills in what is known now.
    pub fn fill(&mut self, seen: &mut Observed) {
        let now_ms = seen.at_ms;
        self.tell_powers(seen);
        self.find_holders(now_ms);
        for (name, node) in &mut seen.nodes {
            fill_node(node, self.pages.get(name), now_ms, |service| self.names.get(&(name.clone(), service.clone())));
        }
        addresses::fill(seen, &self.tokens, &self.pages, &self.homes);
        seen.flows = self.flows.iter().enumerate().map(|(place, flow)| self.show(place, flow, seen)).collect();
        seen.clusters = clusters(seen);
        // While a member has not been heard of, nobody can say what its cluster has come to.
        let unheard: Vec<&ClusterName> = seen
            .nodes
            .values()
            .flat_map(|node| node.services.values())
            .filter(|service| service.health == Health::Unknown)
            .filter_map(|service| service.spec.as_ref()?.cluster.as_ref().map(|(name, _)| name))
            .collect();
        for (name, cluster) in seen.clusters.iter().filter(|(name, _)| !unheard.contains(name)) {
            let before = self.states.insert(name.clone(), cluster.state);
            if let Some(before) = before.filter(|before| *before != cluster.state) {
                let (kind, text) = match cluster.state {
                    ClusterState::Whole => (EventKind::Primary, "is whole again"),
                    ClusterState::Partial if before == ClusterState::Whole => (EventKind::Left, "misses members and works on"),
                    ClusterState::Partial => (EventKind::Primary, "may work again, and misses members"),
                    ClusterState::Stopped => (EventKind::QuorumLost, "stops: no part may work"),
                    ClusterState::Split => (EventKind::NonPrimary, "is in parts that do not see each other"),
                };
                let event = Event { at_ms: now_ms, subject: Subject::Cluster(name.clone()), kind, text: text.to_owned() };
                self.events.push_back(event);
            }
        }
    }

    fn show(&self, place: usize, flow: &Flow, seen: &Observed) -> ObservedFlow {
        let nothing =
            |health, reason: String| ObservedFlow { id: flow.into(), health, forward: false, backward: false, latency_ms: None, reason };
        let off = flow.from.node().filter(|node| seen.nodes.get(*node).is_none_or(|there| there.power != Power::Running));
        if let Some(node) = off {
            return nothing(Health::Down, format!("{node} does not run"));
        }
        if let Endpoint::Vip(vip) = &flow.from
            && seen.vips.get(vip).is_none_or(|vip| vip.holders.is_empty())
        {
            return nothing(Health::Down, format!("nobody holds {vip}"));
        }
        let one = self.tries.iter().find(|one| one.flow == place);
        let stale_ms = one.map_or(STALE_MS, |one| self.stale_ms(one));
        let way = self.ways.get(place).filter(|way| way.at_ms.is_some_and(|at_ms| seen.at_ms.saturating_sub(at_ms) <= stale_ms));
        let Some(way) = way else {
            let why = if one.is_some() { "nobody has tried it lately" } else { "it cannot be tried: one of its ends is not set up" };
            return nothing(Health::Unknown, why.to_owned());
        };
        let (mut health, mut reason) = (way.steady.health(), way.steady.reason().to_owned());
        // What answers a connection may be a forward or a process that hangs: the service's own state decides, as it is known now.
        if let Some(one) = one.filter(|_| health == Health::Healthy) {
            match (self.behind(&one.goal), &one.from) {
                (Said::Bad(why), _) => (health, reason) = (Health::Down, why),
                (_, Start::Outside) if self.is_unheard(&one.goal) => {
                    return nothing(Health::Unknown, "it answers, and the service behind it has not been heard of yet".to_owned());
                }
                _ => {}
            }
        }
        if let Some(found) = way.lately.evaluate(seen.at_ms).filter(|_| health == Health::Healthy) {
            (health, reason) = found;
        }
        ObservedFlow { id: flow.into(), health, forward: way.forward, backward: way.backward, latency_ms: way.latency_ms, reason }
    }
}

/// What was dialled: packets alone go to no port.
#[cfg(test)]
mod tests;
