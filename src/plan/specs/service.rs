//! Services: where they listen, whom they let in, whom they talk to. All of it follows from the flows.

use super::{
    Unplannable,
    machine::{address_from, joins},
};
use crate::{
    catalog::{Audience, Behaviour, Calls, Catalog, Entry, Named},
    model::{
        Allow, Bind, ClusterName, Endpoint, Flow, IndexMap, Ipv4Net, Lab, NAT_ADDRESS, NetworkKind, NetworkName, Node, NodeName, Peer,
        PeerSpec, Purpose, Relation, Service, ServiceRef, ServiceSpec, Subject, Upstream, Value,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddrV4},
};

/// The setting of a router that names the subnets that it routes between.
const ROUTED: &str = "networks";

/// The lab with its flows sorted by who takes part in them, so that a lab of any size is looked at once.
pub(in crate::plan) struct Contract<'a> {
    lab: &'a Lab,
    catalog: &'a Catalog,
    clusters: IndexMap<ClusterName, Vec<ServiceRef>>,
    flows_from: BTreeMap<&'a Endpoint, Vec<&'a Flow>>,
    flows_to: BTreeMap<&'a Endpoint, Vec<&'a Flow>>,
    replicas_of: BTreeMap<&'a ServiceRef, Vec<ServiceRef>>,
    /// VIPs that follow a service, by the service on each holder.
    vips_of: BTreeMap<ServiceRef, Vec<Endpoint>>,
    /// Port forwards that lead to a service, each with its port.
    leaders_of: BTreeMap<ServiceRef, Vec<(ServiceRef, u16)>>,
}

impl<'a> Contract<'a> {
    pub(in crate::plan) fn of(lab: &'a Lab, catalog: &'a Catalog) -> Self {
        let mut flows_from: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut flows_to: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for flow in &lab.flows {
            flows_from.entry(&flow.from).or_default().push(flow);
            flows_to.entry(&flow.to).or_default().push(flow);
        }
        let mut replicas_of: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut leaders_of: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (node, name, service) in lab.services() {
            for rule in catalog.forward_rules(service) {
                let leader = ServiceRef { node: node.clone(), service: name.clone() };
                leaders_of.entry(rule.to).or_default().push((leader, rule.port));
            }
            if let Some(primary) = &service.replica_of {
                replicas_of.entry(primary).or_default().push(ServiceRef { node: node.clone(), service: name.clone() });
            }
        }
        let mut vips_of: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, vip) in &lab.vips {
            for holder in &vip.holders {
                if let Some(service) = &vip.follows {
                    let at = ServiceRef { node: holder.node.clone(), service: service.clone() };
                    vips_of.entry(at).or_default().push(Endpoint::Vip(name.clone()));
                }
            }
        }
        Self { lab, catalog, clusters: Catalog::clusters(lab), flows_from, flows_to, replicas_of, vips_of, leaders_of }
    }

    pub(super) fn specify(&self, at: &ServiceRef, service: &Service) -> Result<ServiceSpec, Vec<Unplannable>> {
        let subject = || Subject::Service(at.clone());
        let fail = |why: String| vec![Unplannable { subject: subject(), why }];
        let Some(node) = self.lab.nodes.get(&at.node) else { return Err(fail(format!("{at} is on no node of the lab."))) };
        // What `check` reports of the service alone, in the same words.
        let mismatches = self.catalog.mismatches(service);
        if !mismatches.is_empty() {
            let said = mismatches.iter().map(|mismatch| Unplannable { subject: subject(), why: format!("{at} {mismatch}") });
            return Err(said.collect());
        }
        let Some(entry) = self.catalog.of(service) else { return Err(Vec::new()) };
        let addresses = self.listening(node, service).map_err(|why| fail(format!("{at} {why}")))?;
        let floating = self.floating(at, service);
        let listen = entry.ports_of(service).map(|(port, number)| {
            // Members of a cluster call each other by their own addresses; clients may come by a VIP.
            let floating = if port.audience == Audience::Clients { floating.as_slice() } else { &[] };
            let all = addresses.iter().chain(floating).map(|address| SocketAddrV4::new(*address, number));
            (port.name.clone(), all.collect::<Vec<_>>())
        });
        let members = service.cluster.as_ref().map(|name| {
            let all = self.clusters.get(name).into_iter().flatten();
            (name.clone(), all.filter(|member| *member != at).cloned().collect::<Vec<_>>())
        });
        let upstreams = self.upstreams(at, node, entry)?;
        let peers = self.peers(at, node, service, members.as_ref().map_or(&[], |(_, members)| members));
        let allow = self.allow(at, node, service, members.as_ref().map_or(&[], |(_, members)| members)).map_err(|why| vec![why])?;
        Ok(ServiceSpec {
            kind: service.kind.clone(),
            listen: listen.collect(),
            allow,
            cluster: members,
            replica_of: service.replica_of.clone(),
            promoted_from: None,
            upstreams,
            peers,
            settings: self.settled(entry, service, node),
            secrets: service.secrets.iter().map(|(setting, secret)| (setting.clone(), secret.to_string())).collect(),
        })
    }

    /// The settings of a service. A router that names no networks routes between those of its node that carry something for
    /// others: never the management network. Clients that a path is answered for are addresses.
    fn settled(&self, entry: &Entry, service: &Service, node: &Node) -> BTreeMap<String, Value> {
        let mut settings = effective(entry, service);
        if entry.behaviour == Behaviour::Router && matches!(settings.get(ROUTED), Some(Value::List(named)) if named.is_empty()) {
            let networks =
                node.adapters.iter().filter_map(|adapter| self.lab.networks.get(&adapter.network)).filter(|network| network.carries());
            let subnets = networks.filter_map(|network| network.subnet).map(|subnet| subnet.trunc().to_string());
            settings.insert(ROUTED.to_owned(), Value::List(subnets.collect()));
        }
        for setting in entry.settings.iter().filter(|setting| entry.guarded(service, setting).is_some_and(|path| !path.is_empty())) {
            if let Some(Value::List(named)) = settings.get(&setting.name) {
                let clients = self.clients(named, node);
                settings.insert(setting.name.clone(), Value::List(clients));
            }
        }
        settings
    }

    /// The clients of a list as addresses and subnets; of an empty one, the management networks of the node.
    fn clients(&self, named: &[String], node: &Node) -> Vec<String> {
        if named.is_empty() {
            let networks = node.adapters.iter().filter_map(|adapter| self.lab.networks.get(&adapter.network));
            let management = networks.filter(|network| network.purpose == Purpose::Management).filter_map(|network| network.subnet);
            return management.map(|subnet| subnet.trunc().to_string()).collect();
        }
        let resolved = |client: &String| match client.parse::<NodeName>().ok().and_then(|name| self.lab.nodes.get(&name)) {
            Some(there) => there.adapters.iter().filter_map(|adapter| adapter.address).map(|address| address.to_string()).collect(),
            None => vec![client.clone()],
        };
        named.iter().flat_map(resolved).collect()
    }

    /// Where it listens, or what is wrong with that, to stand after the service's name.
    fn listening(&self, node: &Node, service: &Service) -> Result<Vec<Ipv4Addr>, String> {
        let addresses = self.lab.listening(node, service);
        let Bind::On(network) = &service.bind else { return Ok(addresses) };
        if !addresses.is_empty() {
            return Ok(addresses);
        }
        let on_it = node.adapter_on(network).is_some();
        match self.lab.networks.get(network).map(|wire| wire.kind) {
            Some(NetworkKind::Nat) if on_it => Ok(vec![NAT_ADDRESS]),
            _ if on_it => Err(format!("is bound to {network}, where its node has no fixed address; give the adapter an address")),
            _ => Err(format!("is bound to {network}, which its node is not on; add an adapter, or bind it elsewhere.")),
        }
    }

    /// The VIPs that follow a service and that it must listen on beside its own address, whether its node holds them or not.
    fn floating(&self, at: &ServiceRef, service: &Service) -> Vec<Ipv4Addr> {
        let bound = match &service.bind {
            Bind::Any | Bind::Loopback => return Vec::new(),
            Bind::On(network) => Some(network),
            Bind::Address(_) => None,
        };
        let vips = self.vips_of.get(at).into_iter().flatten();
        let vips = vips.filter_map(|end| if let Endpoint::Vip(vip) = end { self.lab.vips.get(vip) } else { None });
        vips.filter(|vip| bound.is_none_or(|network| vip.network == *network)).map(|vip| vip.address).collect()
    }

    /// The flows that begin at a service: its own, and those of its node where the service is of the sort that passes
    /// requests on.
    pub(in crate::plan) fn flows_of<'b>(&'b self, at: &ServiceRef, entry: &Entry) -> Vec<&'b Flow> {
        let own = self.flows_from.get(&Endpoint::Service(at.clone())).into_iter().flatten();
        let passes_on = matches!(entry.behaviour, Behaviour::Web | Behaviour::Balancer | Behaviour::App);
        let of_node = passes_on.then(|| self.flows_from.get(&Endpoint::Node(at.node.clone()))).flatten().into_iter().flatten();
        own.chain(of_node).copied().collect()
    }

    fn upstreams(&self, at: &ServiceRef, node: &Node, entry: &Entry) -> Result<Vec<Upstream>, Vec<Unplannable>> {
        let (mut upstreams, mut unplannable) = (Vec::new(), Vec::new());
        for flow in self.called(at, entry) {
            match self.dialled(at, node, flow) {
                Ok(Some(dialled)) => upstreams.push(self.upstream(flow, dialled)),
                Ok(None) => {}
                Err(why) => unplannable.push(Unplannable { subject: Subject::flow(flow), why }),
            }
        }
        if unplannable.is_empty() { Ok(upstreams) } else { Err(unplannable) }
    }

    /// The flows that begin at a service and that its configuration takes. A flow of its node counts only where what it leads to is known
    /// to be of the sort that is taken.
    fn called(&self, at: &ServiceRef, entry: &Entry) -> Vec<&Flow> {
        let mut flows = self.flows_of(at, entry);
        if entry.calls == Calls::All {
            return flows;
        }
        flows.retain(|flow| match self.answering(flow) {
            Some((service, known)) => {
                let is_for_clients = |port: u16| {
                    let mut ports = known.ports_of(service);
                    ports.find(|(_, number)| *number == port).is_none_or(|(port, _)| port.audience == Audience::Clients)
                };
                entry.calls.takes(&service.kind, known) && flow.port.is_none_or(is_for_clients)
            }
            None => matches!(flow.from, Endpoint::Service(_)),
        });
        // A balancer passes bytes on to whatever speaks no HTTP. Beside servers that do, that is no server.
        let speaks_http = |flow: &&Flow| self.answering(flow).is_some_and(|(_, known)| known.speaks_http);
        if entry.behaviour == Behaviour::Balancer && flows.iter().any(speaks_http) {
            flows.retain(speaks_http);
        }
        flows
    }

    /// The service that answers a flow: at a VIP that of its first holder, at a port of a node the one that opens it.
    fn answering(&self, flow: &Flow) -> Option<(&Service, &Entry)> {
        let service = match &flow.to {
            Endpoint::Service(to) => self.lab.service(to),
            Endpoint::Vip(name) => self.lab.vips.get(name).and_then(|vip| {
                let (holder, service) = vip.first_holder().zip(vip.follows.as_ref())?;
                self.lab.nodes.get(&holder.node)?.services.get(service)
            }),
            Endpoint::Node(to) => self.lab.nodes.get(to).zip(flow.port).and_then(|(node, port)| {
                let opens =
                    |service: &&Service| self.catalog.of(service).is_some_and(|entry| entry.ports_of(service).any(|(_, at)| at == port));
                node.services.values().find(opens)
            }),
            Endpoint::Outside => None,
        }?;
        Some((service, self.catalog.of(service)?))
    }

    fn upstream(&self, flow: &Flow, at: SocketAddrV4) -> Upstream {
        let known = self.answering(flow);
        let encrypted = |(service, entry): (&Service, &Entry)| {
            entry.ports_of(service).any(|(port, number)| number == at.port() && entry.is_encrypted(service, port))
        };
        let path = known.and_then(|(service, entry)| entry.value(service, "health_path"));
        Upstream {
            to: flow.to.to_string(),
            at,
            kind: known.map(|(service, _)| service.kind.clone()),
            is_encrypted: known.is_some_and(encrypted),
            health_path: path.and_then(|value| if let Value::Text(path) = value { Some(path.clone()) } else { None }),
        }
    }

    /// The other services that its configuration must know, in the order members, primary, replicas, those that settings name.
    fn peers(&self, at: &ServiceRef, node: &Node, service: &Service, members: &[ServiceRef]) -> Vec<PeerSpec> {
        let named =
            self.catalog.of(service).into_iter().flat_map(|entry| entry.named(service)).filter_map(|reference| self.known(reference.named));
        let all = members
            .iter()
            .map(|member| (member.clone(), Relation::Member))
            .chain(service.replica_of.clone().map(|primary| (primary, Relation::Primary)))
            .chain(self.replicas_of.get(at).into_iter().flatten().map(|replica| (replica.clone(), Relation::Replica)))
            .chain(named.map(|named| (named, Relation::Named)));
        let mut seen = BTreeSet::new();
        all.filter(|(other, _)| other != at && seen.insert(other.clone()))
            .filter_map(|(other, relation)| self.peer_spec(at, node, other, relation))
            .collect()
    }

    fn peer_spec(&self, at: &ServiceRef, node: &Node, other: ServiceRef, relation: Relation) -> Option<PeerSpec> {
        let (there, service) = (self.lab.nodes.get(&other.node)?, self.lab.service(&other)?);
        let same = other.node == at.node;
        let address = match &service.bind {
            Bind::On(_) | Bind::Address(_) => self.listening(there, service).ok().and_then(|all| all.first().copied()),
            Bind::Any | Bind::Loopback => self.address_from(node, there, same),
        }?;
        let entry = self.catalog.of(service);
        let port = entry.and_then(|entry| entry.main_port(service)).unwrap_or_default();
        let bound = if let Bind::On(network) = &service.bind { Some(network) } else { None };
        let behind = there.adapters.iter().map(|adapter| &adapter.network).filter(|network| Some(*network) != bound);
        let behind = behind.filter_map(|network| self.lab.networks.get(network)).filter(|network| network.site.is_some());
        Some(PeerSpec {
            relation,
            kind: service.kind.clone(),
            address: SocketAddrV4::new(address, port),
            behind: behind.filter_map(|network| network.subnet).map(|subnet| subnet.trunc()).collect(),
            settings: entry.map(|entry| effective(entry, service)).unwrap_or_default(),
            secrets: service.secrets.iter().map(|(setting, secret)| (setting.clone(), secret.to_string())).collect(),
            at: other,
        })
    }

    /// The service that a setting names, where the lab has it.
    fn known(&self, named: Named) -> Option<ServiceRef> {
        match named {
            Named::Service(at) => self.lab.service(&at).is_some().then_some(at),
            Named::Node(_) | Named::Host(_) | Named::Subnet(_) => None,
        }
    }

    /// What a service dials for a flow; `None` where the flow names no port of the lab.
    fn dialled(&self, at: &ServiceRef, node: &Node, flow: &Flow) -> Result<Option<SocketAddrV4>, String> {
        match &flow.to {
            Endpoint::Outside => Ok(None),
            Endpoint::Vip(name) => {
                let Some(vip) = self.lab.vips.get(name) else { return Ok(None) };
                let followed = vip.first_holder().zip(vip.follows.as_ref()).and_then(|(holder, service)| {
                    let service = self.lab.nodes.get(&holder.node)?.services.get(service)?;
                    self.catalog.of(service)?.main_port(service)
                });
                let port = flow.port.or(followed).ok_or_else(|| {
                    format!(
                        "{at} talks to vip:{name}, and nothing says on which port; let the VIP follow a service, or give the flow a port."
                    )
                })?;
                Ok(Some(SocketAddrV4::new(vip.address, port)))
            }
            Endpoint::Node(to) => {
                let (Some(port), Some(target)) = (flow.port, self.lab.nodes.get(to)) else { return Ok(None) };
                let address = self.address_from(node, target, target == node).ok_or_else(|| unknown_address(at, &flow.to))?;
                Ok(Some(SocketAddrV4::new(address, port)))
            }
            Endpoint::Service(to) => {
                let (Some(target), Some(service)) = (self.lab.nodes.get(&to.node), self.lab.service(to)) else { return Ok(None) };
                let Some(port) = flow.port.or_else(|| self.catalog.of(service).and_then(|entry| entry.main_port(service))) else {
                    return Ok(None);
                };
                let same = to.node == at.node;
                let address = match &service.bind {
                    Bind::Any => self.address_from(node, target, same),
                    Bind::Loopback if same => Some(Ipv4Addr::LOCALHOST),
                    Bind::Loopback => return Err(format!("{at} talks to {to}, which listens on 127.0.0.1 only; bind {to} to a network.")),
                    Bind::On(_) | Bind::Address(_) => self.listening(target, service).ok().and_then(|all| all.first().copied()),
                };
                Ok(Some(SocketAddrV4::new(address.ok_or_else(|| unknown_address(at, &flow.to))?, port)))
            }
        }
    }

    /// The address at which one node dials another, or itself.
    fn address_from(&self, from: &Node, to: &Node, same: bool) -> Option<Ipv4Addr> {
        if same { Some(Ipv4Addr::LOCALHOST) } else { address_from(self.lab, from, to) }
    }

    /// Who is let in; `None`: everyone.
    fn allow(
        &self,
        at: &ServiceRef,
        node: &Node,
        service: &Service,
        members: &[ServiceRef],
    ) -> Result<Option<BTreeSet<Ipv4Net>>, Unplannable> {
        let mut open = BTreeSet::new();
        match &service.allow {
            Allow::Everyone => return Ok(None),
            Allow::Only(peers) => {
                for peer in peers {
                    match self.peer(peer) {
                        Ok(Some(subnets)) => open.extend(subnets),
                        Ok(None) => return Ok(None),
                        Err(why) => return Err(Unplannable { subject: Subject::Service(at.clone()), why: format!("{at} {why}") }),
                    }
                }
            }
            Allow::Drawn => {
                let direct = [Endpoint::Service(at.clone()), Endpoint::Node(at.node.clone())];
                let ends = direct.iter().chain(self.vips_of.get(at).into_iter().flatten());
                for flow in ends.filter_map(|end| self.flows_to.get(end)).flatten() {
                    match &flow.from {
                        Endpoint::Outside => return Ok(None),
                        Endpoint::Node(from) => open.extend(self.sources(from, node, &service.bind)),
                        Endpoint::Service(from) => open.extend(self.sources(&from.node, node, &service.bind)),
                        Endpoint::Vip(from) => open.extend(self.lab.vips.get(from).map(|vip| Ipv4Net::from(vip.address))),
                    }
                }
                for (leader, _) in self.leaders_of.get(at).into_iter().flatten().filter(|(leader, port)| self.is_called(leader, *port)) {
                    // A port forward hides whom it leads on behind its own node.
                    open.extend(self.sources(&leader.node, node, &service.bind));
                }
                let copies = self.replicas_of.get(at).into_iter().flatten().chain(&service.replica_of);
                open.extend(copies.flat_map(|copy| self.sources(&copy.node, node, &service.bind)));
            }
        }
        open.extend(members.iter().flat_map(|member| self.sources(&member.node, node, &service.bind)));
        Ok(Some(open))
    }

    /// Whether a flow leads to a port of a port forward.
    fn is_called(&self, leader: &ServiceRef, port: u16) -> bool {
        let flows = |end: Endpoint| self.flows_to.get(&end).into_iter().flatten().map(|flow| flow.port);
        flows(Endpoint::Service(leader.clone())).any(|called| called.is_none_or(|called| called == port))
            || flows(Endpoint::Node(leader.node.clone())).any(|called| called == Some(port))
    }

    /// The addresses from which a node comes to a service: those on the networks that it shares with it and on which that
    /// listens, else all of its own, because it comes by a router. Where it has its address from DHCP, the network's subnet, because
    /// nobody knows the address before the node is on.
    fn sources(&self, from: &str, to: &Node, bind: &Bind) -> BTreeSet<Ipv4Net> {
        let Some(from) = self.lab.nodes.get(from) else { return BTreeSet::new() };
        if from == to {
            return to.addresses().chain([Ipv4Addr::LOCALHOST]).map(Ipv4Net::from).collect();
        }
        let source = |network: &NetworkName, address: Option<Ipv4Addr>| {
            address.map(Ipv4Net::from).or_else(|| self.lab.networks.get(network).and_then(|wire| wire.subnet).map(|subnet| subnet.trunc()))
        };
        let listens = |network: &NetworkName| {
            *bind == Bind::Loopback || to.adapters.iter().any(|adapter| adapter.network == *network && bind.is_on(adapter))
        };
        let joined = || from.adapters.iter().filter(|adapter| joins(self.lab, &adapter.network));
        let common: BTreeSet<Ipv4Net> = joined()
            .filter(|adapter| to.adapter_on(&adapter.network).is_some() && listens(&adapter.network))
            .filter_map(|adapter| source(&adapter.network, adapter.address))
            .collect();
        if common.is_empty() { joined().filter_map(|adapter| source(&adapter.network, adapter.address)).collect() } else { common }
    }

    fn peer(&self, peer: &Peer) -> Result<Option<BTreeSet<Ipv4Net>>, String> {
        match peer {
            Peer::Outside => Ok(None),
            Peer::Subnet(subnet) => Ok(Some(BTreeSet::from([subnet.trunc()]))),
            Peer::Network(network) => match self.lab.networks.get(network).map(|wire| wire.subnet) {
                Some(Some(subnet)) => Ok(Some(BTreeSet::from([subnet.trunc()]))),
                Some(None) => Err(format!("lets in network:{network}, which has no subnet; give {network} its subnet.")),
                None => Err(format!("lets in network:{network}, which is not in the lab; name one that is.")),
            },
            Peer::Node(name) => {
                let node =
                    self.lab.nodes.get(name).ok_or_else(|| format!("lets in {name}, which is not in the lab; name a node that is."))?;
                Ok(Some(node.addresses().map(Ipv4Net::from).collect()))
            }
        }
    }
}

fn unknown_address(at: &ServiceRef, to: &Endpoint) -> String {
    format!("{at} talks to {to}, whose address is not drawn; give it an address on a network that both are on.")
}

/// The settings of a service with the catalog's own where it says nothing.
fn effective(entry: &Entry, service: &Service) -> BTreeMap<String, Value> {
    let defaults = entry.settings.iter().filter_map(|setting| Some((setting.name.clone(), setting.default.clone()?)));
    let own = service.settings.iter().map(|(name, value)| (name.clone(), value.clone()));
    defaults.chain(own).collect()
}
