//! How a kind is set up inside a node, as data: `recipe.ron` in its folder, and the templates beside it.
//!
//! Templates are in Jinja's language and get the values that [`crate::provision`] documents; what a recipe says and a
//! layout does not, a layout cannot change. `assets/catalog/README.md` tells how to write one.

use super::{CatalogError, EMBEDDED};
use crate::model::{Family, IndexMap, Kind};
use include_dir::Dir;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::OnceLock};

/// What a value must be quoted for: the language of the place where it lands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landing {
    /// Written as it is. Only letters, digits and `_ . : / @ % + = , -` pass, and no leading dash; anything else is refused.
    #[default]
    Plain,
    /// The rest of a line: control characters are refused, all else is written as it is.
    Line,
    /// One word of a POSIX shell, in single quotes.
    Sh,
    /// An SQL string literal with its quotes. Databases differ in what a backslash is, so it is refused.
    Sql,
    /// A JSON string with its quotes; also what YAML, TOML and Erlang take for one.
    Json,
    /// A double-quoted string, as nginx, Apache, haproxy, unbound and keepalived all read it. They differ in escapes and
    /// variables, so quotes, backslashes, `$` and backquotes are refused.
    Conf,
    /// A PHP string literal in single quotes.
    Php,
    /// Part of a line of a systemd unit: `%` doubled; control characters, quotes, backslashes, `$` and backquotes refused. What may
    /// hold blanks goes between double quotes of the template's own.
    Unit,
    /// An LDIF value, in base64 where it must be. It brings what follows the first colon: `cn:{{ value }}`.
    Ldif,
}

/// A folder that a service needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// Where, as a template whose values are `plain`.
    pub path: String,
    /// Its mode in octal digits, such as "0755".
    #[serde(default = "folder_mode")]
    pub mode: String,
    /// `user:group`.
    #[serde(default = "root")]
    pub owner: String,
    /// The expression that says whether it is wanted; `None`: always.
    #[serde(default)]
    pub when: Option<String>,
}

/// What a changed file asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChange {
    /// The service is restarted.
    #[default]
    Restart,
    /// The service reads it again, without a break.
    Reload,
    /// Nothing: it is read at each use.
    Nothing,
}

/// A file that a service needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTemplate {
    /// The template's name in the kind's folder.
    pub template: String,
    /// Where the file goes, as a template whose values are `plain`.
    pub to: String,
    /// Its mode in octal digits, such as "0644".
    #[serde(default = "file_mode")]
    pub mode: String,
    /// `user:group`.
    #[serde(default = "root")]
    pub owner: String,
    /// What values are quoted for where the template does not say.
    #[serde(default)]
    pub landing: Landing,
    /// The expression that says whether it is wanted; `None`: always. A file that is not wanted is removed.
    #[serde(default)]
    pub when: Option<String>,
    /// What a change asks for.
    #[serde(default)]
    pub on_change: OnChange,
    /// Whether the file is copied as it stands, without being read as a template.
    #[serde(default)]
    pub verbatim: bool,
}

/// What a secret looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretForm {
    /// 24 letters and digits.
    #[default]
    Password,
    /// 8 letters and digits: all that VRRP's simple authentication takes.
    Short,
    /// A WireGuard key pair in base64: the secret, and `.public`.
    WireguardKey,
    /// An ssh key pair (ed25519): the secret in OpenSSH's form, and `.public`.
    SshKey,
}

/// Who shares a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretScope {
    /// All services of this lab that ask for one of this name.
    #[default]
    Lab,
    /// The members of the service's cluster, and a primary with its replicas.
    Cluster,
    /// This service alone.
    Service,
}

/// A secret that a kind needs and a layout need not name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretNeed {
    /// Its name in templates: `secrets.NAME`. A setting of the type `secret` by this name may be drawn to share it otherwise.
    pub name: String,
    /// What it looks like.
    #[serde(default)]
    pub form: SecretForm,
    /// Who shares it.
    #[serde(default)]
    pub scope: SecretScope,
    /// The name under which it is shared where the drawing says nothing; `None`: its own. For what another kind calls otherwise.
    #[serde(default)]
    pub shared_as: Option<String>,
}

/// How a kind is set up on one family of distributions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamilyRecipe {
    /// Packages, by the family's names.
    pub packages: Vec<String>,
    /// The systemd unit, as a template whose values are `plain`; `None`: nothing runs by itself (a file, a mount, a rule).
    #[serde(default)]
    pub unit: Option<String>,
    /// Further units that are started and stopped with it, after it.
    #[serde(default)]
    pub more_units: Vec<String>,
    /// Units that the packages bring and that must not run.
    #[serde(default)]
    pub masks: Vec<String>,
    /// What differs between families, for templates: `paths.NAME`.
    #[serde(default)]
    pub paths: BTreeMap<String, String>,
    /// Whether it has been seen running on this family; what has not is marked as untried where people see it.
    #[serde(default)]
    pub tried: bool,
}

/// The scripts of a kind: names of templates in its folder, run by a POSIX shell as root, their values quoted for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scripts {
    /// Run once the files are there and before it starts; can be run again. It may say `changed` to ask for a restart.
    pub setup: Option<String>,
    /// Checks the configuration with the service's own checker; not started, and reported, where it fails.
    pub check: Option<String>,
    /// Starts it; without one the unit is started.
    pub start: Option<String>,
    /// Starts it as the first of its cluster; without one, as any other.
    pub bootstrap: Option<String>,
    /// Asked again and again after a start until it ends well.
    pub ready: Option<String>,
    /// Run once after it is ready for the first time and after each change: accounts, schemas, replication. Can be run again.
    pub after: Option<String>,
    /// How well it is: ends with 0 (healthy), 2 (degraded) or anything else (down), and says why in one line. Without one: as
    /// well as its unit. Asked every two seconds, so it must be quick.
    pub health: Option<String>,
    /// Prints `name value` lines of what an observer wants to know: `cluster-size 4`, `lag-ms 120`.
    pub facts: Option<String>,
    /// Takes away what it left, once it is stopped.
    pub remove: Option<String>,
    /// After a full stop of the cluster: stops it hard and prints how far its data goes, as a whole number. The member with the
    /// greatest is bootstrapped.
    pub position: Option<String>,
    /// Makes a running replica take writes, without a restart: what has arrived is applied first. It checks that it is a replica, and can
    /// be run again. Afterwards the files are those of a primary.
    pub promote: Option<String>,
}

/// How a kind is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// By family. Ubuntu falls back on Debian, Fedora on Rocky.
    pub families: BTreeMap<Family, FamilyRecipe>,
    /// Folders, in the order in which they are made.
    #[serde(default)]
    pub folders: Vec<Folder>,
    /// Numbers that its configuration is written with and that no layout changes: time-outs, intervals, counts. The unit ends the name
    /// (`_ms`, `_secs`). Templates read them as `constants.NAME`, and the simulator works with the same.
    #[serde(default)]
    pub constants: BTreeMap<String, u64>,
    /// Files.
    #[serde(default)]
    pub files: Vec<FileTemplate>,
    /// Secrets.
    #[serde(default)]
    pub secrets: Vec<SecretNeed>,
    /// The expression that says whether it needs a certificate of the lab's own authority: `tls.certificate`, `tls.key`,
    /// `tls.authority`.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Further host names that the certificate holds for, as templates whose values are `plain`, beside the node's own names.
    #[serde(default)]
    pub certificate_names: Vec<String>,
    /// Who may read the certificate's key: `user:group`.
    #[serde(default = "root")]
    pub certificate_owner: String,
    /// An expression: whether its main port is opened on this node once it runs, so that it is waited for; `None`: it is.
    #[serde(default)]
    pub listens: Option<String>,
    /// Packets that pass the node's firewall through the node, as nftables rules: a template's name, `plain`. It stands in
    /// our table, whose chains `input`, `forward`, `prerouting` and `postrouting` it opens again to add rules. For gateways.
    #[serde(default)]
    pub firewall: Option<String>,
    /// Scripts.
    #[serde(default)]
    pub scripts: Scripts,
    /// How long it may take to be ready after a start, in seconds.
    #[serde(default = "ready_secs")]
    pub ready_secs: u32,
}

impl Recipe {
    /// How it is set up on a family.
    pub fn on(&self, family: Family) -> Option<&FamilyRecipe> {
        let like = match family {
            Family::Ubuntu => Family::Debian,
            Family::Fedora => Family::Rocky,
            Family::Debian | Family::Rocky | Family::Other => family,
        };
        self.families.get(&family).or_else(|| self.families.get(&like))
    }
}

/// A recipe with its templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeFolder {
    /// What is done.
    pub recipe: Recipe,
    /// The texts of the folder by file name.
    pub templates: BTreeMap<String, String>,
}

/// The recipes of all kinds that have one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipes {
    folders: IndexMap<Kind, RecipeFolder>,
}

impl Recipes {
    /// The recipes that Sandtable ships with.
    pub fn embedded() -> &'static Self {
        static RECIPES: OnceLock<Recipes> = OnceLock::new();
        RECIPES.get_or_init(|| {
            let mut folders = IndexMap::default();
            for folder in EMBEDDED.dirs() {
                let Some(kind) = folder.path().file_name().and_then(|name| name.to_str()) else { continue };
                // A test reads every recipe with `read`, so what is left out here cannot be shipped.
                if let Ok(Some((kind, folder))) = Self::read(kind, shipped(folder)) {
                    folders.insert(kind, folder);
                }
            }
            Self { folders }
        })
    }

    /// Reads the recipe among the files of a kind's folder; `None` where there is none.
    ///
    /// # Errors
    /// Where `recipe.ron` is not a recipe, names a template that is not there, or the kind is not a name.
    pub fn read(kind: &str, mut files: BTreeMap<String, String>) -> Result<Option<(Kind, RecipeFolder)>, CatalogError> {
        let fail = |why: String| CatalogError { kind: kind.to_owned(), why };
        let Some(text) = files.remove("recipe.ron") else { return Ok(None) };
        files.remove("service.ron");
        let name: Kind = kind.parse().map_err(|error: crate::model::NameError| fail(error.to_string()))?;
        let options = ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        let recipe: Recipe = options.from_str(&text).map_err(|error| fail(format!("recipe.ron: {error}")))?;
        let folder = RecipeFolder { recipe, templates: files };
        match folder.named().into_iter().find(|name| !folder.templates.contains_key(*name)) {
            Some(missing) => Err(fail(format!("recipe.ron names {missing}, which is not in the folder"))),
            None => Ok(Some((name, folder))),
        }
    }

    /// The recipe of a kind; `None` for one that cannot be deployed on real nodes.
    pub fn get(&self, kind: &str) -> Option<&RecipeFolder> {
        self.folders.get(kind)
    }

    /// All recipes by kind, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&Kind, &RecipeFolder)> {
        self.folders.iter()
    }
}

impl RecipeFolder {
    /// The templates that the recipe names.
    fn named(&self) -> Vec<&str> {
        let Recipe { files, scripts, firewall, .. } = &self.recipe;
        let Scripts { setup, check, start, bootstrap, ready, after, health, facts, remove, position, promote } = scripts;
        let scripts = [setup, check, start, bootstrap, ready, after, health, facts, remove, position, promote, firewall];
        let files = files.iter().map(|file| file.template.as_str());
        files.chain(scripts.into_iter().flatten().map(String::as_str)).collect()
    }
}

/// The texts of a folder by file name.
fn texts(folder: &Dir<'_>) -> BTreeMap<String, String> {
    let texts = folder.files().filter_map(|file| {
        let name = file.path().file_name()?.to_str()?;
        Some((name.to_owned(), file.contents_utf8()?.to_owned()))
    });
    texts.collect()
}

/// The texts that make a kind's recipe: those of its folder, or of the kind that its `recipe.ron` names instead of telling one.
fn shipped(folder: &Dir<'_>) -> BTreeMap<String, String> {
    let own = texts(folder);
    let other = own.get("recipe.ron").and_then(|text| ron::from_str::<String>(text).ok());
    other.and_then(|kind| EMBEDDED.get_dir(kind)).map_or(own, texts)
}

fn folder_mode() -> String {
    "0755".to_owned()
}

fn file_mode() -> String {
    "0644".to_owned()
}

fn root() -> String {
    "root:root".to_owned()
}

fn ready_secs() -> u32 {
    60
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(recipe: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("recipe.ron".to_owned(), recipe.to_owned())])
    }

    #[test]
    fn every_shipped_recipe_reads() {
        for folder in EMBEDDED.dirs() {
            let kind = folder.path().file_name().unwrap().to_str().unwrap();
            for file in folder.files() {
                assert!(file.contents_utf8().is_some(), "{} is no text", file.path().display());
            }
            Recipes::read(kind, shipped(folder)).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    #[test]
    fn a_kind_may_have_the_recipe_of_another() {
        let recipes = Recipes::embedded();
        assert_eq!(recipes.get("beam-gateway").unwrap(), recipes.get("beam").unwrap());
        assert_ne!(recipes.get("garbd").unwrap(), recipes.get("galera").unwrap());
    }

    #[test]
    fn a_template_that_is_not_there_is_told() {
        let error = Recipes::read("web", files(r#"(families: {debian: (packages: [])}, scripts: (setup: "setup.sh"))"#)).unwrap_err();
        assert!(error.why.contains("setup.sh"), "{error}");
    }

    #[test]
    fn ubuntu_falls_back_on_debian_and_fedora_on_rocky() {
        let (_, folder) =
            Recipes::read("web", files(r#"(families: {debian: (packages: ["a"]), rocky: (packages: ["b"])})"#)).unwrap().unwrap();
        assert_eq!(folder.recipe.on(Family::Ubuntu), folder.recipe.on(Family::Debian));
        assert_eq!(folder.recipe.on(Family::Fedora).unwrap().packages, ["b"]);
    }
}
