//! Labs for tests, benchmarks and fuzzing, from a seed: the same seed gives the same lab on every machine.
//!
//! Not part of the interface of this crate, and nothing in it may use it.

use crate::model::{
    ADVERTISE_MS_MAX, Acceptance, Adapter, AdapterSpec, Allow, Arch, Bind, DhcpRange, Endpoint, Family, Flow, Forward, Holder, Host, Hosts,
    Image, Ipv4Net, Kind, Lab, Link, Mac, MachineSpec, Network, NetworkKind, NetworkName, Node, NodeName, Note, Peer, Pos, Purpose, Role,
    Service, ServiceName, ServiceRef, ServiceSpec, Site, SiteName, Value, View, Vip, VipName,
};
use std::net::Ipv4Addr;

/// A small machine as a plan would have it: one processor, 256 MiB, a disk of 4 GiB.
pub fn machine(hostname: impl Into<String>, adapters: Vec<AdapterSpec>) -> MachineSpec {
    MachineSpec {
        image: None,
        cpus: 1,
        memory_mib: 256,
        disk_gib: 4,
        adapters,
        hostname: hostname.into(),
        hosts: Hosts::default(),
        routes: Vec::new(),
        pins: Default::default(),
    }
}

/// A service of a kind as a plan would have it, with nothing set: without sockets, peers and upstreams.
///
/// # Panics
/// Where the text is no name of a kind.
#[expect(clippy::expect_used, reason = "the kinds of tests are literals")]
pub fn service(kind: &str) -> ServiceSpec {
    ServiceSpec {
        kind: kind.parse().expect("a name of a kind"),
        listen: Default::default(),
        allow: None,
        cluster: None,
        replica_of: None,
        promoted_from: None,
        upstreams: Vec::new(),
        peers: Vec::new(),
        settings: Default::default(),
        secrets: Default::default(),
    }
}

/// A small generator of numbers (SplitMix64, public domain by S. Vigna): equal everywhere, good enough for test data.
#[derive(Debug, Clone)]
pub struct Seeded(u64);

impl Seeded {
    /// A generator that begins at a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound; 0 where the bound is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.number().checked_rem(bound as u64).map_or(0, |rest| usize::try_from(rest).unwrap_or(0))
    }

    /// Whether something of this chance, in percent, happens.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    fn maybe<T>(&mut self, percent: usize, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.chance(percent) { Some(make(self)) } else { None }
    }

    fn some_of<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        (0..self.below(most + 1)).filter_map(|_| self.pick(from).cloned()).collect()
    }

    fn port(&mut self) -> u16 {
        u16::try_from(1 + self.below(65_535)).unwrap_or(1)
    }

    fn address(&mut self) -> Ipv4Addr {
        Ipv4Addr::from_bits(u32::try_from(self.number() >> 32).unwrap_or(0))
    }

    fn byte(&mut self, least: u8, most: u8) -> u8 {
        least + u8::try_from(self.below(usize::from(most - least) + 1)).unwrap_or(0)
    }

    fn pos(&mut self) -> Pos {
        let mut coordinate = || i32::try_from(self.below(20_000)).unwrap_or(0) - 10_000;
        Pos(coordinate(), coordinate())
    }

    /// A text of the sort that breaks writers: quotes, escapes, line breaks, other scripts, characters that cannot be seen.
    pub fn text(&mut self) -> String {
        const PIECES: [&str; 24] = [
            "a", "web", " ", "\"", "\\", "\n", "\r\n", "\t", "\0", "ö", "日本", "🦀", "\u{202e}", "\u{200b}", "\u{feff}", "'", "//", "/*",
            "#\"", "r#\"", "\\u{41}", "{}", "(a: 1)", "\u{7f}",
        ];
        (0..self.below(7)).filter_map(|_| self.pick(&PIECES).copied()).collect()
    }

    fn name(&mut self, index: usize) -> String {
        const STEMS: [&str; 13] =
            ["10.0.0.", "db", "app-node-", "Büro ", "日本", "x.example.", "a\"b", "c\\d", "(e", "f_", "🦀", "true", "with two blanks "];
        format!("{}{index}", self.pick(&STEMS).copied().unwrap_or("n"))
    }
}

/// Any lab: everything that the document can hold, sensible or not, as long as each reference leads somewhere and each
/// value may stand in a file. `size` bounds the number of things of each sort.
pub fn any_lab(seed: u64, size: usize) -> Lab {
    let mut r = Seeded::new(seed);
    let mut lab = Lab { name: r.text(), about: r.text(), image: r.maybe(50, image), ..Lab::default() };
    lab.host = r.maybe(30, |r| Host { memory: 1 + u32::from(r.port()), cpus: r.port() });
    for name in ["mariadb-server", "libstdc++6", "0ad"] {
        let version = r.pick(&["1:10.11.*", "9", "2.4~rc1-1+deb12u2"]).copied().unwrap_or("1");
        if let (true, Ok(name), Ok(version)) = (r.chance(20), name.parse(), version.parse()) {
            lab.pins.insert(name, version);
        }
    }
    let names = |r: &mut Seeded, sort: &str| -> Vec<String> {
        (0..r.below(size + 1)).map(|index| if sort == "network" { format!("{} net", r.name(index)) } else { r.name(index) }).collect()
    };
    let sites: Vec<SiteName> = names(&mut r, "site").iter().filter_map(|name| name.parse().ok()).collect();
    let networks: Vec<NetworkName> = names(&mut r, "network").iter().filter_map(|name| name.parse().ok()).collect();
    let nodes: Vec<NodeName> = names(&mut r, "node").iter().filter_map(|name| name.parse().ok()).collect();
    for site in &sites {
        lab.sites.insert(site.clone(), Site { title: r.text(), gateways: r.some_of(&nodes, 2) });
    }
    for network in &networks {
        let made = any_network(&mut r, &sites);
        lab.networks.insert(network.clone(), made);
    }
    for node in &nodes {
        let made = any_node(&mut r, &nodes, &sites, &networks);
        lab.nodes.insert(node.clone(), made);
    }
    let services: Vec<ServiceRef> =
        lab.services().map(|(node, service, _)| ServiceRef { node: node.clone(), service: service.clone() }).collect();
    for node in lab.nodes.values_mut() {
        for service in node.services.values_mut() {
            service.replica_of = r.maybe(20, |r| r.pick(&services).cloned()).flatten();
        }
    }
    any_rest(&mut r, &mut lab, size, &services);
    for node in &nodes {
        if r.chance(80) {
            lab.canvas.nodes.insert(node.clone(), r.pos());
        }
    }
    for network in &networks {
        if r.chance(80) {
            lab.canvas.networks.insert(network.clone(), r.pos());
        }
    }
    lab
}

fn image(r: &mut Seeded) -> Image {
    let family = r.pick(&[Family::Debian, Family::Ubuntu, Family::Rocky, Family::Fedora, Family::Other]).copied().unwrap_or_default();
    let arch = r.pick(&[Arch::X86_64, Arch::Aarch64]).copied().unwrap_or_default();
    Image { name: r.text(), snapshot: r.maybe(50, Seeded::text), family, arch, full_clone: r.chance(20) }
}

fn subnet(r: &mut Seeded) -> Option<Ipv4Net> {
    Ipv4Net::new(r.address(), r.byte(0, 32)).ok()
}

fn any_network(r: &mut Seeded, sites: &[SiteName]) -> Network {
    let kind = r.pick(&NetworkKind::ALL).copied().unwrap_or(NetworkKind::Nat);
    let (one, other) = (r.address(), r.address());
    Network {
        subnet: r.maybe(80, subnet).flatten(),
        dhcp: r.maybe(30, |_| DhcpRange { from: one.min(other), to: one.max(other) }),
        purpose: r.pick(&Purpose::ALL).copied().unwrap_or_default(),
        site: r.maybe(40, |r| r.pick(sites).cloned()).flatten(),
        interface: if kind == NetworkKind::Bridged { r.maybe(50, Seeded::text) } else { None },
        ..Network::new(kind)
    }
}

fn any_node(r: &mut Seeded, nodes: &[NodeName], sites: &[SiteName], networks: &[NetworkName]) -> Node {
    let mut node = Node::new(r.pick(&Role::ALL).copied().unwrap_or_default());
    node.site = r.maybe(40, |r| r.pick(sites).cloned()).flatten();
    node.image = r.maybe(20, image);
    node.cpus = if r.chance(50) { 1 } else { r.port() };
    node.memory = if r.chance(50) { 1024 } else { u32::from(r.port()) };
    node.disk = if r.chance(50) { 10 } else { u32::from(r.port()) };
    node.after = r.some_of(nodes, 2);
    for network in r.some_of(networks, 4) {
        let forwards = (0..r.below(3)).map(|_| Forward { host: r.port(), to: r.port(), address: Ipv4Addr::LOCALHOST }).collect();
        let mut adapter = Adapter { address: r.maybe(80, Seeded::address), forwards, ..Adapter::on(network) };
        adapter.mac = r.maybe(20, |r| Mac(std::array::from_fn(|_| r.byte(0, 255))));
        if let Some(forward) = adapter.forwards.first_mut() {
            forward.address = r.address();
        }
        node.adapters.push(adapter);
    }
    for index in 0..r.below(4) {
        let name = r.name(index);
        if let Ok(name) = name.parse::<ServiceName>()
            && let Some(service) = any_service(r, nodes, networks)
        {
            node.services.insert(name, service);
        }
    }
    node
}

fn any_service(r: &mut Seeded, nodes: &[NodeName], networks: &[NetworkName]) -> Option<Service> {
    const KINDS: [&str; 8] = ["nginx", "galera", "garbd", "todo", "haproxy", "redis", "no such kind", "beam"];
    let mut service = Service::new(r.pick(&KINDS)?.parse::<Kind>().ok()?);
    service.bind = match r.below(4) {
        0 => Bind::Any,
        1 => Bind::Loopback,
        2 => Bind::Address(r.address()),
        _ => r.pick(networks).map_or(Bind::Any, |network| Bind::On(network.clone())),
    };
    service.port = r.maybe(40, Seeded::port);
    service.allow = match r.below(3) {
        0 => Allow::Drawn,
        1 => Allow::Everyone,
        _ => Allow::Only((0..r.below(4)).filter_map(|_| any_peer(r, nodes, networks)).collect()),
    };
    service.cluster = r
        .maybe(30, |r| {
            let index = r.below(3);
            r.name(index)
        })
        .and_then(|name| name.parse().ok());
    for _ in 0..r.below(3) {
        service.ports.insert(r.text(), r.port());
        let value = match r.below(4) {
            0 => Value::Bool(r.chance(50)),
            1 => Value::Number(i64::from_ne_bytes(r.number().to_ne_bytes())),
            2 => Value::Text(r.text()),
            _ => Value::List((0..r.below(4)).map(|_| r.text()).collect()),
        };
        service.settings.insert(r.text(), value);
        if let Ok(secret) = r.name(0).parse() {
            service.secrets.insert(r.text(), secret);
        }
    }
    Some(service)
}

fn any_peer(r: &mut Seeded, nodes: &[NodeName], networks: &[NetworkName]) -> Option<Peer> {
    match r.below(4) {
        0 => r.pick(nodes).cloned().map(Peer::Node),
        1 => r.pick(networks).cloned().map(Peer::Network),
        2 => subnet(r).map(Peer::Subnet),
        _ => Some(Peer::Outside),
    }
}

fn any_rest(r: &mut Seeded, lab: &mut Lab, size: usize, services: &[ServiceRef]) {
    let nodes: Vec<NodeName> = lab.nodes.keys().cloned().collect();
    let networks: Vec<NetworkName> = lab.networks.keys().cloned().collect();
    let sites: Vec<SiteName> = lab.sites.keys().cloned().collect();
    for index in 0..r.below(size / 2 + 1) {
        let (Some(network), Ok(name)) = (r.pick(&networks).cloned(), r.name(index).parse::<VipName>()) else { continue };
        let holders = r.some_of(&nodes, 3).into_iter().map(|node| Holder { node, priority: r.byte(1, 254) }).collect();
        let follows = r.maybe(60, |r| r.name(0)).and_then(|name| name.parse().ok());
        let advertise_ms = if r.chance(50) { 1000 } else { u32::from(r.port()).min(ADVERTISE_MS_MAX) };
        let vip = Vip { address: r.address(), network, id: r.byte(1, 255), holders, follows, advertise_ms, preempt: r.chance(30) };
        lab.vips.insert(name, vip);
    }
    let vips: Vec<VipName> = lab.vips.keys().cloned().collect();
    let end = |r: &mut Seeded| {
        let made = match r.below(4) {
            0 => r.pick(&nodes).cloned().map(Endpoint::Node),
            1 => r.pick(services).cloned().map(Endpoint::Service),
            2 => r.pick(&vips).cloned().map(Endpoint::Vip),
            _ => None,
        };
        made.unwrap_or(Endpoint::Outside)
    };
    for _ in 0..r.below(2 * size + 1) {
        let (from, to) = (end(r), end(r));
        lab.flows.push(Flow { port: r.maybe(30, Seeded::port), encrypted: r.chance(30), optional: r.chance(30), ..Flow::new(from, to) });
    }
    for _ in 0..r.below(3) {
        let (Some(one), Some(other), Some(network)) = (r.pick(&sites), r.pick(&sites), r.pick(&networks)) else { continue };
        lab.links.push(Link { between: (one.clone(), other.clone()), network: network.clone(), tunnel: None });
    }
    for _ in 0..r.below(3) {
        lab.accepted.push(Acceptance { rule: r.text(), on: r.text(), because: r.text(), says: r.maybe(50, Seeded::text) });
        lab.notes.push(Note { at: r.pos(), text: r.text(), width: u32::from(r.port()) });
        let highlight = (0..r.below(3)).map(|_| r.text()).collect();
        lab.views.push(View { name: r.text(), area: r.maybe(50, |r| (r.pos(), r.pos())), highlight, note: r.text() });
    }
}

/// A large and sensible lab of this many nodes: sites of up to 250 nodes, each with a backend, a frontend and a gateway,
/// applications with flows to their site's databases, all placed. For benchmarks.
pub fn large_lab(nodes: usize) -> Lab {
    let mut lab = Lab::new("Large lab");
    for site in 0..nodes.div_ceil(250) {
        // Every name here is made of letters and digits, so that no part is left out.
        let _complete = large_site(&mut lab, site, (nodes - site * 250).min(250));
    }
    lab
}

fn large_site(lab: &mut Lab, site: usize, nodes: usize) -> Result<(), crate::model::NameError> {
    let number = u32::try_from(site).unwrap_or(0);
    let (left, top) = (i32::try_from(site % 8).unwrap_or(0) * 6_000, i32::try_from(site / 8).unwrap_or(0) * 3_200);
    let site_name: SiteName = format!("site{site}").parse()?;
    let (frontend, backend): (NetworkName, NetworkName) = (format!("front{site}").parse()?, format!("back{site}").parse()?);
    let gateway: NodeName = format!("n{site}-0").parse()?;
    lab.sites.insert(site_name.clone(), Site { title: format!("Site {site}"), gateways: vec![gateway] });
    for (row, (name, base, purpose)) in
        [(&frontend, 0x0a40_0000_u32, Purpose::Frontend), (&backend, 0x0a80_0000, Purpose::Backend)].into_iter().enumerate()
    {
        let subnet = Ipv4Net::new(Ipv4Addr::from_bits(base + number * 512), 23).ok();
        let network = Network { subnet, purpose, site: Some(site_name.clone()), ..Network::new(NetworkKind::Internal) };
        lab.networks.insert(name.clone(), network);
        lab.canvas.networks.insert(name.clone(), Pos(left, top + i32::try_from(row).unwrap_or(0) * 1_600));
    }
    for index in 0..nodes {
        let name: NodeName = format!("n{site}-{index}").parse()?;
        let host = u32::try_from(index).unwrap_or(0) + 10;
        let on = |network: &NetworkName, base: u32| Adapter {
            address: Some(Ipv4Addr::from_bits(base + number * 512 + host)),
            ..Adapter::on(network.clone())
        };
        let (role, kind, service): (Role, &str, &str) = match index {
            0 => (Role::Gateway, "gateway", "router"),
            _ if index % 5 == 1 => (Role::Database, "mariadb", "db"),
            _ => (Role::App, "todo", "todo"),
        };
        let mut node = Node { site: Some(site_name.clone()), memory: 512, ..Node::new(role) };
        if role != Role::Database {
            node.adapters.push(on(&frontend, 0x0a40_0000));
        }
        node.adapters.push(on(&backend, 0x0a80_0000));
        let bind = if role == Role::App { Bind::On(frontend.clone()) } else { Bind::On(backend.clone()) };
        node.services.insert(service.parse()?, Service { bind, ..Service::new(kind.parse()?) });
        if role == Role::App {
            let database = ServiceRef { node: format!("n{site}-{}", index - (index + 4) % 5).parse()?, service: "db".parse()? };
            lab.flows.push(Flow::new(Endpoint::Node(name.clone()), Endpoint::Service(database)));
        }
        let (column, row) = (i32::try_from(index % 25).unwrap_or(0), i32::try_from(index / 25).unwrap_or(0));
        lab.canvas.nodes.insert(name.clone(), Pos(left + column * 220, top + 120 + row * 120 + (row / 5) * 300));
        lab.nodes.insert(name, node);
    }
    // The first application of a site comes before its first database in the arithmetic above; nothing may lead nowhere.
    let lab_nodes = &lab.nodes;
    lab.flows.retain(|flow| match &flow.to {
        Endpoint::Service(at) => lab_nodes.get(&at.node).is_some_and(|node| node.services.contains_key(&at.service)),
        _ => true,
    });
    Ok(())
}
