//! Making a cluster's first primary view, and making one again after a full stop.
//!
//! Nobody does either by itself: it is asked for, and refused where a part of the cluster works already.

use super::{
    cluster::{Primary, Standing, Voter},
    event::EventKind,
    service::Phase,
    table::{ClusterId, ServiceId},
    time::{MS, SECOND, Tick},
    world::{SimError, World},
};
use crate::{
    catalog::Behaviour,
    model::{ClusterName, Power, Subject},
};

/// Time from the bootstrap of the first member to the start of the others when a cluster is recovered.
const RECOVER_STEP_US: u64 = 3_500 * MS;
/// Time after which a recovery that did not work is tried again.
const RECOVER_AGAIN_US: u64 = 20 * SECOND;
/// Time for stopping what hangs and finding the member with the newest state.
const RECOVER_LOOK_US: u64 = 1_000 * MS;

impl World {
    /// Whether a part of the cluster with data is primary; one that is frozen counts, because it may go on.
    pub(super) fn has_primary(&self, id: ClusterId) -> bool {
        let cluster = &self.clusters[id];
        cluster.voters.iter().any(|voter| voter.standing == Standing::Synced && self.services[voter.service].behaviour == Behaviour::Galera)
    }

    /// Makes a new primary view of one member, unless there is a primary view already: that one is joined instead.
    pub(super) fn bootstrap(&mut self, id: ClusterId, service: ServiceId) {
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
