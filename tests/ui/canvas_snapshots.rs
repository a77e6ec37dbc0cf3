//! Photographs of the canvas alone, in both themes and at several distances; and how it behaves under pointer and keys.
//!
//! `UPDATE_SNAPSHOTS=true cargo test --test ui canvas_snapshots` renews the images; look at them before keeping them.

use egui::{Event, Key, Modifiers, PointerButton, Pos2, Vec2, pos2, vec2};
use egui_kittest::{Harness, kittest::Queryable};
use sandtable::{
    catalog::Catalog,
    look::{Appearance, Motion, Preference},
    model::{self, Health, Lab, ListEdit, Observed, ObservedFlow, ObservedNode, ObservedService, ObservedVip, Power, Subject},
    picture::{Mode, Overlay, point},
    plan::Plan,
    rules::{Finding, Severity},
    ui::{
        canvas::{Camera, Canvas, CanvasEvent, CanvasInput, Editing, Furniture, PaletteDrag, Tool},
        theme,
    },
};

use std::sync::Arc;

#[path = "../../src/picture/fixture.rs"]
mod fixture;

/// The canvas with the least that an application does around it: apply its edits, keep its selection.
struct Stage {
    canvas: Canvas,
    lab: Lab,
    revision: u64,
    mode: Mode,
    findings: Vec<Arc<Finding>>,
    observed: Option<Observed>,
    plan: Option<Plan>,
    selection: Vec<Subject>,
    at_risk: Vec<Subject>,
    would_move: Vec<(model::VipName, Vec<model::NodeName>)>,
    tool: Tool,
    events: Vec<CanvasEvent>,
}

impl Stage {
    fn new(lab: Lab) -> Self {
        Self {
            canvas: Canvas::new(),
            lab,
            revision: 0,
            mode: Mode::Design,
            findings: Vec::new(),
            observed: None,
            plan: None,
            selection: Vec::new(),
            at_risk: Vec::new(),
            would_move: Vec::new(),
            tool: Tool::Select,
            events: Vec::new(),
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui) {
        let input = CanvasInput {
            lab: &self.lab,
            lab_revision: self.revision,
            touched: None,
            catalog: Catalog::embedded(),
            overlay: Overlay {
                mode: self.mode,
                findings: &self.findings,
                observed: self.observed.as_ref(),
                plan: self.plan.as_ref(),
                at_risk: &self.at_risk,
                would_move: &self.would_move,
                ..Overlay::default()
            },
            overlay_revision: self.revision,
            selection: &self.selection,
            editing: Editing::Allowed,
            tool: self.tool,
            furniture: Furniture::Shown,
            requests: None,
            path: None,
        };
        let output = self.canvas.show(ui, &input);
        for event in output.events {
            match &event {
                CanvasEvent::Edit(step) => {
                    self.lab.apply(&step.edits).unwrap_or_else(|error| panic!("{}: {error}", step.title));
                    self.revision += 1;
                    if let Some(select) = &step.select {
                        self.selection.clone_from(select);
                    }
                }
                CanvasEvent::Select(subjects) => self.selection.clone_from(subjects),
                _ => {}
            }
            self.events.push(event);
        }
    }
}

const SIZE: Vec2 = vec2(936.0, 640.0);

fn harness<'a>(stage: Stage, appearance: Appearance) -> Harness<'a, Stage> {
    let mut installed = false;
    let show = move |ui: &mut egui::Ui, stage: &mut Stage| {
        if !installed {
            theme::install(ui.ctx());
            theme::set_preference(ui.ctx(), if appearance == Appearance::Dark { Preference::Dark } else { Preference::Light });
            theme::set_motion(ui.ctx(), Motion::Reduced);
            installed = true;
            ui.ctx().request_discard("fonts");
            return;
        }
        // The whole window: the harness leaves a margin.
        let window = egui::UiBuilder::new().max_rect(ui.ctx().content_rect());
        ui.scope_builder(window, |ui| stage.ui(ui));
    };
    let mut harness = Harness::builder().with_size(SIZE).with_pixels_per_point(1.0).wgpu().build_ui_state(show, stage);
    harness.run();
    harness
}

fn photograph(name: &str, stage: impl Fn() -> Stage) {
    photograph_into(&mut egui_kittest::SnapshotResults::new(), name, stage);
}

fn photograph_into(results: &mut egui_kittest::SnapshotResults, name: &str, stage: impl Fn() -> Stage) {
    for appearance in Appearance::ALL {
        let mut harness = harness(stage(), appearance);
        harness.run();
        let theme = if appearance == Appearance::Dark { "dark" } else { "light" };
        results.add(harness.try_snapshot(format!("canvas_{name}_{theme}")));
    }
}

/// The mini-cloud at its own size, as the drawings show it.
fn at_100(lab: Lab) -> Stage {
    let mut stage = Stage::new(lab);
    stage.canvas.set_camera(Camera { origin: point(0.0, 0.0), zoom: 1.0 });
    stage
}

fn finding(severity: Severity, subject: Subject) -> Arc<Finding> {
    let message = String::new();
    Arc::new(Finding {
        rule: "test",
        severity,
        message,
        subject,
        within: Default::default(),
        involved: Vec::new(),
        fixes: Vec::new(),
        accepted: None,
    })
}

fn service(text: &str) -> Subject {
    Subject::Service(text.parse().unwrap())
}

fn node(name: &str) -> Subject {
    Subject::Node(name.parse().unwrap())
}

#[test]
fn design() {
    photograph("design", || {
        let mut stage = at_100(fixture::mini_cloud());
        stage.findings = vec![
            finding(Severity::Error, service("db1/galera")),
            finding(Severity::Error, Subject::Adapter("db1".parse().unwrap(), 0, "backend".parse().unwrap())),
            finding(Severity::Warning, Subject::Network("frontend".parse().unwrap())),
            finding(Severity::Advice, node("lb")),
        ];
        stage.selection = vec![node("db1")];
        stage
    });
}

fn observed(lab: &Lab, holders: &[&str]) -> Observed {
    let mut observed = Observed { at_ms: 60_000, ..Observed::default() };
    for (name, drawn) in &lab.nodes {
        let mut seen = ObservedNode { power: Power::Running, health: Health::Healthy, ..ObservedNode::default() };
        for service in drawn.services.keys() {
            seen.services.insert(service.clone(), ObservedService { health: Health::Healthy, ..ObservedService::default() });
        }
        observed.nodes.insert(name.clone(), seen);
    }
    for flow in &lab.flows {
        observed.flows.push(ObservedFlow {
            id: flow.into(),
            health: Health::Healthy,
            forward: true,
            backward: true,
            latency_ms: Some(1.0),
            reason: String::new(),
        });
    }
    let holders = holders.iter().map(|name| name.parse().unwrap()).collect();
    observed.vips.insert("vip".parse().unwrap(), ObservedVip { holders, since_ms: 59_000, ..ObservedVip::default() });
    observed
}

fn break_db1(observed: &mut Observed) {
    let db1 = observed.nodes.get_mut("db1").unwrap();
    db1.health = Health::Down;
    db1.services.get_mut("galera").unwrap().health = Health::Down;
    let cluster = model::ObservedCluster { state: model::ClusterState::Partial, ..Default::default() };
    observed.clusters.insert("db".parse().unwrap(), cluster);
    observed.nodes.get_mut("app2").unwrap().health = Health::Degraded;
}

#[test]
fn run_after_a_failover() {
    let mut results = egui_kittest::SnapshotResults::new();
    for appearance in Appearance::ALL {
        let mut stage = at_100(fixture::mini_cloud());
        stage.mode = Mode::Run;
        stage.observed = Some(observed(&stage.lab, &["db1"]));
        let mut harness = harness(stage, appearance);
        let stage = harness.state_mut();
        let mut later = observed(&stage.lab, &["db2"]);
        break_db1(&mut later);
        stage.observed = Some(later);
        stage.revision += 1;
        harness.run();
        let theme = if appearance == Appearance::Dark { "dark" } else { "light" };
        results.add(harness.try_snapshot(format!("canvas_run_{theme}")));
    }
}

#[test]
fn nobody_and_two_hold_the_address() {
    let mut results = egui_kittest::SnapshotResults::new();
    photograph_into(&mut results, "vip_two", || {
        let mut stage = at_100(fixture::mini_cloud());
        stage.mode = Mode::Run;
        stage.observed = Some(observed(&stage.lab, &["db1", "db2"]));
        stage
    });
    photograph_into(&mut results, "vip_none", || {
        let mut stage = at_100(fixture::mini_cloud());
        stage.mode = Mode::Run;
        stage.observed = Some(observed(&stage.lab, &[]));
        stage
    });
}

#[test]
fn every_distance() {
    let mut results = egui_kittest::SnapshotResults::new();
    for (name, zoom) in [("whole", 1.5), ("card", 0.5), ("name", 0.25), ("tile", 0.1)] {
        photograph_into(&mut results, &format!("zoom_{name}"), || {
            let mut stage = Stage::new(fixture::mini_cloud());
            stage.canvas.set_camera(Camera { origin: point(200.0, 40.0), zoom });
            stage
        });
    }
}

#[test]
fn two_sites_fit() {
    photograph("sites", || Stage::new(fixture::two_sites()));
}

#[test]
fn unplaced_fit() {
    photograph("unplaced", || Stage::new(fixture::mini_cloud_unplaced()));
}

#[test]
fn many_nodes_fit() {
    photograph("large", || Stage::new(fixture::large(2000)));
}

fn fault(id: u64, text: &str) -> model::ActiveFault {
    model::ActiveFault { id, fault: text.parse().unwrap(), since_ms: 50_000, until_ms: None, by: model::Author::default() }
}

#[test]
fn partitions_and_their_direction() {
    let mut results = egui_kittest::SnapshotResults::new();
    photograph_into(&mut results, "cut", || {
        let mut stage = at_100(fixture::mini_cloud());
        stage.mode = Mode::Run;
        let mut observed = observed(&stage.lab, &["db2"]);
        observed.faults = vec![fault(1, "cut app1,db1 lb,app2,db2")];
        stage.observed = Some(observed);
        stage
    });
    photograph_into(&mut results, "one_way", || {
        let mut stage = at_100(fixture::mini_cloud());
        stage.mode = Mode::Run;
        let mut observed = observed(&stage.lab, &["db1"]);
        observed.faults = vec![fault(1, "one-way app2 db1")];
        stage.observed = Some(observed);
        stage
    });
}

#[test]
fn a_stopped_sender_and_a_predicted_fault() {
    let mut results = egui_kittest::SnapshotResults::new();
    photograph_into(&mut results, "sender_stopped", || {
        let mut stage = at_100(fixture::mini_cloud());
        stage.mode = Mode::Run;
        let mut observed = observed(&stage.lab, &["db1"]);
        observed.nodes.get_mut("lb").unwrap().health = Health::Down;
        observed.nodes.get_mut("lb").unwrap().services.get_mut("haproxy").unwrap().health = Health::Down;
        stage.observed = Some(observed);
        stage
    });
    photograph_into(&mut results, "predicted", || {
        let mut stage = at_100(fixture::mini_cloud());
        stage.mode = Mode::Run;
        stage.observed = Some(observed(&stage.lab, &["db1"]));
        stage.at_risk = vec![service("db1/galera"), node("db1"), Subject::Vip("vip".parse().unwrap())];
        stage.would_move = vec![("vip".parse().unwrap(), vec!["db2".parse().unwrap()])];
        stage
    });
}

fn plan_of(lab: &Lab) -> Plan {
    use sandtable::plan::{Action, Change, Step, StepId};
    let step = |name: &str, change| Step {
        id: StepId(format!("create-machine {name}")),
        action: Action::PowerOn { node: name.parse().unwrap() },
        change,
        subject: node(name),
        reason: String::new(),
        after: Vec::new(),
    };
    assert!(lab.nodes.contains_key("db2"));
    let steps = vec![step("lb", Change::Update), step("app2", Change::Delete), step("db1", Change::Create), step("db2", Change::Create)];
    Plan { steps, ..Plan::default() }
}

#[test]
fn a_plan_on_the_canvas() {
    photograph("plan", || {
        let mut stage = at_100(fixture::mini_cloud());
        stage.mode = Mode::Run;
        stage.plan = Some(plan_of(&stage.lab));
        stage
    });
}

/// Presses, moves in steps and lets go.
fn drag(harness: &mut Harness<'_, Stage>, from: Pos2, to: Pos2, modifiers: Modifiers) {
    let button = |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
    harness.event(Event::PointerMoved(from));
    harness.run();
    harness.event(button(from, true));
    harness.run();
    for n in 1_u8..=4 {
        harness.event(Event::PointerMoved(from + (to - from) * (f32::from(n) / 4.0)));
        harness.run();
    }
    harness.event(button(to, false));
    harness.run();
}

fn edits(harness: &Harness<'_, Stage>) -> Vec<String> {
    let titles =
        harness.state().events.iter().filter_map(|event| if let CanvasEvent::Edit(step) = event { Some(step.title.clone()) } else { None });
    titles.collect()
}

fn design_stage<'a>() -> Harness<'a, Stage> {
    harness(at_100(fixture::mini_cloud()), Appearance::Dark)
}

#[test]
fn a_drag_moves_a_card_in_one_step_and_snaps() {
    let mut harness = design_stage();
    drag(&mut harness, pos2(300.0, 520.0), pos2(303.0, 561.0), Modifiers::NONE);
    assert_eq!(edits(&harness), ["Move db1"]);
    assert_eq!(harness.state().lab.canvas.nodes["db1"], model::Pos(224, 544), "in line with app1, on the grid");
    assert_eq!(harness.state().selection, [node("db1")]);
}

#[test]
fn a_click_moves_nothing() {
    let mut harness = design_stage();
    drag(&mut harness, pos2(300.0, 520.0), pos2(300.0, 520.0), Modifiers::NONE);
    assert_eq!(edits(&harness), Vec::<String>::new());
    assert_eq!(harness.state().selection, [node("db1")]);
}

#[test]
fn a_band_chooses_and_many_move_together() {
    let mut harness = design_stage();
    drag(&mut harness, pos2(100.0, 480.0), pos2(760.0, 610.0), Modifiers::NONE);
    assert_eq!(harness.state().selection, [node("db1"), node("db2")]);
    drag(&mut harness, pos2(300.0, 520.0), pos2(340.0, 552.0), Modifiers::NONE);
    assert_eq!(edits(&harness), ["Move 2 things"]);
    let places = &harness.state().lab.canvas.nodes;
    assert_eq!((places["db1"], places["db2"]), (model::Pos(264, 536), model::Pos(568, 536)));
}

#[test]
fn from_the_handle_to_a_rail_is_an_adapter() {
    let mut harness = design_stage();
    harness.event(Event::PointerMoved(pos2(410.0, 540.0)));
    harness.run();
    drag(&mut harness, pos2(420.0, 548.0), pos2(460.0, 236.0), Modifiers::NONE);
    assert_eq!(edits(&harness), ["Connect db1 to frontend"]);
    assert_eq!(harness.state().lab.nodes["db1"].adapters[1].address.unwrap().to_string(), "192.168.50.13");
}

#[test]
fn from_a_chip_to_a_service_is_a_flow() {
    let mut harness = design_stage();
    drag(&mut harness, pos2(260.0, 352.0), pos2(560.0, 568.0), Modifiers::NONE);
    assert_eq!(edits(&harness), ["Draw a flow from app1/todo to db2/galera"]);
}

#[test]
fn escape_gives_a_gesture_up() {
    let mut harness = design_stage();
    let from = pos2(300.0, 520.0);
    harness.event(Event::PointerMoved(from));
    harness.event(Event::PointerButton { pos: from, button: PointerButton::Primary, pressed: true, modifiers: Modifiers::NONE });
    harness.run();
    harness.event(Event::PointerMoved(from + vec2(80.0, 80.0)));
    harness.run();
    assert_ne!(harness.state().canvas.scene().rect_of(&harness.state().lab, &node("db1")).unwrap().min, point(224.0, 504.0));
    harness.key_press(Key::Escape);
    harness.run();
    harness.event(Event::PointerButton { pos: from, button: PointerButton::Primary, pressed: false, modifiers: Modifiers::NONE });
    harness.run();
    assert_eq!(edits(&harness), Vec::<String>::new());
    assert_eq!(harness.state().canvas.scene().rect_of(&harness.state().lab, &node("db1")).unwrap().min, point(224.0, 504.0));
}

#[test]
fn what_the_palette_gives_lands_where_it_is_dropped() {
    let drop = |harness: &mut Harness<'_, Stage>, payload: PaletteDrag, at: Pos2| {
        egui::DragAndDrop::set_payload(&harness.ctx, payload);
        harness.event(Event::PointerMoved(at));
        harness.event(Event::PointerButton { pos: at, button: PointerButton::Primary, pressed: true, modifiers: Modifiers::NONE });
        harness.event(Event::PointerButton { pos: at, button: PointerButton::Primary, pressed: false, modifiers: Modifiers::NONE });
        harness.run();
    };
    let mut harness = design_stage();
    drop(&mut harness, PaletteDrag::Node(model::Role::Cache), pos2(120.0, 160.0));
    assert!(harness.state().lab.nodes.contains_key("cache1"));
    drop(&mut harness, PaletteDrag::Service("redis".parse().unwrap()), pos2(120.0, 160.0));
    assert!(harness.state().lab.nodes["cache1"].services.contains_key("redis"));
    drop(&mut harness, PaletteDrag::Service("redis".parse().unwrap()), pos2(800.0, 160.0));
    assert!(matches!(harness.state().events.last(), Some(CanvasEvent::Refused(why)) if why.contains("drop it on a card")));
}

#[test]
fn the_keyboard_walks_nudges_renames_and_removes() {
    let mut harness = design_stage();
    drag(&mut harness, pos2(300.0, 520.0), pos2(300.0, 520.0), Modifiers::NONE);
    harness.key_press(Key::ArrowRight);
    harness.run();
    assert_eq!(harness.state().selection, [node("db2")]);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    harness.run();
    assert_eq!(harness.state().lab.canvas.nodes["db2"], model::Pos(528, 512));
    harness.key_press(Key::F2);
    harness.run();
    harness.event(Event::Text("replica".into()));
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert!(harness.state().lab.nodes.contains_key("replica"), "{:?}", harness.state().lab.nodes.keys());
    drag(&mut harness, pos2(600.0, 530.0), pos2(600.0, 530.0), Modifiers::NONE);
    harness.key_press(Key::Delete);
    harness.run();
    assert!(!harness.state().lab.nodes.contains_key("replica"));
}

#[test]
fn a_lasso_names_what_it_goes_around() {
    let mut harness = design_stage();
    harness.state_mut().tool = Tool::Lasso;
    let corners = [pos2(200.0, 490.0), pos2(760.0, 490.0), pos2(760.0, 610.0), pos2(200.0, 610.0)];
    harness.event(Event::PointerMoved(corners[0]));
    harness.event(Event::PointerButton { pos: corners[0], button: PointerButton::Primary, pressed: true, modifiers: Modifiers::NONE });
    harness.run();
    for at in corners {
        harness.event(Event::PointerMoved(at));
        harness.run();
    }
    harness.event(Event::PointerButton { pos: corners[3], button: PointerButton::Primary, pressed: false, modifiers: Modifiers::NONE });
    harness.run();
    let lassoed =
        harness.state().events.iter().find_map(|event| if let CanvasEvent::Lasso(nodes) = event { Some(nodes.clone()) } else { None });
    assert_eq!(lassoed.unwrap(), ["db1", "db2"]);
}

#[test]
fn nothing_repaints_while_nothing_changes() {
    let mut harness = design_stage();
    harness.step();
    let output = harness.output();
    let delay = output.viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap();
    assert_eq!(delay, std::time::Duration::MAX);
}

#[test]
fn things_can_be_found_by_those_who_listen() {
    let harness = design_stage();
    assert!(harness.query_by_label("db1, database").is_some());
    assert!(harness.query_by_label("backend, internal network, 192.168.60.0/24").is_some());
}

#[test]
fn undoing_an_edit_shows_what_was() {
    let mut harness = design_stage();
    let stage = harness.state_mut();
    let change = ListEdit::Remove;
    let applied = stage.lab.apply(&[model::Edit::Flow { index: 0, change }]).unwrap();
    stage.revision += 1;
    harness.run();
    assert_eq!(harness.state().canvas.scene().flows.len(), 4);
    let stage = harness.state_mut();
    stage.lab.apply(&applied.inverse).unwrap();
    stage.revision += 1;
    harness.run();
    assert_eq!(harness.state().canvas.scene().flows.len(), 5);
}

/// The canvas below a line of text whose glyphs fill the atlas before the canvas looks, as panels do.
fn harness_below_panels<'a>(stage: Stage) -> Harness<'a, Stage> {
    let mut installed = false;
    let show = move |ui: &mut egui::Ui, stage: &mut Stage| {
        if !installed {
            theme::install(ui.ctx());
            theme::set_preference(ui.ctx(), Preference::Dark);
            theme::set_motion(ui.ctx(), Motion::Reduced);
            installed = true;
            ui.ctx().request_discard("fonts");
            return;
        }
        for size in 9_u8..60 {
            let font = egui::FontId::proportional(f32::from(size));
            ui.fonts_mut(|fonts| fonts.layout_no_wrap("abcdefghijklmnopqrstuvwxyz0123456789".to_owned(), font, egui::Color32::WHITE));
        }
        let window = egui::UiBuilder::new().max_rect(ui.ctx().content_rect());
        ui.scope_builder(window, |ui| stage.ui(ui));
    };
    let mut harness = Harness::builder().with_size(SIZE).with_pixels_per_point(1.0).wgpu().build_ui_state(show, stage);
    harness.run();
    harness
}

#[test]
fn the_text_stays_when_the_theme_and_the_scale_change() {
    let mut harness = harness_below_panels(at_100(fixture::mini_cloud()));
    let mut first: std::collections::HashMap<(bool, u32), Vec<u8>> = std::collections::HashMap::new();
    for (round, (dark, percent)) in
        [(true, 100), (false, 100), (true, 100), (false, 100), (false, 150), (false, 100), (true, 150), (true, 100)].into_iter().enumerate()
    {
        theme::set_preference(&harness.ctx, if dark { Preference::Dark } else { Preference::Light });
        harness.set_pixels_per_point(percent as f32 / 100.0);
        harness.run();
        harness.run();
        let pixels = harness.render().unwrap().into_raw();
        // A drawing without letters would differ from the first one of its theme in thousands of pixels.
        let first = first.entry((dark, percent)).or_insert_with(|| pixels.clone());
        let differs = first.iter().zip(&pixels).filter(|(one, other)| one.abs_diff(**other) > 24).count();
        assert!(first.len() == pixels.len() && differs < 40, "round {round}: {differs} bytes differ");
    }
}

/// Presses, moves and lets go within one frame, as a quick hand on a slow machine does.
fn quick_drag(harness: &mut Harness<'_, Stage>, from: Pos2, to: Pos2) {
    let modifiers = Modifiers::NONE;
    let button = |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
    let middle = from + (to - from) * 0.5;
    let all = [Event::PointerMoved(from), button(from, true), Event::PointerMoved(middle), Event::PointerMoved(to), button(to, false)];
    harness.input_mut().events.extend(all);
    harness.run_steps(8);
}

#[test]
fn a_quick_drag_moves_what_was_pressed() {
    let mut harness = design_stage();
    // From the card over the rail below it.
    quick_drag(&mut harness, pos2(300.0, 520.0), pos2(300.0, 440.0));
    assert_eq!(edits(&harness), ["Move db1"]);
    quick_drag(&mut harness, pos2(260.0, 352.0), pos2(560.0, 568.0));
    assert_eq!(edits(&harness).last().unwrap(), "Draw a flow from app1/todo to db2/galera");
}

#[test]
fn a_quick_lasso_and_a_quick_band_begin_where_they_were_pressed() {
    let mut harness = design_stage();
    quick_drag(&mut harness, pos2(100.0, 480.0), pos2(760.0, 610.0));
    assert_eq!(harness.state().selection, [node("db1"), node("db2")]);
}

#[test]
fn two_quick_clicks_on_neighbours_are_not_a_double_click() {
    let mut harness = design_stage();
    // A frame of a test takes a quarter of a second.
    harness.ctx.options_mut(|options| {
        options.input_options.max_click_duration = 10.0;
        options.input_options.max_double_click_delay = 10.0;
    });
    let (chip, card) = (pos2(240.0, 343.5), pos2(240.0, 340.0));
    for at in [chip, card] {
        for pressed in [true, false] {
            let modifiers = Modifiers::NONE;
            harness
                .input_mut()
                .events
                .extend([Event::PointerMoved(at), Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers }]);
            harness.run_steps(3);
        }
    }
    let opened = harness.state().events.iter().any(|event| matches!(event, CanvasEvent::Open(_)));
    assert!(!opened, "{:?}", harness.state().events);
    assert_eq!(harness.state().selection, [node("app1")]);
}

/// Rests on a place until its hover card is there.
fn rest_on(harness: &mut Harness<'_, Stage>, at: Pos2) {
    harness.event(Event::PointerMoved(at));
    harness.run();
    for _ in 0..8 {
        harness.step();
    }
    harness.run();
}

#[test]
fn hover_cards_say_what_the_drawing_shortens() {
    let mut stage = at_100(fixture::mini_cloud());
    stage.findings = vec![Arc::new(Finding {
        message: "app1 has no way for administrators".into(),
        ..(*finding(Severity::Advice, node("app1"))).clone()
    })];
    let mut harness = harness(stage, Appearance::Dark);
    let check = |harness: &mut Harness<'_, Stage>, at: Pos2, words: &[&str]| {
        rest_on(harness, at);
        for words in words {
            assert!(harness.query_all_by_label_contains(words).next().is_some(), "no {words:?} at {at:?}");
        }
    };
    // The name of app1, its chip that counts what is hidden, the token, the rail, the drop of db1.
    check(&mut harness, pos2(300.0, 312.0), &["app · 512 MB", "192.168.50.11", "192.168.60.11", "8080", "app1 has no way"]);
    check(&mut harness, pos2(240.0, 352.0), &["on app1", "192.168.50.11 (frontend)"]);
    check(&mut harness, pos2(700.0, 436.0), &["192.168.60.0/24", "192.168.60.22"]);
}

#[test]
fn a_hover_card() {
    let mut results = egui_kittest::SnapshotResults::new();
    for appearance in Appearance::ALL {
        let mut stage = at_100(fixture::mini_cloud());
        stage.mode = Mode::Run;
        let mut seen = observed(&stage.lab, &["db2"]);
        break_db1(&mut seen);
        stage.observed = Some(seen);
        let mut harness = harness(stage, appearance);
        rest_on(&mut harness, pos2(300.0, 312.0));
        let theme = if appearance == Appearance::Dark { "dark" } else { "light" };
        results.add(harness.try_snapshot(format!("canvas_hover_{theme}")));
    }
}

#[test]
fn a_stray_node_does_not_hide_the_rest() {
    let mut lab = fixture::mini_cloud();
    lab.canvas.nodes.insert("db2".parse().unwrap(), model::Pos(1_000_000, 1_000_000));
    let mut harness = harness(Stage::new(lab), Appearance::Dark);
    let zoom = harness.state().canvas.camera().zoom;
    assert!(zoom > 0.5, "{zoom}");
    harness.get_by_label("db2 is far away from the rest").click();
    harness.run();
    let state = harness.state();
    let card = state.canvas.scene().rect_of(&state.lab, &node("db2")).unwrap();
    assert!(state.canvas.shown().touches(&card));
}

#[test]
fn a_note_of_a_megabyte_is_drawn_as_a_note() {
    let mut lab = fixture::mini_cloud();
    lab.notes.push(model::Note { at: model::Pos(800, 40), text: "word ".repeat(200_000), width: 0 });
    lab.notes.push(model::Note { at: model::Pos(-300, 40), text: "w".repeat(300), width: 200 });
    let harness = harness(Stage::new(lab), Appearance::Dark);
    let scene = harness.state().canvas.scene();
    assert!(scene.notes[0].lines.len() <= 41 && scene.notes[0].lines.last().unwrap().contains("goes on"));
    assert!(scene.notes[1].lines.len() > 5, "a long word is broken: {:?}", scene.notes[1].lines);
    assert!(harness.state().canvas.camera().zoom > 0.3);
}

/// Clicks without the movement of a drag.
fn click(harness: &mut Harness<'_, Stage>, at: Pos2) {
    let button = |pressed| Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    harness.event(Event::PointerMoved(at));
    harness.run();
    harness.event(button(true));
    harness.event(button(false));
    harness.run();
}

/// The handle at db1's right edge, once the card is hovered.
fn click_handle_of_db1(harness: &mut Harness<'_, Stage>) {
    harness.event(Event::PointerMoved(pos2(400.0, 540.0)));
    harness.run();
    click(harness, pos2(420.0, 548.0));
    assert!(harness.state().canvas.is_busy());
}

#[test]
fn a_click_on_the_handle_draws_until_a_click_on_a_target() {
    let mut harness = design_stage();
    click_handle_of_db1(&mut harness);
    // The ground is no target, and the line goes on; a target that makes no sense says why, and it goes on too.
    click(&mut harness, pos2(860.0, 340.0));
    assert!(harness.state().canvas.is_busy() && edits(&harness).is_empty());
    click(&mut harness, pos2(460.0, 435.0));
    let refused = |harness: &Harness<'_, Stage>| harness.state().events.iter().any(|event| matches!(event, CanvasEvent::Refused(_)));
    assert!(harness.state().canvas.is_busy() && refused(&harness), "db1 is on the backend already");
    click(&mut harness, pos2(460.0, 235.0));
    assert_eq!(edits(&harness), ["Connect db1 to frontend"]);
    assert!(!harness.state().canvas.is_busy());
    // The next click selects, as ever.
    click(&mut harness, pos2(600.0, 300.0));
    assert_eq!(harness.state().selection, [node("app2")]);
}

#[test]
fn escape_and_a_click_where_it_begins_give_a_clicked_line_up() {
    let mut harness = design_stage();
    click_handle_of_db1(&mut harness);
    harness.key_press(Key::Escape);
    harness.run();
    assert!(!harness.state().canvas.is_busy());
    click_handle_of_db1(&mut harness);
    click(&mut harness, pos2(300.0, 520.0));
    assert!(!harness.state().canvas.is_busy() && edits(&harness).is_empty());
    // The pointer draws the flow by the same path as a drag.
    click_handle_of_db1(&mut harness);
    click(&mut harness, pos2(600.0, 520.0));
    assert_eq!(edits(&harness), ["Draw a flow from db1 to db2/galera"]);
}

#[test]
fn a_clicked_line_follows_the_pointer() {
    let mut results = egui_kittest::SnapshotResults::new();
    for appearance in Appearance::ALL {
        let mut harness = harness(at_100(fixture::mini_cloud()), appearance);
        click_handle_of_db1(&mut harness);
        harness.event(Event::PointerMoved(pos2(740.0, 370.0)));
        harness.run();
        let theme = if appearance == Appearance::Dark { "dark" } else { "light" };
        results.add(harness.try_snapshot(format!("canvas_connect_{theme}")));
    }
}

/// The mini-cloud with a card over the right part of app1.
fn covered() -> Stage {
    let mut lab = fixture::mini_cloud();
    lab.canvas.nodes.insert("app2".parse().unwrap(), model::Pos(360, 310));
    at_100(lab)
}

#[test]
fn the_mark_of_a_hovered_card_lies_below_what_covers_it() {
    let mut results = egui_kittest::SnapshotResults::new();
    for appearance in Appearance::ALL {
        let mut harness = harness(covered(), appearance);
        harness.event(Event::PointerMoved(pos2(330.0, 296.0)));
        harness.run();
        let theme = if appearance == Appearance::Dark { "dark" } else { "light" };
        results.add(harness.try_snapshot(format!("canvas_covered_{theme}")));
    }
    // The handle of the covered card is covered too: a press there is on the card above.
    let mut harness = harness(covered(), Appearance::Dark);
    harness.event(Event::PointerMoved(pos2(330.0, 296.0)));
    harness.run();
    drag(&mut harness, pos2(420.0, 332.0), pos2(420.0, 380.0), Modifiers::NONE);
    assert_eq!(edits(&harness), ["Move app2"]);
}

#[test]
fn nothing_on_the_canvas_offers_itself_in_a_presentation() {
    let cursor = |mode: Mode| {
        let mut stage = at_100(fixture::mini_cloud());
        stage.mode = mode;
        let mut harness = harness(stage, Appearance::Dark);
        harness.event(Event::PointerMoved(pos2(300.0, 312.0)));
        harness.run();
        harness.output().platform_output.cursor_icon
    };
    assert_eq!(cursor(Mode::Run), egui::CursorIcon::PointingHand);
    assert_eq!(cursor(Mode::Present), egui::CursorIcon::Default);
    // A drag pulls the paper: a rubber band would choose nothing.
    let mut stage = at_100(fixture::mini_cloud());
    stage.mode = Mode::Present;
    let mut harness = harness(stage, Appearance::Dark);
    drag(&mut harness, pos2(300.0, 312.0), pos2(340.0, 352.0), Modifiers::NONE);
    assert!(edits(&harness).is_empty() && harness.state().selection.is_empty());
    assert!(harness.state().canvas.camera().origin.x < 0.0, "{:?}", harness.state().canvas.camera());
}
