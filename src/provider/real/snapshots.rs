//! A node's snapshots: taken, and gone back to. What was noted on its machine belongs to the state that is kept, so it is kept
//! with it: going back makes the notes what they were, and a deployment then sees what the drawing has changed since.

use super::{act, core::Core, live::Live, notes};
use crate::{
    model::{NodeName, Power},
    plan::Action,
    provider::{Done, ProviderError, Retry, machines::Machine},
    provision::slug,
};
use std::{collections::BTreeMap, sync::Arc};

/// What comes before the note that keeps the other notes of a snapshot's time.
const KEPT: &str = "kept.";

/// Keeps a node's state under a name. A node that runs runs on.
pub(super) async fn take(
    core: Arc<Core>,
    live: Arc<dyn Live>,
    node: NodeName,
    name: String,
    says: act::Says,
) -> Result<Done, ProviderError> {
    let machine = there(&core, &node, "take a snapshot").await?;
    let done = act::act(Arc::clone(&core), live, Action::TakeSnapshot { node: node.clone(), snapshot: name.clone() }, says).await?;
    let notes: BTreeMap<&String, &String> = machine.notes.iter().filter(|(key, _)| !key.starts_with(KEPT)).collect();
    if done == Done::Changed {
        // Notes have text keys and text values, so they are always JSON.
        let text = serde_json::to_string(&notes).ok();
        core.machines.note(&node, &BTreeMap::from([(format!("{KEPT}{}", slug(&name)), text)])).await?;
        core.changed_below();
    }
    Ok(done)
}

/// Takes a node back to a snapshot of its own. One that ran runs again afterwards, with its clock set right.
pub(super) async fn restore(
    core: Arc<Core>,
    live: Arc<dyn Live>,
    node: NodeName,
    name: String,
    says: act::Says,
) -> Result<Done, ProviderError> {
    let before = there(&core, &node, "restore a snapshot").await?;
    core.machines.restore(&node, &name).await?;
    core.forget(&node);
    core.changed_below();
    let kept = before.notes.get(&format!("{KEPT}{}", slug(&name)));
    // A snapshot that somebody took by hand has none: then the next deployment sets the node up again, which changes nothing where
    // all is so already.
    let kept: BTreeMap<String, String> = kept.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let gone = before.notes.keys().filter(|key| !key.starts_with(KEPT) && !kept.contains_key(*key)).map(|key| (key.clone(), None));
    let back: BTreeMap<String, Option<String>> = gone.chain(kept.iter().map(|(key, text)| (key.clone(), Some(text.clone())))).collect();
    core.machines.note(&node, &back).await?;
    live.touched(&node);
    if before.power == Power::Running {
        act::act(Arc::clone(&core), Arc::clone(&live), Action::PowerOn { node: node.clone() }, says.clone()).await?;
        let now = there(&core, &node, "restore a snapshot").await?;
        if let (Some(spec), true) = notes::machine_spec(&now) {
            act::act(core, live, Action::Configure { node, spec }, says).await?;
        }
    }
    Ok(Done::Changed)
}

async fn there(core: &Core, node: &NodeName, what: &str) -> Result<Machine, ProviderError> {
    let mut below = core.machines.look().await?;
    below.machines.remove(node).ok_or_else(|| ProviderError {
        what: format!("{what} of {node}"),
        node: Some(node.clone()),
        why: "there is no such machine".into(),
        next: "Name a node of the lab that is deployed.".into(),
        retry: Retry::Useless,
    })
}
