//! A network: kind, subnet, DHCP, purpose, site.

use super::{Desk, fields, name_field, remove_button};
use crate::{
    app::{Command, SelectCommand},
    model::{DhcpRange, Edit, Network, NetworkKind, NetworkName, Purpose, SiteName, Subject},
    ui::widget,
};
use egui::Ui;

pub(super) fn network(ui: &mut Ui, desk: &mut Desk<'_>, name: &NetworkName) {
    let Some(network) = desk.state.lab().networks.get(name).cloned() else { return };
    let subject = Subject::Network(name.clone());
    let mut next = network.clone();
    name_field(ui, desk, &subject);
    let kinds: Vec<(NetworkKind, &str)> = NetworkKind::ALL.iter().map(|kind| (*kind, kind.title())).collect();
    if let Some(kind) = fields::one_of(ui, "Kind", &network.kind, &kinds, None) {
        next.kind = kind;
    }
    let text = network.subnet.map(|subnet| subnet.to_string()).unwrap_or_default();
    let problem = fields::problem(desk, &subject, fields::SUBNET);
    let hint = if network.kind == NetworkKind::Nat { "the provider's" } else { "192.168.56.0/24" };
    if let Some(subnet) = fields::parsed(ui, "Subnet", &text, hint, problem.as_deref(), &fields::subnet) {
        next.subnet = subnet;
    }
    let text = network.dhcp.map(|range| format!("{} - {}", range.from, range.to)).unwrap_or_default();
    if let Some(range) = fields::parsed(ui, "DHCP", &text, "none", None, &range) {
        next.dhcp = range;
    }
    let purposes: Vec<(Purpose, &str)> = Purpose::ALL.iter().map(|purpose| (*purpose, purpose.title())).collect();
    if let Some(purpose) = fields::one_of(ui, "Purpose", &network.purpose, &purposes, None) {
        next.purpose = purpose;
    }
    if let Some(site) = site(ui, desk, network.site.as_ref()) {
        next.site = site;
    }
    if network.kind == NetworkKind::Bridged {
        let interface = network.interface.clone().unwrap_or_default();
        if let Some(interface) = fields::text(ui, "Interface", &interface, "the first", None) {
            next.interface = Some(interface).filter(|text| !text.is_empty());
        }
    }
    keep(desk, name, &network, next);
    members(ui, desk, name);
    remove_button(ui, desk, "the network");
}

fn keep(desk: &mut Desk<'_>, name: &NetworkName, network: &Network, next: Network) {
    if next != *network {
        desk.send(Command::edit(format!("Change {name}"), vec![Edit::Network { name: name.clone(), at: None, to: Some(next) }]));
    }
}

/// Reads a range of addresses; nothing is none.
fn range(text: &str) -> Result<Option<DhcpRange>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let wrong = || "Write the first and the last address, such as 192.168.56.100 - 192.168.56.150".to_owned();
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (from.trim().parse().map_err(|_| wrong())?, to.trim().parse().map_err(|_| wrong())?);
    if from > to { Err("The first address is behind the last".to_owned()) } else { Ok(Some(DhcpRange { from, to })) }
}

/// A choice of the site; the new one, if another was chosen.
pub(super) fn site(ui: &mut Ui, desk: &Desk<'_>, site: Option<&SiteName>) -> Option<Option<SiteName>> {
    let sites = &desk.state.lab().sites;
    if sites.is_empty() {
        return None;
    }
    let mut choices: Vec<(Option<SiteName>, &str)> = vec![(None, "none")];
    choices.extend(sites.keys().map(|name| (Some(name.clone()), name.as_str())));
    fields::one_of(ui, "Site", &site.cloned(), &choices, None)
}

fn members(ui: &mut Ui, desk: &mut Desk<'_>, name: &NetworkName) {
    ui.separator();
    widget::section_header(ui, "On it", None);
    let nodes: Vec<_> =
        desk.state.lab().nodes.iter().filter(|(_, node)| node.adapter_on(name).is_some()).map(|(name, _)| name.clone()).collect();
    if nodes.is_empty() {
        super::super::muted(ui, "No node yet: draw from a node to its rail.");
    }
    ui.horizontal_wrapped(|ui| {
        for node in nodes {
            if widget::Pill::new(&node).show(ui).response.on_hover_text("Show the node").clicked() {
                desk.send(Command::Select(SelectCommand::Reveal(Subject::Node(node))));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_two_addresses_in_order() {
        assert_eq!(range(""), Ok(None));
        assert!(range("10.0.0.1-10.0.0.9").unwrap().is_some());
        for wrong in ["10.0.0.1", "10.0.0.9 - 10.0.0.1", "a - b"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}
