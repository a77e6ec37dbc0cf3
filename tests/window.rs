//! The real window on a real display, driven by mouse and keyboard as a person would: draw, be told, fix, deploy to the
//! simulator, break, watch the VIP move, heal, save, open again. Needs DISPLAY, a window manager and xdotool, so it is a
//! suite of its own, which `./dev test window` starts under Xvfb.
#![cfg(feature = "desktop")]

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long anything may take to show, on a machine that draws in software and does other things too.
const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Debug, Clone)]
struct Item {
    role: String,
    name: String,
    rect: [f64; 4],
}

impl Item {
    fn middle(&self) -> (i64, i64) {
        let [left, top, right, bottom] = self.rect;
        (((left + right) / 2.0).round() as i64, ((top + bottom) / 2.0).round() as i64)
    }

    fn right_edge(&self) -> (i64, i64) {
        (self.rect[2].round() as i64, self.middle().1)
    }
}

/// The program with a window, in a folder of its own, that is ended when the test is over.
struct Window {
    folder: tempfile::TempDir,
    child: Child,
    id: String,
}

impl Window {
    fn open(layout: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("layouts").join(layout);
        fs::copy(from, folder.path().join(layout)).unwrap();
        Self::open_in(folder, layout)
    }

    fn open_in(folder: tempfile::TempDir, layout: &str) -> Self {
        let window = Self::start_in(folder, layout);
        xdotool(&["windowactivate", "--sync", &window.id]);
        xdotool(&["windowsize", "--sync", &window.id, "1400", "860"]);
        window
    }

    /// Opens the window and leaves its size to it.
    fn start_in(folder: tempfile::TempDir, layout: &str) -> Self {
        let at = |name: &str| folder.path().join(name);
        let _ = fs::remove_file(at("outline.json"));
        let child = Command::new(env!("CARGO_BIN_EXE_sandtable"))
            .arg(at(layout))
            .env("SANDTABLE_STATE", at("state"))
            .env("SANDTABLE_OUTLINE", at("outline.json"))
            .env("XDG_CONFIG_HOME", at("config"))
            .env("XDG_DATA_HOME", at("data"))
            .env("XDG_STATE_HOME", at("xdg-state"))
            .env("XDG_CACHE_HOME", at("cache"))
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut window = Self { folder, child, id: String::new() };
        window.id = window.wait("the window", |window| {
            let pid = window.child.id().to_string();
            let found = xdotool(&["search", "--onlyvisible", "--pid", &pid, "--name", "Sandtable"]);
            found.lines().next().map(str::to_owned)
        });
        window
    }

    fn items(&self) -> Vec<Item> {
        let text = fs::read_to_string(self.folder.path().join("outline.json")).unwrap_or_default();
        let all: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap_or_default();
        all.iter()
            .map(|item| Item {
                role: item["role"].as_str().unwrap().to_owned(),
                name: item["name"].as_str().unwrap().to_owned(),
                rect: serde_json::from_value(item["rect"].clone()).unwrap(),
            })
            .collect()
    }

    /// Waits until this gives something, and photographs the screen where it never does.
    fn wait<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let since = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the program has ended while the test waited for {what}");
            if since.elapsed() > PATIENCE {
                let picture = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("window.png");
                let _ = Command::new("import").args(["-window", "root"]).arg(&picture).status();
                let shown = self.items().into_iter().filter(|item| !item.name.is_empty());
                let names: Vec<String> =
                    shown.map(|item| format!("{} {} at {:.0} {:.0}", item.role, item.name, item.rect[0], item.rect[1])).collect();
                panic!("{what} never came; the screen is in {}; it shows: {names:?}", picture.display());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until something with a fitting name stands still.
    fn find(&mut self, what: &str, fits: impl Fn(&Item) -> bool) -> Item {
        let mut last: Option<([f64; 4], Instant)> = None;
        self.wait(what, |window| {
            let found = window.items().into_iter().find(&fits)?;
            let since = last.filter(|(rect, _)| *rect == found.rect).map_or_else(Instant::now, |(_, since)| since);
            last = Some((found.rect, since));
            // A dialog is measured in one frame and takes its place in the next.
            (since.elapsed() > Duration::from_millis(400)).then_some(found)
        })
    }

    fn named(&mut self, name: &str) -> Item {
        self.find(name, |item| item.name == name)
    }

    /// A node or network of the drawing, by the beginning of what a screen reader is told of it.
    fn drawn(&mut self, begins: &str) -> Item {
        self.find(begins, |item| item.role == "ListItem" && item.name.starts_with(begins))
    }

    /// A tile of the palette, after the palette is scrolled to it. On a screen with borders the lower tiles are below its edge.
    fn tile(&mut self, name: &str) -> Item {
        let [_, top, _, bottom] = self.geometry(&[]);
        let height = bottom - top;
        for _ in 0..20 {
            let tile = self.named(name);
            if tile.rect[3] < (height - 8) as f64 {
                return tile;
            }
            self.click_at((tile.middle().0, height / 2), "5");
            self.frames();
        }
        panic!("the palette does not scroll to {name}");
    }

    fn point(&self, (x, y): (i64, i64)) {
        xdotool(&["mousemove", "--sync", "--window", &self.id, &x.to_string(), &y.to_string()]);
    }

    fn click_at(&self, at: (i64, i64), button: &str) {
        self.point(at);
        xdotool(&["click", button]);
    }

    fn click(&mut self, name: &str) {
        let item = self.named(name);
        self.click_at(item.middle(), "1");
    }

    /// Lets the window draw a few frames: a hand is slower than a frame, also where one takes a quarter of a second.
    fn frames(&self) {
        thread::sleep(Duration::from_millis(500));
    }

    /// Drags in small steps, as a hand does.
    fn drag(&self, from: (i64, i64), to: (i64, i64)) {
        self.point(from);
        self.frames();
        xdotool(&["mousedown", "1"]);
        self.frames();
        self.point((from.0 + 4, from.1 + 4));
        self.frames();
        for step in 1..=12 {
            self.point((from.0 + (to.0 - from.0) * step / 12, from.1 + (to.1 - from.1) * step / 12));
            thread::sleep(Duration::from_millis(25));
        }
        self.frames();
        xdotool(&["mouseup", "1"]);
    }

    /// Presses, moves and perhaps lets go in one call, faster than a frame.
    fn quick_drag(&self, from: (i64, i64), to: (i64, i64)) {
        self.point(from);
        self.frames();
        let (x, y) = (to.0.to_string(), to.1.to_string());
        xdotool(&["mousedown", "1", "mousemove", "--window", &self.id, &x, &y]);
        self.frames();
        xdotool(&["mouseup", "1"]);
        self.frames();
    }

    /// How much the pixels of a part of the window differ from each other: 0 for one flat colour.
    fn contrast(&self, [left, top, right, bottom]: [f64; 4]) -> f64 {
        let picture = self.folder.path().join("part.png");
        let taken = Command::new("import").args(["-window", &self.id]).arg(&picture).status().unwrap();
        assert!(taken.success());
        let crop = format!("{:.0}x{:.0}+{left:.0}+{top:.0}", right - left, bottom - top);
        let output = Command::new("convert")
            .arg(&picture)
            .args(["-crop", &crop, "-colorspace", "gray", "-format", "%[fx:standard_deviation]", "info:"])
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().parse().unwrap()
    }

    fn key(&self, keys: &str) {
        xdotool(&["key", "--window", &self.id, keys]);
    }

    /// Presses keys once, as a keyboard does, and waits for what they do.
    fn press(&mut self, keys: &str, effect: &str, done: impl Fn(&Self) -> bool) {
        xdotool(&["key", "--clearmodifiers", keys]);
        self.wait(&format!("{effect} after {keys}"), |window| done(window).then_some(()));
        self.frames();
    }

    fn shows(&self, name: &str) -> bool {
        self.items().iter().any(|item| item.name == name)
    }

    fn draws(&self, begins: &str) -> bool {
        self.items().iter().any(|item| item.role == "ListItem" && item.name.starts_with(begins))
    }

    /// What the zoom bar says.
    fn zoom(&self) -> String {
        self.items().into_iter().find(|item| item.name.ends_with(" %")).map(|item| item.name).unwrap_or_default()
    }

    fn layout(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn preferences(&self) -> String {
        fs::read_to_string(self.folder.path().join("config/sandtable/window.ron")).unwrap_or_default()
    }

    /// Runs the program without a window, on the same state.
    fn command(&self, args: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandtable"));
        command.current_dir(self.folder.path()).args(args).env("SANDTABLE_STATE", self.folder.path().join("state"));
        assert!(command.status().unwrap().success(), "{args:?}");
    }

    /// Whether the window is as large as the screen of `.ci/window-test`.
    fn fills_screen(&self) -> bool {
        xdotool(&["getwindowgeometry", &self.id]).contains("1440x900")
    }

    /// The window with its borders on the screen: left, top, right, bottom.
    fn frame(&self) -> [i64; 4] {
        self.geometry(&["-frame"])
    }

    fn geometry(&self, options: &[&str]) -> [i64; 4] {
        let output = Command::new("xwininfo").args(options).args(["-id", &self.id]).output().expect("xwininfo is installed by ./dev test");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().parse::<i64>().ok()).unwrap_or(-1);
        let (left, top) = (number("Absolute upper-left X:"), number("Absolute upper-left Y:"));
        [left, top, left + number("Width:"), top + number("Height:")]
    }

    fn has_ended(&self) -> bool {
        !PathBuf::from(format!("/proc/{}/exe", self.child.id())).exists()
    }

    /// Ends the program and gives back its folder.
    fn close(mut self) -> tempfile::TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn xdotool(args: &[&str]) -> String {
    let output = Command::new("xdotool").args(args).output().expect("xdotool is installed by ./dev test");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_whole_job_with_mouse_and_keyboard() {
    let file = "mini-cloud.ron";
    let mut window = Window::open(file);
    let before = window.layout(file);
    window.drawn("db1, database");

    // Draw: a node from the palette onto the free canvas, then a wire from its handle to a rail.
    let tile = window.tile("Monitor");
    let app2 = window.drawn("app2, app");
    let free = (app2.right_edge().0 + 40, app2.middle().1 + 60);
    window.drag(tile.middle(), free);
    let node = window.drawn("mon1, monitor");
    window.click_at(node.middle(), "1");
    let rail = window.drawn("backend, internal network");
    let node = window.drawn("mon1, monitor");
    window.point(node.middle());
    window.drag(node.right_edge(), (rail.middle().0, rail.middle().1));
    window.key("ctrl+s");
    window.wait("the new adapter in the saved file", |window| {
        let text = window.layout(file);
        let node = text.split("\"mon1\": (").nth(1)?;
        node.split_once("),").filter(|_| node.contains("network: \"backend\", address: \"192.168.60.")).map(|_| ())
    });

    // Break a rule: a database dropped onto the balancer, which has too little memory for it. Its finding has a button.
    let tile = window.tile("MariaDB");
    let balancer = window.drawn("lb, balancer");
    window.drag(tile.middle(), balancer.middle());
    let finding = window.find("a finding about lb", |item| item.name.starts_with("warning: lb has 512 MiB"));
    let fix = window.find("its fix", |item| item.role == "Button" && item.name.starts_with("Give lb "));
    assert!((fix.middle().1 - finding.middle().1).abs() < 4, "the button stands in its finding's row: {fix:?} {finding:?}");
    window.click_at(fix.middle(), "1");
    let told = finding.name.clone();
    window.wait("the finding to go", |window| (!window.items().iter().any(|item| item.name == told)).then_some(()));
    // Back to the layout as it was, one step a gesture.
    for _ in 0..4 {
        window.key("ctrl+z");
        window.frames();
    }
    window.wait("the monitor to be gone", |window| (!window.items().iter().any(|item| item.name.starts_with("mon1, "))).then_some(()));
    window.key("ctrl+s");
    window.wait("the layout as it was", |window| (window.layout(file) == before).then_some(()));

    // Deploy to the simulator.
    window.click("Plan…");
    window.click("Deploy");
    window.drawn("database, VIP 192.168.60.30, held by db1");
    window.drawn("db2, database, healthy");

    // Break: stop db1's database from its menu, and see the VIP move.
    let db1 = window.drawn("db1, database, healthy");
    window.click_at(db1.middle(), "1");
    let stop = window.find("the inspector's Stop", |item| item.name == "Stop" && item.rect[0] > 1000.0);
    window.click_at(stop.middle(), "1");
    let service = window.find("the service to stop", |item| item.name.contains("galera") && item.role == "Button" && item.rect[0] > 300.0);
    window.click_at(service.middle(), "1");
    window.find("the panel of the fault", |item| item.name == "Do not inject it");
    let stop = window.find("the panel's Stop", |item| item.role == "Button" && item.name == "Stop" && item.rect[0] > 1000.0);
    window.click_at(stop.middle(), "1");
    window.drawn("database, VIP 192.168.60.30, held by db2");
    window.drawn("db1, database, down");

    // Heal.
    window.click("Heal all");
    window.drawn("db1, database, healthy");

    // Save is a no-op now; open again, and find the same lab running.
    let folder = window.close();
    let mut window = Window::open_in(folder, file);
    window.drawn("db1, database");
    assert_eq!(window.layout(file), before);
    window.click("Run");
    window.drawn("database, VIP 192.168.60.30, held by db2");
}

/// Where the name stands on a card.
fn name_of(card: &Item) -> [f64; 4] {
    let [left, top, right, _] = card.rect;
    let zoom = (right - left) / 196.0;
    [left + 52.0 * zoom, top + 12.0 * zoom, left + 100.0 * zoom, top + 27.0 * zoom]
}

#[test]
fn the_canvas_keeps_its_text_when_theme_and_size_change() {
    let mut window = Window::open("mini-cloud.ron");
    window.drawn("db1, database");
    window.frames();
    let check = |window: &mut Window, after: &str| {
        window.frames();
        for name in ["lb, balancer", "app1, app", "db1, database", "db2, database"] {
            let card = window.drawn(name);
            // A bare card has less than 0.01, a name in either theme more than 0.1.
            let contrast = window.contrast(name_of(&card));
            assert!(contrast > 0.05, "after {after}: no name on {name}, the contrast is {contrast}");
        }
    };
    check(&mut window, "the start");
    for round in 1..=6 {
        window.key("ctrl+shift+l");
        check(&mut window, &format!("switch {round} of the theme"));
    }
    for (width, height) in [("1200", "760"), ("1400", "860")] {
        xdotool(&["windowsize", "--sync", &window.id, width, height]);
        check(&mut window, &format!("the size {width} x {height}"));
        window.key("ctrl+shift+l");
        check(&mut window, &format!("the size {width} x {height} and a switch of the theme"));
    }
    window.key("ctrl+minus");
    window.key("ctrl+equal");
    check(&mut window, "zooming there and back");
}

#[test]
fn a_quick_drag_moves_what_was_pressed() {
    let mut window = Window::open("mini-cloud.ron");
    let (card, rail, other) = (window.drawn("db1, database"), window.drawn("backend, internal network"), window.drawn("lb, balancer"));
    // The pointer has reached the rail before the frame of the press is drawn.
    let from = (card.rect[0].round() as i64 + 40, card.rect[1].round() as i64 + 14);
    window.quick_drag(from, (from.0 + 30, rail.middle().1));
    let moved = window.find("db1 to be moved", |item| item.name.starts_with("db1, database") && item.rect != card.rect);
    assert!(moved.rect[1] < card.rect[1] - 20.0, "{moved:?}, was at {card:?}");
    // The view may scroll while the window takes its size, so the rail is compared with what was not touched either.
    let (rail_now, other_now) = (window.drawn("backend, internal network"), window.drawn("lb, balancer"));
    let drift = (rail_now.rect[1] - other_now.rect[1]) - (rail.rect[1] - other.rect[1]);
    assert!(drift.abs() < 1.0, "the rail moves by {drift}: {rail:?}, now {rail_now:?}");
    window.key("ctrl+z");
    // A drag from the palette that is let go of within the same moment.
    let tile = window.tile("Monitor");
    let app2 = window.drawn("app2, app");
    window.point(tile.middle());
    window.frames();
    let (x, y) = ((app2.right_edge().0 + 40).to_string(), (app2.middle().1 + 60).to_string());
    xdotool(&["mousedown", "1", "mousemove", "--window", &window.id, &x, &y, "mouseup", "1"]);
    window.drawn("mon1, monitor");
}

/// Presses every key of the table of commands once, on a real keyboard, and sees what it does. A key that is missing here
/// fails the test, and so does one that the window's system keeps for itself.
#[test]
fn every_shortcut_works_on_a_real_keyboard() {
    let file = "mini-cloud.ron";
    let mut window = Window::open(file);
    let mut left = shortcuts();
    let mut press = |window: &mut Window, keys: &str, effect: &str, done: &dyn Fn(&Window) -> bool| {
        left.retain(|known| known != keys);
        window.press(keys, effect, done);
    };
    window.drawn("db1, database");
    // What is shown.
    press(&mut window, "ctrl+b", "no palette", &|window| !window.shows("Monitor"));
    press(&mut window, "ctrl+b", "the palette", &|window| window.shows("Monitor"));
    press(&mut window, "ctrl+j", "the folded panel", &|window| window.shows("Unfold the lower panel"));
    press(&mut window, "ctrl+j", "the lower panel", &|window| window.shows("Fold the lower panel"));
    press(&mut window, "ctrl+g", "the graph", &|window| !window.draws("db1, database"));
    press(&mut window, "ctrl+g", "the canvas", &|window| window.draws("db1, database"));
    press(&mut window, "ctrl+0", "100 %", &|window| window.zoom() == "100 %");
    press(&mut window, "ctrl+equal", "a larger drawing", &|window| window.zoom() == "125 %");
    press(&mut window, "ctrl+minus", "a smaller drawing", &|window| window.zoom() == "100 %");
    press(&mut window, "ctrl+plus", "a larger drawing", &|window| window.zoom() == "125 %");
    press(&mut window, "shift+1", "all of it", &|window| !["100 %", "125 %"].contains(&window.zoom().as_str()));
    press(&mut window, "ctrl+shift+l", "the other theme", &|window| window.preferences().contains("theme: light"));
    press(&mut window, "F11", "full screen", &Window::fills_screen);
    press(&mut window, "F11", "a window", &|window| !window.fills_screen());
    // Dialogs.
    for (keys, shown) in [("ctrl+k", "About Sandtable"), ("ctrl+shift+e", "Export…"), ("ctrl+shift+a", "Title"), ("ctrl+o", "New folder")]
    {
        press(&mut window, keys, shown, &|window| window.shows(shown));
        window.press("Escape", "no dialog", |window| !window.shows(shown));
    }
    for (keys, button) in [
        ("ctrl+question", "Close"),
        ("F1", "Close"),
        ("ctrl+comma", "Reduced"),
        ("ctrl+m", "Close the list"),
        ("ctrl+shift+n", "Cancel"),
        ("ctrl+shift+s", "File name"),
    ] {
        press(&mut window, keys, button, &|window| window.shows(button));
        window.press("Escape", "no dialog", |window| !window.shows(button));
    }
    // Selecting and editing.
    press(&mut window, "ctrl+a", "everything selected", &|window| window.items().iter().any(|item| item.name.ends_with(" things")));
    press(&mut window, "Escape", "nothing selected", &|window| !window.items().iter().any(|item| item.name.ends_with(" things")));
    let db1 = window.drawn("db1, database");
    window.click_at(db1.middle(), "1");
    window.named("Delete db1");
    press(&mut window, "ctrl+i", "no inspector", &|window| !window.shows("Delete db1"));
    press(&mut window, "ctrl+i", "the inspector", &|window| window.shows("Delete db1"));
    press(&mut window, "ctrl+r", "who reaches it", &|window| !window.shows("Delete db1"));
    press(&mut window, "ctrl+r", "its properties", &|window| window.shows("Delete db1"));
    let before = window.zoom();
    press(&mut window, "shift+2", "the selection", &|window| window.zoom() != before);
    press(&mut window, "ctrl+d", "a second database", &|window| window.draws("db3, database"));
    press(&mut window, "ctrl+z", "no second database", &|window| !window.draws("db3, database"));
    press(&mut window, "ctrl+y", "the second database", &|window| window.draws("db3, database"));
    window.press("ctrl+z", "no second database", |window| !window.draws("db3, database"));
    press(&mut window, "ctrl+shift+z", "the second database", &|window| window.draws("db3, database"));
    let copy = window.drawn("db3, database");
    window.click_at(copy.middle(), "1");
    window.named("Delete db3");
    press(&mut window, "Delete", "no second database", &|window| !window.draws("db3, database"));
    window.press("ctrl+z", "the second database", |window| window.draws("db3, database"));
    press(&mut window, "ctrl+s", "it saved", &|window| window.layout(file).contains("\"db3\""));
    // A finding to walk to: the first of those that the layout accepts. Where nothing is selected the inspector is the lab's.
    window.click("Undo acceptance");
    window.press("Escape", "nothing selected", |window| window.shows("Add page"));
    press(&mut window, "F8", "the first finding's subject", &|window| !window.shows("Add page"));
    // On to the second, wherever it leads, and back.
    xdotool(&["key", "--clearmodifiers", "F8"]);
    window.frames();
    window.press("Escape", "nothing selected", |window| window.shows("Add page"));
    press(&mut window, "shift+F8", "the first finding's subject", &|window| !window.shows("Add page"));
    window.press("Escape", "nothing selected", |window| window.shows("Add page"));
    // Modes and pages.
    press(&mut window, "ctrl+3", "the first page", &|window| window.shows("Next page"));
    press(&mut window, "Right", "the second page", &|window| window.shows("Previous page"));
    press(&mut window, "Left", "the first page", &|window| window.shows("Next page"));
    window.press("Escape", "the end of the presentation", |window| window.shows("Monitor"));
    press(&mut window, "F5", "the presentation", &|window| window.shows("Next page"));
    window.press("Escape", "the end of the presentation", |window| window.shows("Monitor"));
    press(&mut window, "ctrl+2", "what can be broken", &|window| window.shows("Lasso…"));
    press(&mut window, "ctrl+1", "what can be added", &|window| window.shows("Monitor"));
    press(&mut window, "ctrl+p", "a plan", &|window| window.shows("Deploy"));
    press(&mut window, "ctrl+shift+p", "a deployed lab", &|window| window.draws("db1, database, healthy"));
    window.command(&["inject", file, "stop", "db1/galera"]);
    window.drawn("db1, database, down");
    press(&mut window, "ctrl+h", "a healthy lab", &|window| window.draws("db1, database, healthy"));
    // Another lab, and the end. What is not saved would be asked about first.
    xdotool(&["key", "--clearmodifiers", "ctrl+s"]);
    window.frames();
    press(&mut window, "ctrl+n", "an empty lab", &|window| !window.draws("db1, database"));
    press(&mut window, "ctrl+q", "a question", &|window| window.shows("Do not save") || !window.shows("Monitor") || window.has_ended());
    // Renaming and fixing have tests of their own without a display; a job that can be stopped ends too soon here.
    left.retain(|keys| !["F2", "ctrl+Return", "ctrl+period"].contains(&keys.as_str()));
    assert!(left.is_empty(), "these keys were not pressed: {left:?}");
}

/// The keys of the table of commands, as xdotool calls them.
fn shortcuts() -> Vec<String> {
    use sandtable::app::{COMMANDS, Held};
    let name = |key: &str| match key {
        "Equals" => "equal".to_owned(),
        "Questionmark" => "question".to_owned(),
        "Enter" => "Return".to_owned(),
        "ArrowLeft" => "Left".to_owned(),
        "ArrowRight" => "Right".to_owned(),
        key if key.len() == 1 || ["Minus", "Plus", "Period", "Comma"].contains(&key) => key.to_lowercase(),
        key => key.to_owned(),
    };
    let all = COMMANDS.iter().flat_map(|entry| entry.shortcuts().collect::<Vec<_>>());
    all.map(|shortcut| {
        let held = match shortcut.held {
            Held::None => "",
            Held::Shift => "shift+",
            Held::Control => "ctrl+",
            Held::ControlShift => "ctrl+shift+",
        };
        format!("{held}{}", name(shortcut.key))
    })
    .collect()
}

/// What was not saved when the program was killed is offered again when the file is opened by its name, and saving it then
/// asks nothing; what another program writes meanwhile is noticed without a click.
#[test]
fn unsaved_work_and_changes_on_disk_are_noticed() {
    let file = "mini-cloud.ron";
    let mut window = Window::open(file);
    let db1 = window.drawn("db1, database");
    window.click_at(db1.middle(), "1");
    window.named("Delete db1");
    window.press("ctrl+d", "a second database", |window| window.draws("db3, database"));
    window.wait("the autosave", |window| {
        let autosaves = window.folder.path().join("xdg-state/sandtable/autosave");
        fs::read_dir(autosaves).ok()?.flatten().find(|entry| entry.path().extension().is_some_and(|it| it == "ron")).map(|_| ())
    });
    let mut window = Window::open_in(window.close(), file);
    window.click("Recover");
    window.drawn("db3, database");
    window.press("ctrl+s", "it saved", |window| window.layout(file).contains("\"db3\""));
    assert!(!window.shows("Overwrite"), "nobody else wrote the file");
    fs::write(window.folder.path().join(file), "garbage").unwrap();
    window.named("Overwrite");
    window.click("Overwrite");
    window.wait("the layout again", |window| window.layout(file).contains("\"db3\"").then_some(()));
}

/// A size that was remembered on a larger screen is not kept on a smaller one, and one that fits is.
#[test]
fn a_window_opens_no_larger_than_its_screen() {
    for (remembered, fits) in [([1900.0, 1200.0], false), ([1000.0, 700.0], true)] {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("layouts/three-node-lab.ron"), folder.path().join("lab.ron")).unwrap();
        fs::create_dir_all(folder.path().join("config/sandtable")).unwrap();
        let [width, height]: [f64; 2] = remembered;
        let text = format!("(window: Some((size: ({width:?}, {height:?}), maximized: false)))");
        fs::write(folder.path().join("config/sandtable/window.ron"), text).unwrap();
        let mut window = Window::start_in(folder, "lab.ron");
        window.drawn("db-node-01");
        // Long enough for every request to the window manager to be made and answered.
        thread::sleep(Duration::from_secs(4));
        let [left, top, right, bottom] = window.frame();
        assert!(left >= 0 && top >= 0 && right <= 1440 && bottom <= 900, "{:?}", window.frame());
        let (across, down) = (right - left, bottom - top);
        if fits {
            assert!((1000..1040).contains(&across) && (700..760).contains(&down), "{across} x {down}");
        } else {
            assert!(across > 1380 && down > 840, "not shrunk step by step: {across} x {down}");
        }
    }
}
