//! The plan: what will be done and why, before anything is; then how far each step is.

use super::{Desk, colors, command_button, row, subject_icon, subject_text, top_bar::next_command, words};
use crate::{
    app::{Command, RunCommand, SelectCommand, StepState, Tab, WindowCommand},
    look::{FontFace, Icon, Tone, size},
    plan::{Change, Step, StepId},
    rules::Severity,
    ui::{icon, widget},
};
use egui::{Rect, Ui, Vec2, pos2};
use std::collections::{BTreeMap, BTreeSet};

const ROW_HEIGHT: f32 = 28.0;
const SUBJECT_AT: f32 = 72.0;
const SUBJECT_WIDTH: f32 = 140.0;
const VERB_WIDTH: f32 = 120.0;

/// Shows the plan.
pub fn plan(ui: &mut Ui, desk: &mut Desk<'_>) {
    let state = desk.state;
    let Some(plan) = &state.run.plan else {
        ui.add_space(size::PANEL_MARGIN);
        let (title, text) = if state.run.is_deployed() {
            ("Deployed", "A plan says what would change between what runs and what is drawn, before anything does.")
        } else {
            ("Nothing is planned", "A plan says what would be made, changed and removed, and why, before anything is.")
        };
        widget::empty_state(ui, Icon::Play, title, text, |ui| command_button(ui, desk, Command::Run(RunCommand::Plan), |button| button));
        return;
    };
    if plan.is_empty() {
        ui.add_space(size::PANEL_MARGIN);
        widget::empty_state(ui, Icon::Check, "Nothing to do", "What runs is what is drawn.", |_| ());
        return;
    }
    summary(ui, desk, &plan.steps);
    let mut scroll = desk.memory.plan;
    if state.run.steps.is_empty() {
        scroll.seek_again();
    }
    scroll.show(ui, ROW_HEIGHT, plan.steps.len(), step_to_follow(&plan.steps, &state.run.steps), |ui, range| {
        for step in plan.steps.get(range).unwrap_or_default() {
            step_row(ui, desk, step);
        }
    });
    desk.memory.plan = scroll;
}

/// The step that the list scrolls to: the first one that runs, else the first one that failed.
fn step_to_follow(steps: &[Step], states: &BTreeMap<StepId, StepState>) -> Option<usize> {
    let first = |fits: fn(&StepState) -> bool| {
        let ids: BTreeSet<&StepId> = states.iter().filter(|(_, state)| fits(state)).map(|(id, _)| id).collect();
        if ids.is_empty() { None } else { steps.iter().position(|step| ids.contains(&step.id)) }
    };
    first(|state| matches!(state, StepState::Running)).or_else(|| first(|state| matches!(state, StepState::Failed(_))))
}

fn summary(ui: &mut Ui, desk: &mut Desk<'_>, steps: &[Step]) {
    ui.horizontal(|ui| {
        ui.set_height(size::CONTROL_HEIGHT);
        ui.add_space(size::GAP);
        for change in [Change::Create, Change::Update, Change::Delete] {
            let count = steps.iter().filter(|step| step.change == change).count();
            if count > 0 {
                let label = format!("{count} to {}", verb(change));
                let pill = widget::Pill::new(&label).icon(icon_of(change)).tone(tone_of(change)).show(ui);
                pill.response.on_hover_text("Steps of this kind in the plan");
            }
        }
        open_errors(ui, desk);
        if let Some(job) = &desk.state.run.job
            && job.total > 0
        {
            super::muted(ui, &format!("{} of {} done", job.done, job.total));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(size::GAP);
            // The bar at the top has the button of what is next, and the one that stops a job.
            if desk.state.run.job.is_none() && next_command(desk) != Command::Run(RunCommand::Deploy) {
                command_button(ui, desk, Command::Run(RunCommand::Deploy), |button| button);
            }
        });
    });
    ui.add_space(size::GRID);
}

/// How many errors the deployment would be asked about.
fn open_errors(ui: &mut Ui, desk: &mut Desk<'_>) {
    let label = match desk.state.review.count(Severity::Error) {
        0 => return,
        1 => "1 open error".to_owned(),
        count => format!("{count} open errors"),
    };
    let pill = widget::Pill::new(&label).icon(Icon::Error).tone(Tone::Bad).show(ui);
    if pill.response.on_hover_text("Errors block a deployment; click to list them").clicked() {
        desk.send(Command::Window(WindowCommand::Show(Tab::Findings)));
    }
}

/// The verb of a change.
pub fn verb(change: Change) -> &'static str {
    match change {
        Change::Create => "create",
        Change::Update => "change",
        Change::Delete => "remove",
    }
}

fn icon_of(change: Change) -> Icon {
    match change {
        Change::Create => Icon::Plus,
        Change::Update => Icon::Pencil,
        Change::Delete => Icon::Trash,
    }
}

fn tone_of(change: Change) -> Tone {
    match change {
        Change::Create => Tone::Good,
        Change::Update => Tone::Warn,
        Change::Delete => Tone::Bad,
    }
}

fn step_row(ui: &mut Ui, desk: &mut Desk<'_>, step: &Step) {
    let lab = desk.state.lab();
    let chosen = desk.state.selection.contains(&step.subject);
    let (rect, response) = row(ui, ROW_HEIGHT, chosen, &format!("{}: {}", step.id, step.reason));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let palette = colors(ui);
    let progress = desk.state.run.steps.get(&step.id);
    let (mark, color) = match progress {
        None => (icon_of(step.change), palette.tone(tone_of(step.change))),
        Some(StepState::Running) => (Icon::Dots, palette.accent),
        Some(StepState::Done) => (Icon::Check, palette.good),
        Some(StepState::Failed(_)) => (Icon::Error, palette.bad),
        Some(StepState::Skipped) => (Icon::Minus, palette.muted),
    };
    let icon_at = |x: f32| Rect::from_center_size(pos2(rect.left() + x, rect.center().y), Vec2::splat(size::ICON));
    icon::paint(ui.painter(), mark, icon_at(20.0), color);
    icon::paint(ui.painter(), subject_icon(lab, &step.subject), icon_at(50.0), palette.muted);
    let at = rect.left() + SUBJECT_AT;
    words(ui, rect, (at, at + SUBJECT_WIDTH - size::GAP), &subject_text(&step.subject), FontFace::SemiBold, palette.text);
    words(ui, rect, (at + SUBJECT_WIDTH, at + SUBJECT_WIDTH + VERB_WIDTH - size::GAP), step.action.verb(), FontFace::Mono, palette.muted);
    let (said, color) = match progress {
        Some(StepState::Failed(why)) => (why.as_str(), palette.bad),
        _ => (step.reason.as_str(), palette.text),
    };
    words(ui, rect, (at + SUBJECT_WIDTH + VERB_WIDTH, rect.right() - size::GAP), said, FontFace::Regular, color);
    if response.on_hover_text(said).clicked() {
        desk.send(Command::Select(SelectCommand::Reveal(step.subject.clone())));
    }
}
