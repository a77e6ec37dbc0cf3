//! Which image a node is made of: an alias that exists at the daemon, or an error that says which do and how to make one.

use super::{IncusMachines, answers::Alias, names};
use crate::{
    model::{Image, MachineSpec, NodeName},
    provider::{ProviderError, Retry},
};

/// The images that `sandtable image` makes for any lab.
const OWN: [&str; 2] = ["sandtable-all", "sandtable-debian-12"];

/// An image that was chosen, and why it is not the drawn one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice {
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
    let note = image.snapshot.as_ref().map(|snapshot| format!("an image has no snapshots here, so {snapshot:?} is left aside"));
    chosen(find(&image.name)?, note)
}

impl IncusMachines {
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
        let own = names::image(&self.lab);
        let choice = choose(&own, self.settings.image.as_deref(), spec.image.as_ref(), &aliases);
        let Some(choice) = choice else {
            let wanted = self.settings.image.as_deref().or(spec.image.as_ref().map(|image| image.name.as_str())).unwrap_or(OWN[0]);
            let mut known: Vec<&str> = aliases.iter().map(|alias| alias.name.as_str()).collect();
            known.sort_unstable();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(ProviderError {
                what,
                node: Some(node.clone()),
                why: format!("Incus has no image {wanted:?}, and none was made for this lab ({own}); it has: {known}"),
                next: "Make one with what the lab needs: sandtable image LAYOUT --on incus. \
                       Or name one that is there: SANDTABLE_INCUS_IMAGE=ALIAS"
                    .into(),
                retry: Retry::Useless,
            });
        };
        tracing::debug!(%node, alias = %choice.alias, "image chosen");
        if let Some(note) = &choice.note {
            says(note);
        }
        Ok(choice.fingerprint)
    }
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
        assert_eq!(name("sandtable-lab-2", None, Some(&drawn("debian-13", None))), None);
    }

    #[test]
    fn what_is_not_as_drawn_is_said() {
        let known = aliases(&["rocky-9", "alma/base", "sandtable-all"]);
        let note = |setting: Option<&str>, drawn: &Image| choose("none", setting, Some(drawn), &known).unwrap().note;
        assert!(note(None, &drawn("rocky-9", Some("base"))).unwrap().contains("\"base\""));
        assert_eq!(note(None, &drawn("alma", Some("base"))), None);
        assert!(note(Some("sandtable-all"), &drawn("rocky-9", None)).unwrap().contains("not of rocky-9"));
    }
}
