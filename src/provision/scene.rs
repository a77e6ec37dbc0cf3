//! What templates see: the scene of one service on one node, as assets/catalog/README.md tells its authors.

use super::{
    Place, ProvisionError,
    needs::{Needs, Values, Wanted},
    render::Renderer,
    slug,
};
use crate::{
    catalog::{Catalog, FamilyRecipe, RecipeFolder, Recipes},
    model::{Endpoint, Family, Ipv4Net, Kind, Mac, PeerSpec, Relation, RouteSpec, ServiceName, ServiceRef, ServiceSpec, Value as Setting},
};
use serde::Serialize;
use std::{collections::BTreeMap, net::Ipv4Addr};

/// Where things of a service are kept on its node: certificates.
pub const TLS_FOLDER: &str = "/etc/sandtable/tls";
/// Days before they are made from which on certificates of a lab hold: how far clocks of nodes may be behind.
pub const CERTIFICATE_EARLIER_DAYS: u64 = 2;

/// The lab, as far as a node may know it.
#[derive(Debug, Clone, Copy)]
pub struct LabWords<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its identity.
    pub id: &'a str,
}

/// The token that becomes the name of the interface with this hardware address.
pub fn interface_token(mac: Mac) -> String {
    let Mac([a, b, c, d, e, f]) = mac;
    format!("@if-{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}@")
}

/// A family's word in templates.
pub fn family_word(family: Family) -> &'static str {
    match family {
        Family::Debian => "debian",
        Family::Ubuntu => "ubuntu",
        Family::Rocky => "rocky",
        Family::Fedora => "fedora",
        Family::Other => "other",
    }
}

#[derive(Serialize)]
struct Scene<'a> {
    lab: Lab<'a>,
    node: Node<'a>,
    service: Service<'a>,
    listen: BTreeMap<&'a str, Vec<Socket>>,
    port: BTreeMap<&'a str, u16>,
    main: Option<Socket>,
    allow: Option<Vec<String>>,
    cluster: Option<Cluster<'a>>,
    primary: Option<Peer<'a>>,
    replicas: Vec<Peer<'a>>,
    named: Vec<Peer<'a>>,
    upstreams: Vec<Upstream<'a>>,
    settings: BTreeMap<&'a str, SettingValue<'a>>,
    constants: &'a BTreeMap<String, u64>,
    secrets: BTreeMap<&'a str, &'a str>,
    public: BTreeMap<&'a str, &'a str>,
    tls: Tls,
    vips: Vec<Vip>,
    unit: Option<String>,
    paths: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Lab<'a> {
    name: &'a str,
    id: String,
}

#[derive(Serialize)]
struct Node<'a> {
    name: &'a str,
    hostname: &'a str,
    family: &'static str,
    memory_mib: u32,
    cpus: u16,
    adapters: Vec<Adapter<'a>>,
    hosts: Vec<Host<'a>>,
    routes: Vec<Route>,
}

#[derive(Serialize)]
struct Adapter<'a> {
    network: &'a str,
    mac: String,
    interface: String,
    address: Option<String>,
    prefix: Option<u8>,
    subnet: Option<String>,
}

#[derive(Serialize)]
struct Host<'a> {
    address: String,
    name: &'a str,
}

#[derive(Serialize)]
struct Route {
    to: String,
    through: String,
}

#[derive(Serialize)]
struct Service<'a> {
    name: &'a str,
    kind: &'a str,
    slug: String,
}

#[derive(Serialize)]
struct Socket {
    address: String,
    port: u16,
}

#[derive(Serialize)]
struct Cluster<'a> {
    name: &'a str,
    members: Vec<Peer<'a>>,
}

#[derive(Serialize)]
struct Peer<'a> {
    node: &'a str,
    service: &'a str,
    kind: &'a str,
    address: String,
    port: u16,
    behind: Vec<String>,
    speaks_http: bool,
    settings: BTreeMap<&'a str, SettingValue<'a>>,
    constants: BTreeMap<&'static str, u64>,
    secrets: BTreeMap<&'a str, &'a str>,
    public: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Upstream<'a> {
    to: String,
    node: Option<String>,
    service: Option<String>,
    vip: Option<String>,
    kind: Option<String>,
    address: String,
    port: u16,
    is_encrypted: bool,
    speaks_http: bool,
    health_path: Option<String>,
    public: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Tls {
    certificate: String,
    key: String,
    authority: String,
    bundle: String,
}

#[derive(Serialize)]
struct Vip {
    name: String,
    address: String,
    prefix: u8,
}

#[derive(Serialize)]
#[serde(untagged)]
enum SettingValue<'a> {
    Bool(bool),
    Number(i64),
    Text(&'a str),
    List(&'a [String]),
}

/// One service on one node, with all that its templates need.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The lab.
    pub lab: LabWords<'a>,
    /// The node.
    pub place: Place<'a>,
    /// The service's name.
    pub service: &'a ServiceName,
    /// How it is to be.
    pub spec: &'a ServiceSpec,
    /// The kinds.
    pub catalog: &'a Catalog,
    /// Its kind's recipe.
    pub folder: &'a RecipeFolder,
    /// What it needs.
    pub needs: &'a Needs,
    /// The values of that.
    pub values: &'a Values,
}

impl<'a> Setup<'a> {
    /// How the kind is set up on the node's family.
    ///
    /// # Errors
    /// Where the recipe does not know the family.
    pub fn family(&self) -> Result<&'a FamilyRecipe, ProvisionError> {
        self.folder.recipe.on(self.place.family).ok_or_else(|| ProvisionError {
            why: format!("{} is not known to run on {}", self.spec.kind, family_word(self.place.family)),
            next: "Give the node an image of another distribution.".into(),
        })
    }

    /// The templates of its kind.
    pub fn renderer(&self) -> Renderer<'a> {
        Renderer::new(self.spec.kind.as_str(), self.folder)
    }

    /// Its main unit.
    ///
    /// # Errors
    /// Where the unit's name cannot be made of these values.
    pub fn unit(&self) -> Result<Option<String>, ProvisionError> {
        let Some(unit) = &self.family()?.unit else { return Ok(None) };
        self.renderer().text(unit, &self.scene_with(None)?).map(Some)
    }

    /// What the templates see.
    ///
    /// # Errors
    /// Where the recipe does not know the family, or its unit cannot be named.
    pub fn scene(&self) -> Result<minijinja::Value, ProvisionError> {
        self.scene_with(self.unit()?)
    }

    fn scene_with(&self, unit: Option<String>) -> Result<minijinja::Value, ProvisionError> {
        let spec = self.spec;
        let peers = |relation: Relation| -> Vec<Peer<'a>> {
            spec.peers.iter().filter(|peer| peer.relation == relation).map(|peer| self.peer(peer)).collect()
        };
        let secret = |wanted: &'a Wanted| Some((wanted.name.as_str(), self.values.secrets.get(&wanted.key)?));
        let own = || self.needs.own.iter().filter_map(secret);
        let main_port = self.catalog.get(&spec.kind).and_then(|entry| entry.ports.first());
        let main = main_port.and_then(|port| spec.listen.get(&port.name)?.first()).map(socket);
        let scene = Scene {
            lab: Lab { name: self.lab.name, id: self.lab.id.chars().filter(char::is_ascii_alphanumeric).collect() },
            node: node(self.place),
            service: Service { name: self.service.as_str(), kind: spec.kind.as_str(), slug: slug(self.service) },
            listen: spec.listen.iter().map(|(name, all)| (name.as_str(), all.iter().map(socket).collect())).collect(),
            port: spec.listen.iter().filter_map(|(name, all)| Some((name.as_str(), all.first()?.port()))).collect(),
            main,
            allow: spec.allow.as_ref().map(|nets| nets.iter().map(ToString::to_string).collect()),
            cluster: spec.cluster.as_ref().map(|(name, _)| Cluster { name: name.as_str(), members: peers(Relation::Member) }),
            primary: peers(Relation::Primary).into_iter().next(),
            replicas: peers(Relation::Replica),
            named: peers(Relation::Named),
            upstreams: spec.upstreams.iter().map(|one| self.upstream(one)).collect(),
            settings: spec.settings.iter().map(|(name, value)| (name.as_str(), setting(value))).collect(),
            constants: &self.folder.recipe.constants,
            secrets: own().map(|(name, secret)| (name, secret.value.as_str())).collect(),
            public: own().filter_map(|(name, secret)| Some((name, secret.public.as_deref()?))).collect(),
            tls: tls(self.service),
            vips: floating(self.place, spec),
            unit,
            paths: self.family()?.paths.iter().map(|(name, path)| (name.as_str(), path.as_str())).collect(),
        };
        Ok(minijinja::Value::from_serialize(&scene))
    }

    fn upstream(&self, upstream: &crate::model::Upstream) -> Upstream<'a> {
        let known = upstream.to.parse::<ServiceRef>().ok().and_then(|at| self.needs.upstreams.get(&at));
        let half = |wanted: &'a Wanted| Some((wanted.name.as_str(), self.values.secrets.get(&wanted.key)?.public.as_deref()?));
        let speaks_http = upstream.kind.as_ref().is_some_and(|kind| self.speaks_http(kind));
        Upstream { public: known.into_iter().flatten().filter_map(half).collect(), speaks_http, ..upstream_words(upstream) }
    }

    fn speaks_http(&self, kind: &Kind) -> bool {
        self.catalog.get(kind).is_some_and(|entry| entry.speaks_http)
    }

    fn peer(&self, peer: &'a PeerSpec) -> Peer<'a> {
        let known = self.needs.peers.get(&peer.at).map(Vec::as_slice).unwrap_or_default();
        let mut secrets = BTreeMap::new();
        let mut public = BTreeMap::new();
        for wanted in known {
            let Some(secret) = self.values.secrets.get(&wanted.key) else { continue };
            match &secret.public {
                // Of another's pair of keys only the public half is anybody's business.
                Some(half) => public.insert(wanted.name.as_str(), half.as_str()),
                None => secrets.insert(wanted.name.as_str(), secret.value.as_str()),
            };
        }
        Peer {
            node: peer.at.node.as_str(),
            service: peer.at.service.as_str(),
            kind: peer.kind.as_str(),
            address: peer.address.ip().to_string(),
            port: peer.address.port(),
            behind: peer.behind.iter().map(ToString::to_string).collect(),
            speaks_http: self.speaks_http(&peer.kind),
            settings: peer.settings.iter().map(|(name, value)| (name.as_str(), setting(value))).collect(),
            constants: constants(&peer.kind),
            secrets,
            public,
        }
    }
}

/// The constants of a kind's recipe.
fn constants(kind: &Kind) -> BTreeMap<&'static str, u64> {
    let recipe = Recipes::embedded().get(kind).map(|folder| &folder.recipe);
    recipe.into_iter().flat_map(|recipe| &recipe.constants).map(|(name, value)| (name.as_str(), *value)).collect()
}

/// Whether a service needs a certificate, which must be known before there is one.
pub(super) fn wants_certificate(
    place: Place<'_>,
    service: &ServiceName,
    spec: &ServiceSpec,
    catalog: &Catalog,
    folder: &RecipeFolder,
) -> Result<bool, ProvisionError> {
    let Some(expression) = &folder.recipe.certificate else { return Ok(false) };
    let (needs, values) = (Needs::default(), Values::default());
    let lab = LabWords { name: "", id: "" };
    let setup = Setup { lab, place, service, spec, catalog, folder, needs: &needs, values: &values };
    setup.renderer().holds(Some(expression), &setup.scene_with(None)?)
}

/// The host names that a recipe wants in its certificate beside the node's own.
pub(super) fn certificate_names(
    place: Place<'_>,
    service: &ServiceName,
    spec: &ServiceSpec,
    catalog: &Catalog,
    folder: &RecipeFolder,
) -> Result<Vec<String>, ProvisionError> {
    let (needs, values) = (Needs::default(), Values::default());
    let lab = LabWords { name: "", id: "" };
    let setup = Setup { lab, place, service, spec, catalog, folder, needs: &needs, values: &values };
    let scene = setup.scene_with(None)?;
    folder.recipe.certificate_names.iter().map(|name| setup.renderer().text(name, &scene)).collect()
}

/// The ports that a service really opens to others, as [`crate::catalog::Entry::opened`] says.
pub fn opened<'a>(catalog: &'a Catalog, spec: &'a ServiceSpec) -> Vec<(&'a crate::catalog::Port, &'a [std::net::SocketAddrV4])> {
    catalog.get(&spec.kind).map(|entry| entry.opened(spec).collect()).unwrap_or_default()
}

fn tls(service: &ServiceName) -> Tls {
    let folder = format!("{TLS_FOLDER}/{}", slug(service));
    Tls {
        certificate: format!("{folder}/certificate.pem"),
        key: format!("{folder}/key.pem"),
        authority: format!("{folder}/authority.pem"),
        bundle: format!("{folder}/bundle.pem"),
    }
}

fn node(place: Place<'_>) -> Node<'_> {
    let machine = place.machine;
    let adapters = machine.adapters.iter().map(|adapter| Adapter {
        network: adapter.network.as_str(),
        mac: adapter.mac.to_string(),
        interface: interface_token(adapter.mac),
        address: adapter.address.map(|net| net.addr().to_string()),
        prefix: adapter.address.map(|net| net.prefix_len()),
        subnet: adapter.address.map(|net| net.trunc().to_string()),
    });
    Node {
        name: place.node.as_str(),
        hostname: &machine.hostname,
        family: family_word(place.family),
        memory_mib: machine.memory_mib,
        cpus: machine.cpus,
        adapters: adapters.collect(),
        hosts: machine.hosts.iter().map(|(address, name)| Host { address: address.to_string(), name }).collect(),
        routes: machine
            .routes
            .iter()
            .map(|RouteSpec { to, through, .. }| Route { to: to.to_string(), through: through.to_string() })
            .collect(),
    }
}

fn socket(at: &std::net::SocketAddrV4) -> Socket {
    Socket { address: at.ip().to_string(), port: at.port() }
}

fn setting(value: &Setting) -> SettingValue<'_> {
    match value {
        Setting::Bool(value) => SettingValue::Bool(*value),
        Setting::Number(value) => SettingValue::Number(*value),
        Setting::Text(value) => SettingValue::Text(value),
        Setting::List(values) => SettingValue::List(values),
    }
}

fn upstream_words(upstream: &crate::model::Upstream) -> Upstream<'static> {
    let (node, service, vip) = match upstream.to.parse::<Endpoint>() {
        Ok(Endpoint::Service(ServiceRef { node, service })) => (Some(node.to_string()), Some(service.to_string()), None),
        Ok(Endpoint::Vip(vip)) => (None, None, Some(vip.to_string())),
        Ok(Endpoint::Node(node)) => (Some(node.to_string()), None, None),
        Ok(Endpoint::Outside) | Err(_) => (None, None, None),
    };
    Upstream {
        to: upstream.to.clone(),
        node,
        service,
        vip,
        kind: upstream.kind.as_ref().map(ToString::to_string),
        address: upstream.at.ip().to_string(),
        port: upstream.at.port(),
        is_encrypted: upstream.is_encrypted,
        speaks_http: false,
        health_path: upstream.health_path.clone(),
        public: BTreeMap::new(),
    }
}

/// The addresses that a service listens on and that are none of its node's own: VIPs that come and go.
fn floating(place: Place<'_>, spec: &ServiceSpec) -> Vec<Vip> {
    let own: Vec<Ipv4Net> = place.machine.adapters.iter().filter_map(|adapter| adapter.address).collect();
    let mut addresses: Vec<Ipv4Addr> = spec.listen.values().flatten().map(|at| *at.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let floating = addresses.into_iter().filter_map(|address| {
        let net = own.iter().find(|net| net.contains(&address))?;
        if own.iter().any(|net| net.addr() == address) {
            return None;
        }
        let name = place.machine.hosts.iter().find(|(known, _)| *known == address).map(|(_, name)| name.to_string());
        Some(Vip { name: name.unwrap_or_else(|| address.to_string()), address: address.to_string(), prefix: net.prefix_len() })
    });
    floating.collect()
}
