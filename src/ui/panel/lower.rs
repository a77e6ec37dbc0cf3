//! The lower panel: findings, plan, events, load and log, one tab each.

use super::{Desk, events, findings, load, log, plan, severity_tone};
use crate::{
    app::{Command, Mode, Tab},
    look::{Icon, Tone, size},
    rules::Severity,
    ui::widget,
};
use egui::{Margin, Ui};

/// Shows the tabs and the one that is chosen.
pub fn lower(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let run = &desk.state.run;
    let worst = Severity::ALL.into_iter().find(|severity| desk.state.review.count(*severity) > 0);
    let count = |tab: Tab| match tab {
        Tab::Findings => worst.map(|worst| (desk.state.review.total(), severity_tone(worst))),
        Tab::Plan => run.plan.as_ref().map(|plan| (plan.steps.len(), Tone::Accent)),
        Tab::Events => Some((run.faults().len(), Tone::Bad)),
        Tab::Load | Tab::Log => None,
    };
    let shown = |tab: &Tab| desk.state.mode == Mode::Run || !matches!(tab, Tab::Load);
    let tabs: Vec<widget::Tab<'_, Tab>> =
        Tab::ALL.into_iter().filter(shown).map(|tab| widget::Tab { value: tab, label: tab.title(), count: count(tab) }).collect();
    let mut tab = desk.state.tab;
    let bar = ui.scope(|ui| widget::tab_bar(ui, "Lower panel", &mut tab, &tabs)).inner;
    let corner =
        egui::Rect::from_center_size(egui::pos2(bar.rect.right() - 20.0, bar.rect.center().y), egui::Vec2::splat(size::CONTROL_HEIGHT));
    let fold = ui.put(corner, widget::IconButton::new(Icon::ChevronDown, "Fold the lower panel").shortcut("Ctrl J"));
    if fold.clicked() {
        desk.send(Command::ToggleBottom);
    }
    if bar.changed() {
        desk.send(Command::Show(tab));
    }
    egui::Frame::new().inner_margin(Margin::symmetric(8, 6)).show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        match tab {
            Tab::Findings => findings::findings(ui, desk),
            Tab::Plan => plan::plan(ui, desk),
            Tab::Events => events::events(ui, desk),
            Tab::Load => load::load(ui, desk),
            Tab::Log => log::log(ui, desk),
        }
    });
}
