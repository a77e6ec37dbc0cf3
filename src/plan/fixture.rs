//! Labs and an ideal world for tests: a world in which every action works at once.

use super::{Action, LabId};
use crate::model::{
    Adapter, Bind, Flow, Forward, Health, Holder, Ipv4Net, Lab, Network, NetworkKind, Node, Observed, ObservedNetwork, ObservedNode,
    ObservedService, ObservedVip, Power, Purpose, Role, Service, Vip,
};

pub(crate) fn id() -> LabId {
    LabId::of_file(std::path::Path::new("/labs/mini-cloud.ron"))
}

fn network(kind: NetworkKind, subnet: Option<&str>, purpose: Purpose) -> Network {
    Network { subnet: subnet.map(|subnet| subnet.parse::<Ipv4Net>().unwrap()), purpose, ..Network::new(kind) }
}

fn node(role: Role, memory: u32, adapters: &[(&str, &str)]) -> Node {
    let adapter = |(network, address): &(&str, &str)| Adapter { address: address.parse().ok(), ..Adapter::on(network.parse().unwrap()) };
    Node { memory, adapters: adapters.iter().map(adapter).collect(), ..Node::new(role) }
}

fn service(kind: &str, bind: &str, cluster: Option<&str>) -> Service {
    Service {
        bind: if bind.is_empty() { Bind::Any } else { Bind::On(bind.parse().unwrap()) },
        cluster: cluster.map(|cluster| cluster.parse().unwrap()),
        ..Service::new(kind.parse().unwrap())
    }
}

/// The mini-cloud of the second seed.
pub(crate) fn mini_cloud() -> Lab {
    let mut lab = Lab::new("Mini-cloud");
    for (name, wire) in [
        ("internet", network(NetworkKind::Nat, None, Purpose::General)),
        ("frontend", network(NetworkKind::HostOnly, Some("192.168.50.0/24"), Purpose::Frontend)),
        ("backend", network(NetworkKind::Internal, Some("192.168.60.0/24"), Purpose::Backend)),
        ("management", network(NetworkKind::HostOnly, Some("192.168.70.0/24"), Purpose::Management)),
    ] {
        lab.networks.insert(name.parse().unwrap(), wire);
    }
    for (name, mut node, services) in [
        (
            "lb",
            node(Role::Balancer, 512, &[("internet", ""), ("frontend", "192.168.50.10"), ("management", "192.168.70.10")]),
            vec![("haproxy", service("haproxy", "", None))],
        ),
        (
            "app1",
            node(Role::App, 512, &[("frontend", "192.168.50.11"), ("backend", "192.168.60.11"), ("management", "192.168.70.11")]),
            vec![
                ("todo", service("todo", "frontend", None)),
                ("garbd", service("garbd", "backend", Some("galera"))),
                ("sync", service("file-sync", "backend", Some("uploads"))),
            ],
        ),
        (
            "app2",
            node(Role::App, 512, &[("frontend", "192.168.50.12"), ("backend", "192.168.60.12"), ("management", "192.168.70.12")]),
            vec![
                ("todo", service("todo", "frontend", None)),
                ("garbd", service("garbd", "backend", Some("galera"))),
                ("sync", service("file-sync", "backend", Some("uploads"))),
            ],
        ),
        (
            "db1",
            node(Role::Database, 1024, &[("backend", "192.168.60.21"), ("management", "192.168.70.21")]),
            vec![("galera", service("galera", "", Some("galera")))],
        ),
        (
            "db2",
            node(Role::Database, 1024, &[("backend", "192.168.60.22"), ("management", "192.168.70.22")]),
            vec![("galera", service("galera", "", Some("galera")))],
        ),
    ] {
        if name == "lb"
            && let Some(nat) = node.adapters.first_mut()
        {
            let forward = |host, to| Forward { host, to, address: std::net::Ipv4Addr::LOCALHOST };
            nat.forwards = vec![forward(8080, 80), forward(8404, 8404)];
        }
        node.services = services.into_iter().map(|(name, service)| (name.parse().unwrap(), service)).collect();
        lab.nodes.insert(name.parse().unwrap(), node);
    }
    lab.vips.insert(
        "database".parse().unwrap(),
        Vip {
            address: "192.168.60.30".parse().unwrap(),
            network: "backend".parse().unwrap(),
            id: 51,
            holders: [("db1", 101), ("db2", 100)].map(|(node, priority)| Holder { node: node.parse().unwrap(), priority }).to_vec(),
            follows: Some("galera".parse().unwrap()),
            advertise_ms: 1000,
            preempt: false,
        },
    );
    for (from, to) in [
        ("outside", "lb/haproxy"),
        ("lb/haproxy", "app1/todo"),
        ("lb/haproxy", "app2/todo"),
        ("app1/todo", "vip:database"),
        ("app2/todo", "vip:database"),
        ("app1/sync", "app2/sync"),
        ("app2/sync", "app1/sync"),
    ] {
        lab.flows.push(Flow::new(from.parse().unwrap(), to.parse().unwrap()));
    }
    lab
}

/// Does what an action says, at once. Panics where a provider could not do it: a plan must not ask for that.
pub(crate) fn carry_out(world: &mut Observed, action: &Action) {
    match action {
        Action::CreateNetwork { network, spec } | Action::ChangeNetwork { network, spec } => {
            world.networks.insert(network.clone(), ObservedNetwork::of(spec.clone()));
        }
        Action::DeleteNetwork { network } => {
            let used = |node: &ObservedNode| node.spec.as_ref().unwrap().adapters.iter().any(|adapter| adapter.network == *network);
            assert!(!world.nodes.values().any(used), "{network} is deleted under its machines");
            world.networks.remove(network);
        }
        Action::CreateMachine { node, spec } => {
            assert!(
                spec.adapters.iter().all(|adapter| world.networks.contains_key(&adapter.network)),
                "{node} has a network that is not there"
            );
            let there = ObservedNode {
                power: Power::Stopped,
                spec: Some(spec.clone()),
                links_up: vec![true; spec.adapters.len()],
                ..Default::default()
            };
            world.nodes.insert(node.clone(), there);
        }
        Action::ChangeMachine { node, spec } => {
            let there = world.nodes.get_mut(node).unwrap();
            let old = there.spec.take().unwrap();
            let plugs =
                |spec: &crate::model::MachineSpec| spec.adapters.iter().map(|one| (one.network.clone(), one.mac)).collect::<Vec<_>>();
            let size = |spec: &crate::model::MachineSpec| (spec.cpus, spec.memory_mib, spec.disk_gib, plugs(spec));
            assert!(size(&old) == size(spec) || there.power == Power::Stopped, "{node} is changed while it is on");
            there.configured &= plugs(&old) == plugs(spec);
            let mut made = spec.clone();
            (made.hostname, made.hosts) = (old.hostname, old.hosts);
            for (made, old) in made.adapters.iter_mut().zip(&old.adapters) {
                made.address = old.address;
            }
            there.spec = Some(made);
        }
        Action::DeleteMachine { node } => {
            world.nodes.remove(node);
        }
        Action::PowerOn { node } => world.nodes.get_mut(node).unwrap().power = Power::Running,
        Action::PowerOff { node } => {
            let there = world.nodes.get_mut(node).unwrap();
            there.power = Power::Stopped;
            there.services.values_mut().for_each(stop);
        }
        Action::Configure { node, spec, .. } => {
            let there = running(world, node);
            (there.spec, there.configured) = (Some(spec.clone()), true);
        }
        Action::TakeSnapshot { node, snapshot } => running(world, node).snapshots.push(snapshot.clone()),
        Action::RestoreSnapshot { .. } | Action::DeleteSnapshot { .. } => unreachable!("no drawing asks for it"),
        Action::InstallService { node, service, spec } => {
            let there = running(world, node);
            assert!(there.configured, "{service} is installed on {node} before its addresses are set");
            there.services.entry(service.clone()).or_default().spec = Some(spec.clone());
        }
        Action::StartService { node, service, .. } => start(running(world, node).services.get_mut(service).unwrap()),
        Action::ReconfigureService { node, service, spec } => {
            let there = running(world, node).services.get_mut(service).unwrap();
            there.spec = Some(spec.clone());
            start(there);
        }
        Action::RemoveService { node, service } => {
            running(world, node).services.remove(service);
        }
        Action::SetVip { node, vip, spec } => {
            running(world, node).vips.insert(vip.clone(), spec.clone());
            world.vips.entry(vip.clone()).or_insert_with(|| ObservedVip {
                address: Some(spec.address.addr()),
                holders: vec![node.clone()],
                ..Default::default()
            });
        }
        Action::RemoveVip { node, vip } => {
            running(world, node).vips.remove(vip);
        }
    }
}

fn running<'a>(world: &'a mut Observed, node: &str) -> &'a mut ObservedNode {
    let there = world.nodes.get_mut(node).unwrap();
    assert_eq!(there.power, Power::Running, "something is done inside {node}, which is off");
    there
}

fn start(service: &mut ObservedService) {
    service.health = Health::Healthy;
    service.listening = service.spec.iter().flat_map(|spec| spec.listen.values().flatten().copied()).collect();
}

fn stop(service: &mut ObservedService) {
    service.health = Health::Down;
    service.listening.clear();
}
