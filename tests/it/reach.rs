//! Who reaches whom, by the specifications that the plan makes, in states that are set by hand.

use super::random_labs::{SKY, wide_lab};
use sandtable::{
    catalog::Catalog,
    layout::read,
    model::{Endpoint, Flow, Health, Lab, NetworkName, NodeName, ServiceRef},
    plan::{Action, Desired, LabId, desired},
    reach::{AsDesigned, Design, Explained, Link, MachineNo, NetworkNo, Question, ServiceNo, State, Target, explain},
    sim::World,
    testing::Seeded,
};
use std::{collections::BTreeSet, net::Ipv4Addr};

/// Two sites with a gateway and a tunnel each, and a management network that all are on.
const FARM: &str = r#"
    networks: {
        "east-lan": internal(subnet: "10.33.11.0/24", purpose: backend, site: "east"),
        "west-lan": internal(subnet: "10.33.12.0/24", purpose: backend, site: "west"),
        "road": internal(subnet: "172.20.5.0/24", purpose: wan),
        "control": host_only(subnet: "192.168.60.0/24", purpose: management),
    },
    nodes: {
        "e-gate": (role: gateway, site: "east", adapters: [(network: "east-lan", address: "10.33.11.2"), (network: "road", address: "172.20.5.11"), (network: "control", address: "192.168.60.11")],
            services: {"router": (kind: "gateway"), "wire": (kind: "wireguard", bind: on("road"), cluster: "pipe", secrets: {"key": "ke"})}),
        "w-gate": (role: gateway, site: "west", adapters: [(network: "west-lan", address: "10.33.12.2"), (network: "road", address: "172.20.5.12"), (network: "control", address: "192.168.60.12")],
            services: {"router": (kind: "gateway"), "wire": (kind: "wireguard", bind: on("road"), cluster: "pipe", secrets: {"key": "kw"})}),
        "barn": (role: storage, site: "east", adapters: [(network: "east-lan", address: "10.33.11.21"), (network: "control", address: "192.168.60.13")],
            services: {"files": (kind: "nfs-server", bind: on("east-lan"), settings: {"exports": ["/home"]}), "ssh": (kind: "sshd", bind: on("control"))}),
        "press1": (role: worker, site: "west", adapters: [(network: "west-lan", address: "10.33.12.21"), (network: "control", address: "192.168.60.14")],
            services: {"mount": (kind: "automount")}),
        "press2": (role: worker, site: "west", adapters: [(network: "west-lan", address: "10.33.12.22")], services: {}),
        "desk": (role: worker, adapters: [(network: "control", address: "192.168.60.15")], services: {}),
    },
    flows: [
        (from: "press1/mount", to: "barn/files"),
        (from: "desk", to: "barn/ssh", encrypted: true),
    ],
    sites: {"east": (gateways: ["e-gate"]), "west": (gateways: ["w-gate"])},
    links: [(between: ("east", "west"), network: "road", tunnel: "wire")],
"#;

/// A web server behind a gateway that leads a port to it and hides it, and one beside the host with a VIP.
const PORCH: &str = r#"
    networks: {
        "internet": nat(),
        "yard": internal(subnet: "10.33.2.0/24", purpose: frontend),
        "front": host_only(subnet: "192.168.58.0/24", purpose: frontend),
        "control": host_only(subnet: "192.168.60.0/24", purpose: management),
    },
    nodes: {
        "porch": (role: gateway, adapters: [(network: "internet", forwards: [(host: 8093, to: 8094)]), (network: "yard", address: "10.33.2.2")],
            services: {"router": (kind: "gateway"), "lead": (kind: "port-forward", settings: {"rules": ["8094:hall/web"]})}),
        "hall": (role: app, adapters: [(network: "yard", address: "10.33.2.21"), (network: "control", address: "192.168.60.21")], services: {"web": (kind: "nginx", bind: on("yard"))}),
        "cellar": (role: app, adapters: [(network: "yard", address: "10.33.2.22")], services: {"web": (kind: "nginx", bind: loopback)}),
        "dawn": (role: app, adapters: [(network: "front", address: "192.168.58.21")], services: {"web": (kind: "nginx", settings: {"tls": false})}),
        "dusk": (role: app, adapters: [(network: "front", address: "192.168.58.22")], services: {"web": (kind: "nginx")}),
    },
    flows: [
        (from: "outside", to: "hall/web"),
        (from: "hall", to: "outside"),
        (from: "outside", to: "vip:sky"),
    ],
    vips: {"sky": (address: "192.168.58.99", network: "front", id: 45, holders: [(node: "dawn", priority: 130), (node: "dusk", priority: 120)], follows: "web")},
"#;

fn lab(text: &str) -> Lab {
    let whole = format!("#![enable(implicit_some, unwrap_newtypes)]\n(sandtable: 1, name: \"Lab\", image: (name: \"debian-12\"), {text})");
    read(&whole).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A state with faults, written as `off NODE`, `stop NODE/SERVICE`, `pull NODE NETWORK`, `lose NODE NETWORK`, `drop NODE NODE`, `block NODE/SERVICE` and
/// `holds NODE ADDRESS NETWORK`.
struct Broken {
    base: AsDesigned,
    off: Vec<MachineNo>,
    stopped: Vec<ServiceNo>,
    pulled: Vec<(MachineNo, usize)>,
    lossy: Vec<(MachineNo, usize)>,
    dropped: Vec<(MachineNo, MachineNo)>,
    blocked: Vec<ServiceNo>,
}

impl Broken {
    fn by(design: &Design<'_>, lab: &Lab, wanted: &[ServiceRef], faults: &[&str]) -> Self {
        let mut broken = Self {
            base: design.state.clone(),
            off: Vec::new(),
            stopped: Vec::new(),
            pulled: Vec::new(),
            lossy: Vec::new(),
            dropped: Vec::new(),
            blocked: Vec::new(),
        };
        let machine = |name: &str| design.machine(name).unwrap_or_else(|| panic!("no node {name}"));
        let service = |text: &str| ServiceNo::at(wanted.iter().position(|at| at.to_string() == text).unwrap());
        for fault in faults {
            let words: Vec<&str> = fault.split(' ').collect();
            match words[..] {
                ["off", node] => broken.off.push(machine(node)),
                ["stop", at] => broken.stopped.push(service(at)),
                ["block", at] => broken.blocked.push(service(at)),
                [verb @ ("pull" | "lose"), node, network] => {
                    let adapters = &lab.nodes[&node.parse::<NodeName>().unwrap()].adapters;
                    let slot = adapters.iter().position(|adapter| adapter.network.as_str() == network).unwrap();
                    if verb == "pull" { &mut broken.pulled } else { &mut broken.lossy }.push((machine(node), slot));
                }
                ["drop", from, to] => broken.dropped.push((machine(from), machine(to))),
                ["holds", node, address, network] => {
                    let network = lab.networks.get_index_of(&network.parse::<NetworkName>().unwrap()).unwrap();
                    broken.base.holders.insert(address.parse().unwrap(), vec![(machine(node), NetworkNo::at(network))]);
                }
                _ => panic!("{fault}"),
            }
        }
        broken
    }
}

impl State for Broken {
    fn is_on(&self, machine: MachineNo) -> bool {
        !self.off.contains(&machine)
    }
    fn link(&self, machine: MachineNo, slot: usize) -> Link {
        let loss_percent = if self.lossy.contains(&(machine, slot)) { 100 } else { 0 };
        Link { connected: !self.pulled.contains(&(machine, slot)), loss_percent, ..Link::GOOD }
    }
    fn runs(&self, service: ServiceNo) -> bool {
        !self.stopped.contains(&service)
    }
    fn blocks(&self, service: ServiceNo) -> bool {
        self.blocked.contains(&service)
    }
    fn is_dropped(&self, from: MachineNo, to: MachineNo) -> bool {
        self.dropped.contains(&(from, to))
    }
    fn lookups_blocked(&self, _: MachineNo) -> bool {
        false
    }
    fn holders(&self, address: Ipv4Addr) -> &[(MachineNo, NetworkNo)] {
        self.base.holders(address)
    }
}

fn ask(text: &str, faults: &[&str], from: &str, to: &str, port: Option<u16>) -> Explained {
    let lab = lab(text);
    let catalog = Catalog::embedded();
    let wanted = desired(&lab, catalog, &LabId::of_file(std::path::Path::new("/labs/reach.ron")));
    assert_eq!(wanted.unplannable, [], "{text}");
    let design = Design::of(wanted.specs(), catalog);
    let services: Vec<ServiceRef> = wanted.services.keys().cloned().collect();
    let state = Broken::by(&design, &lab, &services, faults);
    let to = match (to.parse::<Ipv4Addr>(), to.strip_prefix("name:")) {
        (Ok(address), _) => Target::Address(address),
        (_, Some(name)) => Target::Name(name.to_owned()),
        _ => Target::Endpoint(to.parse().unwrap()),
    };
    explain(&design, &state, &Question { from: from.parse().unwrap(), to, port }).unwrap()
}

/// The outcome and, where it is not answered, the reason and the node at which it fails.
fn said(text: &str, faults: &[&str], from: &str, to: &str, port: Option<u16>) -> String {
    let answer = ask(text, faults, from, to, port);
    let why = answer.why.map_or_else(String::new, |why| format!(" {} {}", why.code, why.node.unwrap_or_default()));
    format!("{}{why}", answer.outcome.title()).trim_end().to_owned()
}

#[test]
fn a_tunnel_leads_to_the_other_site_and_fails_closed() {
    let answer = ask(FARM, &[], "press1/mount", "barn/files", None);
    let way: Vec<String> = answer.hops.iter().map(|hop| format!("{} {}", hop.node, hop.step)).collect();
    assert_eq!(way, ["press1 sends", "w-gate tunnels", "e-gate sends", "barn takes"]);
    assert_eq!((answer.service.as_deref(), answer.source.as_deref()), (Some("barn/files"), Some("10.33.12.21")));
    for (faults, wanted) in [
        (&["stop w-gate/wire"][..], "unreachable tunnel-stopped w-gate"),
        (&["stop e-gate/wire"], "timed out no-peer w-gate"),
        (&["stop e-gate/wire", "stop w-gate/wire"], "unreachable tunnel-stopped w-gate"),
        (&["off e-gate"], "timed out machine-off e-gate"),
        (&["pull w-gate road"], "timed out link-down w-gate"),
        (&["pull e-gate road"], "timed out link-down e-gate"),
        (&["pull w-gate west-lan"], "timed out link-down w-gate"),
        (&["pull press1 west-lan"], "timed out link-down press1"),
        (&["pull barn east-lan"], "timed out link-down barn"),
        (&["pull w-gate control", "pull press1 control"], "answered"),
        (&["stop w-gate/router"], "timed out router-stopped w-gate"),
        (&["stop e-gate/router"], "timed out router-stopped e-gate"),
        (&["drop w-gate e-gate"], "timed out dropped w-gate"),
        (&["drop e-gate w-gate"], "timed out dropped e-gate"),
        (&["drop barn press1"], "timed out dropped barn"),
        (&["stop barn/files"], "refused stopped barn"),
        (&["block w-gate/wire"], "timed out blocked w-gate"),
        (&["block e-gate/wire"], "timed out blocked e-gate"),
        (&["lose w-gate road"], "timed out lost w-gate"),
        (&["lose e-gate road"], "timed out lost e-gate"),
        (&["lose barn east-lan"], "timed out lost barn"),
        (&["lose barn control"], "answered"),
        (&["block barn/files"], "timed out blocked barn"),
        (&["off barn"], "timed out machine-off barn"),
        (&["off press1"], "timed out machine-off press1"),
    ] {
        assert_eq!(said(FARM, faults, "press1/mount", "barn/files", None), wanted, "{faults:?}");
    }
}

#[test]
fn a_gateway_that_does_not_route_is_none() {
    let without = FARM.replace(
        r#""router": (kind: "gateway"), "wire": (kind: "wireguard", bind: on("road"), cluster: "pipe", secrets: {"key": "kw"})"#,
        "",
    );
    assert_eq!(said(&without, &[], "press1/mount", "barn/files", None), "unreachable no-route press1");
}

#[test]
fn the_management_network_carries_nothing_for_others() {
    // press2 is not on it; e-gate is, and routes.
    assert_eq!(said(FARM, &[], "desk", "10.33.11.21", Some(2049)), "unreachable no-route desk");
    assert_eq!(said(FARM, &[], "press2", "192.168.60.13", Some(22)), "unreachable no-route press2");
    assert_eq!(said(FARM, &[], "desk", "barn/ssh", None), "answered");
}

#[test]
fn the_firewall_drops_what_is_not_drawn() {
    for (from, to, port, wanted) in [
        ("desk", "barn/ssh", Some(23), "timed out filtered barn"),
        ("press1", "barn/ssh", None, "timed out not-allowed barn"),
        ("press1", "barn", None, "answered"),
        ("barn", "barn/ssh", None, "answered"),
        ("barn", "barn", Some(4444), "refused nothing-listens barn"),
        ("press1", "10.33.12.99", Some(80), "timed out nobody-there"),
        ("press1", "8.8.8.8", Some(53), "unreachable no-route press1"),
        ("press1", "outside", None, "unreachable no-route press1"),
    ] {
        assert_eq!(said(FARM, &[], from, to, port), wanted, "{from} {to} {port:?}");
    }
    // A node of a system that is not known has no firewall of ours.
    let other = PORCH.replace("\"dusk\": (role: app,", "\"dusk\": (role: app, image: (name: \"x\", family: other),");
    assert_eq!(said(&other, &[], "dawn", "dusk", Some(4444)), "refused nothing-listens dusk");
    assert_eq!(said(PORCH, &[], "dawn", "dusk", Some(4444)), "timed out filtered dusk");
}

#[test]
fn a_name_leads_to_the_one_address_that_is_written() {
    // Both are on two networks: the caller's first comes first.
    let answer = ask(FARM, &[], "w-gate", "press1", None);
    assert_eq!(answer.address.as_deref(), Some("10.33.12.21"));
    assert_eq!(said(FARM, &["pull press1 west-lan"], "w-gate", "press1", None), "timed out link-down press1");
    assert_eq!(said(FARM, &[], "press2", "name:barn", None), "name not resolved unknown-name press2");
    assert_eq!(said(FARM, &[], "press2", "desk", None), "name not resolved unknown-name press2");
    assert_eq!(said(FARM, &[], "press1", "name:BARN", None), "answered");
}

#[test]
fn outside_comes_in_by_a_gateway_that_leads_a_port() {
    let answer = ask(PORCH, &[], "outside", "hall/web", None);
    let way: Vec<String> = answer.hops.iter().map(|hop| format!("{} {}", hop.node, hop.step)).collect();
    assert_eq!(way, ["porch leads", "porch hides", "porch sends", "hall takes"]);
    assert_eq!((answer.address.as_deref(), answer.source.as_deref()), (Some("127.0.0.1:8093"), Some("10.33.2.2")));
    for (faults, wanted) in [
        (&["stop porch/lead"][..], "timed out filtered porch"),
        (&["pull porch internet"], "timed out link-down porch"),
        (&["pull porch yard"], "timed out link-down porch"),
        (&["stop porch/router"], "answered"),
        (&["off porch"], "timed out machine-off porch"),
        (&["stop hall/web"], "refused stopped hall"),
    ] {
        assert_eq!(said(PORCH, faults, "outside", "hall/web", None), wanted, "{faults:?}");
    }
    assert_eq!(said(PORCH, &[], "outside", "porch", Some(8094)), "answered");
    assert_eq!(said(PORCH, &[], "outside", "cellar/web", None), "unreachable no-entrance cellar");
    assert_eq!(said(PORCH, &[], "hall", "porch", Some(8094)), "answered", "and comes back to itself as from the gateway");
}

#[test]
fn a_node_behind_a_gateway_goes_out_hidden() {
    let answer = ask(PORCH, &[], "hall", "outside", None);
    assert_eq!((answer.outcome.title(), answer.source.as_deref()), ("answered", Some("10.0.2.15")));
    for (faults, wanted) in [
        (&["off porch"][..], "timed out machine-off porch"),
        (&["stop porch/router"], "timed out router-stopped porch"),
        (&["pull porch internet"], "timed out link-down porch"),
    ] {
        assert_eq!(said(PORCH, faults, "hall", "outside", None), wanted, "{faults:?}");
    }
    let bare = PORCH.replace(r#""router": (kind: "gateway")"#, r#""router": (kind: "gateway", settings: {"masquerade": false})"#);
    assert_eq!(said(&bare, &[], "hall", "outside", None), "timed out not-hidden porch");
    assert_eq!(said(PORCH, &[], "porch", "outside", None), "answered");
    assert_eq!(said(PORCH, &[], "hall", "8.8.8.8", None), "answered");
    assert_eq!(said(PORCH, &[], "hall", "192.168.58.21", Some(80)), "unreachable no-route porch", "the internet has no private address");
    assert_eq!(said(PORCH, &[], "dawn", "outside", None), "unreachable no-route dawn");
}

#[test]
fn a_bind_address_decides_who_reaches_a_service() {
    assert_eq!(said(PORCH, &[], "cellar", "127.0.0.1", Some(80)), "answered");
    assert_eq!(said(PORCH, &[], "hall", "cellar", Some(80)), "timed out filtered cellar");
    assert_eq!(said(PORCH, &[], "cellar", "10.33.2.22", Some(80)), "refused nothing-listens cellar");
    assert_eq!(said(PORCH, &[], "dawn", "dawn", Some(443)), "refused nothing-listens dawn", "no TLS, no socket");
}

#[test]
fn a_vip_is_where_it_is_held() {
    let by = |faults: &[&str]| ask(PORCH, faults, "outside", "vip:sky", None).service;
    assert_eq!(by(&[]).as_deref(), Some("dawn/web"));
    assert_eq!(by(&["holds dusk 192.168.58.99 front"]).as_deref(), Some("dusk/web"));
    assert_eq!(said(PORCH, &["off dawn"], "outside", "vip:sky", None), "timed out machine-off dawn");
    assert_eq!(said(PORCH, &["pull dawn front"], "outside", "vip:sky", None), "timed out link-down dawn");
}

/// A static route does not move to another router (ip-route(8)).
#[test]
fn a_route_leads_by_one_router() {
    let two = r#"
        networks: {"yard": internal(subnet: "10.33.5.0/24"), "cellar": internal(subnet: "10.33.6.0/24")},
        nodes: {
            "left": (role: gateway, adapters: [(network: "yard", address: "10.33.5.11"), (network: "cellar", address: "10.33.6.11")], services: {"router": (kind: "gateway")}),
            "right": (role: gateway, adapters: [(network: "yard", address: "10.33.5.12"), (network: "cellar", address: "10.33.6.12")], services: {"router": (kind: "gateway")}),
            "cook": (role: worker, adapters: [(network: "yard", address: "10.33.5.21")], services: {}),
            "jars": (role: app, adapters: [(network: "cellar", address: "10.33.6.21")], services: {"web": (kind: "nginx")}),
        },
        flows: [(from: "cook", to: "jars/web")],
    "#;
    assert_eq!(said(two, &[], "cook", "jars/web", None), "answered");
    assert_eq!(said(two, &["off right"], "cook", "jars/web", None), "answered");
    assert_eq!(said(two, &["off left"], "cook", "jars/web", None), "timed out machine-off left");
}

/// Who holds the VIP of a random lab.
fn vip_holders(design: &Design<'_>, seen: &sandtable::model::Observed) -> Vec<(MachineNo, NetworkNo)> {
    design.seen(seen).holders(SKY).to_vec()
}

/// The simulator's world with all that the plan asks for.
fn built(wanted: &Desired, flows: &[Flow]) -> World {
    let mut world = World::new(1);
    let mut perform = |action: Action| {
        if let Err(error) = world.perform(&action, 120_000) {
            panic!("{action:?}: {error}");
        }
    };
    for (network, spec) in &wanted.networks {
        perform(Action::CreateNetwork { network: network.clone(), spec: spec.clone() });
    }
    for (node, spec) in &wanted.machines {
        perform(Action::CreateMachine { node: node.clone(), spec: spec.clone() });
        perform(Action::PowerOn { node: node.clone() });
        perform(Action::Configure { node: node.clone(), spec: spec.clone(), kinds: Default::default(), vips: Default::default() });
    }
    for (at, spec) in &wanted.services {
        perform(Action::InstallService { node: at.node.clone(), service: at.service.clone(), spec: spec.clone() });
        perform(Action::StartService { node: at.node.clone(), service: at.service.clone(), bootstrap: false });
    }
    for ((vip, node), spec) in &wanted.vips {
        perform(Action::SetVip { node: node.clone(), vip: vip.clone(), spec: spec.clone() });
    }
    world.watch(flows);
    world.run_for(20_000);
    world
}

/// What `reach` says of each flow, and what the simulator does, with the reason of both.
fn disagreements(lab: &Lab, design: &Design<'_>, state: &impl State, world: &World) -> Vec<String> {
    let seen = world.observe();
    let differs = |(flow, fares): (&Flow, &sandtable::model::ObservedFlow)| {
        let question = Question { from: flow.from.clone(), to: Target::Endpoint(flow.to.clone()), port: flow.port };
        let answer = explain(design, state, &question).ok()?;
        // A question without a port has no answer from outside.
        // The simulator calls a node that has its only address from DHCP by that address, and no `/etc/hosts` has its name.
        let asks_nothing = answer.why.as_ref().is_some_and(|why| matches!(why.code, "no-port" | "unknown-name"));
        // A VIP that has moved by itself, because what it follows is not well, is not where the design has it.
        let has_moved = flow.to == Endpoint::Vip("sky".parse().unwrap()) && state.holders(SKY) != vip_holders(design, &seen);
        // A service that answers without its backends is reached and is of no use.
        let lacks_its_own = answer.service.as_ref().and_then(|at| at.parse::<ServiceRef>().ok()).is_some_and(|at| {
            let known = seen.nodes.get(&at.node).and_then(|node| node.services.get(&at.service));
            known.is_some_and(|service| service.health != Health::Healthy && !service.listening.is_empty())
        });
        let differs = !asks_nothing && !has_moved && !lacks_its_own && answer.reaches != (fares.health == Health::Healthy);
        differs.then(|| format!("{flow}:{:?}: {answer:?}, and in the simulator {:?} {}", flow.port, fares.health, fares.reason))
    };
    lab.flows.iter().zip(&seen.flows).filter_map(differs).collect()
}

/// Faults that what `reach` is asked about can express.
const VERBS: [&str; 10] = ["power-off", "pause", "link-down", "loss", "delay", "one-way", "cut", "stop", "hang", "block"];

/// The simulator and `sandtable explain` are of one mind: without a fault by the design, with one by what is seen.
#[test]
fn the_simulator_agrees_with_the_design() {
    let (mut asked, mut reached, mut injected) = (0, 0, BTreeSet::new());
    for seed in 0..90 {
        let lab = wide_lab(seed);
        let catalog = Catalog::embedded();
        let wanted = desired(&lab, catalog, &LabId::of_file(std::path::Path::new("/labs/random.ron")));
        let design = Design::of(wanted.specs(), catalog);
        let mut world = built(&wanted, &lab.flows);
        let seen = world.observe();
        asked += lab.flows.len();
        reached += seen.flows.iter().filter(|flow| flow.health == Health::Healthy).count();
        assert_eq!(disagreements(&lab, &design, &design.state, &world), Vec::<String>::new(), "seed {seed}");
        assert_eq!(disagreements(&lab, &design, &design.seen(&seen), &world), Vec::<String>::new(), "seed {seed}, as seen");
        let mut r = Seeded::new(seed);
        let (node, drawn) = lab.nodes.get_index(r.below(lab.nodes.len())).unwrap();
        let other = lab.nodes.get_index(r.below(lab.nodes.len())).unwrap().0;
        let network = &drawn.adapters[r.below(drawn.adapters.len())].network;
        let services: Vec<_> = drawn.services.keys().collect();
        let service = if services.is_empty() { None } else { Some(services[r.below(services.len())]) };
        // Each verb that what `reach` is asked about can express; of packets, all are lost or none.
        let verb = VERBS[r.below(VERBS.len())];
        let fault = match (verb, service) {
            ("power-off" | "pause", _) => format!("{verb} {node}"),
            ("link-down", _) => format!("link-down {node} {network}"),
            ("loss", _) => format!("loss {node} {network} 100%"),
            ("delay", _) => format!("delay {node} {network} 20ms"),
            ("one-way" | "cut", _) if node != other => format!("{verb} {node} {other}"),
            ("stop" | "hang" | "block", Some(service)) => format!("{verb} {node}/{service}"),
            _ => continue,
        };
        if world.inject(&fault.parse().unwrap()).is_err() {
            continue;
        }
        injected.insert(verb);
        world.run_for(20_000);
        let seen = world.observe();
        assert_eq!(disagreements(&lab, &design, &design.seen(&seen), &world), Vec::<String>::new(), "seed {seed}, {fault}");
    }
    assert_eq!(injected.len(), VERBS.len(), "{injected:?}");
    // Neither is everything reached nor nothing.
    assert!(reached * 10 > asked && reached * 10 < asked * 9, "{reached} of {asked}");
}

/// What the comparison with the kernel found (`tests/kernel`): each line once said something else.
#[test]
fn what_the_kernel_does_to_packets() {
    // A VIP is its adapter's second address: its holder calls it from the first.
    let answer = ask(PORCH, &[], "dawn", "vip:sky", None);
    assert_eq!((answer.outcome.title(), answer.source.as_deref()), ("answered", Some("192.168.58.21")));
    // Nothing is led from the loopback, and nothing that comes from a network is led to it.
    assert_eq!(said(PORCH, &[], "porch", "127.0.0.1", Some(8094)), "refused nothing-listens porch");
    let inward = PORCH.replace("8094:hall/web", "8094:cellar/web");
    assert_eq!(said(&inward, &[], "hall", "10.33.2.2", Some(8094)), "timed out filtered cellar");
    let own = PORCH.replace(r#""lead": (kind: "port-forward", settings: {"rules": ["8094:hall/web"]})"#, "");
    let own = own.replace(
        r#"services: {"web": (kind: "nginx", bind: loopback)}"#,
        r#"services: {"web": (kind: "nginx", bind: loopback), "lead": (kind: "port-forward", settings: {"rules": ["8094:cellar/web"]})}"#,
    );
    assert_eq!(said(&own, &[], "hall", "10.33.2.22", Some(8094)), "timed out loopback-only cellar");
    let answer = ask(&own, &[], "cellar", "10.33.2.22", Some(8094));
    assert_eq!((answer.outcome.title(), answer.source.as_deref()), ("answered", Some("10.33.2.22")));
    // A route is looked for before the firewall is asked.
    let closed = PORCH.replace(r#"(network: "internet", forwards: [(host: 8093, to: 8094)]), "#, "");
    let closed =
        closed.replace(r#""router": (kind: "gateway")"#, r#""router": (kind: "gateway", settings: {"networks": ["10.33.9.0/24"]})"#);
    let closed = closed.replace(
        r#""yard": internal(subnet: "10.33.2.0/24", purpose: frontend),"#,
        r#""yard": internal(subnet: "10.33.2.0/24"), "attic": internal(subnet: "10.33.9.0/24"), "loft": internal(subnet: "10.33.8.0/24"),"#,
    );
    let closed = closed.replace(
        r#"(network: "yard", address: "10.33.2.2")]"#,
        r#"(network: "yard", address: "10.33.2.2"), (network: "loft", address: "10.33.8.2")]"#,
    );
    assert_eq!(said(&closed, &[], "hall", "10.33.8.7", Some(80)), "timed out not-routed porch");
}

/// Only a DHCP server knows the way out of a bridged network. The routes to the lab's other networks are written whether or not the
/// node's own address is leased.
#[test]
fn a_leased_address_has_the_routes_of_a_static_one() {
    let text = r#"
        networks: {
            "street": bridged(subnet: "192.168.1.0/24"), "yard": internal(subnet: "10.33.5.0/24"),
            "front": host_only(subnet: "192.168.58.0/24", dhcp: (from: "192.168.58.100", to: "192.168.58.120")),
        },
        nodes: {
            "gate": (role: gateway, adapters: [(network: "front", address: "192.168.58.2"), (network: "yard", address: "10.33.5.2")], services: {"router": (kind: "gateway")}),
            "fixed": (role: app, adapters: [(network: "street", address: "192.168.1.7")]),
            "leased": (role: app, adapters: [(network: "front")]),
            "drawn": (role: app, adapters: [(network: "front", address: "192.168.58.7")]),
            "jars": (role: app, adapters: [(network: "yard", address: "10.33.5.21")], services: {"web": (kind: "nginx", allow: everyone)}),
        },
    "#;
    assert_eq!(said(text, &[], "fixed", "outside", None), "unreachable no-route fixed");
    assert_eq!(said(text, &[], "leased", "10.33.5.21", Some(80)), "answered");
    assert_eq!(said(text, &[], "drawn", "10.33.5.21", Some(80)), "answered");
}

/// A gateway masquerades towards a network that its rules do not know: one on which its own address is leased.
#[test]
fn a_gateway_hides_what_goes_to_a_network_of_a_leased_address() {
    let text = r#"
        networks: {
            "yard": internal(subnet: "10.33.5.0/24"),
            "front": host_only(subnet: "192.168.58.0/24", dhcp: (from: "192.168.58.100", to: "192.168.58.120")),
        },
        nodes: {
            "gate": (role: gateway, adapters: [(network: "front"), (network: "yard", address: "10.33.5.2")], services: {"router": (kind: "gateway")}),
            "cook": (role: app, adapters: [(network: "yard", address: "10.33.5.21")]),
            "web": (role: app, adapters: [(network: "front", address: "192.168.58.7")], services: {"web": (kind: "nginx", allow: everyone)}),
        },
        flows: [(from: "cook", to: "web/web")],
    "#;
    let answer = ask(text, &[], "cook", "192.168.58.7", Some(80));
    let way: Vec<String> = answer.hops.iter().map(|hop| format!("{} {}", hop.node, hop.step)).collect();
    assert_eq!(way, ["cook sends", "gate hides", "gate sends", "web takes"]);
    assert_eq!((answer.outcome.title(), answer.source.as_deref()), ("answered", Some("192.168.58.100")));
}

/// Who leads a packet answers in the name of the address that was called, also through a tunnel.
#[test]
fn an_answer_of_a_port_forward_comes_from_the_called_address() {
    let lead = r#""press2": (role: worker, site: "west", adapters: [(network: "west-lan", address: "10.33.12.22")], services: {"lead": (kind: "port-forward", settings: {"rules": ["9200:barn/files"]})}),"#;
    let plain = r#""press2": (role: worker, site: "west", adapters: [(network: "west-lan", address: "10.33.12.22")], services: {}),"#;
    assert!(FARM.contains(plain));
    let text = FARM.replace(plain, lead).replace(r#""barn": (role: storage"#, r#""hay": (role: worker, site: "east", adapters: [(network: "east-lan", address: "10.33.11.22")], services: {}), "barn": (role: storage"#);
    let text = text.replace(r#"bind: on("east-lan"), settings"#, r#"bind: on("east-lan"), allow: everyone, settings"#);
    let answer = ask(&text, &[], "hay", "10.33.12.22", Some(9200));
    assert_eq!(
        (answer.outcome.title(), answer.service.as_deref(), answer.source.as_deref()),
        ("answered", Some("barn/files"), Some("10.33.12.22"))
    );
}
