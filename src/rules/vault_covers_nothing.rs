//! A folder is encrypted in which no service keeps anything.
//!
//! ## Why
//! Encryption at rest protects what lies in the folder, and nothing beside it. Where no service of the node works in the folder, the
//! data that it was meant for lies open next to it.
//!
//! What people put there by hand the drawing does not show; then accept the finding. Folders below `/var`, where databases and caches
//! keep theirs by themselves, are left out.
//!
//! ## Example
//! `backup1` keeps its copies in `/srv/backup`, and its vault encrypts `/srv/vault`.
//!
//! ## Do this instead
//! Encrypt the folder of the service, or let the service work in the encrypted one.

use super::mount_not_exported::is_below;
use super::{Facts, Report, exposure, offer};
use crate::catalog::{Behaviour, Holds, SettingType};
use crate::model::{Node, NodeName, Path, Value, shortened};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Some(entry) = facts.entry(service).filter(|entry| entry.behaviour == Behaviour::Vault) else { continue };
        let others = node.services.iter().filter(|(other, _)| *other != service_name);
        // Of a kind that the catalog does not have nothing can be said.
        if others.clone().any(|(_, service)| facts.entry(service).is_none()) {
            continue;
        }
        let used: Vec<(&str, &str)> = others
            .filter_map(|(other, service)| Some((other, service, facts.entry(service)?)))
            .flat_map(|(other, service, entry)| {
                let folders = entry.used_folders(service).filter(|(setting, _)| setting.holds == Holds::Folder);
                folders.map(move |(_, folder)| (other.as_str(), folder))
            })
            .collect();
        for (setting, folder) in entry.used_folders(service).filter(|(setting, _)| setting.takes == SettingType::Text) {
            let is_used = used.iter().any(|(_, other)| is_below(other, folder) || is_below(folder, other));
            if is_used || is_below(folder, "/var") {
                continue;
            }
            let message = format!("{name}/{service_name} encrypts {}, where no service of {name} keeps anything", shortened(folder, offer::TITLE_CHARS_MAX));
            let mut found =
                report.add(exposure::subject(name, service_name), message).within(Path::root().field("settings").key(&setting.name));
            for (other, used) in used.iter().take(OFFERED_MAX) {
                let edits = offer::service(name, service_name, service, |service| {
                    service.settings.insert(setting.name.clone(), Value::Text((*used).to_owned()));
                });
                found = found.fix(format!("Encrypt {}, the folder of {other}", shortened(used, offer::TITLE_CHARS_MAX)), edits);
            }
        }
    }
}

/// How many folders are offered.
const OFFERED_MAX: usize = 2;

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn the_folder_of_a_service() {
        let code = "vault-covers-nothing";
        let safe = |vault: &str, other: &str| {
            lab(&format!(r#"(name: "x", nodes: {{"safe": (role: storage, services: {{"vault": (kind: "encrypted-folder"{vault}){other}}})}})"#))
        };
        let at = |folder: &str| format!(r#", settings: {{"folder": "{folder}"}}"#);
        let backup = r#", "copies": (kind: "rsync-backup")"#;
        check(code, &safe("", ""), &["safe/vault encrypts /srv/vault, where no service of safe keeps anything"]);
        assert_eq!(fixes(code, &safe("", backup)), ["Encrypt /srv/backup, the folder of copies"]);
        for folder in ["/srv/backup", "/srv", "/srv/backup/nas1", "/var/lib/mysql"] {
            check(code, &safe(&at(folder), backup), &[]);
        }
        check(code, &safe(&at("/srv/back"), backup), &["safe/vault encrypts /srv/back, where no service of safe keeps anything"]);
    }
}
