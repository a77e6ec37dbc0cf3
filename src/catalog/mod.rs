//! The catalog: what kinds of service there are, as data.
//!
//! One folder a kind under `assets/catalog/`, embedded in the binary; its `service.ron` is an [`Entry`]. A folder of the
//! user's own can add kinds or replace ours ([`Catalog::overlaid`]). Nothing here names a kind in code: rules, plan and
//! simulator ask what a kind is ([`Behaviour`], [`Entry::keeps_data`]), never what it is called.

mod faults;
mod forgetting;
mod group;
mod judge;
mod named;
mod port;
mod recipe;
mod relation;
mod sockets;

pub use forgetting::Forgetting;
pub use group::Group;
pub use judge::Mismatch;
pub use named::{ForwardRule, Holds, Named, Reference};
pub use port::{Audience, Port, Protocol, Secrecy};
pub use recipe::{
    FamilyRecipe, FileTemplate, Folder, Landing, OnChange, Recipe, RecipeFolder, Recipes, Scripts, SecretForm, SecretNeed, SecretScope,
};

pub use relation::{Agreement, Calls, Carries, Copying, Need, Partners, Promoting, Through};

use crate::model::{Endpoint, IndexMap, Kind, Lab, NodeName, Role, Service, ServiceRef, Value};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

static EMBEDDED: include_dir::Dir<'static> = include_dir::include_dir!("$CARGO_MANIFEST_DIR/assets/catalog");

/// How a kind works, as far as rules, plan and simulator must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Answers requests by itself (a web server with its own files); passes the rest on where it has flows.
    Web,
    /// Spreads requests over the services that its flows lead to, and checks them.
    Balancer,
    /// Answers requests, and needs what its mandatory flows lead to.
    App,
    /// Keeps data; alone, or a primary and its replicas.
    Database,
    /// Keeps data as a member of a Galera cluster: votes.
    Galera,
    /// Votes in a Galera cluster and keeps nothing.
    Arbitrator,
    /// Keeps copies in memory.
    Cache,
    /// Keeps files the same on several nodes.
    Sync,
    /// Copies data away on a timer.
    Backup,
    /// Keeps accounts.
    Directory,
    /// Takes accounts from a directory.
    Login,
    /// Exports files over the network.
    FileServer,
    /// Mounts files from the network.
    Mount,
    /// Encrypts a folder at rest.
    Vault,
    /// Routes between the networks of its node.
    Router,
    /// Forwards ports to other nodes.
    PortForward,
    /// Answers names.
    Names,
    /// Encrypts what crosses between its node and its peers.
    Tunnel,
    /// Carries ports or a SOCKS proxy over ssh.
    SshTunnel,
    /// A node of a BEAM mesh.
    Beam,
    /// A node of a BEAM mesh that joins it to other meshes.
    BeamGateway,
    /// Collects metrics.
    Monitor,
    /// Offers its node's metrics.
    Exporter,
    /// Lets administrators in.
    Shell,
    /// Keeps the clock right.
    Clock,
}

impl Behaviour {
    /// Whether it votes in a cluster's quorum.
    pub fn votes(self) -> bool {
        matches!(self, Self::Galera | Self::Arbitrator)
    }

    /// Whether it does its work as a member of a cluster, and alone does none of it.
    pub fn needs_cluster(self) -> bool {
        matches!(self, Self::Galera | Self::Arbitrator | Self::Beam | Self::BeamGateway)
    }

    /// The sort of cluster that it may be a member of; the same for those that may be in one together. `None`: it forms none,
    /// and a cluster's name is a label for it.
    pub fn cluster_sort(self) -> Option<ClusterSort> {
        match self {
            Self::Galera | Self::Arbitrator => Some(ClusterSort::Galera),
            Self::Beam | Self::BeamGateway => Some(ClusterSort::Mesh),
            Self::Sync => Some(ClusterSort::Sync),
            Self::Tunnel => Some(ClusterSort::Tunnel),
            _ => None,
        }
    }

    /// Whether it answers requests of users, or passes them on.
    pub fn answers_requests(self) -> bool {
        matches!(self, Self::Balancer | Self::Web | Self::App | Self::PortForward)
    }

    /// Whether it speaks Erlang distribution.
    pub fn is_beam(self) -> bool {
        matches!(self, Self::Beam | Self::BeamGateway)
    }
}

/// What members of a cluster do together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClusterSort {
    /// Keep one database, by votes.
    Galera,
    /// Form a BEAM mesh.
    Mesh,
    /// Keep a folder the same.
    Sync,
    /// Encrypt what passes between them.
    Tunnel,
}

/// What a setting may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingType {
    /// Yes or no.
    Bool,
    /// A whole number, both ends included.
    Number {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// A text.
    Text,
    /// One of these.
    Choice(Vec<String>),
    /// Several texts.
    List,
    /// A value that is made at deployment; a layout names it and never holds it.
    Secret,
}

/// A setting of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What it may be.
    pub takes: SettingType,
    /// What its text stands for; of a list, each of its texts.
    #[serde(default)]
    pub holds: Holds,
    /// Whether a flow has to lead to the service that it names.
    #[serde(default)]
    pub carries: Carries,
    /// What it is where a service says nothing.
    #[serde(default)]
    pub default: Option<Value>,
    /// With whom it must be the same.
    #[serde(default)]
    pub agrees: Vec<Agreement>,
    /// The number of the same kind that it may not be less than.
    #[serde(default)]
    pub at_least: Option<String>,
    /// The setting of the same kind whose path only its clients are answered for; where it lists none, the management networks of its
    /// node are.
    #[serde(default)]
    pub guards: Option<String>,
    /// What it does, in a sentence.
    pub about: String,
}

/// An entry of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The product, or what people call it.
    pub title: String,
    /// Other names that it is found by.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The proposed name of a new service of this kind.
    pub name: String,
    /// Its icon's name.
    pub icon: String,
    /// Where the palette shows it.
    pub group: Group,
    /// What it does, in a sentence.
    pub about: String,
    /// How it works.
    pub behaviour: Behaviour,
    /// Whether losing its disk loses data.
    #[serde(default)]
    pub keeps_data: bool,
    /// Whether clients speak HTTP to its main port: balancers, caches and web servers understand requests to it, and pass all else on
    /// as bytes.
    #[serde(default)]
    pub speaks_http: bool,
    /// The least memory that it works in, in MiB.
    pub memory_mib: u32,
    /// How long it takes from start to readiness on an idle node, in milliseconds.
    pub start_ms: u32,
    /// The ports that it opens, the main one first; none for a pure client.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// What can be set.
    #[serde(default)]
    pub settings: Vec<Setting>,
    /// The role of a node that has it.
    pub role: Role,
    /// What it is of no use without.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Which of its flows its configuration takes.
    #[serde(default)]
    pub calls: Calls,
    /// Whether its work is done by the kernel, or by a timer, so that no process of its own can be killed or frozen.
    #[serde(default)]
    pub without_process: bool,
    /// How it copies from another of its kind.
    #[serde(default)]
    pub copies: Copying,
    /// How a replica becomes the primary.
    #[serde(default)]
    pub promotes: Promoting,
    /// When it loses what it keeps as its process ends.
    #[serde(default)]
    pub forgets: Forgetting,
}

impl Entry {
    /// All names that it is found by: its title, its kind, the proposed name, and the others.
    pub fn names<'a>(&'a self, kind: &'a Kind) -> impl Iterator<Item = &'a str> {
        [self.title.as_str(), kind.as_str(), self.name.as_str()].into_iter().chain(self.aliases.iter().map(String::as_str))
    }

    /// A setting by name.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// The number of one of its ports on a service.
    pub fn port_of(&self, service: &Service, port: &Port) -> u16 {
        let is_main = self.ports.first().is_some_and(|main| main.name == port.name);
        let main = if is_main { service.port } else { None };
        main.or_else(|| service.ports.get(&port.name).copied()).unwrap_or(port.port)
    }

    /// The ports that a service of this kind really opens: the catalog's description and the number.
    pub fn ports_of<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = (&'a Port, u16)> {
        self.ports.iter().map(|port| (port, self.port_of(service, port)))
    }

    /// Whether a service opens a port: one that is only for TLS stays closed where the setting `tls` is off.
    pub fn opens(&self, service: &Service, port: &Port) -> bool {
        port.secrecy != Secrecy::Encrypted || self.setting("tls").is_none() || self.is_on(service, "tls")
    }

    /// The main port of a service; `None` for a pure client.
    pub fn main_port(&self, service: &Service) -> Option<u16> {
        self.ports.first().map(|main| self.port_of(service, main))
    }

    /// The value of a setting on a service: its own, else the catalog's.
    pub fn value<'a>(&'a self, service: &'a Service, name: &str) -> Option<&'a Value> {
        service.settings.get(name).or_else(|| self.setting(name)?.default.as_ref())
    }

    /// The path that a setting guards on a service; empty: there is none to guard.
    pub fn guarded<'a>(&'a self, service: &'a Service, setting: &Setting) -> Option<&'a str> {
        match self.value(service, setting.guards.as_deref()?) {
            Some(Value::Text(path)) => Some(path),
            _ => None,
        }
    }

    /// Whether a yes-or-no setting is on.
    pub fn is_on(&self, service: &Service, name: &str) -> bool {
        matches!(self.value(service, name), Some(Value::Bool(true)))
    }

    /// Whether nobody can read what passes a port of a service.
    pub fn is_encrypted(&self, service: &Service, port: &Port) -> bool {
        match port.secrecy {
            Secrecy::Clear => false,
            Secrecy::Optional => self.is_on(service, "tls"),
            Secrecy::Encrypted => true,
        }
    }
}

/// Why an entry cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("catalog entry {kind}: {why}")]
pub struct CatalogError {
    /// The folder's name.
    pub kind: String,
    /// What is wrong, with line and column where it is the text.
    pub why: String,
}

/// All kinds, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// In alphabetical order; found by hash, because rules ask for a service's kind all the time.
    entries: IndexMap<Kind, Entry>,
}

impl Catalog {
    /// The kinds that Sandtable ships with.
    pub fn embedded() -> &'static Self {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            let texts = EMBEDDED.dirs().filter_map(|folder| {
                let kind = folder.path().file_name()?.to_str()?;
                let text = folder.get_file(folder.path().join("service.ron"))?.contents_utf8()?;
                Some((kind, text))
            });
            // A test reads every entry with `read`, so what is left out here cannot be shipped.
            Self::default().overlaid(texts.filter_map(|(kind, text)| Self::read(kind, text).ok()))
        })
    }

    /// Reads one entry.
    ///
    /// # Errors
    /// Where the text is not an entry, or the kind is not a name.
    pub fn read(kind: &str, text: &str) -> Result<(Kind, Entry), CatalogError> {
        let fail = |why: String| CatalogError { kind: kind.to_owned(), why };
        let name: Kind = kind.parse().map_err(|error: crate::model::NameError| fail(error.to_string()))?;
        let options = ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        let entry = options.from_str(text).map_err(|error| fail(error.to_string()))?;
        Ok((name, entry))
    }

    /// This catalog with entries added or replaced.
    #[must_use]
    pub fn overlaid(mut self, entries: impl IntoIterator<Item = (Kind, Entry)>) -> Self {
        self.entries.extend(entries);
        self.entries.sort_unstable_keys();
        self
    }

    /// An entry. `None` for a kind that a half-drawn or newer lab names and this catalog does not know.
    pub fn get(&self, kind: &str) -> Option<&Entry> {
        self.entries.get(kind)
    }

    /// All entries by kind, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&Kind, &Entry)> {
        self.entries.iter()
    }

    /// The entry of a service of a lab.
    pub fn of(&self, service: &Service) -> Option<&Entry> {
        self.get(&service.kind)
    }

    /// How a service works; `None` for an unknown kind.
    pub fn behaviour(&self, service: &Service) -> Option<Behaviour> {
        self.of(service).map(|entry| entry.behaviour)
    }

    /// Whether losing a service's disk loses data.
    pub fn keeps_data(&self, service: &Service) -> bool {
        self.of(service).is_some_and(|entry| entry.keeps_data)
    }

    /// The services of a lab that behave so, in the lab's order.
    pub fn services_that<'a>(
        &'a self,
        lab: &'a Lab,
        wanted: impl Fn(Behaviour) -> bool + 'a,
    ) -> impl Iterator<Item = (ServiceRef, &'a Service)> {
        lab.services()
            .filter(move |(_, _, service)| self.behaviour(service).is_some_and(&wanted))
            .map(|(node, name, service): (&NodeName, _, _)| (ServiceRef { node: node.clone(), service: name.clone() }, service))
    }

    /// Whether requests from outside can enter a lab: a flow leads from outside to a port.
    pub fn has_entrance(&self, lab: &Lab) -> bool {
        lab.flows.iter().filter(|flow| flow.from == Endpoint::Outside).any(|flow| match &flow.to {
            Endpoint::Service(at) => lab.service(at).is_some_and(|service| {
                let entry = self.of(service);
                let leads = entry.is_some_and(|entry| entry.behaviour == Behaviour::PortForward);
                flow.port.is_some() || leads || entry.and_then(|entry| entry.main_port(service)).is_some()
            }),
            Endpoint::Vip(vip) => {
                lab.vips.get(vip).is_some_and(|vip| !vip.holders.is_empty() && (flow.port.is_some() || vip.follows.is_some()))
            }
            Endpoint::Node(node) => flow.port.is_some() && lab.nodes.contains_key(node),
            Endpoint::Outside => false,
        })
    }

    /// Clusters of a lab with their members, in the lab's order.
    pub fn clusters(lab: &Lab) -> IndexMap<crate::model::ClusterName, Vec<ServiceRef>> {
        let mut clusters: IndexMap<_, Vec<ServiceRef>> = IndexMap::default();
        for (node, name, service) in lab.services() {
            if let Some(cluster) = &service.cluster {
                clusters.entry(cluster.clone()).or_default().push(ServiceRef { node: node.clone(), service: name.clone() });
            }
        }
        clusters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a recipe reads a setting, or names a service with it, which its templates know as a peer.
    fn is_read(folder: &include_dir::Dir<'_>, setting: &Setting) -> bool {
        let recipe = folder.get_file(folder.path().join("recipe.ron")).and_then(|file| file.contents_utf8()).unwrap_or_default();
        let alike = recipe.lines().last().and_then(|kind| EMBEDDED.get_dir(kind.trim().trim_matches('"'))).unwrap_or(folder);
        let wanted = ["settings", "secrets", "public"].map(|table| format!("{table}.{}", setting.name));
        let is_template = |file: &&include_dir::File<'_>| file.path().file_name().is_some_and(|name| name != "service.ron");
        let mut texts = alike.files().filter(is_template).filter_map(|file| file.contents_utf8());
        setting.carries != Carries::Nothing || texts.any(|text| wanted.iter().any(|wanted| text.contains(wanted)))
    }

    #[test]
    fn every_shipped_entry_reads_and_is_sound() {
        let mut folders = 0;
        for folder in EMBEDDED.dirs() {
            folders += 1;
            let kind = folder.path().file_name().unwrap().to_str().unwrap();
            let text = folder
                .get_file(folder.path().join("service.ron"))
                .unwrap_or_else(|| panic!("{kind}: no service.ron"))
                .contents_utf8()
                .unwrap();
            let (_, entry) = Catalog::read(kind, text).unwrap_or_else(|error| panic!("{error}"));
            assert!(entry.about.ends_with('.'), "{kind}: {}", entry.about);
            let repeated =
                |alias: &String| [entry.title.as_str(), entry.name.as_str(), kind, ""].iter().any(|it| it.eq_ignore_ascii_case(alias));
            assert!(!entry.aliases.is_empty() && !entry.aliases.iter().any(repeated), "{kind}: {:?}", entry.aliases);
            for setting in &entry.settings {
                assert!(setting.about.ends_with('.'), "{kind}.{}", setting.name);
                let is_free = matches!(setting.takes, SettingType::Text | SettingType::List) && setting.holds == Holds::Anything;
                assert!(!is_free, "{kind}.{} does not say what its text stands for", setting.name);
                assert!(is_read(folder, setting), "{kind}.{}: no template and no code reads it", setting.name);
                if let (SettingType::Choice(choices), Some(Value::Text(default))) = (&setting.takes, &setting.default) {
                    assert!(choices.contains(default), "{kind}.{}", setting.name);
                }
            }
            for port in &entry.ports {
                let setting = port.opened_by.as_ref().map(|setting| entry.setting(setting).map(|setting| &setting.takes));
                assert!(setting.is_none_or(|takes| takes == Some(&SettingType::Bool)), "{kind}: {}", port.name);
            }
            for setting in &entry.settings {
                let number = |name: &String| entry.setting(name).is_some_and(|least| matches!(least.takes, SettingType::Number { .. }));
                assert!(setting.at_least.as_ref().is_none_or(number), "{kind}.{}", setting.name);
                let path = |name: &String| entry.setting(name).is_some_and(|path| path.takes == SettingType::Text);
                let lists_clients = setting.takes == SettingType::List && setting.holds == Holds::Client;
                assert!(setting.guards.as_ref().is_none_or(|name| path(name) && lists_clients), "{kind}.{}", setting.name);
                for agreement in &setting.agrees {
                    assert!(!agreement.otherwise.ends_with('.'), "{kind}.{}: {}", setting.name, agreement.otherwise);
                }
            }
            for need in &entry.needs {
                assert!(!need.through.is_empty() && !need.otherwise.ends_with('.'), "{kind}: {}", need.what);
            }
            let mut names: Vec<_> = entry.ports.iter().map(|port| &port.name).collect();
            names.dedup();
            assert_eq!(names.len(), entry.ports.len(), "{kind}: two ports with one name");
        }
        assert_eq!(Catalog::embedded().iter().count(), folders);
        assert!(folders >= 30);
    }
}
