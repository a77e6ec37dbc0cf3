//! Which image a node is made of: an alias that exists at the daemon, or an error that says which do and how to make one.

use super::{IncusMachines, answers::Alias, names};
use crate::{
    model::{Image, MachineSpec, NodeName},
    provider::{ProviderError, Retry},
};
use std::path::PathBuf;

/// The images that `sandtable image` makes for any lab.
const OWN: [&str; 2] = ["sandtable-all", "sandtable-debian-12"];

/// An image that was chosen, and why it is not the drawn one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    alias: String,
    fingerprint: String,
    note: Option<String>,
}

/// Chooses among the aliases of images of containers: the lab's own, what the environment says, the drawn one.
fn choose(own: &str, setting: Option<&str>, drawn: Option<&Image>, aliases: &[Alias]) -> Option<Choice> {
    let find = |name: &str| aliases.iter().find(|alias| alias.name == name && alias.kind != "virtual-machine");
    let title = drawn.map_or("the provider's own image", |image| image.name.as_str());
    let chosen = |alias: &Alias, note| Some(Choice { alias: alias.name.clone(), fingerprint: alias.target.clone(), note });
    if let Some(setting) = setting {
        let alias = find(setting)?;
        return chosen(alias, Some(format!("made of {setting} as SANDTABLE_INCUS_IMAGE says, not of {title}")));
    }
    if let Some(alias) = find(own) {
        return chosen(alias, None);
    }
    let Some(image) = drawn else { return OWN.iter().find_map(|name| chosen(find(name)?, None)) };
    let with_snapshot = image.snapshot.as_ref().and_then(|snapshot| find(&format!("{}/{snapshot}", image.name)));
    if let Some(alias) = with_snapshot {
        return chosen(alias, None);
    }
    if let Some(alias) = find(&image.name) {
        let note = image.snapshot.as_ref().map(|snapshot| format!("an image has no snapshots here, so {snapshot:?} is left aside"));
        return chosen(alias, note);
    }
    // It was made for any lab, with all packages; the one without them is not what anybody drew.
    chosen(find(OWN[0])?, Some(format!("made of {}, for Incus has no image {title}", OWN[0])))
}

impl IncusMachines {
    /// The image for a machine; or why there is none, and what to do.
    pub(super) fn image_of(&self, spec: &MachineSpec, aliases: &[Alias]) -> Result<Choice, (String, String)> {
        let own = names::image(&self.lab);
        choose(&own, self.settings.image.as_deref(), spec.image.as_ref(), aliases).ok_or_else(|| {
            let wanted = self.settings.image.as_deref().or(spec.image.as_ref().map(|image| image.name.as_str())).unwrap_or(OWN[0]);
            let mut known: Vec<&str> = aliases.iter().map(|alias| alias.name.as_str()).collect();
            known.sort_unstable();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let why = format!("Incus has no image {wanted:?}, and none was made for this lab ({own}); it has: {known}");
            let next = "Make one with what the lab needs: sandtable image LAYOUT --on incus; with --packages-of-all it serves any lab. \
                        Or name one that is there: SANDTABLE_INCUS_IMAGE=ALIAS";
            (why, next.to_owned())
        })
    }

    /// The fingerprint of the image for a machine.
    pub(super) async fn image_for(
        &self,
        spec: &MachineSpec,
        node: &NodeName,
        says: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<String, ProviderError> {
        let what = format!("finding an image for {node}");
        let aliases: Vec<Alias> =
            self.api.read("/1.0/images/aliases?recursion=1").await.map_err(|error| error.explain(what.clone(), Some(node)))?;
        let refused = |(why, next)| ProviderError { what, node: Some(node.clone()), why, next, retry: Retry::Useless };
        let choice = self.image_of(spec, &aliases).map_err(refused)?;
        tracing::debug!(%node, alias = %choice.alias, "image chosen");
        if let Some(note) = &choice.note {
            says(note);
        }
        Ok(choice.fingerprint)
    }
}

/// What building an image runs, and the package that has it.
const TOOLS: [(&str, &str); 6] = [
    ("mmdebstrap", "mmdebstrap"),
    ("zstd", "zstd"),
    ("tar", "tar"),
    ("unshare", "util-linux"),
    ("chroot", "coreutils"),
    ("apt-get", "apt"),
];

/// Where a program is; folders of the administrator's programs count, which a user's path may leave out.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The packages that building an image needs and this machine lacks.
pub(super) fn tools_missing() -> Vec<&'static str> {
    TOOLS.iter().filter(|(tool, _)| program(tool).is_none()).map(|(_, package)| *package).collect()
}

/// Whether this process is root's, as the kernel says.
pub(super) fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uids.and_then(|uids| uids.split_whitespace().nth(1)).is_some_and(|effective| effective == "0")
}

/// Whether this machine's control groups (v2) limit memory.
pub(super) fn has_limits() -> bool {
    std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").is_ok_and(|text| text.split_whitespace().any(|word| word == "memory"))
}

/// Why an image cannot be built here, and what to do.
pub(super) fn how_to_build(missing: &[&str], is_root: bool) -> (String, String) {
    let rights = if is_root { "" } else { "root's rights" };
    let lacks = [missing.join(", "), rights.to_owned()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" and ");
    let install = if missing.is_empty() { String::new() } else { format!("sudo apt install {}; ", missing.join(" ")) };
    (format!("building an image needs {lacks}"), format!("{install}sudo sandtable image LAYOUT --on incus"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(names: &[&str]) -> Vec<Alias> {
        let alias = |name: &&str| Alias { name: (*name).to_owned(), target: format!("print of {name}"), kind: "container".into() };
        names.iter().map(alias).collect()
    }

    fn drawn(name: &str, snapshot: Option<&str>) -> Image {
        serde_json::from_value(serde_json::json!({ "name": name, "snapshot": snapshot })).unwrap()
    }

    #[test]
    fn the_labs_own_image_comes_before_the_drawn_one() {
        let known = aliases(&["rocky-9", "sandtable-lab-1", "sandtable-all"]);
        let name = |own: &str, setting: Option<&str>, drawn: Option<&Image>| choose(own, setting, drawn, &known).map(|choice| choice.alias);
        let rocky = drawn("rocky-9", Some("base"));
        assert_eq!(name("sandtable-lab-1", None, Some(&rocky)).as_deref(), Some("sandtable-lab-1"));
        assert_eq!(name("sandtable-lab-2", None, Some(&rocky)).as_deref(), Some("rocky-9"));
        assert_eq!(name("sandtable-lab-2", None, None).as_deref(), Some("sandtable-all"));
        assert_eq!(name("sandtable-lab-2", Some("sandtable-all"), Some(&rocky)).as_deref(), Some("sandtable-all"));
        assert_eq!(name("sandtable-lab-2", Some("absent"), Some(&rocky)), None, "what was asked for is not replaced");
        assert_eq!(name("sandtable-lab-2", None, Some(&drawn("debian-13", None))).as_deref(), Some("sandtable-all"));
        let without = aliases(&["rocky-9", "sandtable-debian-12"]);
        assert_eq!(choose("sandtable-lab-2", None, Some(&drawn("debian-13", None)), &without), None, "it lacks the packages");
    }

    #[test]
    fn what_is_not_as_drawn_is_said() {
        let known = aliases(&["rocky-9", "alma/base", "sandtable-all"]);
        let note = |setting: Option<&str>, drawn: &Image| choose("none", setting, Some(drawn), &known).unwrap().note;
        assert!(note(None, &drawn("rocky-9", Some("base"))).unwrap().contains("\"base\""));
        assert_eq!(note(None, &drawn("alma", Some("base"))), None);
        assert!(note(Some("sandtable-all"), &drawn("rocky-9", None)).unwrap().contains("not of rocky-9"));
        assert_eq!(note(None, &drawn("debian-13", None)).unwrap(), "made of sandtable-all, for Incus has no image debian-13");
    }
}
