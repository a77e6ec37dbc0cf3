//! A lab's provider with calls that block: what reads a lab, and what breaks and heals it. Steps are done by operations only.

use super::{Result, progress::call};
use crate::{
    model::{ActiveFault, Fault, NodeName, Observed, Prediction},
    plan::Plan,
    provider::{FaultSelection, InjectOptions, Provider, Traffic, doctor::Check, preflight::Needs},
};
use std::{fmt, sync::Arc};

/// A lab's provider, opened to read the lab. It caches what it has read and watches nodes for as long as it lives.
#[derive(Clone)]
pub struct LabHandle(Arc<dyn Provider>);

impl fmt::Debug for LabHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LabHandle").field(&self.0.name()).finish()
    }
}

impl LabHandle {
    pub(super) fn new(provider: Arc<dyn Provider>) -> Self {
        Self(provider)
    }

    /// What is there now.
    ///
    /// # Errors
    /// Where the provider fails.
    pub fn observe(&self) -> Result<Observed> {
        call(self.0.observe())
    }

    /// What is there now, and the requests from outside.
    ///
    /// # Errors
    /// Where the provider fails.
    pub fn observe_with_traffic(&self) -> Result<(Observed, Traffic)> {
        call(async { Ok((self.0.observe().await?, self.0.traffic().await?)) })
    }

    /// The requests from outside.
    ///
    /// # Errors
    /// Where the provider fails.
    pub fn traffic(&self) -> Result<Traffic> {
        call(self.0.traffic())
    }

    /// Sends so many requests a second from outside for as long as this handle lives.
    ///
    /// # Errors
    /// Where the provider fails.
    pub fn send_requests(&self, per_sec: u32) -> Result<()> {
        call(self.0.set_load(per_sec))
    }

    /// What a plan needs of the host, and whether it is there.
    ///
    /// # Errors
    /// Where the provider fails.
    pub fn preflight(&self, plan: &Plan, observed: &Observed) -> Result<Vec<Check>> {
        call(self.0.preflight(&Needs::of(plan, observed)))
    }

    pub(super) fn inject(&self, fault: &Fault, options: InjectOptions) -> Result<u64> {
        call(self.0.inject(fault, options))
    }

    /// Heals without an observation first: the provider knows which faults are active.
    pub(super) fn heal(&self, which: FaultSelection) -> Result<Vec<ActiveFault>> {
        call(self.0.heal(which))
    }

    pub(super) fn predict(&self, fault: &Fault, duration_ms: Option<u64>) -> Result<Option<Prediction>> {
        call(self.0.predict(fault, duration_ms))
    }

    pub(super) fn shell(&self, node: &NodeName, command: &[String]) -> Result<Vec<String>> {
        call(self.0.shell(node, command))
    }

    pub(super) fn console(&self, node: &NodeName) -> Result<Vec<String>> {
        call(self.0.console(node))
    }
}
