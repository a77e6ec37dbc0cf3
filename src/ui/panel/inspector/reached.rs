//! Who reaches the selected node or service: its ports, and for outside and each other node how a connection ends, over which hops, and
//! why it fails. The path of the row under the pointer, or of the unfolded one, is shown on the canvas.

use super::{Desk, colors};
use crate::{
    app::{Basis, Command, Group, InspectorPage, Mode, Reached, SelectCommand, State},
    look::{FontFace, Icon, font_size, size},
    model::{Endpoint, Lab},
    reach::{Caller, Explained, Port},
    ui::{icon, panel, theme, widget},
};
use egui::{Label, Rect, RichText, Ui, Vec2, pos2, text::LayoutJob};

/// The height of a row with one line under its name, and of one with two: a reason is longer than a path.
const ROW_HEIGHT: f32 = 40.0;
const REASON_HEIGHT: f32 = 54.0;
/// Where the words of a row begin, and the middle of its name below its top.
const WORDS_AT: f32 = 28.0;
const NAME_AT: f32 = 12.0;
/// From the middle of the name to the top of what stands under it.
const UNDER_NAME: f32 = 9.0;
/// Names that are listed in a sentence at most.
const NAMED_MAX: usize = 4;

/// The connection whose path the canvas shows; `None` where the inspector lists no callers.
pub fn shown_path(desk: &mut Desk<'_>) -> Option<Explained> {
    let state = desk.state;
    let is_listed = state.inspector_page == InspectorPage::Reached && state.preferences.inspector_open;
    let is_covered = state.mode == Mode::Present || (state.mode == Mode::Run && state.run.considered.is_some());
    let target = Reached::target(state.selected()).filter(|_| is_listed && !is_covered)?;
    desk.memory.reached.update(state, &target);
    desk.memory.reached.shown_path().cloned()
}

/// What the user did with the list.
#[derive(Default)]
struct Wish {
    port: Option<Port>,
    unfold: Option<Endpoint>,
    hover: Option<Endpoint>,
    go: Option<Endpoint>,
}

pub(super) fn reached(ui: &mut Ui, desk: &mut Desk<'_>, target: &Endpoint) {
    let state = desk.state;
    // The list is only read while it is shown; what is wished for happens after it.
    let mut reached = std::mem::take(&mut desk.memory.reached);
    reached.update(state, target);
    let mut wish = Wish::default();
    basis(ui, state, &reached);
    let answer = reached.answer();
    if let Some(why) = &answer.hindrance {
        widget::empty_state(ui, Icon::Warning, "It cannot be planned", why, |_| ());
    } else if answer.ports.is_empty() {
        let why = "No service listens on a port here, so no connection can be opened.";
        widget::empty_state(ui, Icon::LinkDown, "It takes no connections", why, |_| ());
    } else {
        ports(ui, &reached, target, &mut wish);
        summary(ui, &reached);
        for group in &answer.groups {
            callers(ui, state.lab(), &reached, group, &mut wish);
        }
    }
    if let Some(port) = &wish.port {
        reached.choose(port);
    }
    if let Some(from) = &wish.unfold {
        reached.toggle(from);
    }
    reached.hover(wish.hover);
    desk.memory.reached = reached;
    if let Some(Endpoint::Node(node)) = wish.go {
        desk.send(Command::Select(SelectCommand::Reveal(crate::model::Subject::Node(node))));
    }
}

fn small(ui: &mut Ui, text: &str) {
    let font = theme::font(FontFace::Regular, font_size::SMALL);
    ui.add(Label::new(RichText::new(text).font(font).color(colors(ui).muted)).wrap());
}

/// What the answer was evaluated with, and about what it may be wrong.
fn basis(ui: &mut Ui, state: &State, reached: &Reached) {
    let text = match (reached.basis(), state.mode, &state.run.observed) {
        (Basis::Observed, ..) => "Evaluated with the observed state of the deployed lab.",
        (Basis::Layout, Mode::Run, None) => "No state has been observed yet: evaluated from the layout alone.",
        (Basis::Layout, Mode::Run, Some(_)) => "The lab is not deployed: evaluated from the layout alone.",
        (Basis::Layout, ..) => "Evaluated from the layout alone.",
    };
    small(ui, text);
    if !reached.unknown().is_empty() {
        warning(ui, &format!("No recent report from {}: the answer may be wrong about them.", names(reached.unknown())));
    }
    if !reached.answer().left_out.is_empty() {
        warning(ui, &format!("Left out, because they cannot be planned: {}.", names(&reached.answer().left_out)));
    }
}

fn names(nodes: &[crate::model::NodeName]) -> String {
    let shown: Vec<&str> = nodes.iter().take(NAMED_MAX).map(|node| node.as_str()).collect();
    match nodes.len().saturating_sub(NAMED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn warning(ui: &mut Ui, text: &str) {
    ui.horizontal_top(|ui| {
        let warn = colors(ui).warn;
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(size::ICON), egui::Sense::hover());
        icon::paint(ui.painter(), Icon::Warning, rect, warn);
        small(ui, text);
    });
}

fn ports(ui: &mut Ui, reached: &Reached, target: &Endpoint, wish: &mut Wish) {
    let answer = reached.answer();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(size::GRID + 2.0);
        for port in &answer.ports {
            let label = match target {
                Endpoint::Node(_) => format!("{} {}", port.service.service, port.number),
                _ => port.number.to_string(),
            };
            let tone = if answer.port.as_ref() == Some(port) { crate::look::Tone::Accent } else { crate::look::Tone::Neutral };
            let pill = widget::Pill::new(&label).tone(tone).show(ui).response;
            if pill.on_hover_text(format!("Show who reaches port {} of {}", port.number, port.service)).clicked() {
                wish.port = Some(port.clone());
            }
        }
    });
}

fn summary(ui: &mut Ui, reached: &Reached) {
    let answer = reached.answer();
    let Some(port) = &answer.port else { return };
    let all = answer.callers().count();
    let answered = answer.callers().filter(|caller| caller.answer.reaches).count();
    let text = format!("{answered} of {all} reach port {}", port.number);
    ui.add(Label::new(RichText::new(text).font(panel::body(FontFace::SemiBold))).truncate());
}

/// The callers whose connections end alike; only rows in sight are laid out.
fn callers(ui: &mut Ui, lab: &Lab, reached: &Reached, group: &Group, wish: &mut Wish) {
    widget::section_header(ui, &format!("{} · {}", group.outcome.title(), group.callers.len()), None);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let unfolded = group.callers.iter().position(|caller| reached.unfolded() == Some(&caller.from));
        let (before, rest) = group.callers.split_at(unfolded.unwrap_or(group.callers.len()));
        rows(ui, lab, reached, before, wish);
        if let Some((caller, after)) = rest.split_first() {
            row(ui, lab, reached, caller, wish);
            details(ui, caller, wish);
            rows(ui, lab, reached, after, wish);
        }
    });
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a number of rows on a screen")]
fn rows(ui: &mut Ui, lab: &Lab, reached: &Reached, callers: &[Caller], wish: &mut Wish) {
    let (top, clip) = (ui.cursor().top(), ui.clip_rect());
    let height = callers.first().map_or(ROW_HEIGHT, |caller| row_height(&caller.answer));
    let row_at = |y: f32| (((y - top) / height).max(0.0) as usize).min(callers.len());
    let (first, last) = (row_at(clip.top()), row_at(clip.bottom() + height));
    ui.add_space(first as f32 * height);
    for caller in callers.get(first..last).unwrap_or_default() {
        row(ui, lab, reached, caller, wish);
    }
    ui.add_space((callers.len() - last) as f32 * height);
}

/// The height of a folded row, which is the same for all whose connections end alike.
fn row_height(answer: &Explained) -> f32 {
    if answer.reaches { ROW_HEIGHT } else { REASON_HEIGHT }
}

fn row(ui: &mut Ui, lab: &Lab, reached: &Reached, caller: &Caller, wish: &mut Wish) {
    let answer = &caller.answer;
    let is_unfolded = reached.unfolded() == Some(&caller.from);
    let name = format!("{}: {}", answer.from, answer.outcome.title());
    // The details of an unfolded row say why it fails: its row does not say it again.
    let is_name_alone = is_unfolded && answer.why.is_some();
    let height = if is_name_alone { 2.0 * NAME_AT } else { row_height(answer) };
    let (rect, response) = panel::row(ui, height, is_unfolded, &name);
    let palette = colors(ui);
    let tone = palette.tone(panel::outcome_tone(answer.outcome));
    let mark = Rect::from_center_size(pos2(rect.left() + WORDS_AT / 2.0, rect.center().y), Vec2::splat(size::ICON_LARGE));
    icon::paint(ui.painter(), panel::outcome_icon(answer.outcome), mark, tone);
    let left = rect.left() + WORDS_AT;
    let right = rect.right() - size::ICON - 2.0 * size::GRID;
    let name_y = rect.top() + NAME_AT;
    let title = widget::line(ui, &answer.from, (FontFace::SemiBold, font_size::BODY), palette.text, right - left);
    widget::paint_line(ui.painter(), left, name_y, title);
    let said = said(lab, answer);
    if !is_name_alone {
        let mut under = LayoutJob::simple(said.clone(), theme::font(FontFace::Regular, font_size::SMALL), palette.muted, right - left);
        under.wrap.max_rows = if answer.reaches { 1 } else { 2 };
        let under = ui.fonts_mut(|fonts| fonts.layout_job(under));
        ui.painter().galley(pos2(left, name_y + UNDER_NAME), under, palette.muted);
    }
    let chevron = Rect::from_center_size(pos2(right + size::ICON / 2.0, rect.center().y), Vec2::splat(size::ICON - 2.0));
    icon::paint(ui.painter(), if is_unfolded { Icon::ChevronUp } else { Icon::ChevronDown }, chevron, palette.muted);
    if response.hovered() || response.has_focus() {
        wish.hover = Some(caller.from.clone());
    }
    let tip = if is_unfolded { "Click to fold".to_owned() } else { format!("{said}\n\nClick for each hop") };
    if response.on_hover_text(tip).clicked() {
        wish.unfold = Some(caller.from.clone());
    }
}

/// A row's second line: over what the connection goes, or why it fails.
fn said(lab: &Lab, answer: &Explained) -> String {
    if let Some(why) = &answer.why {
        return why.message.clone();
    }
    let mut between: Vec<&str> = Vec::new();
    let inner = answer.hops.iter().map(|hop| hop.node.as_str()).filter(|node| lab.nodes.contains_key(*node));
    for node in inner {
        let is_end = answer.from == node || answer.hops.last().is_some_and(|last| last.node == node);
        if !is_end && between.last() != Some(&node) {
            between.push(node);
        }
    }
    let network = answer.enters_by.as_deref().or_else(|| answer.hops.iter().find_map(|hop| hop.network.as_deref()));
    let tunnel = answer.hops.iter().find(|hop| hop.step == "tunnels").and_then(|hop| hop.service.as_deref());
    let at = answer.address.as_deref().unwrap_or_default();
    match (between.as_slice(), network) {
        ([], Some(network)) => format!("Over {network} at {at}"),
        ([], None) => tunnel.map_or_else(|| format!("At {at}"), |tunnel| format!("Through {tunnel} at {at}")),
        (nodes, _) => format!("Over {} at {at}", nodes.join(", ")),
    }
}

/// Each hop of the unfolded row.
fn details(ui: &mut Ui, caller: &Caller, wish: &mut Wish) {
    let answer = &caller.answer;
    ui.horizontal_top(|ui| {
        ui.add_space(WORDS_AT);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = size::GRID;
            ui.add_space(size::GRID);
            if let Some(network) = &answer.enters_by {
                small(ui, &format!("It enters the lab by {network}."));
            }
            for (place, hop) in answer.hops.iter().enumerate() {
                small(ui, &format!("{}. {hop}", place + 1));
            }
            if let Some(source) = &answer.source {
                small(ui, &format!("The target sees {source}."));
            }
            if let Some(why) = &answer.why {
                let tone = match panel::outcome_tone(answer.outcome) {
                    crate::look::Tone::Neutral => colors(ui).text,
                    tone => colors(ui).tone(tone),
                };
                let font = theme::font(FontFace::Medium, font_size::SMALL);
                ui.add(Label::new(RichText::new(&why.message).font(font).color(tone)).wrap());
            }
            if let Endpoint::Node(node) = &caller.from {
                ui.horizontal(|ui| {
                    // Its words, not its padding, stand under the others.
                    ui.add_space(-size::GAP);
                    let button = widget::Button::quiet("Select").explanation("Select this node, and see who reaches it");
                    if ui.add(button).clicked() {
                        wish.go = Some(Endpoint::Node(node.clone()));
                    }
                });
            }
            ui.add_space(size::GAP);
        });
    });
}
