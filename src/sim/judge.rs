//! How well each sort of service is, as its own probe on its node would say.

use super::{
    app::Calls,
    cluster::Standing,
    event::{Cause, Why},
    network::{Caller, Dial},
    observe::Verdict,
    service::Svc,
    table::{ClusterId, ServiceId},
    world::World,
};
use crate::{
    catalog::{Audience, Behaviour, Catalog, Entry, Port},
    model::{ClusterState, Endpoint, ObservedCluster, ServiceRef, ServiceSpec, Upstream},
};
use std::collections::{BTreeMap, BTreeSet};

/// Services whose wiring is out of date.
#[derive(Debug, Clone, Default)]
pub(super) struct Unwired {
    services: BTreeSet<ServiceId>,
    /// The same, as upstreams name them.
    names: BTreeSet<String>,
    /// Whether BEAM nodes are among them.
    beams: bool,
}

impl World {
    /// What a probe of a service says now.
    pub(super) fn judge(&self, service: ServiceId) -> Verdict {
        if let Err(cause) = self.works(service) {
            return Verdict::Bad(cause.into());
        }
        let row = &self.services[service];
        match row.behaviour {
            Behaviour::Galera => match self.commits(service) {
                Ok(()) => Verdict::Good,
                Err(cause @ (Cause::NonPrimary | Cause::Transferring)) => Verdict::Bad(cause.into()),
                Err(cause) => Verdict::Poor(cause.into()),
            },
            Behaviour::Arbitrator => {
                if_any(self.standing(service).filter(|standing| *standing != Standing::Synced).map(|_| Cause::NonPrimary.into()))
            }
            Behaviour::Balancer => self.judge_balancer(row),
            Behaviour::Web => self.judge_web(service),
            Behaviour::Beam | Behaviour::BeamGateway => if_any(self.mesh_gap(service).map(Why::from)),
            Behaviour::Database | Behaviour::Cache => match self.replication_gap(row) {
                Some(why) if why.cause == Cause::OtherKind => Verdict::Bad(why),
                gap => if_any(gap),
            },
            Behaviour::Sync => if_any(self.partner_gap(service)),
            // These do their work without what they may call.
            Behaviour::Names | Behaviour::Clock | Behaviour::Shell | Behaviour::Exporter | Behaviour::Directory => Verdict::Good,
            _ => if_any(self.needs_gap(service)),
        }
    }

    pub(super) fn standing(&self, service: ServiceId) -> Option<Standing> {
        let cluster = self.services[service].cluster?;
        Some(self.clusters[cluster].voter(service)?.standing)
    }

    /// Why a service that was started is not ready yet.
    pub(super) fn unready(&self, service: ServiceId) -> Option<Why> {
        match self.works(service) {
            Err(cause) => Some(cause.into()),
            Ok(()) => match self.standing(service)? {
                Standing::Synced => None,
                Standing::Joining => Some(Cause::Transferring.into()),
                Standing::Out | Standing::Waiting => Some(Cause::NonPrimary.into()),
            },
        }
    }

    /// The first of a service's needs from which nothing useful comes back, and why.
    fn needs_gap(&self, service: ServiceId) -> Option<Why> {
        let row = &self.services[service];
        let others = row.needs.iter().take(row.needs.len() - row.calls.databases.min(row.needs.len()));
        others.into_iter().find_map(|upstream| self.upstream_gap(service, *upstream)).or_else(|| self.databases_gap(service))
    }

    /// Whether something useful comes back from an upstream; if not, why.
    pub(super) fn upstream_gap(&self, service: ServiceId, upstream: usize) -> Option<Why> {
        let row = &self.services[service];
        let at = row.spec.as_ref()?.upstreams.get(upstream)?.at;
        match self.dial(Caller::Machine(row.machine), at) {
            Dial::Open { service: target, port, .. } => {
                let result = self
                    .answers(target, port)
                    .and_then(|()| self.trusts(service, target, port))
                    .and_then(|()| self.login_gap(service, target));
                // One that is refused knows at once; one that gets no answer waits.
                let waits_ms = |cause| if cause == Cause::Hung { row.timing.gives_up_ms } else { 0 };
                result.err().map(|cause| Why { at: Some(at), waits_ms: waits_ms(cause), ..cause.into() })
            }
            Dial::Silent(why) => Some(Why { waits_ms: row.timing.gives_up_ms, ..why }),
            Dial::Refused(why) | Dial::Unreachable(why) => Some(why),
        }
    }

    /// Whether a caller takes the certificate that it is shown. Only logins make a new connection each time and check it by the clock:
    /// the other recipes verify no certificate, or keep their connections.
    fn trusts(&self, caller: ServiceId, target: ServiceId, port: u16) -> Result<(), Cause> {
        let row = &self.services[caller];
        let checks = row.behaviour == Behaviour::Login && self.machines[row.machine].strain.is_before_certificates();
        if checks && self.shows_certificate(target, port) { Err(Cause::NotYetValid) } else { Ok(()) }
    }

    /// Whether a service answers at one of its ports. A page for administrators is there without what clients come for.
    pub(super) fn answers(&self, service: ServiceId, port: u16) -> Result<(), Cause> {
        if self.is_for_clients(service, port) { self.serves(service) } else { self.works(service) }
    }

    /// Whether a port of a service is for those who use it; so is one that the catalog does not know.
    pub(super) fn is_for_clients(&self, service: ServiceId, port: u16) -> bool {
        self.port_of(service, port).is_none_or(|(port, ..)| port.audience != Audience::Admin)
    }

    /// Whether a port of a service is one at which clients see its certificate.
    pub(super) fn shows_certificate(&self, service: ServiceId, port: u16) -> bool {
        self.port_of(service, port).is_none_or(|(port, entry, spec)| entry.shows_certificate(spec, port))
    }

    fn port_of(&self, service: ServiceId, port: u16) -> Option<(&'static Port, &'static Entry, &ServiceSpec)> {
        let spec = self.services[service].spec.as_ref()?;
        let entry = Catalog::embedded().get(&spec.kind)?;
        let name = entry.ports.iter().find(|known| spec.listen.get(&known.name).is_some_and(|all| all.iter().any(|at| at.port() == port)));
        Some((name?, entry, spec))
    }

    /// Whether a service answers what it is asked.
    pub(super) fn serves(&self, service: ServiceId) -> Result<(), Cause> {
        self.works(service)?;
        match self.services[service].behaviour {
            Behaviour::Galera => self.commits(service),
            Behaviour::Balancer if self.services[service].balancer.up() == 0 => Err(Cause::NoServer),
            _ => Ok(()),
        }
    }

    fn judge_balancer(&self, row: &Svc) -> Verdict {
        let (up, all) = (row.balancer.up(), row.balancer.servers.len());
        if up == 0 {
            return Verdict::Bad(Cause::NoServer.into());
        }
        let down = row.balancer.servers.iter().position(|server| !server.up);
        let at = down.and_then(|place| row.spec.as_ref()?.upstreams.get(place)).map(|upstream| upstream.at);
        if up == all { Verdict::Good } else { Verdict::Poor(Why { at, ..Cause::Needs.into() }) }
    }

    fn judge_web(&self, service: ServiceId) -> Verdict {
        let behind = &self.services[service].passes_to;
        let gaps: Vec<Why> = behind.iter().filter_map(|upstream| self.upstream_gap(service, *upstream)).collect();
        match gaps.first() {
            None => Verdict::Good,
            Some(why) if gaps.len() == behind.len() => Verdict::Bad(*why),
            Some(why) => Verdict::Poor(*why),
        }
    }

    fn replication_gap(&self, row: &Svc) -> Option<Why> {
        let primary = row.spec.as_ref()?.replica_of.as_ref()?;
        let Some(primary) = self.service_at(primary) else { return Some(Cause::Behind.into()) };
        let kind = |row: &Svc| row.spec.as_ref().map(|spec| spec.kind.clone());
        if kind(row) != kind(&self.services[primary]) {
            return Some(Cause::OtherKind.into());
        }
        let main = self.services[primary].main_port.as_deref().unwrap_or_default();
        let caller = Caller::Machine(row.machine);
        let reached = self
            .addresses_of(primary, main)
            .into_iter()
            .any(|at| matches!(self.dial(caller, at), Dial::Open { service, .. } if service == primary));
        (!reached || self.works(primary).is_err()).then_some(Cause::Behind.into())
    }

    fn partner_gap(&self, service: ServiceId) -> Option<Why> {
        let cluster = self.services[service].cluster?;
        let others = self.clusters[cluster].members.iter().filter(|other| **other != service);
        others.into_iter().any(|other| !self.members_meet(service, *other)).then_some(Cause::Split.into())
    }

    /// A service was set up, or is about to be removed: its wiring, and that of services that call it, is out of date. It is worked
    /// out before it is next needed, for all changes since at once.
    pub(super) fn wiring_changed(&mut self, service: ServiceId) {
        let name = self.reference(service).to_string();
        self.unwired.beams |= self.services[service].behaviour.is_beam();
        self.unwired.names.insert(name);
        self.unwired.services.insert(service);
    }

    /// Works out the wiring that is out of date.
    pub(super) fn rewire_changed(&mut self) {
        if self.unwired.services.is_empty() {
            return;
        }
        let changed = std::mem::take(&mut self.unwired);
        let concerns = |id: ServiceId| {
            let calls = |spec: &ServiceSpec| spec.upstreams.iter().any(|upstream| changed.names.contains(&upstream.to));
            changed.services.contains(&id) || self.services[id].spec.as_ref().is_some_and(calls)
        };
        let ids: Vec<ServiceId> = self.services.ids().filter(|id| concerns(*id)).collect();
        self.rewire_each(&ids);
        self.find_entries();
        if changed.beams {
            self.find_pairs();
        }
    }

    /// Works out the wiring of all services.
    pub(super) fn rewire(&mut self) {
        self.unwired = Unwired::default();
        let ids: Vec<ServiceId> = self.services.ids().collect();
        self.rewire_each(&ids);
        self.find_entries();
        self.find_pairs();
    }

    /// Works out, for each of these services, which of its upstreams it needs and which it passes requests on to.
    fn rewire_each(&mut self, ids: &[ServiceId]) {
        let optional = self.optional_flows();
        for id in ids.iter().copied() {
            let Some(spec) = self.services[id].spec.clone() else { continue };
            let from = self.reference(id);
            let (mut needs, mut passes_to, mut passes_bytes) = (Vec::new(), Vec::new(), false);
            // The server that alone answers the path of administrators gets nothing else.
            let apart = self.services[id].text("admin_path").and_then(|_| self.services[id].text("admin_to")).map(ToOwned::to_owned);
            for (place, upstream) in spec.upstreams.iter().enumerate() {
                if optional.get(&upstream.to).is_some_and(|callers| callers.iter().any(|end| is_end(end, &from))) {
                    continue;
                }
                needs.push(place);
                let target = upstream.to.parse::<ServiceRef>().ok().and_then(|at| self.service_at(&at));
                let speaks_http = self.speaks_http(upstream, target);
                passes_bytes |= !speaks_http;
                if speaks_http && apart.as_ref() != Some(&upstream.to) {
                    passes_to.push(place);
                }
            }
            let is_app = self.services[id].behaviour == Behaviour::App;
            let calls = if is_app { self.order_calls(id, &mut needs) } else { Calls::default() };
            let row = &mut self.services[id];
            row.calls = calls;
            row.needs = needs;
            row.passes_to = passes_to;
            row.passes_bytes = passes_bytes;
        }
    }

    /// Whether what answers at an upstream speaks HTTP, by the kind that its caller's configuration knows.
    fn speaks_http(&self, upstream: &Upstream, target: Option<ServiceId>) -> bool {
        let kind = upstream.kind.clone().or_else(|| Some(self.services[target?].spec.as_ref()?.kind.clone()));
        kind.and_then(|kind| Catalog::embedded().get(&kind)).is_some_and(|entry| entry.speaks_http)
    }

    /// The flows that the contract says a caller can do without: their callers, by the text of their target.
    fn optional_flows(&self) -> BTreeMap<String, Vec<Endpoint>> {
        let mut optional: BTreeMap<String, Vec<Endpoint>> = BTreeMap::new();
        for watched in self.contract.iter().filter(|watched| watched.flow.optional) {
            optional.entry(watched.flow.to.to_string()).or_default().push(watched.flow.from.clone());
        }
        optional
    }

    /// A cluster as its members see it.
    pub(super) fn observe_cluster(&self, id: ClusterId) -> ObservedCluster {
        let cluster = &self.clusters[id];
        let (state, parts, apart) = if cluster.voters.is_empty() {
            self.observe_mesh(id)
        } else {
            let (state, parts) = self.observe_voters(id);
            (state, parts, Vec::new())
        };
        let named = |part: Vec<ServiceId>| part.into_iter().map(|service| self.reference(service)).collect();
        let apart = apart.into_iter().map(|(one, other)| (self.reference(one), self.reference(other))).collect();
        ObservedCluster { state, parts: parts.into_iter().map(named).collect(), size: cluster.members.len(), apart }
    }

    fn observe_voters(&self, id: ClusterId) -> (ClusterState, Vec<Vec<ServiceId>>) {
        let cluster = &self.clusters[id];
        let mut parts: Vec<(bool, u64, Vec<ServiceId>)> = Vec::new();
        for voter in cluster.voters.iter().filter(|voter| voter.standing != Standing::Out && self.works(voter.service).is_ok()) {
            let primary = voter.standing != Standing::Waiting;
            match parts.iter_mut().find(|(_, view, _)| *view == voter.view && voter.view != 0) {
                Some((_, _, part)) => part.push(voter.service),
                None => parts.push((primary, voter.view, vec![voter.service])),
            }
        }
        parts.sort_by_key(|(primary, view, _)| (!primary, *view));
        let all_synced = cluster.voters.iter().all(|voter| voter.standing == Standing::Synced);
        let state = match self.primary_views(id).len() {
            0 if !self.has_primary(id) => ClusterState::Stopped,
            0 | 1 if parts.len() == 1 && all_synced && parts.iter().all(|(_, _, part)| part.len() == cluster.members.len()) => {
                ClusterState::Whole
            }
            0 | 1 => ClusterState::Partial,
            _ => ClusterState::Split,
        };
        (state, parts.into_iter().map(|(_, _, part)| part).collect())
    }

    /// The views in which somebody with data can commit now. More than one means that data go apart.
    pub(super) fn primary_views(&self, id: ClusterId) -> Vec<u64> {
        let cluster = &self.clusters[id];
        let mut views: Vec<u64> = cluster
            .voters
            .iter()
            .filter(|voter| self.services[voter.service].behaviour == Behaviour::Galera && self.serves(voter.service).is_ok())
            .map(|voter| voter.view)
            .collect();
        views.sort_unstable();
        views.dedup();
        views
    }

    fn observe_mesh(&self, id: ClusterId) -> (ClusterState, Vec<Vec<ServiceId>>, Vec<(ServiceId, ServiceId)>) {
        let cluster = &self.clusters[id];
        let mut left: Vec<ServiceId> = cluster.members.iter().copied().filter(|member| self.works(*member).is_ok()).collect();
        // What nodes say of each other: one that was cut off is missed when its silence has lasted.
        let ours = self.mesh.pairs.iter().filter(|pair| pair.connected && self.services[pair.one].cluster == Some(id));
        let seen: BTreeSet<(ServiceId, ServiceId)> = ours.map(|pair| (pair.one, pair.other)).collect();
        let sees = |one: ServiceId, other: ServiceId| {
            if !self.services[one].behaviour.is_beam() {
                return self.members_meet(one, other);
            }
            seen.contains(&(one.min(other), one.max(other)))
        };
        let apart = self.mesh.pairs.iter().filter(|pair| {
            let is_here = |service: ServiceId| self.services[service].cluster == Some(id) && self.works(service).is_ok();
            !pair.connected && is_here(pair.one) && is_here(pair.other)
        });
        let apart: Vec<(ServiceId, ServiceId)> = apart.map(|pair| (pair.one, pair.other)).collect();
        let mut parts = Vec::new();
        while let Some(first) = left.first().copied() {
            let mut part = vec![first];
            let mut next = 0;
            while let Some(one) = part.get(next).copied() {
                next += 1;
                let found: Vec<ServiceId> = left.iter().copied().filter(|other| !part.contains(other) && sees(one, *other)).collect();
                part.extend(found);
            }
            left.retain(|one| !part.contains(one));
            part.sort_unstable();
            parts.push(part);
        }
        parts.sort_by_key(|part: &Vec<ServiceId>| std::cmp::Reverse(part.len()));
        let state = match parts.as_slice() {
            [] => ClusterState::Stopped,
            [all] if all.len() == cluster.members.len() => ClusterState::Whole,
            [_] => ClusterState::Partial,
            _ => ClusterState::Split,
        };
        (state, parts, apart)
    }
}

/// Whether a flow's caller is this service, or its node.
fn is_end(end: &Endpoint, service: &ServiceRef) -> bool {
    match end {
        Endpoint::Node(node) => *node == service.node,
        Endpoint::Service(at) => at == service,
        Endpoint::Outside | Endpoint::Vip(_) => false,
    }
}

fn if_any(why: Option<Why>) -> Verdict {
    why.map_or(Verdict::Good, Verdict::Poor)
}
