//! The baked picture: one batch of triangles for each cell of the grid, kept from frame to frame.
//!
//! A batch is baked again only when something in it changed, when the zoom settled elsewhere, or with another theme. At the
//! far end all nodes are tiles in one mesh, in lab space, that a frame scales.

use super::{
    bake::{self, Press},
    camera::Camera,
};
use crate::{
    picture::{Detail, LAYERS, Layer, Part, Point, Rect, Scene, draw::Artist},
    ui::atlas,
};
use egui::{Color32, Context, Mesh, Painter, Pos2, Rect as ScreenRect, Shape, Vec2, epaint::Vertex, pos2, vec2};
use rustc_hash::FxHashMap as HashMap;
use std::sync::Arc;

/// Where the camera stands for a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stand {
    /// The camera.
    pub camera: Camera,
    /// The canvas on the screen.
    pub viewport: ScreenRect,
    /// Pixels for one point.
    pub pixels_per_point: f32,
}

impl Stand {
    /// From lab space times zoom to the screen, on whole pixels.
    pub fn offset(&self) -> Vec2 {
        let at = self.camera.screen_from_lab(self.viewport.min, Point::default());
        (at.to_vec2() * self.pixels_per_point).round() / self.pixels_per_point
    }

    /// The part of the lab that is seen.
    pub fn shown(&self) -> Rect {
        self.camera.shown(self.viewport.size())
    }
}

#[derive(Debug, Default)]
struct Batch {
    press: Option<Press>,
    stamp: u64,
    baked: [Mesh; LAYERS.len()],
    placed: [Arc<Mesh>; LAYERS.len()],
    placed_for: Option<(f32, Vec2)>,
}

impl Batch {
    fn place(&mut self, zoom: f32, offset: Vec2) {
        if self.placed_for == Some((zoom, offset)) {
            return;
        }
        self.placed_for = Some((zoom, offset));
        let scale = self.press.map_or(1.0, |press| zoom / press.zoom);
        for (baked, placed) in self.baked.iter().zip(&mut self.placed) {
            if baked.is_empty() {
                *placed = Arc::default();
                continue;
            }
            // egui has let go of last frame's copy by now, so this seldom allocates.
            place_mesh(baked, Arc::make_mut(placed), scale, offset);
        }
    }
}

fn place_mesh(from: &Mesh, to: &mut Mesh, scale: f32, offset: Vec2) {
    if to.indices.len() != from.indices.len() || to.vertices.len() != from.vertices.len() {
        to.indices.clone_from(&from.indices);
    } else if to.indices != from.indices {
        to.indices.copy_from_slice(&from.indices);
    }
    to.texture_id = from.texture_id;
    to.vertices.clear();
    to.vertices.extend(from.vertices.iter().map(|vertex| Vertex { pos: (vertex.pos.to_vec2() * scale + offset).to_pos2(), ..*vertex }));
}

/// All batches of one canvas.
#[derive(Debug, Default)]
pub struct Layers {
    batches: HashMap<Part, Batch>,
    far: Far,
    structure: u64,
    rails: RailAreas,
    shown: Option<ShownFrame>,
}

/// Where each group of rails lies, kept while the ground stays as it is.
#[derive(Debug, Default)]
struct RailAreas {
    made_for: Option<(u64, u64)>,
    areas: Vec<Rect>,
}

/// What the last frame showed, and for what: a frame in which nothing changed shows the same again.
#[derive(Debug)]
struct ShownFrame {
    press: Press,
    stand: Stand,
    zooming: Zooming,
    scene: (u64, u64),
    without_tokens: Vec<u32>,
    meshes: Vec<Arc<Mesh>>,
    /// The meshes of sockets, labels and tokens, which lie over all others.
    tokens: Vec<Arc<Mesh>>,
}

impl ShownFrame {
    fn is_same(&self, press: &Press, frame: &Frame<'_>) -> bool {
        let scene = frame.artist.scene;
        self.press == *press
            && self.stand == frame.stand
            && self.zooming == frame.zooming
            && self.scene == (scene.structure, scene.revision)
            && self.without_tokens == frame.without_tokens
    }
}

/// What a frame of layers is made from.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Draws shapes.
    pub artist: Artist<'a>,
    /// Dark or light.
    pub appearance: crate::look::Appearance,
    /// Where the camera stands.
    pub stand: Stand,
    /// Whether the zoom is still moving: nearly right triangles are good enough until it rests.
    pub zooming: Zooming,
    /// VIPs that are drawn by somebody else because they move right now.
    pub without_tokens: &'a [u32],
}

/// Whether the zoom moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zooming {
    /// It does.
    Moving,
    /// It rests.
    Resting,
}

impl Layers {
    /// Paints the picture without its uppermost layer: [`Layers::paint_tokens`] paints that.
    pub fn paint(&mut self, painter: &Painter, frame: &Frame<'_>) {
        let scene = frame.artist.scene;
        if self.structure != scene.structure {
            self.batches.clear();
            self.structure = scene.structure;
        }
        let ctx = painter.ctx();
        // Baking may enlarge the atlas, which invalidates what was baked before it: then once more.
        for _ in 0..3 {
            let atlas = atlas::current(ctx);
            atlas::uses(ctx, atlas);
            let press = Press {
                zoom: frame.stand.camera.zoom,
                pixels_per_point: frame.stand.pixels_per_point,
                atlas,
                appearance: frame.appearance,
                detail: frame.artist.detail,
            };
            if self.shown.as_ref().is_some_and(|shown| shown.is_same(&press, frame)) {
                break;
            }
            // Whoever holds a mesh keeps it from being moved in place.
            self.shown = None;
            let wanted = self.wanted(frame);
            self.prepare(ctx, frame, &press, &wanted);
            let mut meshes = self.meshes(frame, &wanted);
            let tokens = meshes.pop().unwrap_or_default();
            self.shown = Some(ShownFrame {
                press,
                stand: frame.stand,
                zooming: frame.zooming,
                scene: (scene.structure, scene.revision),
                without_tokens: frame.without_tokens.to_vec(),
                meshes: meshes.concat(),
                tokens,
            });
            if atlas::current(ctx) == atlas {
                break;
            }
        }
        if let Some(shown) = &self.shown {
            painter.extend(shown.meshes.iter().map(|mesh| Shape::Mesh(Arc::clone(mesh))));
        }
    }

    /// Paints sockets, labels and tokens, as [`Layers::paint`] has prepared them.
    pub fn paint_tokens(&self, painter: &Painter) {
        if let Some(shown) = &self.shown {
            painter.extend(shown.tokens.iter().map(|mesh| Shape::Mesh(Arc::clone(mesh))));
        }
    }

    fn wanted(&mut self, frame: &Frame<'_>) -> Vec<Part> {
        let scene = frame.artist.scene;
        let mut wanted = vec![Part::Ground];
        let shown = frame.stand.shown();
        if self.rails.made_for != Some((scene.structure, scene.ground_revision)) {
            self.rails.made_for = Some((scene.structure, scene.ground_revision));
            self.rails.areas = scene.rail_areas();
        }
        let seen = self.rails.areas.iter().enumerate().filter(|(_, area)| area.touches(&shown));
        wanted.extend(seen.map(|(n, _)| Part::Rails(n)));
        if frame.artist.detail < Detail::Tile {
            wanted.extend(scene.grid.touching(shown).map(|(cell, _)| Part::Cell(cell)));
        }
        wanted.push(Part::Tokens);
        wanted
    }

    fn prepare(&mut self, ctx: &Context, frame: &Frame<'_>, press: &Press, wanted: &[Part]) {
        let (zoom, offset) = (press.zoom, frame.stand.offset());
        for &part in wanted {
            let stamp = frame.artist.scene.stamp(part);
            let batch = self.batches.entry(part).or_default();
            if !batch.is_good(press, stamp, frame.zooming) {
                let shapes = frame.artist.part(part, frame.without_tokens);
                batch.baked = bake::bake(ctx, press, &shapes);
                batch.press = Some(*press);
                batch.stamp = stamp;
                batch.placed_for = None;
            }
            batch.place(zoom, offset);
        }
        if frame.artist.detail >= Detail::Tile {
            self.far.update(frame);
            self.far.place(zoom, offset, press.pixels_per_point);
        }
    }

    /// What is shown, by layers in the order of drawing.
    fn meshes(&self, frame: &Frame<'_>, wanted: &[Part]) -> Vec<Vec<Arc<Mesh>>> {
        let batches: Vec<&Batch> = wanted.iter().filter_map(|part| self.batches.get(part)).collect();
        let of_layer = |layer: Layer| {
            let placed = batches.iter().filter_map(|batch| batch.placed.get(layer as usize));
            let mut meshes: Vec<Arc<Mesh>> = placed.filter(|mesh| !mesh.is_empty()).map(Arc::clone).collect();
            if layer == Layer::Cards && frame.artist.detail >= Detail::Tile && !self.far.placed.is_empty() {
                meshes.push(Arc::clone(&self.far.placed));
            }
            meshes
        };
        LAYERS.into_iter().map(of_layer).collect()
    }

    /// Forgets the tokens, because others are to be left out.
    pub fn forget_tokens(&mut self) {
        self.batches.remove(&Part::Tokens);
        self.shown = None;
    }
}

impl Batch {
    fn is_good(&self, press: &Press, stamp: u64, zooming: Zooming) -> bool {
        let Some(there) = self.press.filter(|_| self.stamp == stamp) else { return false };
        if there == *press {
            return true;
        }
        let ratio = press.zoom / there.zoom;
        let near = zooming == Zooming::Moving && (0.66..1.5).contains(&ratio);
        near && Press { zoom: press.zoom, ..there } == *press
    }
}

/// All nodes as tiles in one mesh, in lab space.
#[derive(Debug, Default)]
struct Far {
    revision: u64,
    appearance: Option<crate::look::Appearance>,
    tiles: Vec<(Rect, Color32)>,
    /// The tiles with those joined that stand closer than a pixel, and the zoom for which that is so.
    joined: Vec<(Rect, Color32)>,
    joined_for: Option<f32>,
    placed: Arc<Mesh>,
    placed_for: Option<(f32, Vec2)>,
}

impl Far {
    fn update(&mut self, frame: &Frame<'_>) {
        let scene: &Scene = frame.artist.scene;
        if self.revision == scene.revision && self.appearance == Some(frame.appearance) {
            return;
        }
        self.revision = scene.revision;
        self.appearance = Some(frame.appearance);
        self.placed_for = None;
        self.joined_for = None;
        self.tiles.clear();
        let color = |node| Color32::from(crate::picture::draw::tile_color(frame.artist.palette, scene, node));
        self.tiles.extend((0_u32..).zip(&scene.nodes).map(|(node, item)| (item.card, color(node))));
    }

    /// Joins neighbours of one colour in one row between which no pixel fits: nobody sees the gap, and a lab of many
    /// thousand nodes has a tenth of the triangles.
    fn join(&mut self, zoom: f32, pixels_per_point: f32) {
        if self.joined_for == Some(zoom) {
            return;
        }
        self.joined_for = Some(zoom);
        self.joined.clear();
        let pixel = 1.0 / (zoom * pixels_per_point);
        for (rect, color) in &self.tiles {
            match self.joined.last_mut() {
                Some((last, same))
                    if *same == *color
                        && (last.min.y, last.max.y) == (rect.min.y, rect.max.y)
                        && (0.0..pixel).contains(&(rect.min.x - last.max.x)) =>
                {
                    last.max.x = rect.max.x;
                }
                _ => self.joined.push((*rect, *color)),
            }
        }
    }

    fn place(&mut self, zoom: f32, offset: Vec2, pixels_per_point: f32) {
        if self.placed_for == Some((zoom, offset)) {
            return;
        }
        self.placed_for = Some((zoom, offset));
        self.join(zoom, pixels_per_point);
        let mesh = Arc::make_mut(&mut self.placed);
        let corners = self.joined.len() * 4;
        mesh.vertices.clear();
        mesh.vertices.reserve(corners);
        // A tile is never smaller than half a point: far away it is still there.
        let least = 0.5;
        for (rect, color) in &self.joined {
            let min = pos2(rect.min.x.mul_add(zoom, offset.x), rect.min.y.mul_add(zoom, offset.y));
            let max = pos2((rect.width() * zoom).max(least) + min.x, (rect.height() * zoom).max(least) + min.y);
            let corner = |x, y| Vertex { pos: pos2(x, y), uv: egui::epaint::WHITE_UV, color: *color };
            mesh.vertices.extend([corner(min.x, min.y), corner(max.x, min.y), corner(min.x, max.y), corner(max.x, max.y)]);
        }
        let indices = self.joined.len() * 6;
        if mesh.indices.len() > indices {
            mesh.indices.truncate(indices);
        } else {
            let from = mesh.indices.len() / 6;
            for tile in (0_u32..).take(self.joined.len()).skip(from) {
                let first = tile * 4;
                mesh.indices.extend([first, first + 1, first + 2, first + 2, first + 1, first + 3]);
            }
        }
    }
}

/// The dots of the grid, as one mesh, kept while the camera stands still.
#[derive(Debug, Default)]
pub struct Dots {
    mesh: Arc<Mesh>,
    made_for: Option<(Stand, Color32)>,
}

impl Dots {
    /// Paints them.
    pub fn paint(&mut self, painter: &Painter, stand: Stand, pitch: f32, color: Color32) {
        if self.made_for != Some((stand, color)) {
            self.made_for = Some((stand, color));
            self.mesh = Arc::new(Self::mesh(stand, pitch, color));
        }
        if !self.mesh.is_empty() {
            painter.add(Shape::Mesh(Arc::clone(&self.mesh)));
        }
    }

    fn mesh(stand: Stand, pitch: f32, color: Color32) -> Mesh {
        let mut step = pitch * stand.camera.zoom;
        while step < 16.0 {
            step *= 2.0;
        }
        let start = stand.offset();
        let first = |at: f32, from: f32| ((from - at) / step).floor().mul_add(step, at);
        let side = 2.0 / stand.pixels_per_point.clamp(1.0, 2.0);
        let mut mesh = Mesh::default();
        let mut y = first(start.y, stand.viewport.min.y);
        while y < stand.viewport.max.y {
            let mut x = first(start.x, stand.viewport.min.x);
            while x < stand.viewport.max.x {
                let at: Pos2 = pos2(x, y);
                mesh.add_colored_rect(ScreenRect::from_min_size(at, vec2(side, side)), color);
                x += step;
            }
            y += step;
        }
        mesh
    }
}
