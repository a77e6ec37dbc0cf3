//! The words for events: who, what, how good it is, and what to show for it. Window and command line have no others.

use super::{Author, Event, Fact, Operation, event::Address};
use crate::{
    fault,
    look::Tone,
    model::{ClusterState, Health, Subject, VipName},
};

impl Author {
    /// The author as people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Viewer => "you",
            Self::AnotherWindow => "another window",
            Self::CommandLine => "command line",
            Self::AnotherProcess => "another process",
            Self::Timer => "timer",
            Self::Lab => "the lab",
            Self::Unknown => "not recorded",
        }
    }
}

impl Operation {
    fn started(self) -> &'static str {
        match self {
            Self::Deploy => "started a deployment",
            Self::Undo => "started to undo the deployment",
            Self::Destroy => "started to remove the lab",
            Self::Promote => "started a promotion",
            Self::Recover => "started to recover a cluster",
            Self::Snapshot => "started a snapshot",
            Self::Restore => "started to restore a snapshot",
        }
    }

    fn ended(self) -> &'static str {
        match self {
            Self::Deploy => "completed the deployment",
            Self::Undo => "undid the deployment",
            Self::Destroy => "removed the lab",
            Self::Promote => "promoted a replica",
            Self::Recover => "recovered the cluster",
            Self::Snapshot => "took a snapshot",
            Self::Restore => "restored a snapshot",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Deploy => "deployment",
            Self::Undo => "undoing the deployment",
            Self::Destroy => "removing the lab",
            Self::Promote => "promotion",
            Self::Recover => "recovering the cluster",
            Self::Snapshot => "snapshot",
            Self::Restore => "restoring the snapshot",
        }
    }
}

impl Event {
    /// Who did it, or the thing that it happened to.
    pub fn who(&self) -> String {
        match &self.fact {
            Fact::Injected(_) | Fact::Healed(_) | Fact::OperationStarted(_) | Fact::OperationEnded(..) => self.author.title().to_owned(),
            Fact::Recovered(_) => "restart".to_owned(),
            Fact::NetworkCreated(name) | Fact::NetworkRemoved(name) => format!("network {name}"),
            Fact::NodeCreated(node)
            | Fact::NodeRemoved(node)
            | Fact::NodeBooting(node)
            | Fact::NodeRunning(node)
            | Fact::NodePaused(node)
            | Fact::NodeOff(node)
            | Fact::Link { node, .. }
            | Fact::NodeState { node, .. }
            | Fact::VipLeft(_, _, node)
            | Fact::VipTaken(_, _, node) => node.to_string(),
            Fact::Service { at, .. } | Fact::Promoted(at) => at.node.to_string(),
            Fact::VipAlarm(vip, ..) => vip.to_string(),
            Fact::Cluster { name, .. } => name.to_string(),
            Fact::Flow { id, .. } => id.from.to_string(),
            Fact::Answered => "requests".to_owned(),
        }
    }

    /// What happened, without [`Event::who`].
    pub fn what(&self) -> String {
        match &self.fact {
            Fact::Injected(one) => fault::done(one),
            Fact::Healed(one) => format!("healed: {}", fault::state(one)),
            Fact::Recovered(one) => format!("over: {}", fault::state(one)),
            Fact::OperationStarted(operation) => operation.started().to_owned(),
            Fact::OperationEnded(operation, Ok(())) => operation.ended().to_owned(),
            Fact::OperationEnded(operation, Err(why)) => format!("{} failed: {}", operation.noun(), why.lines().next().unwrap_or_default()),
            Fact::NetworkCreated(_) => "is created".to_owned(),
            Fact::NetworkRemoved(_) | Fact::NodeRemoved(_) => "is removed".to_owned(),
            Fact::NodeCreated(_) => "is created, and off".to_owned(),
            Fact::NodeBooting(_) => "is booting".to_owned(),
            Fact::NodeRunning(_) => "is running".to_owned(),
            Fact::NodePaused(_) => "is paused".to_owned(),
            Fact::NodeOff(_) => "is off".to_owned(),
            Fact::Link { to, is_up, .. } => format!("its link to {to} is {}", if *is_up { "up" } else { "down" }),
            Fact::NodeState { reason, before, .. } if reason.is_empty() => format!("no longer: {before}"),
            Fact::NodeState { reason, .. } => reason.clone(),
            Fact::Service { at, health, reason } => format!("{} is {}{}", at.service, health.title(), why(*health, reason)),
            Fact::Promoted(at) => format!("{} is the primary now", at.service),
            Fact::VipLeft(vip, address, _) => format!("leaves {}", of(vip, *address)),
            Fact::VipTaken(vip, address, _) => format!("takes {}", of(vip, *address)),
            Fact::VipAlarm(vip, address, 0) => format!("no node holds {}", of(vip, *address)),
            Fact::VipAlarm(vip, address, several) => format!("{several} nodes hold {} at once", of(vip, *address)),
            Fact::Cluster { state, working, size, .. } => cluster(*state, *working, *size),
            Fact::Flow { id, health, reason } => {
                let verb = match health {
                    Health::Healthy => "reaches ",
                    Health::Degraded => "degraded: ",
                    Health::Down => "cannot reach ",
                    Health::Unknown => "may not reach ",
                };
                format!("{verb}{}{}", id.target(), why(*health, reason))
            }
            Fact::Answered => "recovered".to_owned(),
        }
    }

    /// How good it is: the colour of its mark.
    pub fn tone(&self) -> Tone {
        match &self.fact {
            Fact::Injected(_) | Fact::OperationEnded(_, Err(_)) | Fact::NodePaused(_) | Fact::NodeOff(_) | Fact::VipAlarm(..) => Tone::Bad,
            Fact::Healed(_)
            | Fact::Recovered(_)
            | Fact::OperationEnded(_, Ok(()))
            | Fact::NodeRunning(_)
            | Fact::Promoted(_)
            | Fact::Answered => Tone::Good,
            Fact::OperationStarted(_)
            | Fact::NetworkCreated(_)
            | Fact::NetworkRemoved(_)
            | Fact::NodeCreated(_)
            | Fact::NodeRemoved(_)
            | Fact::NodeBooting(_) => Tone::Neutral,
            Fact::VipLeft(..) => Tone::Warn,
            Fact::VipTaken(..) => Tone::Vip,
            Fact::Link { is_up, .. } => {
                if *is_up {
                    Tone::Good
                } else {
                    Tone::Bad
                }
            }
            Fact::NodeState { reason, .. } if reason.is_empty() => Tone::Good,
            Fact::NodeState { health, .. } | Fact::Service { health, .. } | Fact::Flow { health, .. } => tone_of(*health),
            Fact::Cluster { state, .. } => match state {
                ClusterState::Whole => Tone::Good,
                ClusterState::Partial => Tone::Warn,
                ClusterState::Stopped | ClusterState::Split => Tone::Bad,
            },
        }
    }

    /// The thing that it is about.
    pub fn subject(&self) -> Option<Subject> {
        match &self.fact {
            Fact::Injected(one) | Fact::Healed(one) | Fact::Recovered(one) => fault::subject_of(one),
            Fact::NetworkCreated(name) | Fact::NetworkRemoved(name) => Some(Subject::Network(name.clone())),
            Fact::NodeCreated(node)
            | Fact::NodeRemoved(node)
            | Fact::NodeBooting(node)
            | Fact::NodeRunning(node)
            | Fact::NodePaused(node)
            | Fact::NodeOff(node)
            | Fact::Link { node, .. }
            | Fact::NodeState { node, .. } => Some(Subject::Node(node.clone())),
            Fact::Service { at, .. } | Fact::Promoted(at) => Some(Subject::Service(at.clone())),
            Fact::VipLeft(vip, ..) | Fact::VipTaken(vip, ..) | Fact::VipAlarm(vip, ..) => Some(Subject::Vip(vip.clone())),
            Fact::Cluster { name, .. } => Some(Subject::Cluster(name.clone())),
            Fact::Flow { id, .. } => Some(Subject::Flow(id.clone())),
            Fact::OperationStarted(_) | Fact::OperationEnded(..) | Fact::Answered => None,
        }
    }

    /// The sort of thing that happened, in one word for programs.
    pub fn kind(&self) -> &'static str {
        match self.fact {
            Fact::Injected(_) => "injected",
            Fact::Healed(_) | Fact::Recovered(_) => "healed",
            Fact::OperationStarted(_) | Fact::OperationEnded(..) => "operation",
            Fact::NetworkCreated(_) | Fact::NetworkRemoved(_) => "network",
            Fact::NodeCreated(_)
            | Fact::NodeRemoved(_)
            | Fact::NodeBooting(_)
            | Fact::NodeRunning(_)
            | Fact::NodePaused(_)
            | Fact::NodeOff(_)
            | Fact::NodeState { .. } => "node",
            Fact::Link { .. } => "link",
            Fact::Service { .. } | Fact::Promoted(_) => "service",
            Fact::VipLeft(..) | Fact::VipTaken(..) | Fact::VipAlarm(..) => "vip",
            Fact::Cluster { .. } => "cluster",
            Fact::Flow { .. } => "flow",
            Fact::Answered => "requests",
        }
    }
}

fn cluster(state: ClusterState, working: usize, size: usize) -> String {
    match state {
        ClusterState::Whole => "all members are together".to_owned(),
        ClusterState::Partial => format!("{working} of {size} members work on"),
        ClusterState::Stopped => "stopped: no part of it has a majority".to_owned(),
        ClusterState::Split => "split: several parts work, and their data will differ".to_owned(),
    }
}

fn of(vip: &VipName, address: Address) -> String {
    address.map_or_else(|| vip.to_string(), |address| address.to_string())
}

fn why(health: Health, reason: &str) -> String {
    if reason.is_empty() || health == Health::Healthy { String::new() } else { format!(": {reason}") }
}

fn tone_of(health: Health) -> Tone {
    match health {
        Health::Healthy => Tone::Good,
        Health::Degraded => Tone::Warn,
        Health::Down => Tone::Bad,
        Health::Unknown => Tone::Neutral,
    }
}
