//! The list of all commands: type, choose, done. Things of the lab are found too, and shown.

use super::{Desk, theme, widget};
use crate::{
    app::{self, Command, DialogCommand, EditCommand, Mode, SelectCommand, ops},
    look::{FontFace, Icon, font_size, size},
    model::{Endpoint, FlowId},
    ui::{icon, keys, panel},
};
use egui::{Key, Modifiers, Rect, ScrollArea, Ui, Vec2, pos2};

const ROW_HEIGHT: f32 = 34.0;
/// Things of the lab that are listed.
const THINGS_MAX: usize = 30;
/// Things to add that are listed.
const ADDED_MAX: usize = 12;

struct Choice {
    icon: Icon,
    title: String,
    hint: String,
    keys: String,
    does: Does,
}

/// What choosing an entry does.
enum Does {
    Command(Command),
    /// Adds a thing of the palette.
    Add(panel::Tile),
}

fn choices(desk: &Desk<'_>) -> Vec<Choice> {
    let typed = desk.memory.command_query.trim().to_lowercase();
    // "add database" is found as "database".
    let query = typed.strip_prefix("add ").map_or(typed.clone(), |rest| rest.trim().to_owned());
    let mut all: Vec<Choice> = app::search(desk.state, &typed)
        .into_iter()
        .map(|entry| Choice {
            icon: entry.icon,
            title: entry.title.to_owned(),
            hint: entry.family.title().to_owned(),
            keys: entry.shortcut.map(app::Shortcut::text).unwrap_or_default(),
            does: Does::Command(entry.command.clone()),
        })
        .collect();
    if query.is_empty() {
        return all;
    }
    let lab = desk.state.lab();
    let things = crate::model::Subject::all(lab)
        .into_iter()
        .filter(|subject| panel::subject_text(subject).to_lowercase().contains(&query))
        .take(THINGS_MAX);
    all.extend(things.map(|subject| Choice {
        icon: panel::subject_icon(lab, &subject),
        title: panel::subject_text(&subject),
        hint: "Show".to_owned(),
        keys: String::new(),
        does: Does::Command(Command::Select(SelectCommand::Reveal(subject))),
    }));
    if desk.state.document.open && desk.state.mode == app::Mode::Design {
        let added = panel::things_to_add(&query).into_iter().take(ADDED_MAX);
        all.extend(added.map(|tile| Choice {
            icon: tile.icon,
            title: format!("Add {}", tile.label),
            hint: tile.group.to_owned(),
            keys: String::new(),
            does: Does::Add(tile),
        }));
    }
    all.extend(new_flows(desk, &typed));
    all
}

/// Flows that could be drawn, from outside and from what is selected: "Add a flow from outside to lb/haproxy".
fn new_flows(desk: &Desk<'_>, query: &str) -> Vec<Choice> {
    let lab = desk.state.lab();
    let is_asked = ["flow", "outside", "add"].iter().any(|word| query.split_whitespace().any(|asked| word.starts_with(asked)));
    if desk.state.mode != Mode::Design || !is_asked {
        return Vec::new();
    }
    let selected = desk.state.selected().and_then(ops::endpoint).filter(|end| *end != Endpoint::Outside);
    let ends = ops::endpoints(lab);
    let is_drawn = |from: &Endpoint, to: &Endpoint| lab.flow_place(&FlowId { from: from.clone(), to: to.clone(), port: None }).is_some();
    let mut found = Vec::new();
    for from in selected.into_iter().chain([Endpoint::Outside]) {
        let exits = (from != Endpoint::Outside).then_some(&Endpoint::Outside);
        for to in exits.into_iter().chain(&ends) {
            let title = format!("Add a flow from {from} to {to}");
            let text = title.to_lowercase();
            if found.len() >= THINGS_MAX || !query.split_whitespace().all(|word| text.contains(word)) || is_drawn(&from, to) {
                continue;
            }
            if let Ok(step) = ops::add_flow(lab, from.clone(), to.clone()) {
                let does = Does::Command(Command::Edit(EditCommand::Act(Ok(step))));
                found.push(Choice { icon: Icon::ChevronRight, title, hint: "Edit".to_owned(), keys: String::new(), does });
            }
        }
    }
    found
}

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, is_new: bool) {
    let field = ui.add(widget::SearchField::new(&mut desk.memory.command_query, "What do you want to do, or to find?"));
    if is_new || !ui.ctx().memory(|memory| memory.focused().is_some()) {
        field.request_focus();
    }
    let all = choices(desk);
    if field.changed() {
        desk.memory.command_chosen = 0;
    }
    let take = |key| keys::times(ui.ctx(), Modifiers::NONE, key);
    let (up, down, enter) = (take(Key::ArrowUp), take(Key::ArrowDown), take(Key::Enter) > 0);
    let last = all.len().saturating_sub(1);
    desk.memory.command_chosen = (desk.memory.command_chosen + down).saturating_sub(up).min(last);
    let height = (ui.ctx().content_rect().height() * 0.5).min(420.0);
    let mut wanted = enter.then_some(desk.memory.command_chosen);
    // Always as high: a dialog that is centred would jump at every letter.
    ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (nth, choice) in all.iter().enumerate() {
            let is_chosen = nth == desk.memory.command_chosen;
            if choice_row(ui, choice, is_chosen, up + down > 0) {
                wanted = Some(nth);
            }
        }
        if all.is_empty() {
            ui.add_space(size::GRID);
            panel::muted(ui, "No matches");
        }
    });
    if let Some(choice) = wanted.and_then(|nth| all.into_iter().nth(nth)) {
        desk.send(Command::Dialog(DialogCommand::CloseDialog));
        match choice.does {
            Does::Command(command) => desk.send(command),
            Does::Add(tile) => panel::add_tile(desk, &tile),
        }
    }
}

fn choice_row(ui: &mut Ui, choice: &Choice, chosen: bool, moved: bool) -> bool {
    let (rect, response) = panel::row(ui, ROW_HEIGHT, chosen, &choice.title);
    if chosen && moved {
        response.scroll_to_me(None);
    }
    let palette = theme::palette(ui);
    let middle = pos2(rect.left() + 18.0, rect.center().y);
    icon::paint(ui.painter(), choice.icon, Rect::from_center_size(middle, Vec2::splat(size::ICON)), palette.muted);
    let keys = widget::line(ui, &choice.keys, (FontFace::Mono, font_size::SMALL), palette.muted, 140.0);
    let keys_at = rect.right() - keys.size().x - 10.0;
    widget::paint_line(ui.painter(), keys_at, rect.center().y, keys);
    let title = panel::words(ui, rect, (rect.left() + 36.0, keys_at - 60.0), &choice.title, FontFace::Medium, palette.text);
    panel::words(ui, rect, (title.right() + size::GAP, keys_at - size::GAP), &choice.hint, FontFace::Regular, palette.muted);
    response.clicked()
}
