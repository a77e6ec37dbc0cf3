//! What a simulated lab cannot do, and what to do then.

use super::WORLD_FILE;
use crate::{
    host::state::{LabFolder, StateError},
    model::{NodeName, ServiceRef},
    plan::Action,
    provider::{ProviderError, Retry},
    sim::SimError,
};

pub(super) fn nothing_there() -> ProviderError {
    ProviderError {
        what: "break or mend the simulated lab".into(),
        node: None,
        why: "it is not deployed".into(),
        next: "Deploy it first: sandtable deploy LAYOUT --on sim.".into(),
        retry: Retry::Useless,
    }
}

pub(super) fn in_state(error: StateError) -> ProviderError {
    let (next, retry) = match &error {
        StateError::InUse(_) => ("Wait until the other sandtable is done, then try again.", Retry::Worth),
        StateError::NoHome | StateError::Io { .. } | StateError::Relative(_) | StateError::Unsafe { .. } => {
            ("See that the disk has room and the state folder is yours, then try again.", Retry::Worth)
        }
    };
    ProviderError { what: "keep the simulated lab".into(), node: None, why: error.to_string(), next: next.into(), retry }
}

pub(super) fn in_world(what: &str, action: Option<&Action>, error: &SimError) -> ProviderError {
    let (next, retry) = match error {
        SimError::Scripted { .. } => ("Try again.", Retry::Worth),
        SimError::Unknown { .. } => ("See whether the name is right and the lab is deployed (sandtable status).", Retry::Useless),
        SimError::Refused { .. } if action.is_none() => ("Nothing was changed; choose another fault.", Retry::Useless),
        SimError::Refused { .. } => ("Change what it says, then deploy again; steps that are done are not repeated.", Retry::Useless),
    };
    ProviderError { what: what.to_owned(), node: action.and_then(Action::node).cloned(), why: error.to_string(), next: next.into(), retry }
}

pub(super) fn not_promoted(at: &ServiceRef, error: &SimError) -> ProviderError {
    ProviderError {
        node: Some(at.node.clone()),
        next: "Start it, then promote again.".into(),
        ..in_world(&format!("promote {at}"), None, error)
    }
}

pub(super) fn unreadable(folder: &LabFolder, why: String) -> ProviderError {
    ProviderError {
        what: "read the simulated lab".into(),
        node: None,
        why,
        next: format!(
            "Look at {}, or give the simulated lab up and deploy it again: sandtable forget --lab {}",
            folder.path().join(WORLD_FILE).display(),
            folder.path().file_name().unwrap_or_default().display()
        ),
        retry: Retry::Useless,
    }
}

pub(super) fn not_real(what: &str, node: &NodeName, why: &str) -> ProviderError {
    ProviderError {
        what: what.into(),
        node: Some(node.clone()),
        why: why.into(),
        next: "Deploy to real machines: --on incus, --on virtualbox.".into(),
        retry: Retry::Useless,
    }
}
