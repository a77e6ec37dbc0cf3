//! What a service needs that nobody drew: secrets and certificates, each by the key under which its value is kept.
//!
//! It names them and makes none. Two services that get the same key share the value.

use super::{Place, ProvisionError, scene};
use crate::{
    catalog::{Catalog, Recipe, Recipes, SecretForm, SecretNeed, SecretScope, SettingType},
    model::{PeerSpec, Relation, ServiceName, ServiceRef, ServiceSpec},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// A secret's value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// The secret.
    pub value: String,
    /// Its public half, where it is a pair of keys.
    pub public: Option<String>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A certificate of the lab's own authority, all in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// The authority's certificate.
    pub authority: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(…)")
    }
}

/// A secret that templates name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name in templates.
    pub name: String,
    /// The key of its value.
    pub key: String,
    /// What it looks like.
    pub form: SecretForm,
}

/// What a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNeed {
    /// The key of its value.
    pub key: String,
    /// Host names that it holds for, the first being its common name.
    pub names: Vec<String>,
    /// Addresses that it holds for.
    pub addresses: Vec<Ipv4Addr>,
}

/// What a service needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Its own secrets.
    pub own: Vec<Wanted>,
    /// What its peers have that it may know: shared secrets, and pairs of keys of which it learns the public halves.
    pub peers: BTreeMap<ServiceRef, Vec<Wanted>>,
    /// The pairs of keys that the services have to which its flows lead, each of one service alone: of these it learns the
    /// public halves.
    pub upstreams: BTreeMap<ServiceRef, Vec<Wanted>>,
    /// Its certificate.
    pub certificate: Option<CertificateNeed>,
}

impl Needs {
    /// All secrets, each key once.
    pub fn keys(&self) -> BTreeMap<&str, SecretForm> {
        self.own
            .iter()
            .chain(self.peers.values().chain(self.upstreams.values()).flatten())
            .map(|wanted| (wanted.key.as_str(), wanted.form))
            .collect()
    }
}

/// Values of what is needed, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// Secrets.
    pub secrets: BTreeMap<String, Secret>,
    /// The service's certificate.
    pub certificate: Option<Certificate>,
}

/// The key of the password that the holders of a VIP share.
pub fn vip_key(vip: &str) -> String {
    format!("vip/{vip}")
}

/// What a service needs.
///
/// # Errors
/// Where the kind has no recipe, or the recipe's expression for a certificate does not work.
pub fn needs(
    place: Place<'_>,
    service: &ServiceName,
    spec: &ServiceSpec,
    catalog: &Catalog,
    recipes: &Recipes,
) -> Result<Needs, ProvisionError> {
    let at = ServiceRef { node: place.node.clone(), service: service.clone() };
    let folder = recipes.get(&spec.kind).ok_or_else(|| ProvisionError::no_recipe(&spec.kind))?;
    let own_keys = scope_keys(&at, spec);
    let own = wanted(&spec.kind, &folder.recipe, &spec.secrets, &own_keys, catalog);
    let own_forms: BTreeSet<&str> = own.iter().map(|wanted| wanted.key.as_str()).collect();
    let peers = spec.peers.iter().map(|peer| {
        let keys = peer_keys(peer, &own_keys);
        let recipe = recipes.get(&peer.kind).map(|folder| &folder.recipe);
        let all = recipe.map(|recipe| wanted(&peer.kind, recipe, &peer.secrets, &keys, catalog)).unwrap_or_default();
        let known = |wanted: &Wanted| {
            let is_pair = matches!(wanted.form, SecretForm::WireguardKey | SecretForm::SshKey);
            is_pair || own_forms.contains(wanted.key.as_str())
        };
        (peer.at.clone(), all.into_iter().filter(known).collect())
    });
    let peers = peers.collect();
    let upstreams = spec.upstreams.iter().filter_map(|upstream| {
        let at: ServiceRef = upstream.to.parse().ok()?;
        let recipe = &recipes.get(upstream.kind.as_ref()?)?.recipe;
        let pairs = pairs_of(&at, recipe);
        (!pairs.is_empty()).then_some((at, pairs))
    });
    let upstreams = upstreams.collect();
    let more_names = scene::certificate_names(place, service, spec, catalog, folder)?;
    let certificate = scene::wants_certificate(place, service, spec, catalog, folder)?.then(|| certificate(place, &at, spec, more_names));
    Ok(Needs { own, peers, upstreams, certificate })
}

/// The pairs of keys that a service has for itself.
fn pairs_of(at: &ServiceRef, recipe: &Recipe) -> Vec<Wanted> {
    let is_its_own =
        |need: &&SecretNeed| need.scope == SecretScope::Service && matches!(need.form, SecretForm::WireguardKey | SecretForm::SshKey);
    let wanted = |need: &SecretNeed| {
        let key = format!("service/{at}/{}", need.shared_as.as_ref().unwrap_or(&need.name));
        Wanted { name: need.name.clone(), key, form: need.form }
    };
    recipe.secrets.iter().filter(is_its_own).map(wanted).collect()
}

/// The first parts of a service's keys by scope; `None`: not known from here.
struct ScopeKeys {
    cluster: Option<String>,
    service: String,
}

fn scope_keys(at: &ServiceRef, spec: &ServiceSpec) -> ScopeKeys {
    let cluster = match (&spec.cluster, &spec.replica_of) {
        (Some((name, _)), _) => format!("cluster/{name}"),
        // A primary and its replicas share what the primary keeps.
        (None, Some(primary)) => format!("service/{primary}"),
        (None, None) => format!("service/{at}"),
    };
    ScopeKeys { cluster: Some(cluster), service: format!("service/{at}") }
}

fn peer_keys(peer: &PeerSpec, own: &ScopeKeys) -> ScopeKeys {
    let cluster = match peer.relation {
        Relation::Member | Relation::Primary | Relation::Replica => own.cluster.clone(),
        Relation::Named => None,
    };
    ScopeKeys { cluster, service: format!("service/{}", peer.at) }
}

fn wanted(kind: &str, recipe: &Recipe, drawn: &BTreeMap<String, String>, keys: &ScopeKeys, catalog: &Catalog) -> Vec<Wanted> {
    let mut all: BTreeMap<&str, Wanted> = BTreeMap::new();
    for need in &recipe.secrets {
        let first = match need.scope {
            SecretScope::Lab => Some("lab"),
            SecretScope::Cluster => keys.cluster.as_deref(),
            SecretScope::Service => Some(keys.service.as_str()),
        };
        if let Some(first) = first {
            let key = format!("{first}/{}", need.shared_as.as_ref().unwrap_or(&need.name));
            all.insert(&need.name, Wanted { name: need.name.clone(), key, form: need.form });
        }
    }
    // A setting that takes a secret has one, whether the drawing names it or not.
    let settings = catalog.get(kind).map(|entry| entry.settings.as_slice()).unwrap_or_default();
    for setting in settings.iter().filter(|setting| setting.takes == SettingType::Secret) {
        let key = format!("{}/{}", keys.service, setting.name);
        all.entry(&setting.name).or_insert_with(|| Wanted { name: setting.name.clone(), key, form: SecretForm::default() });
    }
    for (setting, secret) in drawn {
        let form = all.get(setting.as_str()).map(|wanted| wanted.form).unwrap_or_default();
        all.insert(setting, Wanted { name: setting.clone(), key: format!("drawn/{secret}"), form });
    }
    all.into_values().collect()
}

fn certificate(place: Place<'_>, at: &ServiceRef, spec: &ServiceSpec, more_names: Vec<String>) -> CertificateNeed {
    let drawn: BTreeSet<Ipv4Addr> = spec.listen.values().flatten().map(|at| *at.ip()).collect();
    let own = place.machine.adapters.iter().filter_map(|adapter| adapter.address).map(|net| net.addr());
    let listening = drawn.into_iter().filter(|address| !address.is_unspecified() && !address.is_loopback());
    let mut addresses: Vec<Ipv4Addr> = own.chain(listening).chain([Ipv4Addr::LOCALHOST]).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let known = place.machine.hosts.iter().filter(|(address, _)| addresses.contains(address)).map(|(_, name)| name.to_string());
    let mut names = vec![place.machine.hostname.clone()];
    for name in known.chain(more_names).chain(["localhost".to_owned()]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    CertificateNeed { key: format!("service/{at}"), names, addresses }
}
