//! A node's snapshots: taken, gone back to, removed.

use super::{
    IncusMachines,
    answers::Snapshot,
    api::{encoded, nothing},
    instances::INSTANCES,
};
use crate::{
    model::NodeName,
    provider::{Done, ProviderError, Retry},
};
use hyper::Method;
use serde_json::json;
use std::time::Duration;

/// How long it may take where the pool has to copy everything.
const TIMEOUT: Duration = Duration::from_secs(300);

impl IncusMachines {
    pub(super) async fn take_snapshot(&self, node: &NodeName, snapshot: &str) -> Result<Done, ProviderError> {
        let what = format!("taking the snapshot {snapshot} of {node}");
        let path = self.snapshot_path(node, snapshot, &what)?;
        let _one_at_a_time = self.turn(node).await;
        let there = self.instance_there(node, &what).await?;
        let found: Option<Snapshot> = self.find(&path).await.map_err(|error| error.explain(what.clone(), Some(node)))?;
        if found.is_some() {
            return Ok(Done::AlreadySo);
        }
        let body = json!({ "name": snapshot, "stateful": false });
        let path = format!("{INSTANCES}/{}/snapshots", there.name);
        let taken = self.api.run(Method::POST, &path, body, TIMEOUT).await;
        *self.kept_snapshots() = None;
        taken.map_err(|error| error.explain(what, Some(node)))?;
        Ok(Done::Changed)
    }

    /// Takes a machine back to a snapshot. What runs is stopped and started again by the daemon.
    ///
    /// # Errors
    /// Where there is no such snapshot, or the daemon fails.
    pub async fn restore_snapshot(&self, node: &NodeName, snapshot: &str) -> Result<Done, ProviderError> {
        let what = format!("taking {node} back to the snapshot {snapshot}");
        self.snapshot_path(node, snapshot, &what)?;
        let _one_at_a_time = self.turn(node).await;
        let there = self.instance_there(node, &what).await?;
        let path = format!("{INSTANCES}/{}", there.name);
        let restored = self.api.run(Method::PUT, &path, json!({ "restore": snapshot, "stateful": false }), TIMEOUT).await;
        restored.map_err(|error| error.explain(what, Some(node)))?;
        Ok(Done::Changed)
    }

    /// Removes a snapshot.
    ///
    /// # Errors
    /// Where the daemon fails; not where there is none.
    pub async fn delete_snapshot(&self, node: &NodeName, snapshot: &str) -> Result<Done, ProviderError> {
        let what = format!("removing the snapshot {snapshot} of {node}");
        let path = self.snapshot_path(node, snapshot, &what)?;
        let _one_at_a_time = self.turn(node).await;
        self.instance_there(node, &what).await?;
        let removed = self.api.run(Method::DELETE, &path, nothing(), TIMEOUT).await;
        *self.kept_snapshots() = None;
        match removed {
            Ok(_) => Ok(Done::Changed),
            Err(error) if error.is_missing() => Ok(Done::AlreadySo),
            Err(error) => Err(error.explain(what, Some(node))),
        }
    }

    fn snapshot_path(&self, node: &NodeName, snapshot: &str, what: &str) -> Result<String, ProviderError> {
        let good = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if snapshot.is_empty() || !snapshot.chars().all(good) || snapshot.starts_with('.') {
            return Err(ProviderError {
                what: what.to_owned(),
                node: Some(node.clone()),
                why: "that cannot be a snapshot's name".into(),
                next: "Name it with letters, digits, dashes, dots and underscores".into(),
                retry: Retry::Useless,
            });
        }
        Ok(format!("{INSTANCES}/{}/snapshots/{}", super::names::instance(&self.lab, node), encoded(snapshot)))
    }
}
