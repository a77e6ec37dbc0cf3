//! A service: where it listens, who may connect, its cluster, and what the catalog lets one set.

use super::{Desk, fields, name_field, remove_button};
use crate::{
    app::{Command, SelectCommand},
    catalog::{Behaviour, Catalog, Entry, Setting, SettingType},
    look::Icon,
    model::{Allow, Bind, ClusterName, Peer, Service, ServiceRef, Subject, Value},
    ui::widget,
};
use egui::Ui;

pub(super) fn service(ui: &mut Ui, desk: &mut Desk<'_>, at: &ServiceRef) {
    let Some(service) = desk.state.lab().service(at).cloned() else { return };
    let subject = Subject::Service(at.clone());
    let entry = Catalog::embedded().of(&service);
    name_field(ui, desk, &subject);
    if entry.is_none_or(|entry| !entry.ports.is_empty()) {
        bind(ui, desk, at, &service);
        port(ui, desk, at, &service, entry);
        allow(ui, desk, at, &service);
    }
    groups(ui, desk, at, &service);
    if let Some(entry) = entry.filter(|entry| !entry.settings.is_empty()) {
        ui.separator();
        widget::section_header(ui, "Settings", None);
        for setting in &entry.settings {
            self::setting(ui, desk, at, &service, setting);
        }
    }
    if ui.add(widget::Button::quiet(&at.node).icon(Icon::ChevronLeft).explanation("Show its node")).clicked() {
        desk.send(Command::Select(SelectCommand::Select(vec![Subject::Node(at.node.clone())])));
    }
    remove_button(ui, desk, &at.service);
}

fn bind(ui: &mut Ui, desk: &mut Desk<'_>, at: &ServiceRef, service: &Service) {
    let lab = desk.state.lab();
    let Some(node) = lab.nodes.get(&at.node) else { return };
    let networks: Vec<(Bind, String)> = node
        .adapters
        .iter()
        .map(|adapter| {
            let address = adapter.address.map(|address| format!(" ({address})")).unwrap_or_default();
            (Bind::On(adapter.network.clone()), format!("{}{address}", adapter.network))
        })
        .collect();
    let own = match &service.bind {
        Bind::Address(address) => Some((service.bind.clone(), address.to_string())),
        Bind::On(network) if node.adapter_on(network).is_none() => Some((service.bind.clone(), format!("{network} (not on it)"))),
        _ => None,
    };
    let mut choices: Vec<(Bind, &str)> = vec![(Bind::Any, "any address (0.0.0.0)"), (Bind::Loopback, "itself only (127.0.0.1)")];
    choices.extend(networks.iter().chain(&own).map(|(bind, words)| (bind.clone(), words.as_str())));
    let problem = fields::problem(desk, &Subject::Service(at.clone()), fields::BIND);
    if let Some(bind) = fields::one_of(ui, "Listens on", &service.bind, &choices, problem.as_deref()) {
        fields::change_service(desk, at, "Bind address", |service| service.bind = bind);
    }
}

fn port(ui: &mut Ui, desk: &mut Desk<'_>, at: &ServiceRef, service: &Service, entry: Option<&Entry>) {
    let usual = entry.and_then(|entry| entry.ports.first()).map_or(0, |port| port.port);
    let value = i64::from(service.port.unwrap_or(usual));
    let problem = fields::problem(desk, &Subject::Service(at.clone()), fields::PORT);
    if let Some(port) = fields::number(ui, ("Port", ""), value, 1..=65_535, 1, problem.as_deref()) {
        let port = u16::try_from(port).ok().filter(|port| *port != usual);
        fields::change_service(desk, at, "Port", |service| service.port = port);
    }
}

fn allow(ui: &mut Ui, desk: &mut Desk<'_>, at: &ServiceRef, service: &Service) {
    #[derive(Clone, PartialEq)]
    enum Who {
        Drawn,
        Everyone,
        Only,
    }
    let now = match &service.allow {
        Allow::Drawn => Who::Drawn,
        Allow::Everyone => Who::Everyone,
        Allow::Only(_) => Who::Only,
    };
    let choices = [(Who::Drawn, "nodes with a flow"), (Who::Everyone, "everyone"), (Who::Only, "only these")];
    let problem = fields::problem(desk, &Subject::Service(at.clone()), fields::ALLOW);
    if let Some(who) = fields::one_of(ui, "Allow", &now, &choices, problem.as_deref()) {
        let allow = match who {
            Who::Drawn => Allow::Drawn,
            Who::Everyone => Allow::Everyone,
            Who::Only => Allow::Only(callers(desk, at)),
        };
        fields::change_service(desk, at, "Who may connect", |service| service.allow = allow);
    }
    match &service.allow {
        Allow::Only(peers) => peers_field(ui, desk, at, peers),
        Allow::Drawn => {
            let callers = callers(desk, at);
            if callers.is_empty() {
                return;
            }
            ui.horizontal_wrapped(|ui| {
                for peer in callers {
                    let shown = widget::Pill::new(&peer.to_string()).show(ui);
                    shown.response.on_hover_text("May connect, because a flow leads from it to this service");
                }
            });
        }
        Allow::Everyone => {}
    }
}

/// Those that have a flow to a service.
fn callers(desk: &Desk<'_>, at: &ServiceRef) -> Vec<Peer> {
    use crate::model::Endpoint;
    let mut peers: Vec<Peer> = Vec::new();
    for flow in &desk.state.lab().flows {
        let leads_here = match &flow.to {
            Endpoint::Service(service) => service == at,
            Endpoint::Node(node) => *node == at.node,
            Endpoint::Vip(_) | Endpoint::Outside => false,
        };
        let peer = match &flow.from {
            Endpoint::Outside => Some(Peer::Outside),
            from => from.node().cloned().map(Peer::Node),
        };
        if let Some(peer) = peer.filter(|peer| leads_here && !peers.contains(peer)) {
            peers.push(peer);
        }
    }
    peers
}

fn peers_field(ui: &mut Ui, desk: &mut Desk<'_>, at: &ServiceRef, peers: &[Peer]) {
    let text = peers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let read =
        |text: &str| text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse::<Peer>).collect::<Result<Vec<_>, _>>();
    if let Some(peers) = fields::parsed(ui, "These", &text, "app1, network:backend, 10.0.0.0/8", None, &read) {
        fields::change_service(desk, at, "Who may connect", |service| service.allow = Allow::Only(peers));
    }
}

fn groups(ui: &mut Ui, desk: &mut Desk<'_>, at: &ServiceRef, service: &Service) {
    let text = service.cluster.as_ref().map(ToString::to_string).unwrap_or_default();
    let read = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<ClusterName>().map(Some).map_err(|error| error.to_string()),
    };
    if let Some(cluster) = fields::parsed(ui, "Cluster", &text, "alone", None, &read) {
        fields::change_service(desk, at, "Cluster", |service| service.cluster = cluster);
    }
    let lab = desk.state.lab();
    let like = |other: &ServiceRef, it: &Service| other != at && it.kind == service.kind;
    let others: Vec<ServiceRef> = lab
        .services()
        .map(|(node, name, it)| (ServiceRef { node: node.clone(), service: name.clone() }, it))
        .filter(|(other, it)| like(other, it))
        .map(|(other, _)| other)
        .collect();
    let replicates = Catalog::embedded().of(service).is_some_and(|entry| matches!(entry.behaviour, Behaviour::Database | Behaviour::Cache));
    if service.replica_of.is_none() && (others.is_empty() || !replicates) {
        return;
    }
    let named: Vec<(Option<ServiceRef>, String)> = others.into_iter().map(|other| (Some(other.clone()), other.to_string())).collect();
    let mut choices: Vec<(Option<ServiceRef>, &str)> = vec![(None, "nothing")];
    choices.extend(named.iter().map(|(other, words)| (other.clone(), words.as_str())));
    if let Some(primary) = fields::one_of(ui, "Copies from", &service.replica_of, &choices, None) {
        fields::change_service(desk, at, "Primary", |service| service.replica_of = primary);
    }
}

fn setting(ui: &mut Ui, desk: &mut Desk<'_>, at: &ServiceRef, service: &Service, setting: &Setting) {
    let value = service.settings.get(&setting.name).or(setting.default.as_ref());
    let put = |desk: &mut Desk<'_>, value: Value| {
        let usual = setting.default.as_ref() == Some(&value);
        fields::change_service(desk, at, &setting.name, |service| {
            if usual {
                service.settings.remove(&setting.name);
            } else {
                service.settings.insert(setting.name.clone(), value);
            }
        });
    };
    let (words, unit) = in_words(&setting.name);
    let name = words.as_str();
    match &setting.takes {
        SettingType::Bool => {
            let mut on = matches!(value, Some(Value::Bool(true)));
            if ui.add(widget::Toggle::new(&mut on, name)).on_hover_text(&setting.about).changed() {
                put(desk, Value::Bool(on));
            }
        }
        SettingType::Number { min, max } => {
            let now = if let Some(Value::Number(now)) = value { *now } else { *min };
            if let Some(number) = fields::number(ui, (name, unit), now, *min..=*max, 1, None) {
                put(desk, Value::Number(number));
            }
        }
        SettingType::Choice(choices) => {
            let now = value.map(ToString::to_string).unwrap_or_default();
            let choices: Vec<(String, &str)> = choices.iter().map(|choice| (choice.clone(), choice.as_str())).collect();
            if let Some(choice) = fields::one_of(ui, name, &now, &choices, None) {
                put(desk, Value::Text(choice));
            }
        }
        SettingType::Text => {
            if let Some(text) = fields::text(ui, name, &value.map(ToString::to_string).unwrap_or_default(), &setting.about, None) {
                put(desk, Value::Text(text));
            }
        }
        SettingType::List => {
            if let Some(text) = fields::text(ui, name, &value.map(ToString::to_string).unwrap_or_default(), "several, with commas", None) {
                put(desk, Value::List(text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()));
            }
        }
        SettingType::Secret => secret(ui, desk, at, service, &setting.name),
    }
}

/// A setting's name as people read it, and the unit that it ends with: "check_ms" is "Check" in "ms".
fn in_words(name: &str) -> (String, &'static str) {
    const UNITS: [(&str, &str); 4] = [("_ms", "ms"), ("_secs", "s"), ("_mib", "MiB"), ("_percent", "%")];
    let unit = UNITS.iter().find_map(|(ending, unit)| Some((name.strip_suffix(ending)?, *unit)));
    let (stem, unit) = unit.unwrap_or((name, ""));
    (widget::capitalized(&stem.replace('_', " ")), unit)
}

/// A secret is named, never shown: its value is made when the lab is deployed.
fn secret(ui: &mut Ui, desk: &mut Desk<'_>, at: &ServiceRef, service: &Service, name: &str) {
    let text = service.secrets.get(name).map(ToString::to_string).unwrap_or_default();
    let read = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<crate::model::SecretName>().map(Some).map_err(|error| error.to_string()),
    };
    if let Some(secret) = fields::parsed(ui, &in_words(name).0, &text, "name of a secret", None, &read) {
        fields::change_service(desk, at, name, |service| {
            match secret {
                Some(secret) => service.secrets.insert(name.to_owned(), secret),
                None => service.secrets.remove(name),
            };
        });
    }
}
