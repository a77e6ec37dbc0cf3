//! What happens at the daemon, as it happens: a node's power as an event, and not at the next look.

use super::{IncusMachines, names};
use crate::{model::NodeName, provider::ProviderError};
use futures_util::StreamExt;
use serde::Deserialize;
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    metadata: Lifecycle,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lifecycle {
    /// `instance-started`, `instance-paused` …
    action: String,
    /// `/1.0/instances/NAME`, with a project behind it at times.
    source: String,
}

/// The instance whose power or cables an event is about.
fn about(text: &str) -> Option<String> {
    // A cable that is pulled is noted on its instance.
    const TOLD: [&str; 11] =
        ["created", "started", "stopped", "shutdown", "restarted", "paused", "resumed", "deleted", "ready", "restored", "updated"];
    let event: Event = serde_json::from_str(text).ok()?;
    let action = event.metadata.action.strip_prefix("instance-")?;
    let rest = event.metadata.source.strip_prefix("/1.0/instances/")?;
    let name = rest.split(['?', '/']).next()?;
    TOLD.contains(&action).then(|| name.to_owned())
}

impl IncusMachines {
    pub(super) async fn follow_nodes(&self, nodes: &[NodeName], changes: mpsc::Sender<NodeName>) -> Result<(), ProviderError> {
        let by_name: BTreeMap<String, &NodeName> = nodes.iter().map(|node| (names::instance(&self.lab, node), node)).collect();
        let explain = |error: super::error::ApiError| error.explain("listening to what happens at Incus", None);
        let mut socket = self.api.events("lifecycle").await.map_err(explain)?;
        loop {
            let message = tokio::select! {
                () = changes.closed() => return Ok(()),
                message = socket.next() => message,
            };
            match message {
                Some(Ok(Message::Text(text))) => {
                    let Some(node) = about(&text).and_then(|name| by_name.get(&name)) else { continue };
                    if changes.send((*node).clone()).await.is_err() {
                        return Ok(());
                    }
                }
                Some(Ok(Message::Close(_))) | None => return Err(explain(super::error::ApiError::Broken("the daemon went away".into()))),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(explain(super::error::ApiError::Broken(error.to_string()))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Incus 6.0.4 sends it.
    const STOPPED: &str = r#"{"type":"lifecycle","timestamp":"2026-11-22T04:50:01.1Z","metadata":{"action":"instance-stopped","source":"/1.0/instances/db1-0a1b2c3d4e","requestor":{"username":"root","protocol":"unix","address":"@"},"name":"db1-0a1b2c3d4e"},"location":"none","project":"default"}"#;

    #[test]
    fn power_is_told_from_the_rest() {
        assert_eq!(about(STOPPED).as_deref(), Some("db1-0a1b2c3d4e"));
        assert_eq!(about(&STOPPED.replace("instance-stopped", "instance-exec")), None);
        assert_eq!(about(&STOPPED.replace("instance-stopped", "network-created")), None);
        assert_eq!(about("{}"), None);
        assert_eq!(about("not json"), None);
    }
}
