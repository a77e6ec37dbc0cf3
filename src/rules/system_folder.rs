//! A setting names a folder of the system itself.
//!
//! ## Why
//! Services work on their folders as root: they move what lies there, mount over it, change who owns it, or hand it to
//! others. Done to `/` or `/etc`, the node does not start again, or its keys and passwords are read by every client that mounts it.
//!
//! Folders below `/home`, `/srv`, `/opt`, `/mnt`, `/var/www` and the like are meant for this.
//!
//! ## Example
//! ```ron
//! "vault": (kind: "encrypted-folder", settings: {"folder": "/etc"})
//! "files": (kind: "nfs-server", settings: {"exports": ["/"]})
//! ```
//!
//! ## Do this instead
//! Give the service a folder of its own, such as `/srv/vault`.

use super::{Facts, Report, exposure, offer};
use crate::catalog::{Holds, SettingType};
use crate::model::{Node, NodeName, Path, shortened};

/// Folders that no service may have to itself, as they are.
const ITSELF: [&str; 9] = ["", "etc", "root", "usr", "usr/local", "usr/share", "var", "var/lib", "var/log"];

/// Folders that no service may have to itself, with all that is below them.
const WITH_ALL_BELOW: [&str; 21] = [
    "bin",
    "boot",
    "dev",
    "etc/pam.d",
    "etc/sandtable",
    "etc/ssh",
    "etc/ssl/private",
    "etc/systemd",
    "lib",
    "lib32",
    "lib64",
    "proc",
    "root/.ssh",
    "run",
    "sbin",
    "sys",
    "usr/bin",
    "usr/lib",
    "usr/lib64",
    "usr/sbin",
    "var/lib/sandtable",
];

/// Folders that cannot be copied: they are no files.
const NO_FILES: [&str; 4] = ["dev", "proc", "run", "sys"];

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in node.services.iter().filter(|(_, service)| !service.settings.is_empty()) {
        let Some(entry) = facts.entry(service) else { continue };
        for (setting, folder) in entry.folders(service) {
            let why = match setting.holds {
                Holds::Source if is_below(&plain(folder), &NO_FILES) => "holds no files that can be copied",
                Holds::Source => continue,
                _ if is_system(folder) => "belongs to the system of the node",
                _ => continue,
            };
            let message = format!("{name}/{service_name} has {} for {}, which {why}", shortened(folder, 60), setting.name);
            let found = report
                .add(exposure::subject(name, service_name), message)
                .within(Path::root().field("settings").key(&setting.name));
            if let Some(default) = setting.default.as_ref().filter(|_| setting.takes == SettingType::Text) {
                let edits = offer::service(name, service_name, service, |service| {
                    service.settings.remove(&setting.name);
                });
                found.fix(format!("Use the default, {default}"), edits);
            }
        }
    }
}

/// A path without what means nothing in it: doubled slashes, single dots, slashes at the ends.
fn plain(folder: &str) -> String {
    let parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    parts.join("/")
}

fn is_system(folder: &str) -> bool {
    let folder = plain(folder);
    ITSELF.contains(&folder.as_str()) || is_below(&folder, &WITH_ALL_BELOW)
}

fn is_below(folder: &str, of: &[&str]) -> bool {
    of.iter().any(|system| folder.strip_prefix(system).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::is_system;
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn folders_of_the_system() {
        let code = "system-folder";
        let lab = |kind: &str, settings: &str| {
            lab(&format!(r#"(name: "x", nodes: {{"n": (role: storage, services: {{"s": (kind: "{kind}", settings: {{{settings}}})}})}})"#))
        };
        let vault = lab("encrypted-folder", r#""folder": "/etc""#);
        check(code, &vault, &["n/s has /etc for folder, which belongs to the system of the node"]);
        assert_eq!(fixes(code, &vault), ["Use the default, /srv/vault"]);
        check(code, &lab("nfs-server", r#""exports": ["/srv", "/"]"#), &["n/s has / for exports, which belongs to the system of the node"]);
        check(code, &lab("nfs-server", r#""exports": ["/home", "/srv/files"]"#), &[]);
        check(code, &lab("rsync-backup", r#""folders": ["/etc", "/"]"#), &[]);
        check(code, &lab("rsync-backup", r#""folders": ["/proc"]"#), &["n/s has /proc for folders, which holds no files that can be copied"]);
        check(code, &lab("rsync-backup", r#""into": "/usr//lib/./x/""#), &["n/s has /usr//lib/./x/ for into, which belongs to the system of the node"]);
    }

    #[test]
    fn what_belongs_to_the_system() {
        for folder in ["/", "//", "/./", "/etc/", "/boot/efi", "/dev/shm", "/root/.ssh", "/usr", "/lib64", "/var/lib/sandtable/services"] {
            assert!(is_system(folder), "{folder}");
        }
        for folder in ["/home", "/srv", "/usr/share/nginx/html", "/var/www/html", "/libraries", "/etc/haproxy", "/opt/app", "/var/lib/data"] {
            assert!(!is_system(folder), "{folder}");
        }
    }
}
