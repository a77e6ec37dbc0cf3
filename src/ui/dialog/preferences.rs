//! The preferences: how the window looks, what is set of providers, and the machines that labs are deployed to.

use super::{Desk, buttons, cancel, theme, title, widget};
use crate::{
    app::{Command, PreferenceCommand, ProviderTest, Remote},
    look::{FontFace, Icon, Motion, Preference, Scale, Tone, font_size, size},
    session::{
        Check, CheckState, ProviderId, is_ready,
        settings::{Section, Setting},
    },
    ui::panel,
};
use egui::{Align, Label, Layout, RichText, ScrollArea, Ui, UiBuilder, vec2};

/// Width of the names of settings, in points.
const NAME_WIDTH: f32 = 132.0;
/// The widest that a field is.
const FIELD_WIDTH_MAX: f32 = 420.0;
/// The most that the dialog takes of the window's height for a page.
const PAGE_HEIGHT_MAX: f32 = 400.0;
/// What stands around a page: title, tabs, buttons, margins.
const AROUND_PAGE: f32 = 210.0;

/// A page of the preferences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Page {
    /// How the window looks.
    #[default]
    General,
    /// What is set of Incus.
    Incus,
    /// What is set of VirtualBox.
    VirtualBox,
    /// What is inside nodes.
    Nodes,
    /// Other machines.
    Remotes,
}

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    title(ui, "Preferences");
    let tab = |value, label, about| widget::Tab { value, label, about, count: None };
    let tabs = [
        tab(Page::General, "General", "Theme, motion and size of the interface"),
        tab(Page::Incus, "Incus", "The Incus daemon of this machine"),
        tab(Page::VirtualBox, "VirtualBox", "The VirtualBox of this machine, and ways to others"),
        tab(Page::Nodes, "Nodes", "Login, packages and terminal of nodes"),
        tab(Page::Remotes, "Remotes", "Other machines that labs are deployed to"),
    ];
    let mut page = desk.memory.preferences_page;
    widget::tab_bar(ui, "Pages", &mut page, &tabs);
    desk.memory.preferences_page = page;
    let height = (ui.ctx().content_rect().height() - AROUND_PAGE).clamp(120.0, PAGE_HEIGHT_MAX);
    // As high on each page: a dialog that is centred would jump.
    ScrollArea::vertical().id_salt(page as u8).max_height(height).min_scrolled_height(height).auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = size::GAP + size::GRID;
        match page {
            Page::General => general(ui, desk),
            Page::Incus => provider(ui, desk, Section::Incus, &ProviderId::Incus(None)),
            Page::VirtualBox => provider(ui, desk, Section::VirtualBox, &ProviderId::VirtualBox(None)),
            Page::Nodes => settings(ui, desk, Section::Nodes),
            Page::Remotes => remotes(ui, desk),
        }
    });
    buttons(ui, |ui| cancel(ui, desk, "Close"));
}

fn general(ui: &mut Ui, desk: &mut Desk<'_>) {
    let preferences = &desk.state.preferences;
    let (mut theme, mut motion, mut scale) = (preferences.theme, preferences.motion, preferences.scale);
    let themes = Preference::ALL.map(|theme| widget::Segment::new(theme, theme.title(), theme.about()));
    row(ui, "Theme", "", |ui| {
        if widget::segmented(ui, "Theme", &mut theme, &themes).changed() {
            desk.send(Command::Preference(PreferenceCommand::Theme(theme)));
        }
    });
    let motions = Motion::ALL.map(|motion| widget::Segment::new(motion, motion.title(), motion.about()));
    row(ui, "Motion", "", |ui| {
        if widget::segmented(ui, "Motion", &mut motion, &motions).changed() {
            desk.send(Command::Preference(PreferenceCommand::Motion(motion)));
        }
    });
    let mut scales = Scale::ALL.to_vec();
    if !scales.contains(&scale) {
        scales.push(scale);
        scales.sort_unstable();
    }
    let words: Vec<(Scale, String)> = scales.into_iter().map(|scale| (scale, format!("{} %", scale.percent()))).collect();
    let choices: Vec<(Scale, &str)> = words.iter().map(|(scale, words)| (*scale, words.as_str())).collect();
    let shown = theme::shown_percent(ui.ctx());
    let about = if shown < scale.percent() {
        format!("This window has room for {shown} %. Make it larger to see more of it.")
    } else {
        "Size of words and controls; the canvas zooms by itself".to_owned()
    };
    row(ui, "Interface scale", &about, |ui| {
        if widget::choice(ui, "Interface scale", &mut scale, &choices).changed() {
            desk.send(Command::Preference(PreferenceCommand::Scale(scale)));
        }
    });
}

/// The settings of a provider of this machine, and whether it can be used with them.
fn provider(ui: &mut Ui, desk: &mut Desk<'_>, section: Section, on: &ProviderId) {
    settings(ui, desk, section);
    ui.separator();
    test(ui, desk, on, "Checks what a deployment needs of this machine", |_, _| ());
}

fn settings(ui: &mut Ui, desk: &mut Desk<'_>, section: Section) {
    let all = desk.state.settings();
    for setting in Setting::ALL.into_iter().filter(|setting| setting.spec().section == section) {
        let spec = setting.spec();
        let overridden = all.overridden(setting);
        let about = match &overridden {
            Some(_) => format!("From {}; unset it to change the value here", spec.variable),
            None => spec.about.to_owned(),
        };
        let (value, problem) = (all.text(setting).unwrap_or_default(), all.problem(setting));
        row(ui, spec.title, &about, |ui| {
            let check = |text: &str| if text.trim().is_empty() { Ok(()) } else { setting.check(text.trim()) };
            // A field of its own for each value: what was typed before it was changed elsewhere is not shown.
            let shown = ui.add_enabled_ui(overridden.is_none(), |ui| {
                let field = widget::TextField::new(spec.title, &value).mono().placeholder(spec.otherwise).suffix(setting.unit());
                field.problem(problem.as_deref()).check(&check).show(ui)
            });
            let output = shown.inner;
            output.response.clone().on_hover_text(spec.about).on_disabled_hover_text(&about);
            if let Some(text) = output.committed() {
                desk.send(Command::Preference(PreferenceCommand::Set(setting, text)));
            }
        });
    }
}

fn remotes(ui: &mut Ui, desk: &mut Desk<'_>) {
    let all = desk.state.preferences.remotes.clone();
    if all.is_empty() {
        note(ui, "No remotes yet. Add a remote that `incus remote list` shows, or a host with VirtualBox that ssh reaches.");
    }
    for remote in &all {
        ui.push_id(remote.on(), |ui| {
            test(ui, desk, remote.on(), "Checks what a deployment needs there", |ui, desk| {
                if ui.add(widget::IconButton::new(Icon::Trash, "Remove this remote")).clicked() {
                    desk.send(Command::Preference(PreferenceCommand::RemoveRemote(remote.clone())));
                }
            });
        });
        ui.separator();
    }
    row(ui, "Add a remote", "incus:REMOTE or virtualbox:ssh://USER@HOST:PORT, then Enter", |ui| {
        let check = |text: &str| match text.trim() {
            "" => Ok(()),
            text => match text.parse::<Remote>() {
                Ok(remote) if all.contains(&remote) => Err("It is listed already.".to_owned()),
                other => other.map(drop),
            },
        };
        // A field of its own for each count, so that it is empty again once its text has become a remote.
        ui.push_id(("new", all.len()), |ui| {
            let output = widget::TextField::new("New remote", "").mono().placeholder("incus:lab-two").check(&check).show(ui);
            output.response.clone().on_hover_text("A provider on another machine, as --on takes it");
            if let Some(remote) = output.committed().and_then(|text| text.parse().ok()) {
                desk.send(Command::Preference(PreferenceCommand::AddRemote(remote)));
            }
        });
    });
}

/// A provider with its test: the button, then what was found.
fn test(ui: &mut Ui, desk: &mut Desk<'_>, on: &ProviderId, about: &str, more: impl FnOnce(&mut Ui, &mut Desk<'_>)) {
    let name = on.to_string();
    let test = desk.state.tests.get(&name).cloned();
    let palette = theme::palette(ui);
    ui.allocate_ui_with_layout(vec2(ui.available_width(), size::CONTROL_HEIGHT), Layout::right_to_left(Align::Center), |ui| {
        more(ui, desk);
        let is_running = test == Some(ProviderTest::Running);
        if ui.add_enabled(!is_running, widget::Button::new("Test").explanation(about)).clicked() {
            desk.send(Command::Preference(PreferenceCommand::Test(on.clone())));
        }
        let (words, color) = match &test {
            None => ("", palette.muted),
            Some(ProviderTest::Running) => ("Testing…", palette.muted),
            Some(ProviderTest::Done(checks)) if is_ready(checks) => ("Ready", palette.tone(Tone::Good)),
            Some(ProviderTest::Done(_)) => ("Not ready", palette.tone(Tone::Bad)),
        };
        ui.label(RichText::new(words).font(theme::font(FontFace::Medium, font_size::BODY)).color(color));
        if is_running {
            ui.add(egui::Spinner::new().size(size::ICON));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(&name).font(theme::font(FontFace::Mono, font_size::BODY))).truncate());
        });
    });
    if let Some(ProviderTest::Done(checks)) = &test {
        ui.spacing_mut().item_spacing.y = size::GRID;
        checks.iter().for_each(|check| found(ui, check));
    }
}

/// What was looked at, what was found, and what to do.
fn found(ui: &mut Ui, check: &Check) {
    let (tone, word) = match check.state {
        CheckState::Good => (Tone::Good, "good"),
        CheckState::Doubtful => (Tone::Warn, "doubtful"),
        CheckState::Bad => (Tone::Bad, "bad"),
    };
    ui.horizontal_top(|ui| {
        let (icon, color) = panel::tone_icon(ui, tone);
        panel::paint_icon(ui, icon, color);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add_space(6.0);
            ui.add(Label::new(format!("{}: {}", check.title, check.found)).wrap()).on_hover_text(word);
            if !check.next.is_empty() {
                note(ui, &check.next);
            }
        });
    });
}

fn note(ui: &mut Ui, text: &str) {
    let font = theme::font(FontFace::Regular, font_size::SMALL);
    ui.add(Label::new(RichText::new(text).font(font).color(theme::palette(ui).muted)).wrap());
}

/// A name, a control, and a line about it below.
fn row(ui: &mut Ui, name: &str, about: &str, control: impl FnOnce(&mut Ui)) {
    let whole = ui.available_rect_before_wrap();
    let palette = theme::palette(ui);
    let words = widget::line(ui, name, (FontFace::Regular, font_size::BODY), palette.text, NAME_WIDTH - size::GAP);
    widget::paint_line(ui.painter(), whole.left(), whole.top() + size::CONTROL_HEIGHT / 2.0, words);
    let left = whole.left() + NAME_WIDTH;
    let room = egui::Rect::from_min_max(
        egui::pos2(left, whole.top()),
        egui::pos2((left + FIELD_WIDTH_MAX).min(whole.right() - size::GAP), whole.bottom()),
    );
    let mut inside = ui.new_child(UiBuilder::new().id_salt(name).max_rect(room).layout(Layout::top_down(Align::Min)));
    inside.spacing_mut().item_spacing.y = size::GRID;
    control(&mut inside);
    if !about.is_empty() {
        note(&mut inside, about);
    }
    let bottom = inside.min_rect().bottom().max(whole.top() + size::CONTROL_HEIGHT);
    ui.advance_cursor_after_rect(egui::Rect::from_min_max(whole.min, egui::pos2(whole.right(), bottom)));
}
