//! Whether flows work: the contract's words where `reach` says that one does not, and `reach`'s own reason where the contract has none.
//!
//! `reach` decides. It is asked with the specifications of a part of the lab: the ends of a flow, and everything that may forward its
//! packets. The part follows from the flow and the lab alone, so that looking again at one flow after an edit gives what looking at all of
//! them gives; its size follows from the number of forwarders and not from that of nodes.
//!
//! It never says what another rule says: while an address in the part is missing or wrong, the contract's answer stands.

use super::{
    Facts,
    contract::{Verdict, judge},
};
use crate::{
    model::{Allow, Bind, Endpoint, Flow, Ipv4Net, Lab, NAT_ADDRESS, Network, NetworkKind, Node, NodeName, Peer, Subject},
    plan::{Desired, LabId, desired},
    reach::{Design, NetworkNo, Question, Target, explain},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    path::Path,
};

/// Why a flow does not work, in `reach`'s words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// The rule that says so.
    pub(super) sort: Sort,
    /// The node at which it fails, where it fails at one.
    pub(super) node: Option<NodeName>,
    /// The reason, to stand behind a colon.
    pub(super) why: String,
}

/// The rules that report what does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// `no-path-for-flow`.
    Path,
    /// `flow-misses-bind-address`.
    Bind,
    /// `flow-not-allowed`.
    Allow,
}

impl Unreached {
    fn new(code: &str, node: Option<String>, message: &str) -> Self {
        let sort = match code {
            "filtered" | "nothing-listens" | "loopback-only" | "stopped" | OTHER_SERVICE => Sort::Bind,
            "not-allowed" => Sort::Allow,
            _ => Sort::Path,
        };
        Self { sort, node: node.and_then(|node| node.parse().ok()), why: behind_colon(message) }
    }

    /// What a rule says of a flow.
    pub(super) fn message(&self, flow: &Flow) -> String {
        format!("{} does not reach {}: {}", flow.from, flow.to, self.why)
    }
}

/// The code where a connection opens, to another service than the flow names.
const OTHER_SERVICE: &str = "other-service";

fn behind_colon(sentence: &str) -> String {
    let sentence = sentence.strip_suffix('.').unwrap_or(sentence);
    match sentence.split_once(' ') {
        Some((first @ ("The" | "Nothing" | "Packets" | "Nobody" | "A"), rest)) => format!("{} {rest}", first.to_lowercase()),
        _ => sentence.to_owned(),
    }
}

/// What is to be said of a flow.
pub(super) fn verdict<'a>(facts: &Facts<'a>, flow: &'a Flow) -> Verdict<'a> {
    verdicts(facts, &[flow]).pop().unwrap_or(Verdict::Open)
}

/// What is to be said of each of some flows.
pub(super) fn verdicts<'a>(facts: &Facts<'a>, flows: &[&'a Flow]) -> Vec<Verdict<'a>> {
    let mut verdicts: Vec<Verdict<'a>> = flows.iter().map(|flow| judge(facts, flow)).collect();
    let asked = flows.iter().zip(&verdicts).enumerate();
    let asked: Vec<(usize, &Flow)> =
        asked.filter(|(_, (flow, said))| is_asked(facts, flow, said)).map(|(place, (flow, _))| (place, *flow)).collect();
    if asked.is_empty() {
        return verdicts;
    }
    let reached = Reached::of(facts);
    for (place, flow) in asked {
        let Some(said) = verdicts.get_mut(place) else { continue };
        match reached.ask(flow) {
            Answer::Unknown => {}
            Answer::Works => *said = Verdict::Open,
            Answer::Left => *said = Verdict::Left,
            Answer::Fails(why) if matches!(said, Verdict::Open) => *said = Verdict::Unreached(Box::new(why)),
            Answer::Fails(_) => {}
        }
    }
    verdicts
}

/// Whether `reach` is asked about a flow. It is not while its ends are not drawn completely, where another rule says what is missing.
fn is_asked(facts: &Facts<'_>, flow: &Flow, said: &Verdict<'_>) -> bool {
    if matches!(said, Verdict::Left | Verdict::NobodyHolds(_)) || matches!(said, Verdict::Open) && is_direct(facts, flow) {
        return false;
    }
    if bound_elsewhere(facts, flow) {
        return false;
    }
    let is_drawn = |node: &NodeName| facts.lab.nodes.get(node).is_some_and(|node| !node.adapters.is_empty() && !is_undrawn(facts, node));
    flow.from != flow.to && ends(facts.lab, flow).all(is_drawn)
}

/// Whether a flow leads to a service that is bound to an address which its node does not have.
fn bound_elsewhere(facts: &Facts<'_>, flow: &Flow) -> bool {
    let Endpoint::Service(at) = &flow.to else { return false };
    let Some((node, service)) = facts.lab.nodes.get(&at.node).zip(facts.lab.service(at)) else { return false };
    super::bind_address_not_on_node::is_elsewhere(facts, &at.node, node, service)
}

/// The nodes of a flow's ends: those that may hold it for a VIP.
fn ends<'a>(lab: &'a Lab, flow: &'a Flow) -> impl Iterator<Item = &'a NodeName> {
    [&flow.from, &flow.to].into_iter().flat_map(move |end| {
        let vip = if let Endpoint::Vip(vip) = end { lab.vips.get(vip) } else { None };
        vip.into_iter().flat_map(|vip| &vip.holders).map(|holder| &holder.node).chain(end.node())
    })
}

/// Whether an adapter of a node gets an address, and nothing in the lab says which.
fn is_undrawn(facts: &Facts<'_>, node: &Node) -> bool {
    node.adapters.iter().any(|adapter| {
        let network = facts.network(&adapter.network).filter(|network| network.kind.joins_nodes());
        adapter.address.is_none() && network.is_some_and(|network| network.dhcp.is_none())
    })
}

/// Whether a flow leads over one network that both ends are on, with addresses of their own, so that nothing on its way can be otherwise
/// than the contract says. Most flows of large labs do, and are not worth a question.
fn is_direct(facts: &Facts<'_>, flow: &Flow) -> bool {
    let (Some(from_name), Endpoint::Service(at), None) = (flow.from.node(), &flow.to, flow.port) else { return false };
    let forwards = |name: &NodeName| facts.index.ways.has(name);
    if *from_name == at.node || forwards(from_name) || forwards(&at.node) {
        return false;
    }
    let (Some(from), Some(to)) = (facts.lab.nodes.get(from_name), facts.lab.nodes.get(&at.node)) else { return false };
    let Some(service) = to.services.get(&at.service).filter(|service| !matches!(service.allow, Allow::Only(_))) else { return false };
    let network = match &service.bind {
        Bind::On(network) => Some(network),
        Bind::Any => from.adapters.iter().map(|adapter| &adapter.network).find(|on| facts.joins(on) && to.address_on(on).is_some()),
        Bind::Loopback | Bind::Address(_) => None,
    };
    let Some((name, network)) = network.and_then(|name| Some((name, facts.network(name)?))) else { return false };
    let ends = from.address_on(name).zip(to.address_on(name));
    let (Some((here, there)), Some(subnet), true) = (ends, network.subnet, network.kind.joins_nodes()) else { return false };
    let reaches_only_by_it = |node: &Node, far: Ipv4Addr| {
        node.adapters.iter().filter(|adapter| facts.network(&adapter.network).is_some_and(|on| has_route(on, far))).count() == 1
    };
    let is_alone = |address| facts.adapters_at(name, address).nth(1).is_none() && facts.vips_at(name, address).next().is_none();
    here != there
        && subnet.contains(&here)
        && subnet.contains(&there)
        && reaches_only_by_it(from, there)
        && reaches_only_by_it(to, here)
        && is_alone(here)
        && is_alone(there)
}

fn has_route(network: &Network, far: Ipv4Addr) -> bool {
    subnet_of(network).is_some_and(|subnet| subnet.contains(&far))
}

fn is_bridged(network: &Network) -> bool {
    network.kind == NetworkKind::Bridged
}

/// The subnet of a network, drawn or given by NAT.
fn subnet_of(network: &Network) -> Option<Ipv4Net> {
    let of_nat = || Ipv4Net::new(NAT_ADDRESS, 24).ok().filter(|_| network.kind == NetworkKind::Nat);
    network.subnet.or_else(of_nat)
}

/// Whether an address of a node is wrong by itself, which is the finding of another rule.
fn has_wrong_address(facts: &Facts<'_>, node: &Node) -> bool {
    let mut drawn = node.adapters.iter().filter_map(|adapter| Some((&adapter.network, adapter.address?)));
    drawn.any(|(network, address)| is_wrong(facts, network, address, 1))
}

/// Whether an address lies outside its network's subnet, or is not only that of so many adapters or one VIP.
fn is_wrong(facts: &Facts<'_>, name: &str, address: Ipv4Addr, adapters: usize) -> bool {
    let Some(network) = facts.network(name) else { return true };
    network.subnet.is_some_and(|subnet| !subnet.contains(&address))
        || network.provider_address() == Some(address)
        || network.dhcp.is_some_and(|range| range.contains(address))
        || facts.adapters_at(name, address).nth(adapters).is_some()
        || facts.vips_at(name, address).nth(1 - adapters.min(1)).is_some()
}

/// What `reach` says of a flow.
enum Answer {
    /// The lab says too little.
    Unknown,
    /// Something on the way cannot be set up, or does less than it is told, which is the finding of another rule.
    Left,
    Works,
    Fails(Unreached),
}

/// The most flows of a node of which each is put into the part of a lab.
const FLOWS_MAX: usize = 256;

/// The lab, with all that may forward packets sorted by where it does.
struct Reached<'a> {
    facts: Facts<'a>,
    id: LabId,
    /// Forwarders by the networks, as [`Facts::group`] numbers them, that their adapters are on; both ways.
    of_group: BTreeMap<usize, BTreeSet<&'a NodeName>>,
    /// Flows from outside, by the node that they lead to.
    from_outside: BTreeMap<&'a NodeName, Vec<&'a Flow>>,
}

impl<'a> Reached<'a> {
    fn of(facts: &Facts<'a>) -> Self {
        let mut of_group: BTreeMap<usize, BTreeSet<&NodeName>> = BTreeMap::new();
        let leaders = facts.index.ways.port_rules.values().flatten().map(|rule| &rule.node);
        let names: BTreeSet<&'a NodeName> = facts.routers().map(|(name, _)| name).chain(leaders).collect();
        for name in names {
            let groups = facts.lab.nodes.get(name).map(|node| facts.groups(node)).unwrap_or_default();
            for group in groups {
                of_group.entry(group).or_default().insert(name);
            }
        }
        let mut from_outside: BTreeMap<&NodeName, Vec<&Flow>> = BTreeMap::new();
        for flow in facts.lab.flows.iter().filter(|flow| flow.from == Endpoint::Outside) {
            for node in ends(facts.lab, flow) {
                from_outside.entry(node).or_default().push(flow);
            }
        }
        Self { facts: *facts, id: LabId::of_file(Path::new("check")), of_group, from_outside }
    }

    fn ask(&self, flow: &Flow) -> Answer {
        let Some(part) = self.part(flow) else { return Answer::Unknown };
        let wanted = desired(&part, self.facts.catalog, &self.id);
        let design = Design::of(wanted.specs(), self.facts.catalog);
        match answer(&part, &wanted, &design, flow) {
            Answer::Works => Answer::Works,
            _ if self.is_said_elsewhere(&part, &wanted) => Answer::Left,
            answer => answer,
        }
    }

    /// Whether a service of the part cannot be set up, or names clients or networks that are not there.
    fn is_said_elsewhere(&self, part: &Lab, wanted: &Desired) -> bool {
        let is_service = |one: &crate::plan::Unplannable| matches!(one.subject, Subject::Service(_));
        let misleads = |service| super::setting_names_nothing::admits_or_routes_nothing(&self.facts, service);
        wanted.unplannable.iter().any(is_service) || part.services().any(|(_, _, service)| misleads(service))
    }

    /// The nodes that decide whether a flow works.
    fn nodes(&self, flow: &Flow) -> BTreeSet<&'a NodeName> {
        let lab = self.facts.lab;
        let known = |name: &NodeName| lab.nodes.get_key_value(name).map(|(name, _)| name);
        let mut queue: Vec<&'a NodeName> = ends(lab, flow).filter_map(known).collect();
        if let Endpoint::Service(to) = &flow.to {
            queue.extend(self.facts.port_rules_to(to).iter().map(|rule| &rule.node));
        }
        let mut nodes: BTreeSet<&'a NodeName> = BTreeSet::new();
        let mut groups: BTreeSet<usize> = BTreeSet::new();
        while let Some(name) = queue.pop() {
            let Some(node) = lab.nodes.get(name).filter(|_| nodes.insert(name)) else { continue };
            for group in self.facts.groups(node) {
                if groups.insert(group) {
                    queue.extend(self.of_group.get(&group).into_iter().flatten().copied());
                }
            }
            queue.extend(self.led_to(node).iter().filter_map(&known));
            queue.extend(self.facts.vips_of(name).flat_map(|(_, vip)| &vip.holders).filter_map(|holder| known(&holder.node)));
        }
        nodes
    }

    /// The nodes to whose services a node leads ports of its own.
    fn led_to(&self, node: &Node) -> Vec<NodeName> {
        node.services.values().flat_map(|service| self.facts.catalog.forward_rules(service)).map(|rule| rule.to.node).collect()
    }

    /// The part of the lab that decides whether a flow works; `None` while an address in it is missing or wrong.
    fn part(&self, flow: &Flow) -> Option<Lab> {
        let whole = self.facts.lab;
        let names = self.nodes(flow);
        let places: BTreeSet<usize> = names.iter().filter_map(|name| whole.nodes.get_index_of(*name)).collect();
        let mut part = Lab::new("");
        part.image.clone_from(&whole.image);
        let mut networks: BTreeSet<usize> = BTreeSet::new();
        let mut vips: BTreeSet<usize> = BTreeSet::new();
        let mut flows: BTreeSet<usize> = BTreeSet::new();
        for (name, node) in places.into_iter().filter_map(|place| whole.nodes.get_index(place)) {
            if is_undrawn(&self.facts, node) || has_wrong_address(&self.facts, node) {
                return None;
            }
            let mut node = node.clone();
            for service in node.services.values_mut() {
                if let Allow::Only(peers) = &mut service.allow {
                    *peers = peers.iter().flat_map(|peer| self.addresses_of(&names, peer)).collect();
                    let named = peers.iter().filter_map(|peer| if let Peer::Network(name) = peer { Some(name) } else { None });
                    networks.extend(named.filter_map(|name| whole.networks.get_index_of(name)));
                }
            }
            networks.extend(node.adapters.iter().filter_map(|adapter| whole.networks.get_index_of(&adapter.network)));
            vips.extend(self.facts.vips_of(name).filter_map(|(vip, _)| whole.vips.get_index_of(vip)));
            flows.extend(self.facts.flows_of(name).take(FLOWS_MAX).map(|(place, _)| place));
            part.nodes.insert(name.clone(), node);
        }
        for (name, vip) in vips.into_iter().filter_map(|place| whole.vips.get_index(place)) {
            if vip.holders.iter().all(|holder| part.nodes.contains_key(&holder.node)) {
                if is_wrong(&self.facts, &vip.network, vip.address, 0) {
                    return None;
                }
                networks.extend(whole.networks.get_index_of(&vip.network));
                part.vips.insert(name.clone(), vip.clone());
            }
        }
        let networks = networks.into_iter().filter_map(|place| whole.networks.get_index(place));
        part.networks.extend(networks.map(|(name, network)| (name.clone(), network.clone())));
        let subnets: Vec<Ipv4Net> = part.networks.values().filter_map(subnet_of).collect();
        let overlap = |(place, one): (usize, &Ipv4Net)| {
            subnets.iter().skip(place + 1).any(|other| one.contains(&other.network()) || other.contains(&one.network()))
        };
        if subnets.iter().enumerate().any(overlap) {
            return None;
        }
        let has = |end: &Endpoint| match end {
            Endpoint::Outside => true,
            Endpoint::Vip(vip) => part.vips.contains_key(vip),
            Endpoint::Node(_) | Endpoint::Service(_) => end.node().is_some_and(|node| part.nodes.contains_key(node)),
        };
        let within = flows.into_iter().filter_map(|place| whole.flows.get(place));
        let outside = names.iter().filter_map(|name| self.from_outside.get(*name)).flatten().copied();
        let within: Vec<&Flow> = within.chain(outside).filter(|flow| has(&flow.from) && has(&flow.to)).collect();
        for other in within.into_iter().chain([flow]) {
            if !part.flows.contains(other) {
                part.flows.push(other.clone());
            }
        }
        Some(part)
    }

    /// A peer of an allow list by its addresses, where it is a node that is not in the part.
    fn addresses_of(&self, names: &BTreeSet<&NodeName>, peer: &Peer) -> Vec<Peer> {
        match peer {
            Peer::Node(name) if !names.contains(name) => match self.facts.lab.nodes.get(name) {
                Some(node) => node.addresses().map(|address| Peer::Subnet(Ipv4Net::from(address))).collect(),
                None => vec![peer.clone()],
            },
            _ => vec![peer.clone()],
        }
    }
}

fn answer(part: &Lab, wanted: &Desired, design: &Design<'_>, flow: &Flow) -> Answer {
    let question = Question { from: flow.from.clone(), to: Target::Endpoint(flow.to.clone()), port: flow.port };
    let mut states = vec![design.state.clone()];
    if let Endpoint::Vip(name) = &flow.to {
        // What a VIP that follows nothing leads to is not drawn (`vip-follows-nothing`).
        let Some(vip) = part.vips.get(name).filter(|vip| vip.follows.is_some()) else { return Answer::Unknown };
        let Some(network) = wanted.networks.get_index_of(&vip.network).map(NetworkNo::at) else { return Answer::Unknown };
        let follows = |node: &Node| vip.follows.as_ref().is_none_or(|service| node.services.contains_key(service));
        let holders = vip.holders.iter().filter(|holder| part.nodes.get(&holder.node).is_some_and(follows));
        let held = holders.filter_map(|holder| design.machine(&holder.node));
        states = held
            .map(|machine| {
                let mut state = design.state.clone();
                state.holders.insert(vip.address, vec![(machine, network)]);
                state
            })
            .collect();
    }
    for state in states {
        let Ok(explained) = explain(design, &state, &question) else { return Answer::Unknown };
        if let Some(one) = wanted.unplannable.iter().find(|one| one.subject == Subject::flow(flow)) {
            return Answer::Fails(Unreached::new("unplannable", None, &one.why));
        }
        match explained.why {
            Some(why) if why.code == "no-port" => return Answer::Unknown,
            // Callers over a bridged network have addresses that the lab does not know, not only the host's.
            Some(why)
                if why.code == "not-allowed"
                    && explained.hops.iter().all(|hop| hop.step != "hides")
                    && explained.enters_by.as_ref().and_then(|network| part.networks.get(network.as_str())).is_some_and(is_bridged) =>
            {
                return Answer::Unknown;
            }
            Some(why) => return Answer::Fails(Unreached::new(why.code, why.node, &why.message)),
            None => {}
        }
        let leads = |service: &str| explained.hops.iter().any(|hop| hop.step == "leads" && hop.service.as_deref() == Some(service));
        let is_meant = |service: &str| match &flow.to {
            Endpoint::Service(at) => service == at.to_string() || leads(&at.to_string()),
            Endpoint::Vip(vip) => {
                let followed = part.vips.get(vip).and_then(|vip| vip.follows.as_ref());
                followed.is_none_or(|followed| service.rsplit('/').next() == Some(followed.as_str()))
            }
            Endpoint::Node(_) | Endpoint::Outside => true,
        };
        if let Some(other) = explained.service.as_deref().filter(|service| !is_meant(service)) {
            return Answer::Fails(Unreached::new(OTHER_SERVICE, None, &format!("{other} answers there")));
        }
    }
    Answer::Works
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    /// A client behind a gateway, and a server beyond it.
    fn routed(gateway: &str, server: &str, flow: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{
                "inner": internal(subnet: "10.1.0.0/24"), "outer": internal(subnet: "10.2.0.0/24"),
            }}, nodes: {{
                "pc": (role: worker, adapters: [(network: "inner", address: "10.1.0.10")]),
                "gw": (role: gateway, adapters: [(network: "inner", address: "10.1.0.2"), (network: "outer", address: "10.2.0.2")], services: {{{gateway}}}),
                "srv": (role: app, adapters: [(network: "outer", address: "10.2.0.10")], services: {{"web": (kind: "nginx", {server})}}),
            }}, flows: [{flow}])"#
        ))
    }

    #[test]
    fn a_gateway_lets_only_its_networks_pass() {
        let flow = r#"(from: "pc", to: "srv/web")"#;
        check("no-path-for-flow", &routed(r#""router": (kind: "gateway")"#, "", flow), &[]);
        let narrow = routed(r#""router": (kind: "gateway", settings: {"networks": ["10.2.0.0/24"]})"#, "", flow);
        check("no-path-for-flow", &narrow, &["pc does not reach srv/web: gw/router lets nothing pass from 10.1.0.10 to 10.2.0.10"]);
        assert_eq!(fixes("no-path-for-flow", &narrow), ["Put pc on outer with 10.2.0.11", "Put srv on inner with 10.1.0.11"]);
    }

    #[test]
    fn a_forward_to_the_loopback_of_its_own_node_is_closed() {
        let lead = r#""lead": (kind: "port-forward", settings: {"rules": ["8080:gw/page"]}), "page": (kind: "nginx", bind: loopback)"#;
        let flow = r#"(from: "pc", to: "gw", port: 8080)"#;
        check(
            "flow-misses-bind-address",
            &routed(lead, "", flow),
            &["pc does not reach gw: gw forwards the port to 127.0.0.1, which only itself can reach"],
        );
        let lead = r#""lead": (kind: "port-forward", settings: {"rules": ["8080:srv/web"]}), "router": (kind: "gateway")"#;
        check("flow-misses-bind-address", &routed(lead, "", flow), &[]);
    }

    #[test]
    fn a_forward_leads_to_a_service_that_does_not_let_the_sender_in() {
        let lead = r#""lead": (kind: "port-forward", settings: {"rules": ["8080:srv/web"]}), "router": (kind: "gateway")"#;
        let flow = r#"(from: "pc", to: "gw/lead")"#;
        check(
            "flow-not-allowed",
            &routed(lead, r#"allow: only(["10.9.0.0/24"])"#, flow),
            &["pc does not reach gw/lead: the firewall drops it: srv/web does not let 10.2.0.2 in"],
        );
        check("flow-not-allowed", &routed(lead, r#"allow: only(["gw"])"#, flow), &[]);
    }

    #[test]
    fn a_list_that_names_the_gateway_lets_in_what_it_translates() {
        let flow = r#"(from: "pc", to: "srv/web")"#;
        // The list leaves the sender out, and the source that the server sees is the sender's own.
        check(
            "flow-not-allowed",
            &routed(r#""router": (kind: "gateway")"#, r#"allow: only(["gw"])"#, flow),
            &["srv/web does not let pc in"],
        );
        check("flow-not-allowed", &routed(r#""router": (kind: "gateway")"#, r#"allow: only(["pc"])"#, flow), &[]);
    }

    #[test]
    fn a_wrong_address_is_the_finding_of_its_own_rule() {
        let flow = r#"(from: "pc", to: "srv/web")"#;
        let narrow = routed(r#""router": (kind: "gateway", settings: {"networks": ["10.2.0.0/24"]})"#, "", flow);
        let mut wrong = narrow.clone();
        if let Some(adapter) = wrong.nodes.get_mut("gw").and_then(|node| node.adapters.first_mut()) {
            adapter.address = "10.7.0.2".parse().ok();
        }
        check("no-path-for-flow", &wrong, &[]);
        assert!(crate::rules::testing::codes(&wrong).contains(&"address-outside-subnet"));
    }
}
