//! Groups of services that work as one: who is in them, and what each voter remembers.
//!
//! Only memory and book-keeping: what happens to views is in `galera` and `recovery`.

use super::{
    table::{ClusterId, ServiceId},
    time::Tick,
    world::World,
};
use crate::model::ClusterName;
use serde::{Deserialize, Serialize};

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
    pub(super) last_primary: Vec<ServiceId>,
    pub(super) last_primary_number: u64,
    /// When it last heard of each voter, in the order of the cluster's list.
    pub(super) heard_us: Vec<u64>,
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
    pub(super) views: u64,
    /// Whether its ticks are planned.
    ticking: bool,
    pub(super) told_lost: bool,
}

impl Cluster {
    pub(super) fn new(name: ClusterName) -> Self {
        Self { name, members: Vec::new(), voters: Vec::new(), views: 0, ticking: false, told_lost: false }
    }

    pub(super) fn voter(&self, service: ServiceId) -> Option<&Voter> {
        self.voters.iter().find(|voter| voter.service == service)
    }

    pub(super) fn voter_mut(&mut self, service: ServiceId) -> Option<&mut Voter> {
        self.voters.iter_mut().find(|voter| voter.service == service)
    }

    /// Puts these members into one new view.
    pub(super) fn install(&mut self, members: &[ServiceId], primary: Primary) -> u64 {
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
pub(super) enum Primary {
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
                self.plan(self.membership_us(id), Tick::Membership(id));
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

    pub(super) fn voter(&self, service: ServiceId) -> Option<(ClusterId, &Voter)> {
        let id = self.services[service].cluster?;
        Some((id, self.clusters[id].voter(service)?))
    }
}
