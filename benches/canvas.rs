//! CPU of one frame of the canvas (layout, paint, tessellate), beside egui_graphs' `GraphView` on the same labs.
//!
//! Everything runs without a window: egui's context, a frame, and its tessellation.

use criterion::{BenchmarkId, Criterion};
use egui::{Context, Event, Modifiers, PointerButton, Pos2, RawInput, Rect, Vec2, pos2, vec2};
use egui_graphs::{Graph, GraphView, LayoutRandom, LayoutStateRandom, SettingsNavigation};
use sandtable::{
    catalog::Catalog,
    model::{self, Lab, Subject},
    picture::{Detail, Overlay, point},
    ui::{
        canvas::{Camera, Canvas, CanvasInput, Editing, Furniture, Tool},
        theme,
    },
};
use std::{hint::black_box, time::Duration};

#[path = "../src/picture/fixture.rs"]
#[expect(dead_code, reason = "the tests draw labs from it that the benchmark does not")]
mod fixture;

const WINDOW: Vec2 = vec2(1440.0, 900.0);

/// A canvas with a window that does not exist.
struct Bench {
    ctx: Context,
    canvas: Canvas,
    lab: Lab,
    selection: Vec<Subject>,
    time: f64,
    window: Vec2,
}

impl Bench {
    fn new(lab: Lab, window: Vec2) -> Self {
        let ctx = Context::default();
        theme::install(&ctx);
        let mut bench = Self { ctx, canvas: Canvas::new(), lab, selection: Vec::new(), time: 0.0, window };
        for _ in 0..4 {
            bench.frame(Vec::new());
        }
        bench
    }

    fn frame(&mut self, events: Vec<Event>) -> usize {
        // A second a frame: whatever waits for the zoom to rest has rested.
        self.time += 1.0;
        let raw = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.window)),
            time: Some(self.time),
            events,
            ..RawInput::default()
        };
        let (canvas, lab, selection) = (&mut self.canvas, &self.lab, &self.selection);
        let mut output = self.ctx.run_ui(raw, |ui| {
            let input = CanvasInput {
                lab,
                lab_revision: 1,
                touched: None,
                catalog: Catalog::embedded(),
                overlay: Overlay::default(),
                overlay_revision: 1,
                selection,
                editing: Editing::Allowed,
                tool: Tool::Select,
                furniture: Furniture::Shown,
                requests: None,
                path: None,
            };
            black_box(canvas.show(ui, &input));
        });
        // No GPU takes the glyphs.
        output.textures_delta.clear();
        self.ctx.tessellate(output.shapes, output.pixels_per_point).len()
    }

    fn pan(&mut self, turn: &mut f32) -> usize {
        *turn = -*turn;
        let camera = self.canvas.camera();
        self.canvas.set_camera(camera.panned(vec2(*turn, *turn)));
        self.frame(Vec::new())
    }
}

fn graph(lab: &Lab) -> Graph {
    let mut graph = Graph::new();
    let mut nodes = Vec::new();
    for name in lab.nodes.keys() {
        let at = lab.canvas.nodes.get(name).map_or(Pos2::ZERO, |pos| {
            #[expect(clippy::cast_precision_loss, reason = "places of a drawing")]
            let at = pos2(pos.0 as f32, pos.1 as f32);
            at
        });
        let node = graph.add_node(());
        if let Some(node) = graph.node_mut(node) {
            node.set_location(at);
            node.set_label(name.to_string());
        }
        nodes.push(node);
    }
    for flow in &lab.flows {
        let number =
            |end: &model::Endpoint| end.node().and_then(|name| lab.nodes.get_index_of(name)).and_then(|number| nodes.get(number).copied());
        if let (Some(from), Some(to)) = (number(&flow.from), number(&flow.to)) {
            graph.add_edge(from, to, ());
        }
    }
    graph
}

fn graph_frame(ctx: &Context, graph: &mut Graph, time: &mut f64) -> usize {
    *time += 1.0;
    let raw = RawInput { screen_rect: Some(Rect::from_min_size(Pos2::ZERO, WINDOW)), time: Some(*time), ..RawInput::default() };
    let mut output = ctx.run_ui(raw, |ui| {
        let fit = SettingsNavigation::new().with_fit_to_screen_enabled(true);
        let view = GraphView::<LayoutStateRandom, LayoutRandom>::new().with_navigations(&fit);
        view.show(ui, graph);
    });
    output.textures_delta.clear();
    ctx.tessellate(output.shapes, output.pixels_per_point).len()
}

fn press(pos: Pos2, pressed: bool) -> Event {
    Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE }
}

/// Measures it.
pub fn canvas(c: &mut Criterion) {
    let mut group = c.benchmark_group("canvas");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));

    // Every card with all its words and chips, all of them seen at once.
    let mut full = Bench::new(fixture::large(1_000), WINDOW);
    full.canvas.force_detail(Some(Detail::Full));
    full.frame(Vec::new());
    group.bench_function("1,000 in full detail, still", |b| b.iter(|| full.frame(Vec::new())));
    let mut turn = 3.0;
    group.bench_function("1,000 in full detail, panning", |b| b.iter(|| full.pan(&mut turn)));
    drop(full);

    for nodes in [1_000, 10_000, 100_000] {
        let mut bench = Bench::new(fixture::large(nodes), WINDOW);
        let name = |what: &str| BenchmarkId::new(what, nodes);
        group.bench_function(name("fit, still"), |b| b.iter(|| bench.frame(Vec::new())));
        group.bench_function(name("fit, panning"), |b| b.iter(|| bench.pan(&mut turn)));
        let fitted = bench.canvas.camera();
        let mut grow = 1.02;
        group.bench_function(name("fit, zooming"), |b| {
            b.iter(|| {
                grow = 1.0 / grow;
                let camera = bench.canvas.camera();
                bench.canvas.set_camera(camera.zoomed(grow, WINDOW / 2.0));
                bench.frame(Vec::new())
            });
        });
        bench.canvas.set_camera(Camera { origin: point(2700.0, 480.0), zoom: 1.0 });
        bench.frame(Vec::new());
        group.bench_function(name("at 1:1, still"), |b| b.iter(|| bench.frame(Vec::new())));
        group.bench_function(name("at 1:1, panning"), |b| b.iter(|| bench.pan(&mut turn)));
        if nodes == 10_000 {
            bench.canvas.set_camera(fitted);
            bench.selection = bench.lab.nodes.keys().take(500).map(|name| Subject::Node(name.clone())).collect();
            bench.frame(Vec::new());
            let card = bench.canvas.scene().nodes.first().map_or_else(|| point(0.0, 0.0), |item| item.card.center());
            let at = fitted.screen_from_lab(Pos2::ZERO, card);
            bench.frame(vec![Event::PointerMoved(at)]);
            bench.frame(vec![press(at, true)]);
            bench.frame(vec![Event::PointerMoved(at + vec2(20.0, 20.0))]);
            let mut step = 4.0;
            group.bench_function("dragging 500 of 10,000", |b| {
                b.iter(|| {
                    step = -step;
                    bench.frame(vec![Event::PointerMoved(at + vec2(30.0 + step, 30.0))])
                });
            });
        }
    }
    group.finish();

    let mut group = c.benchmark_group("GraphView of egui_graphs");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for nodes in [1_000, 10_000, 100_000] {
        let lab = fixture::large(nodes);
        let (ctx, mut graph, mut time) = (Context::default(), graph(&lab), 0.0);
        for _ in 0..3 {
            graph_frame(&ctx, &mut graph, &mut time);
        }
        group.bench_function(BenchmarkId::new("fit", nodes), |b| b.iter(|| graph_frame(&ctx, &mut graph, &mut time)));
    }
    group.finish();
}
