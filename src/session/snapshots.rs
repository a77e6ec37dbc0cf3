//! Snapshots of nodes: taking, deleting, and restoring a node from one.

use super::{Finished, Monitor, Prepared, Result, Session, SessionError, operation::Operation, prepared::Goal};
use crate::{
    catalog::Catalog,
    model::{ActiveFault, NodeName, Observed, Power},
    plan::{delete_snapshots, desired, existing_snapshots, next_snapshot_name, restore, snapshot_name, take_snapshots},
};
use std::fmt;

/// What is done with snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotTask {
    /// Taken; one of the same name is an error.
    Take,
    /// Taken under the next free name.
    TakeNext,
    /// Taken in the place of one of the same name.
    Replace,
    /// Deleted.
    Delete,
}

/// Snapshots of one node or of all.
#[derive(Debug, Clone)]
pub struct Snapshots {
    /// What is done.
    pub task: SnapshotTask,
    /// The node; `None`: all that are deployed.
    pub node: Option<String>,
    /// The snapshot's name; `None`: the node's usual one.
    pub name: Option<String>,
}

/// A node that was restored from a snapshot. A snapshot holds disks, so faults that were injected last.
#[derive(Debug)]
pub struct Restored<'a> {
    node: &'a NodeName,
    snapshot: &'a str,
    /// The active faults of the node, oldest first.
    pub faults: Vec<&'a ActiveFault>,
}

impl Finished {
    /// What became of a node that was restored.
    pub fn restored<'a>(&'a self, node: &'a NodeName, snapshot: &'a str) -> Restored<'a> {
        let faults = self.observed.faults.iter().filter(|active| active.fault.nodes().contains(&node)).collect();
        Restored { node, snapshot, faults }
    }
}

impl fmt::Display for Restored<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, snapshot, faults } = self;
        if faults.is_empty() {
            return write!(f, "{node} is as it was at {snapshot}");
        }
        let all: Vec<String> = faults.iter().map(|active| format!("{} ({})", active.id, active.fault)).collect();
        let word = if faults.len() == 1 { "fault" } else { "faults" };
        write!(f, "{node} is restored from {snapshot}, with {word} {} still active: a snapshot heals no faults", all.join(", "))
    }
}

impl Session {
    /// The deployed nodes that are meant by a name, or all.
    ///
    /// # Errors
    /// Where no deployed node has the name.
    pub fn deployed_nodes(observed: &Observed, name: Option<&str>) -> Result<Vec<NodeName>> {
        let all = observed.nodes.iter().filter(|(_, node)| node.power != Power::Missing).map(|(name, _)| name.clone());
        let nodes: Vec<NodeName> = all.collect();
        let Some(name) = name else { return Ok(nodes) };
        match nodes.iter().find(|node| node.as_str() == name) {
            Some(node) => Ok(vec![node.clone()]),
            None => Err(SessionError::NoNode { name: name.to_owned(), nodes }),
        }
    }

    /// Prepares taking or deleting snapshots. Gives the nodes too.
    ///
    /// # Errors
    /// Where there is no such node, a snapshot exists that would be overwritten, the lab is in use, or the provider fails.
    pub fn prepare_snapshots(&self, wanted: &Snapshots, monitor: &mut Monitor<'_>) -> Result<(Vec<NodeName>, Prepared<'_>)> {
        let operation = Operation::begin(self, monitor)?;
        let observed = &operation.observed;
        let nodes = Self::deployed_nodes(observed, wanted.node.as_deref())?;
        let name = |node: &NodeName| match (wanted.task, &wanted.name) {
            (_, Some(name)) => name.clone(),
            (SnapshotTask::TakeNext, None) => next_snapshot_name(node, snapshots_of(node, observed)),
            (_, None) => snapshot_name(node),
        };
        let named: Vec<(NodeName, String)> = nodes.iter().map(|node| (node.clone(), name(node))).collect();
        let existing: Vec<_> = existing_snapshots(&named, observed).into_iter().cloned().collect();
        if wanted.task == SnapshotTask::Take && !existing.is_empty() {
            return Err(SessionError::SnapshotsExist(existing));
        }
        if wanted.task == SnapshotTask::Delete
            && existing.is_empty()
            && let Some((node, name)) = named.first()
        {
            return Err(SessionError::NoSnapshot {
                node: node.clone(),
                name: name.clone(),
                snapshots: snapshots_of(node, observed).to_vec(),
            });
        }
        let plan =
            if wanted.task == SnapshotTask::Delete { delete_snapshots(&existing, observed) } else { take_snapshots(&named, observed) };
        Ok((nodes, Prepared::new(operation, plan, Goal::Snapshot)))
    }

    /// Prepares restoring a node from a snapshot, by default its usual one. Gives the node and the snapshot too.
    ///
    /// # Errors
    /// Where there is no such node or snapshot, the lab is in use, or the provider fails.
    pub fn prepare_restore(
        &self,
        node: &str,
        snapshot: Option<&str>,
        monitor: &mut Monitor<'_>,
    ) -> Result<(NodeName, String, Prepared<'_>)> {
        let operation = Operation::begin(self, monitor)?;
        let observed = &operation.observed;
        let Some(node) = Self::deployed_nodes(observed, Some(node))?.into_iter().next() else {
            return Err(SessionError::NoNode { name: node.to_owned(), nodes: Vec::new() });
        };
        let name = snapshot.map_or_else(|| snapshot_name(&node), str::to_owned);
        let snapshots = snapshots_of(&node, observed);
        if !snapshots.contains(&name) {
            return Err(SessionError::NoSnapshot { node, name, snapshots: snapshots.to_vec() });
        }
        let plan = restore(&node, &name, &desired(&self.lab, Catalog::embedded(), &self.id), observed);
        Ok((node, name, Prepared::new(operation, plan, Goal::Restore)))
    }
}

fn snapshots_of<'a>(node: &NodeName, observed: &'a Observed) -> &'a [String] {
    observed.nodes.get(node).map(|node| node.snapshots.as_slice()).unwrap_or_default()
}
