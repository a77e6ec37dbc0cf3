//! Injecting, predicting and healing faults.

use super::{FaultSelection, InjectOptions, Result, Session, SessionError, WallClock};
use crate::{
    catalog::Catalog,
    deploy::{Deployed, labs::Known},
    model::{ActiveFault, Fault, Prediction},
    provider::id::LabLocation,
};
use std::sync::Arc;

impl Session {
    /// What a fault would do that is healed after so many milliseconds; `None`: that is not healed, or the provider cannot tell.
    ///
    /// # Errors
    /// Where the fault names what the lab does not have, or the provider fails.
    pub fn predict(&self, fault: &Fault, duration_ms: Option<u64>) -> Result<Option<Prediction>> {
        self.check_names(fault)?;
        self.handle()?.predict(fault, duration_ms)
    }

    /// Injects a fault, and gives its number.
    ///
    /// # Errors
    /// As [`Session::predict`].
    pub fn inject(&self, fault: &Fault, options: InjectOptions) -> Result<u64> {
        self.check_names(fault)?;
        self.handle()?.inject(fault, options)
    }

    /// Heals faults, and gives those that were.
    ///
    /// # Errors
    /// Where no active fault has the number, or the provider fails.
    pub fn heal(&self, which: FaultSelection) -> Result<Vec<ActiveFault>> {
        let healed = self.handle()?.heal(which);
        if let (FaultSelection::One(id), false) = (which, healed.as_ref().is_ok_and(|healed| !healed.is_empty())) {
            let active_faults = self.handle()?.observe()?.faults;
            if !active_faults.iter().any(|fault| fault.id == id) {
                return Err(SessionError::NoFault { id, active_faults });
            }
        }
        healed
    }

    /// Reports a wrong name before a provider is asked.
    fn check_names(&self, fault: &Fault) -> Result<()> {
        let lab = &self.lab;
        let unknown = |why: String| Err(SessionError::UnknownTarget(why));
        if let Some(node) = fault.nodes().into_iter().find(|node| !lab.nodes.contains_key(*node)) {
            let known: Vec<&str> = lab.nodes.keys().map(|name| name.as_str()).collect();
            return unknown(format!("there is no node {node}; the lab has {}", known.join(", ")));
        }
        if let Some(at) = fault.service().filter(|at| lab.service(at).is_none()) {
            let known = lab.nodes.get(&at.node).into_iter().flat_map(|node| node.services.keys());
            let known: Vec<&str> = known.map(|name| name.as_str()).collect();
            return unknown(format!("there is no service {at}; {} has {}", at.node, known.join(", ")));
        }
        // Whatever the settings of the service are: they may have been others when it was deployed.
        let kind = fault.service().and_then(|at| Some((at, Catalog::embedded().get(&lab.service(at)?.kind)?)));
        if let Some((at, why)) = kind.and_then(|(at, entry)| Some((at, entry.withstands(fault, |_| true)?))) {
            return unknown(format!("{} cannot fall on {at}: {why}", fault.word()));
        }
        match fault.adapter() {
            Some((node, network)) if lab.nodes.get(node).is_none_or(|node| node.adapter_on(network).is_none()) => {
                unknown(format!("{node} is not on {network}"))
            }
            _ => Ok(()),
        }
    }
}

/// The active faults of a lab as its own state has them: no hypervisor is asked.
///
/// # Errors
/// Where the state cannot be read.
pub fn recorded_faults(known: &Known, deployed: &Deployed, clock: &WallClock) -> Result<Vec<ActiveFault>> {
    let location = LabLocation {
        id: known.id.clone(),
        name: deployed.name.clone(),
        file: deployed.file.clone(),
        folder: known.folder.clone(),
        clock: clock.clone(),
        // The state alone is read.
        settings: Arc::default(),
    };
    Ok(deployed.on.faults(location)?)
}
