//! Services: installed, starting, running, stopped, dead; and how systemd brings back what died.

use super::{
    app::{Calls, Login, logins},
    balancer::Balancer,
    event::{Cause, EventKind},
    observe::Verdicts,
    table::{ClusterId, MachineId, ServiceId},
    time::{MS, SECOND, Tick},
    timing::Timing,
    world::World,
};
use crate::{
    catalog::{Audience, Behaviour, Entry, Protocol},
    model::{ServiceName, ServiceRef, ServiceSpec, Value},
};
use serde::{Deserialize, Serialize};
use std::net::SocketAddrV4;

/// What a service's process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// There is none.
    Stopped,
    /// It gets ready.
    Starting,
    /// It works.
    Running,
    /// It died; systemd will start it again.
    Dead,
}

/// A socket that a process opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Socket {
    at: SocketAddrV4,
    is_udp: bool,
}

impl Socket {
    /// Whether the second of two such gets EADDRINUSE (bind(2), ip(7)).
    fn excludes(self, other: Self) -> bool {
        let one_address = self.at.ip() == other.at.ip() || self.at.ip().is_unspecified() || other.at.ip().is_unspecified();
        self.is_udp == other.is_udp && self.at.port() == other.at.port() && one_address
    }
}

/// One service. A removed one keeps its row, without a specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Svc {
    pub(super) machine: MachineId,
    pub(super) name: ServiceName,
    pub(super) spec: Option<ServiceSpec>,
    pub(super) behaviour: Behaviour,
    /// The catalog's name of its main port.
    pub(super) main_port: Option<String>,
    pub(super) start_us: u64,
    pub(super) phase: Phase,
    /// Whether it holds its sockets and does nothing.
    pub(super) hung: bool,
    /// Whether it starts when its machine boots.
    pub(super) enabled: bool,
    pub(super) generation: u32,
    pub(super) verdicts: Verdicts,
    /// Its cluster, and the catalog's name of the port that members call.
    pub(super) cluster: Option<ClusterId>,
    pub(super) cluster_port: Option<String>,
    pub(super) wrong_cookie: bool,
    /// Whether what other nodes send to its ports is dropped.
    #[serde(default)]
    pub(super) blocked: bool,
    /// Whether its certificate is out of date.
    #[serde(default)]
    pub(super) expired: bool,
    /// Whether it loses what it keeps as its process ends, how often it has, and whether that was not told yet.
    #[serde(default)]
    pub(super) forgets: bool,
    #[serde(default)]
    pub(super) forgot: u32,
    #[serde(default)]
    pub(super) is_empty: bool,
    /// Whether it keeps data, and so needs room on the disk.
    #[serde(default)]
    pub(super) keeps_data: bool,
    /// What its recipe and its settings configure in numbers.
    #[serde(default)]
    pub(super) timing: Timing,
    /// The sockets that its process opens.
    #[serde(default)]
    pub(super) sockets: Vec<Socket>,
    /// Why its process ended when it was last started; `None`: it did not.
    #[serde(default)]
    pub(super) start_failed: Option<Cause>,
    /// How it is set up once its promotion, or its change to another primary, is done.
    #[serde(default)]
    pub(super) becomes: Option<Box<ServiceSpec>>,
    pub(super) balancer: Balancer,
    /// Whether it passes bytes on without understanding them: one of its upstreams speaks no HTTP.
    #[serde(default)]
    pub(super) passes_bytes: bool,
    /// Which upstreams it cannot do without, and which it passes requests on to.
    pub(super) needs: Vec<usize>,
    pub(super) passes_to: Vec<usize>,
    /// Of an application: which of those it needs are a store and databases.
    #[serde(default)]
    pub(super) calls: Calls,
    /// With what it logs in where its flows lead.
    #[serde(default)]
    pub(super) logins: Vec<Login>,
    /// Whose turn it is among those.
    pub(super) turn: usize,
}

impl Svc {
    pub(super) fn new(machine: MachineId, name: ServiceName) -> Self {
        Self {
            machine,
            name,
            spec: None,
            behaviour: Behaviour::App,
            main_port: None,
            start_us: SECOND,
            phase: Phase::Stopped,
            hung: false,
            enabled: false,
            generation: 0,
            verdicts: Verdicts::default(),
            cluster: None,
            cluster_port: None,
            wrong_cookie: false,
            blocked: false,
            expired: false,
            forgets: false,
            forgot: 0,
            is_empty: false,
            keeps_data: false,
            timing: Timing::default(),
            sockets: Vec::new(),
            start_failed: None,
            becomes: None,
            balancer: Balancer::default(),
            passes_bytes: false,
            needs: Vec::new(),
            passes_to: Vec::new(),
            calls: Calls::default(),
            logins: Vec::new(),
            turn: 0,
        }
    }

    /// Takes what the catalog says about its kind.
    pub(super) fn set_up(&mut self, spec: ServiceSpec, entry: Option<&Entry>) {
        self.behaviour = entry.map_or(Behaviour::App, |entry| entry.behaviour);
        self.keeps_data = entry.is_some_and(|entry| entry.keeps_data);
        self.main_port = entry.and_then(|entry| entry.ports.first()).map(|port| port.name.clone());
        let for_cluster = |entry: &&crate::catalog::Port| entry.audience == Audience::Cluster;
        self.cluster_port = entry.and_then(|entry| entry.ports.iter().find(for_cluster)).map(|port| port.name.clone());
        self.start_us = entry.map_or(SECOND, |entry| u64::from(entry.start_ms) * MS);
        self.timing = Timing::of(&spec, entry);
        self.forgets = entry.is_some_and(|entry| entry.forgets_all(&spec));
        self.logins = entry.map(|entry| logins(&spec, entry)).unwrap_or_default();
        self.sockets = entry.map(|entry| sockets(entry, &spec)).unwrap_or_default();
        self.spec = Some(spec);
    }

    pub(super) fn is_installed(&self) -> bool {
        self.spec.is_some()
    }

    /// Whether its process is there.
    pub(super) fn holds_memory(&self) -> bool {
        self.is_installed() && matches!(self.phase, Phase::Starting | Phase::Running)
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.enabled && self.is_installed()
    }

    /// A yes or no that is set, or else this.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.spec.as_ref().and_then(|spec| spec.settings.get(name)) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// A text that is set and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.spec.as_ref().and_then(|spec| spec.settings.get(name)) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Whether it keeps data and takes no writes: a replica that was not promoted, or one that is set so.
    pub(super) fn is_read_only(&self) -> bool {
        let is_replica = self.spec.as_ref().is_some_and(|spec| spec.replica_of.is_some());
        self.behaviour == Behaviour::Database && (is_replica || self.flag("read_only") == Some(true))
    }

    /// The addresses and the port of its main port.
    pub(super) fn main_listen(&self) -> &[std::net::SocketAddrV4] {
        let listen = self.spec.as_ref().zip(self.main_port.as_ref()).and_then(|(spec, main)| spec.listen.get(main));
        listen.map_or(&[], Vec::as_slice)
    }

    /// Its main port's number; a port forwarder's is the port of its first rule.
    pub(super) fn port(&self) -> Option<u16> {
        let forwarded = || self.rules().next().map(|(port, _)| port);
        self.main_listen().first().map(std::net::SocketAddrV4::port).or_else(forwarded)
    }

    /// A port forwarder's rules, written `PORT:NODE/SERVICE`: ports and what they lead to.
    pub(super) fn rules(&self) -> impl Iterator<Item = (u16, &str)> {
        let forwards = self.behaviour == Behaviour::PortForward;
        let rules = match self.spec.as_ref().and_then(|spec| spec.settings.get("rules")) {
            Some(Value::List(rules)) if forwards => rules.as_slice(),
            _ => &[],
        };
        rules.iter().filter_map(|rule| rule.split_once(':')).filter_map(|(port, to)| Some((port.parse().ok()?, to)))
    }

    /// The process is gone, at once.
    pub(super) fn die(&mut self) {
        if self.forgets && self.phase == Phase::Running {
            self.forgot += 1;
            self.is_empty = true;
        }
        self.phase = Phase::Stopped;
        self.hung = false;
        self.start_failed = None;
        self.becomes = None;
        self.generation += 1;
    }
}

/// What is lost with what a service kept in memory.
pub(super) fn forgotten(users: &[ServiceRef]) -> String {
    match users {
        [] => "what it kept in memory is lost".to_owned(),
        users => format!("the sessions of {} are lost", users.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// The sockets that a service of a kind opens itself: none that one listener of the node opens for all.
fn sockets(entry: &Entry, spec: &ServiceSpec) -> Vec<Socket> {
    // A port forwarder's ports are rules of the firewall, and no sockets.
    if entry.behaviour == Behaviour::PortForward {
        return Vec::new();
    }
    let own = entry.listening(spec).filter(|(port, _)| !port.shared);
    own.map(|(port, at)| Socket { at, is_udp: port.protocol == Protocol::Udp }).collect()
}

impl World {
    /// Whether the process is there and works; it may still have nothing useful to say.
    pub(super) fn works(&self, service: ServiceId) -> Result<(), Cause> {
        let row = &self.services[service];
        if !row.is_installed() {
            return Err(Cause::Missing);
        }
        if !self.machines[row.machine].is_alive() {
            return Err(Cause::MachineOff);
        }
        match row.phase {
            Phase::Stopped | Phase::Dead => Err(row.start_failed.unwrap_or(Cause::NotRunning)),
            Phase::Starting => Err(row.start_failed.unwrap_or(Cause::Starting)),
            Phase::Running if row.hung => Err(Cause::Hung),
            Phase::Running if row.keeps_data && self.machines[row.machine].disk_full => Err(Cause::DiskFull),
            Phase::Running => Ok(()),
        }
    }

    /// Starts the process. Does nothing where it is there already.
    pub(super) fn begin_start(&mut self, service: ServiceId) -> u64 {
        if matches!(self.services[service].phase, Phase::Starting | Phase::Running) {
            return 0;
        }
        self.take_memory(service);
        let start_us = self.rng.around(self.services[service].start_us);
        let row = &mut self.services[service];
        row.phase = Phase::Starting;
        row.hung = false;
        row.generation += 1;
        let generation = row.generation;
        self.plan(start_us, Tick::Ready(service, generation));
        start_us
    }

    pub(super) fn ready(&mut self, service: ServiceId) {
        if let Some(other) = self.port_taken_by(service) {
            return self.start_fails(service, other);
        }
        self.services[service].start_failed = None;
        self.services[service].phase = Phase::Running;
        let text = format!("{} runs", self.services[service].name);
        self.tell(self.subject(service), EventKind::Started, text);
        self.forget_kill(service);
        if std::mem::take(&mut self.services[service].is_empty) {
            let text = format!("{} starts empty: {}", self.services[service].name, forgotten(&self.users_of(service)));
            self.tell(self.subject(service), EventKind::Started, text);
        }
        match self.services[service].behaviour {
            Behaviour::Balancer => self.balancer_up(service),
            behaviour if behaviour.votes() => self.member_up(service),
            _ => {}
        }
    }

    /// The service of the same machine that has one of the sockets that this one wants.
    fn port_taken_by(&self, service: ServiceId) -> Option<ServiceId> {
        let row = &self.services[service];
        let others = self.machines[row.machine].services.iter().copied().filter(|other| *other != service);
        others.into_iter().find(|other| {
            let other = &self.services[*other];
            let excludes = |one: &Socket| other.sockets.iter().any(|there| one.excludes(*there));
            other.is_installed() && other.phase == Phase::Running && row.sockets.iter().any(excludes)
        })
    }

    /// The process ends because a socket is taken; systemd tries again and again.
    fn start_fails(&mut self, service: ServiceId, other: ServiceId) {
        let first = self.services[service].start_failed.is_none();
        let row = &mut self.services[service];
        row.phase = Phase::Dead;
        row.start_failed = Some(Cause::PortTaken);
        let (restart_us, generation) = (row.timing.restart_us, row.generation);
        self.plan(restart_us, Tick::Revive(service, generation));
        if first {
            let text = format!("{} does not start: {} has its port", self.services[service].name, self.services[other].name);
            self.tell(self.subject(service), EventKind::Died, text);
        }
    }

    /// systemd's own restart: only if the machine is up and nobody stopped the service meanwhile.
    pub(super) fn start_again(&mut self, service: ServiceId) {
        let row = &self.services[service];
        if row.is_installed() && self.machines[row.machine].is_alive() {
            self.begin_start(service);
        }
    }

    /// Stops a service in good order: it says good-bye to its cluster.
    pub(super) fn stop_service(&mut self, service: ServiceId, why: &str) {
        if self.services[service].phase == Phase::Stopped {
            return;
        }
        self.member_leaves(service);
        self.forget_hang(service);
        self.services[service].die();
        let text = format!("{} stopped: {why}", self.services[service].name);
        self.tell(self.subject(service), EventKind::Stopped, text);
    }

    /// Kills a service; systemd starts it again after its own delay.
    pub(super) fn kill_service(&mut self, service: ServiceId) {
        if self.services[service].phase == Phase::Stopped {
            return;
        }
        self.member_gone(service);
        self.forget_hang(service);
        let row = &mut self.services[service];
        row.die();
        row.phase = Phase::Dead;
        let (revive_us, generation) = (row.timing.restart_us, row.generation);
        self.plan(revive_us, Tick::Revive(service, generation));
        let text = format!("{} was killed", self.services[service].name);
        self.tell(self.subject(service), EventKind::Died, text);
    }
}
