//! The frame of the window: takes in what happened, does commands in one place, then draws the panels around the canvas.

use super::{
    desk::{Desk, Memory},
    dialog, drop_hint,
    fit::{self, Fit, Placed},
    graph, keys, notices, panel,
    theme::{self, Theme},
    widget,
};
use crate::app::{Command, Effect, Event, FileCommand, Graph, Mode, Stamp, State, ViewMove, WindowCommand, WindowPlace, worker::Workers};
use crate::look::size;
use egui::{CentralPanel, Context, Frame, Panel, Ui, ViewportCommand};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// The least width of the window in which both side panels are shown whatever is selected, in points.
const BOTH_SIDES_MIN: f32 = 1100.0;
/// The widest that side panels are in a narrower window: palette, inspector.
const NARROW_SIDES: [f32; 2] = [216.0, 252.0];
/// The height of the window below which the lower panel is folded until it is asked for.
const LOW_WINDOW: f32 = 700.0;
/// How long the window keeps a size before it is remembered, in seconds.
const PLACE_RESTS_SECS: f64 = 1.0;

/// The window.
pub struct SandtableApp {
    state: State,
    workers: Workers,
    memory: Memory,
    commands: Vec<Command>,
    graph: graph::GraphView,
    stage: panel::Stage,
    title: String,
    was_focused: bool,
    /// The file that the worker looks at.
    watched: Option<(PathBuf, Stamp)>,
    full_screen: bool,
    /// How the window looks, and since when.
    place: Option<(WindowPlace, f64)>,
    fit: Fit,
    /// Commands that wait for the field that had the keyboard to commit.
    deferred: Vec<Command>,
    may_close: bool,
    prepared: bool,
    first_frame: FirstFrame,
}

/// Tells once how long it took until something was on the screen.
#[derive(Debug, Clone, Copy)]
enum FirstFrame {
    /// The program began then; nothing is drawn yet.
    Awaited(Instant),
    /// It is drawn, and on the screen when the next one begins.
    Drawn(Instant),
    /// It is told, or nobody asked.
    Told,
}

impl SandtableApp {
    /// A window on a state.
    pub fn new(state: State, workers: Workers) -> Self {
        Self {
            state,
            workers,
            memory: Memory::default(),
            commands: Vec::new(),
            graph: graph::GraphView::default(),
            stage: panel::Stage::default(),
            title: String::new(),
            was_focused: true,
            watched: None,
            full_screen: false,
            place: None,
            fit: Fit::default(),
            deferred: Vec::new(),
            may_close: false,
            prepared: false,
            first_frame: FirstFrame::Told,
        }
    }

    /// Installs fonts and styles, once. Fonts are there from the next frame on.
    pub fn prepare(&mut self, ctx: &Context) {
        if !self.prepared {
            theme::install(ctx);
            self.prepared = true;
        }
    }

    /// One whole frame, as tests show it.
    pub fn frame(&mut self, ui: &mut Ui) {
        if !self.prepared {
            self.prepare(ui.ctx());
            ui.ctx().request_repaint();
            return;
        }
        self.before(ui.ctx());
        self.draw(ui);
    }

    fn before(&mut self, ctx: &Context) {
        let preferences = &self.state.preferences;
        theme::set_preference(ctx, preferences.theme);
        theme::set_scale(ctx, preferences.scale);
        if theme::motion(ctx) != preferences.motion {
            theme::set_motion(ctx, preferences.motion);
        }
        self.state.notices.set_clock(since_open_ms(ctx));
        self.catch_up(ctx);
    }

    fn draw(&mut self, ui: &mut Ui) {
        if self.state.mode == Mode::Present {
            self.middle(ui);
        } else {
            self.panels(ui);
        }
        self.floating(ui);
        if !self.commands.is_empty() {
            ui.ctx().request_repaint();
        }
    }

    /// Logs how long after `began` the first frame was on the screen.
    #[must_use]
    pub fn timing_from(mut self, began: Instant) -> Self {
        self.first_frame = FirstFrame::Awaited(began);
        self
    }

    fn time_first_frame(&mut self, ctx: &Context) {
        match self.first_frame {
            FirstFrame::Awaited(began) => {
                self.first_frame = FirstFrame::Drawn(began);
                ctx.request_repaint();
            }
            FirstFrame::Drawn(began) => {
                self.first_frame = FirstFrame::Told;
                tracing::info!(first_frame_ms = began.elapsed().as_millis(), "the first frame is on the screen");
            }
            FirstFrame::Told => {}
        }
    }

    /// Opens this file first.
    #[must_use]
    pub fn opening(mut self, path: PathBuf) -> Self {
        self.commands.push(Command::File(FileCommand::OpenPath(path)));
        self
    }

    /// What is shown.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Wants something, as a view does: for tests.
    pub fn send(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// The middle of the window, for tests.
    pub fn stage(&self) -> &panel::Stage {
        &self.stage
    }

    /// The workers, for tests that have them look.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Takes in what happened, then does what was wanted. Nothing else changes the state.
    fn catch_up(&mut self, ctx: &Context) {
        let escape = if self.stage.canvas().is_busy() { keys::Escape::Canvas } else { keys::Escape::Commands };
        // What was typed counts before what its shortcut does with it.
        self.commands.append(&mut self.deferred);
        let pressed = keys::pressed(ctx, &self.state, escape);
        if ctx.text_edit_focused() && self.state.dialog.is_none() && !pressed.is_empty() {
            ctx.memory_mut(|memory| memory.focused().into_iter().for_each(|field| memory.surrender_focus(field)));
            self.deferred = pressed;
            ctx.request_repaint();
        } else {
            self.commands.extend(pressed);
        }
        self.watch_window(ctx);
        // Carrying out may report at once; a few rounds settle all of it.
        for _ in 0..8 {
            let mut effects = Vec::new();
            for event in self.workers.events() {
                effects.extend(self.receive(event));
            }
            for command in std::mem::take(&mut self.commands) {
                effects.extend(self.state.apply(command));
            }
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                if let Some(ours) = self.workers.carry_out(effect) {
                    self.on_window(ctx, ours);
                }
            }
        }
        self.follow(ctx);
        self.tick(ctx);
    }

    /// Has the window and the workers follow the state.
    fn follow(&mut self, ctx: &Context) {
        let open = self.state.document.path.clone().zip(self.state.document.stamp);
        if open != self.watched {
            self.watched.clone_from(&open);
            self.workers.carry_out(Effect::WatchFile(open));
        }
        if self.state.full_screen != self.full_screen {
            self.full_screen = self.state.full_screen;
            ctx.send_viewport_cmd(ViewportCommand::Fullscreen(self.full_screen));
        }
        if !self.stage.canvas().is_busy() {
            self.state.ask_about_disk();
        }
        self.state.low_window = ctx.content_rect().height() < LOW_WINDOW;
        self.remember_place(ctx);
    }

    /// Remembers how large the window is, once it has kept that for a while.
    fn remember_place(&mut self, ctx: &Context) {
        let (inner, maximized, hidden, now) = ctx.input(|input| {
            let view = input.viewport();
            let hidden = view.minimized == Some(true) || view.fullscreen == Some(true);
            (view.inner_rect, view.maximized == Some(true), hidden, input.time)
        });
        let Some(inner) = inner.filter(|_| !hidden && !self.state.full_screen) else { return };
        let known = self.state.preferences.window;
        // In points of the desktop, whatever the interface's scale: the next window begins without it.
        let inner = inner.size() * ctx.zoom_factor();
        let inner = [inner.x.round(), inner.y.round()];
        let size = if maximized { known.map_or(inner, |known| known.size) } else { inner };
        let place = WindowPlace { size, maximized };
        if known == Some(place) {
            self.place = None;
            return;
        }
        let since = self.place.filter(|(seen, _)| *seen == place).map_or(now, |(_, since)| since);
        self.place = Some((place, since));
        if now - since >= PLACE_RESTS_SECS {
            self.commands.push(Command::Window(WindowCommand::WindowPlace(place)));
        }
        ctx.request_repaint_after(Duration::from_secs_f64(PLACE_RESTS_SECS));
    }

    /// After the start, the window is made no larger than its screen.
    fn fit_to_screen(&mut self, ctx: &Context) {
        let (placed, held, now) = ctx.input(|input| {
            let view = input.viewport();
            let placed = view.inner_rect.zip(view.outer_rect).zip(view.monitor_size);
            (placed, view.maximized == Some(true) || view.fullscreen == Some(true), input.time)
        });
        let Some(((inner, outer), screen)) = placed.filter(|_| !held && !self.state.full_screen && Fit::is_open(now)) else { return };
        let Some(fitted) = self.fit.look(Placed { inner, outer, screen }, now) else {
            if !self.fit.has_rested(now) {
                ctx.request_repaint_after(Duration::from_secs_f64(fit::RESTS_SECS));
            }
            return;
        };
        ctx.send_viewport_cmd(ViewportCommand::InnerSize(fitted.size));
        if let Some(position) = fitted.position {
            ctx.send_viewport_cmd(ViewportCommand::OuterPosition(position));
        }
    }

    fn receive(&mut self, event: Event) -> Vec<Effect> {
        self.state.receive(event)
    }

    fn tick(&mut self, ctx: &Context) {
        let (effects, again_ms) = self.state.tick(since_open_ms(ctx));
        for effect in effects {
            self.workers.carry_out(effect);
        }
        if let Some(again_ms) = again_ms {
            ctx.request_repaint_after(Duration::from_millis(again_ms));
        }
    }

    fn watch_window(&mut self, ctx: &Context) {
        let (focused, closing) = ctx.input(|input| (input.focused, input.viewport().close_requested()));
        if focused && !self.was_focused {
            self.commands.push(Command::File(FileCommand::Focused));
        }
        self.was_focused = focused;
        let dropped = ctx.input(|input| input.raw.dropped_files.clone());
        if !dropped.is_empty() {
            self.commands.push(Command::File(FileCommand::Dropped(dropped.iter().map(|file| file.path().to_owned()).collect())));
        }
        if closing && !self.may_close {
            if self.state.is_unsaved() {
                ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            }
            self.commands.push(Command::File(FileCommand::Quit));
        }
        let title = self.state.document.title(self.state.lab());
        let title = match (self.state.document.open, self.state.is_unsaved()) {
            (false, _) => "Sandtable".to_owned(),
            (true, false) => format!("{title} – Sandtable"),
            (true, true) => format!("● {title} – Sandtable"),
        };
        if title != self.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    fn on_window(&mut self, ctx: &Context, effect: Effect) {
        match effect {
            Effect::View(movement) => {
                let on_graph = self.state.graph == Graph::Shown && self.state.mode != Mode::Present;
                match movement {
                    ViewMove::In | ViewMove::Out | ViewMove::Actual if on_graph => self.graph.go(movement),
                    // A lab that has just been opened is shown whole on the canvas, too.
                    ViewMove::Fit if on_graph => {
                        self.graph.go(ViewMove::Fit);
                        self.stage.go(ViewMove::Fit);
                    }
                    _ => self.stage.go(movement),
                }
            }
            Effect::RenameInPlace(subject) => self.stage.rename(subject),
            Effect::Quit => {
                self.may_close = true;
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
            _ => {}
        }
    }

    fn panels(&mut self, ui: &mut Ui) {
        let mut desk = Desk::new(&self.state, &mut self.memory, &mut self.commands);
        let theme = Theme::of(ui.ctx());
        let flat = |margin: i8| Frame::new().fill(theme.palette().panel).inner_margin(egui::Margin::same(margin));
        let wide = ui.available_width() >= BOTH_SIDES_MIN;
        let narrow = |width: f32, most: f32| if wide { width } else { width.min(most) };
        let preferences = &self.state.preferences;
        let mut sizes = preferences.panel_sizes;
        let [palette_width, inspector_width, bottom_height] = sizes;
        let bar = flat(0).inner_margin(egui::Margin::symmetric(14, 0));
        Panel::top("top bar").exact_size(size::TOP_BAR_HEIGHT).resizable(false).frame(bar).show(ui, |ui| panel::top_bar(ui, &mut desk));
        let open = self.state.document.open;
        if open && preferences.palette_open {
            let side = Panel::left(egui::Id::new(("palette", wide)))
                .default_size(narrow(palette_width, NARROW_SIDES[0]))
                .size_range(160.0..=320.0)
                .resizable(true)
                .frame(flat(0));
            sizes[0] = side.show(ui, |ui| panel::palette(ui, &mut desk)).response.rect.width();
        }
        let considers = open && self.state.mode == Mode::Run && self.state.run.considered.is_some();
        let inspects = open && preferences.inspector_open && (wide || !self.state.selection.is_empty());
        if considers || inspects {
            let side = Panel::right(egui::Id::new(("inspector", wide)))
                .default_size(narrow(inspector_width, NARROW_SIDES[1]))
                .size_range(240.0..=420.0)
                .resizable(true)
                .frame(flat(0));
            let contents = if considers { panel::inject } else { panel::inspector };
            sizes[1] = side.show(ui, |ui| contents(ui, &mut desk)).response.rect.width();
        }
        if open && !self.state.bottom_open() {
            let bar = Panel::bottom("lower folded").exact_size(widget::TAB_BAR_HEIGHT).resizable(false).frame(flat(0));
            bar.show(ui, |ui| panel::lower_folded(ui, &mut desk));
        } else if open {
            let most = (ui.available_height() * 0.6).max(120.0);
            let lower = Panel::bottom("lower").default_size(bottom_height.min(most)).size_range(96.0..=most).resizable(true).frame(flat(0));
            sizes[2] = lower.show(ui, |ui| panel::lower(ui, &mut desk)).response.rect.height();
        }
        // Kept once the edge is let go of, not while it is dragged.
        let other = sizes.iter().zip(preferences.panel_sizes).any(|(now, kept)| (now - kept).abs() >= 1.0);
        if other && wide && !self.state.low_window && ui.input(|input| input.pointer.any_released()) {
            desk.send(Command::Window(WindowCommand::PanelSizes(sizes)));
        }
        self.middle(ui);
    }

    fn middle(&mut self, ui: &mut Ui) {
        let theme = Theme::of(ui.ctx());
        let ground = Frame::new().fill(theme.palette().canvas);
        let mut desk = Desk::new(&self.state, &mut self.memory, &mut self.commands);
        CentralPanel::default().frame(ground).show(ui, |ui| {
            if !self.state.document.open {
                dialog::gallery(ui, &mut desk);
            } else if self.state.graph == Graph::Shown && self.state.mode != Mode::Present {
                self.graph.show(ui, &mut desk);
            } else {
                self.stage.show(ui, &mut desk);
            }
        });
    }

    fn floating(&mut self, ui: &Ui) {
        let mut desk = Desk::new(&self.state, &mut self.memory, &mut self.commands);
        notices::show(ui.ctx(), &mut desk);
        dialog::show(ui.ctx(), &mut desk);
        panel::follow_fault_hover(ui.ctx(), &mut desk);
        drop_hint::show(ui.ctx());
    }
}

/// How long the window is open, in milliseconds.
fn since_open_ms(ctx: &Context) -> u64 {
    let now_ms = ctx.input(|input| Duration::from_secs_f64(input.time.max(0.0)).as_millis());
    u64::try_from(now_ms).unwrap_or(u64::MAX)
}

impl eframe::App for SandtableApp {
    fn logic(&mut self, ctx: &Context, _: &mut eframe::Frame) {
        self.fit_to_screen(ctx);
        self.before(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        self.time_first_frame(ui.ctx());
        self.draw(ui);
    }

    fn persist_egui_memory(&self) -> bool {
        false
    }
}
