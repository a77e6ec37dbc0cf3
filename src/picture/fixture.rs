//! Labs that tests and benchmarks draw. Shared with `tests/` and `benches/`, which include this very file.

use super::model::{
    Adapter, Bind, Endpoint, Flow, Forward, Holder, IndexMap, Lab, Network, NetworkKind, Node, NodeName, Note, Pos, Purpose, Role, Service,
    Site, Vip,
};

fn network(kind: NetworkKind, subnet: Option<&str>, purpose: Purpose) -> Network {
    Network { subnet: subnet.map(|subnet| subnet.parse().unwrap()), purpose, ..Network::new(kind) }
}

fn adapter(network: &str, address: Option<&str>) -> Adapter {
    Adapter { address: address.map(|address| address.parse().unwrap()), ..Adapter::on(network.parse().unwrap()) }
}

fn node(role: Role, memory: u32, adapters: Vec<Adapter>, services: &[(&str, &str, Option<&str>, Option<&str>)]) -> Node {
    let services = services.iter().map(|(name, kind, bind, cluster)| {
        let bind = bind.map_or(Bind::Any, |network| Bind::On(network.parse().unwrap()));
        let cluster = cluster.map(|cluster| cluster.parse().unwrap());
        (name.parse().unwrap(), Service { bind, cluster, ..Service::new(kind.parse().unwrap()) })
    });
    Node { memory, adapters, services: services.collect(), ..Node::new(role) }
}

fn flow(from: &str, to: &str) -> Flow {
    Flow::new(from.parse().unwrap(), to.parse().unwrap())
}

/// The mini-cloud without positions.
pub fn mini_cloud_unplaced() -> Lab {
    let mut lab = Lab::new("Mini-cloud");
    lab.networks = IndexMap::from_iter([
        ("internet".parse().unwrap(), network(NetworkKind::Nat, None, Purpose::General)),
        ("frontend".parse().unwrap(), network(NetworkKind::HostOnly, Some("192.168.50.0/24"), Purpose::Frontend)),
        ("backend".parse().unwrap(), network(NetworkKind::Internal, Some("192.168.60.0/24"), Purpose::Backend)),
    ]);
    let mut way_in = adapter("internet", None);
    way_in.forwards.push(Forward { host: 8080, to: 80, address: std::net::Ipv4Addr::LOCALHOST });
    let app = |n: u8| {
        let adapters = vec![adapter("frontend", Some(&format!("192.168.50.1{n}"))), adapter("backend", Some(&format!("192.168.60.1{n}")))];
        let services = [
            ("todo", "todo", Some("frontend"), None),
            ("garbd", "garbd", Some("backend"), Some("db")),
            ("sync", "file-sync", Some("backend"), Some("files")),
        ];
        node(Role::App, 512, adapters, &services)
    };
    let db = |n: u8| {
        let adapters = vec![adapter("backend", Some(&format!("192.168.60.2{n}")))];
        node(Role::Database, 1024, adapters, &[("galera", "galera", Some("backend"), Some("db"))])
    };
    let lb = vec![way_in, adapter("frontend", Some("192.168.50.10"))];
    lab.nodes = IndexMap::from_iter([
        ("lb".parse().unwrap(), node(Role::Balancer, 512, lb, &[("haproxy", "haproxy", None, None)])),
        ("app1".parse().unwrap(), app(1)),
        ("app2".parse().unwrap(), app(2)),
        ("db1".parse().unwrap(), db(1)),
        ("db2".parse().unwrap(), db(2)),
    ]);
    let holder = |name: &str, priority| Holder { node: name.parse().unwrap(), priority };
    let vip = Vip {
        address: "192.168.60.30".parse().unwrap(),
        network: "backend".parse().unwrap(),
        id: 51,
        holders: vec![holder("db1", 110), holder("db2", 100)],
        follows: Some("galera".parse().unwrap()),
        advertise_ms: 1000,
        preempt: false,
    };
    lab.vips.insert("vip".parse().unwrap(), vip);
    lab.flows = vec![
        flow("outside", "lb/haproxy"),
        flow("lb/haproxy", "app1/todo"),
        flow("lb/haproxy", "app2/todo"),
        flow("app1/todo", "vip:vip"),
        flow("app2/todo", "vip:vip"),
    ];
    lab
}

/// The mini-cloud as `look/` draws it.
pub fn mini_cloud() -> Lab {
    let mut lab = mini_cloud_unplaced();
    for (name, y) in [("internet", 64), ("frontend", 232), ("backend", 432)] {
        lab.canvas.networks.insert(name.parse().unwrap(), Pos(40, y));
    }
    for (name, x, y) in [("lb", 376, 104), ("app1", 224, 288), ("app2", 528, 288), ("db1", 224, 504), ("db2", 528, 504)] {
        lab.canvas.nodes.insert(name.parse().unwrap(), Pos(x, y));
    }
    lab
}

/// Two sites with a network each, joined by gateways over a WAN, and a note.
pub fn two_sites() -> Lab {
    let mut lab = Lab::new("Two sites");
    lab.networks.insert("wan".parse().unwrap(), network(NetworkKind::Internal, Some("10.9.0.0/24"), Purpose::Wan));
    for (n, site) in [(1, "us"), (2, "eu")] {
        let title = if n == 1 { "United States" } else { "Europe" };
        lab.sites.insert(site.parse().unwrap(), Site { title: title.into(), gateways: Vec::new() });
        let local = Network {
            site: Some(site.parse().unwrap()),
            ..network(NetworkKind::Internal, Some(&format!("10.{n}.0.0/24")), Purpose::General)
        };
        lab.networks.insert(format!("{site}-lan").parse().unwrap(), local);
        for (m, role) in [(1, Role::Worker), (2, Role::Worker), (3, Role::Gateway)] {
            let mut adapters = vec![adapter(&format!("{site}-lan"), Some(&format!("10.{n}.0.1{m}")))];
            if role == Role::Gateway {
                adapters.push(adapter("wan", Some(&format!("10.9.0.{n}"))));
            }
            let cluster = format!("mesh-{site}");
            let mut made = node(role, 512, adapters, &[("beam", "beam", None, Some(&cluster))]);
            made.site = Some(site.parse().unwrap());
            lab.nodes.insert(format!("{site}-{}{m}", role.name_stem()).parse().unwrap(), made);
        }
        let gateway: NodeName = format!("{site}-gw3").parse().unwrap();
        lab.sites.get_mut(site).unwrap().gateways.push(gateway);
    }
    lab.flows.push(flow("us-node1/beam", "us-gw3/beam"));
    lab.notes.push(Note { at: Pos(0, -160), text: "Two meshes,\njoined by their gateways alone.".into(), width: 0 });
    lab
}

/// A large lab: networks of twenty nodes, every node with two services, and a flow from each node to the next.
pub fn large(nodes: usize) -> Lab {
    const A_RAIL: usize = 20;
    let mut lab = Lab::new(format!("{nodes} nodes"));
    let rails = nodes.div_ceil(A_RAIL);
    // About the shape of a screen: a rail's block is 2,700 x 480.
    let columns = (rails * 2 / 7).isqrt().max(1);
    for rail in 0..rails {
        let (name, subnet) = (format!("net{rail}"), format!("10.{}.{}.0/24", rail / 250, rail % 250));
        lab.networks.insert(name.parse().unwrap(), network(NetworkKind::Internal, Some(&subnet), Purpose::General));
        let at = |value: usize| i32::try_from(value).unwrap();
        // A rail with its two rows of ten is about as wide as ten cards and as high as six.
        let (x, y) = (at(rail % columns) * 2700, at(rail / columns) * 480);
        lab.canvas.networks.insert(name.parse().unwrap(), Pos(x, y + 200));
        for n in 0..A_RAIL.min(nodes - rail * A_RAIL) {
            let role = Role::ALL[n % Role::ALL.len()];
            let address = format!("10.{}.{}.{}", rail / 250, rail % 250, n + 10);
            let services = [("web", "nginx", None, None), ("db", "mariadb", None, None)];
            let made = node(role, 1024, vec![adapter(&name, Some(&address))], &services);
            let node_name: NodeName = format!("node{}", rail * A_RAIL + n).parse().unwrap();
            lab.canvas.nodes.insert(node_name.clone(), Pos(x + at(n % 10) * 256 + 64, y + 64 + at(n / 10) * 208));
            if n > 0 {
                let before = format!("node{}", rail * A_RAIL + n - 1);
                lab.flows.push(Flow::new(Endpoint::Node(before.parse().unwrap()), Endpoint::Node(node_name.clone())));
            }
            lab.nodes.insert(node_name, made);
        }
    }
    lab
}
