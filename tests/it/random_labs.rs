//! Random labs in which much can be reached and much cannot: for the comparisons of `reach` with the simulator and with the kernel.

use sandtable::{
    model::{
        Adapter, Allow, Bind, DhcpRange, Endpoint, Flow, Forward, Holder, Lab, Link, Network, NetworkKind, NetworkName, Node, NodeName,
        Peer, Purpose, Role, Service, ServiceRef, Site, Value, Vip,
    },
    testing::Seeded,
};
use std::net::Ipv4Addr;

/// The address of the VIP `sky`, where a lab has it.
pub const SKY: Ipv4Addr = Ipv4Addr::new(10, 50, 0, 99);

/// Services that a node may have, with the chance of each in percent. None of these asks others before it answers: what is compared is
/// who reaches whom.
const SERVICES: [(&str, &str, usize); 7] = [
    ("web", "node-exporter", 55),
    ("db", "mariadb", 30),
    ("ssh", "sshd", 35),
    ("cache", "redis", 20),
    ("objects", "memcached", 20),
    ("dns", "unbound", 20),
    ("site", "nginx", 20),
];

/// A lab of a few networks and nodes at random, with gateways, port forwards, VIPs and flows between anything.
pub fn random_lab(seed: u64) -> Lab {
    let mut r = Seeded::new(seed);
    let mut lab = Lab::new("Random");
    let kinds = [NetworkKind::Internal, NetworkKind::Internal, NetworkKind::HostOnly, NetworkKind::NatNetwork];
    let count = 2 + r.below(3);
    for place in 0..count {
        let kind = kinds[r.below(kinds.len())];
        let mut network = Network::with_subnet(kind, format!("10.50.{place}.0/24").parse().unwrap());
        network.purpose = if r.chance(20) { Purpose::Management } else { Purpose::General };
        lab.networks.insert(format!("net{place}").parse().unwrap(), network);
    }
    lab.networks.insert("internet".parse().unwrap(), Network::new(NetworkKind::Nat));
    for place in 0..3 + r.below(4) {
        let mut node = Node::new(Role::App);
        for network in 0..count {
            // Adapters stand in the order of the networks, so that both ends agree on the first that they share.
            if r.chance(45) || (network == count - 1 && node.adapters.is_empty()) {
                let address = Some(format!("10.50.{network}.{}", 10 + place).parse().unwrap());
                node.adapters.push(Adapter { address, ..Adapter::on(format!("net{network}").parse().unwrap()) });
            }
        }
        if r.chance(30) {
            let forward = Forward { host: 8000 + u16::try_from(place).unwrap(), to: 9100, address: Ipv4Addr::LOCALHOST };
            node.adapters.push(Adapter { forwards: vec![forward], ..Adapter::on("internet".parse().unwrap()) });
        }
        if r.chance(40) {
            node.services.insert("router".parse().unwrap(), Service::new("gateway".parse().unwrap()));
        }
        let first = node.adapters[0].network.clone();
        // None of these asks others before it answers: what is compared is who reaches whom.
        for (name, kind, chance) in [("web", "node-exporter", 60), ("db", "mariadb", 40), ("ssh", "sshd", 40)] {
            if r.chance(chance) {
                let bind =
                    [Bind::Any, Bind::On(first.clone()), Bind::Loopback][r.below(if first.as_str() == "internet" { 1 } else { 3 })].clone();
                node.services.insert(name.parse().unwrap(), Service { bind, ..Service::new(kind.parse().unwrap()) });
            }
        }
        lab.nodes.insert(format!("n{place}").parse().unwrap(), node);
    }
    let services: Vec<ServiceRef> =
        lab.services().map(|(node, service, _)| ServiceRef { node: node.clone(), service: service.clone() }).collect();
    let nodes: Vec<NodeName> = lab.nodes.keys().cloned().collect();
    let web: Vec<&ServiceRef> = services.iter().filter(|at| at.service.as_str() == "web").collect();
    if let (true, Some(to)) = (r.chance(50), r.pick(&web)) {
        let mut forward = Service::new("port-forward".parse().unwrap());
        forward.settings.insert("rules".to_owned(), Value::List(vec![format!("8080:{to}")]));
        let node = &nodes[r.below(nodes.len())];
        lab.nodes.get_mut(node).unwrap().services.insert("lead".parse().unwrap(), forward);
    }
    let holders: Vec<Holder> = nodes
        .iter()
        .filter(|node| lab.nodes[*node].adapter_on("net0").is_some() && lab.nodes[*node].services.contains_key("web"))
        .zip([120, 110])
        .map(|(node, priority)| Holder { node: node.clone(), priority })
        .collect();
    if holders.len() == 2 {
        let (address, network) = (SKY, "net0".parse().unwrap());
        let follows = Some("web".parse().unwrap());
        let vip = Vip { address, network, id: 7, holders, follows, advertise_ms: 1000, preempt: false };
        lab.vips.insert("sky".parse().unwrap(), vip);
    }
    for _ in 0..12 {
        let from = if r.chance(25) { Endpoint::Outside } else { Endpoint::Node(nodes[r.below(nodes.len())].clone()) };
        let to = match r.below(10) {
            0 => Endpoint::Outside,
            1 => Endpoint::Node(nodes[r.below(nodes.len())].clone()),
            2 if !lab.vips.is_empty() => Endpoint::Vip("sky".parse().unwrap()),
            _ => r.pick(&services).map_or(Endpoint::Outside, |at| Endpoint::Service(at.clone())),
        };
        let is_router = matches!(&to, Endpoint::Service(at) if at.service.as_str() == "router");
        let port = r.chance(20).then(|| [80, 9100, 3306, 8080][r.below(4)]);
        let flow = Flow { port, ..Flow::new(from, to) };
        let both_outside = flow.from == Endpoint::Outside && flow.to == Endpoint::Outside;
        let known = lab.flows.iter().any(|other| (&other.from, &other.to) == (&flow.from, &flow.to));
        if flow.from != flow.to && !both_outside && !is_router && !known {
            lab.flows.push(flow);
        }
    }
    lab
}

/// A lab of some networks and nodes, with gateways, tunnels, port forwards, VIPs, firewalls and flows between anything.
pub fn wide_lab(seed: u64) -> Lab {
    let mut r = Seeded::new(seed);
    let mut lab = Lab::new("Random");
    let count = 2 + r.below(4);
    networks(&mut r, &mut lab, count);
    for place in 0..3 + r.below(4) {
        let node = node(&mut r, &lab, place, count);
        lab.nodes.insert(format!("n{place}").parse().unwrap(), node);
    }
    if r.chance(25) {
        sites(&mut r, &mut lab);
    }
    let names: Vec<NodeName> = lab.nodes.keys().cloned().collect();
    for name in &names {
        services(&mut r, &mut lab, name);
    }
    port_forwards(&mut r, &mut lab, &names);
    vips(&mut r, &mut lab, &names, count);
    flows(&mut r, &mut lab, &names);
    lab
}

fn networks(r: &mut Seeded, lab: &mut Lab, count: usize) {
    use NetworkKind::{Bridged, HostOnly, Internal, NatNetwork};
    for place in 0..count {
        let kind = [Internal, Internal, Internal, HostOnly, HostOnly, NatNetwork, Bridged][r.below(7)];
        let mut network = Network::with_subnet(kind, format!("10.50.{place}.0/24").parse().unwrap());
        network.purpose = if r.chance(20) { Purpose::Management } else { Purpose::General };
        if matches!(kind, HostOnly | NatNetwork) && r.chance(30) {
            let at = |last: u8| Ipv4Addr::new(10, 50, u8::try_from(place).unwrap(), last);
            network.dhcp = Some(DhcpRange { from: at(100), to: at(120) });
        }
        lab.networks.insert(format!("net{place}").parse().unwrap(), network);
    }
    lab.networks.insert("internet".parse().unwrap(), Network::new(NetworkKind::Nat));
}

fn forwards(r: &mut Seeded, place: usize) -> Vec<Forward> {
    let first = 8000 + u16::try_from(place).unwrap() * 10;
    let port = |r: &mut Seeded| [9100, 3306, 22, 8080, 80][r.below(5)];
    (0..1 + u16::try_from(r.below(2)).unwrap())
        .map(|number| Forward { host: first + number, to: port(r), address: Ipv4Addr::LOCALHOST })
        .collect()
}

fn node(r: &mut Seeded, lab: &Lab, place: usize, count: usize) -> Node {
    let mut node = Node::new(Role::App);
    for number in 0..count {
        // Adapters stand in the order of the networks, so that both ends agree on the first that they share.
        if r.chance(45) || (number == count - 1 && node.adapters.is_empty()) {
            let name: NetworkName = format!("net{number}").parse().unwrap();
            let network = &lab.networks[&name];
            let is_leased = network.dhcp.is_some() && r.chance(40);
            let address = (!is_leased).then(|| format!("10.50.{number}.{}", 10 + place).parse().unwrap());
            let forwards =
                if network.kind == NetworkKind::NatNetwork && r.chance(40) { forwards(r, 20 + 10 * number + place) } else { Vec::new() };
            node.adapters.push(Adapter { address, forwards, ..Adapter::on(name) });
        }
    }
    if r.chance(30) {
        node.adapters.push(Adapter { forwards: forwards(r, place), ..Adapter::on("internet".parse().unwrap()) });
    }
    node
}

/// Two sites with a gateway each, joined by a tunnel.
fn sites(r: &mut Seeded, lab: &mut Lab) {
    let mut road = Network::with_subnet(NetworkKind::Internal, "172.20.5.0/24".parse().unwrap());
    road.purpose = Purpose::Wan;
    lab.networks.insert("road".parse().unwrap(), road);
    for (place, side) in ["east", "west"].into_iter().enumerate() {
        let lan: NetworkName = format!("{side}-lan").parse().unwrap();
        let mut network = Network::with_subnet(NetworkKind::Internal, format!("10.33.{}.0/24", 11 + place).parse().unwrap());
        network.site = Some(side.parse().unwrap());
        lab.networks.insert(lan.clone(), network);
        let on =
            |network: &NetworkName, address: String| Adapter { address: Some(address.parse().unwrap()), ..Adapter::on(network.clone()) };
        // Some of the other nodes are on the site's network as well.
        for (number, node) in lab.nodes.values_mut().enumerate().filter(|(number, _)| number % 2 == place) {
            if r.chance(30) {
                node.adapters.push(on(&lan, format!("10.33.{}.{}", 11 + place, 10 + number)));
            }
        }
        let (gate, desk): (NodeName, NodeName) = (format!("{side}-gate").parse().unwrap(), format!("{side}-desk").parse().unwrap());
        let mut node = Node { site: Some(side.parse().unwrap()), ..Node::new(Role::Gateway) };
        node.adapters.push(on(&lan, format!("10.33.{}.2", 11 + place)));
        node.adapters.push(on(&"road".parse().unwrap(), format!("172.20.5.{}", 11 + place)));
        if r.chance(40) {
            node.adapters.push(Adapter::on("internet".parse().unwrap()));
        }
        node.services.insert("router".parse().unwrap(), Service::new("gateway".parse().unwrap()));
        let tunnel = Service {
            bind: Bind::On("road".parse().unwrap()),
            cluster: Some("pipe".parse().unwrap()),
            ..Service::new("wireguard".parse().unwrap())
        };
        node.services.insert("wire".parse().unwrap(), tunnel);
        lab.nodes.insert(gate.clone(), node);
        let mut node = Node { site: Some(side.parse().unwrap()), ..Node::new(Role::Worker) };
        node.adapters.push(on(&lan, format!("10.33.{}.50", 11 + place)));
        lab.nodes.insert(desk, node);
        lab.sites.insert(side.parse().unwrap(), Site { title: String::new(), gateways: vec![gate] });
    }
    let between = ("east".parse().unwrap(), "west".parse().unwrap());
    lab.links.push(Link { between, network: "road".parse().unwrap(), tunnel: Some("wire".parse().unwrap()) });
}

fn services(r: &mut Seeded, lab: &mut Lab, name: &NodeName) {
    let peers: Vec<Peer> = lab
        .nodes
        .keys()
        .cloned()
        .map(Peer::Node)
        .chain(lab.networks.keys().filter(|network| network.as_str() != "internet").cloned().map(Peer::Network))
        .collect();
    let subnets: Vec<(NetworkName, String)> =
        lab.networks.iter().filter_map(|(network, drawn)| Some((network.clone(), drawn.subnet?.to_string()))).collect();
    let node = lab.nodes.get_mut(name).unwrap();
    let on: Vec<NetworkName> = node.adapters.iter().map(|adapter| adapter.network.clone()).collect();
    if !node.services.contains_key("router") && r.chance(40) {
        let mut router = Service::new("gateway".parse().unwrap());
        if r.chance(20) {
            router.settings.insert("masquerade".to_owned(), Value::Bool(false));
        }
        if r.chance(20) {
            let own = subnets.iter().filter(|(network, _)| on.contains(network)).map(|(_, subnet)| subnet.clone());
            router.settings.insert("networks".to_owned(), Value::List(own.take(2).collect()));
        }
        node.services.insert("router".parse().unwrap(), router);
    }
    let fixed: Vec<(NetworkName, Ipv4Addr)> =
        node.adapters.iter().filter_map(|adapter| Some((adapter.network.clone(), adapter.address?))).collect();
    for (place, (service, kind, chance)) in SERVICES.into_iter().enumerate() {
        if !r.chance(chance) {
            continue;
        }
        let bind = match (r.below(8), r.pick(&fixed)) {
            (0, _) => Bind::Loopback,
            (1 | 2, Some((network, _))) => Bind::On(network.clone()),
            (3, Some((_, address))) => Bind::Address(*address),
            _ => Bind::Any,
        };
        let allow = match r.below(6) {
            0 => Allow::Everyone,
            1 => Allow::Only(vec![if r.chance(10) { Peer::Outside } else { r.pick(&peers).cloned().unwrap() }]),
            2 => Allow::Only(vec![Peer::Subnet(
                ["10.50.0.0/16", "10.50.1.0/25", "10.0.2.2/32", "10.33.0.0/16"][r.below(4)].parse().unwrap(),
            )]),
            _ => Allow::Drawn,
        };
        let port = r.chance(15).then(|| 7000 + u16::try_from(place).unwrap());
        let mut drawn = Service { bind, allow, port, ..Service::new(kind.parse().unwrap()) };
        if kind == "nginx" && r.chance(30) {
            drawn.settings.insert("tls".to_owned(), Value::Bool(true));
        }
        node.services.insert(service.parse().unwrap(), drawn);
    }
}

fn all_services(lab: &Lab) -> Vec<ServiceRef> {
    lab.services().map(|(node, service, _)| ServiceRef { node: node.clone(), service: service.clone() }).collect()
}

fn port_forwards(r: &mut Seeded, lab: &mut Lab, names: &[NodeName]) {
    let targets: Vec<ServiceRef> = all_services(lab).into_iter().filter(|at| !["router", "wire"].contains(&at.service.as_str())).collect();
    for name in names {
        if !r.chance(20) {
            continue;
        }
        let rules = (0..1 + r.below(3)).filter_map(|_| {
            let to = r.pick(&targets)?;
            // `reach` knows no protocols: no port is both a TCP and a UDP port of one node.
            let port = if to.service.as_str() == "dns" { 5300 } else { [8080, 8081, 9100, 3306][r.below(4)] };
            Some(format!("{port}:{to}"))
        });
        let rules: Vec<String> = rules.collect();
        if !rules.is_empty() {
            let mut forward = Service::new("port-forward".parse().unwrap());
            forward.settings.insert("rules".to_owned(), Value::List(rules));
            lab.nodes.get_mut(name).unwrap().services.insert("lead".parse().unwrap(), forward);
        }
    }
}

fn vips(r: &mut Seeded, lab: &mut Lab, names: &[NodeName], count: usize) {
    let holders = |lab: &Lab, network: &NetworkName, service: Option<&str>| -> Vec<Holder> {
        let may = names.iter().filter(|name| {
            let node = &lab.nodes[*name];
            node.address_on(network).is_some() && service.is_none_or(|service| node.services.contains_key(service))
        });
        may.zip([120, 110]).map(|(node, priority)| Holder { node: node.clone(), priority }).collect()
    };
    let vip = |address, network, holders, follows: Option<&str>| Vip {
        address,
        network,
        id: 7,
        holders,
        follows: follows.map(|service| service.parse().unwrap()),
        advertise_ms: 1000,
        preempt: false,
    };
    let network: NetworkName = "net0".parse().unwrap();
    let found = holders(lab, &network, Some("web"));
    if found.len() == 2 {
        lab.vips.insert("sky".parse().unwrap(), vip(SKY, network, found, Some("web")));
    }
    let last = u8::try_from(count - 1).unwrap();
    let network: NetworkName = format!("net{last}").parse().unwrap();
    let found = holders(lab, &network, None);
    if r.chance(30) && !found.is_empty() {
        lab.vips.insert("sea".parse().unwrap(), vip(Ipv4Addr::new(10, 50, last, 98), network, found, None));
    }
}

fn flows(r: &mut Seeded, lab: &mut Lab, names: &[NodeName]) {
    let services = all_services(lab);
    for _ in 0..12 {
        let from = if r.chance(25) { Endpoint::Outside } else { Endpoint::Node(names[r.below(names.len())].clone()) };
        let to = match r.below(10) {
            0 => Endpoint::Outside,
            1 => Endpoint::Node(names[r.below(names.len())].clone()),
            2 if lab.vips.contains_key("sky") => Endpoint::Vip("sky".parse().unwrap()),
            _ => r.pick(&services).map_or(Endpoint::Outside, |at| Endpoint::Service(at.clone())),
        };
        let has_port = !matches!(&to, Endpoint::Service(at) if ["router", "wire"].contains(&at.service.as_str()));
        let port = r.chance(20).then(|| [80, 9100, 3306, 8080][r.below(4)]);
        let flow = Flow { port, ..Flow::new(from, to) };
        let both_outside = flow.from == Endpoint::Outside && flow.to == Endpoint::Outside;
        let known = lab.flows.iter().any(|other| (&other.from, &other.to) == (&flow.from, &flow.to));
        if flow.from != flow.to && !both_outside && has_port && !known {
            lab.flows.push(flow);
        }
    }
}
