//! The bar at the top: what is open, what the window is for, where it is deployed, and the one thing to do next.

use super::{Desk, colors, command_button, menu, words};
use crate::{
    app::{COMMANDS, Command, DialogCommand, EditCommand, Family, FaultCommand, FileCommand, Mode, RunCommand, Shortcut},
    look::{FontFace, Icon, Tone, font_size, size},
    ui::{dialog, icon, theme, widget},
};
use egui::{Align, Layout, Pos2, Rect, Sense, Ui, UiBuilder, Vec2, pos2, vec2};

/// Room for the switch between the modes, in points.
const SWITCH_WIDTH: f32 = 270.0;
/// Room for the choice of the provider, where there is as much.
const PROVIDER_WIDTH: f32 = 150.0;
/// The least width in which the name of the provider is written; in less there is only the way to the choice.
const PROVIDER_NAMED_FROM: f32 = 84.0;
/// The least width of the words for the job that runs; in less they are left out.
const JOB_WORDS_FROM: f32 = 48.0;
/// The least width of the bar in which the name of the program is written.
const NAME_FROM: f32 = 1100.0;

/// Shows the bar.
pub fn top_bar(ui: &mut Ui, desk: &mut Desk<'_>) {
    let whole = ui.available_rect_before_wrap();
    let switch = Rect::from_center_size(whole.center(), vec2(SWITCH_WIDTH, size::CONTROL_HEIGHT + 2.0));
    let (left, right) = (
        Rect::from_min_max(whole.min, pos2(switch.left() - size::GAP, whole.bottom())),
        Rect::from_min_max(pos2(switch.right() + size::GAP, whole.top()), whole.max),
    );
    let row = |ui: &mut Ui, rect: Rect, layout: Layout, add: &mut dyn FnMut(&mut Ui)| {
        ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout), add);
    };
    row(ui, left, Layout::left_to_right(Align::Center), &mut |ui| what_is_open(ui, desk, left));
    row(ui, switch, Layout::centered_and_justified(egui::Direction::TopDown), &mut |ui| modes(ui, desk));
    row(ui, right, Layout::right_to_left(Align::Center), &mut |ui| actions(ui, desk, whole.width()));
}

fn what_is_open(ui: &mut Ui, desk: &mut Desk<'_>, room: Rect) {
    let palette = colors(ui);
    let (mark, _) = ui.allocate_exact_size(Vec2::splat(22.0), Sense::hover());
    paint_logo(ui, mark);
    let wide = ui.ctx().content_rect().width() >= NAME_FROM;
    if wide {
        ui.label(egui::RichText::new("Sandtable").font(theme::font(FontFace::SemiBold, font_size::TITLE - 1.0)));
    }
    main_menu(ui, desk);
    if !desk.state.document.open {
        return;
    }
    ui.separator();
    let dot = if desk.state.is_unsaved() { 16.0 } else { 0.0 };
    let title = desk.state.document.title(desk.state.lab());
    let width = (room.right() - ui.cursor().left() - dot).max(24.0);
    let galley = widget::line(ui, &title, (FontFace::Regular, font_size::NAME), palette.muted, width);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x, size::CONTROL_HEIGHT), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, format!("File {title}")));
    widget::paint_line(ui.painter(), rect.left(), rect.center().y, galley);
    let about = match &desk.state.document.path {
        Some(path) => path.display().to_string(),
        None => "Not saved yet".to_owned(),
    };
    if widget::tooltip(response, &about, Some("Ctrl S")).clicked() {
        desk.send(Command::File(FileCommand::Save));
    }
    if dot > 0.0 {
        let (rect, response) = ui.allocate_exact_size(vec2(8.0, size::CONTROL_HEIGHT), Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, "Unsaved changes"));
        ui.painter().circle_filled(rect.center(), 3.0, palette.muted);
        response.on_hover_text("There are unsaved changes");
    }
}

/// Two sheets, one over the other: a table of sand from above.
pub fn paint_logo(ui: &Ui, rect: Rect) {
    let palette = colors(ui);
    let at = |x: f32, y: f32| -> Pos2 { rect.min + vec2(x, y) * (rect.width() / 16.0) };
    let thin = egui::Stroke::new(rect.width() / 11.0, palette.accent);
    let sheet = vec![at(8.0, 1.5), at(15.0, 5.5), at(8.0, 9.5), at(1.0, 5.5)];
    ui.painter().add(egui::Shape::closed_line(sheet, egui::Stroke::new(thin.width, palette.text)));
    ui.painter().add(egui::Shape::line(vec![at(1.0, 10.0), at(8.0, 14.0), at(15.0, 10.0)], thin));
}

fn main_menu(ui: &mut Ui, desk: &mut Desk<'_>) {
    let button = ui.add(widget::IconButton::new(Icon::ChevronDown, "Menu"));
    menu::popup(&button, |ui| {
        for family in Family::ALL {
            menu::part(ui, (family_icon(family), family.title()), |ui| {
                ui.set_min_width(260.0);
                for entry in COMMANDS.iter().filter(|entry| entry.family == family) {
                    // Undo and redo say what.
                    let step = match entry.command {
                        Command::Edit(EditCommand::Undo) => desk.state.history().undo_label(),
                        Command::Edit(EditCommand::Redo) => desk.state.history().redo_label(),
                        _ => None,
                    };
                    let title = step.map_or_else(|| entry.title.to_owned(), |step| format!("{}: {step}", entry.title));
                    ui.add_enabled_ui(desk.can(&entry.command), |ui| menu::command(ui, desk, entry.command.clone(), (entry.icon, &title)));
                }
                if family == Family::File {
                    recent(ui, desk);
                }
            });
        }
    });
}

fn family_icon(family: Family) -> Icon {
    match family {
        Family::File => Icon::Folder,
        Family::Edit => Icon::Pencil,
        Family::View => Icon::Eye,
        Family::Run => Icon::Play,
        Family::Help => Icon::Info,
    }
}

fn recent(ui: &mut Ui, desk: &mut Desk<'_>) {
    let recent = desk.state.preferences.recent.clone();
    if recent.is_empty() {
        return;
    }
    ui.separator();
    for path in recent {
        let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        if menu::row(ui, (Icon::Folder, &name), "").on_hover_text(path.display().to_string()).clicked() {
            desk.send(Command::File(FileCommand::OpenPath(path)));
            ui.close();
        }
    }
}

fn modes(ui: &mut Ui, desk: &mut Desk<'_>) {
    let mut mode = desk.state.mode;
    let keys = Mode::ALL.map(|mode| mode.command().entry().and_then(|entry| entry.shortcut).map(Shortcut::text).unwrap_or_default());
    let choices: Vec<_> =
        Mode::ALL.iter().zip(&keys).map(|(mode, keys)| widget::Segment::new(*mode, mode.title(), mode.about()).shortcut(keys)).collect();
    ui.add_enabled_ui(desk.state.document.open, |ui| {
        if widget::segmented(ui, "Mode", &mut mode, &choices).changed() {
            desk.send(mode.command());
        }
    });
}

fn actions(ui: &mut Ui, desk: &mut Desk<'_>, width: f32) {
    let search = widget::IconButton::new(Icon::Search, "All commands").shortcut("Ctrl K");
    if width >= NAME_FROM && desk.state.run.job.is_none() {
        ui.add(widget::KeyHint("Ctrl K"));
    }
    if ui.add(search).clicked() {
        desk.send(Command::Dialog(DialogCommand::CommandPalette));
    }
    bell(ui, desk);
    if !desk.state.document.open {
        return;
    }
    ui.add_space(size::GRID);
    next_thing(ui, desk);
    provider(ui, desk);
}

/// What was told, with the number of errors that nobody has read.
fn bell(ui: &mut Ui, desk: &mut Desk<'_>) {
    let unread = desk.state.notices.unread_errors();
    let name = dialog::bell_name(unread);
    let bell = widget::IconButton::new(Icon::Bell, &name).shortcut("Ctrl M").tone(dialog::bell_tone(unread));
    let response = ui.add(bell);
    if unread > 0 {
        let size = widget::badge_size(unread);
        let corner = response.rect.right_top() + vec2(4.0 - size.x, -4.0);
        widget::paint_badge(ui, ui.painter(), Rect::from_min_size(corner, size), unread, Tone::Bad);
    }
    if response.clicked() {
        desk.send(Command::Dialog(DialogCommand::Notices));
    }
}

/// The one thing to do next: stop, heal, deploy or plan.
fn next_thing(ui: &mut Ui, desk: &mut Desk<'_>) {
    let run = &desk.state.run;
    if let Some(job) = &run.job {
        let done =
            if job.total > 0 { format!("{} {}/{}", job.kind.title(), job.done, job.total) } else { format!("{}…", job.kind.title()) };
        let stop = widget::Button::new("Stop").icon(Icon::Stop).explanation("Stop what is being done").shortcut("Ctrl .");
        if ui.add_enabled(desk.can(&Command::Run(RunCommand::CancelJob)), stop).clicked() {
            desk.send(Command::Run(RunCommand::CancelJob));
        }
        // What comes after them stays beside the switch between the modes.
        let spacing = ui.spacing().item_spacing.x;
        let rest = size::ICON + size::CONTROL_HEIGHT + 3.0 * spacing;
        let words_max = (ui.available_width() - rest).min(200.0);
        if words_max >= JOB_WORDS_FROM {
            words_of(ui, &done, words_max);
        }
        ui.add(egui::Spinner::new().size(size::ICON));
        return;
    }
    let command = next_command(desk);
    let kind = if command == Command::Fault(FaultCommand::HealAll) { widget::ButtonKind::Danger } else { widget::ButtonKind::Primary };
    command_button(ui, desk, command, |button| button.kind(kind));
}

/// The command that the bar offers while no job runs. Other panels offer another one, so that no button stands there twice.
pub fn next_command(desk: &Desk<'_>) -> Command {
    // While designing the lab is not observed: a fault may be over by its timer.
    if desk.state.mode == Mode::Run && desk.can(&Command::Fault(FaultCommand::HealAll)) {
        Command::Fault(FaultCommand::HealAll)
    } else if desk.can(&Command::Run(RunCommand::Deploy)) {
        Command::Run(RunCommand::Deploy)
    } else {
        Command::Run(RunCommand::Plan)
    }
}

fn words_of(ui: &mut Ui, text: &str, width_max: f32) {
    let galley = widget::line(ui, text, (FontFace::Medium, font_size::BODY), colors(ui).text, width_max);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x, size::CONTROL_HEIGHT), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, text));
    widget::paint_line(ui.painter(), rect.left(), rect.center().y, galley);
}

fn provider(ui: &mut Ui, desk: &mut Desk<'_>) {
    let providers = &desk.state.run.providers;
    if providers.is_empty() {
        return;
    }
    let title = desk.state.run.chosen().map_or("no provider", |choice| choice.title.as_str());
    let room = ui.available_width();
    let width = if room < PROVIDER_NAMED_FROM { size::CONTROL_HEIGHT } else { room.min(PROVIDER_WIDTH) };
    let (rect, response) = ui.allocate_exact_size(vec2(width, size::CONTROL_HEIGHT), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::ComboBox, true, format!("Deploy on {title}")));
    let palette = colors(ui);
    let fill = if response.hovered() { palette.raised_hover } else { palette.raised };
    ui.painter().rect(
        rect,
        widget::corners(crate::look::radius::CONTROL),
        fill,
        theme::Theme::of(ui.ctx()).border(),
        egui::StrokeKind::Inside,
    );
    let is_named = width >= PROVIDER_NAMED_FROM;
    if is_named {
        let on = words(ui, rect, (rect.left() + 10.0, rect.right()), "on", FontFace::Regular, palette.muted);
        words(ui, rect, (on.right() + size::GRID, rect.right() - 24.0), title, FontFace::Medium, palette.text);
    }
    icon::paint(
        ui.painter(),
        Icon::ChevronDown,
        Rect::from_center_size(
            pos2(if is_named { rect.right() - 14.0 } else { rect.center().x }, rect.center().y),
            Vec2::splat(size::ICON),
        ),
        palette.muted,
    );
    widget::focus_ring(ui, &response, rect, crate::look::radius::CONTROL);
    let response = response.on_hover_text(format!("Where the lab is deployed: {title}"));
    menu::popup(&response, |ui| {
        for choice in providers {
            let chosen = choice.name == desk.state.run.provider;
            let elsewhere = desk.state.run.deployed_on.as_ref().filter(|on| **on != choice.name);
            let elsewhere = elsewhere.map(|on| format!("The lab is deployed on {on}: destroy it there first"));
            let hindrance = elsewhere.or_else(|| choice.hindrance.clone().filter(|_| !chosen));
            let shown = ui.add_enabled(hindrance.is_none(), egui::Button::selectable(chosen, choice.title.as_str()));
            if let Some(why) = &hindrance {
                shown.on_disabled_hover_text(why);
            } else if shown.clicked() {
                desk.send(Command::Run(RunCommand::Provider(choice.name.clone())));
                ui.close();
            }
        }
    });
}
