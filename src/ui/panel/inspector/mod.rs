//! The inspector: what is selected, field by field, each saying at once why a value is wrong; in Run what is seen of it.

mod failover;
mod fields;
mod lab;
mod network;
mod node;
mod note;
mod others;
mod outside;
mod reached;
mod running;
mod service;

pub use reached::shown_path;

use super::{Desk, colors, severity_icon, severity_tone, subject_icon};
use crate::{
    app::{Command, EditCommand, InspectorPage, Mode, Reached, SelectCommand, WindowCommand, ops},
    look::{FontFace, Icon, font_size, size},
    model::Subject,
    ui::{icon, theme, widget},
};
use egui::{Frame, Margin, Rect, RichText, ScrollArea, Sense, Ui, Vec2, vec2};

/// Shows what is selected.
pub fn inspector(ui: &mut Ui, desk: &mut Desk<'_>) {
    #[expect(clippy::cast_possible_truncation, reason = "a margin of a few points")]
    let margin = Margin::same(size::PANEL_MARGIN as i8);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(margin).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = size::GAP;
            match desk.state.selected().cloned() {
                Some(subject) => one(ui, desk, &subject),
                None if desk.state.selection.is_empty() => one(ui, desk, &Subject::Lab),
                None => others::several(ui, desk),
            }
        });
    });
}

fn one(ui: &mut Ui, desk: &mut Desk<'_>, subject: &Subject) {
    let (title, about) = head_of(desk, subject);
    head(ui, subject_icon(desk.state.lab(), subject), &title, &about);
    if let Some(target) = Reached::target(Some(subject)) {
        pages(ui, desk);
        if desk.state.inspector_page == InspectorPage::Reached {
            reached::reached(ui, desk, &target);
            return;
        }
    }
    if desk.state.mode == Mode::Run {
        running::running(ui, desk, subject);
        return;
    }
    // Another thing has other fields: nothing that is being typed moves from one to the other. A flow stays the same while its port
    // is typed.
    let fields_id = match subject {
        Subject::Flow(flow) => egui::Id::new(("flow", desk.state.lab().flow_place(flow))),
        other => egui::Id::new(other),
    };
    ui.push_id(fields_id, |ui| {
        match subject {
            Subject::Lab | Subject::Acceptance(_) => lab::lab(ui, desk),
            Subject::Network(name) => network::network(ui, desk, name),
            Subject::Node(name) => node::node(ui, desk, name),
            Subject::Adapter(node, slot, _) => node::adapter(ui, desk, node, *slot),
            Subject::Service(at) => service::service(ui, desk, at),
            Subject::Site(name) => others::site(ui, desk, name),
            Subject::Flow(id) => others::flow(ui, desk, id),
            Subject::Vip(name) => others::vip(ui, desk, name),
            Subject::Link(one, other) => others::link(ui, desk, one, other),
            Subject::Cluster(name) => others::cluster(ui, desk, name),
            Subject::Note(index) => note::note(ui, desk, *index),
            Subject::Outside => outside::outside(ui, desk),
        }
        findings(ui, desk, subject);
    });
}

/// The switch between what a thing is and who reaches it.
fn pages(ui: &mut Ui, desk: &mut Desk<'_>) {
    let mut page = desk.state.inspector_page;
    let first = if desk.state.mode == Mode::Run { "State" } else { "Properties" };
    let about = if desk.state.mode == Mode::Run { "What is observed of it" } else { "Its fields" };
    let choices = [
        widget::Segment::new(InspectorPage::Properties, first, about).shortcut("Ctrl R"),
        widget::Segment::new(InspectorPage::Reached, "Reached by", "Who reaches its ports, and by which path").shortcut("Ctrl R"),
    ];
    if widget::segmented(ui, "What is shown", &mut page, &choices).changed() {
        desk.send(Command::Window(WindowCommand::ToggleReached));
    }
    ui.add_space(size::GRID);
}

fn head_of(desk: &Desk<'_>, subject: &Subject) -> (String, String) {
    let lab = desk.state.lab();
    let text = super::subject_text(subject);
    match subject {
        Subject::Lab => {
            let name = if lab.name.is_empty() { "Untitled lab".to_owned() } else { lab.name.clone() };
            (name, format!("{} nodes, {} networks", lab.nodes.len(), lab.networks.len()))
        }
        Subject::Node(name) => (text, lab.nodes.get(name).map(|node| format!("{} node", node.role.title())).unwrap_or_default()),
        Subject::Network(name) => (text, lab.networks.get(name).map(|it| format!("{} network", it.kind.title())).unwrap_or_default()),
        Subject::Service(at) => {
            let entry = lab.service(at).and_then(|service| crate::catalog::Catalog::embedded().of(service));
            (at.service.to_string(), entry.map_or_else(|| format!("on {}", at.node), |entry| format!("{} on {}", entry.title, at.node)))
        }
        Subject::Adapter(node, slot, network) => (network.to_string(), format!("adapter {} of {node}", slot + 1)),
        Subject::Vip(_) => (text, "virtual IP".to_owned()),
        Subject::Site(_) => (text, "site".to_owned()),
        Subject::Flow(..) => (text, "flow".to_owned()),
        Subject::Link(..) => (text, "link between sites".to_owned()),
        Subject::Cluster(_) => (text, "cluster".to_owned()),
        Subject::Acceptance(_) => (text, "accepted finding".to_owned()),
        Subject::Note(index) => (lab.notes.get(*index).map_or(text, note::first_line), "note".to_owned()),
        Subject::Outside => ("Outside".to_owned(), "everything beyond the lab".to_owned()),
    }
}

fn head(ui: &mut Ui, symbol: Icon, title: &str, about: &str) {
    ui.horizontal(|ui| {
        let (tile, _) = ui.allocate_exact_size(Vec2::splat(size::CARD_TILE + size::GRID), Sense::hover());
        ui.painter().rect_filled(tile, widget::corners(crate::look::radius::CONTROL), colors(ui).raised);
        icon::paint(ui.painter(), symbol, Rect::from_center_size(tile.center(), Vec2::splat(size::ICON_LARGE)), colors(ui).text);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let width = ui.available_width();
            let title = widget::line(ui, title, (FontFace::SemiBold, font_size::TITLE), colors(ui).text, width);
            let (rect, response) = ui.allocate_exact_size(vec2(width, title.size().y), Sense::hover());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, title.text()));
            widget::paint_line(ui.painter(), rect.left(), rect.center().y, title.clone());
            ui.add(egui::Label::new(RichText::new(about).color(colors(ui).muted)).truncate());
        });
    });
    ui.add_space(size::GRID);
}

/// What is found about the thing and was not said under one of its fields.
fn findings(ui: &mut Ui, desk: &mut Desk<'_>, subject: &Subject) {
    let review = &desk.state.review;
    let about: Vec<_> = review.about(subject).filter(|finding| !fields::has_field(finding.rule)).collect();
    if about.is_empty() {
        return;
    }
    ui.separator();
    widget::section_header(ui, "Findings", None);
    for finding in about {
        let color = colors(ui).tone(severity_tone(finding.severity));
        let response = ui
            .horizontal_top(|ui| {
                super::paint_icon(ui, severity_icon(finding.severity), color);
                ui.add(
                    egui::Label::new(RichText::new(&finding.message).font(theme::font(FontFace::Regular, font_size::SMALL)))
                        .wrap()
                        .sense(Sense::click()),
                )
            })
            .inner;
        if response.on_hover_text("Show it among the findings").clicked()
            && let Some(place) = review.place_of(finding.rule, subject)
        {
            desk.send(Command::Select(SelectCommand::SelectFinding(place)));
        }
    }
}

/// A field for a thing's name.
fn name_field(ui: &mut Ui, desk: &mut Desk<'_>, subject: &Subject) {
    let Some(name) = ops::name_of(subject) else { return };
    let lab = desk.state.lab();
    let problem = fields::problem(desk, subject, fields::NAME);
    let check =
        |text: &str| if text == name { Ok(()) } else { ops::rename(lab, subject, text).map(drop).map_err(|refusal| refusal.to_string()) };
    let field = |ui: &mut Ui| widget::TextField::new("Name", name).check(&check).problem(problem.as_deref()).show(ui).committed();
    if let Some(text) = widget::field_row(ui, "Name", None, field) {
        desk.act(ops::rename(lab, subject, &text));
    }
}

/// The way to remove what is shown.
fn remove_button(ui: &mut Ui, desk: &mut Desk<'_>, what: &str) {
    ui.add_space(size::GAP);
    let label = format!("Delete {what}");
    // A long name is cut rather than widening the panel.
    let natural = crate::look::width(&label, FontFace::Medium, font_size::BODY) + size::ICON + 32.0;
    let button = widget::Button::danger(&label).icon(Icon::Trash).width(natural.min(ui.available_width())).explanation(&label);
    if ui.add(button.shortcut("Delete")).clicked() {
        desk.send(Command::Edit(EditCommand::Delete));
    }
}
