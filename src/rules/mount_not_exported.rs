//! A folder is mounted that its file server does not export.
//!
//! ## Why
//! A client mounts a folder by the name that it has at the server. What the server does not export it refuses: the folder stays empty, and
//! whoever's home lies there logs in without one.
//!
//! ## Example
//! ```ron
//! "homes": (kind: "automount", settings: {"map": "/home"})
//! "nfs": (kind: "nfs-server", settings: {"exports": ["/srv/homes"]})
//! ```
//!
//! ## Do this instead
//! Export the folder, or mount one that is exported.

use super::agreement::answering;
use super::contract::Verdict;
use super::{Facts, Report, offer};
use crate::catalog::{Behaviour, SettingType};
use crate::model::{Endpoint, Flow, Path, Service, ServiceRef, Subject, Value, shortened};

pub(super) fn check(facts: &Facts<'_>, flow: &Flow, _: &Verdict<'_>, report: &mut Report) {
    let Endpoint::Service(from) = &flow.from else { return };
    let Some(service) = facts.lab.service(from) else { return };
    let Some(entry) = facts.entry(service).filter(|entry| entry.behaviour == Behaviour::Mount) else { return };
    // It mounts from the first server that it is led to.
    let is_first = |other: &Flow| other.from == flow.from && server(facts, other).is_some();
    if facts.flows_of(&from.node).map(|(_, other)| other).find(|other| is_first(other)) != Some(flow) {
        return;
    }
    let Some((at, there)) = server(facts, flow) else { return };
    let Some(exporter) = facts.entry(there) else { return };
    let exported: Vec<&str> = exporter.used_folders(there).map(|(_, folder)| folder).collect();
    for (setting, folder) in entry.used_folders(service).filter(|(_, folder)| !exported.iter().any(|there| is_below(folder, there))) {
        let exports = if exported.is_empty() { "nothing".to_owned() } else { offer::row(exported.iter().map(|folder| text(folder))) };
        let mut found = report
            .add(Subject::Service(from.clone()), format!("{from} mounts {} from {at}, which exports {exports}", text(folder)))
            .within(Path::root().field("settings").key(&setting.name))
            .involving(Subject::Service(at.clone()));
        let list = exporter.settings.iter().find(|setting| setting.takes == SettingType::List && setting.holds == crate::catalog::Holds::Folder);
        if let Some(list) = list.filter(|_| exported.len() <= offer::ENTRIES_MAX) {
            let all: Vec<String> = exported.iter().map(|folder| (*folder).to_owned()).chain([folder.to_owned()]).collect();
            let edits = offer::service(&at.node, &at.service, there, |service| drop(service.settings.insert(list.name.clone(), Value::List(all))));
            found = found.fix(format!("Export {} too", text(folder)), edits);
        }
        if let [only] = exported.as_slice() {
            let edits = offer::service(&from.node, &from.service, service, |service| {
                service.settings.insert(setting.name.clone(), Value::Text((*only).to_owned()));
            });
            found.fix(format!("Mount {}", text(only)), edits);
        }
    }
}

/// The file server that a flow leads to.
fn server<'a>(facts: &Facts<'a>, flow: &'a Flow) -> Option<(ServiceRef, &'a Service)> {
    answering(facts, &flow.to).into_iter().find(|(_, service)| facts.behaviour(service) == Some(Behaviour::FileServer))
}

/// Whether a folder is another one or lies in it.
pub(super) fn is_below(folder: &str, of: &str) -> bool {
    let parts = |folder: &'_ str| folder.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect::<Vec<_>>();
    parts(folder).starts_with(&parts(of))
}

fn text(folder: &str) -> std::borrow::Cow<'_, str> {
    shortened(folder, offer::TITLE_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_map_that_nobody_exports() {
        let code = "mount-not-exported";
        let desk = |map: &str, exports: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "desk": (role: worker, services: {{"homes": (kind: "automount"{map})}}),
                    "nas": (role: storage, services: {{"nfs": (kind: "nfs-server"{exports}), "web": (kind: "nginx")}}),
                }}, flows: [(from: "desk/homes", to: "nas/web"), (from: "desk/homes", to: "nas/nfs")])"#
            ))
        };
        let exports = |list: &str| format!(r#", settings: {{"exports": [{list}]}}"#);
        let apart = desk("", &exports(r#""/srv/homes""#));
        check(code, &apart, &["desk/homes mounts /home from nas/nfs, which exports /srv/homes"]);
        assert_eq!(fixes(code, &apart), ["Export /home too", "Mount /srv/homes"]);
        check(code, &desk(r#", settings: {"map": "/data"}"#, ""), &["desk/homes mounts /data from nas/nfs, which exports /home"]);
        check(code, &desk("", ""), &[]);
        check(code, &desk(r#", settings: {"map": "/srv/files/a"}"#, &exports(r#""/home", "/srv/files/""#)), &[]);
    }
}
