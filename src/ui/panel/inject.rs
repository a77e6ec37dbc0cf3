//! A fault before it is injected, at the side of the canvas: its size, how long it lasts, and what it would take with it.
//! The canvas stays in sight: what would be lost is dashed there meanwhile.

use super::{Desk, colors};
use crate::{
    activity::{Forecast, Outage},
    app::{Command, Considered, FaultCommand, SIM},
    look::{FontFace, Icon, Tone, font_size, size},
    model::{Fault, Subject, fault_secs},
    session::REAL_FAULT_SECS,
    ui::{icon, theme, widget},
};
use egui::{Frame, Margin, Rect, RichText, ScrollArea, Sense, Ui, Vec2, pos2, vec2};

/// Durations that are offered beside the field, in seconds.
const OFFERED_SECS: [u32; 4] = [30, 120, 600, 3600];

/// Shows the fault that is about to be injected.
pub fn inject(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some(considered) = desk.state.run.considered.clone() else { return };
    #[expect(clippy::cast_possible_truncation, reason = "a margin of a few points")]
    let margin = Margin::same(size::PANEL_MARGIN as i8);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(margin).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = size::GAP;
            head(ui, desk, &considered.fault);
            if let Some(number) = considered.fault.size()
                && let Some(value) = sized(ui, &number)
            {
                desk.send(Command::Fault(FaultCommand::Consider(considered.fault.sized(value))));
            }
            if !considered.fault.is_over_at_once() {
                duration(ui, desk, &considered);
            }
            buttons(ui, desk, &considered);
            match desk.state.run.prediction.as_ref().filter(|prediction| prediction.fault == considered.fault) {
                Some(prediction) => forecast(ui, desk, prediction),
                None if desk.state.run.hindrance(&considered.fault).is_some() => {}
                None => super::muted(ui, "The simulator is working out what this would take with it…"),
            }
        });
    });
}

fn head(ui: &mut Ui, desk: &mut Desk<'_>, fault: &Fault) {
    let verb = fault.verb();
    ui.horizontal(|ui| {
        super::paint_icon(ui, verb.map_or(Icon::Kill, Icon::of_fault), colors(ui).text);
        let title = RichText::new(verb.map_or(fault.word(), |verb| verb.title)).font(theme::font(FontFace::SemiBold, font_size::TITLE));
        ui.label(title);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.add(widget::IconButton::new(Icon::Cross, "Do not inject it").shortcut("Esc").small()).clicked() {
                desk.send(Command::Fault(FaultCommand::CloseConsidered));
            }
        });
    });
    ui.add(egui::Label::new(RichText::new(target(fault)).font(theme::font(FontFace::Medium, font_size::BODY))).wrap());
    super::muted(ui, verb.map_or("", |verb| verb.does));
    ui.separator();
}

/// What a fault falls on, without its size.
fn target(fault: &Fault) -> String {
    match fault {
        Fault::Loss(node, network, _) | Fault::Delay(node, network, _) | Fault::LinkDown(node, network) => format!("{node} on {network}"),
        Fault::Skew(node, _) => node.to_string(),
        Fault::OneWay(from, to) => format!("from {from} to {to}"),
        Fault::Cut(one, other) => {
            let list = |nodes: &[crate::model::NodeName]| nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(", ");
            format!("{} from {}", list(one), list(other))
        }
        other => other.on(),
    }
}

/// The field of a fault's size; the new value once it is committed.
fn sized(ui: &mut Ui, number: &crate::model::FaultSize) -> Option<i64> {
    let field = widget::NumberField::new(number.name, number.value, number.range.clone()).unit(number.unit).step(number.step);
    let value = widget::field_row(ui, number.name, None, |ui| field.show(ui));
    super::muted(ui, &format!("{} to {} {}", number.range.start(), number.range.end(), number.unit));
    value
}

fn duration(ui: &mut Ui, desk: &mut Desk<'_>, considered: &Considered) {
    let is_sim = desk.state.run.provider == SIM;
    let usual = if is_sim { "until it is healed".to_owned() } else { seconds_text(REAL_FAULT_SECS) };
    let text = considered.lasts_secs.map(seconds_text).unwrap_or_default();
    let read = |text: &str| if text.trim().is_empty() { Ok(None) } else { fault_secs(text).map(Some) };
    let check = |text: &str| read(text).map(drop);
    let typed = widget::field_row(ui, "Duration", None, |ui| {
        widget::TextField::new("Duration", &text).mono().placeholder(&usual).check(&check).show(ui).committed()
    });
    if let Some(lasts_secs) = typed.and_then(|text| read(&text).ok()) {
        desk.send(Command::Fault(FaultCommand::ConsiderLasting(lasts_secs)));
    }
    ui.horizontal_wrapped(|ui| {
        for secs in OFFERED_SECS {
            let tone = if considered.lasts_secs == Some(secs) { Tone::Accent } else { Tone::Neutral };
            let text = seconds_text(secs);
            let pill = widget::Pill::new(&text).tone(tone).show(ui);
            if pill.response.on_hover_text("Heal it by itself after this time").clicked() {
                desk.send(Command::Fault(FaultCommand::ConsiderLasting(if tone == Tone::Accent { None } else { Some(secs) })));
            }
        }
    });
    super::muted(ui, &format!("1s to 24h; without a time {}", if is_sim { usual } else { format!("it heals after {usual}") }));
}

/// Seconds as the field takes them: "90s", "5m", "1h".
fn seconds_text(secs: u32) -> String {
    match secs {
        secs if secs.is_multiple_of(3600) => format!("{}h", secs / 3600),
        secs if secs.is_multiple_of(60) => format!("{}m", secs / 60),
        secs => format!("{secs}s"),
    }
}

fn buttons(ui: &mut Ui, desk: &mut Desk<'_>, considered: &Considered) {
    let fault = &considered.fault;
    let verb = fault.verb();
    let hindrance = desk.state.run.hindrance(fault);
    ui.add_space(size::GRID);
    ui.horizontal(|ui| {
        let button = widget::Button::danger(verb.map_or(fault.word(), |verb| verb.title))
            .icon(verb.map_or(Icon::Kill, Icon::of_fault))
            .explanation("Inject this fault");
        let button = ui.add_enabled(hindrance.is_none(), button);
        if button.on_disabled_hover_text(hindrance.as_deref().unwrap_or_default()).clicked() {
            desk.send(Command::Fault(FaultCommand::Inject(fault.clone(), considered.lasts_secs)));
        }
        if ui.add(widget::Button::new("Cancel").explanation("Do not inject it").shortcut("Esc")).clicked() {
            desk.send(Command::Fault(FaultCommand::CloseConsidered));
        }
    });
    if let Some(why) = hindrance {
        ui.label(RichText::new(why).color(colors(ui).warn));
    }
    ui.separator();
}

/// How good what is predicted of requests is.
fn outage_tone(outage: Outage) -> Tone {
    match outage {
        Outage::NoRequests => Tone::Neutral,
        Outage::None => Tone::Good,
        Outage::Until(_) | Outage::NowAndThen => Tone::Warn,
        Outage::Partial | Outage::Total => Tone::Bad,
    }
}

fn forecast(ui: &mut Ui, desk: &Desk<'_>, prediction: &Forecast) {
    widget::section_header(ui, "The simulator predicts", None);
    let palette = theme::palette(ui);
    let tone = outage_tone(prediction.outage);
    let color = if tone == Tone::Neutral { palette.muted } else { palette.tone(tone) };
    ui.label(RichText::new(&prediction.requests).color(color));
    ui.spacing_mut().item_spacing.y = 0.0;
    for one in &prediction.lines {
        line(ui, desk, &one.subject, &one.says, if one.is_move() { Tone::Vip } else { Tone::Bad });
    }
    if prediction.lines.is_empty() {
        super::muted(ui, prediction.because.unwrap_or("No service, cluster or VIP is touched."));
    }
}

fn line(ui: &mut Ui, desk: &Desk<'_>, subject: &Subject, what: &str, tone: Tone) {
    let palette = theme::palette(ui);
    let name = super::subject_text(subject);
    let left = 22.0;
    let width = (ui.available_width() - left).max(40.0);
    let words = ui.painter().layout(what.to_owned(), super::body(FontFace::Regular), palette.muted, width);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0 + words.size().y + size::GAP), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, format!("{name}: {what}")));
    let top = Rect::from_min_size(rect.min, vec2(rect.width(), 20.0));
    let middle = pos2(rect.left() + size::ICON / 2.0, top.center().y);
    let symbol = super::subject_icon(desk.state.lab(), subject);
    icon::paint(ui.painter(), symbol, Rect::from_center_size(middle, Vec2::splat(size::ICON)), palette.tone(tone));
    super::words(ui, top, (rect.left() + left, rect.right()), &name, FontFace::SemiBold, palette.text);
    ui.painter().galley(pos2(rect.left() + left, top.bottom()), words, palette.muted);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_outage_is_never_good_and_no_requests_are_not_no_failures() {
        assert_eq!([Outage::Total, Outage::Partial].map(outage_tone), [Tone::Bad; 2]);
        assert_eq!(outage_tone(Outage::NoRequests), Tone::Neutral);
        assert_eq!(outage_tone(Outage::None), Tone::Good);
    }

    #[test]
    fn what_is_offered_is_read_back() {
        for secs in OFFERED_SECS {
            assert_eq!(fault_secs(&seconds_text(secs)), Ok(secs));
        }
    }
}
