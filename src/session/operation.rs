//! A lab that is locked for this process, with its journal and a fresh observation: what every use case that does steps begins with.

use super::{
    Monitor, Progress, Result, Session,
    progress::{call, run, settle},
};
use crate::{
    deploy::{Ending, Journal, labs},
    host::state::Locked,
    model::Observed,
    plan::Plan,
    provider::Provider,
};
use std::sync::Arc;

/// How long a lab may take to become healthy after steps were done, in milliseconds of the provider's clock.
const SETTLE_MS_MAX: u64 = 60_000;
/// How long new flows may take to be tried if no step was done, in milliseconds of the provider's clock.
const WATCHED_MS_MAX: u64 = 5_000;

/// A locked lab.
pub(super) struct Operation<'a> {
    pub(super) session: &'a Session,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) journal: Journal,
    /// What was there when it was locked.
    pub(super) observed: Observed,
    locked: Arc<Locked>,
}

impl<'a> Operation<'a> {
    pub(super) fn begin(session: &'a Session, monitor: &mut Monitor<'_>) -> Result<Self> {
        let (locked, provider) = session.lock()?;
        let journal = Journal::open(&locked)?;
        if let Some(file) = journal.damaged() {
            monitor.report(Progress::JournalDamaged(file.to_owned()));
        }
        if journal.is_lost() {
            monitor.report(Progress::JournalMissing);
        }
        let observed = call(provider.observe())?;
        Ok(Self { session, provider, journal, observed, locked })
    }

    pub(super) fn record(&self) -> Result<()> {
        self.session.record(&self.locked)
    }

    pub(super) fn observe(&self) -> Result<Observed> {
        call(self.provider.observe())
    }

    /// Runs a plan. Gives how it ended, and whether a step was begun.
    pub(super) fn run(&mut self, plan: &Plan, monitor: &mut Monitor<'_>) -> Result<(Ending, bool)> {
        run(plan, &self.observed, &self.provider, &mut self.journal, monitor)
    }

    /// Waits until the lab is healthy after a plan was run.
    pub(super) fn settle(&self, plan: &Plan, monitor: &mut Monitor<'_>) -> Result<Observed> {
        let is_coming_up = !plan.is_empty() || self.observed.nodes.values().any(|node| node.is_booting);
        let ms_max = if is_coming_up { SETTLE_MS_MAX } else { WATCHED_MS_MAX };
        settle(&self.session.lab, &self.provider, ms_max, monitor)
    }

    /// Removes the state folder of a lab that no longer exists.
    pub(super) fn forget(self, monitor: &mut Monitor<'_>) -> Result<()> {
        let Self { provider, journal, locked, .. } = self;
        drop((provider, journal));
        for file in labs::forget(locked)? {
            monitor.report(Progress::Foreign(file));
        }
        Ok(())
    }
}
