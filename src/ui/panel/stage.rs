//! The middle of the window: the canvas, and what floats over it.

use super::{Desk, menu};
use crate::{
    app::{Command, FaultCommand, Mode, ModeCommand, SelectCommand, State, StepState, Tab, ViewMove, WindowCommand, ops},
    catalog::Catalog,
    fault,
    look::{FontFace, Icon, Tone, font_size, size},
    model::{Lab, NodeName, Pos, Subject, VipName},
    picture::{self, Overlay},
    ui::{
        canvas::{Canvas, CanvasEvent, CanvasInput, Editing, Furniture, KeptView, Requests, Tool},
        widget,
    },
};
use egui::{Align2, Id, Pos2, Rect, Ui, vec2};
use std::collections::BTreeMap;

/// A step of the zoom buttons and keys.
const ZOOM_STEP: f32 = 1.25;
/// The widest text that says why the lab cannot be observed, in points.
const STALE_WIDTH_MAX: f32 = 560.0;

/// What the window keeps for its middle.
#[derive(Debug, Default)]
pub struct Stage {
    canvas: Canvas,
    /// The revision of the lab that the canvas has.
    drawn: Option<u64>,
    moves: Vec<ViewMove>,
    rename: Option<Subject>,
    menu: Option<Menu>,
    /// Whether anything was selected when the canvas was shown last.
    selected: bool,
    /// Where the canvas looked before the presentation, while there is one.
    before_presenting: Option<KeptView>,
}

/// A context menu that is open.
#[derive(Debug)]
struct Menu {
    subject: Option<Subject>,
    at: Pos2,
    at_lab: Pos,
}

impl Stage {
    /// Moves the view, in the next frame.
    pub fn go(&mut self, movement: ViewMove) {
        self.moves.push(movement);
    }

    /// Opens the field for a thing's name, in the next frame.
    pub fn rename(&mut self, subject: Subject) {
        self.rename = Some(subject);
    }

    /// The canvas, for tests.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// Shows the canvas and what floats over it.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut Desk<'_>) {
        let room = ui.available_rect_before_wrap();
        let state = desk.state;
        if let Some(subject) = self.rename.take() {
            self.canvas.rename(&subject);
        }
        let selection: Vec<Subject> = state.selection.iter().cloned().collect();
        let progress = progress(state);
        let (highlight, at_risk, would_move) = (highlight(state), at_risk(state), would_move(state));
        let presenting = state.mode == Mode::Present;
        let path = super::shown_path(desk);
        match (presenting, self.before_presenting) {
            (true, None) => self.before_presenting = Some(self.canvas.keep_view()),
            (false, Some(view)) => {
                self.before_presenting = None;
                self.canvas.restore_view(view);
            }
            _ => {}
        }
        let touched = self.drawn.and_then(|drawn| state.touched_since(drawn));
        self.drawn = Some(state.revision());
        let input = CanvasInput {
            lab: state.lab(),
            lab_revision: state.revision(),
            touched: touched.as_ref(),
            catalog: Catalog::embedded(),
            overlay: Overlay {
                mode: match state.mode {
                    Mode::Design => picture::Mode::Design,
                    Mode::Run => picture::Mode::Run,
                    Mode::Present => picture::Mode::Present,
                },
                findings: state.review.findings(),
                observed: state.run.observed.as_ref().filter(|observed| !observed.is_empty()),
                plan: state.run.plan.as_ref().filter(|_| state.mode == Mode::Run),
                progress: (!progress.is_empty()).then_some(&progress),
                highlight: &highlight,
                at_risk: &at_risk,
                would_move: &would_move,
            },
            overlay_revision: state.shown_revision(),
            selection: if presenting { &[] } else { &selection },
            editing: if state.mode == Mode::Design { Editing::Allowed } else { Editing::Locked },
            tool: if state.mode == Mode::Run { desk.memory.tool } else { Tool::Select },
            furniture: if presenting { Furniture::Hidden } else { Furniture::Shown },
            requests: requests(state),
            path: path.as_ref(),
        };
        // In a narrow window a selection opens the inspector: what was clicked stays where it is.
        if std::mem::replace(&mut self.selected, !selection.is_empty()) == selection.is_empty() {
            self.canvas.keep_still();
        }
        let output = if presenting {
            let above =
                Rect::from_min_max(room.min, egui::pos2(room.right(), room.bottom() - super::page::HEIGHT.min(room.height() / 3.0)));
            ui.scope_builder(egui::UiBuilder::new().max_rect(above), |ui| self.canvas.show(ui, &input)).inner
        } else {
            self.canvas.show(ui, &input)
        };
        if presenting {
            if output.response.clicked() {
                desk.send(Command::Mode(ModeCommand::NextView));
            }
        } else {
            for event in output.events {
                self.take(event, desk);
            }
        }
        for movement in std::mem::take(&mut self.moves) {
            self.move_view(ui, state.lab(), movement);
        }
        let shown = self.canvas.shown();
        if shown.exists() {
            desk.memory.visible = Some((pos_of(shown.min), pos_of(shown.max)));
        }
        self.context_menu(ui, desk);
        if presenting {
            super::page::page(ui, desk, room);
        } else {
            if state.mode == Mode::Run {
                faults(ui, desk, room);
                stale(ui, desk, room);
            }
            if state.lab().nodes.is_empty() && state.lab().networks.is_empty() {
                empty(ui, room);
            }
        }
    }

    fn take(&mut self, event: CanvasEvent, desk: &mut Desk<'_>) {
        match event {
            CanvasEvent::Edit(step) => desk.act(Ok(step)),
            CanvasEvent::Select(subjects) => desk.send(Command::Select(SelectCommand::Select(subjects))),
            CanvasEvent::Open(subject) => {
                desk.send(Command::Select(SelectCommand::Select(vec![subject])));
                if !desk.state.preferences.inspector_open {
                    desk.send(Command::Window(WindowCommand::ToggleInspector));
                }
            }
            CanvasEvent::Menu { subject, at, at_lab } => self.menu = Some(Menu { subject, at, at_lab: pos_of(at_lab) }),
            CanvasEvent::Lasso(nodes) => {
                desk.memory.tool = Tool::Select;
                let chosen: Vec<Subject> = nodes.into_iter().map(Subject::Node).collect();
                let cut = fault::VERBS.iter().find(|verb| verb.word == "cut");
                let fault = cut.and_then(|verb| fault::of_verb(desk.state.lab(), &chosen, verb).into_iter().next());
                match fault {
                    Some(fault) => desk.send(Command::Fault(FaultCommand::Consider(fault))),
                    None => desk.act(Err(ops::Refusal("A cut needs nodes on both sides: draw the line around some of them.".into()))),
                }
            }
            CanvasEvent::Refused(why) => desk.act(Err(ops::Refusal(why))),
        }
    }

    fn move_view(&mut self, ui: &Ui, lab: &Lab, movement: ViewMove) {
        match movement {
            ViewMove::Fit => self.canvas.fit(ui),
            ViewMove::To(subjects) => match subjects.as_slice() {
                [one] => self.canvas.zoom_to(ui, lab, one),
                several => {
                    let areas = several.iter().filter_map(|subject| self.canvas.scene().rect_of(lab, subject));
                    if let Some(area) = areas.reduce(|one, other| one.union(&other)) {
                        self.canvas.fly_to_area(ui, area, 1.0);
                    }
                }
            },
            ViewMove::Area(from, to) => self.canvas.fly_to_area(ui, picture::Rect { min: point_of(from), max: point_of(to) }, 4.0),
            ViewMove::In => self.canvas.zoom_by(ui, ZOOM_STEP),
            ViewMove::Out => self.canvas.zoom_by(ui, 1.0 / ZOOM_STEP),
            ViewMove::Actual => self.canvas.zoom_to_100(ui),
        }
    }

    fn context_menu(&mut self, ui: &Ui, desk: &mut Desk<'_>) {
        let Some(menu) = &self.menu else { return };
        let mut open = true;
        let layer = egui::LayerId::new(egui::Order::Foreground, Id::new("canvas menu"));
        egui::Popup::new(Id::new("canvas menu"), ui.ctx().clone(), menu.at, layer)
            .kind(egui::PopupKind::Menu)
            .layout(egui::Layout::top_down_justified(egui::Align::Min))
            .style(egui::containers::menu::menu_style)
            .open_bool(&mut open)
            .show(|ui| {
                menu::style(ui);
                match &menu.subject {
                    Some(subject) => menu::of_thing(ui, desk, subject),
                    None => menu::of_ground(ui, desk, menu.at_lab),
                }
            });
        if !open {
            self.menu = None;
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a place on the canvas; the cast saturates")]
fn pos_of(at: picture::Point) -> Pos {
    Pos(at.x.round() as i32, at.y.round() as i32)
}

#[expect(clippy::cast_precision_loss, reason = "a place on the canvas")]
fn point_of(at: Pos) -> picture::Point {
    picture::point(at.0 as f32, at.1 as f32)
}

/// How far each node is while a plan runs.
fn progress(state: &State) -> BTreeMap<NodeName, picture::Progress> {
    let mut all: BTreeMap<NodeName, picture::Progress> = BTreeMap::new();
    let Some(plan) = state.run.plan.as_ref().filter(|_| !state.run.steps.is_empty()) else { return all };
    for step in &plan.steps {
        let Some(node) = step.action.node() else { continue };
        let entry = all.entry(node.clone()).or_insert(picture::Progress { done: 0, of: 0, failed: false });
        entry.of += 1;
        match state.run.steps.get(&step.id) {
            Some(StepState::Done) => entry.done += 1,
            Some(StepState::Failed(_)) => entry.failed = true,
            Some(StepState::Running | StepState::Skipped) | None => {}
        }
    }
    all
}

/// The last requests from outside, while the lab runs and is watched.
fn requests(state: &State) -> Option<Requests> {
    let last = state.run.load.back().filter(|_| state.mode != Mode::Design && state.run.is_deployed() && state.run.stale.is_none())?;
    Some(Requests { at_ms: last.at_ms, good: last.good, failed: last.failed })
}

fn highlight(state: &State) -> Vec<Subject> {
    if state.mode == Mode::Present { state.presentation.highlight(state.lab()) } else { Vec::new() }
}

/// What the fault that is rested on or chosen would take with it.
fn at_risk(state: &State) -> Vec<Subject> {
    let prediction = state.run.shown_prediction().filter(|_| state.mode == Mode::Run);
    prediction.into_iter().flat_map(|it| &it.lines).map(|line| line.subject.clone()).collect()
}

/// Where the fault that is rested on or chosen would move VIPs to.
fn would_move(state: &State) -> Vec<(VipName, Vec<NodeName>)> {
    let prediction = state.run.shown_prediction().filter(|_| state.mode == Mode::Run);
    prediction.map(|prediction| prediction.holders.clone()).unwrap_or_default()
}

/// What an empty lab says.
fn empty(ui: &mut Ui, room: Rect) {
    let middle = Rect::from_center_size(room.center(), vec2(360.0_f32.min(room.width()), 160.0));
    ui.scope_builder(egui::UiBuilder::new().max_rect(middle), |ui| {
        let text = "Drag a network and a few nodes from the palette, then draw from a node to a network to connect it.";
        widget::empty_state(ui, Icon::Grid, "An empty lab", text, |_| ());
    });
}

/// Why the lab cannot be observed, for as long as it cannot.
fn stale(ui: &Ui, desk: &mut Desk<'_>, room: Rect) {
    let Some(why) = &desk.state.run.stale else { return };
    let text = format!("The lab cannot be observed; what is shown is stale. {}", widget::capitalized(why));
    let below = if desk.state.run.faults().is_empty() { 12.0 } else { 24.0 + widget::FLOATING_BAR_HEIGHT };
    widget::floating_bar(ui.ctx(), Id::new("stale"), room, Align2::LEFT_TOP, vec2(12.0, below), |ui| {
        ui.add_space(size::GAP);
        let (icon, color) = super::tone_icon(ui, Tone::Bad);
        super::paint_icon(ui, icon, color);
        let font = crate::ui::theme::font(FontFace::Medium, font_size::BODY);
        let width = (room.width() - 180.0).clamp(120.0, STALE_WIDTH_MAX);
        let color = super::colors(ui).text;
        let words = ui.fonts_mut(|fonts| fonts.layout(text, font, color, width));
        ui.add(egui::Label::new(words));
        if ui.add(widget::Button::quiet("Show the log").explanation("Show what the program says of itself")).clicked() {
            desk.send(Command::Window(WindowCommand::Show(Tab::Log)));
        }
    });
}

/// The faults that last: the only one with its cure, several with the way to their list.
fn faults(ui: &Ui, desk: &mut Desk<'_>, room: Rect) {
    let run = &desk.state.run;
    let Some(last) = run.faults().last().cloned() else { return };
    let now_ms = run.now_ms();
    let text = match run.faults() {
        [one] => format!("1 fault: {}", fault::state(&one.fault)),
        several => format!("{} faults, the last: {}", several.len(), fault::state(&last.fault)),
    };
    let age = format!("{} · {}", super::age(ui, now_ms.saturating_sub(last.since_ms)), super::faults::ends(&last, now_ms));
    let many = run.faults().len() > 1;
    widget::floating_bar(ui.ctx(), Id::new("faults"), room, Align2::RIGHT_TOP, vec2(12.0, 12.0), |ui| {
        ui.set_max_width((room.width() - 24.0).max(120.0));
        ui.add_space(size::GAP);
        let (_, color) = super::tone_icon(ui, Tone::Bad);
        super::paint_icon(ui, Icon::Error, color);
        // The words give way where there is little room, not the buttons.
        let words_max = (room.width() - if many { 330.0 } else { 270.0 }).max(80.0);
        let words = widget::line(ui, &text, (FontFace::SemiBold, font_size::BODY), super::colors(ui).text, words_max);
        let (rect, response) = ui.allocate_exact_size(vec2(words.size().x, size::CONTROL_HEIGHT), egui::Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, &text));
        widget::paint_line(ui.painter(), rect.left(), rect.center().y, words);
        response.on_hover_text(last.fault.to_string());
        super::muted(ui, &age);
        if many {
            if ui.add(widget::Button::quiet("Show").explanation("Show the list of faults")).clicked() {
                desk.send(Command::Window(WindowCommand::Show(Tab::Faults)));
            }
            super::command_button(ui, desk, Command::Fault(FaultCommand::HealAll), |button| button.kind(widget::ButtonKind::Quiet));
        } else if ui.add_enabled(desk.state.run.job.is_none(), widget::Button::quiet("Heal").explanation("Remove this fault")).clicked() {
            desk.send(Command::Fault(FaultCommand::Heal(last.id)));
        }
    });
}
