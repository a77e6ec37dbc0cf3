//! The canvas: the lab as a drawing that can be edited, watched and shown.
//!
//! It reads what it is given and tells what the user did as [`CanvasEvent`]s, one for each gesture; it never changes the
//! lab. It asks for a repaint only while something moves.

mod about;
mod bake;
pub mod camera;
mod covers;
mod decor;
pub mod drag;
mod drop;
mod furniture;
mod gesture;
mod hover;
mod keys;
mod layers;
mod names;
mod notes;
mod path;
mod pulse;
mod still;
mod tokens;
mod view;
mod wire;

pub use camera::Camera;
pub use drag::PaletteDrag;
pub use notes::CHARACTERS_MAX as NOTE_CHARACTERS_MAX;
pub use pulse::Requests;
pub use still::Still;
pub use view::KeptView;

use crate::{
    app::ops::{Act, Step},
    catalog::Catalog,
    look::{self, size},
    model::{Edit, Lab, NodeName, Subject, Touched},
    picture::{Aim, Detail, Hit, Mode, Overlay, Point, Scene, draw::Artist},
    ui::theme::Theme,
};
use camera::Flight;
use egui::{Pos2, Response, Sense, Ui};
use gesture::Gesture;
use layers::{Dots, Frame, Layers, Stand, Zooming};
use std::collections::BTreeSet;

/// Whether the lab may be changed on the canvas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Editing {
    /// It may.
    #[default]
    Allowed,
    /// Only looked at.
    Locked,
}

/// What dragging over the empty canvas does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tool {
    /// Chooses what it touches.
    #[default]
    Select,
    /// Draws a line around nodes, for a partition.
    Lasso,
}

/// What the floating parts of the canvas are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Furniture {
    /// Zoom bar and minimap.
    #[default]
    Shown,
    /// None: a presentation.
    Hidden,
}

/// What the canvas shows in a frame.
#[derive(Debug, Clone, Copy)]
pub struct CanvasInput<'a> {
    /// The lab.
    pub lab: &'a Lab,
    /// Another number for every other state of the lab.
    pub lab_revision: u64,
    /// What changed since the last revision that the canvas was given; `None`: anything.
    pub touched: Option<&'a Touched>,
    /// What services are.
    pub catalog: &'a Catalog,
    /// What shows on the drawing.
    pub overlay: Overlay<'a>,
    /// Another number for every other overlay.
    pub overlay_revision: u64,
    /// What is chosen.
    pub selection: &'a [Subject],
    /// Whether the lab may be changed.
    pub editing: Editing,
    /// What dragging over the empty canvas does.
    pub tool: Tool,
    /// Whether zoom bar and minimap are there.
    pub furniture: Furniture,
    /// The last requests from outside that are known; `None` where none are to be shown.
    pub requests: Option<Requests>,
    /// The connection whose path is shown over the drawing.
    pub path: Option<&'a crate::reach::Explained>,
}

/// What the user did on the canvas.
#[derive(Debug, Clone, PartialEq)]
pub enum CanvasEvent {
    /// A change of the lab: one step of undo.
    Edit(Step),
    /// Something else is chosen: all of it.
    Select(Vec<Subject>),
    /// A thing was opened (double click, Enter on something without a name).
    Open(Subject),
    /// The menu of a thing, or of the empty canvas, is wanted at a point of the screen; `at_lab` is where in the lab.
    Menu {
        /// What it is about.
        subject: Option<Subject>,
        /// Where on the screen.
        at: Pos2,
        /// Where in the lab.
        at_lab: Point,
    },
    /// A line was drawn around these nodes.
    Lasso(Vec<NodeName>),
    /// What was tried makes no sense, and why.
    Refused(String),
}

/// What a frame of the canvas gives back.
#[derive(Debug)]
pub struct CanvasOutput {
    /// The canvas as a widget: for a context menu, for focus.
    pub response: Response,
    /// What the user did, in order.
    pub events: Vec<CanvasEvent>,
}

/// What is chosen, by the scene's numbers.
#[derive(Debug, Default)]
struct Chosen {
    subjects: Vec<Subject>,
    structure: u64,
    nodes: BTreeSet<u32>,
    networks: BTreeSet<u32>,
    notes: BTreeSet<usize>,
    outside: bool,
    /// The site, where one is chosen alone.
    site: Option<u32>,
}

/// How long after the last change of zoom the picture is baked sharp again, in seconds.
const ZOOM_RESTS_SECS: f64 = 0.12;
/// Frames that a caller has to make an edit that it was told of.
const FRAMES_AHEAD: u8 = 3;
/// From the drawing to the canvas's edge when it is fitted: at most so many points, and this part of the shorter side.
const FIT_MARGIN: f32 = 48.0;
const FIT_MARGIN_PART: f32 = 0.06;

/// The canvas and what it keeps between frames: camera, scene, gesture.
#[derive(Debug, Default)]
pub struct Canvas {
    scene: Scene,
    layers: Layers,
    dots: Dots,
    camera: Camera,
    flight: Option<Flight>,
    hold: Option<view::Hold>,
    fitted: bool,
    /// Whether the next change of the canvas's size leaves the drawing where it is on the screen.
    keeps_still: bool,
    seen: Option<(u64, u64)>,
    chosen: Chosen,
    gesture: Gesture,
    held: wire::Held,
    hovered: Option<Hit>,
    pressed: Option<gesture::Press>,
    /// What the last click was on.
    clicked: Option<Subject>,
    hover: hover::Hover,
    renaming: Option<names::Renaming>,
    writing: Option<notes::Writing>,
    /// A note whose text is to be changed from the next frame on.
    note_to_write: Option<usize>,
    tokens: tokens::Tokens,
    pulse: pulse::Pulse,
    zoomed_at: f64,
    /// For so many frames more the scene may show something that the lab does not say yet: a gesture that was just told.
    ahead: u8,
    viewport: Option<egui::Rect>,
    furnished: Furniture,
    minimap: furniture::Minimap,
    /// Nodes that lie far away from the rest, and the scene's revision that this was found for.
    far: (u64, Vec<u32>),
    detail_forced: Option<Detail>,
}

impl Canvas {
    /// A canvas that fits its lab into its first frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the lab in all the room there is.
    pub fn show(&mut self, ui: &mut Ui, input: &CanvasInput<'_>) -> CanvasOutput {
        let viewport = ui.available_rect_before_wrap();
        let response = ui.allocate_rect(viewport, Sense::click_and_drag());
        let mut events = Vec::new();
        let before = self.viewport.replace(viewport);
        let resized = before.filter(|before| before.size() != viewport.size());
        let keeps_still = std::mem::take(&mut self.keeps_still);
        self.furnished = input.furniture;
        self.take(input);
        if let Some(before) = resized {
            if keeps_still { self.stay(before, viewport) } else { self.resized(viewport) }
        }
        self.fly(ui);
        self.navigate(ui, &response);
        if let Some(index) = self.note_to_write.take() {
            self.write_note(index, input);
        }
        if self.renaming.is_none() && self.writing.is_none() {
            self.point(ui, &response, input, &mut events);
            self.keys(ui, &response, input, &mut events);
        }
        self.receive_drop(ui, &response, input, &mut events);
        self.paint(ui, &response, input);
        if input.furniture == Furniture::Shown {
            self.furniture(ui, &response, input);
        }
        self.hover_card(ui, &response, input);
        self.rename_field(ui, input, &mut events);
        self.note_field(ui, input, &mut events);
        self.tell_readers(ui, input, &mut events);
        CanvasOutput { response, events }
    }

    /// The scene as it is shown.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Forgets everything about the lab that was shown: the next frame fits another one.
    pub fn reset(&mut self) {
        *self = Self { detail_forced: self.detail_forced, ..Self::default() };
    }

    /// Draws at this level of detail whatever the zoom; `None`: as the zoom says.
    pub fn force_detail(&mut self, detail: Option<Detail>) {
        self.detail_forced = detail;
    }

    /// Opens the field in which the name of a thing is changed.
    pub fn rename(&mut self, subject: &Subject) {
        match subject {
            Subject::Note(index) => self.note_to_write = Some(*index),
            _ => self.renaming = names::Renaming::of(subject),
        }
    }

    /// Whether a gesture is under way.
    pub fn is_busy(&self) -> bool {
        self.gesture != Gesture::Idle
    }

    /// Gives up the gesture under way.
    pub fn cancel(&mut self, input: &CanvasInput<'_>) {
        self.gesture = Gesture::Idle;
        self.renaming = None;
        self.writing = None;
        self.scene.update(input.lab, input.catalog, None);
        self.scene.set_overlay(input.lab, &input.overlay);
    }

    /// Takes over what has changed since the last frame.
    fn take(&mut self, input: &CanvasInput<'_>) {
        let now = (input.lab_revision, input.overlay_revision);
        let changed = self.seen.map(|(lab, _)| lab) != Some(now.0);
        // Whoever was told of an edit did not make it: then the scene goes back to what the lab says.
        let refused = self.ahead == 1 && !changed && self.gesture == Gesture::Idle;
        self.ahead = self.ahead.saturating_sub(1);
        if changed || refused {
            let touched = input.touched.filter(|_| self.seen.is_some() && changed);
            self.scene.update(input.lab, input.catalog, touched);
            if self.scene.structure != self.chosen.structure {
                self.gesture = Gesture::Idle;
            }
            self.ahead = 0;
        }
        if refused || self.seen != Some(now) {
            self.scene.set_overlay(input.lab, &input.overlay);
        }
        self.seen = Some(now);
        self.choose(input);
        if !self.fitted
            && let Some(viewport) = self.viewport
        {
            self.camera = self.hold_on(None, 1.0, viewport);
            self.fitted = true;
        }
    }

    fn choose(&mut self, input: &CanvasInput<'_>) {
        if self.chosen.subjects == input.selection && self.chosen.structure == self.scene.structure {
            return;
        }
        let of_nodes = input.selection.iter().filter_map(|subject| match subject {
            Subject::Node(name) => self.scene.node_number(name),
            _ => None,
        });
        let of_networks = input.selection.iter().filter_map(|subject| match subject {
            Subject::Network(name) => self.scene.network_number(name),
            _ => None,
        });
        let of_notes = input.selection.iter().filter_map(|subject| if let Subject::Note(index) = subject { Some(*index) } else { None });
        let site = match input.selection {
            [Subject::Site(name)] => {
                self.scene.sites.iter().position(|item| item.name == *name).and_then(|number| u32::try_from(number).ok())
            }
            _ => None,
        };
        self.chosen = Chosen {
            site,
            nodes: of_nodes.collect(),
            networks: of_networks.collect(),
            notes: of_notes.collect(),
            outside: input.selection.contains(&Subject::Outside),
            subjects: input.selection.to_vec(),
            structure: self.scene.structure,
        };
    }

    /// Where the pointer is in the lab.
    fn lab_pointer(&self, ui: &Ui, response: &Response) -> Option<Point> {
        let at = ui.input(|input| input.pointer.latest_pos())?;
        Some(self.camera.lab_from_screen(response.rect.min, at))
    }

    fn aim(&self, at: Point) -> Aim {
        let handle_of = match &self.hovered {
            Some(hit) => hit.node(),
            None => self.chosen.nodes.iter().next().copied().filter(|_| self.chosen.nodes.len() == 1),
        };
        let site_handle_of = match &self.hovered {
            Some(Hit::Site(number) | Hit::SiteHandle(number)) => Some(*number),
            Some(_) => None,
            None => self.chosen.site,
        };
        let outside_handle = match &self.hovered {
            Some(hit) => matches!(hit, Hit::Outside | Hit::OutsideHandle),
            None => self.chosen.outside,
        };
        let chips = self.detail() <= Detail::Full;
        let cards = self.detail().has_cards();
        Aim {
            at,
            tolerance: (4.0 / self.camera.zoom).min(24.0),
            chips,
            handle_of: handle_of.filter(|_| cards),
            site_handle_of: site_handle_of.filter(|_| self.detail() < Detail::Tile),
            outside_handle: outside_handle && cards,
        }
    }

    fn detail(&self) -> Detail {
        self.detail_forced.unwrap_or_else(|| Detail::at_zoom(self.camera.zoom))
    }

    fn paint(&mut self, ui: &Ui, response: &Response, input: &CanvasInput<'_>) {
        let painter = ui.painter_at(response.rect);
        let theme = Theme::of(ui.ctx());
        let stand = Stand { camera: self.camera, viewport: response.rect, pixels_per_point: painter.pixels_per_point() };
        painter.rect_filled(response.rect, 0.0, theme.palette().canvas);
        if self.detail() < Detail::Tile {
            self.dots.paint(&painter, stand, size::DOT_PITCH, theme.palette().dot);
        }
        if self.ahead > 0 {
            ui.ctx().request_repaint();
        }
        let now = ui.input(|input| input.time);
        let since = now - self.zoomed_at;
        let zooming = if since < ZOOM_RESTS_SECS { Zooming::Moving } else { Zooming::Resting };
        if zooming == Zooming::Moving {
            ui.ctx().request_repaint_after_secs(as_f32(ZOOM_RESTS_SECS - since).max(0.01));
        }
        let moving = self.tokens.follow(ui, &self.scene);
        if self.scene.vips.iter().any(|item| item.ghost.is_some()) {
            // It is there for a while only; nothing else may happen until then.
            ui.ctx().request_repaint_after_secs(1.0);
        }
        if self.tokens.take_changed() {
            self.layers.forget_tokens();
        }
        let artist = Artist {
            lab: input.lab,
            catalog: input.catalog,
            scene: &self.scene,
            palette: theme.appearance().palette(),
            detail: self.detail(),
        };
        let frame = Frame { artist, appearance: theme.appearance(), stand, zooming, without_tokens: &moving };
        self.layers.paint(&painter, &frame);
        let trace = input.path.map(|answer| (answer, self.scene.trace(answer)));
        if let Some((answer, trace)) = &trace {
            self.path(ui, &painter, &frame, (answer, trace));
        }
        self.layers.paint_tokens(&painter);
        if let Some((answer, trace)) = &trace {
            self.path_end(ui, &painter, (answer, trace), response.rect.min);
        }
        self.tokens.paint(&painter, &frame);
        self.pulse.show(ui, &painter, &frame, input.requests);
        self.decorate(ui, &painter, &frame, input);
    }

    /// Tells an act: as an edit, or why it makes no sense.
    fn tell(&mut self, act: Act, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        match act {
            Ok(mut step) => {
                // Once one thing has a place, all of them do: nothing jumps because of what was done elsewhere.
                let places = step.edits.iter().any(|edit| matches!(edit, Edit::PlaceNode { .. } | Edit::PlaceNetwork { .. }));
                if places {
                    let mut pins = self.scene.pins(input.lab);
                    pins.append(&mut step.edits);
                    step.edits = pins;
                }
                self.ahead = FRAMES_AHEAD;
                events.push(CanvasEvent::Edit(step));
            }
            Err(refusal) => events.push(CanvasEvent::Refused(refusal.to_string())),
        }
    }

    fn may_edit(&self, input: &CanvasInput<'_>) -> bool {
        input.editing == Editing::Allowed && input.overlay.mode != Mode::Present
    }
}

#[expect(clippy::cast_possible_truncation, reason = "parts of a second")]
fn as_f32(secs: f64) -> f32 {
    secs as f32
}

/// A size on the screen that grows with the zoom, but stays usable.
fn on_screen(units: f32, zoom: f32) -> f32 {
    (units * zoom).clamp(units * 0.6, units * 1.6)
}

/// The colours of the canvas's own marks.
fn colors(ui: &Ui) -> &'static look::Palette<egui::Color32> {
    Theme::of(ui.ctx()).palette()
}
