//! Galera: who is in which view, which view may work, and who copies the state from whom.
//!
//! A member knows what it has heard. A view works on (is *primary*) if it has more than half of the members of the
//! primary view before it; who leaves in good order no longer counts. Nobody makes a cluster out of nothing by itself.

use super::{
    event::{Cause, EventKind},
    network::{Caller, Dial},
    service::Phase,
    table::{ClusterId, MachineId, ServiceId},
    time::{MS, SECOND, Tick},
    world::{SimError, World},
};
use crate::{
    catalog::Behaviour,
    model::{ClusterName, Power, Subject},
};
use serde::{Deserialize, Serialize};

/// evs.inactive_check_period of our configuration: how often members look for each other.
const CHECK_US: u64 = 500 * MS;
/// evs.suspect_timeout and evs.inactive_timeout of our configuration, where a service sets none.
const SUSPECT_MS: u64 = 2000;
const INACTIVE_MS: u64 = 4000;
/// Copying the state: with the start it makes the 5.5 s of the testbed.
const TRANSFER_US: u64 = 2_700 * MS;
/// Time from the bootstrap of the first member to the start of the others when a cluster is recovered.
const RECOVER_STEP_US: u64 = 3_500 * MS;
/// Time after which a recovery that did not work is tried again.
const RECOVER_AGAIN_US: u64 = 20 * SECOND;
/// Time for stopping what hangs and finding the member with the newest state.
const RECOVER_LOOK_US: u64 = 1_000 * MS;

/// What a member can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Standing {
    /// It is in no view: its process does not run, or has not found anybody.
    Out,
    /// It runs, and its view is not primary.
    Waiting,
    /// Its view is primary, and it copies the state.
    Joining,
    /// Its view is primary, and it has all.
    Synced,
}

/// A member that votes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Voter {
    pub(super) service: ServiceId,
    pub(super) standing: Standing,
    /// The number of its view; 0 for none. Members of one view have one number.
    pub(super) view: u64,
    /// Who is in its view.
    pub(super) members: Vec<ServiceId>,
    /// The last primary view that it was in, and which one that was.
    last_primary: Vec<ServiceId>,
    last_primary_number: u64,
    /// When it last heard of each voter, in the order of the cluster's list.
    heard_us: Vec<u64>,
    /// Whether it is to make a new cluster when it is ready.
    pub(super) bootstrap: bool,
}

/// A group of services that work as one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    pub(super) name: ClusterName,
    /// All its members.
    pub(super) members: Vec<ServiceId>,
    /// Those that vote.
    pub(super) voters: Vec<Voter>,
    views: u64,
    /// Whether its ticks are planned.
    ticking: bool,
    told_lost: bool,
}

impl Cluster {
    pub(super) fn new(name: ClusterName) -> Self {
        Self { name, members: Vec::new(), voters: Vec::new(), views: 0, ticking: false, told_lost: false }
    }

    pub(super) fn voter(&self, service: ServiceId) -> Option<&Voter> {
        self.voters.iter().find(|voter| voter.service == service)
    }

    fn voter_mut(&mut self, service: ServiceId) -> Option<&mut Voter> {
        self.voters.iter_mut().find(|voter| voter.service == service)
    }

    /// Puts these members into one new view.
    fn install(&mut self, members: &[ServiceId], primary: Primary) -> u64 {
        self.views += 1;
        let number = self.views;
        for voter in self.voters.iter_mut().filter(|voter| members.contains(&voter.service)) {
            voter.view = number;
            voter.members = members.to_vec();
            match primary {
                Primary::Yes => {
                    voter.last_primary = members.to_vec();
                    voter.last_primary_number = number;
                }
                Primary::No => voter.standing = Standing::Waiting,
            }
        }
        number
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Primary {
    Yes,
    No,
}

impl World {
    /// Puts a service into its cluster; done when it is set up.
    pub(super) fn enroll(&mut self, service: ServiceId) {
        for cluster in self.clusters.rows_mut() {
            cluster.members.retain(|member| *member != service);
        }
        let name = self.services[service].spec.as_ref().and_then(|spec| spec.cluster.as_ref()).map(|(name, _)| name.clone());
        self.services[service].cluster = None;
        let Some(name) = name else { return };
        let known = self.clusters.find(|cluster| cluster.name == name);
        let id = known.unwrap_or_else(|| self.clusters.push(Cluster::new(name)));
        self.services[service].cluster = Some(id);
        let votes = self.services[service].behaviour.votes();
        let cluster = &mut self.clusters[id];
        cluster.members.push(service);
        cluster.members.sort_unstable();
        if votes && cluster.voter(service).is_none() {
            cluster.voters.push(Voter {
                service,
                standing: Standing::Out,
                view: 0,
                members: Vec::new(),
                last_primary: Vec::new(),
                last_primary_number: 0,
                heard_us: Vec::new(),
                bootstrap: false,
            });
            if !std::mem::replace(&mut cluster.ticking, true) {
                self.plan(CHECK_US, Tick::Membership(id));
            }
        }
    }

    /// A removed service votes no more.
    pub(super) fn expel(&mut self, service: ServiceId) {
        if let Some(id) = self.services[service].cluster.take() {
            let cluster = &mut self.clusters[id];
            cluster.members.retain(|member| *member != service);
            cluster.voters.retain(|voter| voter.service != service);
            for voter in &mut cluster.voters {
                voter.heard_us.clear();
                voter.last_primary.retain(|member| *member != service);
            }
        }
    }

    fn voter(&self, service: ServiceId) -> Option<(ClusterId, &Voter)> {
        let id = self.services[service].cluster?;
        Some((id, self.clusters[id].voter(service)?))
    }

    /// Whether a member of a cluster has all it needs to serve; others are always ready.
    pub(super) fn is_member_ready(&self, service: ServiceId) -> bool {
        self.voter(service).is_none_or(|(_, voter)| voter.standing == Standing::Synced)
    }

    /// Whether a member can take a write now.
    pub(super) fn commits(&self, service: ServiceId) -> Result<(), Cause> {
        let Some((id, voter)) = self.voter(service) else { return Ok(()) };
        match voter.standing {
            Standing::Out | Standing::Waiting => return Err(Cause::NonPrimary),
            Standing::Joining => return Err(Cause::Transferring),
            Standing::Synced => {}
        }
        if self.is_agreed(id, voter) { Ok(()) } else { Err(Cause::Stalled) }
    }

    /// Whether everybody in a member's view is there and thinks so too; until then nothing is ordered and writes wait.
    pub(super) fn is_agreed(&self, id: ClusterId, voter: &Voter) -> bool {
        voter.members.iter().all(|other| {
            *other == voter.service
                || (self.works(*other).is_ok()
                    && self.clusters[id].voter(*other).is_some_and(|other| other.view == voter.view)
                    && self.members_meet(voter.service, *other))
        })
    }

    /// Whether two members can talk: one of them reaches a port of the other, and answers come back.
    pub(super) fn members_meet(&self, one: ServiceId, other: ServiceId) -> bool {
        self.works(one).is_ok() && self.works(other).is_ok() && (self.calls_member(one, other) || self.calls_member(other, one))
    }

    fn calls_member(&self, from: ServiceId, to: ServiceId) -> bool {
        let caller = Caller::Machine(self.services[from].machine);
        let port = self.services[to].cluster_port.as_deref().unwrap_or_default();
        self.addresses_of(to, port).into_iter().any(|at| matches!(self.dial(caller, at), Dial::Open { service, .. } if service == to))
    }

    /// A member is ready to look for its cluster, or makes one.
    pub(super) fn member_up(&mut self, service: ServiceId) {
        let Some(id) = self.services[service].cluster else { return };
        let Some(voter) = self.clusters[id].voter_mut(service) else { return };
        voter.standing = Standing::Waiting;
        voter.view = 0;
        voter.members = vec![service];
        voter.heard_us.clear();
        if std::mem::take(&mut voter.bootstrap) {
            self.bootstrap(id, service);
        }
    }

    /// Whether a part of the cluster with data is primary; one that is frozen counts, because it may go on.
    pub(super) fn has_primary(&self, id: ClusterId) -> bool {
        let cluster = &self.clusters[id];
        cluster.voters.iter().any(|voter| voter.standing == Standing::Synced && self.services[voter.service].behaviour == Behaviour::Galera)
    }

    /// Makes a new primary view of one member, unless there is a primary view already: that one is joined instead.
    fn bootstrap(&mut self, id: ClusterId, service: ServiceId) {
        if self.has_primary(id) {
            return;
        }
        for voter in &mut self.clusters[id].voters {
            if voter.standing != Standing::Out {
                voter.standing = Standing::Waiting;
            }
            voter.last_primary.clear();
        }
        self.clusters[id].install(&[service], Primary::Yes);
        if let Some(voter) = self.clusters[id].voter_mut(service) {
            voter.standing = Standing::Synced;
        }
        self.clusters[id].told_lost = false;
        self.tell(self.subject(service), EventKind::Primary, "begins a new primary component");
    }

    /// Asks a running member that waits to begin a new cluster; one that starts does so when it is ready.
    pub(super) fn ask_bootstrap(&mut self, service: ServiceId) {
        let Some(id) = self.services[service].cluster else { return };
        if self.services[service].phase == Phase::Running {
            self.bootstrap(id, service);
        } else if let Some(voter) = self.clusters[id].voter_mut(service) {
            voter.bootstrap = true;
        }
    }

    /// A member says good-bye: whoever hears it no longer counts it.
    pub(super) fn member_leaves(&mut self, service: ServiceId) {
        let Some((id, voter)) = self.voter(service) else { return };
        let (view, members, standing) = (voter.view, voter.members.clone(), voter.standing);
        let frozen = self.works(service).is_err();
        let rest: Vec<ServiceId> = members.iter().copied().filter(|other| *other != service).collect();
        let hear: Vec<ServiceId> = rest
            .iter()
            .copied()
            .filter(|other| self.clusters[id].voter(*other).is_some_and(|other| other.view == view) && self.members_meet(service, *other))
            .collect();
        if view != 0 && !frozen && !hear.is_empty() {
            let cluster = &mut self.clusters[id];
            cluster.views += 1;
            let number = cluster.views;
            for voter in cluster.voters.iter_mut().filter(|voter| hear.contains(&voter.service)) {
                voter.view = number;
                voter.members.clone_from(&rest);
                if voter.standing != Standing::Waiting {
                    voter.last_primary.clone_from(&rest);
                    voter.last_primary_number = number;
                }
            }
        }
        if standing != Standing::Out {
            let text = format!("{} leaves the cluster", self.services[service].name);
            self.tell(self.subject(service), EventKind::Left, text);
        }
        self.member_gone(service);
        if let Some(voter) = self.clusters[id].voter_mut(service) {
            // The file that would let it find the same primary view again (gvwstate.dat) goes with a clean stop.
            voter.last_primary.clear();
        }
    }

    /// A member's process is gone.
    pub(super) fn member_gone(&mut self, service: ServiceId) {
        let Some(id) = self.services[service].cluster else { return };
        let keeps = self.services[service].behaviour == Behaviour::Galera;
        if let Some(voter) = self.clusters[id].voter_mut(service) {
            voter.standing = Standing::Out;
            voter.view = 0;
            voter.members.clear();
            voter.bootstrap = false;
            if !keeps {
                // An arbitrator remembers nothing.
                voter.last_primary.clear();
            }
        }
    }

    /// Members look for each other: leave out who is silent, take in who is back.
    pub(super) fn membership(&mut self, id: ClusterId) {
        self.plan(CHECK_US, Tick::Membership(id));
        let alive: Vec<ServiceId> = self.clusters[id]
            .voters
            .iter()
            .filter(|voter| voter.standing != Standing::Out && self.works(voter.service).is_ok())
            .map(|voter| voter.service)
            .collect();
        if alive.is_empty() {
            return self.tell_quorum(id);
        }
        let meets = self.meetings(&alive);
        self.note_heard(id, &alive, &meets);
        self.split_views(id, &alive);
        self.merge_views(id, &alive, &meets);
        self.tell_quorum(id);
    }

    /// Which pairs of members can talk now.
    fn meetings(&mut self, alive: &[ServiceId]) -> Vec<(ServiceId, ServiceId)> {
        let mut meets = Vec::new();
        for (place, one) in alive.iter().enumerate() {
            for other in alive.iter().skip(place + 1) {
                if self.members_meet(*one, *other) {
                    meets.push((*one, *other));
                    meets.push((*other, *one));
                }
            }
        }
        meets.sort_unstable();
        meets
    }

    fn note_heard(&mut self, id: ClusterId, alive: &[ServiceId], meets: &[(ServiceId, ServiceId)]) {
        let now_us = self.clock.now_us;
        let cluster = &mut self.clusters[id];
        let views: Vec<(ServiceId, u64)> = cluster.voters.iter().map(|voter| (voter.service, voter.view)).collect();
        for voter in cluster.voters.iter_mut().filter(|voter| alive.contains(&voter.service)) {
            voter.heard_us.resize(views.len(), now_us);
            for ((other, view), heard_us) in views.iter().zip(&mut voter.heard_us) {
                // One that came back has another view: it is not the one that was there before.
                let is_mate = voter.members.contains(other);
                if !is_mate || (*view == voter.view && meets.binary_search(&(voter.service, *other)).is_ok()) {
                    *heard_us = now_us;
                }
            }
        }
    }

    /// How long a member has not heard of another of its view, in microseconds.
    fn silence_us(&self, id: ClusterId, one: ServiceId, other: ServiceId) -> u64 {
        let cluster = &self.clusters[id];
        let place = cluster.voters.iter().position(|voter| voter.service == other);
        let heard_us = cluster.voter(one).zip(place).and_then(|(voter, place)| voter.heard_us.get(place).copied());
        heard_us.map_or(0, |heard_us| self.clock.now_us.saturating_sub(heard_us))
    }

    /// New views for those who have lost somebody of their view.
    fn split_views(&mut self, id: ClusterId, alive: &[ServiceId]) {
        let mut views: Vec<u64> = alive.iter().filter_map(|service| self.clusters[id].voter(*service)).map(|voter| voter.view).collect();
        views.sort_unstable();
        views.dedup();
        for view in views.into_iter().filter(|view| *view != 0) {
            let here: Vec<ServiceId> =
                alive.iter().copied().filter(|service| self.clusters[id].voter(*service).is_some_and(|voter| voter.view == view)).collect();
            let Some(before) = here.first().and_then(|service| self.clusters[id].voter(*service)).cloned() else { continue };
            for part in self.parts_of(id, &here, &before.members) {
                self.install_part(id, &part, &before);
            }
        }
    }

    /// The parts into which a view falls; none while all still hear each other, or are not sure yet.
    fn parts_of(&self, id: ClusterId, here: &[ServiceId], members: &[ServiceId]) -> Vec<Vec<ServiceId>> {
        let suspect_us = here.first().map_or(SUSPECT_MS, |one| self.services[*one].number("suspect_ms", SUSPECT_MS)) * MS;
        let inactive_us = here.first().map_or(INACTIVE_MS, |one| self.services[*one].number("inactive_ms", INACTIVE_MS)) * MS;
        let lost = |one: ServiceId, other: ServiceId, after_us: u64| one != other && self.silence_us(id, one, other) >= after_us;
        if !here.iter().any(|one| members.iter().any(|other| lost(*one, *other, suspect_us))) {
            return Vec::new();
        }
        let mut left = here.to_vec();
        let mut parts = Vec::new();
        while let Some(first) = left.first().copied() {
            let mut part = vec![first];
            let mut next = 0;
            while let Some(one) = part.get(next).copied() {
                next += 1;
                let found: Vec<ServiceId> =
                    left.iter().copied().filter(|other| !part.contains(other) && !lost(one, *other, suspect_us)).collect();
                part.extend(found);
            }
            // Where some of a part hear each other only through others, they wait longer before they leave one out.
            let gap = |part: &[ServiceId], after_us: u64| {
                part.iter().copied().max_by_key(|one| (part.iter().filter(|other| lost(*one, **other, after_us)).count(), *one))
            };
            while let Some(worst) = gap(&part, suspect_us).filter(|worst| part.iter().any(|other| lost(*worst, *other, suspect_us))) {
                if !part.iter().any(|other| lost(worst, *other, inactive_us)) {
                    return Vec::new();
                }
                part.retain(|one| *one != worst);
            }
            part.sort_unstable();
            left.retain(|one| !part.contains(one));
            parts.push(part);
        }
        parts
    }

    fn install_part(&mut self, id: ClusterId, part: &[ServiceId], before: &Voter) {
        if part == before.members {
            return;
        }
        let was_primary = before.standing != Standing::Waiting;
        let kept = part.iter().filter(|service| before.members.contains(service)).count();
        let primary = if was_primary && 2 * kept > before.members.len() { Primary::Yes } else { Primary::No };
        self.clusters[id].install(part, primary);
        let missing: Vec<String> =
            before.members.iter().filter(|one| !part.contains(one)).map(|one| self.reference(*one).to_string()).collect();
        let Some(first) = part.first() else { return };
        if was_primary {
            let (kind, text) = match primary {
                Primary::Yes => {
                    (EventKind::Left, format!("{} of {} go on without {}", part.len(), before.members.len(), missing.join(", ")))
                }
                Primary::No => (EventKind::NonPrimary, format!("{} of {} are no majority: non-primary", part.len(), before.members.len())),
            };
            let subject = if part.len() == 1 { self.subject(*first) } else { Subject::Cluster(self.clusters[id].name.clone()) };
            self.tell(subject, kind, text);
        }
    }

    /// Takes in who waits: into the primary view, or, where all of the last one are together again, into a new one.
    fn merge_views(&mut self, id: ClusterId, alive: &[ServiceId], meets: &[(ServiceId, ServiceId)]) {
        let meet = |one: ServiceId, other: ServiceId| one == other || meets.binary_search(&(one, other)).is_ok();
        let waiting: Vec<ServiceId> = alive
            .iter()
            .copied()
            .filter(|one| self.clusters[id].voter(*one).is_some_and(|voter| voter.standing == Standing::Waiting))
            .collect();
        if waiting.is_empty() {
            return;
        }
        for one in &waiting {
            let host = self.clusters[id].voters.iter().find(|voter| {
                voter.standing == Standing::Synced
                    && self.services[voter.service].behaviour == Behaviour::Galera
                    && voter.members.iter().all(|member| meet(*one, *member))
                    && self.is_agreed(id, voter)
            });
            if let Some(members) = host.map(|voter| voter.members.clone()) {
                self.join(id, *one, members);
            }
        }
        let waiting: Vec<ServiceId> = waiting
            .into_iter()
            .filter(|one| self.clusters[id].voter(*one).is_some_and(|voter| voter.standing == Standing::Waiting))
            .collect();
        self.reunite(id, &waiting, meet);
    }

    fn join(&mut self, id: ClusterId, one: ServiceId, mut members: Vec<ServiceId>) {
        members.push(one);
        members.sort_unstable();
        members.dedup();
        self.clusters[id].install(&members, Primary::Yes);
        let arbitrates = self.services[one].behaviour == Behaviour::Arbitrator;
        if let Some(voter) = self.clusters[id].voter_mut(one) {
            voter.standing = if arbitrates { Standing::Synced } else { Standing::Joining };
            voter.heard_us.clear();
        }
        let size = members.len();
        self.tell(self.subject(one), EventKind::Joined, format!("joins the cluster as one of {size}"));
        if !arbitrates {
            self.tell(self.subject(one), EventKind::StateTransfer, "copies the state");
            let transfer_us = self.rng.around(TRANSFER_US);
            let generation = self.services[one].generation;
            self.plan(transfer_us, Tick::Transferred(one, generation));
        }
    }

    /// Those who wait form a view; if everybody of the last primary view is in it, it is primary again.
    fn reunite(&mut self, id: ClusterId, waiting: &[ServiceId], meet: impl Fn(ServiceId, ServiceId) -> bool) {
        let mut left = waiting.to_vec();
        while let Some(first) = left.first().copied() {
            let mut part = vec![first];
            for other in left.iter().skip(1) {
                if part.iter().all(|one| meet(*one, *other)) {
                    part.push(*other);
                }
            }
            left.retain(|one| !part.contains(one));
            let newest = part.iter().filter_map(|one| self.clusters[id].voter(*one)).max_by_key(|voter| voter.last_primary_number);
            let Some(last) = newest.map(|voter| voter.last_primary.clone()) else { continue };
            let whole = !last.is_empty() && last.iter().all(|member| part.contains(member)) && !self.has_primary(id);
            let data = part.iter().any(|one| self.services[*one].behaviour == Behaviour::Galera && last.contains(one));
            if whole && data {
                self.clusters[id].install(&part, Primary::Yes);
                for voter in self.clusters[id].voters.iter_mut().filter(|voter| part.contains(&voter.service)) {
                    voter.standing = Standing::Synced;
                    voter.heard_us.clear();
                }
                let subject = Subject::Cluster(self.clusters[id].name.clone());
                self.tell(subject, EventKind::Primary, format!("all {} members are together again: primary", part.len()));
            } else if self.clusters[id].voter(first).is_some_and(|voter| voter.members != part) {
                self.clusters[id].install(&part, Primary::No);
            }
        }
    }

    /// A member has copied the state.
    pub(super) fn transferred(&mut self, service: ServiceId) {
        let Some(id) = self.services[service].cluster else { return };
        let agreed = self.voter(service).is_some_and(|(_, voter)| voter.standing == Standing::Joining);
        if !agreed {
            return;
        }
        if let Some(voter) = self.clusters[id].voter_mut(service) {
            voter.standing = Standing::Synced;
        }
        self.tell(self.subject(service), EventKind::Started, "has the state: ready");
    }

    /// A machine was frozen: to its members no time has passed, and they still trust what they knew.
    pub(super) fn members_stood_still(&mut self, machine: MachineId, stood_us: u64) {
        for service in self.machines[machine].services.clone() {
            let Some(id) = self.services[service].cluster else { continue };
            if let Some(voter) = self.clusters[id].voter_mut(service) {
                voter.heard_us.iter_mut().for_each(|heard_us| *heard_us += stood_us);
            }
        }
    }

    fn tell_quorum(&mut self, id: ClusterId) {
        let lost = !self.has_primary(id);
        let ever = self.clusters[id].views > 0;
        if lost && ever && !self.clusters[id].told_lost {
            let subject = Subject::Cluster(self.clusters[id].name.clone());
            self.tell(subject, EventKind::QuorumLost, "no part may work: quorum is lost");
        }
        self.clusters[id].told_lost = lost;
    }

    /// Brings back a cluster in which no part may work: stops what hangs, begins anew from the member with the newest
    /// state, then starts the others. Takes some seconds of the world's time. Does nothing where a part works.
    ///
    /// # Errors
    /// Where there is no such cluster, or no member with data could be started.
    pub fn recover_cluster(&mut self, name: &ClusterName) -> Result<(), SimError> {
        let id = self.clusters.find(|cluster| cluster.name == *name).ok_or_else(|| SimError::unknown("cluster", name.as_str()))?;
        if self.has_primary(id) {
            return Ok(());
        }
        let can_start = |world: &Self, service: ServiceId| {
            let row = &world.services[service];
            row.is_enabled() && world.machines[row.machine].is_alive() && !world.is_stopped_by_fault(service)
        };
        let voters: Vec<ServiceId> =
            self.clusters[id].voters.iter().map(|voter| voter.service).filter(|one| can_start(self, *one)).collect();
        let newest = voters
            .iter()
            .copied()
            .filter(|one| self.services[*one].behaviour == Behaviour::Galera)
            .max_by_key(|one| (self.voter(*one).map_or(0, |(_, voter)| voter.last_primary_number), std::cmp::Reverse(*one)));
        let Some(newest) = newest else {
            return Err(SimError::refused(name.as_str(), "no member with data can be started; turn its machine on first"));
        };
        for one in &voters {
            self.member_gone(*one);
            self.services[*one].die();
        }
        self.ask_bootstrap(newest);
        for one in voters {
            let wait_us = if one == newest { RECOVER_LOOK_US } else { RECOVER_LOOK_US + RECOVER_STEP_US };
            let generation = self.services[one].generation;
            self.plan(wait_us, Tick::StartAgain(one, generation));
        }
        let text = format!("is recovered from {}", self.reference(newest));
        self.tell(Subject::Cluster(name.clone()), EventKind::Healed, text);
        Ok(())
    }

    /// After everything was healed: recovers a cluster that did not come back.
    pub(super) fn recover_if_stopped(&mut self, id: ClusterId) {
        if self.clusters[id].voters.is_empty() || self.has_primary(id) || !self.faults.in_force.is_empty() {
            return;
        }
        let name = self.clusters[id].name.clone();
        let boots = |voter: &Voter| {
            let machine = &self.machines[self.services[voter.service].machine];
            machine.power == Power::Running && !machine.booted
        };
        // Without any member that can be started there is nothing to wait for either.
        if self.clusters[id].voters.iter().any(boots) || self.recover_cluster(&name).is_ok() {
            self.plan(RECOVER_AGAIN_US, Tick::RecoverIfStopped(id));
        }
    }
}
