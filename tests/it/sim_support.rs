//! Labs in code for the tests of the simulator, and their specifications derived by hand.

use sandtable::{
    catalog::{Behaviour, Catalog, Entry},
    model::*,
    plan::{Action, Desired, LabId, desired},
    sim::World,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

pub fn name<T: std::str::FromStr<Err = NameError>>(text: &str) -> T {
    text.parse().unwrap()
}

pub fn service_ref(text: &str) -> ServiceRef {
    text.parse().unwrap()
}

pub fn fault(text: &str) -> Fault {
    text.parse().unwrap()
}

fn network(lab: &mut Lab, called: &str, kind: NetworkKind, subnet: &str) {
    let network = match subnet {
        "" => Network::new(kind),
        subnet => Network::with_subnet(kind, subnet.parse().unwrap()),
    };
    lab.networks.insert(name(called), network);
}

/// A node from `network=address` words and `name=kind` words; a kind may be followed by `@cluster`.
fn node(lab: &mut Lab, called: &str, role: Role, adapters: &[&str], services: &[&str]) {
    let mut node = Node::new(role);
    for adapter in adapters {
        let (network, address) = adapter.split_once('=').unwrap();
        node.adapters.push(Adapter { address: address.parse().ok(), ..Adapter::on(name(network)) });
    }
    for service in services {
        let (called, rest) = service.split_once('=').unwrap();
        let (kind, cluster) = rest.split_once('@').map_or((rest, None), |(kind, cluster)| (kind, Some(name(cluster))));
        node.services.insert(name(called), Service { cluster, ..Service::new(name(kind)) });
    }
    lab.nodes.insert(name(called), node);
}

fn flow(lab: &mut Lab, from: &str, to: &str) {
    lab.flows.push(Flow::new(from.parse().unwrap(), to.parse().unwrap()));
}

/// How large a cloud is.
pub struct CloudSize {
    pub apps: u64,
    pub databases: u64,
    pub arbitrators: u64,
    pub advertise_ms: u32,
    pub preempt: bool,
}

/// The mini-cloud: a balancer, two applications with arbitrators, two databases with a VIP.
pub fn mini_cloud() -> Lab {
    cloud(&CloudSize { apps: 2, databases: 2, arbitrators: 2, advertise_ms: ADVERTISE_MS_DEFAULT, preempt: false })
}

/// A balancer, applications, arbitrators beside some of them, and databases that share a VIP.
pub fn cloud(size: &CloudSize) -> Lab {
    let mut lab = Lab::new("cloud");
    network(&mut lab, "internet", NetworkKind::Nat, "");
    network(&mut lab, "frontend", NetworkKind::HostOnly, "192.168.50.0/24");
    network(&mut lab, "backend", NetworkKind::Internal, "192.168.60.0/24");
    node(&mut lab, "lb", Role::Balancer, &["internet=", "frontend=192.168.50.10"], &["haproxy=haproxy"]);
    flow(&mut lab, "outside", "lb/haproxy");
    for place in 1..=size.apps {
        let (front, back) = (format!("frontend=192.168.50.{}", 10 + place), format!("backend=192.168.60.{}", 10 + place));
        let mut services = vec!["todo=todo", "sync=file-sync@uploads"];
        if place <= size.arbitrators {
            services.push("garbd=garbd@minicloud");
        }
        let app = format!("app{place}");
        node(&mut lab, &app, Role::App, &[&front, &back], &services);
        flow(&mut lab, "lb/haproxy", &format!("{app}/todo"));
        flow(&mut lab, &format!("{app}/todo"), "vip:database");
    }
    let mut holders = Vec::new();
    for place in 1..=size.databases {
        let db = format!("db{place}");
        node(&mut lab, &db, Role::Database, &[&format!("backend=192.168.60.{}", 20 + place)], &["galera=galera@minicloud"]);
        holders.push(Holder { node: name(&db), priority: 120 - 10 * u8::try_from(place).unwrap() });
    }
    lab.nodes.get_mut("lb").unwrap().adapters[0].forwards = vec![Forward { host: 8080, to: 80, address: Ipv4Addr::LOCALHOST }];
    lab.vips.insert(
        name("database"),
        Vip {
            address: Ipv4Addr::new(192, 168, 60, 30),
            network: name("backend"),
            id: 30,
            holders,
            follows: Some(name("galera")),
            advertise_ms: size.advertise_ms,
            preempt: size.preempt,
        },
    );
    lab
}

/// Two sites with two workers and a gateway each, a mesh per site, joined over a WAN.
pub fn two_meshes() -> Lab {
    let mut lab = Lab::new("two meshes");
    for (site, third) in [("us", 10), ("eu", 20)] {
        network(&mut lab, site, NetworkKind::Internal, &format!("10.{third}.0.0/24"));
    }
    network(&mut lab, "wan", NetworkKind::Internal, "10.99.0.0/24");
    for (place, (site, third)) in [("us", 10), ("eu", 20)].into_iter().enumerate() {
        for worker in [1, 2] {
            let address = format!("{site}=10.{third}.0.1{worker}");
            node(&mut lab, &format!("{site}{worker}"), Role::Worker, &[&address], &[&format!("beam=beam@{site}")]);
        }
        let (inner, outer) = (format!("{site}=10.{third}.0.2"), format!("wan=10.99.0.1{place}"));
        node(&mut lab, &format!("gw-{site}"), Role::Gateway, &[&inner, &outer], &[&format!("gateway=beam-gateway@{site}")]);
    }
    flow(&mut lab, "gw-us/gateway", "gw-eu/gateway");
    lab
}

/// A web server in front of one application with a primary, a replica behind a router, and accounts and files.
pub fn small_office() -> Lab {
    let mut lab = Lab::new("small office");
    network(&mut lab, "front", NetworkKind::HostOnly, "192.168.56.0/24");
    network(&mut lab, "back", NetworkKind::Internal, "10.0.1.0/24");
    network(&mut lab, "far", NetworkKind::Internal, "10.0.2.0/24");
    node(&mut lab, "web", Role::App, &["front=192.168.56.10", "back=10.0.1.10"], &["nginx=nginx"]);
    node(&mut lab, "app", Role::App, &["back=10.0.1.11"], &["todo=todo"]);
    node(&mut lab, "db", Role::Database, &["back=10.0.1.12"], &["db=mariadb"]);
    node(&mut lab, "gw", Role::Gateway, &["back=10.0.1.1", "far=10.0.2.1"], &["router=gateway"]);
    node(&mut lab, "copy", Role::Database, &["far=10.0.2.12"], &["db=mariadb"]);
    node(&mut lab, "dir", Role::Directory, &["back=10.0.1.13"], &["ldap=openldap", "nfs=nfs-server"]);
    node(&mut lab, "work", Role::Worker, &["far=10.0.2.20"], &["login=ldap-login", "home=automount"]);
    lab.nodes.get_mut("copy").unwrap().services.get_mut("db").unwrap().replica_of = Some(service_ref("db/db"));
    for (from, to) in [
        ("outside", "web/nginx"),
        ("web/nginx", "app/todo"),
        ("app/todo", "db/db"),
        ("copy/db", "db/db"),
        ("work/login", "dir/ldap"),
        ("work/home", "dir/nfs"),
    ] {
        flow(&mut lab, from, to);
    }
    lab
}

/// A web server on an inner network that is reached only through a gateway's forwarded port.
pub fn behind_a_forward() -> Lab {
    let mut lab = Lab::new("behind a forward");
    network(&mut lab, "front", NetworkKind::HostOnly, "192.168.56.0/24");
    network(&mut lab, "back", NetworkKind::Internal, "10.0.1.0/24");
    node(&mut lab, "gw", Role::Gateway, &["front=192.168.56.2", "back=10.0.1.1"], &["forward=port-forward"]);
    node(&mut lab, "web", Role::App, &["back=10.0.1.10"], &["nginx=nginx"]);
    let forward = lab.nodes.get_mut("gw").unwrap().services.get_mut("forward").unwrap();
    forward.settings.insert("rules".to_owned(), Value::List(vec!["8443:web/nginx".to_owned()]));
    flow(&mut lab, "outside", "gw/forward");
    flow(&mut lab, "gw/forward", "web/nginx");
    lab
}

fn entry<'a>(catalog: &'a Catalog, service: &Service) -> &'a Entry {
    catalog.of(service).unwrap()
}

fn target(lab: &Lab, catalog: &Catalog, from: &Node, flow: &Flow) -> Option<SocketAddrV4> {
    let main = |service: &Service| entry(catalog, service).main_port(service);
    match &flow.to {
        Endpoint::Service(at) => {
            let (node, service) = (&lab.nodes[&at.node], lab.service(at)?);
            let shared = node.adapters.iter().find(|there| from.adapter_on(&there.network).is_some() && there.address.is_some());
            let address = shared.and_then(|there| there.address).or_else(|| node.addresses().next())?;
            Some(SocketAddrV4::new(address, flow.port.or_else(|| main(service))?))
        }
        Endpoint::Vip(vip) => {
            let vip = &lab.vips[vip];
            let service = &lab.nodes[&vip.holders[0].node].services[vip.follows.as_ref()?];
            Some(SocketAddrV4::new(vip.address, flow.port.or_else(|| main(service))?))
        }
        Endpoint::Node(_) | Endpoint::Outside => None,
    }
}

fn sources(lab: &Lab, at: &ServiceRef, service: &Service) -> BTreeSet<Ipv4Net> {
    let mut allow: BTreeSet<Ipv4Net> = BTreeSet::new();
    let mut add = |node: &Node| allow.extend(node.addresses().map(Ipv4Net::from));
    for flow in &lab.flows {
        let here = match &flow.to {
            Endpoint::Service(to) => to == at,
            Endpoint::Vip(vip) => {
                lab.vips[vip].follows.as_ref() == Some(&at.service) && lab.vips[vip].holders.iter().any(|holder| holder.node == at.node)
            }
            _ => false,
        };
        match flow.from.node() {
            Some(node) if here => add(&lab.nodes[node]),
            _ => {}
        }
    }
    for (node, _, other) in lab.services() {
        if other.cluster.is_some() && other.cluster == service.cluster {
            add(&lab.nodes[node]);
        }
    }
    if lab.flows.iter().any(|flow| flow.from == Endpoint::Outside && flow.to == Endpoint::Service(at.clone())) {
        allow.insert("0.0.0.0/0".parse().unwrap());
    }
    allow
}

pub fn service_spec(lab: &Lab, at: &ServiceRef) -> ServiceSpec {
    let catalog = Catalog::embedded();
    let (node, service) = (&lab.nodes[&at.node], lab.service(at).unwrap());
    let kind = entry(catalog, service);
    let mut listen = BTreeMap::new();
    for (port, number) in kind.ports_of(service) {
        let addresses = lab.listening(node, service);
        listen.insert(port.name.clone(), addresses.into_iter().map(|address| SocketAddrV4::new(address, number)).collect::<Vec<_>>());
    }
    let mates = |cluster: &ClusterName| {
        let all = Catalog::clusters(lab).swap_remove(cluster).unwrap_or_default();
        all.into_iter().filter(|other| other != at).collect::<Vec<_>>()
    };
    let wanted = wanted(lab).services.swap_remove(at);
    let upstreams = lab.flows.iter().filter(|flow| flow.from == Endpoint::Service(at.clone()));
    let upstreams = upstreams.filter_map(|flow| Some(Upstream::new(flow.to.to_string(), target(lab, catalog, node, flow)?))).collect();
    ServiceSpec {
        kind: service.kind.clone(),
        listen,
        allow: Some(sources(lab, at, service)),
        cluster: service.cluster.clone().map(|cluster| (cluster.clone(), mates(&cluster))),
        replica_of: service.replica_of.clone(),
        promoted_from: None,
        upstreams,
        // What leads elsewhere is set up as the plan has it.
        peers: wanted.as_ref().map(|spec| spec.peers.clone()).unwrap_or_default(),
        settings: wanted.filter(|_| kind.behaviour == Behaviour::Router).map_or_else(|| service.settings.clone(), |spec| spec.settings),
        secrets: BTreeMap::new(),
    }
}

/// What the plan asks for.
fn wanted(lab: &Lab) -> Desired {
    desired(lab, Catalog::embedded(), &LabId::of_file(std::path::Path::new("/labs/test.ron")))
}

pub fn machine_spec(lab: &Lab, called: &NodeName) -> MachineSpec {
    let node = &lab.nodes[called];
    let place = u8::try_from(lab.nodes.get_index_of(called).unwrap()).unwrap();
    let prefix = |network: &NetworkName| lab.networks[network].subnet.map_or(24, |subnet| subnet.prefix_len());
    let adapters = node.adapters.iter().enumerate().map(|(slot, adapter)| AdapterSpec {
        network: adapter.network.clone(),
        mac: Mac([8, 0, 0x27, 0, place, u8::try_from(slot).unwrap()]),
        address: adapter.address.map(|address| Ipv4Net::new(address, prefix(&adapter.network)).unwrap()),
        forwards: adapter.forwards.clone(),
    });
    let wanted = wanted(lab).machines.swap_remove(called);
    let (hosts, routes) = wanted.map(|spec| (spec.hosts, spec.routes)).unwrap_or_default();
    MachineSpec {
        hosts,
        routes,
        cpus: node.cpus,
        memory_mib: node.memory,
        disk_gib: node.disk,
        ..sandtable::testing::machine(called.to_string(), adapters.collect())
    }
}

pub fn network_spec(network: &Network) -> NetworkSpec {
    NetworkSpec {
        kind: network.kind,
        subnet: network.subnet,
        dhcp: network.dhcp.map(|range| (range.from, range.to)),
        interface: network.interface.clone(),
    }
}

pub fn vip_spec(lab: &Lab, vip: &VipName, holder: &Holder) -> VipSpec {
    let drawn = &lab.vips[vip];
    let others = drawn.holders.iter().filter(|other| other.node != holder.node);
    VipSpec {
        address: Ipv4Net::new(drawn.address, 24).unwrap(),
        network: drawn.network.clone(),
        id: drawn.id,
        priority: holder.priority,
        peers: others.filter_map(|other| lab.nodes[&other.node].address_on(&drawn.network)).collect(),
        follows: drawn.follows.clone(),
        advertise_ms: drawn.advertise_ms,
        preempt: drawn.preempt,
    }
}

/// All that makes a lab, in an order that works.
pub fn actions(lab: &Lab) -> Vec<Action> {
    let catalog = Catalog::embedded();
    let mut actions: Vec<Action> =
        lab.networks.iter().map(|(network, drawn)| Action::CreateNetwork { network: network.clone(), spec: network_spec(drawn) }).collect();
    for node in lab.nodes.keys() {
        let spec = machine_spec(lab, node);
        actions.push(Action::CreateMachine { node: node.clone(), spec: spec.clone() });
        actions.push(Action::PowerOn { node: node.clone() });
        actions.push(Action::Configure { node: node.clone(), spec, kinds: Default::default(), vips: Default::default() });
    }
    let mut starts = Vec::new();
    let mut begun = BTreeSet::new();
    for (node, service, drawn) in lab.services() {
        let spec = service_spec(lab, &ServiceRef { node: node.clone(), service: service.clone() });
        actions.push(Action::InstallService { node: node.clone(), service: service.clone(), spec });
        let behaviour = catalog.behaviour(drawn).unwrap();
        let bootstrap = behaviour == Behaviour::Galera && begun.insert(drawn.cluster.clone());
        let order = match behaviour {
            Behaviour::Galera if bootstrap => 0,
            Behaviour::Galera => 1,
            Behaviour::Arbitrator => 2,
            Behaviour::Balancer => 4,
            _ => 3,
        };
        starts.push((order, Action::StartService { node: node.clone(), service: service.clone(), bootstrap }));
    }
    starts.sort_by_key(|(order, _)| *order);
    actions.extend(starts.into_iter().map(|(_, action)| action));
    for (vip, drawn) in &lab.vips {
        for holder in &drawn.holders {
            actions.push(Action::SetVip { node: holder.node.clone(), vip: vip.clone(), spec: vip_spec(lab, vip, holder) });
        }
    }
    actions
}

/// A world with this lab in it, settled.
pub fn deployed(lab: &Lab, seed: u64) -> World {
    let mut world = World::new(seed);
    for action in actions(lab) {
        world.perform(&action, 120_000).unwrap_or_else(|error| panic!("seed {seed}: {action:?}: {error}"));
    }
    world.watch(&lab.flows);
    world.run_for(10_000);
    world
}

/// What is not well, in words.
pub fn complaints(world: &World) -> Vec<String> {
    let seen = world.observe();
    let mut found = Vec::new();
    for (node, state) in &seen.nodes {
        for (service, state) in &state.services {
            if state.health != Health::Healthy {
                found.push(format!("{node}/{service} is {}: {}", state.health.title(), state.reason));
            }
        }
    }
    found.extend(seen.flows.iter().filter(|flow| flow.health != Health::Healthy).map(|flow| format!("{}: {}", flow.id, flow.reason)));
    found.extend(
        seen.vips.iter().filter(|(_, vip)| vip.holders.len() != 1).map(|(vip, state)| format!("{vip} is held by {:?}", state.holders)),
    );
    found.extend(
        seen.clusters
            .iter()
            .filter(|(_, cluster)| cluster.state != ClusterState::Whole)
            .map(|(cluster, state)| format!("{cluster} is {:?}", state.state)),
    );
    found
}
