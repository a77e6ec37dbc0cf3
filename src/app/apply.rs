//! The one place where commands happen. Nothing here waits: what needs the outside is an [`Effect`].

use super::{
    Command, Dialog, Effect, Merge, Mode, State, Tab, ViewMove,
    job::Task,
    ops, present,
    state::{Graph, InspectorPage},
};
use crate::look::{Preference, Tone};
use crate::model::{Acceptance, Edit, Lab, ListEdit, NodeName, Pos, Subject};

/// How far a duplicate stands from its original, in lab units.
const DUPLICATE_SHIFT: i32 = 24;

impl State {
    /// Does what the user wants. Gives what has to be done outside.
    pub fn apply(&mut self, command: Command) -> Vec<Effect> {
        self.shown_revision += 1;
        if let Some(entry) = command.entry()
            && !(entry.enabled)(self)
        {
            return Vec::new();
        }
        match command {
            Command::New
            | Command::Open
            | Command::ImportMachines
            | Command::Save
            | Command::SaveAs
            | Command::Export
            | Command::RecoverWork
            | Command::Quit
            | Command::Templates => self.apply_file(command),
            Command::OpenPath(_)
            | Command::Dropped(_)
            | Command::PreviewFile(_)
            | Command::OpenTemplate(_)
            | Command::Chosen(..)
            | Command::Discard
            | Command::SaveThenGoOn
            | Command::TakeRecovery
            | Command::DropRecovery
            | Command::KeepMine
            | Command::WriteOver
            | Command::OverwriteNow
            | Command::ChooseAnother
            | Command::ExportTo(_)
            | Command::CreateFolder(_)
            | Command::Reload
            | Command::Browse(_)
            | Command::Focused => self.apply_file(command),
            Command::Plan
            | Command::Deploy
            | Command::DeployAnyway
            | Command::Destroy
            | Command::DestroyNow
            | Command::HealAll
            | Command::Heal(_)
            | Command::Recover(_)
            | Command::Promote
            | Command::PromoteNow(..)
            | Command::TakeSnapshot(_)
            | Command::RestoreNow(..)
            | Command::Shell(_)
            | Command::Console(_)
            | Command::MakeImage
            | Command::Consider(_)
            | Command::ConsiderLasting(_)
            | Command::PreviewFault(_)
            | Command::CloseConsidered
            | Command::Inject(..)
            | Command::CancelJob
            | Command::Provider(_) => self.apply_run(command),
            Command::Design
            | Command::Run
            | Command::Present
            | Command::EndPresentation
            | Command::NextView
            | Command::PreviousView
            | Command::ShowView(_) => self.apply_mode(&command),
            Command::ZoomFit | Command::ZoomSelection | Command::ZoomIn | Command::ZoomOut | Command::ZoomActual | Command::View(_) => {
                self.apply_view(command)
            }
            other => self.apply_edit(other),
        }
    }

    fn apply_edit(&mut self, command: Command) -> Vec<Effect> {
        match command {
            Command::Edit { label, edits, merge } => self.edit(&label, &edits, merge),
            Command::Act(Ok(step)) => {
                self.edit(&step.title, &step.edits, Merge::Never);
                if let Some(select) = step.select {
                    self.selection = select.into_iter().filter(|subject| super::exists(&self.lab, subject)).collect();
                }
            }
            Command::Act(Err(refusal)) => self.tell(Tone::Warn, refusal.to_string()),
            Command::CloseStep => self.history.close_step(),
            Command::Undo => self.step(Step::Back),
            Command::Redo => self.step(Step::Again),
            Command::Delete => {
                let chosen: Vec<Subject> = self.selection.iter().cloned().collect();
                // A second press in one slow frame finds nothing left.
                if chosen.is_empty() {
                    return Vec::new();
                }
                return self.apply_edit(Command::Act(ops::remove(&self.lab, &chosen)));
            }
            Command::Duplicate => self.duplicate(),
            Command::Rename => return self.selected().cloned().map(Effect::RenameInPlace).into_iter().collect(),
            Command::SelectAll => {
                self.selection =
                    present::all(&self.lab).into_iter().filter(|it| matches!(it, Subject::Node(_) | Subject::Network(_))).collect()
            }
            // Escape leaves what is open first, and the selection only then.
            Command::SelectNone if self.run.considered.is_some() => self.run.considered = None,
            Command::SelectNone => self.selection.clear(),
            Command::Select(subjects) => self.selection = subjects.into_iter().collect(),
            Command::SelectToggle(subject) => {
                if !self.selection.remove(&subject) {
                    self.selection.insert(subject);
                }
            }
            Command::Reveal(subject) => {
                self.selection = [subject.clone()].into();
                return vec![Effect::View(ViewMove::To(vec![subject]))];
            }
            Command::NextFinding => return self.walk_findings(1),
            Command::PreviousFinding => return self.walk_findings(-1),
            Command::SelectFinding(place) => return self.reveal_finding(place),
            Command::FixFinding => {
                if let Some(fix) = self.review.selected_fix().cloned() {
                    self.edit(&fix.title, &fix.edits, Merge::Never);
                }
            }
            Command::Fix { rule, subject, fix } => {
                let fix = self.review.place_of(&rule, &subject).and_then(|place| self.review.fixes(place).get(fix).cloned());
                if let Some(fix) = fix {
                    self.edit(&fix.title, &fix.edits, Merge::Never);
                }
            }
            Command::Accept { rule, subject, because } => {
                // Where one rule says several things about it, all of them are meant.
                let mut same = self.review.findings().iter().filter(|finding| finding.rule == rule && finding.subject == subject);
                let says = same.next().filter(|_| same.next().is_none()).map(|finding| finding.message.clone());
                let acceptance = Acceptance { rule, on: subject.to_string(), because: because.trim().to_owned(), says };
                let edit = Edit::Accept { index: self.lab.accepted.len(), change: ListEdit::Insert(acceptance) };
                self.edit("Accept the finding", &[edit], Merge::Never);
                self.dialog = None;
            }
            Command::Unaccept(index) => self.edit("Undo acceptance", &[Edit::Accept { index, change: ListEdit::Remove }], Merge::Never),
            Command::KeepView { index, view } => {
                let edit = match index {
                    Some(index) => Edit::View { index, change: ListEdit::Replace(view) },
                    None => Edit::View { index: self.lab.views.len(), change: ListEdit::Insert(view) },
                };
                self.edit("Keep the page", &[edit], Merge::Never);
                self.dialog = None;
            }
            other => return self.apply_window(other),
        }
        Vec::new()
    }

    fn apply_window(&mut self, command: Command) -> Vec<Effect> {
        match command {
            Command::TogglePalette => self.preferences.palette_open ^= true,
            Command::ToggleInspector => self.preferences.inspector_open ^= true,
            Command::ToggleBottom => *self.bottom_open_mut() ^= true,
            Command::WindowPlace(place) => self.preferences.window = Some(place),
            Command::Theme(theme) => self.preferences.theme = theme,
            Command::ToggleTheme => {
                self.preferences.theme = if self.preferences.theme == Preference::Light { Preference::Dark } else { Preference::Light };
            }
            Command::PanelSizes(sizes) => self.preferences.panel_sizes = sizes,
            Command::ToggleGraph => {
                self.graph = if self.graph == Graph::Shown { Graph::Hidden } else { Graph::Shown };
                return Vec::new();
            }
            Command::ToggleReached => {
                let is_shown = self.preferences.inspector_open && self.inspector_page == InspectorPage::Reached;
                self.inspector_page = if is_shown { InspectorPage::Properties } else { InspectorPage::Reached };
                if std::mem::replace(&mut self.preferences.inspector_open, true) {
                    return Vec::new();
                }
            }
            Command::Show(tab) => {
                self.tab = tab;
                if std::mem::replace(self.bottom_open_mut(), true) {
                    return Vec::new();
                }
            }
            Command::CommandPalette => return self.ask(Dialog::CommandPalette),
            Command::Manual => {
                let rule =
                    self.review.selected_place().and_then(|place| self.review.findings().get(place)).map(|finding| finding.rule.to_owned());
                return self.ask(Dialog::Manual(rule));
            }
            Command::Shortcuts => return self.ask(Dialog::Shortcuts),
            Command::About => return self.ask(Dialog::About),
            Command::Pins => return self.ask(Dialog::Pins),
            Command::AddView => return self.ask(Dialog::View(None)),
            Command::Ask(dialog) => return self.ask(dialog),
            Command::CloseDialog => {
                self.dialog = None;
                self.pending = None;
                return Vec::new();
            }
            Command::CloseNotice(id) => {
                self.notices.retain(|notice| notice.id != id);
                return Vec::new();
            }
            Command::FullScreen => {
                self.full_screen ^= true;
                return Vec::new();
            }
            _ => return Vec::new(),
        }
        vec![Effect::KeepPreferences(Box::new(self.preferences.clone()))]
    }

    pub(super) fn ask(&mut self, dialog: Dialog) -> Vec<Effect> {
        let asked = match &dialog {
            Dialog::NodeLog(node) => {
                self.run.logs = None;
                Some(self.start(Task::ReadLogs(node.clone())))
            }
            _ => None,
        };
        self.dialog = Some(dialog);
        asked.into_iter().collect()
    }

    fn apply_mode(&mut self, command: &Command) -> Vec<Effect> {
        let page = self.presentation.page();
        match command {
            Command::Design => return self.enter(Mode::Design),
            Command::Run => return self.enter(Mode::Run),
            Command::Present => return self.enter(Mode::Present),
            Command::EndPresentation => return self.end_presentation(),
            Command::NextView => self.presentation.go(&self.lab, page + 1),
            Command::PreviousView => self.presentation.go(&self.lab, page.saturating_sub(1)),
            Command::ShowView(page) => self.presentation.go(&self.lab, *page),
            _ => return Vec::new(),
        }
        vec![Effect::View(self.presentation.camera(&self.lab))]
    }

    fn apply_view(&mut self, command: Command) -> Vec<Effect> {
        vec![Effect::View(match command {
            Command::ZoomSelection => ViewMove::To(self.selection.iter().cloned().collect()),
            Command::ZoomIn => ViewMove::In,
            Command::ZoomOut => ViewMove::Out,
            Command::ZoomActual => ViewMove::Actual,
            Command::View(movement) => movement,
            _ => ViewMove::Fit,
        })]
    }

    fn step(&mut self, step: Step) {
        let flows = self.selected_flows();
        let made = match step {
            Step::Back => self.history.undo(&mut self.lab),
            Step::Again => self.history.redo(&mut self.lab),
        };
        match made {
            Ok(None) => {}
            Ok(Some((edits, touched))) => {
                self.follow_renames(&edits, &flows);
                self.changed(&touched);
            }
            Err(error) => self.tell(Tone::Bad, error.to_string()),
        }
    }

    fn duplicate(&mut self) {
        let originals: Vec<NodeName> = self.selected_nodes().cloned().collect();
        let mut lab = self.lab.clone();
        let (mut edits, mut copies) = (Vec::new(), Vec::new());
        for name in &originals {
            let Some((copy, made)) = duplicate_of(&lab, name) else { continue };
            if lab.apply(&made).is_ok() {
                copies.push(Subject::Node(copy));
                edits.extend(made);
            }
        }
        self.edit("Duplicate", &edits, Merge::Never);
        self.selection = copies.into_iter().collect();
    }

    fn walk_findings(&mut self, by: isize) -> Vec<Effect> {
        let listed: Vec<usize> = self
            .review
            .grouped(&self.lab, &super::Filter::default())
            .iter()
            .flat_map(|entry| entry.places().to_vec())
            .filter(|place| self.review.findings().get(*place).is_some_and(|it| it.accepted.is_none()))
            .collect();
        let now = self.review.selected_place().and_then(|place| listed.iter().position(|it| *it == place));
        let count = listed.len();
        let next = match (now, by) {
            (None, 1..) => 0,
            (None, _) => count.saturating_sub(1),
            (Some(now), _) => (now + count).saturating_add_signed(by) % count.max(1),
        };
        listed.get(next).map_or_else(Vec::new, |place| self.reveal_finding(*place))
    }

    /// Selects a finding, and what it is about, and shows it.
    pub fn reveal_finding(&mut self, place: usize) -> Vec<Effect> {
        self.review.select(&self.lab, place);
        self.tab = Tab::Findings;
        let Some(subject) = self.review.findings().get(place).map(|finding| finding.subject.clone()) else { return Vec::new() };
        match subject {
            Subject::Lab | Subject::Acceptance(_) => {
                self.selection.clear();
                Vec::new()
            }
            subject => self.apply(Command::Reveal(subject)),
        }
    }
}

enum Step {
    Back,
    Again,
}

/// A second one of a node, beside it, with a name and addresses of its own.
fn duplicate_of(lab: &Lab, name: &NodeName) -> Option<(NodeName, Vec<Edit>)> {
    let mut node = lab.nodes.get(name)?.clone();
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = if stem.is_empty() { node.role.name_stem() } else { stem };
    let copy: NodeName = Lab::free_name(stem, |taken| lab.nodes.contains_key(taken)).parse().ok()?;
    for adapter in &mut node.adapters {
        adapter.mac = None;
        adapter.forwards.clear();
        if adapter.address.is_some() {
            adapter.address = lab.free_address(&adapter.network);
        }
    }
    let mut edits = vec![Edit::Node { name: copy.clone(), at: None, to: Some(Box::new(node)) }];
    if let Some(Pos(x, y)) = lab.canvas.nodes.get(name) {
        edits.push(Edit::PlaceNode { name: copy.clone(), at: None, to: Some(Pos(x + DUPLICATE_SHIFT, y + DUPLICATE_SHIFT)) });
    }
    Some((copy, edits))
}
