//! A file chooser of our own, where the desktop has none. It chooses; whether a file may be replaced is asked afterwards.

use super::{Desk, buttons, cancel, text, theme, title, widget};
use crate::{
    app::{Command, ExportFormat, FileCommand, FileUse, export::with_extension},
    look::{FontFace, Icon, size},
    ui::{icon, keys, panel},
};
use egui::{Key, Modifiers, Rect, Response, ScrollArea, Ui, Vec2, pos2};
use std::path::{Path, PathBuf};

const ROW_HEIGHT: f32 = 28.0;
const LIST_HEIGHT_MAX: f32 = 320.0;

/// What the chooser remembers between frames.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// The folder that the rest is about.
    folder: PathBuf,
    /// The chosen row.
    chosen: Option<usize>,
    /// Whether files of every type are listed.
    all_types: bool,
    /// The name of the folder that is about to be created, while one is.
    new_folder: Option<String>,
    /// Whether the field of the new folder has been given the keyboard.
    new_folder_focused: bool,
    /// Whether the name has been given the keyboard.
    name_focused: bool,
}

/// A row of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row<'a> {
    Folder(&'a str),
    File(&'a str),
}

impl Row<'_> {
    fn name(&self) -> &str {
        match self {
            Row::Folder(name) | Row::File(name) => name,
        }
    }
}

/// What the user did to the list.
enum Did {
    Nothing,
    Choose(usize),
    Open(usize),
    Up,
}

fn extensions(what: FileUse) -> &'static [&'static str] {
    match what {
        FileUse::Open | FileUse::Save | FileUse::SaveThen => &["ron"],
        FileUse::Export(format) => format.extensions(),
    }
}

fn type_name(what: FileUse) -> &'static str {
    match what {
        FileUse::Open | FileUse::Save | FileUse::SaveThen => "Layouts",
        FileUse::Export(format) => format.title(),
    }
}

fn heading(what: FileUse) -> &'static str {
    match what {
        FileUse::Open => "Open a lab",
        FileUse::Save | FileUse::SaveThen => "Save the lab",
        FileUse::Export(ExportFormat::Svg | ExportFormat::Png) => "Export the drawing",
        FileUse::Export(ExportFormat::Mermaid | ExportFormat::Markdown) => "Export the lab",
    }
}

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, what: FileUse, is_new: bool) {
    let listing = &desk.state.listing;
    if is_new || desk.memory.browser.folder != listing.folder {
        let browser = &mut desk.memory.browser;
        *browser = Browser {
            folder: listing.folder.clone(),
            all_types: browser.all_types,
            name_focused: browser.name_focused,
            ..Browser::default()
        };
    }
    title(ui, heading(what));
    head(ui, desk, what);
    new_folder(ui, desk);
    if !listing.problem.is_empty() {
        ui.label(egui::RichText::new(&listing.problem).color(theme::palette(ui).bad));
    }
    let all_types = desk.memory.browser.all_types;
    let fits = |name: &&String| {
        let ending = Path::new(name).extension();
        all_types || ending.is_some_and(|ending| extensions(what).iter().any(|it| ending.eq_ignore_ascii_case(it)))
    };
    let mut rows: Vec<Row<'_>> = listing.folders.iter().map(|name| Row::Folder(name)).collect();
    rows.extend(listing.files.iter().filter(fits).map(|name| Row::File(name)));
    let typed = pressed(ui, desk, rows.len());
    let clicked = list(ui, desk, what, &rows, &typed);
    let mut done = None;
    for did in [typed, clicked] {
        done = done.or(take(desk, &rows, did));
    }
    if what != FileUse::Open {
        done = done.or(name_field(ui, desk, what));
    }
    end(ui, desk, what, &rows, done);
}

/// The folder, with ways to leave it.
fn head(ui: &mut Ui, desk: &mut Desk<'_>, what: FileUse) {
    let folder = desk.state.listing.folder.clone();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::GRID;
        let up = widget::IconButton::new(Icon::ChevronUp, "Folder above").shortcut("Backspace");
        if ui.add_enabled(folder.parent().is_some(), up).clicked()
            && let Some(parent) = folder.parent()
        {
            desk.send(Command::File(FileCommand::Browse(parent.to_owned())));
        }
        let width = ui.available_width() - size::CONTROL_HEIGHT - 2.0 * size::GRID - 172.0;
        let path = folder.display().to_string();
        let field = widget::TextField::new("Folder", &path).mono().width(width.max(120.0)).show(ui);
        field.response.clone().on_hover_text(&path);
        if let Some(typed) = field.committed() {
            desk.send(Command::File(FileCommand::Browse(typed.into())));
        }
        let add = widget::IconButton::new(Icon::Plus, "New folder");
        if ui.add(add).clicked() {
            desk.memory.browser.new_folder = Some(String::new());
            desk.memory.browser.new_folder_focused = false;
        }
        let mut all = desk.memory.browser.all_types;
        let types = [
            widget::Segment::new(false, type_name(what), "List files of this type only"),
            widget::Segment::new(true, "All files", "List all files"),
        ];
        if widget::segmented(ui, "Listed files", &mut all, &types).changed() {
            desk.memory.browser.all_types = all;
            desk.memory.browser.chosen = None;
        }
    });
}

/// The field for the name of a new folder.
fn new_folder(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some(mut name) = desk.memory.browser.new_folder.take() else { return };
    let (mut create, mut give_up) = (false, false);
    ui.horizontal(|ui| {
        let width = ui.available_width() - 160.0;
        let field = widget::LineEdit::new("Name of the new folder", &mut name).hint("Name of the new folder").width(width).show(ui);
        if !desk.memory.browser.new_folder_focused {
            desk.memory.browser.new_folder_focused = true;
            field.request_focus();
        }
        create = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        create |= ui.add_enabled(is_name(&name), widget::Button::new("Create").explanation("Create the folder here")).clicked();
        give_up = ui.add(widget::Button::quiet("Cancel").explanation("Create no folder")).clicked();
    });
    if create && is_name(&name) {
        desk.send(Command::File(FileCommand::CreateFolder(desk.state.listing.folder.join(name.trim()))));
    } else if !give_up {
        desk.memory.browser.new_folder = Some(name);
    }
}

/// Whether a text can be a name in a folder.
fn is_name(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && !text.contains(['/', '\\', '\0']) && text != "." && text != ".."
}

/// What the keyboard does to the list: the arrows always, Enter and Backspace while no field has them.
fn pressed(ui: &Ui, desk: &mut Desk<'_>, rows: usize) -> Did {
    let count = |key: Key| keys::times(ui.ctx(), Modifiers::NONE, key);
    let (up, down) = (count(Key::ArrowUp), count(Key::ArrowDown));
    if up + down > 0 && rows > 0 {
        // The keyboard goes from the name to the list.
        ui.memory_mut(|memory| {
            if let Some(field) = memory.focused() {
                memory.surrender_focus(field);
            }
        });
        let last = rows - 1;
        let next = match desk.memory.browser.chosen {
            None if up > down => last,
            None => (down - up).saturating_sub(1).min(last),
            Some(chosen) => (chosen + down).saturating_sub(up).min(last),
        };
        return Did::Choose(next);
    }
    if ui.ctx().text_edit_focused() {
        return Did::Nothing;
    }
    if count(Key::Backspace) > 0 {
        return Did::Up;
    }
    match desk.memory.browser.chosen {
        Some(chosen) if ui.memory(|memory| memory.focused().is_none()) && count(Key::Enter) > 0 => Did::Open(chosen),
        _ => Did::Nothing,
    }
}

fn list(ui: &mut Ui, desk: &Desk<'_>, what: FileUse, rows: &[Row<'_>], typed: &Did) -> Did {
    let height = (ui.ctx().content_rect().height() - 360.0).clamp(120.0, LIST_HEIGHT_MAX);
    let chosen = if let Did::Choose(row) = typed { Some(*row) } else { desk.memory.browser.chosen };
    let mut did = Did::Nothing;
    let palette = theme::palette(ui);
    let frame = egui::Frame::new()
        .fill(palette.canvas)
        .stroke(theme::Theme::of(ui.ctx()).border())
        .corner_radius(widget::corners(crate::look::radius::CONTROL))
        .inner_margin(egui::Margin::same(4));
    frame.show(ui, |ui| {
        ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (nth, row) in rows.iter().enumerate() {
                let response = entry(ui, row, chosen == Some(nth));
                if matches!(typed, Did::Choose(row) if *row == nth) {
                    response.scroll_to_me(None);
                }
                if response.double_clicked() {
                    did = Did::Open(nth);
                } else if response.clicked() {
                    did = Did::Choose(nth);
                }
            }
            if rows.is_empty() {
                ui.add_space(size::GAP);
                text(ui, &format!("  No folders and no {} here", if desk.memory.browser.all_types { "files" } else { type_name(what) }));
            }
            if desk.state.listing.more > 0 {
                text(ui, &format!("  {} more are not listed", desk.state.listing.more));
            }
        });
    });
    did
}

fn entry(ui: &mut Ui, row: &Row<'_>, chosen: bool) -> Response {
    let name = row.name();
    let (rect, response) = panel::row(ui, ROW_HEIGHT, chosen, name);
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let palette = theme::palette(ui);
    let (symbol, color) = match row {
        Row::Folder(_) => (Icon::Folder, palette.accent),
        Row::File(_) => (Icon::Grid, palette.muted),
    };
    let middle = pos2(rect.left() + 16.0, rect.center().y);
    icon::paint(ui.painter(), symbol, Rect::from_center_size(middle, Vec2::splat(size::ICON)), color);
    panel::words(ui, rect, (rect.left() + 32.0, rect.right() - size::GAP), name, FontFace::Regular, palette.text);
    response.on_hover_text(name)
}

/// Does what was done to the list; gives the name where a file is chosen for good.
fn take(desk: &mut Desk<'_>, rows: &[Row<'_>], did: Did) -> Option<String> {
    let row = match did {
        Did::Nothing => return None,
        Did::Up => {
            if let Some(parent) = desk.state.listing.folder.parent() {
                desk.send(Command::File(FileCommand::Browse(parent.to_owned())));
            }
            return None;
        }
        Did::Choose(row) | Did::Open(row) => row,
    };
    desk.memory.browser.chosen = Some(row);
    let opened = matches!(did, Did::Open(_));
    match rows.get(row)? {
        Row::Folder(name) => {
            if opened {
                desk.send(Command::File(FileCommand::Browse(desk.state.listing.folder.join(name))));
            }
            None
        }
        Row::File(name) => {
            (*name).clone_into(&mut desk.memory.file_name);
            opened.then(|| (*name).to_owned())
        }
    }
}

/// The field for the name, which says what file it will be.
fn name_field(ui: &mut Ui, desk: &mut Desk<'_>, what: FileUse) -> Option<String> {
    let typed = desk.memory.file_name.trim().to_owned();
    let problem = (!typed.is_empty() && !is_name(&typed)).then_some("A name holds no slash; choose the folder above");
    let field = widget::LineEdit::new("File name", &mut desk.memory.file_name).hint("File name").problem(problem).show(ui);
    if !desk.memory.browser.name_focused {
        desk.memory.browser.name_focused = true;
        let stem = Path::new(&typed).file_stem().map_or(0, |stem| stem.to_string_lossy().chars().count());
        widget::select_first(ui, field.id, stem);
    }
    let file = with_extension(typed.clone().into(), extensions(what)).display().to_string();
    let exists = desk.state.listing.files.contains(&file);
    let says = match (problem.is_some() || typed.is_empty(), exists, file == typed) {
        (true, ..) => " ".to_owned(),
        (_, true, _) => format!("{file} exists. You will be asked before it is replaced."),
        (_, false, false) => format!("The file will be called {file}."),
        (_, false, true) => " ".to_owned(),
    };
    text(ui, &says);
    (field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))).then_some(typed)
}

fn end(ui: &mut Ui, desk: &mut Desk<'_>, what: FileUse, rows: &[Row<'_>], done: Option<String>) {
    let chosen = desk.memory.browser.chosen.and_then(|chosen| rows.get(chosen)).copied();
    let name = match what {
        FileUse::Open => chosen.map(|row| row.name().to_owned()).unwrap_or_default(),
        FileUse::Save | FileUse::SaveThen | FileUse::Export(_) => desk.memory.file_name.trim().to_owned(),
    };
    let mut done = done;
    buttons(ui, |ui| {
        let (label, explanation) = match what {
            FileUse::Open => ("Open", "Choose a layout first"),
            FileUse::Save | FileUse::SaveThen => ("Save", "Type a file name first"),
            FileUse::Export(_) => ("Export", "Type a file name first"),
        };
        let explanation = if is_name(&name) { label } else { explanation };
        if ui.add_enabled(is_name(&name), widget::Button::primary(label).explanation(explanation)).clicked() {
            match chosen {
                Some(Row::Folder(folder)) if what == FileUse::Open => {
                    desk.send(Command::File(FileCommand::Browse(desk.state.listing.folder.join(folder))))
                }
                _ => done = Some(name),
            }
        }
        cancel(ui, desk, "Cancel");
    });
    if let Some(name) = done.filter(|name| is_name(name)) {
        desk.send(Command::File(FileCommand::Chosen(what, desk.state.listing.folder.join(name.trim()))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_names_something_in_the_folder() {
        for (name, good) in [("a.ron", true), (" a ", true), ("", false), ("  ", false), ("..", false), ("a/b", false), ("~", true)] {
            assert_eq!(is_name(name), good, "{name}");
        }
    }
}
