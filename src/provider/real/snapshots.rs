//! What was noted on a machine when a snapshot of it was taken. A snapshot holds disks; whether it also holds notes is another
//! thing with each hypervisor, so they are kept here.

use super::core::Core;
use crate::{model::NodeName, provider::ProviderError, provision::slug};
use std::collections::BTreeMap;

/// The folder of them in a lab's state folder.
const FOLDER: &str = "snapshots";

/// Notes on a machine.
pub(super) type Notes = BTreeMap<String, String>;

fn file(snapshot: &str) -> String {
    format!("{}.json", slug(snapshot))
}

/// Keeps them.
pub(super) fn keep(core: &Core, node: &NodeName, snapshot: &str, notes: &Notes) -> Result<(), ProviderError> {
    let text = serde_json::to_vec(&(snapshot, notes)).unwrap_or_default();
    core.locked(|locked| locked.replace_below(&[FOLDER, &slug(node)], &file(snapshot), &text))
}

/// What was noted when a snapshot was taken; nothing where another program took it. Then all of the node is set up anew by the next
/// deployment, which finds most of it done.
pub(super) fn kept(core: &Core, node: &NodeName, snapshot: &str) -> Result<Notes, ProviderError> {
    let files = core.folder.read_below(&[FOLDER, &slug(node)]).map_err(super::core::in_state)?;
    let name = file(snapshot);
    let read = files.iter().find(|(found, _, _)| *found == name).and_then(|(_, _, bytes)| {
        let (of, notes): (String, Notes) = serde_json::from_slice(bytes).ok()?;
        (of == snapshot).then_some(notes)
    });
    Ok(read.unwrap_or_default())
}

/// Forgets what was noted when a snapshot was taken that is deleted since.
pub(super) fn forget(core: &Core, node: &NodeName, snapshot: &str) -> Result<(), ProviderError> {
    core.locked(|locked| locked.remove_below(&[FOLDER, &slug(node)], Some(&file(snapshot))))
}

/// Forgets likewise all snapshots of a machine that is deleted.
pub(super) fn forget_all(core: &Core, node: &NodeName) -> Result<(), ProviderError> {
    core.locked(|locked| locked.remove_below(&[FOLDER, &slug(node)], None))
}

/// What has to be noted so that what is noted `now` becomes what was noted then.
pub(super) fn back(now: &Notes, then: &Notes) -> BTreeMap<String, Option<String>> {
    let gone = now.keys().filter(|key| !then.contains_key(*key)).map(|key| (key.clone(), None));
    let other = then.iter().filter(|(key, value)| now.get(*key) != Some(value)).map(|(key, value)| (key.clone(), Some(value.clone())));
    gone.chain(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_become_what_they_were() {
        let notes = |list: &[(&str, &str)]| list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Notes>();
        let now = notes(&[("same", "1"), ("other", "2"), ("new", "3")]);
        let then = notes(&[("same", "1"), ("other", "1"), ("gone", "4")]);
        let mut after = now.clone();
        for (key, value) in back(&now, &then) {
            match value {
                Some(value) => after.insert(key, value),
                None => after.remove(&key),
            };
        }
        assert_eq!(after, then);
        assert!(back(&then, &then).is_empty());
    }
}
