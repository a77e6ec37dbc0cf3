//! A server is a copy of another, and nothing brings the files there.
//!
//! ## Why
//! Such a kind copies nothing by itself: a file sync keeps its folder like that of the server with authority. Without one, or with files
//! in another folder, the copy serves what it had on its first day.
//!
//! ## Example
//! `app2/php` is a copy of `admin1/php`; `admin1` and `app1` have a file sync of the cluster `docroot`, and `app2` has none.
//!
//! ## Do this instead
//! Put a file sync of the same cluster on both nodes, and let both serve from its folder.

use super::{Facts, Report, offer};
use crate::catalog::{Behaviour, Copying, Entry, Holds, SettingType};
use crate::model::{Edit, Node, NodeName, Service, ServiceName, ServiceRef, Subject, Value, shortened};
use std::path::Path;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        beside_the_sync(facts, node, &ServiceRef { node: name.clone(), service: service_name.clone() }, service, report);
        let Some(primary_at) = service.replica_of.as_ref().filter(|primary| primary.node != *name) else { continue };
        if facts.entry(service).is_none_or(|entry| entry.copies != Copying::Files) {
            continue;
        }
        let Some(primary) = facts.lab.nodes.get(&primary_at.node) else { continue };
        let source = |wanted: &Service| syncs(facts, primary).any(|(_, service)| service.cluster.is_some() && service.cluster == wanted.cluster);
        if syncs(facts, node).any(|(_, sync)| source(sync)) {
            continue;
        }
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        let found = report
            .add(Subject::Service(at.clone()), format!("{at} is a copy of {primary_at}, and no file sync brings the files there"))
            .involving(Subject::Service(primary_at.clone()));
        if let Some((title, edits)) = joined(facts, name, node, primary) {
            found.fix(title, edits);
        }
    }
}

/// Reports a copy, or what others are a copy of, whose files lie in none of the folders that are kept the same.
fn beside_the_sync(facts: &Facts<'_>, node: &Node, at: &ServiceRef, service: &Service, report: &mut Report) {
    let Some(entry) = facts.entry(service).filter(|entry| entry.copies == Copying::Files) else { return };
    if service.replica_of.is_none() && facts.replicas_of(at).next().is_none() {
        return;
    }
    let kept = syncs(facts, node).filter(|(_, sync)| sync.cluster.is_some()).filter_map(|(name, sync)| {
        let folder = facts.entry(sync).and_then(|entry| folder_of(entry, sync))?;
        Some((name, folder))
    });
    let (Some((setting, files)), kept) = (folder_setting(entry, service), kept.collect::<Vec<_>>()) else { return };
    let is_kept = |folder: &str| Path::new(files).starts_with(folder);
    let Some((sync, folder)) = kept.first().filter(|_| !kept.iter().any(|(_, folder)| is_kept(folder))) else { return };
    let edits = offer::service(&at.node, &at.service, service, |service| {
        service.settings.insert(setting.to_owned(), Value::Text((*folder).to_owned()));
    });
    report
        .add(Subject::Service(at.clone()), format!("{at} serves {files}, and {}/{sync} keeps {folder} the same", at.node))
        .within(crate::model::Path::root().field("settings").key(setting))
        .fix(format!("Serve {}", shortened(folder, offer::TITLE_CHARS_MAX)), edits);
}

/// The folder that a service works on, and the setting that says it.
fn folder_setting<'a>(entry: &'a Entry, service: &'a Service) -> Option<(&'a str, &'a str)> {
    let setting = entry.settings.iter().find(|setting| setting.holds == Holds::Folder && setting.takes == SettingType::Text)?;
    match entry.value(service, &setting.name)? {
        Value::Text(folder) => Some((&setting.name, folder)),
        _ => None,
    }
}

fn folder_of<'a>(entry: &'a Entry, service: &'a Service) -> Option<&'a str> {
    folder_setting(entry, service).map(|(_, folder)| folder)
}

fn syncs<'a>(facts: &Facts<'a>, node: &'a Node) -> impl Iterator<Item = (&'a ServiceName, &'a Service)> + use<'a> {
    let facts = *facts;
    node.services.iter().filter(move |(_, service)| facts.behaviour(service) == Some(Behaviour::Sync))
}

/// Gives the node a file sync like that of the server with authority, or lets its own join that one's cluster.
fn joined(facts: &Facts<'_>, name: &NodeName, node: &Node, primary: &Node) -> Option<offer::Offer> {
    let (pattern_name, pattern) = syncs(facts, primary).find(|(_, sync)| sync.cluster.is_some())?;
    let cluster = pattern.cluster.as_ref()?;
    let title = format!("Keep its folder the same by {cluster}");
    if let Some((own, sync)) = syncs(facts, node).next() {
        return Some((title, offer::service(name, own, sync, |sync| sync.cluster = Some(cluster.clone()))));
    }
    let mut copy = pattern.clone();
    copy.settings.remove("authoritative");
    let free = !node.services.contains_key(pattern_name);
    free.then(|| (title, vec![Edit::Service { node: name.clone(), name: pattern_name.clone(), at: None, to: Some(Box::new(copy)) }]))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_copy_without_its_files() {
        let code = "copy-without-sync";
        let in_folder = |folder: &str, sync: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "a": (role: app, services: {{"php": (kind: "apache", settings: {{"authoritative": true, "docroot": "{folder}"}}), "sync": (kind: "file-sync", cluster: "press")}}),
                    "b": (role: app, services: {{"php": (kind: "apache", replica_of: "a/php", settings: {{"docroot": "/srv/shared"}}){sync}}}),
                }})"#
            ))
        };
        let press = |sync: &str| in_folder("/srv/shared", sync);
        check(code, &press(""), &["b/php is a copy of a/php, and no file sync brings the files there"]);
        assert_eq!(fixes(code, &press("")), ["Keep its folder the same by press"]);
        let apart = press(r#", "sync": (kind: "file-sync", cluster: "pres")"#);
        check(code, &apart, &["b/php is a copy of a/php, and no file sync brings the files there"]);
        assert_eq!(fixes(code, &apart), ["Keep its folder the same by press"]);
        let joined = r#", "sync": (kind: "file-sync", cluster: "press")"#;
        check(code, &press(joined), &[]);
        check(code, &in_folder("/srv/shared/site", joined), &[]);
        let beside = in_folder("/srv/share", joined);
        check(code, &beside, &["a/php serves /srv/share, and a/sync keeps /srv/shared the same"]);
        assert_eq!(fixes(code, &beside), ["Serve /srv/shared"]);
    }
}
