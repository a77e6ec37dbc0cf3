//! Planning, deploying, undoing a deployment, and destroying.

use super::{Check, CheckState, Monitor, Prepared, Progress, Result, Session, SessionError, operation::Operation, prepared::Goal};
use crate::{
    catalog::Catalog,
    deploy::{Journal, labs},
    host::state::Wait,
    model::Observed,
    plan::{Action, Plan, Unplannable, desired, destroy, doubt, off, plan, refusals, undo},
};
use std::sync::Arc;

/// How far a deployment goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Extent {
    /// All of the layout.
    #[default]
    Full,
    /// Machines and networks are made and changed; nothing is started.
    Off,
}

impl Extent {
    fn limit(self, plan: Plan) -> Plan {
        if self == Self::Off { off(plan) } else { plan }
    }
}

/// A plan for a layout, and what of the layout cannot be planned.
#[derive(Debug)]
pub struct ProposedPlan {
    /// The plan.
    pub plan: Plan,
    /// What cannot be planned, and why.
    pub unplannable: Vec<Unplannable>,
    /// The observation that it was made from.
    pub observed: Observed,
}

impl Session {
    /// What a deployment would do now. It changes nothing.
    ///
    /// # Errors
    /// Where the provider fails, or the journal cannot be read.
    pub fn plan(&self, extent: Extent) -> Result<ProposedPlan> {
        let observed = self.handle()?.observe()?;
        Ok(self.propose(observed, &Journal::doubted(&self.folder)?, extent))
    }

    fn propose(&self, observed: Observed, doubted: &[Action], extent: Extent) -> ProposedPlan {
        let catalog = Catalog::embedded();
        let mut wanted = desired(&self.lab, catalog, &self.id);
        wanted.unplannable.extend(refusals(&wanted, &observed));
        let made = plan(&self.lab, catalog, &wanted, &doubt(observed.clone(), doubted));
        ProposedPlan { plan: extent.limit(made), unplannable: wanted.unplannable, observed }
    }

    /// What a plan needs and does not find, or only in part.
    ///
    /// # Errors
    /// Where the provider fails.
    pub fn missing(&self, proposed: &ProposedPlan) -> Result<Vec<Check>> {
        if proposed.plan.is_empty() {
            return Ok(Vec::new());
        }
        let checks = self.handle()?.preflight(&proposed.plan, &proposed.observed)?;
        Ok(checks.into_iter().filter(|check| check.state != CheckState::Good).collect())
    }

    /// Prepares a deployment of all that can be planned now.
    ///
    /// # Errors
    /// Where the lab is in use or has active faults, the layout cannot be planned, or the provider fails.
    pub fn prepare_deploy(&self, extent: Extent, monitor: &mut Monitor<'_>) -> Result<Prepared<'_>> {
        let operation = Operation::begin(self, monitor)?;
        let proposed = self.propose(operation.observed.clone(), &operation.journal.unfinished(), extent);
        if !proposed.unplannable.is_empty() {
            let refused = SessionError::Unplannable(proposed.unplannable);
            return Prepared::new(operation, proposed.plan, Goal::Deploy(extent)).abandon(monitor).and(Err(refused));
        }
        refuse_faults(&proposed.plan, &proposed.observed)?;
        Ok(Prepared::new(operation, proposed.plan, Goal::Deploy(extent)))
    }

    /// Prepares the deployment that the user has approved: this plan and no other.
    ///
    /// # Errors
    /// As [`Session::prepare_deploy`]; and where the lab has changed since the plan was made.
    pub fn prepare_approved(&self, approved: &Plan, monitor: &mut Monitor<'_>) -> Result<Prepared<'_>> {
        let prepared = self.prepare_deploy(Extent::Full, monitor)?;
        let does =
            |plan: &Plan| plan.steps.iter().map(|step| (step.id.clone(), step.action.clone(), step.after.clone())).collect::<Vec<_>>();
        if does(prepared.plan()) == does(approved) {
            return Ok(prepared);
        }
        let fresh = prepared.plan().clone();
        prepared.abandon(monitor)?;
        Err(SessionError::StalePlan(fresh))
    }

    /// Prepares undoing what the last deployment has begun.
    ///
    /// # Errors
    /// Where the journal knows no deployment or is damaged, the lab is in use or has active faults, or the provider fails.
    pub fn prepare_undo(&self, monitor: &mut Monitor<'_>) -> Result<Prepared<'_>> {
        if !self.folder.exists() {
            return Err(SessionError::NothingToUndo);
        }
        let operation = Operation::begin(self, monitor)?;
        if let Some(file) = operation.journal.damaged() {
            return Err(SessionError::DamagedJournal(file.to_owned()));
        }
        let Some(before) = operation.journal.before() else { return Err(SessionError::NothingToUndo) };
        let plan = undo(&operation.journal.begun(), before, &operation.observed);
        refuse_faults(&plan, &operation.observed)?;
        Ok(Prepared::new(operation, plan, Goal::Undo))
    }

    /// Prepares removing all of the lab.
    ///
    /// # Errors
    /// Where the lab is in use, or the provider fails.
    pub fn prepare_destroy(&self, monitor: &mut Monitor<'_>) -> Result<Prepared<'_>> {
        let operation = Operation::begin(self, monitor)?;
        let plan = destroy(&operation.observed);
        Ok(Prepared::new(operation, plan, Goal::Destroy))
    }

    /// Removes the state folder of a lab that has none of its own and was left by a call that ended before it made anything.
    ///
    /// # Errors
    /// Where the lab is in use, or the disk refuses.
    pub fn remove_empty_state(&self, monitor: &mut Monitor<'_>) -> Result<()> {
        if self.folder.exists() {
            for file in labs::forget(Arc::new(self.folder.lock(Wait::No)?))? {
                monitor.report(Progress::Foreign(file));
            }
        }
        Ok(())
    }
}

/// A lab with active faults is not changed: a plan cannot tell what a fault did from what differs.
fn refuse_faults(plan: &Plan, observed: &Observed) -> Result<()> {
    if plan.is_empty() || observed.faults.is_empty() { Ok(()) } else { Err(SessionError::Faulty(observed.faults.clone())) }
}
