//! BEAM meshes: nodes of one cluster all see each other, and gateways join meshes.
//!
//! Who cannot connect is refused for a reason that is named: cookie, long or short names, TLS on one side only.

use super::{
    event::{Cause, EventKind},
    table::ServiceId,
    time::{SECOND, Tick},
    world::World,
};
use crate::{
    catalog::Behaviour,
    model::{Endpoint, Value},
};
use serde::{Deserialize, Serialize};

/// Time between two looks at the mesh, and between two tries to connect.
const MESH_US: u64 = SECOND;

/// Two nodes that should see each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pair {
    pub(super) one: ServiceId,
    pub(super) other: ServiceId,
    pub(super) connected: bool,
    /// When the one that hears nothing of the other gives it up; `None`: they hear each other.
    #[serde(default)]
    given_up_us: Option<u64>,
}

/// All pairs of all meshes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Mesh {
    pub(super) pairs: Vec<Pair>,
    ticking: bool,
}

impl World {
    /// Works out which nodes should see each other: all of one cluster, and gateways that a flow joins.
    pub(super) fn find_pairs(&mut self) {
        let mut wanted = Vec::new();
        let beams: Vec<ServiceId> =
            self.services.iter().filter(|(_, row)| row.is_installed() && row.behaviour.is_beam()).map(|(id, _)| id).collect();
        for one in &beams {
            for other in beams.iter().filter(|other| *other > one) {
                let (a, b) = (&self.services[*one], &self.services[*other]);
                let one_mesh = a.cluster.is_some() && a.cluster == b.cluster;
                let gateways = a.behaviour == Behaviour::BeamGateway && b.behaviour == Behaviour::BeamGateway;
                if one_mesh || (gateways && (self.flows_to(*one, *other) || self.flows_to(*other, *one))) {
                    wanted.push((*one, *other));
                }
            }
        }
        let before = std::mem::take(&mut self.mesh.pairs);
        self.mesh.pairs = wanted
            .into_iter()
            .map(|(one, other)| {
                let known = before.iter().find(|pair| pair.one == one && pair.other == other).copied();
                known.unwrap_or(Pair { one, other, connected: false, given_up_us: None })
            })
            .collect();
        if !self.mesh.pairs.is_empty() && !std::mem::replace(&mut self.mesh.ticking, true) {
            self.plan(MESH_US, Tick::Mesh);
        }
    }

    fn flows_to(&self, from: ServiceId, to: ServiceId) -> bool {
        let Some(spec) = &self.services[from].spec else { return false };
        let target = self.reference(to);
        spec.upstreams.iter().any(|upstream| match upstream.to.parse() {
            Ok(Endpoint::Service(at)) => at == target,
            Ok(Endpoint::Node(node)) => node == target.node,
            _ => false,
        })
    }

    /// Why two nodes cannot see each other; `Ok`: they can.
    pub(super) fn beam_meets(&self, one: ServiceId, other: ServiceId) -> Result<(), Cause> {
        self.works(one)?;
        self.works(other)?;
        if !self.members_meet(one, other) {
            return Err(Cause::NoRoute);
        }
        let (a, b) = (&self.services[one], &self.services[other]);
        let secret = |row: &super::service::Svc| row.spec.as_ref().and_then(|spec| spec.secrets.get("cookie").cloned());
        let text = |row: &super::service::Svc, name: &str| match row.spec.as_ref().and_then(|spec| spec.settings.get(name)) {
            Some(Value::Text(text)) => text.clone(),
            _ => "long".to_owned(),
        };
        if a.wrong_cookie != b.wrong_cookie || (a.wrong_cookie && b.wrong_cookie) || secret(a) != secret(b) {
            return Err(Cause::Cookie);
        }
        if text(a, "names") != text(b, "names") {
            return Err(Cause::Names);
        }
        if a.flag("tls").unwrap_or(true) != b.flag("tls").unwrap_or(true) {
            return Err(Cause::Tls);
        }
        Ok(())
    }

    /// Nodes look for each other.
    pub(super) fn mesh_tick(&mut self) {
        if self.mesh.pairs.is_empty() {
            self.mesh.ticking = false;
            return;
        }
        self.plan(MESH_US, Tick::Mesh);
        let now_us = self.clock.now_us;
        let mut pairs = std::mem::take(&mut self.mesh.pairs);
        for pair in &mut pairs {
            let meets = self.beam_meets(pair.one, pair.other);
            let was = pair.connected;
            match meets {
                Ok(()) => {
                    pair.connected = true;
                    pair.given_up_us = None;
                }
                // Silence on the wire is noticed late; a process that ends closes its connections.
                Err(Cause::NoRoute | Cause::MachineOff | Cause::Hung) if was => {
                    let tick_us = self.services[pair.one].timing.net_tick_us;
                    let given_up_us = match pair.given_up_us {
                        Some(at_us) => at_us,
                        // Between T - T/4 and T + T/4 (Erlang, kernel application, net_ticktime).
                        None => now_us + tick_us * 3 / 4 + self.rng.below(tick_us / 2),
                    };
                    pair.given_up_us = Some(given_up_us);
                    pair.connected = now_us < given_up_us;
                }
                Err(_) => pair.connected = false,
            }
            if was != pair.connected {
                let other = self.reference(pair.other).to_string();
                let text = match meets {
                    Ok(()) => format!("sees {other}"),
                    Err(cause) => format!("no longer sees {other}: {}", cause.text()),
                };
                self.tell(self.subject(pair.one), EventKind::Mesh, text);
            }
        }
        self.mesh.pairs = pairs;
    }

    /// The first of a node's connections that is missing, and why.
    pub(super) fn mesh_gap(&self, service: ServiceId) -> Option<Cause> {
        let mine = self.mesh.pairs.iter().filter(|pair| pair.one == service || pair.other == service);
        mine.filter(|pair| !pair.connected).map(|pair| self.beam_meets(pair.one, pair.other).err().unwrap_or(Cause::Split)).next()
    }
}
