//! Sites, flows, VIPs, links, clusters, and several things at once.

use super::{Desk, fields, head, name_field, remove_button};
use crate::{
    app::{Command, EditCommand, SelectCommand},
    look::Icon,
    model::{ClusterName, Edit, Flow, FlowId, Holder, ListEdit, NetworkName, NodeName, ServiceName, SiteName, Subject, Vip, VipName},
    ui::{
        panel::{self, menu},
        widget,
    },
};
use egui::Ui;

pub(super) fn site(ui: &mut Ui, desk: &mut Desk<'_>, name: &SiteName) {
    let Some(site) = desk.state.lab().sites.get(name).cloned() else { return };
    name_field(ui, desk, &Subject::Site(name.clone()));
    let mut next = site.clone();
    if let Some(title) = fields::text(ui, "Title", &site.title, name, None) {
        next.title = title;
    }
    ui.separator();
    let lab = desk.state.lab();
    let free: Vec<NodeName> = lab.nodes.keys().filter(|node| !site.gateways.contains(*node)).cloned().collect();
    if let Some(add) = widget::section_header(ui, "Gateways", Some(("Add", "Add a gateway"))) {
        menu::list(&add, |ui| {
            for node in free {
                if menu::row(ui, (panel::subject_icon(lab, &Subject::Node(node.clone())), node.as_str()), "").clicked() {
                    next.gateways.push(node);
                    ui.close();
                }
            }
        });
    }
    ui.horizontal_wrapped(|ui| {
        for node in &site.gateways {
            let shown = widget::Pill::new(node).icon(Icon::Gateway).removable("No longer a gateway").show(ui);
            if shown.removed {
                next.gateways.retain(|gateway| gateway != node);
            }
            if shown.response.on_hover_text("Show the node").clicked() {
                desk.send(Command::Select(SelectCommand::Reveal(Subject::Node(node.clone()))));
            }
        }
    });
    if next != site {
        desk.send(Command::edit(format!("Change {name}"), vec![Edit::Site { name: name.clone(), at: None, to: Some(next) }]));
    }
    remove_button(ui, desk, "the site");
}

pub(super) fn flow(ui: &mut Ui, desk: &mut Desk<'_>, id: &FlowId) {
    let Some(index) = desk.state.lab().flow_place(id) else { return };
    let Some(flow) = desk.state.lab().flows.get(index).cloned() else { return };
    let mut next = flow.clone();
    widget::value_row(ui, "From", &flow.from.to_string(), crate::ui::theme::palette(ui).text);
    widget::value_row(ui, "To", &flow.to.to_string(), crate::ui::theme::palette(ui).text);
    let text = flow.port.map(|port| port.to_string()).unwrap_or_default();
    let read = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<u16>().ok().filter(|port| *port > 0).map(Some).ok_or_else(|| "A port is a number from 1 to 65535".to_owned()),
    };
    if let Some(port) = fields::parsed(ui, "Port", &text, "the service's", None, &read) {
        next.port = port;
    }
    ui.add(widget::Toggle::new(&mut next.encrypted, "Must be encrypted"));
    ui.add(widget::Toggle::new(&mut next.optional, "Optional: the lab is healthy without it"));
    if next != flow {
        keep_flow(desk, index, next);
    }
    remove_button(ui, desk, "the flow");
}

fn keep_flow(desk: &mut Desk<'_>, index: usize, flow: Flow) {
    desk.send(Command::edit(format!("Change {flow}"), vec![Edit::Flow { index, change: ListEdit::Replace(flow) }]));
}

pub(super) fn vip(ui: &mut Ui, desk: &mut Desk<'_>, name: &VipName) {
    let Some(vip) = desk.state.lab().vips.get(name).cloned() else { return };
    let subject = Subject::Vip(name.clone());
    let mut next = vip.clone();
    name_field(ui, desk, &subject);
    let problem = fields::problem(desk, &subject, fields::ADDRESS);
    let read = |text: &str| fields::address(text)?.ok_or_else(|| "A VIP needs an address".to_owned());
    if let Some(address) = fields::parsed(ui, "Address", &vip.address.to_string(), "", problem.as_deref(), &read) {
        next.address = address;
    }
    let networks: Vec<(NetworkName, &str)> = desk.state.lab().networks.keys().map(|network| (network.clone(), network.as_str())).collect();
    if let Some(network) = fields::one_of(ui, "Network", &vip.network, &networks, None) {
        next.network = network;
    }
    let problem = fields::problem(desk, &subject, fields::VIP_ID);
    if let Some(id) = fields::number(ui, ("Router id", ""), i64::from(vip.id), 1..=255, 1, problem.as_deref()) {
        next.id = u8::try_from(id).unwrap_or(vip.id);
    }
    let text = vip.follows.as_ref().map(ToString::to_string).unwrap_or_default();
    let read = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<ServiceName>().map(Some).map_err(|error| error.to_string()),
    };
    if let Some(follows) = fields::parsed(ui, "Follows", &text, "no service", None, &read) {
        next.follows = follows;
    }
    if let Some(ms) =
        fields::number(ui, ("Advertises", "ms"), i64::from(vip.advertise_ms), 10..=i64::from(crate::model::ADVERTISE_MS_MAX), 100, None)
    {
        next.advertise_ms = u32::try_from(ms).unwrap_or(vip.advertise_ms);
    }
    ui.add(widget::Toggle::new(&mut next.preempt, "Preempt"));
    holders(ui, desk, &subject, &vip, &mut next);
    if next != vip {
        desk.send(Command::edit(format!("Change {name}"), vec![Edit::Vip { name: name.clone(), at: None, to: Some(next) }]));
    }
    remove_button(ui, desk, "the VIP");
}

fn holders(ui: &mut Ui, desk: &Desk<'_>, subject: &Subject, vip: &Vip, next: &mut Vip) {
    ui.separator();
    let lab = desk.state.lab();
    let free = lab
        .nodes
        .iter()
        .filter(|(name, node)| node.adapter_on(&vip.network).is_some() && !vip.holders.iter().any(|holder| holder.node == **name));
    let free: Vec<NodeName> = free.map(|(name, _)| name.clone()).collect();
    if let Some(add) = widget::section_header(ui, "Holders by priority", Some(("Add", "Add a node that may hold the address"))) {
        menu::list(&add, |ui| {
            if free.is_empty() {
                panel::muted(ui, "No other node is on its network.");
            }
            for node in free {
                if menu::row(ui, (panel::subject_icon(lab, &Subject::Node(node.clone())), node.as_str()), "").clicked() {
                    let least = vip.holders.iter().map(|holder| holder.priority).min().unwrap_or(110);
                    next.holders.push(Holder { node, priority: least.saturating_sub(10).max(1) });
                    ui.close();
                }
            }
        });
    }
    let mut removed = None;
    for (index, holder) in vip.holders.iter().enumerate() {
        ui.push_id(index, |ui| {
            let priority = fields::number(ui, (&holder.node, ""), i64::from(holder.priority), 1..=254, 10, None);
            if let (Some(priority), Some(place)) = (priority.and_then(|it| u8::try_from(it).ok()), next.holders.get_mut(index)) {
                place.priority = priority;
            }
            if ui.add(widget::Button::quiet("Remove").explanation("It may no longer hold the address")).clicked() {
                removed = Some(index);
            }
        });
    }
    if let Some(index) = removed.filter(|index| *index < next.holders.len()) {
        next.holders.remove(index);
    }
    fields::say(ui, desk, subject, fields::HOLDERS);
}

pub(super) fn link(ui: &mut Ui, desk: &mut Desk<'_>, one: &SiteName, other: &SiteName) {
    let Some(link) = desk.state.lab().links.iter().find(|link| link.between.0 == *one && link.between.1 == *other) else { return };
    let color = crate::ui::theme::palette(ui).text;
    widget::value_row(ui, "Between", &format!("{one} and {other}"), color);
    widget::value_row(ui, "Network", &link.network, color);
    widget::value_row(ui, "Tunnel", link.tunnel.as_deref().unwrap_or("none: in clear text"), color);
    remove_button(ui, desk, "the link");
}

pub(super) fn cluster(ui: &mut Ui, desk: &mut Desk<'_>, name: &ClusterName) {
    let members = crate::catalog::Catalog::clusters(desk.state.lab()).shift_remove(name).unwrap_or_default();
    widget::section_header(ui, "Members", None);
    ui.horizontal_wrapped(|ui| {
        for at in members {
            if widget::Pill::new(&at.to_string()).show(ui).response.on_hover_text("Show the service").clicked() {
                desk.send(Command::Select(SelectCommand::Reveal(Subject::Service(at))));
            }
        }
    });
}

/// Several things at once: what they have in common.
pub(super) fn several(ui: &mut Ui, desk: &mut Desk<'_>) {
    let count = desk.state.selection.len();
    head(ui, Icon::Lasso, &format!("{count} things"), "selected together");
    let nodes: Vec<NodeName> = desk.state.selected_nodes().cloned().collect();
    if let Some(first) = nodes.first().and_then(|name| desk.state.lab().nodes.get(name)) {
        if let Some(memory) = fields::number(ui, ("Memory", "MiB"), i64::from(first.memory), 64..=1_048_576, 128, None) {
            change_all(desk, &nodes, |node| node.memory = u32::try_from(memory).unwrap_or(node.memory));
        }
        if let Some(cpus) = fields::number(ui, ("Processors", ""), i64::from(first.cpus), 1..=256, 1, None) {
            change_all(desk, &nodes, |node| node.cpus = u16::try_from(cpus).unwrap_or(node.cpus));
        }
        if let Some(site) = super::network::site(ui, desk, first.site.as_ref()) {
            change_all(desk, &nodes, |node| node.site.clone_from(&site));
        }
    }
    ui.horizontal_wrapped(|ui| {
        for subject in &desk.state.selection {
            let text = panel::subject_text(subject);
            let shown = widget::Pill::new(&text).icon(panel::subject_icon(desk.state.lab(), subject)).removable("Deselect").show(ui);
            if shown.removed {
                desk.send(Command::Select(SelectCommand::SelectToggle(subject.clone())));
            } else if shown.response.on_hover_text("Select this alone").clicked() {
                desk.send(Command::Select(SelectCommand::Select(vec![subject.clone()])));
            }
        }
    });
    if desk.can(&Command::Edit(EditCommand::Delete)) {
        remove_button(ui, desk, &format!("{count} things"));
    }
}

fn change_all(desk: &mut Desk<'_>, nodes: &[NodeName], change: impl Fn(&mut crate::model::Node)) {
    let lab = desk.state.lab();
    let edits = nodes.iter().filter_map(|name| {
        let mut node = lab.nodes.get(name)?.clone();
        change(&mut node);
        Some(Edit::Node { name: name.clone(), at: None, to: Some(Box::new(node)) })
    });
    desk.send(Command::edit(format!("Change {} nodes", nodes.len()), edits.collect()));
}
