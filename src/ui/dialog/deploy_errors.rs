//! The plan is to be deployed, and the lab has open errors: each with its fixes, and the explicit way on.

use super::{Desk, buttons, cancel, confirm, text, theme, title, widget};
use crate::{
    app::{Command, Dialog, DialogCommand, EditCommand, RunCommand, SelectCommand},
    look::{FontFace, font_size, size},
    rules::Finding,
    ui::{icon, panel},
};
use egui::{Align, Label, Layout, Rect, RichText, ScrollArea, Sense, Ui, Vec2, vec2};

/// Errors that are listed; more of them are in the findings.
const LISTED_MAX: usize = 20;
/// The part of the window's height that the list takes at most.
const LIST_PART: f32 = 0.45;
const FIX_WIDTH_MAX: f32 = 260.0;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    let places: Vec<usize> = desk.state.review.blocking().collect();
    let has_plan = desk.state.run.plan.is_some();
    match places.len() {
        0 => title(ui, "No open errors"),
        1 => title(ui, "Deploy with 1 open error?"),
        count => title(ui, &format!("Deploy with {count} open errors?")),
    }
    text(ui, explanation(places.is_empty(), has_plan));
    ui.add_space(size::GRID);
    let height = ui.ctx().content_rect().height() * LIST_PART;
    ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
        for place in places.iter().take(LISTED_MAX) {
            if let Some(finding) = desk.state.review.findings().get(*place) {
                error(ui, desk, *place, finding);
            }
        }
        if places.len() > LISTED_MAX {
            text(ui, &format!("{} more are listed in the findings.", places.len() - LISTED_MAX));
        }
    });
    buttons(ui, |ui| {
        if !has_plan {
            let plan = widget::Button::primary("Plan…").explanation("Plan the changed layout; deploy it afterwards");
            if confirm(ui, plan) {
                desk.send(Command::Dialog(DialogCommand::CloseDialog));
                desk.send(Command::Run(RunCommand::Plan));
            }
        } else if places.is_empty() {
            if confirm(ui, widget::Button::primary("Deploy").explanation("Deploy the plan")) {
                desk.send(Command::Run(RunCommand::Deploy));
            }
        } else if ui.add(widget::Button::danger("Deploy anyway").explanation("Deploy the plan with these errors")).clicked() {
            desk.send(Command::Run(RunCommand::DeployAnyway));
        }
        cancel(ui, desk, "Cancel");
    });
}

fn explanation(is_clear: bool, has_plan: bool) -> &'static str {
    match (is_clear, has_plan) {
        (true, true) => "Nothing blocks the deployment any more.",
        (true, false) => "The layout has changed: plan it again, then deploy.",
        (false, true) => "Fix or accept them first. Deploy anyway sets up the lab as it is drawn, with these errors.",
        (false, false) => "The layout has changed: fix or accept the other errors, then plan it again.",
    }
}

/// An error: where it is, what is wrong, and what to do about it.
fn error(ui: &mut Ui, desk: &mut Desk<'_>, place: usize, finding: &Finding) {
    let palette = theme::palette(ui);
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(size::ICON_LARGE), Sense::hover());
        let mark = Rect::from_center_size(rect.center(), Vec2::splat(size::ICON));
        icon::paint(ui.painter(), panel::severity_icon(finding.severity), mark, palette.tone(panel::severity_tone(finding.severity)));
        ui.with_layout(Layout::top_down(Align::LEFT), |ui| {
            ui.spacing_mut().item_spacing.y = size::GRID;
            let subject = RichText::new(panel::subject_text(&finding.subject)).font(theme::font(FontFace::SemiBold, font_size::BODY));
            ui.add(Label::new(subject).truncate());
            ui.add(Label::new(finding.message.as_str()).wrap());
            ui.allocate_ui_with_layout(vec2(ui.available_width(), size::CONTROL_HEIGHT), Layout::left_to_right(Align::Center), |ui| {
                ways_out(ui, desk, place, finding);
            });
        });
    });
    ui.add_space(size::GAP);
}

fn ways_out(ui: &mut Ui, desk: &mut Desk<'_>, place: usize, finding: &Finding) {
    let (rule, subject) = (finding.rule.to_owned(), finding.subject.clone());
    let fixes = desk.state.review.fixes(place);
    if let Some(best) = fixes.first() {
        let fix = |fix: usize| Command::Edit(EditCommand::Fix { rule: rule.clone(), subject: subject.clone(), fix });
        let wanted = widget::line(ui, &best.title, (FontFace::Medium, font_size::BODY), theme::palette(ui).text, FIX_WIDTH_MAX).size().x;
        // As wide as its words with their margins, and no wider than the row has room for.
        let button = widget::Button::new(&best.title).explanation(&best.title).width((wanted + 24.0).ceil());
        if ui.add(button).clicked() {
            desk.edit_in_design(fix(0));
        }
        if fixes.len() > 1 {
            panel::other_fixes(ui, desk, fixes, fix);
        }
    }
    if ui.add(widget::Button::quiet("Accept…").explanation("Say why this is meant; it then no longer counts")).clicked() {
        desk.edit_in_design(Command::Dialog(DialogCommand::Ask(Dialog::Accept { rule, subject })));
    }
    if ui.add(widget::Button::quiet("Show").explanation("Close this dialog and select the finding")).clicked() {
        desk.send(Command::Dialog(DialogCommand::CloseDialog));
        desk.send(Command::Select(SelectCommand::SelectFinding(place)));
    }
}
