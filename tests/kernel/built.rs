//! A lab in network namespaces: one for each node, a switch with a bridge for each network, the host, and what is beyond the lab.
//!
//! What stands for the hypervisor and the world is made here, as `reach` describes it:
//! - each adapter behind NAT, each NAT network and each bridged network has a router of its own that leads to the world and hides
//!   what is behind it; a port of the host that is forwarded is called from the router's own address, as VirtualBox does;
//! - the host has the first address of each host-only and bridged network, and forwards nothing;
//! - the world has one public address and no route to a private one.
//!
//! This kernel may have no WireGuard, so a tunnel is a veth pair that leads to a router of its own, the hub. The node's side has the
//! rendered routes; a hub does what WireGuard does with keys: it sends what `AllowedIPs` has to the hub of that peer, and takes from
//! a peer what `AllowedIPs` has as its source (strict reverse path). The links have no ARP, as WireGuard has none. What a tunnel
//! wraps does not travel, so whether the outer packets pass is not compared.

use super::{
    calls::{Listeners, Socket},
    rendered::{Rendered, Tunnel, interface, render},
    spaces::{Spaces, inside, run, set},
};
use sandtable::{
    catalog::{Catalog, Protocol},
    model::{Ipv4Net, Lab, NAT_ADDRESS, NetworkKind, NodeName},
    plan::Desired,
    reach::{Design, MachineNo, NAT_HOST},
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
    process::Command,
};

/// The address that stands for the world (RFC 5737 reserves it for examples).
pub const WORLD: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 1), 80);
/// How a listener of the world is called.
pub const WORLD_SAYS: &str = "world";

/// Who calls: a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    Node(NodeName),
    Host,
    /// The router behind an adapter or a NAT network, in the name of the host whose port it forwards.
    Router(NodeName, usize),
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Host => f.write_str("host"),
            Self::Router(node, slot) => write!(f, "router of {node}#{slot}"),
        }
    }
}

/// A lab that is built. It lasts until it is dropped.
pub struct Built {
    /// Dropped before the namespaces: an open socket keeps one alive.
    _listeners: Listeners,
    _spaces: Spaces,
    callers: BTreeMap<Caller, String>,
    /// What each node rendered.
    pub nodes: BTreeMap<NodeName, Rendered>,
    /// Sockets that could not be opened.
    pub failed: Vec<String>,
}

impl Built {
    /// The namespace of a caller.
    pub fn space(&self, caller: &Caller) -> &str {
        &self.callers[caller]
    }
}

/// A router to the world.
struct Router {
    space: String,
    /// Its address on the side of the lab.
    address: Ipv4Net,
}

/// Namespaces, and lines for `ip -batch` in each of them.
struct Draft<'a> {
    wanted: &'a Desired,
    spaces: Spaces,
    links: String,
    switch: String,
    host: String,
    world: String,
    lines: BTreeMap<String, String>,
    callers: BTreeMap<Caller, String>,
    routers: Vec<Router>,
    /// The router of each network that leads out, where it has one for all of its nodes.
    shared: BTreeMap<usize, usize>,
}

/// Builds a lab. `design` answers for the DHCP servers.
pub fn build(lab: &Lab, wanted: &Desired, design: &Design<'_>) -> Built {
    let nodes: BTreeMap<NodeName, Rendered> = wanted.machines.keys().map(|node| (node.clone(), render(lab, wanted, node))).collect();
    let mut draft = Draft::new(wanted);
    draft.networks();
    for (place, node) in wanted.machines.keys().enumerate() {
        draft.node(place, node, &nodes[node], design);
    }
    let tunnels: Vec<Tunnel> = nodes.iter().flat_map(|(node, rendered)| rendered.tunnels(wanted, node)).collect();
    let hubs = draft.hubs(&tunnels);
    draft.finish(nodes, &tunnels, &hubs, design)
}

impl<'a> Draft<'a> {
    fn new(wanted: &'a Desired) -> Self {
        let mut spaces = Spaces::new();
        let (switch, host, world) = (spaces.add("switch"), spaces.add("host"), spaces.add("world"));
        let lines = BTreeMap::from([
            (host.clone(), "link set dev lo up\n".to_owned()),
            (world.clone(), format!("link set dev lo up\naddr add {}/32 dev lo\n", WORLD.ip())),
            (switch.clone(), String::new()),
        ]);
        Self {
            wanted,
            spaces,
            links: String::new(),
            callers: BTreeMap::from([(Caller::Host, host.clone())]),
            switch,
            host,
            world,
            lines,
            routers: Vec::new(),
            shared: BTreeMap::new(),
        }
    }

    fn line(&mut self, space: &str, line: &str) {
        let lines = self.lines.entry(space.to_owned()).or_default();
        lines.push_str(line);
        lines.push('\n');
    }

    /// A cable between two namespaces; words such as `address MAC` may follow the first name.
    fn cable(&mut self, (space, name, more): (&str, &str, &str), (other, far): (&str, &str)) {
        self.links.push_str(&format!("link add {name} netns {space} {more} type veth peer name {far} netns {other}\n"));
        self.line(space, &format!("link set dev {name} up"));
        self.line(other, &format!("link set dev {far} up"));
    }

    /// A router to the world with this address; its side of the lab is called `in`.
    fn router(&mut self, address: Ipv4Net) -> usize {
        let number = self.routers.len();
        let space = self.spaces.add(&format!("router{number}"));
        let (world, out) = (self.world.clone(), format!("r{number}"));
        self.line(&space, "link set dev lo up");
        self.cable((&space, "out", ""), (&world, &out));
        self.line(&space, &format!("addr add 198.18.{number}.2/30 dev out"));
        self.line(&space, &format!("route add default via 198.18.{number}.1"));
        self.line(&world, &format!("addr add 198.18.{number}.1/30 dev {out}"));
        self.routers.push(Router { space, address });
        number
    }

    /// The bridges of networks that join nodes, with what the hypervisor has on them.
    fn networks(&mut self) {
        let (switch, host) = (self.switch.clone(), self.host.clone());
        for (place, spec) in self.wanted.networks.values().enumerate().filter(|(_, spec)| spec.kind.joins_nodes()) {
            self.links.push_str(&format!("link add net{place} netns {switch} type bridge forward_delay 0\n"));
            self.line(&switch, &format!("link set net{place} up"));
            let Some(subnet) = spec.subnet else { continue };
            let with_prefix = |address: Option<Ipv4Addr>| Ipv4Net::new(address.unwrap(), subnet.prefix_len()).unwrap();
            let first = with_prefix(subnet.hosts().next());
            if spec.kind.host_reaches() {
                self.cable((&host, &format!("net{place}"), ""), (&switch, &format!("h{place}")));
                self.line(&switch, &format!("link set h{place} master net{place}"));
                self.line(&host, &format!("addr add {first} dev net{place}"));
            }
            if spec.kind.reaches_internet() {
                // On a bridged network the first address is the host's, and another machine leads out.
                let address = if spec.kind == NetworkKind::Bridged { with_prefix(subnet.hosts().last()) } else { first };
                let router = self.router(address);
                let space = self.routers[router].space.clone();
                self.cable((&space, "in", ""), (&switch, &format!("o{place}")));
                self.line(&switch, &format!("link set o{place} master net{place}"));
                self.line(&space, &format!("addr add {address} dev in"));
                self.shared.insert(place, router);
            }
        }
    }

    fn node(&mut self, place: usize, node: &NodeName, rendered: &Rendered, design: &Design<'_>) {
        let space = self.spaces.add(&format!("node{place}"));
        self.callers.insert(Caller::Node(node.clone()), space.clone());
        let machine = &self.wanted.machines[node];
        let mut ways_out: BTreeMap<usize, Ipv4Addr> = BTreeMap::new();
        let mut more = String::new();
        for (slot, adapter) in machine.adapters.iter().enumerate() {
            let (network, _, spec) = self.wanted.networks.get_full(&adapter.network).unwrap();
            let (name, address) = (interface(slot), format!("address {}", adapter.mac));
            let router = if spec.kind.joins_nodes() {
                let (switch, far) = (self.switch.clone(), format!("n{place}s{slot}"));
                self.cable((&space, &name, &address), (&switch, &far));
                self.line(&switch, &format!("link set dev {far} master net{network}"));
                self.shared.get(&network).copied()
            } else {
                let router = self.router(Ipv4Net::new(NAT_HOST, 24).unwrap());
                let (behind, address_in) = (self.routers[router].space.clone(), self.routers[router].address);
                self.cable((&space, &name, &address), (&behind, "in"));
                self.line(&behind, &format!("addr add {address_in} dev in"));
                Some(router)
            };
            let Some(router) = router.map(|router| &self.routers[router]) else { continue };
            ways_out.insert(slot, router.address.addr());
            self.callers.insert(Caller::Router(node.clone(), slot), router.space.clone());
            // Providers know the way out of a NAT network themselves (`provider::incus::guest`), where no route leads elsewhere.
            let has_other_way = machine.has_drawn_default();
            if spec.kind == NetworkKind::NatNetwork && adapter.address.is_some() && !has_other_way {
                more.push_str(&format!("route add default via {} dev {name} metric {slot}\n", router.address.addr()));
            }
        }
        let leased = |slot: usize| {
            let network = &machine.adapters[slot].network;
            let (number, _, spec) = self.wanted.networks.get_full(network).unwrap();
            let known = design.map.addresses(MachineNo::at(place)).find(|(on, _)| on.place() == number).map(|(_, net)| net);
            let nat = (spec.kind == NetworkKind::Nat).then(|| Ipv4Net::new(NAT_ADDRESS, 24).unwrap());
            let address = nat.or(known.filter(|_| spec.dhcp.is_some()));
            (address, address.and_then(|_| ways_out.get(&slot).copied()))
        };
        let lines = rendered.addresses(machine, &leased) + &more;
        self.lines.entry(space.clone()).or_default().push_str(&lines);
        for ((vip, holder), spec) in self.wanted.vips.iter().filter(|((_, holder), _)| holder == node) {
            let first = self.wanted.vips.keys().find(|(other, _)| other == vip).map(|(_, holder)| holder);
            let slot = machine.adapters.iter().position(|adapter| adapter.network == spec.network);
            if let (true, Some(slot)) = (first == Some(holder), slot) {
                self.line(&space, &format!("addr add {} dev {}", spec.address, interface(slot)));
            }
        }
    }

    /// The hubs of tunnels, in their order.
    fn hubs(&mut self, tunnels: &[Tunnel]) -> Vec<String> {
        // One hardware address for both ends of a link without ARP: each takes what the other sends.
        const SAME: &str = "address 02:00:5e:00:00:01 arp off";
        let hubs: Vec<String> = (0..tunnels.len()).map(|number| self.spaces.add(&format!("hub{number}"))).collect();
        for (number, tunnel) in tunnels.iter().enumerate() {
            let (space, hub) = (self.callers[&Caller::Node(tunnel.at.node.clone())].clone(), &hubs[number]);
            self.line(hub, "link set dev lo up");
            self.cable((&space, &tunnel.interface, ""), (hub, "node"));
            self.line(&space, &format!("link set dev {} {SAME}", tunnel.interface));
            self.line(hub, &format!("link set dev node {SAME}"));
            self.line(hub, "route add default dev node table 200");
        }
        for (number, tunnel) in tunnels.iter().enumerate() {
            for (place, (endpoint, _)) in tunnel.peers.iter().enumerate() {
                let is_at = |other: &Tunnel| {
                    let spec = &self.wanted.services[&other.at];
                    other.at != tunnel.at && spec.listen.values().flatten().any(|at| at == endpoint)
                };
                let (hub, link) = (&hubs[number], format!("l{place}"));
                let Some(far) = tunnels.iter().position(is_at) else { continue };
                let back = |own: &SocketAddrV4| self.wanted.services[&tunnel.at].listen.values().flatten().any(|at| at == own);
                let Some(far_place) = tunnels[far].peers.iter().position(|(endpoint, _)| back(endpoint)) else { continue };
                let far_link = format!("l{far_place}");
                if number < far {
                    self.cable((hub, &link, ""), (&hubs[far], &far_link));
                    self.line(hub, &format!("link set dev {link} {SAME}"));
                    self.line(&hubs[far], &format!("link set dev {far_link} {SAME}"));
                }
            }
        }
        for (number, tunnel) in tunnels.iter().enumerate() {
            for (place, (_, nets)) in tunnel.peers.iter().enumerate() {
                let hub = &hubs[number];
                self.line(hub, &format!("rule add iif l{place} lookup 200"));
                let nets: std::collections::BTreeSet<Ipv4Net> = nets.iter().map(Ipv4Net::trunc).collect();
                for net in nets {
                    self.line(hub, &format!("route add {net} dev l{place}"));
                }
            }
        }
        hubs
    }

    /// Makes everything, and opens the services' sockets.
    fn finish(self, nodes: BTreeMap<NodeName, Rendered>, tunnels: &[Tunnel], hubs: &[String], design: &Design<'_>) -> Built {
        self.spaces.make(&self.links);
        let node_of = |space: &str| {
            let found = self.callers.iter().find(|(caller, of)| matches!(caller, Caller::Node(_)) && *of == space);
            found.and_then(|(caller, _)| if let Caller::Node(node) = caller { Some(node) } else { None })
        };
        std::thread::scope(|scope| {
            for (space, lines) in &self.lines {
                let part = match node_of(space) {
                    Some(node) => Part::Node(&nodes[node], tunnels.iter().filter(|tunnel| tunnel.at.node == *node).collect()),
                    None if hubs.contains(space) => Part::Hub,
                    None if *space == self.world => Part::World,
                    None if self.routers.iter().any(|router| router.space == *space) => Part::Router,
                    None => Part::Plain,
                };
                scope.spawn(move || inside(space, || set_up(&part, lines)));
            }
        });
        let listeners = Listeners::new();
        let mut failed = Vec::new();
        for node in self.wanted.machines.keys() {
            failed.extend(listeners.open(&self.callers[&Caller::Node(node.clone())], &sockets(self.wanted, node, design)));
        }
        failed.extend(listeners.open(&self.world, &[Socket { says: WORLD_SAYS.to_owned(), protocol: Protocol::Tcp, at: WORLD }]));
        Built { _listeners: listeners, _spaces: self.spaces, callers: self.callers, nodes, failed }
    }
}

/// What a namespace is.
enum Part<'a> {
    Node(&'a Rendered, Vec<&'a Tunnel>),
    Router,
    World,
    Hub,
    /// The switch and the host: they forward nothing.
    Plain,
}

/// Sets up the namespace that this thread is in.
fn set_up(part: &Part<'_>, lines: &str) {
    set("net.ipv6.conf.all.disable_ipv6", "1");
    // What systemd sets on Debian, Ubuntu and Fedora (sysctl.d/50-default.conf).
    set("net.ipv4.conf.all.rp_filter", "2");
    // All pairs are tried at once, and each is to get its own error: usually a kernel sends one a second to each address.
    set("net.ipv4.icmp_ratelimit", "0");
    set("net.ipv4.icmp_msgs_per_sec", "1000000");
    set("net.ipv4.icmp_msgs_burst", "1000000");
    run(Command::new("ip").args(["-batch", "-"]), lines);
    match part {
        Part::Plain => {}
        Part::World => run(Command::new("nft").args(["-f", "-"]), NOBODY),
        Part::Router => {
            set("net.ipv4.ip_forward", "1");
            run(Command::new("nft").args(["-f", "-"]), HIDE);
        }
        Part::Hub => {
            set("net.ipv4.ip_forward", "1");
            set("net.ipv4.conf.all.rp_filter", "0");
            let links = lines.lines().filter_map(|line| line.strip_prefix("rule add iif ")?.split(' ').next());
            links.for_each(|link| set(&format!("net.ipv4.conf.{link}.rp_filter"), "1"));
        }
        Part::Node(rendered, tunnels) => {
            rendered.kernel.iter().for_each(|(name, value)| set(name, value));
            run(Command::new("nft").args(["-f", "-"]), &rendered.rules());
            for tunnel in tunnels {
                run(Command::new("sh").args(["-s", "--", "up"]), &tunnel.routes);
            }
        }
    }
}

/// A router hides what is behind it from the world.
const HIDE: &str = "\
table ip hide {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname \"out\" masquerade
    }
}
";

/// The world has one address, and says so of every other one. (A route that is missing says so five times, then once a second.)
const NOBODY: &str = "\
table ip nobody {
    chain prerouting {
        type filter hook prerouting priority filter; policy accept;
        ip daddr != { 198.18.0.0/15, 203.0.113.1 } reject with icmp net-unreachable
    }
}
";

/// The sockets of a node's services, as the catalog has them.
fn sockets(wanted: &Desired, node: &NodeName, design: &Design<'_>) -> Vec<Socket> {
    let catalog = Catalog::embedded();
    let place = wanted.machines.get_index_of(node).map(MachineNo::at).unwrap();
    let held = design.state.holders.iter().filter(|(_, holders)| holders.iter().any(|(holder, _)| *holder == place));
    let own: Vec<Ipv4Addr> = design.map.addresses(place).map(|(_, net)| net.addr()).chain(held.map(|(address, _)| *address)).collect();
    let mut sockets: Vec<Socket> = Vec::new();
    for (at, spec) in wanted.services.iter().filter(|(at, _)| at.node == *node) {
        for (port, socket) in catalog.get(&spec.kind).unwrap().listening(spec) {
            // A datagram is answered from the address that it was sent to, so each address has a socket.
            let spread = port.protocol == Protocol::Udp && socket.ip().is_unspecified();
            let every = own.iter().copied().chain([Ipv4Addr::LOCALHOST]).map(|address| SocketAddrV4::new(address, socket.port()));
            for at_address in if spread { every.collect() } else { vec![socket] } {
                let is_there = |other: &Socket| other.at == at_address && other.protocol == port.protocol;
                // Services share some ports, such as that of epmd: the first has the socket.
                if !(port.shared && sockets.iter().any(is_there)) {
                    sockets.push(Socket { says: at.to_string(), protocol: port.protocol, at: at_address });
                }
            }
        }
    }
    sockets
}
