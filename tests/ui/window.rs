//! The whole window, driven by the names that accessibility tools hear, on the simulator with a clock of its own.

use super::support::{Window, exposed, many_services};
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use sandtable::{
    app::{
        AnswerCommand, Command, Dialog, DialogCommand, EditCommand, FaultCommand, FileCommand, Mode, ModeCommand, PreferenceCommand,
        RunCommand, SelectCommand, Tab, ViewCommand, WindowCommand, files::Folders, ops,
    },
    model::{Bind, ClusterState, Edit, Health, ListEdit, Node, Power, Role as NodeRole, ServiceRef, Subject},
};

fn node(name: &str) -> Subject {
    Subject::Node(name.parse().unwrap())
}

/// Lets db1's database listen on every address, which a rule is about.
fn open_to_all(window: &mut Window) -> ServiceRef {
    let at: ServiceRef = "db1/galera".parse().unwrap();
    let mut service = window.state().lab().service(&at).unwrap().clone();
    service.bind = Bind::Any;
    let edit = Edit::Service { node: at.node.clone(), name: at.service.clone(), at: None, to: Some(Box::new(service)) };
    window.send(Command::edit("Bind", vec![edit]));
    at
}

#[test]
fn a_new_lab_is_drawn_undone_and_saved() {
    let mut window = Window::open();
    assert!(!window.state().document.open, "the gallery is shown first");
    window.click("New lab");
    assert!(window.state().document.open);
    window.click("Database");
    window.click("Internal");
    assert_eq!((window.state().lab().nodes.len(), window.state().lab().networks.len()), (1, 1));
    assert!(window.state().is_unsaved());
    window.send(Command::Edit(EditCommand::Undo));
    assert_eq!(window.state().lab().networks.len(), 0);
    window.send(Command::Edit(EditCommand::Redo));
    window.send(Command::File(FileCommand::Save));
    assert!(!window.state().is_unsaved());
    let saved = window.folder.path().join("new-lab.ron");
    assert!(std::fs::read_to_string(saved).unwrap().contains("db1"));
}

#[test]
fn leaving_with_changes_asks_and_does_as_told() {
    let mut window = Window::open();
    window.click("New lab");
    window.click("Database");
    window.send(Command::File(FileCommand::New));
    assert!(matches!(window.state().dialog, Some(Dialog::Unsaved(_))));
    window.click("Cancel");
    assert_eq!(window.state().lab().nodes.len(), 1);
    window.send(Command::File(FileCommand::New));
    window.click("Do not save");
    assert_eq!(window.state().lab().nodes.len(), 0);
}

fn lab_file(window: &Window, name: &str) -> (std::path::PathBuf, String) {
    let path = window.folder.path().join(name);
    let text = sandtable::layout::write(&sandtable::model::Lab::new(name));
    std::fs::write(&path, &text).unwrap();
    (path, text)
}

fn dialog_button(window: &mut Window, name: &str) {
    window.click_role(Role::Button, name);
}

#[test]
fn saving_over_what_another_program_wrote_asks_first() {
    let mut window = Window::open();
    let (path, _) = lab_file(&window, "shop.ron");
    window.send(Command::File(FileCommand::OpenPath(path.clone())));
    window.click("Database");
    let theirs = sandtable::layout::write(&sandtable::model::Lab::new("theirs"));
    std::fs::write(&path, &theirs).unwrap();
    window.send(Command::File(FileCommand::Save));
    assert_eq!((window.state().dialog.as_ref(), window.state().is_unsaved()), (Some(&Dialog::ChangedOnDisk), true));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), theirs);
    dialog_button(&mut window, "Not now");
    window.send(Command::File(FileCommand::Save));
    assert_eq!(window.state().dialog, Some(Dialog::ChangedOnDisk), "it is asked at every save");
    dialog_button(&mut window, "Overwrite");
    assert!(!window.state().is_unsaved(), "{:?}", window.state().notice());
    assert!(std::fs::read_to_string(&path).unwrap().contains("db1"));
    assert_eq!(std::fs::read_to_string(window.folder.path().join("shop.ron~")).unwrap(), theirs);
    window.click("Database");
    window.send(Command::File(FileCommand::Save));
    assert_eq!((window.state().dialog.as_ref(), window.state().is_unsaved()), (None, false), "our own change is none");
}

#[test]
fn a_file_that_holds_no_layout_any_more_is_noticed() {
    let mut window = Window::open();
    let (path, _) = lab_file(&window, "shop.ron");
    window.send(Command::File(FileCommand::OpenPath(path.clone())));
    std::fs::write(&path, "garbage").unwrap();
    window.send(Command::File(FileCommand::Focused));
    assert_eq!(window.state().dialog, Some(Dialog::ChangedOnDisk));
    assert!(window.harness.query_by_label("shop.ron no longer holds a layout").is_some());
    assert!(window.harness.query_by_label("Reload").is_none());
    dialog_button(&mut window, "Not now");
    window.send(Command::File(FileCommand::Focused));
    assert_eq!(window.state().dialog, None, "it was said once");
}

#[test]
fn saving_under_another_name_asks_before_it_replaces_a_file() {
    let mut window = Window::without_desktop(tempfile::tempdir().unwrap());
    let (other, before) = lab_file(&window, "aaa.ron");
    let (path, _) = lab_file(&window, "shop.ron");
    window.send(Command::File(FileCommand::OpenPath(path)));
    window.click("Database");
    window.send(Command::File(FileCommand::SaveAs));
    window.click("aaa.ron");
    dialog_button(&mut window, "Save");
    assert!(matches!(window.state().dialog, Some(Dialog::Overwrite(..))), "{:?}", window.state().dialog);
    assert_eq!(std::fs::read_to_string(&other).unwrap(), before);
    dialog_button(&mut window, "Cancel");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), before);
    window.send(Command::File(FileCommand::SaveAs));
    window.click("aaa.ron");
    dialog_button(&mut window, "Save");
    dialog_button(&mut window, "Replace");
    assert!(std::fs::read_to_string(&other).unwrap().contains("db1"));
    assert_eq!(window.state().document.path.as_ref(), Some(&other));
}

#[test]
fn an_export_is_called_after_the_lab_and_never_takes_its_place() {
    let mut window = Window::without_desktop(tempfile::tempdir().unwrap());
    let (path, before) = lab_file(&window, "shop.ron");
    window.send(Command::File(FileCommand::OpenPath(path.clone())));
    window.send(Command::File(FileCommand::Export));
    dialog_button(&mut window, "Export…");
    assert_eq!(window.state().proposed, "shop.svg");
    dialog_button(&mut window, "Export");
    let picture = window.folder.path().join("shop.svg");
    assert!(std::fs::read_to_string(&picture).unwrap().contains("<svg"), "{:?}", window.state().notice());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    // The name of a layout is no name for an export, however it is chosen.
    let chosen = Command::File(FileCommand::Chosen(sandtable::app::FileUse::Export(sandtable::app::ExportFormat::Svg), path.clone()));
    window.send(chosen);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
}

#[test]
fn a_picture_has_the_scale_the_theme_the_ground_and_the_part_that_are_chosen() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Select(SelectCommand::Select(vec![node("db1"), node("db2")])));
    let mut exported = |choices: &[&str]| {
        window.send(Command::File(FileCommand::Export));
        choices.iter().for_each(|choice| window.click(choice));
        let shown = window.harness.get_by_label_contains(" × ");
        let words = shown.accesskit_node().label().or_else(|| shown.accesskit_node().value()).expect("the size");
        let path = window.folder.path().join("mini-cloud.png");
        let _ = std::fs::remove_file(&path);
        dialog_button(&mut window, "Export…");
        let image = image::open(&path).unwrap_or_else(|error| panic!("{error}: {:?}", window.state().notice()));
        assert_eq!(words, format!("{} × {} pixels", image.width(), image.height()), "the size was shown before");
        image.into_rgba8()
    };
    let whole = exported(&["PNG", "1×", "Light"]);
    let double = exported(&["2×"]);
    assert_eq!((double.width().div_ceil(2), double.height().div_ceil(2)), whole.dimensions());
    let dark = exported(&["1×", "Dark"]);
    assert!(dark.get_pixel(2, 2).0[0] < 40 && whole.get_pixel(2, 2).0[0] > 200);
    assert_eq!(exported(&["As shown"]).get_pixel(2, 2), dark.get_pixel(2, 2), "the window is dark");
    assert_eq!(exported(&["Transparent"]).get_pixel(2, 2).0[3], 0);
    let part = exported(&["Of the theme", "Selection"]);
    assert!(part.height() < whole.height() / 2, "two nodes of five: {:?}", part.dimensions());
}

#[test]
fn unsaved_work_is_offered_when_its_file_is_opened_by_name() {
    let mut window = Window::open();
    let (path, _) = lab_file(&window, "shop.ron");
    let content = sandtable::host::file::Fingerprint::of(&std::fs::read(&path).unwrap());
    let folders = Folders::below(window.folder.path());
    let mut lab = sandtable::model::Lab::new("recovered");
    lab.about = "unsaved".into();
    let mut dead = sandtable::app::files::Keeper::new(&folders);
    dead.keep(Some(&path), Some(content), &lab).unwrap();
    drop(dead);
    let folder = std::mem::replace(&mut window.folder, tempfile::tempdir().unwrap());
    drop(window);
    let mut window = Window::without_desktop(folder);
    assert_eq!(window.state().dialog, Some(Dialog::Recover));
    window.send(Command::File(FileCommand::OpenPath(path.clone())));
    assert_eq!((window.state().dialog.as_ref(), window.state().document.open), (Some(&Dialog::Recover), true));
    dialog_button(&mut window, "Recover");
    assert_eq!((window.state().lab(), window.state().is_unsaved()), (&lab, true));
    window.send(Command::File(FileCommand::Save));
    assert_eq!((window.state().dialog.as_ref(), window.state().is_unsaved()), (None, false), "nobody else wrote it");
    assert!(sandtable::app::files::Keeper::new(&folders).recoveries().is_empty());
}

#[test]
fn a_broken_rule_is_listed_and_its_button_mends_it() {
    let mut window = Window::with_template("Mini cloud");
    let before = window.state().review.total();
    let at = open_to_all(&mut window);
    let place = window.state().review.place_of("data-service-on-any-address", &Subject::Service(at)).expect("the rule speaks");
    let fix = window.state().review.fixes(place).first().expect("it can be mended").title.clone();
    window.send(Command::Select(SelectCommand::SelectFinding(place)));
    window.click_role(Role::Button, &fix);
    assert_eq!(window.state().review.total(), before);
}

#[test]
fn packages_are_pinned() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Dialog(DialogCommand::Pins));
    let pins = |window: &Window| window.state().lab().pins.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>();
    for (typed, there) in [("nginx 1.22.*", vec!["nginx 1.22.*"]), ("redis $(x)", vec!["nginx 1.22.*"])] {
        let field = |window: &Window, act: &dyn Fn(egui_kittest::Node<'_>)| {
            act(window.harness.get_all_by_label("Package and version").last().expect("a field for one more"));
        };
        field(&window, &|field| field.click());
        window.settle();
        field(&window, &|field| field.type_text(typed));
        window.settle();
        window.harness.key_press(egui::Key::Enter);
        window.settle();
        assert_eq!(pins(&window), there, "{typed}");
    }
    window.send(Command::Edit(EditCommand::Undo));
    assert_eq!(pins(&window), Vec::<String>::new());
}

#[test]
fn a_finding_is_accepted_with_a_reason() {
    let mut window = Window::with_template("Mini cloud");
    let at = open_to_all(&mut window);
    let place = window.state().review.place_of("data-service-on-any-address", &Subject::Service(at)).expect("the rule speaks");
    let finding = window.state().review.findings()[place].clone();
    window.send(Command::Dialog(DialogCommand::Ask(Dialog::Accept { rule: finding.rule.to_owned(), subject: finding.subject.clone() })));
    window.harness.get_by_label("Reason").type_text("a test");
    window.settle();
    window.click_role(Role::Button, "Accept");
    let place = window.state().review.place_of(finding.rule, &finding.subject).unwrap();
    assert_eq!(window.state().review.findings()[place].accepted.as_deref(), Some("a test"));
}

#[test]
fn the_list_of_commands_does_what_is_chosen() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Dialog(DialogCommand::CommandPalette));
    assert_eq!(window.state().dialog, Some(Dialog::CommandPalette));
    window.send(Command::Dialog(DialogCommand::CloseDialog));
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::G);
    window.settle();
    assert_eq!(window.state().graph, sandtable::app::Graph::Shown);
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::G);
    window.settle();
    assert_eq!(window.state().graph, sandtable::app::Graph::Hidden);
}

/// The cards of the service graph that are in sight: their names and where they are.
fn graph_cards(window: &Window) -> Vec<(String, egui::Rect)> {
    let items =
        window.harness.query_all_by_role(Role::ListItem).map(|item| (item.accesskit_node().label().unwrap_or_default(), item.rect()));
    items.filter(|(name, _)| [", on ", ", virtual IP", ", beyond the lab"].iter().any(|about| name.contains(about))).collect()
}

#[test]
fn what_is_clicked_in_the_graph_is_selected_and_back() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Window(WindowCommand::ToggleGraph));
    for arrangement in ["Layers", "Forces"] {
        window.click(arrangement);
        let at = window.harness.get_by_label("haproxy, on lb").rect().center();
        window.press_at(at);
        assert_eq!(window.state().selected(), Some(&Subject::Service("lb/haproxy".parse().unwrap())));
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Service("db1/galera".parse().unwrap())])));
        let is_selected = |name: &str| window.harness.get_by_label(name).accesskit_node().is_selected();
        assert_eq!((is_selected("galera, on db1"), is_selected("haproxy, on lb")), (Some(true), Some(false)));
        window.send(Command::Select(SelectCommand::SelectNone));
    }
    window.harness.get_by_label("galera, on db2").click_accesskit();
    window.settle();
    assert_eq!(window.state().selected(), Some(&Subject::Service("db2/galera".parse().unwrap())));
}

#[test]
fn the_graph_opens_readable_however_many_services_there_are() {
    for count in [1, 10, 120, 300] {
        let mut window = Window::open();
        window.open_lab(&many_services(count));
        window.send(Command::Window(WindowCommand::ToggleGraph));
        for arrangement in ["Layers", "Forces"] {
            window.click(arrangement);
            let bar = window.harness.get_by_label("Service graph").rect();
            let cards = graph_cards(&window);
            assert!(cards.len() > count.min(20) / 2, "{count} {arrangement}: {} in sight", cards.len());
            for (nth, (name, card)) in cards.iter().enumerate() {
                assert!(card.height() >= 40.0 * 11.0 / 13.0 - 0.1, "{count} {arrangement}: {name} {card:?}");
                let inside = card.left() > bar.left() - 20.0 && card.right() < 1440.0 - 288.0;
                assert!(inside || arrangement == "Forces", "{count} {arrangement}: {name} {card:?}");
                let covered = cards.iter().skip(nth + 1).find(|(_, other)| card.intersects(*other));
                assert!(covered.is_none(), "{count} {arrangement}: {name} and {covered:?}");
            }
        }
    }
}

#[test]
fn the_graph_is_scrolled_zoomed_and_shown_whole() {
    let mut window = Window::open();
    window.open_lab(&many_services(120));
    window.send(Command::Window(WindowCommand::ToggleGraph));
    let opened = graph_cards(&window);
    window.send(Command::View(ViewCommand::ZoomFit));
    assert!(graph_cards(&window).len() > 120, "all services and the outside");
    window.send(Command::View(ViewCommand::ZoomActual));
    assert!((graph_cards(&window)[0].1.height() - 40.0).abs() < 0.5);
    // The room changes: shown readable again.
    window.send(Command::Window(WindowCommand::ToggleInspector));
    window.send(Command::Window(WindowCommand::ToggleInspector));
    assert_eq!(graph_cards(&window), opened);
    let last = window.state().lab().nodes.keys().last().unwrap().clone();
    let (_, service, _) = window.state().lab().services().find(|(node, ..)| **node == last).unwrap();
    let name = format!("{service}, on {last}");
    assert!(window.harness.query_by_label(&name).is_none(), "far below");
    let at = Subject::Service(ServiceRef { node: last, service: service.clone() });
    window.send(Command::Select(SelectCommand::Select(vec![at])));
    assert!(window.harness.query_by_label(&name).is_some(), "what is selected is brought into sight");
}

#[test]
fn a_lab_is_planned_deployed_broken_and_healed() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Run(RunCommand::Plan));
    assert_eq!((window.state().mode, window.state().tab), (Mode::Run, Tab::Plan));
    assert!(window.state().document.path.is_some(), "what is deployed belongs to a file");
    let steps = window.state().run.plan.as_ref().expect("a plan").steps.len();
    assert!(steps > 10);
    window.send(Command::Run(RunCommand::Deploy));
    assert!(window.state().run.is_deployed(), "{:?}", window.state().notice());
    let observed = window.state().run.observed.clone().unwrap();
    assert!(observed.nodes.values().all(|node| node.power == Power::Running));
    let (vip, before) = observed.vips.iter().next().map(|(name, vip)| (name.clone(), vip.holders.clone())).unwrap();
    assert_eq!(before.iter().map(|node| node.as_str()).collect::<Vec<_>>(), ["db1"]);
    window.pass(3000);
    window.send(Command::Select(SelectCommand::Select(vec![node("db1")])));
    window.send(Command::Fault(FaultCommand::Consider("stop db1/galera".parse().unwrap())));
    assert!(window.state().run.prediction.is_some(), "the blast radius is shown first");
    assert!(window.state().dialog.is_none(), "the canvas stays in sight");
    // The palette has a button of the same name; the panel at the right is drawn after it.
    window.harness.get_all_by_role_and_label(Role::Button, "Stop").last().expect("a button in the panel").click();
    window.settle();
    assert_eq!(window.state().run.faults().len(), 1);
    assert!(window.state().run.considered.is_none());
    window.pass(12_000);
    let after = window.state().run.observed.as_ref().unwrap().vips.get(&vip).unwrap().holders.clone();
    assert_eq!(after.iter().map(|node| node.as_str()).collect::<Vec<_>>(), ["db2"], "the VIP has moved");
    assert!(window.state().run.events.iter().any(|event| event.what().starts_with("takes ")));
    window.send(Command::Fault(FaultCommand::HealAll));
    assert!(window.state().run.faults().is_empty());
    window.pass(20_000);
    let galera = &window.state().run.observed.as_ref().unwrap().nodes.get("db1").unwrap().services;
    assert!(galera.values().all(|service| service.health == Health::Healthy));
    window.send(Command::Run(RunCommand::DestroyNow));
    assert!(!window.state().run.is_deployed());
}

#[test]
fn a_lab_with_open_errors_is_deployed_only_when_that_is_confirmed() {
    let mut window = Window::with_template("Mini cloud");
    let edits = exposed(window.state().lab());
    window.send(Command::edit("Bind to all", edits));
    window.send(Command::Run(RunCommand::Plan));
    let errors: Vec<String> = {
        let review = &window.state().review;
        review.blocking().map(|place| review.findings()[place].message.clone()).collect()
    };
    assert!(errors.len() >= 2, "{errors:?}");
    window.send(Command::Run(RunCommand::Deploy));
    assert_eq!(window.state().dialog, Some(Dialog::DeployErrors));
    assert!(!window.state().run.is_deployed() && window.state().run.job.is_none());
    for error in &errors {
        assert!(window.harness.query_all_by_label(error).next().is_some(), "{error} is listed");
    }
    window.click("Cancel");
    assert!(window.state().dialog.is_none() && !window.state().run.is_deployed());

    // A fix changes the layout, so the plan is made again.
    window.send(Command::Run(RunCommand::Deploy));
    let place = window.state().review.blocking().next().unwrap();
    let fix = window.state().review.fixes(place)[0].title.clone();
    window.harness.get_all_by_role_and_label(Role::Button, &fix).last().unwrap().click();
    window.settle();
    assert!(window.state().run.plan.is_none());
    assert_eq!(window.state().review.blocking().count(), errors.len() - 1);
    assert!(window.harness.query_by_label("Deploy anyway").is_none());
    window.harness.get_all_by_role_and_label(Role::Button, "Plan…").last().unwrap().click();
    window.settle();
    assert!(window.state().dialog.is_none() && window.state().run.plan.is_some());

    window.send(Command::Run(RunCommand::Deploy));
    window.click("Deploy anyway");
    assert!(window.state().dialog.is_none() && window.state().run.is_deployed(), "{:?}", window.state().notice());
}

/// Every member of a Galera cluster that stopped waits for one to follow: it takes a button to say which begins anew.
#[test]
fn a_cluster_that_stopped_as_a_whole_is_recovered_by_its_button() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Run(RunCommand::Plan));
    window.send(Command::Run(RunCommand::Deploy));
    window.pass(1000);
    for member in ["db1", "db2"] {
        window.send(Command::Fault(FaultCommand::Inject(format!("stop {member}/galera").parse().unwrap(), None)));
    }
    window.pass(5000);
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Service("db1/galera".parse().unwrap())])));
    let state = |window: &Window| window.state().run.observed.as_ref().unwrap().clusters.values().next().unwrap().state;
    assert_eq!(state(&window), ClusterState::Stopped);
    window.click("Recover the cluster");
    assert_eq!(window.state().run.faults().len(), 2, "the button does nothing while the faults last");
    for id in window.state().run.faults().iter().map(|fault| fault.id).collect::<Vec<_>>() {
        window.send(Command::Fault(FaultCommand::Heal(id)));
    }
    window.pass(30_000);
    assert_eq!(state(&window), ClusterState::Stopped, "nobody begins anew by itself");
    window.click("Recover the cluster");
    window.pass(30_000);
    assert_eq!(state(&window), ClusterState::Whole, "{:?}", window.state().notice());
}

#[test]
fn a_replica_is_promoted_when_that_is_confirmed_and_can_be_drawn_as_the_primary() {
    let mut window = Window::with_template("Shop");
    window.send(Command::Run(RunCommand::Plan));
    window.send(Command::Run(RunCommand::Deploy));
    window.pass(10_000);
    let replica: sandtable::model::ServiceRef = "db2/db".parse().unwrap();
    let spec = |window: &Window| window.state().run.observed.as_ref().unwrap().nodes["db2"].services["db"].spec.clone().unwrap();
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Node("web1".parse().unwrap())])));
    window.send(Command::Run(RunCommand::Promote));
    assert!(window.state().dialog.is_none(), "nothing to promote there");
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Service(replica.clone())])));
    window.send(Command::Run(RunCommand::Promote));
    assert_eq!(window.state().dialog, Some(Dialog::Promote(replica.clone())));
    assert!(window.harness.query_by_label("Promote").is_none(), "the primary lives");
    dialog_button(&mut window, "Promote anyway");
    window.pass(10_000);
    let primary = Some("db1/db".parse().unwrap());
    assert_eq!((spec(&window).replica_of, &spec(&window).promoted_from), (None, &primary), "{:?}", window.state().notice());

    window.send(Command::Run(RunCommand::Plan));
    assert!(window.state().run.plan.as_ref().is_none_or(|plan| plan.is_empty()), "a promoted replica is not demoted");
    let edits = sandtable::plan::drawn_as_primary(window.state().lab(), &replica);
    window.send(Command::Mode(ModeCommand::Design));
    window.send(Command::edit("Draw as the primary", edits));
    window.send(Command::Run(RunCommand::Plan));
    let plan = window.state().run.plan.clone().unwrap();
    assert!(plan.steps.iter().any(|step| step.id.to_string() == "reconfigure:db1/db"), "{plan:#?}");
}

#[test]
fn a_node_goes_back_to_a_snapshot_when_that_is_confirmed() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Run(RunCommand::Plan));
    window.send(Command::Run(RunCommand::Deploy));
    window.pass(1000);
    let db1: sandtable::model::NodeName = "db1".parse().unwrap();
    let there = |window: &Window| window.state().run.observed.as_ref().unwrap().nodes.get("db1").unwrap().clone();
    window.send(Command::Run(RunCommand::TakeSnapshot(db1.clone())));
    window.send(Command::Run(RunCommand::TakeSnapshot(db1.clone())));
    window.pass(1000);
    assert_eq!(there(&window).snapshots, ["db1-configured", "db1-2"], "{:?}", window.state().notice());
    window.pass(10_000);
    let events = window.state().run.events.len();
    window.send(Command::Dialog(DialogCommand::Ask(Dialog::Restore(db1.clone(), "db1-configured".into()))));
    window.click("Cancel");
    window.pass(10_000);
    assert_eq!(window.state().run.events.len(), events, "nothing was done");
    window.send(Command::Dialog(DialogCommand::Ask(Dialog::Restore(db1, "db1-configured".into()))));
    window.click("Restore");
    assert!(window.state().dialog.is_none());
    window.pass(30_000);
    assert!(window.state().run.events.len() > events, "db1 was off for a while");
    assert_eq!((there(&window).power, there(&window).health), (Power::Running, Health::Healthy), "{:?}", window.state().notice());
}

fn key(window: &mut Window, key: egui::Key) {
    window.harness.key_press(key);
    window.settle();
}

#[test]
fn a_presentation_is_steered_by_keys_and_clicks_and_leads_back() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::File(FileCommand::Save));
    window.send(Command::Mode(ModeCommand::Run));
    window.send(Command::View(ViewCommand::ZoomActual));
    let camera = |window: &Window| window.harness.state().stage().canvas().camera();
    let before = camera(&window);
    key(&mut window, egui::Key::F5);
    assert_eq!((window.state().mode, window.state().full_screen), (Mode::Present, true));
    let last = window.state().lab().views.len() - 1;
    let page = |window: &Window| window.state().presentation.page();
    key(&mut window, egui::Key::End);
    assert_eq!(page(&window), last);
    key(&mut window, egui::Key::Home);
    assert_eq!(page(&window), 0);
    key(&mut window, egui::Key::Num3);
    assert_eq!(page(&window), 2);
    let middle = window.room().center();
    window.press_at(middle);
    assert_eq!((page(&window), window.state().selection.len()), (3, 0), "a click goes on and selects nothing");
    key(&mut window, egui::Key::F11);
    assert!(!window.state().full_screen);
    key(&mut window, egui::Key::Escape);
    assert_eq!((window.state().mode, window.state().full_screen), (Mode::Run, false));
    assert_eq!(camera(&window), before);
    // Another lab ends the presentation, and with it the full screen.
    window.send(Command::Mode(ModeCommand::Present));
    window.send(Command::File(FileCommand::OpenTemplate(0)));
    assert_eq!((window.state().mode, window.state().full_screen), (Mode::Design, false));
}

#[test]
fn the_folded_lower_panel_keeps_its_tabs_and_counts() {
    let mut window = Window::with_template("Mini cloud");
    open_to_all(&mut window);
    window.click("Fold the lower panel");
    assert!(!window.state().bottom_open());
    assert!(window.harness.query_by_label("Unfold the lower panel").is_some());
    window.click_role(Role::RadioButton, "Findings");
    assert!(window.state().bottom_open(), "the chosen tab opens it too");
}

#[test]
fn the_view_follows_the_window_until_the_user_moves_it() {
    let mut window = Window::with_template("Mini cloud");
    let camera = |window: &Window| window.harness.state().stage().canvas().camera();
    let fitted = camera(&window);
    window.send(Command::Window(WindowCommand::ToggleBottom));
    assert!(camera(&window).zoom > fitted.zoom, "there is more room");
    window.send(Command::Window(WindowCommand::ToggleBottom));
    assert_eq!(camera(&window), fitted);
    window.send(Command::View(ViewCommand::ZoomIn));
    let moved = camera(&window);
    window.send(Command::Window(WindowCommand::ToggleBottom));
    assert_eq!(camera(&window), moved);
}

#[test]
fn a_service_is_added_to_every_selected_node_in_one_step() {
    let mut window = Window::with_template("Mini cloud");
    let services = |window: &Window, name: &str| window.state().lab().nodes[name].services.len();
    let before = [services(&window, "app1"), services(&window, "app2")];
    window.send(Command::Select(SelectCommand::Select(vec![node("app1"), node("app2")])));
    window.click("Varnish");
    assert_eq!([services(&window, "app1"), services(&window, "app2")], before.map(|count| count + 1));
    window.send(Command::Edit(EditCommand::Undo));
    assert_eq!([services(&window, "app1"), services(&window, "app2")], before);
}

#[test]
fn enter_in_the_palette_adds_the_best_match() {
    let mut window = Window::open();
    window.click("New lab");
    let search = |window: &mut Window, text: &str| {
        window.harness.get_all_by_role(Role::TextInput).next().expect("the palette's field").click();
        window.settle();
        window.harness.get_all_by_role(Role::TextInput).next().expect("the palette's field").type_text(text);
        window.settle();
        window.harness.key_press(egui::Key::Enter);
        window.settle();
    };
    search(&mut window, "databas");
    assert_eq!(window.state().lab().nodes.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["db1"]);
    search(&mut window, "zzz");
    assert!(window.harness.query_by_label("No matches").is_some());
    // What is searched for stays in Run, where other things are offered.
    window.send(Command::Mode(ModeCommand::Run));
    window.settle();
    assert!(window.harness.query_by_label("No matches").is_some());
    window.send(Command::Mode(ModeCommand::Design));
    window.settle();
    // The list of commands adds things too.
    window.send(Command::Dialog(DialogCommand::CommandPalette));
    window.harness.get_all_by_role(Role::TextInput).last().expect("its field").type_text("add internal");
    window.settle();
    window.harness.key_press(egui::Key::Enter);
    window.settle();
    assert_eq!(window.state().lab().networks.len(), 1);
}

#[test]
fn a_dialog_is_no_higher_than_what_is_in_it() {
    let mut window = Window::without_desktop(tempfile::tempdir().unwrap());
    window.click("New lab");
    window.click("Database");
    window.send(Command::File(FileCommand::SaveAs));
    window.send(Command::Dialog(DialogCommand::CloseDialog));
    window.send(Command::File(FileCommand::New));
    let title = window.harness.get_by_label("Save the changes to New lab?").rect();
    let button = window.harness.get_by_role_and_label(Role::Button, "Do not save").rect();
    assert!(button.bottom() - title.top() < 140.0, "{title:?} {button:?}");
}

#[test]
fn every_control_has_a_name() {
    fn unnamed(node: egui_kittest::kittest::AccessKitNode<'_>, found: &mut Vec<String>) {
        let control = matches!(
            node.role(),
            Role::Button | Role::CheckBox | Role::RadioButton | Role::TextInput | Role::MultilineTextInput | Role::ComboBox | Role::Slider
        );
        let named = node.label().is_some_and(|label| !label.trim().is_empty()) || node.placeholder().is_some();
        if control && !named {
            found.push(format!("{:?} {:?}", node.role(), node.bounding_box()));
        }
        node.children().for_each(|child| unnamed(child, found));
    }
    let mut window = Window::with_template("Mini cloud");
    let galera: ServiceRef = "db1/galera".parse().unwrap();
    for command in [
        Command::Select(SelectCommand::Select(vec![node("db1")])),
        Command::Select(SelectCommand::Select(vec![Subject::Service(galera)])),
        Command::Select(SelectCommand::Select(vec![node("db1"), node("db2")])),
        Command::Dialog(DialogCommand::Ask(Dialog::Export)),
        Command::Dialog(DialogCommand::Ask(Dialog::Pins)),
        Command::Dialog(DialogCommand::AddView),
        Command::Dialog(DialogCommand::CloseDialog),
        Command::Run(RunCommand::Plan),
    ] {
        window.send(command.clone());
        let mut found = Vec::new();
        unnamed(window.harness.root().accesskit_node(), &mut found);
        assert!(found.is_empty(), "{command:?}: {found:?}");
    }
}

#[test]
fn presenting_walks_through_the_pages_and_escape_leaves() {
    let mut window = Window::with_template("Mini cloud");
    for name in ["One", "Two"] {
        let view = sandtable::model::View { name: name.into(), ..Default::default() };
        window.send(Command::Edit(EditCommand::KeepView { index: None, view }));
    }
    let pages = window.state().lab().views.len();
    window.send(Command::Mode(ModeCommand::Present));
    window.harness.key_press(egui::Key::ArrowRight);
    window.settle();
    assert_eq!(window.state().presentation.page(), 1.min(pages - 1));
    window.harness.key_press(egui::Key::Escape);
    window.settle();
    assert_eq!(window.state().mode, Mode::Design);
}

#[test]
fn nothing_repaints_while_nothing_changes() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::File(FileCommand::Save));
    window.settle();
    // The window says when it wants its next frame; a window at rest never does.
    for _ in 0..8 {
        window.harness.step();
    }
    let output = window.harness.output();
    let next = output.viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap();
    assert!(next > std::time::Duration::from_secs(1), "{next:?}");
}

#[test]
fn keys_of_commands_work_while_the_canvas_has_the_keyboard() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Select(SelectCommand::Select(vec![node("db1")])));
    let corner = window.room().left_top() + egui::vec2(24.0, 24.0);
    window.press_at(corner);
    assert!(window.state().selection.is_empty(), "the empty canvas was clicked");
    let nodes = window.state().lab().nodes.len();
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    window.settle();
    assert!(window.state().selection.len() > nodes);
    window.harness.key_press(egui::Key::Escape);
    window.settle();
    assert!(window.state().selection.is_empty());
    window.send(Command::Select(SelectCommand::Select(vec![node("db1")])));
    window.harness.key_press(egui::Key::Delete);
    window.settle();
    assert_eq!(window.state().lab().nodes.len(), nodes - 1);
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    window.settle();
    assert_eq!(window.state().lab().nodes.len(), nodes);
}

#[test]
fn a_note_is_written_on_the_canvas_and_deleted_from_the_keyboard() {
    let mut window = Window::open();
    window.click("New lab");
    let note = ops::add_note(window.state().lab(), sandtable::model::Pos(0, 0), "Note");
    window.send(Command::Edit(EditCommand::Act(Ok(note))));
    assert_eq!(window.state().lab().notes[0].text, "Note");
    let at = window.on_screen(window.state().lab().notes[0].at) + egui::vec2(16.0, 16.0);
    window.press_at(at);
    window.harness.key_press(egui::Key::Enter);
    window.settle();
    window.harness.get_by_label("Text of the note").type_text("Two lines\nof a ");
    window.settle();
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
    window.settle();
    let text = window.state().lab().notes[0].text.clone();
    assert!(text.contains("Two lines"), "{text:?}");
    window.press_at(at);
    window.harness.key_press(egui::Key::Delete);
    window.settle();
    assert!(window.state().lab().notes.is_empty());
    window.send(Command::Edit(EditCommand::Undo));
    assert_eq!(window.state().lab().notes[0].text, text);
}

#[test]
fn the_width_of_a_panel_is_kept() {
    let mut window = Window::with_template("Mini cloud");
    let before = window.state().preferences.panel_sizes;
    let edge = window.room().left() - 2.0;
    window.drag(egui::pos2(edge, 400.0), egui::pos2(edge + 40.0, 400.0));
    let after = window.state().preferences.panel_sizes;
    assert!((after[0] - before[0] - 40.0).abs() < 6.0, "{after:?}");
    let kept = std::fs::read_to_string(window.folder.path().join("config/window.ron")).unwrap();
    assert_eq!(sandtable::app::Preferences::read(&kept).0.panel_sizes, after);
}

#[test]
fn the_text_of_a_note_is_changed_in_the_inspector() {
    let mut window = Window::open();
    window.click("New lab");
    let note = ops::add_note(window.state().lab(), sandtable::model::Pos(0, 0), "Note");
    window.send(Command::Edit(EditCommand::Act(Ok(note))));
    assert_eq!(window.state().selected(), Some(&Subject::Note(0)));
    window.click_role(Role::MultilineTextInput, "Text");
    window.harness.get_by_role_and_label(Role::MultilineTextInput, "Text").type_text(" well");
    window.settle();
    assert_eq!(window.state().lab().notes[0].text, "Note", "not before the field is left");
    let elsewhere = window.room().max - egui::vec2(220.0, 220.0);
    window.press_at(elsewhere);
    assert!(window.state().lab().notes[0].text.contains("well"), "{:?}", window.state().lab().notes);
    assert_eq!(window.state().selected(), None);
}

#[test]
fn a_link_is_drawn_from_one_site_to_another() {
    let mut window = Window::with_template("BEAM across two sites");
    let gone = window.state().lab().links[0].clone();
    window.send(Command::edit("Remove the link", vec![Edit::Link { index: 0, change: ListEdit::Remove }]));
    let frames: Vec<_> = window.harness.state().stage().canvas().scene().sites.iter().map(|item| (item.name.clone(), item.frame)).collect();
    let [(one, from), (other, to)] = frames.as_slice() else { panic!("{frames:?}") };
    let handle = window.on_screen(sandtable::picture::handle(from).pos());
    let inside = window.on_screen((to.min + sandtable::picture::point(20.0, 60.0)).pos());
    window.drag(handle, inside);
    let lab = window.state().lab();
    assert_eq!(lab.links.len(), 1, "{:?}", window.state().notice());
    assert_eq!((lab.links[0].between.clone(), &lab.links[0].network), ((one.clone(), other.clone()), &gone.network));
    assert_eq!(window.state().selected(), Some(&Subject::Link(one.clone(), other.clone())));
}

/// A lab that is deployed on the simulator.
fn deployed() -> Window {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Run(RunCommand::Plan));
    window.send(Command::Run(RunCommand::Deploy));
    assert!(window.state().run.is_deployed(), "{:?}", window.state().notice());
    window.pass(3000);
    window
}

fn fault(text: &str) -> sandtable::model::Fault {
    text.parse().unwrap()
}

/// What the events say since a moment, as "who what".
fn told(window: &Window, since_ms: u64) -> Vec<String> {
    let events = window.state().run.events.iter().filter(|event| event.lab_ms >= since_ms && event.is_act());
    events.map(|event| format!("{} {}", event.who(), event.what())).collect()
}

#[test]
fn each_fault_is_listed_with_its_size_and_end_and_healed_alone() {
    let mut window = deployed();
    let began_ms = window.state().run.now_ms();
    window.send(Command::Select(SelectCommand::Select(vec![node("db1")])));
    window.send(Command::Fault(FaultCommand::Consider(fault("loss db1 backend 20%"))));
    // The size and the duration are chosen in the panel.
    window.send(Command::Fault(FaultCommand::Consider(fault("loss db1 backend 20%").sized(35))));
    window.click("2m");
    window.harness.get_all_by_role_and_label(Role::Button, "Loss").last().expect("a button in the panel").click();
    window.settle();
    window.send(Command::Fault(FaultCommand::Inject(fault("pause app1"), Some(5))));
    window.send(Command::Fault(FaultCommand::Inject(fault("stop app2/todo"), None)));
    window.pass(1000);
    let faults: Vec<String> = window.state().run.faults().iter().map(|one| one.fault.to_string()).collect();
    assert_eq!(faults, ["loss db1 backend 35%", "pause app1", "stop app2/todo"]);
    let left_secs = |place: usize, window: &Window| {
        let one = &window.state().run.faults()[place];
        one.until_ms.map(|until_ms| until_ms.saturating_sub(one.since_ms) / 1000)
    };
    assert_eq!([0, 1, 2].map(|place| left_secs(place, &window)), [Some(120), Some(5), None]);
    window.send(Command::Window(WindowCommand::Show(Tab::Faults)));
    window.harness.get_by_label("3 faults last");
    // The one on the selected node has its cure in the inspector too.
    assert!(window.harness.query_all_by_label("Heal: db1 loses 35 % of its packets on backend").count() >= 2);
    window.harness.get_all_by_label("Heal: todo stopped on app2").next().unwrap().click();
    window.settle();
    window.pass(6000);
    let faults: Vec<String> = window.state().run.faults().iter().map(|one| one.fault.to_string()).collect();
    assert_eq!(faults, ["loss db1 backend 35%"], "one was healed by its button, one by its timer");
    assert_eq!(
        told(&window, began_ms),
        [
            "you dropped 35 % of the packets of db1 on backend",
            "you paused app1",
            "you stopped todo on app2",
            "you healed: todo stopped on app2",
            "timer healed: app1 paused",
        ]
    );
}

#[test]
fn escape_gives_up_a_fault_and_keeps_the_selection() {
    let mut window = deployed();
    window.send(Command::Select(SelectCommand::Select(vec![node("db1")])));
    window.send(Command::Fault(FaultCommand::Consider(fault("power-off db1"))));
    window.harness.key_press(egui::Key::Escape);
    window.settle();
    assert!(window.state().run.considered.is_none());
    assert_eq!(window.state().selected(), Some(&node("db1")));
    assert!(window.state().run.faults().is_empty());
}

#[test]
fn what_cannot_be_broken_says_why_before_the_click() {
    let mut window = deployed();
    assert_eq!(window.state().run.hindrance(&fault("stop db1/galera")), None);
    let missing = window.state().run.hindrance(&fault("stop db9/galera")).unwrap();
    assert!(missing.contains("db9 does not exist yet"), "{missing}");
    window.send(Command::Fault(FaultCommand::Inject(fault("power-off db1"), None)));
    window.pass(1000);
    let off = window.state().run.hindrance(&fault("stop db1/galera")).unwrap();
    assert!(off.contains("db1 is off"), "{off}");
    window.send(Command::Fault(FaultCommand::Inject(fault("stop db1/galera"), None)));
    assert_eq!(window.state().run.faults().len(), 1, "the refusal comes without a job");
}

#[test]
fn a_machine_that_is_off_is_off_since_it_was_turned_off() {
    let mut window = deployed();
    window.pass(60_000);
    window.send(Command::Fault(FaultCommand::Inject(fault("power-off db1"), None)));
    window.pass(3000);
    let observed = window.state().run.observed.as_ref().unwrap();
    let service = observed.nodes["db1"].services.values().next().unwrap();
    assert_eq!(service.health, Health::Down);
    let age_ms = observed.at_ms - service.since_ms;
    assert!((2000..6000).contains(&age_ms), "{age_ms}");
}

#[test]
fn outside_design_the_drawing_is_not_changed_by_undo() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Select(SelectCommand::Select(vec![node("db1")])));
    window.send(Command::Edit(EditCommand::Duplicate));
    let nodes = window.state().lab().nodes.len();
    window.send(Command::Mode(ModeCommand::Run));
    window.send(Command::Edit(EditCommand::Undo));
    window.send(Command::Dialog(DialogCommand::Pins));
    assert_eq!((window.state().lab().nodes.len(), &window.state().dialog), (nodes, &None));
    window.send(Command::Mode(ModeCommand::Design));
    window.send(Command::Edit(EditCommand::Undo));
    assert_eq!(window.state().lab().nodes.len(), nodes - 1);
}

#[test]
fn a_flow_from_outside_is_drawn_moved_with_its_end_and_deleted() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Outside])));
    window.send(Command::Edit(EditCommand::Delete));
    let flows = |window: &Window| -> Vec<String> {
        window.state().lab().flows.iter().map(ToString::to_string).filter(|flow| flow.contains("outside")).collect()
    };
    assert_eq!(flows(&window), Vec::<String>::new(), "deleting the outside deletes its flows");
    let outside = |window: &Window| window.harness.state().stage().canvas().scene().outside.as_ref().unwrap().rect;
    let card = window.harness.state().stage().canvas().scene().nodes.iter().find(|item| item.name == *"app1").unwrap().card;
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Outside])));
    let rect = outside(&window);
    let handle = window.on_screen(sandtable::picture::point(rect.max.x, rect.center().y).pos());
    let target = window.on_screen(sandtable::picture::point(card.center().x, card.min.y + 12.0).pos());
    window.drag(handle, target);
    assert_eq!(flows(&window), ["outside -> app1"], "{:?}", window.state().notice());
    // Its place is kept in the layout only once it was moved.
    assert_eq!(window.state().lab().canvas.outside, None);
    let from = window.on_screen(sandtable::picture::point(rect.min.x + 40.0, rect.center().y).pos());
    window.drag(from, from + egui::vec2(-40.0, 30.0));
    let placed = window.state().lab().canvas.outside.expect("it was moved");
    assert_eq!(outside(&window).min.pos(), placed);
    window.send(Command::Edit(EditCommand::Undo));
    assert_eq!((window.state().lab().canvas.outside, outside(&window)), (None, rect));
}

#[test]
fn a_flow_from_outside_is_added_by_the_keyboard_alone() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Outside])));
    window.send(Command::Edit(EditCommand::Delete));
    window.send(Command::Dialog(DialogCommand::CommandPalette));
    window.harness.event(egui::Event::Text("flow from outside to lb".into()));
    window.settle();
    window.harness.key_press(egui::Key::Enter);
    window.settle();
    assert!(window.state().lab().flows.iter().any(|flow| flow.to_string() == "outside -> lb/haproxy"));
}

#[test]
fn a_lab_without_an_entrance_says_so_instead_of_good_news() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Outside])));
    window.send(Command::Edit(EditCommand::Delete));
    assert!(window.state().review.findings().iter().any(|finding| finding.rule == "no-entrance"));
    window.send(Command::Run(RunCommand::Plan));
    window.send(Command::Run(RunCommand::Deploy));
    window.pass(2000);
    window.send(Command::Fault(FaultCommand::Consider(fault("power-off lb"))));
    let outage = window.state().run.prediction.as_ref().expect("a prediction").outage;
    assert_eq!(outage, sandtable::activity::Outage::NoRequests);
    window.send(Command::Fault(FaultCommand::CloseConsidered));
    window.send(Command::Window(WindowCommand::Show(Tab::Load)));
    window.harness.get_by_label("No entrance");
}

#[test]
fn a_total_outage_is_predicted_as_one() {
    let mut window = deployed();
    window.send(Command::Fault(FaultCommand::Consider(fault("power-off lb"))));
    assert_eq!(window.state().run.prediction.as_ref().map(|it| it.outage), Some(sandtable::activity::Outage::Total));
}

/// Who reaches a database: by its key, in Design from the layout and in Run as it is observed.
#[test]
fn the_inspector_says_who_reaches_a_service_and_why_the_others_do_not() {
    let mut window = deployed();
    window.send(Command::Mode(ModeCommand::Design));
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Service("db1/galera".parse().unwrap())])));
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::R);
    window.settle();
    assert!(window.harness.query_by_label("Evaluated from the layout alone.").is_some());
    let row = "app1: answered";
    window.click(row);
    assert!(window.harness.query_by_label_contains("1. app1 sends to ").is_some(), "each hop is listed");
    window.click(row);
    assert!(window.harness.query_by_label_contains("1. app1 sends to ").is_none());
    window.click("outside: timed out");
    assert!(window.harness.query_all_by_label_contains("The firewall of db1 drops it").next().is_some());

    window.send(Command::Mode(ModeCommand::Run));
    window.send(Command::Fault(FaultCommand::Inject("stop db1/galera".parse().unwrap(), None)));
    window.pass(2000);
    assert!(window.harness.query_by_label("Evaluated with the observed state of the deployed lab.").is_some());
    assert!(window.harness.query_by_label("app1: refused").is_some());
    window.click_role(Role::RadioButton, "State");
    assert!(window.harness.query_by_label("app1: refused").is_none());
}

#[test]
fn a_node_without_ports_says_so() {
    let mut window = Window::open();
    window.click("New lab");
    let lonely = sandtable::model::Node::new(sandtable::model::Role::Worker);
    window.send(Command::edit("Add", vec![Edit::Node { name: "lonely".parse().unwrap(), at: None, to: Some(Box::new(lonely)) }]));
    window.send(Command::Select(SelectCommand::Select(vec![node("lonely")])));
    window.send(Command::Window(WindowCommand::ToggleReached));
    assert!(window.harness.query_by_label_contains("It takes no connections").is_some());
}

/// Opens a lab in which eight nodes of one kind are found fault with alike.
fn alike() -> Window {
    let mut window = Window::with_template("Mini cloud");
    let bare = |name: String| Edit::Node { name: name.parse().unwrap(), at: None, to: Some(Box::new(Node::new(NodeRole::Worker))) };
    window.send(Command::edit("Add", (1..9).map(|number| bare(format!("bare{number}"))).collect()));
    window.send(Command::Window(WindowCommand::Show(Tab::Findings)));
    window
}

#[test]
fn findings_that_say_the_same_are_one_row_that_unfolds_by_the_keyboard() {
    let mut window = alike();
    let group = "advice, 8 nodes: … is on no network";
    let single = |number: usize| format!("advice: bare{number} is on no network");
    assert!(window.harness.query_by_label(&single(1)).is_none());
    window.harness.get_by_label(group).focus();
    window.settle();
    window.harness.key_press(egui::Key::Enter);
    window.settle();
    assert!(window.harness.query_by_label(&single(1)).is_some());
    window.harness.get_by_label(group).focus();
    window.settle();
    window.harness.key_press(egui::Key::Enter);
    window.settle();
    assert!(window.harness.query_by_label(&single(1)).is_none());
    // The one that is selected from elsewhere is brought into sight.
    let place = window.state().review.findings().iter().position(|finding| finding.subject == node("bare7")).unwrap();
    window.send(Command::Select(SelectCommand::SelectFinding(place)));
    window.settle();
    assert!(window.harness.query_by_label(&single(7)).is_some());
}

/// The controls that show nothing where the pointer rests on them.
fn without_tooltip(window: &mut Window) -> Vec<String> {
    fn controls(node: egui_kittest::kittest::AccessKitNode<'_>, found: &mut Vec<(egui::Rect, String)>) {
        if matches!(node.role(), Role::Button | Role::RadioButton | Role::ComboBox)
            && let Some(bounds) = node.bounding_box()
        {
            let at = |x: f64, y: f64| egui::pos2(x as f32, y as f32);
            found.push((egui::Rect::from_min_max(at(bounds.x0, bounds.y0), at(bounds.x1, bounds.y1)), node.label().unwrap_or_default()));
        }
        node.children().for_each(|child| controls(child, found));
    }
    window.harness.ctx.all_styles_mut(|style| {
        style.interaction.tooltip_delay = 0.0;
        style.interaction.show_tooltips_only_when_still = false;
    });
    // Notices close by themselves.
    let notices: Vec<u64> = window.state().notices.waiting().map(|notice| notice.id).collect();
    notices.into_iter().for_each(|id| window.send(Command::Window(WindowCommand::CloseNotice(id))));
    let mut found = Vec::new();
    controls(window.harness.root().accesskit_node(), &mut found);
    let screen = window.harness.ctx.content_rect();
    found.retain(|(rect, _)| screen.contains_rect(*rect));
    assert!(!found.is_empty());
    let mut without = Vec::new();
    for (rect, name) in found {
        window.harness.event(egui::Event::PointerMoved(rect.center()));
        for _ in 0..3 {
            window.harness.step();
        }
        let shown =
            window.harness.ctx.memory(|memory| memory.areas().visible_layer_ids().iter().any(|it| it.order == egui::Order::Tooltip));
        if !shown {
            without.push(format!("{name} {rect:?}"));
        }
        window.harness.event(egui::Event::PointerGone);
        window.harness.step();
    }
    without
}

#[test]
fn every_control_has_a_tooltip() {
    let mut window = alike();
    let galera: ServiceRef = "db1/galera".parse().unwrap();
    let vip = Subject::Vip(window.state().lab().vips.keys().next().unwrap().clone());
    let views: [(&str, &[Command]); 9] = [
        ("a node", &[Command::Select(SelectCommand::Select(vec![node("db1")]))]),
        ("a service", &[Command::Select(SelectCommand::Select(vec![Subject::Service(galera)]))]),
        ("who reaches it", &[Command::Window(WindowCommand::ToggleReached)]),
        ("a VIP", &[Command::Select(SelectCommand::Select(vec![vip]))]),
        ("the lab", &[Command::Select(SelectCommand::SelectNone)]),
        ("the graph", &[Command::Window(WindowCommand::ToggleGraph)]),
        ("a plan", &[Command::Window(WindowCommand::ToggleGraph), Command::Run(RunCommand::Plan)]),
        (
            "a running node",
            &[
                Command::Run(RunCommand::Deploy),
                Command::Fault(FaultCommand::Inject(fault("pause db1"), None)),
                Command::Select(SelectCommand::Select(vec![node("db1")])),
            ],
        ),
        ("a page", &[Command::Mode(ModeCommand::Present)]),
    ];
    let mut found = Vec::new();
    for (what, commands) in views {
        for command in commands {
            window.send(command.clone());
        }
        found.extend(without_tooltip(&mut window).into_iter().map(|name| format!("{what}: {name}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn one_button_deploys_a_plan_and_one_stops_a_job() {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Run(RunCommand::Plan));
    assert_eq!(window.state().tab, Tab::Plan);
    assert_eq!(window.harness.get_all_by_role_and_label(Role::Button, "Deploy").count(), 1);
    // While a fault lasts the bar offers to heal it: then the plan has the button.
    window.send(Command::Run(RunCommand::Deploy));
    window.pass(1000);
    window.send(Command::Fault(FaultCommand::Inject(fault("pause db1"), None)));
    window.pass(1000);
    let bare = Edit::Node { name: "bare".parse().unwrap(), at: None, to: Some(Box::new(Node::new(NodeRole::Worker))) };
    window.send(Command::Mode(ModeCommand::Design));
    window.send(Command::edit("Add", vec![bare]));
    window.send(Command::Run(RunCommand::Plan));
    assert!(window.harness.query_by_role_and_label(Role::Button, "Heal all").is_some());
    assert_eq!(window.harness.get_all_by_role_and_label(Role::Button, "Deploy").count(), 1);
}

/// A file that the desktop drops on the window.
#[derive(Debug)]
struct DroppedFile(std::path::PathBuf);

impl egui::DroppedFile for DroppedFile {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn drop_files(window: &mut Window, names: &[&str]) {
    let files: Vec<_> = names.iter().map(|name| window.folder.path().join(name)).collect();
    window.harness.input_mut().dropped_files =
        files.into_iter().map(|path| std::sync::Arc::new(DroppedFile(path)) as egui::DroppedFileHandle).collect();
    window.settle();
}

#[test]
fn a_dropped_layout_opens_after_the_question_about_unsaved_changes() {
    let mut window = Window::open();
    for name in ["a", "b"] {
        let path = window.folder.path().join(format!("{name}.ron"));
        std::fs::write(path, sandtable::layout::write(&sandtable::model::Lab::new(name))).unwrap();
    }
    std::fs::write(window.folder.path().join("notes.txt"), "").unwrap();
    drop_files(&mut window, &["notes.txt"]);
    assert!(!window.state().document.open);
    assert!(window.state().notice().unwrap().text.contains("notes.txt cannot be opened"), "{:?}", window.state().notice());
    drop_files(&mut window, &["notes.txt", "a.ron", "b.ron"]);
    assert_eq!(window.state().lab().name, "a");
    assert!(window.state().notice().unwrap().text.contains("Left out: notes.txt, b.ron"), "{:?}", window.state().notice());
    let change = sandtable::model::Edit::LabName("changed".into());
    window.send(Command::edit("Rename", vec![change]));
    drop_files(&mut window, &["b.ron"]);
    assert!(matches!(window.state().dialog, Some(Dialog::Unsaved(_))), "{:?}", window.state().dialog);
    assert_eq!(window.state().lab().name, "changed");
    // A second file while the question is open changes nothing of it.
    drop_files(&mut window, &["a.ron"]);
    assert!(matches!(window.state().dialog, Some(Dialog::Unsaved(_))));
    window.send(Command::Answer(AnswerCommand::Discard));
    assert_eq!(window.state().lab().name, "b");
}

/// Mini cloud, running, with db1's database selected.
fn running_database() -> Window {
    let mut window = Window::with_template("Mini cloud");
    window.send(Command::Run(RunCommand::Plan));
    window.send(Command::Run(RunCommand::Deploy));
    window.pass(5000);
    window.send(Command::Select(SelectCommand::Select(vec![Subject::Service("db1/galera".parse().unwrap())])));
    window
}

fn rest_on(window: &mut Window, at: egui::Pos2) {
    window.harness.event(egui::Event::PointerMoved(at));
    for _ in 0..8 {
        window.harness.step();
    }
    window.settle();
}

#[test]
fn resting_on_a_fault_shows_what_it_would_take_with_it() {
    let mut window = running_database();
    let at_risk = |window: &Window| {
        let scene = window.harness.state().stage().canvas().scene();
        let db1 = scene.node_number("db1").unwrap();
        scene.states.service(db1, &"galera".parse().unwrap()).at_risk
    };
    // The inspector offers the same; the palette is at the left.
    let all = window.harness.get_all_by_label("Stop").map(|control| control.rect());
    let tile = all.min_by(|one, other| one.left().total_cmp(&other.left())).unwrap().center();
    assert!(!at_risk(&window));
    // Passing over it asks for nothing.
    window.harness.event(egui::Event::PointerMoved(tile));
    window.harness.step();
    assert!(window.state().run.previewed.is_none());
    rest_on(&mut window, tile);
    assert!(at_risk(&window), "{:?}", window.state().run.previewed);
    assert!(window.state().run.considered.is_none());
    let nowhere = window.room().center();
    rest_on(&mut window, nowhere);
    assert!(!at_risk(&window) && window.state().run.previewed.is_none());
    // Once it is chosen, the panel has the same forecast, and another control under the pointer takes its place for a while.
    window.press_at(tile);
    assert!(at_risk(&window) && window.state().run.considered.is_some());
}

#[test]
fn a_row_of_the_nodes_menu_shows_what_its_fault_would_take_with_it() {
    let mut window = running_database();
    let at = window.on_screen(sandtable::model::Pos(180, 660));
    window.press_secondary_at(at);
    // The palette and the inspector offer the same, further away.
    let all = window.harness.get_all_by_label("Power off").map(|control| control.rect().center());
    let row = all.min_by(|one, other| one.distance(at).total_cmp(&other.distance(at))).unwrap();
    rest_on(&mut window, row);
    let previewed = window.state().run.previewed.as_ref().map(|previewed| previewed.fault.to_string());
    assert_eq!(previewed.as_deref(), Some("power-off db1"));
    assert!(window.state().run.shown_prediction().is_some_and(|prediction| !prediction.lines.is_empty()));
}

#[test]
fn the_load_begins_no_higher_than_it_goes_on() {
    let mut window = running_database();
    window.pass(10_000);
    let load = &window.state().run.load;
    let (first, last) = (load.front().unwrap(), load.back().unwrap());
    assert!(first.span_ms > last.span_ms, "requests waited while the lab came up: {first:?}");
    assert!(first.per_sec(first.good + first.failed) <= last.per_sec(last.good + last.failed), "{load:?}");
}

#[test]
fn an_entry_that_is_out_stands_beside_those_that_go_on() {
    let mut window = running_database();
    window.send(Command::Fault(FaultCommand::Inject(fault("stop app1/todo"), None)));
    window.send(Command::Fault(FaultCommand::Inject(fault("stop app2/todo"), None)));
    window.send(Command::Window(WindowCommand::Show(Tab::Load)));
    window.pass(10_000);
    let shown = |text: &str| window.harness.query_all_by_label_contains(text).next().is_some();
    assert!(shown("outside -> lb/haproxy: ") && shown("outside -> lb/haproxy:8404: "));
    let open_ms: Vec<u64> = window.state().run.entries.iter().map(|entry| entry.open_gap_ms).collect();
    assert!(open_ms.len() == 2 && open_ms[0] > 5000 && open_ms[1] < 1000, "{open_ms:?}");
}

#[test]
fn preferences_are_set_by_keyboard_kept_and_used() {
    let mut window = Window::open();
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Comma);
    window.settle();
    assert_eq!(window.state().dialog, Some(Dialog::Preferences));
    window.click_role(Role::RadioButton, "Reduced");
    window.click_role(Role::RadioButton, "Nodes");
    let field = window.harness.get_by_role_and_label(Role::TextInput, "Image user");
    field.focus();
    field.type_text("debian");
    window.settle();
    window.harness.key_press(egui::Key::Enter);
    window.settle();
    let kept = std::fs::read_to_string(window.folder.path().join("config/window.ron")).unwrap();
    assert!(kept.contains(r#""image_user": "debian""#) && kept.contains("motion: reduced"), "{kept}");
    assert_eq!(window.state().settings().text(sandtable::provider::settings::Setting::ImageUser).as_deref(), Some("debian"));
    window.click_role(Role::RadioButton, "Remotes");
    let field = window.harness.get_by_role_and_label(Role::TextInput, "New remote");
    field.focus();
    field.type_text("incus:lab-two");
    window.settle();
    window.harness.key_press(egui::Key::Enter);
    window.settle();
    assert!(window.state().run.providers.iter().any(|choice| choice.name == "incus:lab-two"), "{:?}", window.state().run.providers);
    window.click("Test");
    assert!(window.harness.query_by_label_contains("there is no remote").is_some());
    let choice = window.state().run.providers.iter().find(|choice| choice.name == "incus:lab-two").unwrap();
    assert!(choice.hindrance.as_ref().is_some_and(|why| why.contains("there is no remote")), "{choice:?}");
    window.click("Remove this remote");
    assert!(window.state().run.providers.iter().all(|choice| choice.name != "incus:lab-two"));
    let without = without_tooltip(&mut window);
    let own = ["General", "Incus", "VirtualBox", "Nodes", "Remotes", "Test", "Close"];
    assert!(!without.iter().any(|name| own.iter().any(|own| name.starts_with(own))), "{without:?}");
    window.harness.key_press(egui::Key::Escape);
    window.settle();
    assert_eq!(window.state().dialog, None);
}

#[test]
fn the_environment_overrides_preferences() {
    use sandtable::provider::settings::{Environment, Setting};
    let environment: Environment = [(Setting::ImageUser, "ubuntu".into())].into_iter().collect();
    let mut window = Window::under(environment);
    window.send(Command::Dialog(DialogCommand::Preferences));
    window.click_role(Role::RadioButton, "Nodes");
    let field = window.harness.get_by_role_and_label(Role::TextInput, "Image user");
    assert!(field.accesskit_node().is_disabled() && field.accesskit_node().value().as_deref() == Some("ubuntu"));
    assert!(window.harness.query_by_label_contains("SANDTABLE_IMAGE_USER").is_some());
}

#[test]
fn notices_stay_in_a_list_until_they_are_cleared() {
    let mut window = Window::open();
    for name in ["/a.ron", "/b.ron"] {
        window.send(Command::File(FileCommand::OpenPath(name.into())));
    }
    assert_eq!(window.state().notices.unread_errors(), 2);
    window.click("Notifications: 2 unread errors");
    assert_eq!((window.state().dialog.clone(), window.state().notices.unread_errors()), (Some(Dialog::Notices), 0));
    assert!(window.state().notice().is_none(), "what is listed is not shown beside the list");
    assert!(window.harness.query_by_label_contains("/a.ron").is_some());
    window.harness.get_all_by_label("Remove from the list").next().unwrap().click();
    window.settle();
    assert_eq!(window.state().notices.listed().len(), 1);
    let without = without_tooltip(&mut window);
    let own = ["Clear all", "Close the list", "Remove from the list"];
    assert!(!without.iter().any(|name| own.iter().any(|own| name.starts_with(own))), "{without:?}");
    window.click("Clear all");
    assert_eq!(window.state().notices.listed().len(), 0);
    assert!(window.harness.query_by_label("No notifications").is_some());
    window.harness.key_press(egui::Key::Escape);
    window.settle();
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::M);
    window.settle();
    assert_eq!(window.state().dialog, Some(Dialog::Notices));
}

/// What is hit is what is seen, at each scale.
#[test]
fn the_canvas_is_hit_where_it_is_drawn_at_each_scale() {
    let mut window = Window::with_template("Mini cloud");
    for percent in [75, 100, 150] {
        window.send(Command::Preference(PreferenceCommand::Scale(percent.try_into().unwrap())));
        window.settle();
        window.send(Command::View(ViewCommand::ZoomFit));
        window.send(Command::Select(SelectCommand::SelectNone));
        let at = window.state().lab().canvas.nodes[&"db1".parse::<sandtable::model::NodeName>().unwrap()];
        let middle = window.on_screen(sandtable::model::Pos(at.0 + 98, at.1 + 20));
        window.press_at(middle);
        assert_eq!(window.state().selection.iter().next(), Some(&node("db1")), "{percent} %");
    }
}
