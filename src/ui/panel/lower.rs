//! The lower panel: findings, plan, faults, events, load and log, one tab each. Folded, its tabs with their counts stay.

use super::{Desk, events, faults, findings, load, log, plan, severity_tone};
use crate::{
    app::{Command, Mode, Tab, WindowCommand},
    look::{Icon, Tone, size},
    rules::Severity,
    ui::widget,
};
use egui::{Margin, Ui};

/// Shows the tabs alone; a click on one unfolds the panel.
pub fn folded(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let tabs: Vec<_> = tabs(desk)
        .into_iter()
        .map(|tab| widget::Tab { value: Some(tab.value), label: tab.label, about: tab.about, count: tab.count })
        .collect();
    let mut wanted = None;
    let bar = widget::tab_bar(ui, "Lower panel", &mut wanted, &tabs);
    fold_button(ui, desk, &bar, Icon::ChevronUp, "Unfold the lower panel");
    if let Some(tab) = wanted {
        desk.send(Command::Window(WindowCommand::Show(tab)));
    }
}

fn fold_button(ui: &mut Ui, desk: &mut Desk<'_>, bar: &egui::Response, icon: Icon, name: &str) {
    let middle = egui::pos2(bar.rect.right() - 20.0, bar.rect.center().y);
    let corner = egui::Rect::from_center_size(middle, egui::Vec2::splat(size::CONTROL_HEIGHT));
    if ui.put(corner, widget::IconButton::new(icon, name).shortcut("Ctrl J")).clicked() {
        desk.send(Command::Window(WindowCommand::ToggleBottom));
    }
}

fn tabs(desk: &Desk<'_>) -> Vec<widget::Tab<'static, Tab>> {
    let run = &desk.state.run;
    let worst = Severity::ALL.into_iter().find(|severity| desk.state.review.count(*severity) > 0);
    let count = |tab: Tab| match tab {
        Tab::Findings => worst.map(|worst| (desk.state.review.total(), severity_tone(worst))),
        Tab::Plan => run.plan.as_ref().map(|plan| (plan.steps.len(), Tone::Accent)),
        Tab::Faults => Some((run.faults().len(), Tone::Bad)),
        Tab::Events | Tab::Load | Tab::Log => None,
    };
    let shown = |tab: &Tab| desk.state.mode == Mode::Run || !matches!(tab, Tab::Load | Tab::Faults);
    Tab::ALL
        .into_iter()
        .filter(shown)
        .map(|tab| widget::Tab { value: tab, label: tab.title(), about: tab.about(), count: count(tab) })
        .collect()
}

/// Shows the tabs and the one that is chosen.
pub fn lower(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let tabs = tabs(desk);
    let mut tab = desk.state.tab;
    let bar = ui.scope(|ui| widget::tab_bar(ui, "Lower panel", &mut tab, &tabs)).inner;
    fold_button(ui, desk, &bar, Icon::ChevronDown, "Fold the lower panel");
    if bar.changed() {
        desk.send(Command::Window(WindowCommand::Show(tab)));
    }
    egui::Frame::new().inner_margin(Margin::symmetric(8, 6)).show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        match tab {
            Tab::Findings => findings::findings(ui, desk),
            Tab::Plan => plan::plan(ui, desk),
            Tab::Faults => faults::faults(ui, desk),
            Tab::Events => events::events(ui, desk),
            Tab::Load => load::load(ui, desk),
            Tab::Log => log::log(ui, desk),
        }
    });
}
