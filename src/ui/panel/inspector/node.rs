//! A node with its adapters and services, and an adapter by itself.

use super::{Desk, fields, lab, name_field, network, remove_button};
use crate::{
    app::{Command, SelectCommand, ops},
    look::Icon,
    model::{Adapter, Edit, Forward, ListEdit, Mac, NetworkName, Node, NodeName, Role, ServiceRef, Subject},
    ui::{
        panel::{self, menu},
        widget,
    },
};
use egui::Ui;
use std::net::Ipv4Addr;

pub(super) fn node(ui: &mut Ui, desk: &mut Desk<'_>, name: &NodeName) {
    let Some(node) = desk.state.lab().nodes.get(name).cloned() else { return };
    let subject = Subject::Node(name.clone());
    name_field(ui, desk, &subject);
    let roles: Vec<(Role, &str)> = Role::ALL.iter().map(|role| (*role, role.title())).collect();
    if let Some(role) = fields::one_of(ui, "Role", &node.role, &roles, None) {
        fields::change_node(desk, name, "Role", |node| node.role = role);
    }
    if let Some(site) = network::site(ui, desk, node.site.as_ref()) {
        fields::change_node(desk, name, "Site", |node| node.site = site);
    }
    sizes(ui, desk, name, &node);
    if let Some(image) = lab::image(ui, node.image.as_ref()) {
        fields::change_node(desk, name, "Image", |node| node.image = image);
    }
    adapters(ui, desk, name, &node);
    services(ui, desk, name, &node);
    remove_button(ui, desk, name);
}

fn sizes(ui: &mut Ui, desk: &mut Desk<'_>, name: &NodeName, node: &Node) {
    let problem = fields::problem(desk, &Subject::Node(name.clone()), fields::MEMORY);
    if let Some(memory) = fields::number(ui, ("Memory", "MiB"), i64::from(node.memory), 64..=1_048_576, 128, problem.as_deref()) {
        fields::change_node(desk, name, "Memory", |node| node.memory = u32::try_from(memory).unwrap_or(node.memory));
    }
    if let Some(cpus) = fields::number(ui, ("Processors", ""), i64::from(node.cpus), 1..=256, 1, None) {
        fields::change_node(desk, name, "Processors", |node| node.cpus = u16::try_from(cpus).unwrap_or(node.cpus));
    }
    if let Some(disk) = fields::number(ui, ("Disk", "GiB"), i64::from(node.disk), 1..=65_536, 5, None) {
        fields::change_node(desk, name, "Disk", |node| node.disk = u32::try_from(disk).unwrap_or(node.disk));
    }
}

fn adapters(ui: &mut Ui, desk: &mut Desk<'_>, name: &NodeName, node: &Node) {
    ui.separator();
    let lab = desk.state.lab();
    let free: Vec<NetworkName> = lab.networks.keys().filter(|network| node.adapter_on(network).is_none()).cloned().collect();
    if let Some(add) = widget::section_header(ui, "Adapters", Some(("Add", "Connect the node to a network"))) {
        menu::list(&add, |ui| {
            if free.is_empty() {
                panel::muted(ui, "It is on every network.");
            }
            for network in free {
                if menu::row(ui, (panel::subject_icon(lab, &Subject::Network(network.clone())), network.as_str()), "").clicked() {
                    desk.act(ops::connect(lab, name, &network));
                    ui.close();
                }
            }
        });
    }
    fields::say(ui, desk, &Subject::Node(name.clone()), fields::ADAPTERS);
    for (slot, adapter) in node.adapters.iter().enumerate() {
        ui.push_id(slot, |ui| address(ui, desk, name, slot, adapter, adapter.network.as_str()));
    }
}

/// The field of an adapter's address, under the name that it is given.
fn address(ui: &mut Ui, desk: &mut Desk<'_>, name: &NodeName, slot: usize, adapter: &Adapter, title: &str) {
    let subject = Subject::Adapter(name.clone(), slot, adapter.network.clone());
    let problem = fields::problem(desk, &subject, fields::ADDRESS);
    let text = adapter.address.map(|address| address.to_string()).unwrap_or_default();
    if let Some(address) = fields::parsed(ui, title, &text, "from DHCP", problem.as_deref(), &fields::address) {
        change(desk, name, slot, "Address", Adapter { address, ..adapter.clone() });
    }
}

fn change(desk: &mut Desk<'_>, name: &NodeName, slot: usize, label: &str, adapter: Adapter) {
    let edit = Edit::Adapter { node: name.clone(), slot, change: ListEdit::Replace(adapter) };
    desk.send(Command::edit(format!("{label} of {name}"), vec![edit]));
}

fn services(ui: &mut Ui, desk: &mut Desk<'_>, name: &NodeName, node: &Node) {
    ui.separator();
    if let Some(add) = widget::section_header(ui, "Services", Some(("Add", "Add a service to the node"))) {
        menu::list(&add, |ui| {
            for (kind, entry) in crate::catalog::Catalog::embedded().iter() {
                if menu::row(ui, (panel::kind_icon(kind), &entry.title), "").on_hover_text(&entry.about).clicked() {
                    desk.act(ops::add_service(desk.state.lab(), crate::catalog::Catalog::embedded(), name, kind));
                    ui.close();
                }
            }
        });
    }
    ui.horizontal_wrapped(|ui| {
        for (service, value) in &node.services {
            let at = ServiceRef { node: name.clone(), service: service.clone() };
            let badge = desk.state.review.badge(&Subject::Service(at.clone()));
            let tone = badge.map_or(crate::look::Tone::Neutral, |(severity, _)| panel::severity_tone(severity));
            let what = format!("Delete {at}");
            let shown = widget::Pill::new(service).icon(panel::kind_icon(&value.kind)).tone(tone).removable(&what).show(ui);
            if shown.removed {
                desk.act(ops::remove(desk.state.lab(), &[Subject::Service(at)]));
            } else if shown.response.on_hover_text("Show the service").clicked() {
                desk.send(Command::Select(SelectCommand::Select(vec![Subject::Service(at)])));
            }
        }
    });
}

/// An adapter by itself.
pub(super) fn adapter(ui: &mut Ui, desk: &mut Desk<'_>, name: &NodeName, slot: usize) {
    let Some(adapter) = desk.state.lab().nodes.get(name).and_then(|node| node.adapters.get(slot)).cloned() else { return };
    let subject = Subject::Adapter(name.clone(), slot, adapter.network.clone());
    let networks: Vec<(NetworkName, &str)> = desk.state.lab().networks.keys().map(|network| (network.clone(), network.as_str())).collect();
    if let Some(network) = fields::one_of(ui, "Network", &adapter.network, &networks, None) {
        let address = desk.state.lab().free_address(&network);
        change(desk, name, slot, "Network", Adapter { network, address, ..adapter.clone() });
    }
    address(ui, desk, name, slot, &adapter, "Address");
    let problem = fields::problem(desk, &subject, fields::MAC);
    let text = adapter.mac.map(|mac| mac.to_string()).unwrap_or_default();
    let read = |text: &str| if text.trim().is_empty() { Ok(None) } else { text.trim().parse::<Mac>().map(Some) };
    if let Some(mac) = fields::parsed(ui, "Hardware", &text, "assigned on deploy", problem.as_deref(), &read) {
        change(desk, name, slot, "Hardware address", Adapter { mac, ..adapter.clone() });
    }
    forwards(ui, desk, name, slot, &adapter);
    if ui.add(widget::Button::quiet(name).icon(Icon::ChevronLeft).explanation("Show its node")).clicked() {
        desk.send(Command::Select(SelectCommand::Select(vec![Subject::Node(name.clone())])));
    }
    remove_button(ui, desk, "the adapter");
}

fn forwards(ui: &mut Ui, desk: &mut Desk<'_>, name: &NodeName, slot: usize, adapter: &Adapter) {
    let takes = desk.state.lab().networks.get(&adapter.network).is_some_and(|network| network.kind.takes_forwards());
    if !takes && adapter.forwards.is_empty() {
        return;
    }
    ui.separator();
    let added = widget::section_header(ui, "Forwarded ports", Some(("Add", "Forward a port of the host to the node")))
        .is_some_and(|response| response.clicked());
    let mut next = adapter.clone();
    if added {
        let taken = |port: u16| next.forwards.iter().any(|forward| forward.host == port);
        let host = (8080..=u16::MAX).find(|port| !taken(*port)).unwrap_or(8080);
        next.forwards.push(Forward { host, to: 80, address: Ipv4Addr::LOCALHOST });
    }
    let subject = Subject::Adapter(name.clone(), slot, adapter.network.clone());
    let problem = fields::problem(desk, &subject, fields::FORWARD);
    let count = adapter.forwards.len();
    let mut removed = None;
    for (index, forward) in adapter.forwards.iter().enumerate() {
        let text = if forward.address == Ipv4Addr::LOCALHOST {
            format!("{} > {}", forward.host, forward.to)
        } else {
            format!("{}:{} > {}", forward.address, forward.host, forward.to)
        };
        let shown = problem.as_deref().filter(|_| index + 1 == count);
        ui.push_id(index, |ui| {
            ui.horizontal(|ui| {
                let check = |text: &str| read_forward(text).map(drop);
                let width = ui.available_width() - 36.0;
                let field = widget::TextField::new("Forward", &text).mono().width(width).check(&check).problem(shown).show(ui);
                if let Some(Ok(forward)) = field.committed().map(|text| read_forward(&text))
                    && let Some(place) = next.forwards.get_mut(index)
                {
                    *place = forward;
                }
                if ui.add(widget::IconButton::new(Icon::Cross, "Remove the forward").small()).clicked() {
                    removed = Some(index);
                }
            });
        });
    }
    if let Some(index) = removed.filter(|index| *index < next.forwards.len()) {
        next.forwards.remove(index);
    }
    if next != *adapter {
        change(desk, name, slot, "Forwards", next);
    }
}

/// Reads a forward: `8080 > 80`, or `0.0.0.0:8080 > 80`.
fn read_forward(text: &str) -> Result<Forward, String> {
    let wrong = || "Write the host's port and the node's, such as 8080 > 80".to_owned();
    let (host, to) = text.split_once('>').ok_or_else(wrong)?;
    let (address, host) = match host.trim().split_once(':') {
        Some((address, host)) => (address.trim().parse().map_err(|_| wrong())?, host),
        None => (Ipv4Addr::LOCALHOST, host.trim()),
    };
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong);
    Ok(Forward { host: port(host)?, to: port(to)?, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_is_two_ports_and_perhaps_an_address() {
        assert_eq!(read_forward("8080 > 80"), Ok(Forward { host: 8080, to: 80, address: Ipv4Addr::LOCALHOST }));
        assert_eq!(read_forward("0.0.0.0:8404>8404").map(|forward| forward.address), Ok(Ipv4Addr::UNSPECIFIED));
        for wrong in ["8080", "0 > 80", "8080 > 70000", "x:1 > 2"] {
            assert!(read_forward(wrong).is_err(), "{wrong}");
        }
    }
}
