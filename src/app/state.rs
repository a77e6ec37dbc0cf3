//! Everything the window shows, and nothing of how.

use super::{
    Command, Dialog, Document, Effect, ExportOptions, FilePreview, History, Merge, ModeCommand, Notice, NoticeAction, Notices, Preferences,
    Presentation, Recovery, Review, Run, Tab, Template,
};
use crate::model::{Edit, Lab, ListEdit, NodeName, Subject, Touched};
use crate::rules::Context;
use crate::session::{
    Check,
    settings::{Environment, Settings},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
};

/// What the window is for at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Drawing.
    #[default]
    Design,
    /// Deploying, watching, breaking.
    Run,
    /// Showing to others.
    Present,
}

impl Mode {
    /// All, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::Design, Self::Run, Self::Present];

    /// The word on the switch.
    pub fn title(self) -> &'static str {
        match self {
            Self::Design => "Design",
            Self::Run => "Run",
            Self::Present => "Present",
        }
    }

    /// What it is for.
    pub fn about(self) -> &'static str {
        match self {
            Self::Design => "Draw the lab",
            Self::Run => "Deploy the lab, watch it and inject faults",
            Self::Present => "Show the pages of the lab full screen",
        }
    }

    /// The command that goes there.
    pub fn command(self) -> Command {
        match self {
            Self::Design => Command::Mode(ModeCommand::Design),
            Self::Run => Command::Mode(ModeCommand::Run),
            Self::Present => Command::Mode(ModeCommand::Present),
        }
    }
}

/// How much of the lab a view shows beside the canvas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Graph {
    /// The canvas alone.
    #[default]
    Hidden,
    /// The service graph in its place.
    Shown,
}

/// What the inspector shows of a node or a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InspectorPage {
    /// Its fields; in Run its state.
    #[default]
    Properties,
    /// Who reaches its ports.
    Reached,
}

/// Whether a provider can be used.
#[derive(Debug, Clone, PartialEq)]
pub enum ProviderTest {
    /// It is being looked at.
    Running,
    /// What was looked at, and how it came out.
    Done(Vec<Check>),
}

/// Time from a change to its autosave, in milliseconds.
pub const AUTOSAVE_DELAY_MS: u64 = 5_000;

/// Changes that are kept for whatever is kept beside the lab and follows it less often than it changes.
const CHANGES_MAX: usize = 32;

/// The state of the window.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) lab: Lab,
    pub(super) history: History,
    pub(super) revision: u64,
    /// What the last changes touched, the latest last: each with the revision that it led to, without a gap.
    changes: VecDeque<(u64, Touched)>,
    pub(super) shown_revision: u64,
    /// The open file.
    pub document: Document,
    /// What the window is for at the moment.
    pub mode: Mode,
    /// What is selected.
    pub selection: BTreeSet<Subject>,
    /// What is wrong.
    pub review: Review,
    /// What runs.
    pub run: Run,
    /// What is shown to others.
    pub presentation: Presentation,
    /// What the user prefers.
    pub preferences: Preferences,
    /// The tab of the lower panel.
    pub tab: Tab,
    /// What stands over everything else.
    pub dialog: Option<Dialog>,
    /// What the user was told.
    pub notices: Notices,
    /// Whether providers can be used, by their names: what was asked for.
    pub tests: BTreeMap<String, ProviderTest>,
    /// The environment variables that override preferences.
    environment: Environment,
    /// How the lab was exported last.
    pub export: ExportOptions,
    /// Whether the window fills the screen.
    pub full_screen: bool,
    /// Whether the window is so low that the lower panel is folded until it is asked for.
    pub low_window: bool,
    /// Whether it was asked for there.
    pub bottom_open_low: bool,
    /// Whether the service graph is shown.
    pub graph: Graph,
    /// What the inspector shows of a node or a service.
    pub inspector_page: InspectorPage,
    /// Labs left behind by runs that did not end well, the latest first.
    pub recoveries: VecDeque<Recovery>,
    /// Labs to begin with.
    pub templates: Vec<Template>,
    /// Pictures of the recent files.
    pub previews: BTreeMap<PathBuf, FilePreview>,
    /// What our own file chooser shows.
    pub listing: super::Listing,
    /// The file name that the chooser proposes.
    pub proposed: String,
    pub(super) autosaved_revision: u64,
    pub(super) changed_at_ms: Option<u64>,
    pub(super) pending: Option<super::After>,
    /// Where a presentation was started from.
    pub(super) before_presenting: Option<BeforePresenting>,
}

/// Where a presentation was started from.
#[derive(Debug, Clone, Copy)]
pub(super) struct BeforePresenting {
    mode: Mode,
    full_screen: bool,
}

impl State {
    /// A window without a lab.
    pub fn new(preferences: Preferences, templates: Vec<Template>) -> Self {
        let lab = Lab::default();
        let run = Run { provider: preferences.provider.clone(), ..Run::default() };
        Self {
            review: Review::new(&lab, Context::default()),
            lab,
            history: History::default(),
            revision: 0,
            changes: VecDeque::new(),
            shown_revision: 0,
            document: Document::default(),
            mode: Mode::Design,
            selection: BTreeSet::new(),
            run,
            presentation: Presentation::default(),
            preferences,
            tab: Tab::Findings,
            dialog: None,
            notices: Notices::default(),
            tests: BTreeMap::new(),
            environment: Environment::default(),
            export: ExportOptions::default(),
            full_screen: false,
            low_window: false,
            bottom_open_low: false,
            before_presenting: None,
            graph: Graph::Hidden,
            inspector_page: InspectorPage::Properties,
            recoveries: VecDeque::new(),
            templates,
            previews: BTreeMap::new(),
            listing: super::Listing::default(),
            proposed: String::new(),
            autosaved_revision: 0,
            changed_at_ms: None,
            pending: None,
        }
    }

    /// The same, with rules that know the machine that it runs on.
    #[must_use]
    pub fn on_machine(mut self, context: Context) -> Self {
        self.review = Review::new(&self.lab, context);
        self
    }

    /// The same, with preferences that environment variables override.
    #[must_use]
    pub fn under(self, environment: Environment) -> Self {
        Self { environment, ..self }
    }

    /// What is set of providers.
    pub fn settings(&self) -> Settings {
        self.preferences.provider_settings(self.environment.clone())
    }

    /// The lab, to be read. It changes only through [`State::apply`].
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// A number that grows with every change of the lab: for whatever is kept beside it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What has changed since a revision; `None`: anything may have.
    pub fn touched_since(&self, revision: u64) -> Option<Touched> {
        let known = revision == self.revision || self.changes.front().is_some_and(|(first, _)| *first <= revision + 1);
        let later = self.changes.iter().filter(|(to, _)| *to > revision);
        (known && revision <= self.revision).then(|| {
            later.fold(Touched::default(), |mut all, (_, touched)| {
                all.merge(touched.clone());
                all
            })
        })
    }

    /// Whether the lower panel is unfolded.
    pub fn bottom_open(&self) -> bool {
        if self.low_window { self.bottom_open_low } else { self.preferences.bottom_open }
    }

    pub(super) fn bottom_open_mut(&mut self) -> &mut bool {
        if self.low_window { &mut self.bottom_open_low } else { &mut self.preferences.bottom_open }
    }

    /// A number that grows with everything that happens: for whatever is drawn over the lab.
    pub fn shown_revision(&self) -> u64 {
        self.shown_revision
    }

    /// Undo and redo, to be read.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Whether the lab differs from its file.
    pub fn is_unsaved(&self) -> bool {
        self.document.open && self.history.is_unsaved()
    }

    /// The one selected thing; `None` where nothing or more is.
    pub fn selected(&self) -> Option<&Subject> {
        self.selection.first().filter(|_| self.selection.len() == 1)
    }

    /// The selected nodes.
    pub fn selected_nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.selection.iter().filter_map(|subject| match subject {
            Subject::Node(node) => Some(node),
            _ => None,
        })
    }

    /// The lab changes, as one step. Findings follow; a plan that was worked out does not hold any more.
    pub(super) fn edit(&mut self, label: &str, edits: &[Edit], merge: Merge) {
        let flows = self.selected_flows();
        match self.history.make(&mut self.lab, label, edits, merge) {
            Ok(touched) => {
                self.follow_renames(edits, &flows);
                self.changed(&touched);
            }
            Err(error) => self.tell(crate::look::Tone::Bad, format!("{label}: {error}")),
        }
    }

    /// What must follow a change of the lab.
    pub(super) fn changed(&mut self, touched: &Touched) {
        if *touched == Touched::default() {
            return;
        }
        self.revision += 1;
        self.changes.push_back((self.revision, touched.clone()));
        if self.changes.len() > CHANGES_MAX {
            self.changes.pop_front();
        }
        self.changed_at_ms = None;
        self.review.update(&self.lab, touched);
        if touched.meaning() {
            self.run.plan = None;
            self.run.steps.clear();
        }
        self.prune_selection();
    }

    /// Another lab is open.
    pub(super) fn replace(&mut self, lab: Lab, document: Document) {
        self.lab = lab;
        self.history = History::default();
        self.document = Document { open: true, ..document };
        self.revision += 1;
        self.changes.clear();
        self.autosaved_revision = self.revision;
        self.changed_at_ms = None;
        self.selection.clear();
        self.run.clear();
        self.presentation = Presentation::default();
        self.review.restart(&self.lab);
        self.dialog = None;
        self.mode = Mode::Design;
        if let Some(before) = self.before_presenting.take() {
            self.full_screen = before.full_screen;
        }
        self.tab = Tab::Findings;
    }

    /// Says something that goes away when it is read.
    pub(super) fn tell(&mut self, tone: crate::look::Tone, text: impl Into<String>) {
        self.tell_with(tone, text, None);
    }

    /// The same, with what can be done about it.
    pub(super) fn tell_with(&mut self, tone: crate::look::Tone, text: impl Into<String>, action: Option<NoticeAction>) {
        let text = text.into();
        self.run.note(text.clone());
        self.notices.tell(tone, text, action);
    }

    /// The latest notice.
    pub fn notice(&self) -> Option<&Notice> {
        self.notices.waiting().last()
    }

    /// The places of the selected flows.
    pub(super) fn selected_flows(&self) -> Vec<usize> {
        let places = self.selection.iter().map(|subject| match subject {
            Subject::Flow(id) => self.lab.flow_place(id),
            _ => None,
        });
        places.flatten().collect()
    }

    /// What is selected stays selected where a step has given it another name; `flows` are the places of flows before the step.
    pub(super) fn follow_renames(&mut self, edits: &[Edit], flows: &[usize]) {
        let replaced =
            |place: &usize| edits.iter().any(|edit| matches!(edit, Edit::Flow { index, change: ListEdit::Replace(_) } if index == place));
        let moves = |edit: &Edit| matches!(edit, Edit::Flow { change: ListEdit::Insert(_) | ListEdit::Remove, .. });
        if !edits.iter().any(moves) {
            let now = flows.iter().filter(|place| replaced(place)).filter_map(|place| self.lab.flows.get(*place));
            self.selection.extend(now.map(Subject::flow));
        }
        for edit in edits {
            let renamed = |subject: &Subject| renamed(subject, edit);
            if matches!(
                edit,
                Edit::RenameNode { .. }
                    | Edit::RenameNetwork { .. }
                    | Edit::RenameSite { .. }
                    | Edit::RenameVip { .. }
                    | Edit::RenameService { .. }
            ) {
                self.selection = self.selection.iter().map(renamed).collect();
            }
        }
    }

    fn prune_selection(&mut self) {
        if self.selection.is_empty() {
            return;
        }
        let lab = &self.lab;
        self.selection.retain(|subject| exists(lab, subject));
    }

    /// The clock goes on: autosave what has not changed for a while. Gives the time until it is worth asking again.
    pub fn tick(&mut self, now_ms: u64) -> (Vec<Effect>, Option<u64>) {
        if !self.is_unsaved() || self.autosaved_revision == self.revision {
            self.changed_at_ms = None;
            return (Vec::new(), None);
        }
        let changed_at_ms = *self.changed_at_ms.get_or_insert(now_ms);
        let due_ms = changed_at_ms + AUTOSAVE_DELAY_MS;
        if now_ms < due_ms {
            return (Vec::new(), Some(due_ms - now_ms));
        }
        self.autosaved_revision = self.revision;
        self.changed_at_ms = None;
        let base = self.document.stamp.map(|stamp| stamp.content);
        (vec![Effect::Autosave { path: self.document.path.clone(), base, lab: Box::new(self.lab.clone()) }], None)
    }

    /// Has the lab watched; nothing is, where it has no file yet.
    pub(super) fn watch(&self) -> Effect {
        let watched = |file: &std::path::PathBuf| {
            Box::new(super::command::Watched { provider: self.run.provider.clone(), file: file.clone(), lab: self.lab.clone() })
        };
        Effect::Watch(self.document.path.as_ref().map(watched))
    }

    /// Goes to another mode.
    pub(super) fn enter(&mut self, mode: Mode) -> Vec<Effect> {
        let was = self.mode;
        let mut effects = Vec::new();
        if was == mode {
            return effects;
        }
        (self.run.considered, self.run.previewed) = (None, None);
        self.mode = mode;
        if let Some(before) = self.before_presenting.take() {
            self.full_screen = before.full_screen;
        }
        match mode {
            Mode::Design => {
                // Nothing is watched there: what was seen last would only look like news.
                if matches!(self.tab, Tab::Faults | Tab::Load) {
                    self.tab = Tab::Findings;
                }
                effects.push(Effect::Watch(None));
            }
            Mode::Run => {
                effects.push(self.watch());
                self.tab = if self.run.is_deployed() { Tab::Events } else { Tab::Plan };
            }
            Mode::Present => {
                self.before_presenting = Some(BeforePresenting { mode: was, full_screen: self.full_screen });
                self.full_screen = true;
                self.presentation.go(&self.lab, 0);
                effects.push(Effect::View(self.presentation.camera(&self.lab)));
            }
        }
        effects
    }

    /// Goes back to where the presentation was started from.
    pub(super) fn end_presentation(&mut self) -> Vec<Effect> {
        match self.before_presenting {
            Some(before) => self.enter(before.mode),
            None => self.enter(Mode::Design),
        }
    }
}

/// Whether a thing is in a lab.
pub fn exists(lab: &Lab, subject: &Subject) -> bool {
    match subject {
        Subject::Lab => true,
        Subject::Site(name) => lab.sites.contains_key(name),
        Subject::Network(name) => lab.networks.contains_key(name),
        Subject::Node(name) => lab.nodes.contains_key(name),
        Subject::Adapter(node, slot, network) => {
            lab.nodes.get(node).and_then(|node| node.adapters.get(*slot)).is_some_and(|adapter| adapter.network == *network)
        }
        Subject::Service(at) => lab.service(at).is_some(),
        Subject::Flow(id) => lab.flow_place(id).is_some(),
        Subject::Vip(name) => lab.vips.contains_key(name),
        Subject::Cluster(name) => lab.services().any(|(_, _, service)| service.cluster.as_ref() == Some(name)),
        Subject::Link(one, other) => lab.links.iter().any(|link| link.between.0 == *one && link.between.1 == *other),
        Subject::Acceptance(index) => *index < lab.accepted.len(),
        Subject::Note(index) => *index < lab.notes.len(),
        Subject::Outside => !lab.nodes.is_empty(),
    }
}

fn renamed(subject: &Subject, edit: &Edit) -> Subject {
    let mut subject = subject.clone();
    match (&mut subject, edit) {
        (Subject::Node(name) | Subject::Adapter(name, ..), Edit::RenameNode { from, to }) if name == from => *name = to.clone(),
        (Subject::Service(at), Edit::RenameNode { from, to }) if at.node == *from => at.node = to.clone(),
        (Subject::Service(at), Edit::RenameService { node, from, to }) if at.node == *node && at.service == *from => {
            at.service = to.clone()
        }
        (Subject::Network(name) | Subject::Adapter(_, _, name), Edit::RenameNetwork { from, to }) if name == from => *name = to.clone(),
        (Subject::Site(name), Edit::RenameSite { from, to }) if name == from => *name = to.clone(),
        (Subject::Vip(name), Edit::RenameVip { from, to }) if name == from => *name = to.clone(),
        (Subject::Flow(id), _) => *id = id.clone().renamed(edit),
        _ => {}
    }
    subject
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_known_for_a_while_and_never_across_labs() {
        let mut state = State::new(Preferences::default(), Vec::new());
        state.replace(Lab::new("one"), Document::default());
        let start = state.revision();
        assert_eq!(state.touched_since(start), Some(Touched::default()));
        assert_eq!(state.touched_since(start - 1), None, "another lab was open then");
        for number in 0..CHANGES_MAX {
            let node = format!("node{number}").parse().unwrap();
            let edit = Edit::Node { name: node, at: None, to: Some(Box::new(crate::model::Node::new(crate::model::Role::Database))) };
            state.edit("Add", &[edit], Merge::Never);
        }
        assert_eq!(state.touched_since(start).map(|touched| touched.nodes.len()), Some(CHANGES_MAX));
        assert_eq!(state.touched_since(state.revision() - 2).map(|touched| touched.nodes.len()), Some(2));
        state.edit("Name", &[Edit::LabName("two".into())], Merge::Never);
        assert_eq!(state.touched_since(start), None, "too long ago");
        assert_eq!(state.touched_since(state.revision() + 1), None);
    }
}
