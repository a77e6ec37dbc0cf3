//! What a hover card says about a thing: everything that the drawing shortens, in words. Facts only: what is drawn, and in
//! Run what is observed.

use super::CanvasInput;
use crate::{
    catalog::Catalog,
    look::Tone,
    model::{Bind, FlowId, Health, Lab, Node, NodeName, Observed, Power, Service, ServiceRef, Subject},
    picture::{Hit, draw::health_tone, geometry},
    probe,
    rules::Severity,
    ui::panel::{age_text as since, flow_text},
};

/// The most lines of one sort on a card: the rest is counted.
const LINES_MAX: usize = 12;
/// The most characters of a note on a card.
const NOTE_MAX: usize = 1200;

/// A line of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about; may be empty.
    pub label: String,
    /// What it says.
    pub value: String,
    /// How good that is.
    pub tone: Tone,
}

/// What a card says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The whole name.
    pub title: String,
    /// What it is.
    pub kind: String,
    /// What is known of it.
    pub lines: Vec<Line>,
    /// What is wrong with it.
    pub findings: Vec<(Severity, String)>,
    /// Whether it says how long something has been so.
    pub ages: bool,
}

impl About {
    fn new(title: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { title: title.into(), kind: kind.into(), ..Self::default() }
    }

    fn line(&mut self, label: impl Into<String>, value: impl Into<String>) {
        self.toned(label, value, Tone::Neutral);
    }

    fn toned(&mut self, label: impl Into<String>, value: impl Into<String>, tone: Tone) {
        self.lines.push(Line { label: label.into(), value: value.into(), tone });
    }

    /// Lines, as many as there is room for.
    fn some(&mut self, lines: impl IntoIterator<Item = (String, String, Tone)>) {
        let mut lines = lines.into_iter();
        for (label, value, tone) in lines.by_ref().take(LINES_MAX) {
            self.toned(label, value, tone);
        }
        let more = lines.count();
        if more > 0 {
            self.line("", format!("and {more} more"));
        }
    }
}

/// What is seen of the lab, in the modes that show it.
fn seen<'a>(input: &CanvasInput<'a>) -> Option<&'a Observed> {
    input.overlay.observed.filter(|_| input.overlay.mode != crate::picture::Mode::Design)
}

/// What to say about a thing; `None` where there is nothing.
pub fn about(hit: &Hit, input: &CanvasInput<'_>) -> Option<About> {
    let lab = input.lab;
    let subject = hit.subject(lab)?;
    let mut about = match (hit, &subject) {
        (Hit::Handle(_), _) => {
            return Some(About::new("Connect", "Drag or click, then a rail for an adapter, a service or a node for a flow"));
        }
        (Hit::OutsideHandle, _) => return Some(About::new("Connect", "Drag or click, then a service, a node or a VIP for a flow")),
        (Hit::SiteHandle(_), _) => return Some(About::new("Link", "Drag or click, then another site to link the two")),
        (Hit::MoreChips(_), Subject::Node(name)) => hidden(input, name)?,
        (_, Subject::Node(name)) => of_node(input, name)?,
        (_, Subject::Service(at)) => of_service(input, at)?,
        (_, Subject::Adapter(name, slot, _)) => of_adapter(input, name, *slot)?,
        (_, Subject::Network(name)) => of_network(lab, name)?,
        (_, Subject::Vip(name)) => of_vip(input, name)?,
        (Hit::Flow(number), _) => of_flow(input, *number)?,
        (_, Subject::Site(name)) => of_site(lab, name)?,
        (_, Subject::Note(index)) => About::new("Note", lab.notes.get(*index)?.text.chars().take(NOTE_MAX).collect::<String>()),
        _ => return None,
    };
    let concerns = |of: &Subject| match (of, &subject) {
        (of, subject) if of == subject => true,
        (Subject::Adapter(node, ..), Subject::Node(name)) => node == name,
        (Subject::Service(at), Subject::Node(name)) => at.node == *name,
        _ => false,
    };
    let findings = input.overlay.findings.iter().filter(|finding| finding.accepted.is_none() && concerns(&finding.subject));
    about.findings = findings.map(|finding| (finding.severity, finding.message.clone())).collect();
    Some(about)
}

fn of_node(input: &CanvasInput<'_>, name: &NodeName) -> Option<About> {
    let lab = input.lab;
    let node = lab.nodes.get(name)?;
    let processors = if node.cpus == 1 { "1 processor".to_owned() } else { format!("{} processors", node.cpus) };
    let site = node.site.as_ref().map_or_else(String::new, |site| format!(" · {site}"));
    let kind = format!("{} · {} · {processors}{site}", node.role.title(), geometry::memory_text(node.memory));
    let mut about = About::new(name.as_str(), kind);
    if let Some(observed) = seen(input) {
        node_health(&mut about, observed, name);
    }
    about.some(node.adapters.iter().map(|adapter| (adapter.network.to_string(), address(lab, adapter), Tone::Neutral)));
    // Each service of a node that is seen says since when it is so.
    about.ages = seen(input).is_some() && !node.services.is_empty();
    about.some(node.services.iter().map(|(service, it)| {
        let at = ServiceRef { node: name.clone(), service: service.clone() };
        let (health, tone, _) = service_health(seen(input), &at);
        let words = listens(lab, input.catalog, node, it);
        // What is as it should be needs no colour: of many lines those that do stand out.
        let tone = if tone == Tone::Good { Tone::Neutral } else { tone };
        (service.to_string(), join(health, words), tone)
    }));
    for (vip_name, vip) in &lab.vips {
        if let Some(holder) = vip.holders.iter().find(|holder| holder.node == *name) {
            let holds = seen(input).and_then(|observed| observed.vips.get(vip_name)).is_some_and(|vip| vip.holders.contains(name));
            let words = if holds { "holds it" } else { "may hold it" };
            about.toned(vip_name.as_str(), format!("VIP {}, {words}, priority {}", vip.address, holder.priority), Tone::Vip);
        }
    }
    Some(about)
}

fn node_health(about: &mut About, observed: &Observed, name: &NodeName) {
    let Some(node) = observed.nodes.get(name) else {
        return about.line("Health", "not deployed");
    };
    let why = if node.reason.is_empty() { String::new() } else { format!(": {}", node.reason) };
    match node.power {
        Power::Running => about.toned("Health", format!("{}{why}", node.health.title()), health_tone(node.health)),
        power => about.toned("Health", format!("{}{why}", power.title()), Tone::Bad),
    }
}

/// How a service is, with the reason and since when; whether that ages.
fn service_health(observed: Option<&Observed>, at: &ServiceRef) -> (String, Tone, bool) {
    let Some(observed) = observed else { return (String::new(), Tone::Neutral, false) };
    let Some(node) = observed.nodes.get(&at.node) else { return ("not deployed".to_owned(), Tone::Neutral, false) };
    if node.power != Power::Running {
        return (format!("{} is {}", at.node, node.power.title()), Tone::Bad, false);
    }
    let Some(service) = node.services.get(&at.service) else { return ("not deployed".to_owned(), Tone::Neutral, false) };
    let why = if service.reason.is_empty() || service.health == Health::Healthy { String::new() } else { format!(", {}", service.reason) };
    let age = since(observed.at_ms.saturating_sub(service.since_ms));
    (format!("{} for {age}{why}", service.health.title()), health_tone(service.health), true)
}

fn join(one: String, other: String) -> String {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other,
        (_, true) => one,
        _ => format!("{one}; {other}"),
    }
}

/// Where a service listens: ports with their names, and the address that it binds to.
fn listens(lab: &Lab, catalog: &Catalog, node: &Node, service: &Service) -> String {
    let Some(entry) = catalog.of(service) else { return format!("{} (unknown kind)", service.kind) };
    let ports = entry.ports_of(service).filter(|(port, _)| entry.opens(service, port));
    let ports: Vec<String> = ports.map(|(port, number)| format!("{number} {}", port.name)).collect();
    if ports.is_empty() {
        return entry.title.clone();
    }
    let on = match &service.bind {
        Bind::Any => "any address".to_owned(),
        Bind::Loopback => "itself only (127.0.0.1)".to_owned(),
        Bind::Address(address) => address.to_string(),
        Bind::On(network) => match node.address_on(network) {
            Some(address) => format!("{address} ({network})"),
            None if lab.networks.contains_key(network) => format!("{network}, without an address"),
            None => format!("{network}, which is missing"),
        },
    };
    format!("{} on {on}", ports.join(", "))
}

fn address(lab: &Lab, adapter: &crate::model::Adapter) -> String {
    let mut words = match (adapter.address, lab.networks.get(&adapter.network)) {
        (Some(address), _) => address.to_string(),
        (None, Some(network)) if network.subnet.is_none() => "address from the provider".to_owned(),
        (None, _) => "no address".to_owned(),
    };
    for forward in &adapter.forwards {
        words.push_str(&format!(", {}:{} → {}", forward.address, forward.host, forward.to));
    }
    words
}

fn of_service(input: &CanvasInput<'_>, at: &ServiceRef) -> Option<About> {
    let node = input.lab.nodes.get(&at.node)?;
    let service = node.services.get(&at.service)?;
    let title = input.catalog.of(service).map_or_else(|| service.kind.to_string(), |entry| entry.title.clone());
    let mut about = About::new(at.service.as_str(), format!("{title} on {}", at.node));
    let (health, tone, ages) = service_health(seen(input), at);
    if !health.is_empty() {
        about.toned("Health", health, tone);
        about.ages = ages;
    }
    about.line("Listens", listens(input.lab, input.catalog, node, service));
    if let Some(cluster) = &service.cluster {
        about.line("Cluster", cluster.as_str());
    }
    if let Some(primary) = &service.replica_of {
        about.line("Copies from", primary.to_string());
    }
    Some(about)
}

/// What a card has no room for.
fn hidden(input: &CanvasInput<'_>, name: &NodeName) -> Option<About> {
    let node = input.lab.nodes.get(name)?;
    let card = crate::picture::Rect::at(crate::picture::Point::default(), crate::look::size::CARD_WIDTH, crate::look::size::CARD_HEIGHT);
    let shown = geometry::chips(input.lab, input.catalog, name, node, card);
    let mut about = About::new(name.as_str(), "Not shown on the card");
    let all = geometry::chip_order(input.lab, input.catalog, name, node);
    for (of, _, text) in all.into_iter().filter(|(of, ..)| !shown.iter().any(|chip| chip.of == *of)) {
        let words = match &of {
            geometry::ChipOf::Service(service) => {
                let at = ServiceRef { node: name.clone(), service: service.clone() };
                let (health, tone, _) = service_health(seen(input), &at);
                let listens = node.services.get(service).map(|it| listens(input.lab, input.catalog, node, it)).unwrap_or_default();
                (join(health, listens), tone)
            }
            geometry::ChipOf::Vip(_) | geometry::ChipOf::More(_) => ("VIP".to_owned(), Tone::Vip),
        };
        about.toned(text, words.0, words.1);
    }
    Some(about)
}

fn of_adapter(input: &CanvasInput<'_>, name: &NodeName, slot: usize) -> Option<About> {
    let adapter = input.lab.nodes.get(name)?.adapters.get(slot)?;
    let mut about = About::new(format!("{name} · {}", adapter.network), format!("Adapter {}", slot + 1));
    about.line("Address", address(input.lab, adapter));
    if let Some(node) = seen(input).and_then(|observed| observed.nodes.get(name)) {
        match node.links_up.get(slot) {
            Some(true) => about.toned("Link", "up", Tone::Good),
            Some(false) => about.toned("Link", "down", Tone::Bad),
            None => about.line("Link", "unknown"),
        }
    }
    Some(about)
}

fn of_network(lab: &Lab, name: &crate::model::NetworkName) -> Option<About> {
    let network = lab.networks.get(name)?;
    let mut about = About::new(name.as_str(), format!("{} network", network.kind.title()));
    about.line("Subnet", network.subnet.map_or_else(|| "from the provider".to_owned(), |subnet| subnet.to_string()));
    let on = lab.nodes.iter().filter_map(|(node, it)| Some((node, it.adapter_on(name)?)));
    about.some(on.map(|(node, adapter)| (node.to_string(), address(lab, adapter), Tone::Neutral)));
    Some(about)
}

fn of_vip(input: &CanvasInput<'_>, name: &crate::model::VipName) -> Option<About> {
    let vip = input.lab.vips.get(name)?;
    let mut about = About::new(name.as_str(), format!("VIP {} on {}", vip.address, vip.network));
    match (seen(input), seen(input).and_then(|observed| observed.vips.get(name))) {
        (Some(observed), Some(seen)) => {
            let age = since(observed.at_ms.saturating_sub(seen.since_ms));
            let holders = seen.holders.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(" and ");
            match seen.holders.len() {
                0 => about.toned("Held by", format!("no node for {age}"), Tone::Bad),
                1 => about.toned("Held by", format!("{holders} for {age}"), Tone::Vip),
                _ => about.toned("Held by", format!("{holders} for {age}: only one node may hold it"), Tone::Bad),
            }
            about.ages = true;
            if !seen.reason.is_empty() {
                about.line("", seen.reason.clone());
            }
        }
        _ if input.overlay.mode == crate::picture::Mode::Run => about.line("Held by", "not deployed"),
        _ => {}
    }
    about.some(vip.holders.iter().map(|holder| (holder.node.to_string(), format!("priority {}", holder.priority), Tone::Neutral)));
    if let Some(follows) = &vip.follows {
        about.line("Follows", format!("{follows}: a holder without it gives the address up"));
    }
    Some(about)
}

fn of_flow(input: &CanvasInput<'_>, number: u32) -> Option<About> {
    let flow = input.lab.flows.get(number as usize)?;
    let id = FlowId::from(flow);
    let mut about = About::new(flow_text(&id), "Flow: the first opens connections to the second");
    if let Some(port) = flow.port {
        about.line("Port", port.to_string());
    }
    let traits = [(flow.encrypted, "encrypted"), (flow.optional, "optional: the lab is healthy without it")];
    let traits: Vec<&str> = traits.into_iter().filter(|(is, _)| *is).map(|(_, words)| words).collect();
    if !traits.is_empty() {
        about.line("", traits.join(", "));
    }
    if let Some(observed) = seen(input) {
        let seen = observed.flows.iter().find(|seen| seen.id == id);
        match (probe::stopped_sender(&flow.from, observed), seen) {
            (Some(why), _) => about.line("Health", format!("unknown: {why}")),
            (None, Some(seen)) => {
                let why = if seen.reason.is_empty() { String::new() } else { format!(": {}", seen.reason) };
                about.toned("Health", format!("{}{why}", seen.health.title()), health_tone(seen.health));
                if let Some(ms) = seen.latency_ms {
                    about.line("Answer after", format!("{ms:.1} ms"));
                }
            }
            (None, None) => about.line("Health", "not deployed"),
        }
    }
    Some(about)
}

fn of_site(lab: &Lab, name: &crate::model::SiteName) -> Option<About> {
    let site = lab.sites.get(name)?;
    let title = if site.title.is_empty() { name.as_str() } else { &site.title };
    let nodes = lab.nodes.values().filter(|node| node.site.as_ref() == Some(name)).count();
    let networks = lab.networks.values().filter(|network| network.site.as_ref() == Some(name)).count();
    let mut about = About::new(title, format!("Site {name}: {nodes} nodes, {networks} networks"));
    if !site.gateways.is_empty() {
        about.line("Gateways", site.gateways.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(", "));
    }
    Some(about)
}
