//! What is seen of a thing that runs: power, health, who listens, its cluster, the failover, and what can be broken.

use super::{Desk, failover};
use crate::{
    app::{Command, FaultCommand, RunCommand},
    fault,
    look::{Icon, Tone, size},
    model::{ClusterName, ClusterState, FlowId, Health, NodeName, ObservedService, Power, ServiceRef, Subject},
    probe,
    ui::{
        panel::{self, menu, preview},
        theme, widget,
    },
};
use egui::{Color32, Ui};

pub(super) fn running(ui: &mut Ui, desk: &mut Desk<'_>, subject: &Subject) {
    if !desk.state.run.is_deployed() {
        panel::muted(ui, "Not deployed yet: nothing is seen of it.");
        return;
    }
    match subject {
        Subject::Node(name) => node(ui, desk, name),
        Subject::Adapter(name, slot, _) => adapter(ui, desk, name, *slot),
        Subject::Service(at) => one_service(ui, desk, at),
        Subject::Vip(name) => vip(ui, desk, name),
        Subject::Flow(id) => flow(ui, desk, id),
        Subject::Cluster(name) => cluster(ui, desk, name),
        Subject::Outside => super::outside::observed(ui, desk),
        _ => whole(ui, desk),
    }
    panel::faults::on_subject(ui, desk, subject);
    failover::show(ui, desk, subject);
    things_to_break(ui, desk, subject);
}

pub(super) fn color(ui: &Ui, health: Health) -> Color32 {
    match panel::health_tone(health) {
        Tone::Neutral => theme::palette(ui).muted,
        tone => theme::palette(ui).tone(tone),
    }
}

fn node(ui: &mut Ui, desk: &mut Desk<'_>, name: &NodeName) {
    let Some(observed) = &desk.state.run.observed else { return };
    let Some(node) = observed.nodes.get(name) else {
        panel::muted(ui, "It does not exist there yet.");
        return;
    };
    let power = if node.power == Power::Running || node.is_booting { theme::palette(ui).text } else { theme::palette(ui).bad };
    widget::value_row(ui, "Power", node.power_title(), power);
    widget::value_row(ui, "Health", node.health.title(), color(ui, node.health));
    if !node.reason.is_empty() {
        widget::value_row(ui, "Reason", &node.reason, color(ui, node.health));
    }
    let mut listening = Vec::new();
    for (service_name, service) in &node.services {
        let words = said(ui, service, observed.at_ms);
        widget::value_row(ui, service_name, &words, color(ui, service.health));
        listening.extend(service.listening.iter().map(ToString::to_string));
    }
    let listens = if listening.is_empty() { "nothing".to_owned() } else { listening.join(", ") };
    widget::value_row(ui, "Listening", &listens, theme::palette(ui).text);
    let clusters: Vec<ClusterName> = desk
        .state
        .lab()
        .nodes
        .get(name)
        .map(|node| node.services.values().filter_map(|service| service.cluster.clone()).collect())
        .unwrap_or_default();
    for name in clusters {
        cluster(ui, desk, &name);
    }
}

/// A service's state with how long it has been so.
fn said(ui: &Ui, service: &ObservedService, now_ms: u64) -> String {
    let since = || panel::age(ui, now_ms.saturating_sub(service.since_ms));
    match (service.health, service.reason.is_empty()) {
        (Health::Healthy, _) => "healthy".to_owned(),
        (health, true) => format!("{} for {}", health.title(), since()),
        // It says since when by itself, and that is not when it became so.
        (Health::Unknown, false) => service.reason.clone(),
        (_, false) => format!("{} for {}", service.reason, since()),
    }
}

fn one_service(ui: &mut Ui, desk: &mut Desk<'_>, at: &ServiceRef) {
    let Some(observed) = &desk.state.run.observed else { return };
    let Some(service) = observed.nodes.get(&at.node).and_then(|node| node.services.get(&at.service)) else {
        panel::muted(ui, "It does not exist there yet.");
        return;
    };
    let words = said(ui, service, observed.at_ms);
    widget::value_row(ui, "Health", &words, color(ui, service.health));
    for address in &service.listening {
        widget::value_row(ui, "Listening", &address.to_string(), theme::palette(ui).text);
    }
    if let Some(name) = desk.state.lab().service(at).and_then(|service| service.cluster.clone()) {
        cluster(ui, desk, &name);
    }
}

fn adapter(ui: &mut Ui, desk: &mut Desk<'_>, name: &NodeName, slot: usize) {
    let up = desk.state.run.observed.as_ref().and_then(|it| it.nodes.get(name)).and_then(|node| node.links_up.get(slot)).copied();
    let palette = theme::palette(ui);
    let (text, color) = match up {
        Some(true) => ("up", palette.good),
        Some(false) => ("down", palette.bad),
        None => ("unknown", palette.muted),
    };
    widget::value_row(ui, "Link", text, color);
}

fn vip(ui: &mut Ui, desk: &mut Desk<'_>, name: &crate::model::VipName) {
    let Some(observed) = &desk.state.run.observed else { return };
    let Some(vip) = observed.vips.get(name) else { return };
    let palette = theme::palette(ui);
    let (text, color) = match vip.holders.as_slice() {
        [] => ("nobody".to_owned(), palette.bad),
        [one] => (one.to_string(), palette.vip),
        several => (several.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(" and "), palette.bad),
    };
    widget::value_row(ui, "Held by", &text, color);
    let age = panel::age(ui, observed.at_ms.saturating_sub(vip.since_ms));
    widget::value_row(ui, "For", &age, palette.text);
    if !vip.reason.is_empty() {
        panel::muted(ui, &vip.reason);
    }
}

fn flow(ui: &mut Ui, desk: &mut Desk<'_>, id: &FlowId) {
    let Some(observed) = &desk.state.run.observed else { return };
    let Some(flow) = observed.flows.iter().find(|flow| flow.id == *id) else { return };
    let palette = theme::palette(ui);
    widget::value_row(ui, "Health", flow.health.title(), color(ui, flow.health));
    for (name, arrives) in [("Forward", flow.forward), ("Backward", flow.backward)] {
        widget::value_row(ui, name, if arrives { "arrives" } else { "is lost" }, if arrives { palette.good } else { palette.bad });
    }
    if let Some(ms) = flow.latency_ms {
        widget::value_row(ui, "Answer after", &format!("{ms:.1} ms"), palette.text);
    }
    if !flow.reason.is_empty() {
        panel::muted(ui, &flow.reason);
    }
}

fn cluster(ui: &mut Ui, desk: &mut Desk<'_>, name: &ClusterName) {
    let Some(cluster) = desk.state.run.observed.as_ref().and_then(|it| it.clusters.get(name)) else { return };
    ui.separator();
    widget::section_header(ui, &format!("Cluster {name}"), None);
    let palette = theme::palette(ui);
    let there = cluster.parts.first().map_or(0, Vec::len);
    widget::value_row(ui, "Members", &format!("{there} of {}", cluster.size), palette.text);
    let (text, color) = match cluster.state {
        ClusterState::Whole => ("whole", palette.good),
        ClusterState::Partial => ("works without some", palette.warn),
        ClusterState::Stopped => ("stands still: no quorum", palette.bad),
        ClusterState::Split => ("split: both parts work", palette.bad),
    };
    widget::value_row(ui, "State", text, color);
    if cluster.state == ClusterState::Stopped {
        panel::muted(ui, "Where no member is left to follow, one has to begin anew: the one whose data goes furthest.");
        let can = desk.state.run.job.is_none() && desk.state.run.faults().is_empty();
        let button = ui.add_enabled(
            can,
            widget::Button::new("Recover the cluster").icon(Icon::Heal).explanation("Start it from the member with the latest data"),
        );
        if button.on_disabled_hover_text("Heal what is broken first").clicked() {
            desk.send(Command::Run(RunCommand::Recover(name.clone())));
        }
    }
}

/// The lab as a whole.
fn whole(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some(observed) = &desk.state.run.observed else { return };
    let palette = theme::palette(ui);
    let running = observed.nodes.values().filter(|node| node.power == Power::Running).count();
    widget::value_row(ui, "Nodes", &format!("{running} of {} running", desk.state.lab().nodes.len()), palette.text);
    let verdicts = probe::judge(desk.state.lab(), observed);
    let well = verdicts.iter().filter(|verdict| verdict.health == Health::Healthy).count();
    let tone = if well == verdicts.len() { palette.good } else { palette.warn };
    if verdicts.is_empty() || observed.flows.is_empty() {
        widget::value_row(ui, "Flows", if verdicts.is_empty() { "none" } else { "not tried yet" }, palette.muted);
    } else {
        widget::value_row(ui, "Flows", &format!("{well} of {} healthy", verdicts.len()), tone);
    }
    if !crate::catalog::Catalog::embedded().has_entrance(desk.state.lab()) {
        widget::value_row(ui, "Requests", "no entrance", palette.muted);
        panel::muted(ui, panel::NO_ENTRANCE);
    }
    widget::value_row(
        ui,
        "Faults",
        &observed.faults.len().to_string(),
        if observed.faults.is_empty() { palette.text } else { palette.bad },
    );
    for (name, vip) in &observed.vips {
        let holders = vip.holders.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(", ");
        let color = if vip.holders.len() == 1 { palette.vip } else { palette.bad };
        widget::value_row(ui, name, if holders.is_empty() { "nobody holds it" } else { &holders }, color);
    }
    ui.add_space(size::GAP);
    panel::command_button(ui, desk, Command::Run(RunCommand::Destroy), |button| button.kind(widget::ButtonKind::Danger));
}

fn things_to_break(ui: &mut Ui, desk: &mut Desk<'_>, subject: &Subject) {
    let faults = fault::offers(desk.state.lab(), std::slice::from_ref(subject));
    if faults.is_empty() {
        return;
    }
    ui.separator();
    widget::section_header(ui, "Break", None);
    let mut before = None;
    ui.horizontal_wrapped(|ui| {
        for (verb, fault) in &faults {
            if before == Some(verb.word) {
                continue;
            }
            before = Some(verb.word);
            let all: Vec<_> = faults.iter().filter(|(other, _)| other.word == verb.word).map(|(_, fault)| fault.clone()).collect();
            let hindrance = desk.state.run.hindrance(fault);
            let button = ui.add_enabled(hindrance.is_none(), widget::Button::new(verb.title).icon(Icon::of_fault(verb)));
            let button = button.on_disabled_hover_text(hindrance.as_deref().unwrap_or_default());
            match all.as_slice() {
                [_] => {
                    preview::of_fault(&button, desk, fault);
                    if button.on_hover_text(fault.to_string()).clicked() {
                        desk.send(Command::Fault(FaultCommand::Consider(fault.clone())));
                    }
                }
                several => {
                    menu::list(&button, |ui| {
                        for fault in several {
                            let row = menu::row(ui, (Icon::of_fault(verb), &fault.on()), "");
                            preview::of_fault(&row, desk, fault);
                            if row.clicked() {
                                desk.send(Command::Fault(FaultCommand::Consider(fault.clone())));
                                ui.close();
                            }
                        }
                    });
                }
            }
        }
    });
}
