//! Recovering a cluster that has stopped as a whole, and promoting a replica.

use super::{
    Done, Monitor, Result, Session, SessionError,
    progress::{call, with_messages},
};
use crate::{
    catalog::Catalog,
    model::{ClusterName, ClusterState, Observed, ServiceRef, ServiceSpec},
    plan::{OldPrimary, Promotion, promotable, promotion, takes_writes},
};

/// How long a cluster may take to be whole, or a replica to take writes, in milliseconds of the provider's clock.
const SETTLE_MS_MAX: u64 = 60_000;

/// What a recovery came to.
#[derive(Debug)]
pub struct Recovered {
    /// Whether there was something to do.
    pub done: Done,
    /// The cluster's state now, if it is known.
    pub state: Option<ClusterState>,
}

/// What a promotion came to.
#[derive(Debug)]
pub struct Promoted {
    /// Whether there was something to do.
    pub done: Done,
    /// Whether the replica takes writes as a primary now.
    pub takes_writes: bool,
    /// What it copied from.
    pub old_primary: Option<ServiceRef>,
    /// Replicas that copy from it now.
    pub followers: Vec<ServiceRef>,
    /// Replicas that still copy from the old primary.
    pub stale: Vec<ServiceRef>,
}

impl Session {
    /// Recovers a cluster that has stopped as a whole, and waits until it is whole.
    ///
    /// # Errors
    /// Where the lab is in use, or the provider fails.
    pub fn recover(&self, cluster: &ClusterName, monitor: &mut Monitor<'_>) -> Result<Recovered> {
        let (_locked, provider) = self.lock()?;
        let done = with_messages(monitor, async |says| provider.recover(cluster, says).await)?;
        let state = |observed: &Observed| observed.clusters.get(cluster).map(|cluster| cluster.state);
        let cancel = monitor.cancel.clone();
        let is_settled = |observed: &Observed| cancel.is_requested() || state(observed).is_none_or(|state| state == ClusterState::Whole);
        let observed = call(provider.settle(&is_settled, SETTLE_MS_MAX))?;
        Ok(Recovered { done, state: state(&observed) })
    }

    /// Makes a replica the primary, and waits until it takes writes.
    ///
    /// # Errors
    /// Where it cannot be promoted, the lab is in use, or the provider fails.
    pub fn promote(&self, at: &ServiceRef, old: OldPrimary, monitor: &mut Monitor<'_>) -> Result<Promoted> {
        let (_locked, provider) = self.lock()?;
        let observed = call(provider.observe())?;
        let catalog = Catalog::embedded();
        let planned = promotion(&self.lab, catalog, &self.id, &observed, at, old).map_err(|refused| SessionError::NotPromotable {
            why: refused.why,
            others: promotable(catalog, &observed).map(|(replica, _)| replica).collect(),
        })?;
        let Some(planned) = planned else { return Ok(promoted(at, None, Done::AlreadySo, &observed)) };
        let done = with_messages(monitor, async |says| provider.promote(&planned, says).await)?;
        let cancel = monitor.cancel.clone();
        let is_settled = |observed: &Observed| {
            cancel.is_requested() || (is_primary(observed, at) && planned.followers.iter().all(|(one, _)| follows(observed, one, at)))
        };
        let observed = call(provider.settle(&is_settled, SETTLE_MS_MAX))?;
        Ok(promoted(at, Some(&planned), done, &observed))
    }
}

fn promoted(at: &ServiceRef, planned: Option<&Promotion>, done: Done, observed: &Observed) -> Promoted {
    let old = planned.map(|planned| &planned.primary).or_else(|| spec(observed, at)?.promoted_from.as_ref());
    let all = planned.map(|planned| planned.followers.iter().map(|(one, _)| one)).into_iter().flatten().cloned();
    let (followers, left): (Vec<ServiceRef>, Vec<ServiceRef>) = all.partition(|one| follows(observed, one, at));
    let stopped = planned.map(|planned| planned.stale.iter()).into_iter().flatten().cloned();
    Promoted {
        done,
        takes_writes: is_primary(observed, at),
        old_primary: old.cloned(),
        followers,
        stale: left.into_iter().chain(stopped).collect(),
    }
}

fn spec<'a>(observed: &'a Observed, at: &ServiceRef) -> Option<&'a ServiceSpec> {
    observed.nodes.get(&at.node)?.services.get(&at.service)?.spec.as_ref()
}

fn is_primary(observed: &Observed, at: &ServiceRef) -> bool {
    spec(observed, at).is_some_and(|spec| spec.replica_of.is_none()) && takes_writes(observed, at) == Some(true)
}

fn follows(observed: &Observed, replica: &ServiceRef, primary: &ServiceRef) -> bool {
    spec(observed, replica).is_some_and(|spec| spec.replica_of.as_ref() == Some(primary))
}
