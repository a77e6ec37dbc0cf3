//! What the inspector's fields share: which findings are said under which field, and the usual sorts of field.

use super::Desk;
use crate::app::Command;
use crate::{
    look::{FontFace, font_size},
    model::{Edit, Ipv4Net, Node, NodeName, Service, ServiceRef, Subject},
    ui::{panel, theme, widget},
};
use egui::{Key, TextEdit, Ui};
use std::net::Ipv4Addr;

/// Parts of the codes of rules that are about a name.
pub(super) const NAME: &[&str] = &["invalid-node-name"];
/// About an address.
pub(super) const ADDRESS: &[&str] = &[
    "duplicate-address",
    "address-outside-subnet",
    "reserved-address",
    "address-in-dhcp-range",
    "vip-address-taken",
    "vip-outside-subnet",
];
/// About a hardware address.
pub(super) const MAC: &[&str] = &["hardware-address"];
/// About a subnet.
pub(super) const SUBNET: &[&str] = &["overlapping-subnets", "host-only-outside"];
/// About where a service listens.
pub(super) const BIND: &[&str] = &["on-any-address", "bind-address", "on-nat-address", "on-bridged"];
/// About a port.
pub(super) const PORT: &[&str] = &["port-taken-twice"];
/// About who may connect.
pub(super) const ALLOW: &[&str] = &["open-to-all", "allows-unknown"];
/// About memory.
pub(super) const MEMORY: &[&str] = &["memory-below"];
/// About forwards.
pub(super) const FORWARD: &[&str] = &["host-port", "port-forwarded", "admin-page-exposed"];
/// About the number of adapters.
pub(super) const ADAPTERS: &[&str] = &["too-many-adapters", "isolated-node"];
/// About who may hold a VIP.
pub(super) const HOLDERS: &[&str] = &["vip-single-holder", "vip-equal-priorities", "vip-holder-off-network"];
/// About a VIP's number.
pub(super) const VIP_ID: &[&str] = &["vip-id-collision"];

/// Whether a rule's findings are said under a field, so that they need not be listed below all of them.
pub(super) fn has_field(rule: &str) -> bool {
    [NAME, ADDRESS, MAC, SUBNET, BIND, PORT, ALLOW, MEMORY, FORWARD, ADAPTERS, HOLDERS, VIP_ID]
        .into_iter()
        .any(|parts| is_about(rule, parts))
}

fn is_about(rule: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| rule.contains(part))
}

/// What is found about a field of a thing.
pub(super) fn problem(desk: &Desk<'_>, subject: &Subject, parts: &[&str]) -> Option<String> {
    desk.state.review.about(subject).find(|finding| is_about(finding.rule, parts)).map(|finding| finding.message.clone())
}

/// Changes a node as one step.
pub(super) fn change_node(desk: &mut Desk<'_>, name: &NodeName, label: &str, change: impl FnOnce(&mut Node)) {
    let Some(mut node) = desk.state.lab().nodes.get(name).cloned() else { return };
    change(&mut node);
    desk.send(Command::edit(format!("{label} of {name}"), vec![Edit::Node { name: name.clone(), at: None, to: Some(Box::new(node)) }]));
}

/// Changes a service as one step.
pub(super) fn change_service(desk: &mut Desk<'_>, at: &ServiceRef, label: &str, change: impl FnOnce(&mut Service)) {
    let Some(mut service) = desk.state.lab().service(at).cloned() else { return };
    change(&mut service);
    let edit = Edit::Service { node: at.node.clone(), name: at.service.clone(), at: None, to: Some(Box::new(service)) };
    desk.send(Command::edit(format!("{label} of {at}"), vec![edit]));
}

/// Reads an address; nothing is none.
pub(super) fn address(text: &str) -> Result<Option<Ipv4Addr>, String> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("{text:?} is no address; write four numbers, such as 192.168.56.10")),
    }
}

/// Reads a subnet; nothing is none.
pub(super) fn subnet(text: &str) -> Result<Option<Ipv4Net>, String> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse::<Ipv4Net>() {
            Ok(net) if net.network() != net.addr() => Err(format!("this is an address in {}; write the subnet itself", net.trunc())),
            Ok(net) => Ok(Some(net)),
            Err(_) => Err(format!("{text:?} is no subnet; write it as 192.168.56.0/24")),
        },
    }
}

/// A text with its name; what was typed once it is accepted.
pub(super) fn text(ui: &mut Ui, name: &str, value: &str, placeholder: &str, problem: Option<&str>) -> Option<String> {
    widget::field_row(ui, name, None, |ui| {
        widget::TextField::new(name, value).placeholder(placeholder).problem(problem).show(ui).committed()
    })
}

/// A field of several lines; the new text once it is left. Escape gives up what was typed.
pub(super) fn paragraph(ui: &mut Ui, name: &str, now: &str, characters_max: usize) -> Option<String> {
    let id = ui.id().with(("paragraph", name));
    let mut text = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_else(|| now.to_owned());
    let field = |ui: &mut Ui| {
        let edit = TextEdit::multiline(&mut text)
            .id(id)
            .font(theme::font(FontFace::Regular, font_size::BODY))
            .char_limit(characters_max)
            .desired_rows(4)
            .desired_width(ui.available_width());
        let response = ui.add(edit);
        ui.ctx().accesskit_node_builder(id, |node| node.set_label(name));
        response
    };
    let response = widget::field_row(ui, name, None, field);
    if response.has_focus() {
        ui.data_mut(|data| data.insert_temp(id, text));
        return None;
    }
    ui.data_mut(|data| data.remove::<String>(id));
    let given_up = ui.input(|input| input.key_pressed(Key::Escape));
    let text = text.trim().to_owned();
    (response.lost_focus() && !given_up && text != now).then_some(text)
}

/// Says what is found about a part of a thing that is no field, in the colour of its severity.
pub(super) fn say(ui: &mut Ui, desk: &Desk<'_>, subject: &Subject, parts: &[&str]) {
    if let Some(finding) = desk.state.review.about(subject).find(|finding| is_about(finding.rule, parts)) {
        let color = theme::palette(ui).tone(panel::severity_tone(finding.severity));
        ui.label(egui::RichText::new(&finding.message).small().color(color));
    }
}

/// A text that is read into a value.
pub(super) fn parsed<T>(
    ui: &mut Ui,
    name: &str,
    value: &str,
    placeholder: &str,
    problem: Option<&str>,
    read: &dyn Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let check = |text: &str| read(text).map(drop);
    let field = |ui: &mut Ui| {
        widget::TextField::new(name, value).mono().placeholder(placeholder).problem(problem).check(&check).show(ui).committed()
    };
    widget::field_row(ui, name, None, field).and_then(|text| read(&text).ok())
}

/// A whole number with its unit.
pub(super) fn number(
    ui: &mut Ui,
    (name, unit): (&str, &str),
    value: i64,
    range: std::ops::RangeInclusive<i64>,
    step: i64,
    problem: Option<&str>,
) -> Option<i64> {
    widget::field_row(ui, name, None, |ui| widget::NumberField::new(name, value, range).unit(unit).step(step).problem(problem).show(ui))
}

/// One of several; what was chosen, if something else was.
pub(super) fn one_of<T: Clone + PartialEq>(ui: &mut Ui, name: &str, value: &T, choices: &[(T, &str)], problem: Option<&str>) -> Option<T> {
    let mut current = value.clone();
    let changed = widget::field_row(ui, name, problem, |ui| widget::choice(ui, name, &mut current, choices).changed());
    changed.then_some(current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_or_says_what_would_do() {
        assert_eq!(address(" "), Ok(None));
        assert_eq!(address("10.0.0.1"), Ok(Some(Ipv4Addr::new(10, 0, 0, 1))));
        assert!(address("10.0.0").unwrap_err().contains("192.168.56.10"));
        assert!(subnet("10.0.0.7/24").unwrap_err().contains("10.0.0.0/24"));
        assert!(subnet("10.0.0.0").unwrap_err().contains("/24"));
        assert_eq!(subnet("10.0.0.0/24").unwrap().map(|net| net.prefix_len()), Some(24));
    }

    #[test]
    fn every_part_of_a_code_is_of_a_rule() {
        for parts in [NAME, ADDRESS, MAC, SUBNET, BIND, PORT, ALLOW, MEMORY, FORWARD, ADAPTERS, HOLDERS, VIP_ID] {
            for part in parts {
                assert!(crate::rules::RULES.iter().any(|rule| rule.code.contains(part)), "no rule is about {part}");
            }
        }
    }
}
