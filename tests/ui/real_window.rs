//! What only showed in a real window: small ones, menus over cards, and other processes that change or damage the lab.

use super::support::Window;
use egui_kittest::kittest::Queryable as _;
use sandtable::{
    app::{
        Command, FileCommand, RunCommand, SelectCommand,
        job::{Engine as _, Job, Report, Task},
    },
    model::{Pos, Subject},
    session::Cancel,
};

fn deployed() -> Window {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Run(RunCommand::Plan));
    window.send(Command::Run(RunCommand::Deploy));
    assert!(window.state().run.is_deployed(), "{:?}", window.state().notice());
    window.pass(5000);
    window
}

/// Rests with the pointer, longer than a card takes to come.
fn rest_on(window: &mut Window, at: egui::Pos2) {
    window.harness.event(egui::Event::PointerMoved(at));
    (0..8).for_each(|_| window.harness.step());
    window.settle();
}

fn shows_card(window: &Window) -> bool {
    let id = egui::Tooltip::tooltip_id(egui::Id::new("hover card"), 0);
    let layer = egui::LayerId::new(egui::Order::Tooltip, id);
    window.harness.ctx.memory(|memory| memory.areas().visible_last_frame(&layer))
}

fn db1(window: &Window) -> egui::Pos2 {
    window.on_screen(Pos(180, 660))
}

#[test]
fn a_card_covers_neither_a_menu_nor_a_notice() {
    let mut window = deployed();
    let at = db1(&window);
    rest_on(&mut window, at);
    assert!(shows_card(&window));
    window.press_secondary_at(at);
    rest_on(&mut window, at);
    rest_on(&mut window, at + egui::vec2(-1.0, -1.0));
    assert!(!shows_card(&window), "the menu is open");
    let aside = window.room().left_top() + egui::vec2(6.0, 6.0);
    window.press_at(aside);
    rest_on(&mut window, aside);
    rest_on(&mut window, at);
    assert!(shows_card(&window));
}

/// Does a task as another process would.
fn by_another_process(window: &Window, task: Task) -> Vec<Report> {
    let job = Job { provider: "sim".into(), file: window.state().document.path.clone(), lab: window.state().lab().clone(), task };
    let mut reports = Vec::new();
    window.another_process().work(&job, &Cancel::default(), &mut |report| reports.push(report)).unwrap();
    reports
}

#[test]
fn another_process_destroys_and_deploys_and_the_load_begins_anew() {
    let mut window = deployed();
    assert!(!window.state().run.load.is_empty());
    let known = window.state().run.events.len();
    by_another_process(&window, Task::Destroy);
    window.pass(500);
    let run = &window.state().run;
    assert!(!run.is_deployed() && run.load.is_empty() && run.entries.is_empty());
    let said = |window: &Window, from: usize| -> Vec<String> {
        window.state().run.events.iter().skip(from).map(|event| format!("{} {}", event.who(), event.what())).collect()
    };
    let removed = said(&window, known);
    assert!(removed.iter().any(|line| line == "db1 is removed"), "{removed:?}");
    let authors = window.state().run.events.iter().skip(known).map(|event| event.author);
    assert!(authors.into_iter().all(|author| author == sandtable::activity::Author::AnotherProcess));
    let known = window.state().run.events.len();
    let plan = by_another_process(&window, Task::Plan).into_iter().find_map(|report| match report {
        Report::Planned(plan) => Some(plan),
        _ => None,
    });
    by_another_process(&window, Task::Deploy(plan.unwrap()));
    window.pass(3000);
    let made = said(&window, known);
    assert!(made.iter().any(|line| line.contains("db1")), "what comes next is listed after what was: {made:?}");
    assert!(!window.state().run.load.is_empty(), "requests of the new deployment");
    assert_eq!(window.state().run.load.iter().filter(|sample| sample.at_ms > window.state().run.now_ms()).count(), 0);
}

#[test]
fn a_state_that_cannot_be_read_is_an_error_that_stays_and_nothing_is_green() {
    fn file(folder: &std::path::Path, name: &str) -> Option<std::path::PathBuf> {
        std::fs::read_dir(folder).unwrap().flatten().find_map(|entry| {
            let path = entry.path();
            if path.is_dir() { file(&path, name) } else { (entry.file_name() == name).then_some(path) }
        })
    }
    for name in ["lab.json", "sim.json"] {
        let mut window = deployed();
        let path = file(window.folder.path(), name).unwrap();
        let content = std::fs::read(&path).unwrap();
        std::fs::write(&path, &content[..content.len() / 2]).unwrap();
        window.pass(500);
        let run = &window.state().run;
        assert!(run.stale.as_ref().is_some_and(|why| why.contains(name)), "{:?}", run.stale);
        assert!(run.is_deployed(), "it never counts as nothing");
        let services = run.observed.iter().flat_map(|observed| observed.nodes.values().flat_map(|node| node.services.values()));
        assert_eq!(services.filter(|service| service.health != sandtable::model::Health::Unknown).count(), 0);
        assert_eq!(window.harness.query_all_by_label_contains("what is shown is stale").count(), 1);
        window.pass(20_000);
        assert_eq!(window.harness.query_all_by_label_contains("what is shown is stale").count(), 1);
        let events = window.state().run.events.len();
        std::fs::write(&path, &content).unwrap();
        window.pass(500);
        assert!(window.state().run.stale.is_none());
        assert_eq!(window.harness.query_all_by_label_contains("what is shown is stale").count(), 0);
        assert_eq!(window.state().run.events.len(), events, "nothing has happened to the lab meanwhile");
    }
}

#[test]
fn the_choice_of_the_provider_stays_beside_the_switch() {
    for size in [[1440.0, 900.0], [1024.0, 640.0], [800.0, 560.0]] {
        let mut window = Window::with_template("Mini cloud");
        window.harness.set_size(size.into());
        window.settle();
        let edge = |window: &Window| window.harness.get_by_label("Present").rect().right();
        let choice = |window: &Window| window.harness.get_by_label_contains("Deploy on").rect();
        assert!(choice(&window).left() >= edge(&window), "{size:?}: {:?} {}", choice(&window), edge(&window));
    }
}

#[test]
fn what_is_clicked_in_a_narrow_window_stays_below_the_pointer() {
    let mut window = Window::with_template("Mini cloud");
    window.harness.set_size([1024.0, 640.0].into());
    window.settle();
    let camera = |window: &Window| window.harness.state().stage().canvas().camera();
    let (before, at) = (camera(&window), db1(&window));
    let room = window.room();
    window.press_at(at);
    assert_eq!(window.state().selected(), Some(&Subject::Node("db1".parse().unwrap())));
    assert!(window.room().width() < room.width(), "the inspector is open");
    assert_eq!(camera(&window).zoom, before.zoom);
    assert!(db1(&window).distance(at) < 0.5);
    window.send(Command::Select(SelectCommand::SelectNone));
    assert!(db1(&window).distance(at) < 0.5);
    // The window's own size fits it again.
    window.harness.set_size([1400.0, 800.0].into());
    window.settle();
    assert_ne!(camera(&window).zoom, before.zoom);
}

#[test]
fn enter_presses_the_main_button_of_a_dialog() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::File(FileCommand::Export));
    assert!(window.state().dialog.is_some());
    window.harness.key_press(egui::Key::Enter);
    window.settle();
    assert!(window.state().dialog.is_none());
    let notice = window.state().notice().map(|notice| notice.text.clone());
    assert!(notice.as_ref().is_some_and(|text| text.starts_with("Exported to")), "{notice:?}");
}
