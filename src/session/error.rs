//! Why a use case could not be done, as data: the window and the command line add what to click or to type.

use crate::{
    deploy::{DeployedError, JournalError},
    host::state::StateError,
    model::{ActiveFault, NodeName, ServiceRef},
    plan::{LabId, Plan, Unplannable},
    provider::{ProviderError, id::ProviderId},
};
use std::{io, path::PathBuf};

/// Why a use case could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The layout file cannot be found.
    #[error("{}: {error}", file.display())]
    NoFile {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It cannot be read what is deployed.
    #[error(transparent)]
    Deployed(#[from] DeployedError),
    /// The lab's state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The journal cannot be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The provider failed.
    #[error("{0}. {next}", next = .0.next)]
    Provider(ProviderError),
    /// One lab has one state: deploying it on a second provider would orphan the machines of the first.
    #[error("the lab is deployed on {known}, not on {asked}; to move it, destroy it there first")]
    DeployedElsewhere {
        /// The lab.
        id: LabId,
        /// Where it is deployed.
        known: ProviderId,
        /// Where it was looked for.
        asked: ProviderId,
    },
    /// The lab is not deployed, and no provider is named.
    #[error("the lab is not deployed; say where: --on sim, --on incus or --on virtualbox")]
    NoProvider,
    /// Faults are active.
    #[error("the lab is broken on purpose ({}); heal it first", listed(.0.iter().map(|fault| &fault.fault)))]
    Faulty(Vec<ActiveFault>),
    /// A part of the layout cannot be planned.
    #[error("the drawing is not ready to be deployed: {}", unplannable(.0))]
    Unplannable(Vec<Unplannable>),
    /// The lab has changed since the approved plan was made; the new plan.
    #[error("the lab has changed since this plan was made; check the new plan and deploy again")]
    StalePlan(Plan),
    /// The journal was set aside, so it is not known what the last deployment began.
    #[error("the journal is damaged, so what the last deployment began is not known: nothing is undone. It was set aside as {}", .0.display())]
    DamagedJournal(PathBuf),
    /// No deployment is in the journal.
    #[error("there is no deployment to undo")]
    NothingToUndo,
    /// The fault names something that the lab does not have.
    #[error("{0}")]
    UnknownTarget(String),
    /// No active fault has the number.
    #[error("there is no fault {id}; {}", active(active_faults))]
    NoFault {
        /// The number.
        id: u64,
        /// The faults that are active.
        active_faults: Vec<ActiveFault>,
    },
    /// No deployed node has the name.
    #[error("no node {name:?} is deployed; there are: {}", listed(nodes))]
    NoNode {
        /// The name.
        name: String,
        /// The nodes that are deployed.
        nodes: Vec<NodeName>,
    },
    /// The node has no snapshot of the name.
    #[error("{node} has no snapshot {name:?}; it has: {}", if snapshots.is_empty() { "none".to_owned() } else { snapshots.join(", ") })]
    NoSnapshot {
        /// The node.
        node: NodeName,
        /// The snapshot.
        name: String,
        /// The node's snapshots.
        snapshots: Vec<String>,
    },
    /// Snapshots of these names exist and would be overwritten.
    #[error("{} already, so nothing was done", existing(.0))]
    SnapshotsExist(Vec<(NodeName, String)>),
    /// The service cannot be promoted.
    #[error("{why}")]
    NotPromotable {
        /// Why.
        why: String,
        /// Replicas that can be.
        others: Vec<ServiceRef>,
    },
    /// The provider has no images that Sandtable makes.
    #[error("images are made for Incus, not for {0}")]
    NoImages(ProviderId),
    /// The user has no home folder.
    #[error("this user has no home folder; set HOME")]
    NoHome,
    /// The lab's record is readable.
    #[error("nothing is lost: {id} is deployed on {provider} from {}", file.display())]
    NotLost {
        /// The lab.
        id: LabId,
        /// Where it is deployed.
        provider: ProviderId,
        /// Its layout.
        file: PathBuf,
    },
    /// The provider has nothing of the lab.
    #[error(
        "{provider} has no machine and no network with the ownership tag of {id}: nothing to rebuild. If nothing runs elsewhere: sandtable \
         forget --lab {id}"
    )]
    NothingFound {
        /// The lab.
        id: LabId,
        /// The provider.
        provider: ProviderId,
    },
}

impl From<ProviderError> for SessionError {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error)
    }
}

fn listed<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(", ")
}

fn active(faults: &[ActiveFault]) -> String {
    match faults {
        [] => "nothing is broken".to_owned(),
        faults => format!("what lasts: {}", listed(faults.iter().map(|fault| format!("{} ({})", fault.id, fault.fault)))),
    }
}

fn existing(named: &[(NodeName, String)]) -> String {
    listed(named.iter().map(|(node, snapshot)| format!("{node} has a snapshot {snapshot:?}")))
}

fn unplannable(all: &[Unplannable]) -> String {
    let more = if all.len() > 1 { format!(" (and {} more)", all.len() - 1) } else { String::new() };
    all.first().map(|first| format!("{}: {}{more}", first.subject, first.why)).unwrap_or_default()
}
