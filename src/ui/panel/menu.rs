//! Menus: their rows, and the canvas's context menus, to change a thing in Design and to break it in Run. They only send commands.

use super::{Desk, preview};
use crate::{
    app::{Command, Dialog, DialogCommand, EditCommand, FaultCommand, Mode, RunCommand, SelectCommand, ViewCommand, ViewMove, ops},
    fault,
    look::{FontFace, Icon, font_size, size},
    model::{Endpoint, Fault, Lab, NetworkKind, NodeName, Pos, Power, Role, Subject},
    ui::{icon, theme},
};
use egui::{Atom, Button, Id, Popup, Rect, Response, RichText, ScrollArea, Ui, Vec2, containers::menu::SubMenuButton, pos2, vec2};

/// A row, in points.
const ROW_HEIGHT: f32 = 28.0;
const WIDTH_MIN: f32 = 200.0;
const LIST_HEIGHT_MAX: f32 = 360.0;
/// From a row's edge to its icon, in points.
const MARGIN: f32 = 8.0;

/// The room that rows take, for a menu or a part of one.
pub(super) fn style(ui: &mut Ui) {
    ui.set_min_width(WIDTH_MIN);
    let spacing = ui.spacing_mut();
    spacing.interact_size.y = ROW_HEIGHT;
    spacing.button_padding = vec2(MARGIN, 0.0);
    spacing.item_spacing.y = 0.0;
    spacing.icon_spacing = MARGIN;
}

/// A menu under what opens it.
pub(super) fn popup(opener: &Response, rows: impl FnOnce(&mut Ui)) {
    Popup::menu(opener).show(|ui| {
        style(ui);
        rows(ui);
    });
}

/// The same for as many rows as a lab has things: it scrolls.
pub(super) fn list(opener: &Response, rows: impl FnOnce(&mut Ui)) {
    popup(opener, |ui| {
        ScrollArea::vertical().max_height(LIST_HEIGHT_MAX).show(ui, rows);
    });
}

/// The menu of a thing.
pub(super) fn of_thing(ui: &mut Ui, desk: &mut Desk<'_>, subject: &Subject) {
    title(ui, &super::subject_text(subject));
    if desk.state.mode == Mode::Design {
        let words = if matches!(subject, Subject::Note(_)) { "Change the text" } else { "Rename" };
        if crate::app::ops::name_of(subject).is_some() || matches!(subject, Subject::Note(_)) {
            command(ui, desk, Command::Edit(EditCommand::Rename), (Icon::Pencil, words));
        }
        if matches!(subject, Subject::Node(_)) {
            command(ui, desk, Command::Edit(EditCommand::Duplicate), (Icon::Copy, "Duplicate"));
        }
        if let Some(from) = ops::endpoint(subject) {
            add_flow(ui, desk, &from);
        }
        command(ui, desk, Command::View(ViewCommand::Move(ViewMove::To(vec![subject.clone()]))), (Icon::Search, "Show"));
        if let Subject::Service(at) = subject
            && desk.state.run.is_promoted(at)
            && desk.state.lab().service(at).is_some_and(|service| service.replica_of.is_some())
        {
            let edits = crate::plan::drawn_as_primary(desk.state.lab(), at);
            command(ui, desk, Command::edit("Draw as the primary", edits), (Icon::ChevronUp, "Draw as the primary"));
        }
        ui.separator();
        let words = if *subject == Subject::Outside { "Delete all its flows" } else { "Delete" };
        command(ui, desk, Command::Edit(EditCommand::Delete), (Icon::Trash, words));
        return;
    }
    if let Subject::Node(node) = subject {
        command(ui, desk, Command::Dialog(DialogCommand::Ask(Dialog::NodeLog(node.clone()))), (Icon::Note, "Provisioning log…"));
        running(ui, desk, node);
        promote(ui, desk, subject);
        ui.separator();
    } else if promote(ui, desk, subject) {
        ui.separator();
    }
    heal(ui, desk, subject);
    let offers = fault::offers(desk.state.lab(), std::slice::from_ref(subject));
    if offers.is_empty() {
        title(ui, "No faults apply here");
    }
    for verb in &fault::VERBS {
        let icon = Icon::of_fault(verb);
        let of_verb: Vec<_> = offers.iter().filter(|(other, _)| other.word == verb.word).map(|(_, fault)| fault.clone()).collect();
        match of_verb.as_slice() {
            [] => {}
            [one] => break_it(ui, desk, (icon, verb.title), one),
            several => part(ui, (icon, verb.title), |ui| {
                for fault in several {
                    break_it(ui, desk, (icon, &fault.on()), fault);
                }
            }),
        }
    }
}

/// The replicas of a thing, each to become the primary. Says whether there is one.
fn promote(ui: &mut Ui, desk: &mut Desk<'_>, subject: &Subject) -> bool {
    let replicas = desk.state.run.replicas_on(subject);
    let has_some = !replicas.is_empty();
    ui.add_enabled_ui(desk.state.run.job.is_none(), |ui| {
        for at in replicas {
            let text = if matches!(subject, Subject::Service(_)) {
                "Promote to primary…".to_owned()
            } else {
                format!("Promote {} to primary…", at.service)
            };
            command(ui, desk, Command::Dialog(DialogCommand::Ask(Dialog::Promote(at))), (Icon::ChevronUp, &text));
        }
    });
    has_some
}

/// The faults that last on a thing, each to be healed.
fn heal(ui: &mut Ui, desk: &mut Desk<'_>, subject: &Subject) {
    let here: Vec<_> = desk.state.run.faults().iter().filter(|one| fault::falls_on(&one.fault, subject)).cloned().collect();
    if here.is_empty() {
        return;
    }
    let idle = desk.state.run.job.is_none();
    ui.add_enabled_ui(idle, |ui| {
        for one in here {
            command(ui, desk, Command::Fault(FaultCommand::Heal(one.id)), (Icon::Heal, &format!("Heal: {}", fault::state(&one.fault))));
        }
    });
    ui.separator();
}

/// Targets of a new flow that the menu lists; the command palette finds the rest.
const TARGETS_MAX: usize = 24;

/// Draws a flow without the pointer.
fn add_flow(ui: &mut Ui, desk: &mut Desk<'_>, from: &Endpoint) {
    let outside = (*from != Endpoint::Outside).then_some(Endpoint::Outside);
    let there = ops::endpoints(desk.state.lab()).into_iter().filter(|to| to != from && (to.node().is_none() || to.node() != from.node()));
    let targets: Vec<Endpoint> = outside.into_iter().chain(there).take(TARGETS_MAX).collect();
    part(ui, (Icon::ChevronRight, "Add a flow to"), |ui| {
        for to in targets {
            if row(ui, (end_icon(desk.state.lab(), &to), &to.to_string()), "").clicked() {
                desk.act(ops::add_flow(desk.state.lab(), from.clone(), to));
                ui.close();
            }
        }
    });
}

/// The icon of an end of a flow.
pub(super) fn end_icon(lab: &Lab, end: &Endpoint) -> Icon {
    let subject = match end {
        Endpoint::Outside => Subject::Outside,
        Endpoint::Node(node) => Subject::Node(node.clone()),
        Endpoint::Service(at) => Subject::Service(at.clone()),
        Endpoint::Vip(vip) => Subject::Vip(vip.clone()),
    };
    super::subject_icon(lab, &subject)
}

/// What can be done with a node that is there, beside breaking it.
fn running(ui: &mut Ui, desk: &mut Desk<'_>, node: &NodeName) {
    let Some(there) = desk.state.run.observed.as_ref().and_then(|observed| observed.nodes.get(node)) else { return };
    let (is_running, snapshots) = (there.power == Power::Running, there.snapshots.clone());
    let is_real = desk.state.run.provider != "sim";
    let idle = desk.state.run.job.is_none();
    ui.add_enabled_ui(idle && is_running && is_real, |ui| {
        command(ui, desk, Command::Run(RunCommand::Shell(node.clone())), (Icon::Ssh, "Open a shell"))
    });
    ui.add_enabled_ui(idle && is_running && is_real, |ui| {
        command(ui, desk, Command::Run(RunCommand::Console(node.clone())), (Icon::Monitor, "Open the console"))
    });
    ui.add_enabled_ui(idle, |ui| {
        command(ui, desk, Command::Run(RunCommand::TakeSnapshot(node.clone())), (Icon::Save, "Take a snapshot"));
        if !snapshots.is_empty() {
            part(ui, (Icon::Undo, "Restore snapshot"), |ui| {
                for snapshot in snapshots.into_iter().rev() {
                    let dialog = Dialog::Restore(node.clone(), snapshot.clone());
                    command(ui, desk, Command::Dialog(DialogCommand::Ask(dialog)), (Icon::Undo, &snapshot));
                }
            });
        }
    });
}

/// The menu of the empty canvas, at a place of the lab.
pub(super) fn of_ground(ui: &mut Ui, desk: &mut Desk<'_>, at: Pos) {
    if desk.state.mode == Mode::Design {
        part(ui, (Icon::Plus, "Add a node"), |ui| {
            for role in Role::ALL {
                if row(ui, (Icon::of_role(role), role.title()), "").clicked() {
                    desk.act(ops::add_node(desk.state.lab(), role, Some(at)));
                    ui.close();
                }
            }
        });
        part(ui, (Icon::Plus, "Add a network"), |ui| {
            for kind in NetworkKind::ALL {
                if row(ui, (Icon::of_network(kind), kind.title()), "").clicked() {
                    desk.act(ops::add_network(desk.state.lab(), kind, Some(at)));
                    ui.close();
                }
            }
        });
        if row(ui, (Icon::Note, "Add a note"), "").clicked() {
            desk.act(Ok(ops::add_note(desk.state.lab(), at, "Note")));
            ui.close();
        }
        ui.separator();
    }
    command(ui, desk, Command::Select(SelectCommand::SelectAll), (Icon::Lasso, "Select all"));
    command(ui, desk, Command::View(ViewCommand::ZoomFit), (Icon::Fit, "Show all"));
    command(ui, desk, Command::Dialog(DialogCommand::AddView), (Icon::Eye, "Add a page to the presentation…"));
}

/// What the menu is about, in line with the rows' icons.
fn title(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.add_space(MARGIN);
        ui.label(RichText::new(text).font(theme::font(FontFace::Regular, font_size::SMALL)).color(palette.muted));
    });
}

fn button<'a>(text: &'a str) -> Button<'a> {
    // Room for the icon, which is painted over it.
    Button::new((Atom::custom(Id::new("icon"), Vec2::splat(size::ICON)), text))
}

fn paint_icon(ui: &Ui, response: &Response, icon: Icon) {
    let palette = theme::palette(ui);
    let middle = pos2(response.rect.left() + MARGIN + size::ICON / 2.0, response.rect.center().y);
    let color = if ui.is_enabled() { palette.text } else { palette.muted };
    icon::paint(ui.painter(), icon, Rect::from_center_size(middle, Vec2::splat(size::ICON)), color);
}

/// A row with an icon, and the keys that do the same.
pub(super) fn row(ui: &mut Ui, (icon, text): (Icon, &str), keys: &str) -> Response {
    let button = button(text);
    let response = ui.add(if keys.is_empty() { button } else { button.shortcut_text(keys) });
    paint_icon(ui, &response, icon);
    response
}

/// A row that opens more of them.
pub(super) fn part(ui: &mut Ui, (icon, text): (Icon, &str), rows: impl FnOnce(&mut Ui)) {
    let button = button(text).right_text(SubMenuButton::RIGHT_ARROW);
    let (response, _) = SubMenuButton::from_button(button).ui(ui, |ui| {
        style(ui);
        rows(ui);
    });
    paint_icon(ui, &response, icon);
}

/// The row of a command, with its keys.
pub(super) fn command(ui: &mut Ui, desk: &mut Desk<'_>, command: Command, row_of: (Icon, &str)) {
    let keys = command.entry().and_then(|entry| entry.shortcut).map(crate::app::Shortcut::text).unwrap_or_default();
    if row(ui, row_of, &keys).clicked() {
        desk.send(command);
        ui.close();
    }
}

fn break_it(ui: &mut Ui, desk: &mut Desk<'_>, row_of: (Icon, &str), fault: &Fault) {
    let hindrance = desk.state.run.hindrance(fault);
    ui.add_enabled_ui(hindrance.is_none(), |ui| {
        let row = row(ui, row_of, "").on_disabled_hover_text(hindrance.as_deref().unwrap_or_default());
        preview::of_fault(&row, desk, fault);
        if row.clicked() {
            desk.send(Command::Fault(FaultCommand::Consider(fault.clone())));
            ui.close();
        }
    });
}
