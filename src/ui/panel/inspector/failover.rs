//! What a fault did to the lab: the move of a VIP with its times, and what became of requests. Shown with the things that it
//! was about.

use super::Desk;
use crate::{
    app::LastFault,
    catalog::Catalog,
    fault,
    look::{Icon, size},
    model::{FailoverRuler, Lab, RequestOutage, Subject},
    ui::{panel, theme, widget},
};
use egui::{Rect, Sense, Ui, vec2};

/// Shows the last failover and the last fault, where they concern a thing.
pub(super) fn show(ui: &mut Ui, desk: &Desk<'_>, subject: &Subject) {
    let (run, lab) = (&desk.state.run, desk.state.lab());
    if let Some(moved) = run.measured.as_ref().filter(|moved| concerns(lab, subject, moved)) {
        ui.separator();
        failover(ui, moved, run.now_ms());
    }
    if let Some(last) = run.last_fault.as_ref().filter(|last| *subject == Subject::Lab || fault::falls_on(&last.fault, subject)) {
        ui.separator();
        outage(ui, lab, (last, run.outage.as_ref()), run.now_ms());
    }
}

/// Whether a move of a VIP is about a thing: the lab, the VIP, the nodes that gave and took it, and what it follows there.
fn concerns(lab: &Lab, subject: &Subject, moved: &FailoverRuler) -> bool {
    let is_end = |node: &crate::model::NodeName| moved.to == *node || moved.from.as_ref() == Some(node);
    match subject {
        Subject::Lab => true,
        Subject::Vip(vip) => moved.vip == *vip,
        Subject::Node(node) => is_end(node),
        Subject::Service(at) => {
            is_end(&at.node) && lab.vips.get(&moved.vip).and_then(|vip| vip.follows.as_ref()).is_some_and(|follows| *follows == at.service)
        }
        _ => false,
    }
}

fn failover(ui: &mut Ui, moved: &FailoverRuler, now_ms: u64) {
    widget::section_header(ui, &format!("Failover of {}", moved.vip), None);
    let palette = theme::palette(ui);
    let after = |at_ms: u64| at_ms.saturating_sub(moved.fault_at_ms);
    let (detected, elected) = (after(moved.detected_at_ms), after(moved.elected_at_ms));
    let good = moved.first_good_at_ms.map(after);
    ui.horizontal(|ui| {
        panel::paint_icon(ui, Icon::Vip, palette.vip);
        let from = moved.from.as_ref().map_or("nobody", |node| node.as_str());
        ui.label(format!("{from} → {}", moved.to));
        panel::muted(ui, &format!("{} ago", panel::age(ui, now_ms.saturating_sub(moved.elected_at_ms))));
    });
    bar(ui, [Some(detected), Some(elected), good]);
    widget::value_row(ui, "detected", &panel::since(detected), palette.text);
    widget::value_row(ui, "elected", &panel::since(elected), palette.text);
    if moved.requests > 0 {
        let (words, color) = good.map_or(("not yet".to_owned(), palette.bad), |ms| (panel::since(ms), palette.good));
        widget::value_row(ui, "first good request", &words, color);
    }
    // Of several entries one may be out while others go on.
    for entry in moved.entries.iter().filter(|entry| entry.failed_requests > 0) {
        let words = format!("{} of {} failed, gap {}", entry.failed_requests, entry.requests, panel::since(entry.longest_gap_ms));
        widget::value_row(ui, &entry.id.target().to_string(), &words, palette.bad);
    }
}

/// What became of requests since a fault.
fn outage(ui: &mut Ui, lab: &Lab, (last, measured): (&LastFault, Option<&RequestOutage>), now_ms: u64) {
    widget::section_header(ui, "Since the last fault", None);
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        panel::paint_icon(ui, last.fault.verb().map_or(Icon::Kill, Icon::of_fault), palette.bad);
        ui.add(egui::Label::new(fault::state(&last.fault)).wrap());
    });
    panel::muted(ui, &format!("{} ago", panel::age(ui, now_ms.saturating_sub(last.since_ms))));
    if !Catalog::embedded().has_entrance(lab) {
        panel::muted(ui, panel::NO_ENTRANCE);
        return;
    }
    if let Some(measured) = measured {
        let color = if measured.failed_requests > 0 { palette.bad } else { palette.text };
        widget::value_row(ui, "requests failed", &format!("{} of {}", measured.failed_requests, measured.requests), color);
        let (words, color) = match (measured.answered_after_ms, measured.failed_requests) {
            (Some(ms), _) => (format!("after {}", panel::since(ms)), palette.good),
            (None, 0) => ("none failed".to_owned(), palette.text),
            (None, _) => ("not yet".to_owned(), palette.bad),
        };
        widget::value_row(ui, "all answered again", &words, color);
    }
    if let Some(ms) = last.predicted_ms {
        widget::value_row(ui, "predicted", &format!("after {}", panel::since(ms)), palette.muted);
    }
}

/// Three parts of one length: until detected, until elected, until requests are good.
fn bar(ui: &mut Ui, times: [Option<u64>; 3]) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), size::GAP), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, "Failover ruler"));
    let palette = theme::palette(ui);
    ui.painter().rect_filled(rect, size::GRID, palette.raised);
    let whole = times.iter().flatten().copied().max().unwrap_or(0).max(1);
    let mut from = 0;
    for (time, color) in times.into_iter().zip([palette.bad, palette.warn, palette.good]) {
        let Some(time) = time.filter(|time| *time > from) else { continue };
        #[expect(clippy::cast_precision_loss, reason = "a failover lasts seconds")]
        let x = |ms: u64| rect.left() + rect.width() * ms as f32 / whole as f32;
        ui.painter().rect_filled(Rect::from_x_y_ranges(x(from)..=x(time), rect.y_range()), 2.0, color);
        from = time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::MoveCause, picture::fixture};

    #[test]
    fn a_failover_is_shown_with_what_it_was_about_and_nothing_else() {
        let lab = fixture::mini_cloud();
        let (vip, drawn) = lab.vips.first().unwrap();
        let moved = FailoverRuler {
            vip: vip.clone(),
            from: Some("db1".parse().unwrap()),
            to: "db2".parse().unwrap(),
            cause: MoveCause::Fault,
            fault_at_ms: 0,
            detected_at_ms: 900,
            elected_at_ms: 1300,
            first_good_at_ms: None,
            failed_requests: 0,
            requests: 0,
            entries: Vec::new(),
        };
        let shown = |subject: Subject| concerns(&lab, &subject, &moved);
        assert!(shown(Subject::Lab) && shown(Subject::Vip(vip.clone())));
        assert!(shown(Subject::Node("db1".parse().unwrap())) && shown(Subject::Node("db2".parse().unwrap())));
        assert!(!shown(Subject::Node("lb".parse().unwrap())) && !shown(Subject::Vip("another".parse().unwrap())));
        let follows = drawn.follows.clone().unwrap();
        assert!(shown(Subject::Service(crate::model::ServiceRef { node: "db2".parse().unwrap(), service: follows })));
        assert!(!shown(Subject::Service("db2/ssh".parse().unwrap())));
    }
}
