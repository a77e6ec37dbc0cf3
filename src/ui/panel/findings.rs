//! The findings: the worst first, each with its fixes. Findings that say the same are one row until it is unfolded.

use super::{Desk, Scroll, colors, menu, row, severity_icon, severity_tone, subject_text, words};
use crate::{
    app::{
        Accepted, Command, Dialog, DialogCommand, EditCommand, Filter, FindingEntry, FindingGroup, GroupKey, Mode, SelectCommand, State,
    },
    look::{FontFace, Icon, Tone, size},
    model::Subject,
    rules::{Finding, Fix, Severity},
    ui::{icon, widget},
};
use egui::{Align, Layout, Rect, Sense, Ui, UiBuilder, Vec2, pos2, vec2};
use std::collections::BTreeSet;

const ROW_HEIGHT: f32 = 36.0;
/// Where the columns stand in a row: subject, message.
const SUBJECT_AT: f32 = 40.0;
const SUBJECT_WIDTH: f32 = 130.0;
/// The width of the panel from which the rule's code has a column.
const CODE_FROM: f32 = 980.0;
const CODE_WIDTH: f32 = 200.0;
/// The width of the panel below which the first column is narrower.
const NARROW: f32 = 640.0;
/// Room for the button that mends, and for "Accept…".
const FIX_WIDTH: f32 = 150.0;
const ACCEPT_WIDTH: f32 = 76.0;
const ALL_BUTTONS: f32 = FIX_WIDTH + ACCEPT_WIDTH + 2.0 * size::GAP;
/// The field that filters.
const SEARCH_WIDTH: f32 = 200.0;
const SEARCH_WIDTH_MIN: f32 = 84.0;
/// Room for "Undo acceptance".
const UNDO_WIDTH: f32 = 132.0;
/// How far the findings of an unfolded group stand in.
const INDENT: f32 = 20.0;

/// The rows of the findings, kept while neither the findings nor the filter change, and which groups are unfolded.
#[derive(Debug, Clone, Default)]
pub struct FindingList {
    made_for: Option<(u64, Filter)>,
    entries: Vec<FindingEntry>,
    rows: Vec<Row>,
    unfolded: BTreeSet<GroupKey>,
    /// The finding that was selected when the rows were made.
    selected: Option<usize>,
    scroll: Scroll,
}

/// A row: an entry, or a finding of the unfolded group above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Entry(usize),
    Member(usize),
}

impl FindingList {
    /// Makes the rows where something has changed; gives the row of a finding that was selected meanwhile, its group unfolded.
    fn update(&mut self, state: &State, filter: &Filter) -> Option<usize> {
        let selected = state.review.selected_place();
        let is_made = self.made_for.as_ref().is_some_and(|(revision, made)| *revision == state.review.revision() && made == filter);
        if is_made && selected == self.selected {
            return None;
        }
        if !is_made {
            self.entries = state.review.grouped(state.lab(), filter);
            self.made_for = Some((state.review.revision(), filter.clone()));
        }
        let is_new = selected != self.selected;
        self.selected = selected;
        let place = selected.filter(|_| is_new);
        if let Some(place) = place {
            let group = self.entries.iter().find_map(|entry| match entry {
                FindingEntry::Group(group) if group.places.contains(&place) => Some(group.key.clone()),
                _ => None,
            });
            self.unfolded.extend(group);
        }
        self.make_rows();
        let place = place?;
        self.scroll.seek_again();
        self.rows.iter().position(|row| match row {
            Row::Entry(number) => matches!(self.entries.get(*number), Some(FindingEntry::One(one)) if *one == place),
            Row::Member(member) => *member == place,
        })
    }

    fn make_rows(&mut self) {
        self.rows.clear();
        for (number, entry) in self.entries.iter().enumerate() {
            self.rows.push(Row::Entry(number));
            if let FindingEntry::Group(group) = entry
                && self.unfolded.contains(&group.key)
            {
                self.rows.extend(group.places.iter().copied().map(Row::Member));
            }
        }
    }

    fn toggle(&mut self, key: &GroupKey) {
        if !self.unfolded.remove(key) {
            self.unfolded.insert(key.clone());
        }
        self.make_rows();
    }
}

/// Shows the findings.
pub fn findings(ui: &mut Ui, desk: &mut Desk<'_>) {
    if desk.state.review.findings().is_empty() {
        ui.add_space(size::PANEL_MARGIN);
        let text = "Every edit is checked at once. Problems of the lab are listed here, each with its fixes.";
        widget::empty_state(ui, Icon::Check, "No findings", text, |_| ());
        return;
    }
    filter(ui, desk);
    // The list is only read while it is shown; a group is folded after it.
    let mut list = std::mem::take(&mut desk.memory.findings);
    let sought = list.update(desk.state, &desk.memory.filter);
    if list.rows.is_empty() {
        desk.memory.findings = list;
        ui.add_space(size::PANEL_MARGIN);
        let cleared = widget::empty_state(ui, Icon::Search, "No matches", "All findings are hidden by the filter.", |ui| {
            ui.add(widget::Button::new("Show all").explanation("Clear the filter")).clicked()
        });
        if cleared {
            desk.memory.filter = Filter::default();
        }
        return;
    }
    let mut toggled = None;
    let (mut scroll, count) = (list.scroll, list.rows.len());
    scroll.show(ui, ROW_HEIGHT, count, sought, |ui, range| {
        for row in list.rows.get(range).unwrap_or_default() {
            match *row {
                Row::Member(place) => finding_row(ui, desk, place, INDENT),
                Row::Entry(number) => match list.entries.get(number) {
                    Some(FindingEntry::One(place)) => finding_row(ui, desk, *place, 0.0),
                    Some(FindingEntry::Group(group)) => {
                        let is_clicked = group_row(ui, desk, group, list.unfolded.contains(&group.key));
                        if is_clicked {
                            toggled = Some(group.key.clone());
                        }
                    }
                    None => {}
                },
            }
        }
    });
    list.scroll = scroll;
    if let Some(key) = toggled {
        list.toggle(&key);
    }
    desk.memory.findings = list;
}

fn filter(ui: &mut Ui, desk: &mut Desk<'_>) {
    let room = Room::of(ui.available_width());
    ui.horizontal(|ui| {
        ui.set_height(size::CONTROL_HEIGHT);
        if room == Room::Little {
            ui.spacing_mut().item_spacing.x = size::GRID;
        }
        ui.add_space(size::GAP);
        for severity in Severity::ALL {
            let count = desk.state.review.count(severity);
            let shown = desk.memory.filter.shown.contains(&severity);
            let label = match (severity, count) {
                (Severity::Error, 1) => "1 error".to_owned(),
                (Severity::Error, _) => format!("{count} errors"),
                (Severity::Warning, 1) => "1 warning".to_owned(),
                (Severity::Warning, _) => format!("{count} warnings"),
                (Severity::Advice, _) => format!("{count} advice"),
            };
            let tone = if shown && count > 0 { severity_tone(severity) } else { Tone::Neutral };
            let icon = if shown { severity_icon(severity) } else { Icon::Eye };
            let about = if shown { "Listed; click to hide" } else { "Hidden; click to list" };
            if pill(ui, room, (icon, tone), (count, &label), about) {
                if shown {
                    desk.memory.filter.shown.remove(&severity);
                } else {
                    desk.memory.filter.shown.insert(severity);
                }
            }
        }
        let accepted = desk.state.review.findings().iter().filter(|finding| finding.accepted.is_some()).count();
        if accepted > 0 {
            let shown = desk.memory.filter.accepted == Accepted::Shown;
            let icon = if shown { Icon::Check } else { Icon::Eye };
            let about = if shown { "Accepted findings are listed; click to hide" } else { "Accepted findings are hidden; click to list" };
            if pill(ui, room, (icon, Tone::Neutral), (accepted, &format!("{accepted} accepted")), about) {
                desk.memory.filter.accepted = if shown { Accepted::Hidden } else { Accepted::Shown };
            }
        }
        // The field takes what the counters leave.
        let width = (ui.available_width() - 2.0 * size::GAP).clamp(SEARCH_WIDTH_MIN, SEARCH_WIDTH);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(size::GAP);
            let hint = if room == Room::Little { "Filter…" } else { "Filter findings…" };
            ui.add(widget::SearchField::new(&mut desk.memory.filter.query, hint).width(width));
        });
    });
    ui.add_space(size::GRID);
}

/// How much room there is for the words of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// For all of them.
    Enough,
    /// For their numbers.
    Little,
}

impl Room {
    fn of(width: f32) -> Self {
        if width < NARROW { Self::Little } else { Self::Enough }
    }
}

/// A counter that is clicked; whether it was. Where there is little room its words stand in its tooltip.
fn pill(ui: &mut Ui, room: Room, (icon, tone): (Icon, Tone), (count, label): (usize, &str), about: &str) -> bool {
    let number = count.to_string();
    let (words, tooltip) = match room {
        Room::Enough => (label, about.to_owned()),
        Room::Little => (number.as_str(), format!("{label}. {about}")),
    };
    let pill = widget::Pill::new(words).icon(icon).tone(tone).name(label).show(ui);
    pill.response.on_hover_text(tooltip).clicked()
}

/// The row of a group; whether it is to be folded or unfolded.
fn group_row(ui: &mut Ui, desk: &mut Desk<'_>, group: &FindingGroup, is_unfolded: bool) -> bool {
    let state = desk.state;
    let Some(finding) = group.places.first().and_then(|place| state.review.findings().get(*place)) else { return false };
    let name = format!("{}, {}: {}", finding.severity.title(), group.subjects, group.message);
    let is_chosen = !is_unfolded && state.review.selected_place().is_some_and(|place| group.places.contains(&place));
    let (rect, response) = row(ui, ROW_HEIGHT, is_chosen, &name);
    if !ui.is_rect_visible(rect) {
        return false;
    }
    let palette = colors(ui);
    let counts = finding.accepted.is_none();
    let middle = pos2(rect.left() + 20.0, rect.center().y);
    let color = if counts { palette.tone(severity_tone(finding.severity)) } else { palette.muted };
    icon::paint(ui.painter(), severity_icon(finding.severity), Rect::from_center_size(middle, Vec2::splat(size::ICON)), color);
    let at = rect.left() + SUBJECT_AT;
    let subject_width = subject_width(rect);
    let text = if counts { palette.text } else { palette.muted };
    words(ui, rect, (at, at + subject_width - size::GAP), &group.subjects, FontFace::SemiBold, text);
    let with_code = rect.width() >= CODE_FROM;
    let code_at = rect.right() - ALL_BUTTONS - CODE_WIDTH;
    let chevron = Rect::from_center_size(pos2(rect.right() - 20.0, rect.center().y), Vec2::splat(size::ICON));
    let message_end = if with_code { code_at } else { chevron.left() } - size::GAP;
    let accepted = if counts { "" } else { "Accepted: " };
    words(ui, rect, (at + subject_width, message_end), &format!("{accepted}{}", group.message), FontFace::Regular, text);
    if with_code {
        code(ui, desk, rect, code_at, finding);
    }
    icon::paint(ui.painter(), if is_unfolded { Icon::ChevronUp } else { Icon::ChevronDown }, chevron, palette.muted);
    let act = if is_unfolded { "Click to fold" } else { "Click to list each of them" };
    response.on_hover_text(format!("{}\n\n{act}", group.message)).clicked()
}

fn subject_width(row: Rect) -> f32 {
    if row.width() < NARROW { SUBJECT_WIDTH * 0.75 } else { SUBJECT_WIDTH }
}

fn finding_row(ui: &mut Ui, desk: &mut Desk<'_>, place: usize, indent: f32) {
    let state = desk.state;
    let Some(finding) = state.review.findings().get(place) else { return };
    let chosen = state.review.selected_place() == Some(place);
    let (rect, response) = row(ui, ROW_HEIGHT, chosen, &format!("{}: {}", finding.severity.title(), finding.message));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let palette = colors(ui);
    let counts = finding.accepted.is_none();
    let middle = pos2(rect.left() + 20.0 + indent, rect.center().y);
    let color = if counts { palette.tone(severity_tone(finding.severity)) } else { palette.muted };
    icon::paint(ui.painter(), severity_icon(finding.severity), Rect::from_center_size(middle, Vec2::splat(size::ICON)), color);
    let at = rect.left() + SUBJECT_AT + indent;
    let subject_width = subject_width(rect) - indent;
    let text = if counts { palette.text } else { palette.muted };
    words(ui, rect, (at, at + subject_width - size::GAP), &subject_text(&finding.subject), FontFace::SemiBold, text);
    let buttons = match (counts, state.review.fixes(place)) {
        (true, [_, ..]) => ALL_BUTTONS,
        (true, []) => ACCEPT_WIDTH + 2.0 * size::GAP,
        (false, _) => UNDO_WIDTH,
    };
    let with_code = rect.width() >= CODE_FROM;
    let code_at = rect.right() - ALL_BUTTONS - CODE_WIDTH;
    let message_end = if with_code { code_at } else { rect.right() - buttons } - size::GAP;
    let reason = finding.accepted.as_ref().map(|because| format!("Accepted: {because} ({})", finding.message));
    words(ui, rect, (at + subject_width, message_end), reason.as_ref().unwrap_or(&finding.message), FontFace::Regular, text);
    if with_code {
        code(ui, desk, rect, code_at, finding);
    }
    let room = Rect::from_min_max(pos2(rect.right() - buttons, rect.top()), pos2(rect.right() - size::GAP, rect.bottom()));
    ui.scope_builder(UiBuilder::new().max_rect(room).layout(Layout::right_to_left(Align::Center)), |ui| {
        buttons_of(ui, desk, place, finding)
    });
    let about = match &finding.accepted {
        Some(because) => format!("{}\n\nAccepted: {because}", finding.message),
        None => finding.message.clone(),
    };
    if response.on_hover_text(about).clicked() {
        desk.send(Command::Select(SelectCommand::SelectFinding(place)));
    }
}

/// The rule's code, which opens its page of the manual.
fn code(ui: &mut Ui, desk: &mut Desk<'_>, rect: Rect, at: f32, finding: &Finding) {
    let palette = colors(ui);
    let area = Rect::from_min_size(pos2(at, rect.top()), vec2(CODE_WIDTH - size::GAP, rect.height()));
    let response = ui.interact(area, ui.id().with(("code", finding.rule, &finding.subject)), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Link, true, finding.rule));
    let color = if response.hovered() { palette.accent } else { palette.muted };
    words(ui, area, (area.left(), area.right()), finding.rule, FontFace::Mono, color);
    if response.on_hover_text("Why this matters, and what to do instead").on_hover_cursor(egui::CursorIcon::PointingHand).clicked() {
        desk.send(Command::Dialog(DialogCommand::Ask(Dialog::Manual(Some(finding.rule.to_owned())))));
    }
}

fn buttons_of(ui: &mut Ui, desk: &mut Desk<'_>, place: usize, finding: &Finding) {
    let key = (finding.rule.to_owned(), finding.subject.clone());
    // What is only watched is not changed.
    if desk.state.mode != Mode::Design {
        ui.disable();
    }
    if let Some(because) = &finding.accepted {
        if ui.add(widget::Button::quiet("Undo acceptance").explanation(because)).clicked()
            && let Some(index) = acceptance_of(desk, finding)
        {
            desk.send(Command::Edit(EditCommand::Unaccept(index)));
        }
        return;
    }
    let can_accept = !matches!(finding.subject, Subject::Acceptance(_));
    if ui
        .add_enabled(
            can_accept,
            widget::Button::quiet("Accept…").width(ACCEPT_WIDTH).explanation("Say why this is meant; it then no longer counts"),
        )
        .clicked()
    {
        desk.send(Command::Dialog(DialogCommand::Ask(Dialog::Accept { rule: key.0.clone(), subject: key.1.clone() })));
    }
    let fixes = desk.state.review.fixes(place);
    let Some(best) = fixes.first() else { return };
    let chosen = desk.state.review.selected_place() == Some(place);
    let look = if chosen { widget::Button::primary(&best.title) } else { widget::Button::new(&best.title) };
    let more = fixes.len() > 1;
    let width = if more { FIX_WIDTH - 24.0 } else { FIX_WIDTH };
    let fix = |fix: usize| Command::Edit(EditCommand::Fix { rule: key.0.clone(), subject: key.1.clone(), fix });
    if more {
        other_fixes(ui, desk, fixes, fix);
    }
    if ui.add(look.width(width).explanation(&best.title)).clicked() {
        desk.send(fix(0));
    }
}

/// A menu of all fixes of a finding; `fix` is the command of one of them.
pub fn other_fixes(ui: &mut Ui, desk: &mut Desk<'_>, fixes: &[Fix], fix: impl Fn(usize) -> Command) {
    let others = ui.add(widget::IconButton::new(Icon::ChevronDown, "Other fixes").small());
    menu::popup(&others, |ui| {
        for (nth, other) in fixes.iter().enumerate() {
            if menu::row(ui, (Icon::Check, &other.title), "").clicked() {
                desk.edit_in_design(fix(nth));
                ui.close();
            }
        }
    });
}

fn acceptance_of(desk: &Desk<'_>, finding: &Finding) -> Option<usize> {
    let lab = desk.state.lab();
    lab.accepted.iter().position(|acceptance| acceptance.accepts(lab, finding.rule, &finding.subject, &finding.message))
}
