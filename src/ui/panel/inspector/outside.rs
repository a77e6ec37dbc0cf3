//! The outside: which flows enter the lab, which leave it, and which ports of the host lead in.

use super::{Desk, running};
use crate::{
    app::{Command, SelectCommand, ops},
    catalog::Catalog,
    model::{Edit, Endpoint, ListEdit, Subject},
    ui::{
        panel::{self, menu},
        theme, widget,
    },
};
use egui::Ui;

/// The side of the lab's border that a flow crosses to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

pub(super) fn outside(ui: &mut Ui, desk: &mut Desk<'_>) {
    if !Catalog::embedded().has_entrance(desk.state.lab()) {
        panel::muted(ui, "Nothing that answers requests is reached from outside. Add an entry to a balancer, an application or a VIP.");
    }
    flows(ui, desk, Way::In);
    flows(ui, desk, Way::Out);
    forwards(ui, desk);
}

fn flows(ui: &mut Ui, desk: &mut Desk<'_>, way: Way) {
    let lab = desk.state.lab();
    let (title, action) = if way == Way::In { ("Entries", "Add an entry") } else { ("Exits", "Add an exit") };
    let mut all: Vec<(usize, Endpoint, String)> = Vec::new();
    for (index, flow) in lab.flows.iter().enumerate() {
        let other = match way {
            Way::In if flow.from == Endpoint::Outside => &flow.to,
            Way::Out if flow.to == Endpoint::Outside => &flow.from,
            Way::In | Way::Out => continue,
        };
        let port = flow.port.map_or_else(String::new, |port| format!(":{port}"));
        all.push((index, other.clone(), format!("{other}{port}")));
    }
    let ends = ops::endpoints(lab);
    if let Some(add) = widget::section_header(ui, title, Some(("Add", action))) {
        menu::list(&add, |ui| {
            for end in ends {
                let (from, to) = if way == Way::In { (Endpoint::Outside, end.clone()) } else { (end.clone(), Endpoint::Outside) };
                if menu::row(ui, (menu::end_icon(lab, &end), &end.to_string()), "").clicked() {
                    desk.act(ops::add_flow(desk.state.lab(), from, to).map(|step| ops::Step { select: None, ..step }));
                    ui.close();
                }
            }
        });
    }
    if all.is_empty() {
        panel::muted(ui, "None");
    }
    ui.horizontal_wrapped(|ui| {
        for (index, _, words) in all {
            let shown = widget::Pill::new(&words).removable("Delete the flow").show(ui);
            if shown.removed {
                desk.send(Command::edit("Delete a flow", vec![Edit::Flow { index, change: ListEdit::Remove }]));
            } else if shown.response.on_hover_text("Show the flow").clicked()
                && let Some(subject) = desk.state.lab().flows.get(index).map(Subject::flow)
            {
                desk.send(Command::Select(SelectCommand::Reveal(subject)));
            }
        }
    });
}

/// Ports of the host that lead to nodes.
fn forwards(ui: &mut Ui, desk: &mut Desk<'_>) {
    let lab = desk.state.lab();
    let mut all = Vec::new();
    for (node, there) in &lab.nodes {
        for (slot, adapter) in there.adapters.iter().enumerate() {
            for forward in &adapter.forwards {
                let from = format!("{}:{}", forward.address, forward.host);
                all.push((Subject::Adapter(node.clone(), slot, adapter.network.clone()), from, format!("{node}:{}", forward.to)));
            }
        }
    }
    widget::section_header(ui, "Ports of the host", None);
    if all.is_empty() {
        panel::muted(ui, "None is forwarded to a node.");
    }
    for (subject, from, to) in all {
        if widget::link_row(ui, &from, &to).on_hover_text("Show the adapter that it is forwarded by").clicked() {
            desk.send(Command::Select(SelectCommand::Reveal(subject)));
        }
    }
}

/// What is seen of the flows that cross the border.
pub(super) fn observed(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some(observed) = &desk.state.run.observed else { return };
    let crosses = |flow: &&crate::model::ObservedFlow| flow.id.from == Endpoint::Outside || flow.id.to == Endpoint::Outside;
    let mut any = false;
    for flow in observed.flows.iter().filter(crosses) {
        any = true;
        let end = if flow.id.from == Endpoint::Outside { format!("to {}", flow.id.target()) } else { format!("from {}", flow.id.from) };
        widget::value_row(ui, &end, flow.health.title(), running::color(ui, flow.health));
        if !flow.reason.is_empty() {
            panel::muted(ui, &flow.reason);
        }
    }
    if !any {
        panel::muted(ui, "No flow enters or leaves the lab.");
    }
    let (good, failed) = desk
        .state
        .run
        .load
        .iter()
        .fold((0_u64, 0_u64), |(good, failed), sample| (good + u64::from(sample.good), failed + u64::from(sample.failed)));
    if good + failed > 0 {
        ui.separator();
        let palette = theme::palette(ui);
        widget::value_row(ui, "Requests seen", &(good + failed).to_string(), palette.text);
        let color = if failed > 0 { palette.bad } else { palette.text };
        widget::value_row(ui, "Failed", &failed.to_string(), color);
    }
}
