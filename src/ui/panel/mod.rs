//! The panels around the canvas, one a file. Each reads the desk and sends commands.

mod events;
mod faults;
mod findings;
mod inject;
mod inspector;
mod load;
mod log;
mod lower;
mod menu;
mod page;
mod palette;
mod plan;
mod preview;
mod scroll;
mod stage;
mod top_bar;

pub use findings::{FindingList, other_fixes};
pub use inject::inject;
pub use inspector::{inspector, shown_path};
pub use load::NO_ENTRANCE;
pub use lower::{folded as lower_folded, lower};
pub use palette::{Tile, add_tile, matches as things_to_add, palette};
pub use preview::{FaultHover, follow_fault_hover};
pub use scroll::Scroll;
pub use stage::Stage;
pub use top_bar::{paint_logo, top_bar};

pub use crate::picture::draw::{health_tone, severity_tone};

use super::{icon, theme, theme::palette as colors};
use crate::{
    app::Command,
    look::{FontFace, Icon, Tone, font_size, size},
    model::{FlowId, Subject},
    reach::Outcome,
    rules::Severity,
    ui::Desk,
};
use egui::{Color32, Rect, Sense, Ui, Vec2, vec2};

/// The icon of a severity.
pub fn severity_icon(severity: Severity) -> Icon {
    match severity {
        Severity::Error => Icon::Error,
        Severity::Warning => Icon::Warning,
        Severity::Advice => Icon::Advice,
    }
}

/// How an attempt to connect ends, as a tone: what is refused or lost may well be meant.
pub fn outcome_tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Answered => Tone::Good,
        Outcome::Refused => Tone::Bad,
        Outcome::TimedOut => Tone::Warn,
        Outcome::Unreachable | Outcome::NameNotResolved => Tone::Neutral,
    }
}

/// The icon for it.
pub fn outcome_icon(outcome: Outcome) -> Icon {
    match outcome {
        Outcome::Answered => Icon::Check,
        Outcome::Refused => Icon::Block,
        Outcome::TimedOut => Icon::Delay,
        Outcome::Unreachable => Icon::LinkDown,
        Outcome::NameNotResolved => Icon::NoDns,
    }
}

/// The icon and colour of a notice.
pub fn tone_icon(ui: &Ui, tone: Tone) -> (Icon, Color32) {
    let icon = match tone {
        Tone::Bad => Icon::Error,
        Tone::Warn => Icon::Warning,
        Tone::Good => Icon::Check,
        Tone::Neutral | Tone::Accent | Tone::Advice | Tone::Vip => Icon::Info,
    };
    (icon, colors(ui).tone(tone))
}

/// An icon in a row.
pub fn paint_icon(ui: &mut Ui, icon: Icon, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(size::ICON, size::CONTROL_HEIGHT), Sense::hover());
    icon::paint(ui.painter(), icon, Rect::from_center_size(rect.center(), Vec2::splat(size::ICON)), color);
}

/// The icon of a thing.
pub fn subject_icon(lab: &crate::model::Lab, subject: &Subject) -> Icon {
    match subject {
        Subject::Node(name) => lab.nodes.get(name).map_or(Icon::App, |node| Icon::of_role(node.role)),
        Subject::Network(name) | Subject::Adapter(_, _, name) => {
            lab.networks.get(name).map_or(Icon::Internal, |it| Icon::of_network(it.kind))
        }
        Subject::Service(at) => lab.service(at).map_or(Icon::App, |service| kind_icon(&service.kind)),
        Subject::Vip(_) => Icon::Vip,
        Subject::Site(_) => Icon::Site,
        Subject::Flow(..) => Icon::ChevronRight,
        Subject::Link(..) => Icon::Cloud,
        Subject::Cluster(_) => Icon::Galera,
        Subject::Note(_) => Icon::Note,
        Subject::Outside => Icon::Cloud,
        Subject::Lab | Subject::Acceptance(_) => Icon::Settings,
    }
}

/// The icon of a kind of service.
pub fn kind_icon(kind: &str) -> Icon {
    crate::catalog::Catalog::embedded().get(kind).and_then(|entry| Icon::named(&entry.icon)).unwrap_or(Icon::App)
}

/// How lists write a thing: "db1 · galera".
pub fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Lab => "the lab".to_owned(),
        Subject::Node(name) => name.to_string(),
        Subject::Network(name) => name.to_string(),
        Subject::Site(name) => name.to_string(),
        Subject::Vip(name) => name.to_string(),
        Subject::Cluster(name) => name.to_string(),
        Subject::Adapter(node, _, network) => format!("{node} · {network}"),
        Subject::Service(at) => format!("{} · {}", at.node, at.service),
        Subject::Flow(id) => flow_text(id),
        Subject::Link(one, other) => format!("{one} – {other}"),
        Subject::Acceptance(index) => format!("acceptance {}", index + 1),
        Subject::Note(index) => format!("note {}", index + 1),
        Subject::Outside => crate::model::OUTSIDE.to_owned(),
    }
}

/// How lists write a flow: "app1/todo → db1/mariadb:3306".
pub fn flow_text(id: &FlowId) -> String {
    format!("{} → {}", id.from, id.target())
}

/// A word in the muted colour.
pub fn muted(ui: &mut Ui, text: &str) {
    ui.label(egui::RichText::new(text).color(colors(ui).muted));
}

/// Milliseconds as people read a time since something: "0.9 s", "4:12".
pub fn since(ms: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a time of hours in milliseconds is exact in f64")]
    let seconds = ms as f64 / 1000.0;
    if ms < 100_000 { format!("{seconds:.1} s") } else { format!("{}:{:02}", ms / 60_000, ms / 1000 % 60) }
}

/// How long something has been so, in whole seconds: "9 s", "4:12", "2 h 5 min".
pub fn age_text(ms: u64) -> String {
    let secs = ms / 1000;
    match secs {
        0..100 => format!("{secs} s"),
        100..3600 => format!("{}:{:02}", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3600, secs / 60 % 60),
    }
}

/// The same as text that goes on: once a second, for as long as it is shown.
pub fn age(ui: &Ui, ms: u64) -> String {
    ui.ctx().request_repaint_after(std::time::Duration::from_secs(1));
    age_text(ms)
}

/// Sends a command by a button with its title, icon and keys from the table.
pub fn command_button(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    command: Command,
    look: impl FnOnce(super::widget::Button<'_>) -> super::widget::Button<'_>,
) {
    let Some(entry) = command.entry() else { return };
    let keys = entry.shortcut.map(crate::app::Shortcut::text).unwrap_or_default();
    let mut button = super::widget::Button::new(entry.title).icon(entry.icon).explanation(entry.title);
    if !keys.is_empty() {
        button = button.shortcut(&keys);
    }
    if ui.add_enabled(desk.can(&command), look(button)).clicked() {
        desk.send(command);
    }
}

/// A list row of a height: its rectangle, and the response to clicks on it.
pub fn row(ui: &mut Ui, height: f32, chosen: bool, name: &str) -> (Rect, egui::Response) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(egui::WidgetType::SelectableLabel, true, chosen, name));
    let palette = colors(ui);
    if chosen || response.hovered() {
        let fill = if chosen { palette.raised } else { palette.raised.gamma_multiply(0.6) };
        ui.painter().rect_filled(rect, super::widget::corners(crate::look::radius::CONTROL), fill);
    }
    super::widget::focus_ring(ui, &response, rect, crate::look::radius::CONTROL);
    if response.gained_focus() {
        response.scroll_to_me(None);
    }
    (rect, response)
}

/// A line of words painted in a row, from `x` to at most `x_max`.
pub fn words(ui: &Ui, rect: Rect, (x, x_max): (f32, f32), text: &str, face: FontFace, color: Color32) -> Rect {
    let size = if face == FontFace::Mono { font_size::SMALL } else { font_size::BODY };
    let galley = super::widget::line(ui, text, (face, size), color, (x_max - x).max(8.0));
    super::widget::paint_line(ui.painter(), x, rect.center().y, galley)
}

/// A font of the body size.
pub fn body(face: FontFace) -> egui::FontId {
    theme::font(face, font_size::BODY)
}
