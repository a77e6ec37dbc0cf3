//! The whole window in a test: on the simulator, with a clock of its own, and a file chooser that never asks.

use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use sandtable::{
    app::{
        Command, FileCommand, FileUse, State,
        engine::Local,
        files::Folders,
        worker::{Chooser, NoChooser, Parts, Workers},
    },
    host::state::StateFolder,
    model::{Bind, Edit, Endpoint, Flow, Lab, Node, NodeName, Service, ServiceRef},
    provider::{
        doctor::Check,
        id::ProviderId,
        settings::{Environment, Settings},
    },
    ui::SandtableApp,
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A desktop without a file chooser.
struct NoDesktop;

impl Chooser for NoDesktop {
    fn choose(&mut self, _: FileUse, _: &str, _: Option<PathBuf>) -> Result<Option<PathBuf>, NoChooser> {
        Err(NoChooser)
    }
}

/// Chooses a file of this name in a folder, whatever it is asked.
struct Always(PathBuf);

impl Chooser for Always {
    fn choose(&mut self, _: FileUse, name: &str, _: Option<PathBuf>) -> Result<Option<PathBuf>, NoChooser> {
        Ok(Some(self.0.join(if name.is_empty() { "lab.ron" } else { name })))
    }
}

/// What a doctor finds at providers that are not there.
fn doctor(on: &ProviderId, _: &Settings) -> Vec<Check> {
    match on {
        ProviderId::Sim => vec![Check::good("simulator", "it is built in and needs nothing")],
        ProviderId::Incus(None) => vec![
            Check::good("daemon", "Incus 6.0.4 answers at /var/lib/incus/unix.socket"),
            Check::doubtful(
                "storage",
                "the pool default is a plain folder: each node is a full copy of its image",
                "For quick copies and snapshots: incus storage create fast btrfs size=20GiB",
            ),
        ],
        ProviderId::Incus(Some(remote)) => {
            vec![Check::bad("daemon", format!("there is no remote {remote:?} in config.yml"), format!("Add it: incus remote add {remote}"))]
        }
        ProviderId::VirtualBox(_) => vec![Check::bad("VBoxManage", "VBoxManage was looked for in PATH", "Install VirtualBox")],
    }
}

/// The window in a test.
pub struct Window {
    /// What drives it.
    pub harness: Harness<'static, SandtableApp>,
    clock: Arc<AtomicU64>,
    /// Where its files are.
    pub folder: tempfile::TempDir,
}

impl Window {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chooser = Always(folder.path().to_owned());
        Self::open_in(folder, Box::new(chooser), Environment::default())
    }

    /// A window whose preferences environment variables override.
    pub fn under(environment: Environment) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::open_in(folder, Box::new(NoDesktop), environment)
    }

    /// A window whose files are chosen with the program's own chooser.
    #[allow(dead_code, reason = "not every test of windows chooses files")]
    pub fn without_desktop(folder: tempfile::TempDir) -> Self {
        Self::open_in(folder, Box::new(NoDesktop), Environment::default())
    }

    fn open_in(folder: tempfile::TempDir, chooser: Box<dyn Chooser>, environment: Environment) -> Self {
        let clock = Arc::new(AtomicU64::new(1_000_000));
        let reading = Arc::clone(&clock);
        let engine = Local::new(Ok(StateFolder::at(folder.path().join("state"))), Arc::new(move || reading.load(Ordering::Relaxed)));
        let parts = Parts {
            folders: Some(Folders::below(folder.path())),
            engine: Box::new(engine),
            chooser,
            draw: sandtable::app::export::export,
            doctor,
        };
        let (preferences, _) = sandtable::app::files::preferences(&Folders::below(folder.path()));
        let mut state = State::new(preferences, sandtable::ui::templates()).under(environment);
        state.run.process = std::process::id();
        let app = SandtableApp::new(state, Workers::inline(parts));
        let builder = Harness::builder().with_size([1440.0, 900.0]).with_max_steps(64);
        let harness = builder.build_ui_state(
            |ui, app: &mut SandtableApp| {
                // The whole window: the harness leaves a margin of its own.
                let window = egui::UiBuilder::new().max_rect(ui.ctx().content_rect());
                ui.scope_builder(window, |ui| app.frame(ui));
            },
            app,
        );
        let mut window = Self { harness, clock, folder };
        window.settle();
        window
    }

    /// The engine of another process on the same state, with the same clock.
    #[allow(dead_code, reason = "not every test has another process")]
    pub fn another_process(&self) -> Local {
        let reading = Arc::clone(&self.clock);
        Local::new(Ok(StateFolder::at(self.folder.path().join("state"))), Arc::new(move || reading.load(Ordering::Relaxed)))
    }

    pub fn with_template(name: &str) -> Self {
        let mut window = Self::open();
        let place = window.state().templates.iter().position(|template| template.name == name).unwrap();
        window.send(Command::File(FileCommand::OpenTemplate(place)));
        window
    }

    /// Opens a lab from a file of its own.
    pub fn open_lab(&mut self, lab: &Lab) {
        let path = self.folder.path().join("given.ron");
        std::fs::write(&path, sandtable::layout::write(lab)).unwrap();
        self.send(Command::File(FileCommand::OpenPath(path)));
        assert_eq!(self.state().lab().name, lab.name, "{:?}", self.state().notice());
    }

    pub fn state(&self) -> &State {
        self.harness.state().state()
    }

    pub fn settle(&mut self) {
        let _ = self.harness.try_run();
    }

    pub fn send(&mut self, command: Command) {
        self.harness.state_mut().send(command);
        self.settle();
    }

    pub fn click(&mut self, name: &str) {
        self.harness.get_by_label(name).click();
        self.settle();
    }

    pub fn click_role(&mut self, role: Role, name: &str) {
        self.harness.get_by_role_and_label(role, name).click();
        self.settle();
    }

    /// Time goes on by so many milliseconds, and the window looks.
    pub fn pass(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(250) {
            self.clock.fetch_add(250, Ordering::Relaxed);
            self.harness.state().workers().look();
            self.settle();
        }
    }

    /// Where the canvas is.
    pub fn room(&self) -> egui::Rect {
        self.harness.state().stage().canvas().room().expect("the canvas was shown")
    }

    /// Where a place of the lab is on the screen.
    pub fn on_screen(&self, at: sandtable::model::Pos) -> egui::Pos2 {
        let canvas = self.harness.state().stage().canvas();
        let shown = canvas.shown();
        let zoom = canvas.camera().zoom;
        self.room().min + egui::vec2((at.0 as f32 - shown.min.x) * zoom, (at.1 as f32 - shown.min.y) * zoom)
    }

    fn button(&mut self, pos: egui::Pos2, pressed: bool) {
        self.any_button(egui::PointerButton::Primary, pos, pressed);
    }

    fn any_button(&mut self, button: egui::PointerButton, pos: egui::Pos2, pressed: bool) {
        let modifiers = egui::Modifiers::NONE;
        self.harness.event(egui::Event::PointerMoved(pos));
        self.harness.step();
        self.harness.event(egui::Event::PointerButton { pos, button, pressed, modifiers });
        self.harness.step();
    }

    /// Opens the menu of a place of the screen.
    pub fn press_secondary_at(&mut self, at: egui::Pos2) {
        self.any_button(egui::PointerButton::Secondary, at, true);
        self.any_button(egui::PointerButton::Secondary, at, false);
        self.settle();
    }

    /// Clicks a place of the screen.
    pub fn press_at(&mut self, at: egui::Pos2) {
        self.button(at, true);
        self.button(at, false);
        self.settle();
    }

    /// Drags from a place of the screen to another.
    pub fn drag(&mut self, from: egui::Pos2, to: egui::Pos2) {
        self.button(from, true);
        self.button(to, false);
        self.settle();
    }
}

/// A lab with so many services: balancers, each with applications behind it, all of those with one of a few databases, and a
/// quarter of services that no flow joins to others.
pub fn many_services(count: usize) -> Lab {
    let mut lab = Lab::new(format!("{count} services"));
    let kinds = ["haproxy", "nginx", "nginx", "nginx", "nginx", "mariadb", "nginx", "chrony"];
    let names: Vec<(NodeName, &str)> = (0..count).map(|n| (format!("node{n}").parse().unwrap(), kinds[n % kinds.len()])).collect();
    for (name, kind) in &names {
        let mut node = Node::new(sandtable::model::Role::App);
        node.services.insert(kind.parse().unwrap(), Service::new(kind.parse().unwrap()));
        lab.nodes.insert(name.clone(), node);
    }
    let end = |(node, kind): &(NodeName, &str)| Endpoint::Service(ServiceRef { node: node.clone(), service: kind.parse().unwrap() });
    for block in names.chunks_exact(kinds.len()) {
        lab.flows.push(Flow::new(Endpoint::Outside, end(&block[0])));
        for app in &block[1..5] {
            lab.flows.push(Flow::new(end(&block[0]), end(app)));
            lab.flows.push(Flow::new(end(app), end(&block[5])));
        }
    }
    lab
}

/// Edits that open the databases of a lab to everybody: errors of the rules.
pub fn exposed(lab: &Lab) -> Vec<Edit> {
    let databases = lab.services().filter(|(_, _, service)| service.kind == "galera");
    let edits = databases.map(|(node, name, service)| {
        let open = Service { bind: Bind::Any, ..service.clone() };
        Edit::Service { node: node.clone(), name: name.clone(), at: None, to: Some(Box::new(open)) }
    });
    edits.collect()
}
