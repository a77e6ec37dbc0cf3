//! Photographs of the main views, in both themes and at the least size, to be looked at when they change.

use super::support::{Window, exposed, many_services};
use egui_kittest::{SnapshotResults, kittest::Queryable as _};
use sandtable::{
    app::{
        Command, Dialog, DialogCommand, FileCommand, ModeCommand, PreferenceCommand, Preferences, RunCommand, SelectCommand, Tab,
        ViewCommand, WindowCommand, files,
    },
    host::state::StateFolder,
    look::Preference,
    model::{Edit, Node, Role, Subject},
    plan::LabId,
    provider::{id::ProviderId, settings::Setting},
};
use std::time::{Duration, SystemTime};

fn photograph(window: &mut Window, name: &str) {
    window.harness.remove_cursor();
    window.settle();
    window.harness.snapshot(format!("window/{name}"));
}

/// A view in both themes.
fn both(name: &str, prepare: impl Fn(&mut Window)) {
    both_into(&mut SnapshotResults::new(), name, prepare);
}

fn both_into(results: &mut SnapshotResults, name: &str, prepare: impl Fn(&mut Window)) {
    for (theme, word) in [(Preference::Dark, "dark"), (Preference::Light, "light")] {
        let mut window = Window::open();
        window.send(Command::Preference(PreferenceCommand::Theme(theme)));
        prepare(&mut window);
        photograph(&mut window, &format!("{name}-{word}"));
        results.extend_harness(&mut window.harness);
    }
}

fn mini_cloud(window: &mut Window) {
    let place = window.state().templates.iter().position(|template| template.name == "Mini cloud").unwrap();
    window.send(Command::File(FileCommand::OpenTemplate(place)));
}

#[test]
fn gallery() {
    both("gallery", |_| ());
}

/// Recent files have pictures too; one of them cannot be read.
#[test]
fn gallery_with_recent_files() {
    let mut results = SnapshotResults::new();
    for (theme, word) in [(Preference::Dark, "dark"), (Preference::Light, "light")] {
        let folder = tempfile::tempdir().unwrap();
        let template = sandtable::layout::templates().into_iter().find(|it| it.lab.name == "Shop").unwrap();
        let recent = ["my-shop.ron", "broken.ron"].map(|name| folder.path().join(name));
        std::fs::write(&recent[0], sandtable::layout::write(&template.lab)).unwrap();
        std::fs::write(&recent[1], "no layout").unwrap();
        let mut preferences = Preferences::default();
        (preferences.recent, preferences.theme) = (recent.to_vec(), theme);
        files::keep_preferences(&files::Folders::below(folder.path()), &preferences).unwrap();
        let mut window = Window::without_desktop(folder);
        photograph(&mut window, &format!("gallery-recent-{word}"));
        results.extend_harness(&mut window.harness);
    }
}

/// Files are held over the window.
fn hover(names: &'static [&'static str]) -> impl Fn(&mut Window) {
    move |window| {
        mini_cloud(window);
        let files = names.iter().map(|name| egui::HoveredFile { path: Some(name.into()), ..egui::HoveredFile::default() });
        window.harness.input_mut().hovered_files = files.collect();
        window.settle();
    }
}

#[test]
fn drop_hint() {
    both("drop", hover(&["/labs/shop.ron", "/labs/notes.txt"]));
}

#[test]
fn drop_hint_of_another_file() {
    both("drop-refused", hover(&["/labs/notes.txt"]));
}

#[test]
fn design() {
    both("design", |window| {
        mini_cloud(window);
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Node("db1".parse().unwrap())])));
    });
}

/// Findings that say the same, as one row and unfolded.
#[test]
fn grouped_findings() {
    both("findings", |window| {
        mini_cloud(window);
        let bare = |name: String| Edit::Node { name: name.parse().unwrap(), at: None, to: Some(Box::new(Node::new(Role::Worker))) };
        window.send(Command::edit("Add", (1..5).map(|number| bare(format!("bare{number}"))).collect()));
        window.send(Command::edit("Add", (1..4).map(|number| bare(format!("spare-{number}.a-long-name.example"))).collect()));
        window.send(Command::Window(WindowCommand::Show(Tab::Findings)));
        window.click("advice, 7 nodes: … is on no network");
    });
}

#[test]
fn main_menu() {
    both("menu", |window| {
        mini_cloud(window);
        window.click("Menu");
        window.click("Edit ⏵");
    });
}

/// A page on which something stands out, beside notes.
#[test]
fn page() {
    both("page", |window| {
        mini_cloud(window);
        window.send(Command::Mode(ModeCommand::Present));
        window.send(Command::Mode(ModeCommand::ShowView(2)));
    });
}

/// Only the plan: what runs depends on the simulator's seed, which comes from where the lab's file is.
#[test]
fn plan() {
    both("plan", |window| {
        mini_cloud(window);
        window.send(Command::Run(RunCommand::Plan));
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Node("db1".parse().unwrap())])));
    });
}

/// The menu of a node that runs and has snapshots.
#[test]
fn node_menu() {
    both("node-menu", |window| {
        mini_cloud(window);
        window.send(Command::Run(RunCommand::Plan));
        window.send(Command::Run(RunCommand::Deploy));
        window.pass(1000);
        window.send(Command::Run(RunCommand::TakeSnapshot("db1".parse().unwrap())));
        // When what happened differs from run to run: a simulated lab's seed is its file's path.
        window.send(Command::Window(WindowCommand::ToggleBottom));
        window.pass(10_000);
        let at = window.on_screen(sandtable::model::Pos(180, 660));
        window.press_secondary_at(at);
    });
}

/// A lab with a replica that runs, as long as it takes until all of it was seen.
fn shop(window: &mut Window) {
    let place = window.state().templates.iter().position(|template| template.name == "Shop").unwrap();
    window.send(Command::File(FileCommand::OpenTemplate(place)));
    window.send(Command::Run(RunCommand::Plan));
    window.send(Command::Run(RunCommand::Deploy));
    window.send(Command::Window(WindowCommand::ToggleBottom));
    window.pass(10_000);
}

#[test]
fn replica_menu() {
    both("replica-menu", |window| {
        shop(window);
        let at = window.on_screen(sandtable::model::Pos(600, 655));
        window.press_secondary_at(at);
    });
}

#[test]
fn promote() {
    both("promote", |window| {
        shop(window);
        window.send(Command::Dialog(DialogCommand::Ask(Dialog::Promote("db2/db".parse().unwrap()))));
    });
}

/// The plan of a lab with errors is to be deployed: some with a fix, one on a node with a long name.
#[test]
fn deploy_errors() {
    both("deploy-errors", |window| {
        mini_cloud(window);
        for edit in exposed(window.state().lab()) {
            window.send(Command::edit("Bind to all", vec![edit]));
        }
        window.send(Command::Run(RunCommand::Plan));
        window.send(Command::Run(RunCommand::Deploy));
    });
}

fn dialog(name: &str, dialog: &Dialog) {
    both(name, |window| {
        mini_cloud(window);
        window.send(Command::Dialog(DialogCommand::Ask(dialog.clone())));
    });
}

#[test]
fn commands() {
    dialog("commands", &Dialog::CommandPalette);
}

#[test]
fn manual() {
    dialog("manual", &Dialog::Manual(Some("even-voters".into())));
}

#[test]
fn shortcuts() {
    dialog("shortcuts", &Dialog::Shortcuts);
}

/// What two steps on a node said, as a deployment leaves it in the lab's state folder.
#[test]
fn node_log() {
    both("node-log", |window| {
        mini_cloud(window);
        window.send(Command::File(FileCommand::Save));
        let file = window.state().document.path.clone().unwrap().canonicalize().unwrap();
        let folder = StateFolder::at(window.folder.path().join("state")).lab(LabId::of_file(&file).as_str());
        let logs = folder.path().join("logs/db1");
        std::fs::create_dir_all(&logs).unwrap();
        let installed = "# installing galera-4 mariadb-server rsync\nSetting up galera-4 (26.4.18-1) ...\nSetting up mariadb-server (1:10.11.14) ...\n# checking the configuration\n# done";
        let started = "# starting as the first of its cluster\nJob for mariadb.service failed because the control process exited with error code.\nfailed: mariadb.service is not running: see what it says with journalctl -u mariadb.service on db1, which is a line that is longer than the room for it";
        for (minutes, step, said) in [(95, "install-galera", installed), (3, "start-galera", started)] {
            let path = logs.join(format!("{step}.log"));
            std::fs::write(&path, said).unwrap();
            let file = std::fs::File::options().append(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(minutes * 60 + 5)).unwrap();
        }
        window.send(Command::Dialog(DialogCommand::Ask(Dialog::NodeLog("db1".parse().unwrap()))));
    });
}

#[test]
fn pins() {
    both("pins", |window| {
        mini_cloud(window);
        let pin = |name: &str, version: &str| Edit::Pin { name: name.parse().unwrap(), at: None, to: Some(version.parse().unwrap()) };
        window.send(Command::edit("Version of a package", vec![pin("mariadb-server", "1:10.11.*"), pin("haproxy", "2.6.12-1+deb12u2")]));
        window.send(Command::Dialog(DialogCommand::Pins));
    });
}

#[test]
fn restore() {
    dialog("restore", &Dialog::Restore("db1".parse().unwrap(), "db1-configured".into()));
}

#[test]
fn node_log_of_a_lab_that_was_never_saved() {
    dialog("node-log-empty", &Dialog::NodeLog("db1".parse().unwrap()));
}

#[test]
fn graph() {
    both("graph", |window| {
        mini_cloud(window);
        window.send(Command::Window(WindowCommand::ToggleGraph));
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Service("lb/haproxy".parse().unwrap())])));
    });
}

#[test]
fn graph_by_forces() {
    both("graph-forces", |window| {
        mini_cloud(window);
        window.send(Command::Window(WindowCommand::ToggleGraph));
        window.click("Forces");
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Service("db1/galera".parse().unwrap())])));
    });
}

#[test]
fn graph_of_a_large_lab() {
    let mut results = SnapshotResults::new();
    both_into(&mut results, "graph-large", |window| {
        window.open_lab(&many_services(120));
        window.send(Command::Window(WindowCommand::ToggleGraph));
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Service("node8/haproxy".parse().unwrap())])));
    });
    both_into(&mut results, "graph-large-forces", |window| {
        window.open_lab(&many_services(120));
        window.send(Command::Window(WindowCommand::ToggleGraph));
        window.click("Forces");
        window.send(Command::View(ViewCommand::ZoomFit));
    });
}

#[test]
fn export() {
    both("export", |window| {
        mini_cloud(window);
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Node("db1".parse().unwrap())])));
        window.send(Command::File(FileCommand::Export));
        window.click("PNG");
    });
}

/// All that can be added, and what is found by a word.
#[test]
fn palette() {
    let mut results = SnapshotResults::new();
    both_into(&mut results, "palette", |window| {
        mini_cloud(window);
        window.harness.set_size(egui::vec2(1440.0, 1500.0));
        window.settle();
    });
    both_into(&mut results, "palette-small", |window| {
        mini_cloud(window);
        window.harness.set_size(egui::vec2(1024.0, 640.0));
        window.settle();
    });
    both_into(&mut results, "palette-found", |window| {
        mini_cloud(window);
        let field = egui::accesskit::Role::TextInput;
        window.harness.get_all_by_role(field).next().expect("the palette's field").click();
        window.settle();
        window.harness.get_all_by_role(field).next().expect("the palette's field").type_text("sql");
        window.settle();
    });
}

/// Who reaches a database, and the path of one caller on the drawing.
#[test]
fn reached() {
    both("reached", |window| {
        mini_cloud(window);
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Service("db1/galera".parse().unwrap())])));
        window.send(Command::Window(WindowCommand::ToggleReached));
        window.click("app1: answered");
    });
}

/// What does not get through a tunnel between sites, and long names.
#[test]
fn reached_across_sites() {
    both("reached-sites", |window| {
        let place = window.state().templates.iter().position(|template| template.name == "BEAM across two sites").unwrap();
        window.send(Command::File(FileCommand::OpenTemplate(place)));
        let long = "edge-eu-1.frankfurt.example-company".parse().unwrap();
        window.send(Command::edit("Rename", vec![Edit::RenameNode { from: "edge-eu-1".parse().unwrap(), to: long }]));
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Node("edge-us-1".parse().unwrap())])));
        window.send(Command::Window(WindowCommand::ToggleReached));
        window.click("edge-eu-1.frankfurt.example-company: unreachable");
        window.send(Command::View(ViewCommand::ZoomFit));
    });
}

#[test]
fn reached_by_nobody() {
    both("reached-empty", |window| {
        mini_cloud(window);
        let bare = Edit::Node { name: "bare".parse().unwrap(), at: None, to: Some(Box::new(Node::new(Role::Worker))) };
        window.send(Command::edit("Add", vec![bare]));
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Node("bare".parse().unwrap())])));
        window.send(Command::Window(WindowCommand::ToggleReached));
    });
}

/// All counters of the findings are in sight, whatever is open beside them.
#[test]
fn counters_fit_a_small_window() {
    let mut window = Window::open();
    mini_cloud(&mut window);
    window.send(Command::Window(WindowCommand::Show(Tab::Findings)));
    for (size, selected) in [((1024.0, 640.0), false), ((1024.0, 640.0), true), ((800.0, 560.0), true)] {
        window.harness.set_size(egui::vec2(size.0, size.1));
        window.send(Command::Select(SelectCommand::Select(if selected {
            vec![Subject::Node("db1".parse().unwrap())]
        } else {
            Vec::new()
        })));
        window.send(Command::Window(WindowCommand::Show(Tab::Findings)));
        let rects = ["0 errors", "5 accepted"].map(|name| window.harness.get_by_label(name).rect());
        let room = window.room();
        for rect in rects {
            assert!(
                room.x_range().contains(rect.left()) && room.x_range().contains(rect.right()),
                "{size:?} {selected}: {rect:?} in {room:?}"
            );
        }
    }
}

#[test]
fn small_window() {
    let mut window = Window::open();
    window.send(Command::Preference(PreferenceCommand::Theme(Preference::Dark)));
    mini_cloud(&mut window);
    window.harness.set_size(egui::vec2(1024.0, 640.0));
    window.send(Command::Window(WindowCommand::Show(Tab::Findings)));
    window.send(Command::View(ViewCommand::ZoomFit));
    photograph(&mut window, "small");
}

/// With an inspector beside it the findings panel has room for the numbers of its counters only.
#[test]
fn small_window_with_a_selection() {
    both("small-selected", |window| {
        mini_cloud(window);
        window.harness.set_size(egui::vec2(1024.0, 640.0));
        window.send(Command::Select(SelectCommand::Select(vec![Subject::Node("db1".parse().unwrap())])));
        window.send(Command::Window(WindowCommand::Show(Tab::Findings)));
    });
}

/// A page of the preferences, in both themes.
fn preferences(window: &mut Window, theme: Preference, page: &str) {
    window.send(Command::Preference(PreferenceCommand::Theme(theme)));
    window.send(Command::Dialog(DialogCommand::Preferences));
    window.click_role(egui::accesskit::Role::RadioButton, page);
}

#[test]
fn preferences_in_general() {
    both("preferences", |window| {
        mini_cloud(window);
        window.send(Command::Dialog(DialogCommand::Preferences));
    });
}

/// A value of the environment, one that is wrong, one that is long.
#[test]
fn preferences_of_a_provider() {
    let mut results = SnapshotResults::new();
    for (theme, word) in [(Preference::Dark, "dark"), (Preference::Light, "light")] {
        let variables = [(Setting::IncusPool, "fast".into()), (Setting::IncusSocket, "/run/user/1000/incus/unix.socket".into())];
        let mut window = Window::under(variables.into_iter().collect());
        window.send(Command::Preference(PreferenceCommand::Set(Setting::IncusImage, "two words".to_owned())));
        let long = "/home/someone/a-folder-with-a-rather-long-name/another-one/.config/incus-of-the-other-machine";
        window.send(Command::Preference(PreferenceCommand::Set(Setting::IncusFolder, long.to_owned())));
        preferences(&mut window, theme, "Incus");
        window.send(Command::Preference(PreferenceCommand::Test(ProviderId::Incus(None))));
        photograph(&mut window, &format!("preferences-incus-{word}"));
        results.extend_harness(&mut window.harness);
    }
}

/// Remotes: one that was tested, one with a long name; and the least window.
#[test]
fn preferences_of_remotes() {
    let mut results = SnapshotResults::new();
    for (theme, word) in [(Preference::Dark, "dark"), (Preference::Light, "light")] {
        let mut window = Window::open();
        window.harness.set_size(egui::vec2(1024.0, 640.0));
        preferences(&mut window, theme, "Remotes");
        photograph(&mut window, &format!("preferences-no-remotes-{word}"));
        for remote in ["incus:lab-two", "virtualbox:ssh://administrator@workstation-of-the-lab.building-7.example.org:2222"] {
            window.send(Command::Preference(PreferenceCommand::AddRemote(remote.parse().unwrap())));
        }
        window.send(Command::Preference(PreferenceCommand::Test("incus:lab-two".parse().unwrap())));
        photograph(&mut window, &format!("preferences-remotes-{word}"));
        results.extend_harness(&mut window.harness);
    }
}

#[test]
fn notices() {
    let mut results = SnapshotResults::new();
    let told = |window: &mut Window| {
        mini_cloud(window);
        let long = "/labs/shop-with-a-long-name-that-does-not-fit-into-one-line-of-the-list.ron";
        window.send(Command::File(FileCommand::OpenPath(long.into())));
        window.send(Command::File(FileCommand::Dropped(vec!["/labs/notes.txt".into()])));
        window.send(Command::Mode(ModeCommand::Run));
        window.send(Command::edit("Name", vec![Edit::LabName("another".into())]));
    };
    both_into(&mut results, "notices", told);
    both_into(&mut results, "notices-list", |window| {
        told(window);
        window.send(Command::Dialog(DialogCommand::Notices));
    });
    both_into(&mut results, "notices-empty", |window| {
        mini_cloud(window);
        window.send(Command::Dialog(DialogCommand::Notices));
    });
}
