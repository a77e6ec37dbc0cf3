//! The one place where commands happen. Nothing here waits: what needs the outside is an [`Effect`].

use super::{
    Command, Dialog, DialogCommand, EditCommand, Effect, Merge, Mode, ModeCommand, NoticeAction, PreferenceCommand, ProviderTest,
    SelectCommand, State, Tab, ViewCommand, ViewMove, WindowCommand,
    job::Task,
    ops,
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
            Command::File(command) => self.apply_file(command),
            Command::Answer(command) => self.apply_answer(command),
            Command::Edit(command) => self.apply_edit(command),
            Command::Select(command) => self.apply_select(command),
            Command::View(command) => self.apply_view(command),
            Command::Mode(command) => self.apply_mode(&command),
            Command::Run(command) => self.apply_run(command),
            Command::Fault(command) => self.apply_fault(command),
            Command::Dialog(command) => self.apply_dialog(command),
            Command::Window(command) => self.apply_window(command),
            Command::Preference(command) => self.apply_preference(command),
        }
    }

    fn apply_edit(&mut self, command: EditCommand) -> Vec<Effect> {
        if self.mode != Mode::Design && !command.is_allowed_everywhere() {
            let action = NoticeAction { label: "Design", about: "Go to Design", command: Command::Mode(ModeCommand::Design) };
            self.tell_with(Tone::Warn, "The lab is changed in Design. Go there first: Ctrl 1", Some(action));
            return Vec::new();
        }
        match command {
            EditCommand::Make { label, edits, merge } => self.edit(&label, &edits, merge),
            EditCommand::Act(Ok(step)) => {
                self.edit(&step.title, &step.edits, Merge::Never);
                if let Some(select) = step.select {
                    self.selection = select.into_iter().filter(|subject| super::exists(&self.lab, subject)).collect();
                }
            }
            EditCommand::Act(Err(refusal)) => self.tell(Tone::Warn, refusal.to_string()),
            EditCommand::CloseStep => self.history.close_step(),
            EditCommand::Undo => self.step(Step::Back),
            EditCommand::Redo => self.step(Step::Again),
            EditCommand::Delete => {
                let chosen: Vec<Subject> = self.selection.iter().cloned().collect();
                // A second press in one slow frame finds nothing left.
                if chosen.is_empty() {
                    return Vec::new();
                }
                return self.apply_edit(EditCommand::Act(ops::remove(&self.lab, &chosen)));
            }
            EditCommand::Duplicate => self.duplicate(),
            EditCommand::Rename => return self.selected().cloned().map(Effect::RenameInPlace).into_iter().collect(),
            EditCommand::FixFinding => {
                if let Some(fix) = self.review.selected_fix().cloned() {
                    self.edit(&fix.title, &fix.edits, Merge::Never);
                }
            }
            EditCommand::Fix { rule, subject, fix } => {
                let fix = self.review.place_of(&rule, &subject).and_then(|place| self.review.fixes(place).get(fix).cloned());
                if let Some(fix) = fix {
                    self.edit(&fix.title, &fix.edits, Merge::Never);
                }
            }
            EditCommand::Accept { rule, subject, because } => self.accept(rule, subject, &because),
            EditCommand::Unaccept(index) => self.edit("Undo acceptance", &[Edit::Accept { index, change: ListEdit::Remove }], Merge::Never),
            EditCommand::KeepView { index, view } => {
                let edit = match index {
                    Some(index) => Edit::View { index, change: ListEdit::Replace(view) },
                    None => Edit::View { index: self.lab.views.len(), change: ListEdit::Insert(view) },
                };
                self.edit("Keep the page", &[edit], Merge::Never);
                self.dialog = None;
            }
        }
        Vec::new()
    }

    fn accept(&mut self, rule: String, subject: Subject, because: &str) {
        // Where one rule says several things about it, all of them are meant.
        let mut same = self.review.findings().iter().filter(|finding| finding.rule == rule && finding.subject == subject);
        let says = same.next().filter(|_| same.next().is_none()).map(|finding| finding.message.clone());
        let acceptance = Acceptance { rule, on: subject.to_string(), because: because.trim().to_owned(), says };
        let edit = Edit::Accept { index: self.lab.accepted.len(), change: ListEdit::Insert(acceptance) };
        self.edit("Accept the finding", &[edit], Merge::Never);
        self.dialog = None;
    }

    fn apply_select(&mut self, command: SelectCommand) -> Vec<Effect> {
        match command {
            SelectCommand::SelectAll => {
                self.selection =
                    Subject::all(&self.lab).into_iter().filter(|it| matches!(it, Subject::Node(_) | Subject::Network(_))).collect()
            }
            // Escape leaves what is open first, and the selection only then.
            SelectCommand::SelectNone if self.run.considered.is_some() => self.run.considered = None,
            SelectCommand::SelectNone => self.selection.clear(),
            SelectCommand::Select(subjects) => self.selection = subjects.into_iter().collect(),
            SelectCommand::SelectToggle(subject) => {
                if !self.selection.remove(&subject) {
                    self.selection.insert(subject);
                }
            }
            SelectCommand::Reveal(subject) => {
                self.selection = [subject.clone()].into();
                return vec![Effect::View(ViewMove::To(vec![subject]))];
            }
            SelectCommand::NextFinding => return self.walk_findings(1),
            SelectCommand::PreviousFinding => return self.walk_findings(-1),
            SelectCommand::SelectFinding(place) => return self.reveal_finding(place),
        }
        Vec::new()
    }

    fn apply_window(&mut self, command: WindowCommand) -> Vec<Effect> {
        match command {
            WindowCommand::TogglePalette => self.preferences.palette_open ^= true,
            WindowCommand::ToggleInspector => self.preferences.inspector_open ^= true,
            WindowCommand::ToggleBottom => *self.bottom_open_mut() ^= true,
            WindowCommand::WindowPlace(place) => self.preferences.window = Some(place),
            WindowCommand::ToggleTheme => {
                self.preferences.theme = if self.preferences.theme == Preference::Light { Preference::Dark } else { Preference::Light };
            }
            WindowCommand::PanelSizes(sizes) => self.preferences.panel_sizes = sizes,
            WindowCommand::ToggleGraph => {
                self.graph = if self.graph == Graph::Shown { Graph::Hidden } else { Graph::Shown };
                return Vec::new();
            }
            WindowCommand::ToggleReached => {
                let is_shown = self.preferences.inspector_open && self.inspector_page == InspectorPage::Reached;
                self.inspector_page = if is_shown { InspectorPage::Properties } else { InspectorPage::Reached };
                if std::mem::replace(&mut self.preferences.inspector_open, true) {
                    return Vec::new();
                }
            }
            WindowCommand::Show(tab) => {
                self.tab = tab;
                if std::mem::replace(self.bottom_open_mut(), true) {
                    return Vec::new();
                }
            }
            WindowCommand::CloseNotice(id) => {
                self.notices.close(id);
                return Vec::new();
            }
            WindowCommand::RemoveNotice(id) => {
                self.notices.remove(id);
                return Vec::new();
            }
            WindowCommand::ClearNotices => {
                self.notices.clear();
                return Vec::new();
            }
            WindowCommand::FullScreen => {
                self.full_screen ^= true;
                return Vec::new();
            }
        }
        vec![Effect::KeepPreferences(Box::new(self.preferences.clone()))]
    }

    fn apply_preference(&mut self, command: PreferenceCommand) -> Vec<Effect> {
        match command {
            PreferenceCommand::Theme(theme) => self.preferences.theme = theme,
            PreferenceCommand::Motion(motion) => self.preferences.motion = motion,
            PreferenceCommand::Scale(scale) => self.preferences.scale = scale,
            PreferenceCommand::Set(setting, text) => {
                self.preferences.settings.set(setting, &text);
                // What was found is true of other settings.
                self.tests.retain(|_, test| *test == ProviderTest::Running);
                return self.settings_changed();
            }
            PreferenceCommand::AddRemote(remote) => {
                if !self.preferences.remotes.contains(&remote) {
                    self.preferences.remotes.push(remote);
                }
                return self.settings_changed();
            }
            PreferenceCommand::RemoveRemote(remote) => {
                self.preferences.remotes.retain(|known| *known != remote);
                self.tests.remove(&remote.on().to_string());
                return self.settings_changed();
            }
            PreferenceCommand::Test(on) => {
                let known = self.tests.insert(on.to_string(), ProviderTest::Running);
                let is_new = known != Some(ProviderTest::Running);
                return is_new.then(|| Effect::Test(on, Box::new(self.settings()))).into_iter().collect();
            }
        }
        vec![Effect::KeepPreferences(Box::new(self.preferences.clone()))]
    }

    fn settings_changed(&self) -> Vec<Effect> {
        vec![Effect::KeepPreferences(Box::new(self.preferences.clone())), Effect::UseSettings(Box::new(self.settings()))]
    }

    fn apply_dialog(&mut self, command: DialogCommand) -> Vec<Effect> {
        let dialog = match command {
            DialogCommand::CommandPalette => Dialog::CommandPalette,
            DialogCommand::Manual => {
                let place = self.review.selected_place();
                Dialog::Manual(place.and_then(|place| self.review.findings().get(place)).map(|finding| finding.rule.to_owned()))
            }
            DialogCommand::Preferences => Dialog::Preferences,
            DialogCommand::Notices => Dialog::Notices,
            DialogCommand::Shortcuts => Dialog::Shortcuts,
            DialogCommand::About => Dialog::About,
            DialogCommand::Pins => Dialog::Pins,
            DialogCommand::AddView => Dialog::View(None),
            DialogCommand::Ask(dialog) => dialog,
            DialogCommand::CloseDialog => {
                self.dialog = None;
                self.pending = None;
                return Vec::new();
            }
        };
        self.ask(dialog)
    }

    pub(super) fn ask(&mut self, dialog: Dialog) -> Vec<Effect> {
        if dialog == Dialog::Notices {
            self.notices.mark_read();
        }
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

    fn apply_mode(&mut self, command: &ModeCommand) -> Vec<Effect> {
        let page = self.presentation.page();
        match command {
            ModeCommand::Design => return self.enter(Mode::Design),
            ModeCommand::Run => return self.enter(Mode::Run),
            ModeCommand::Present => return self.enter(Mode::Present),
            ModeCommand::EndPresentation => return self.end_presentation(),
            ModeCommand::NextView => self.presentation.go(&self.lab, page + 1),
            ModeCommand::PreviousView => self.presentation.go(&self.lab, page.saturating_sub(1)),
            ModeCommand::ShowView(page) => self.presentation.go(&self.lab, *page),
        }
        vec![Effect::View(self.presentation.camera(&self.lab))]
    }

    fn apply_view(&mut self, command: ViewCommand) -> Vec<Effect> {
        vec![Effect::View(match command {
            ViewCommand::ZoomFit => ViewMove::Fit,
            ViewCommand::ZoomSelection => ViewMove::To(self.selection.iter().cloned().collect()),
            ViewCommand::ZoomIn => ViewMove::In,
            ViewCommand::ZoomOut => ViewMove::Out,
            ViewCommand::ZoomActual => ViewMove::Actual,
            ViewCommand::Move(movement) => movement,
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
            subject => self.apply(Command::Select(SelectCommand::Reveal(subject))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{FileCommand, Preferences, Template, search};
    use crate::model::{Node, Role};

    #[test]
    fn the_lab_is_changed_and_undone_in_design_only() {
        let lab = Lab::new("A");
        let thumbnail = std::sync::Arc::new(crate::picture::Thumbnail::new(&lab));
        let template = Template { name: "A".into(), about: String::new(), thumbnail, lab };
        let mut state = State::new(Preferences::default(), vec![template]);
        state.apply(Command::File(FileCommand::OpenTemplate(0)));
        let add = |name: &str| Edit::Node { name: name.parse().unwrap(), at: None, to: Some(Box::new(Node::new(Role::App))) };
        state.apply(Command::edit("Add", vec![add("one")]));
        state.apply(Command::edit("Add", vec![add("two")]));
        state.apply(Command::Edit(EditCommand::Undo));
        state.apply(Command::Select(SelectCommand::Select(vec![Subject::Node("one".parse().unwrap())])));
        let before = state.lab().clone();
        for mode in [ModeCommand::Run, ModeCommand::Present] {
            state.apply(Command::Mode(mode));
            for command in [
                EditCommand::Undo,
                EditCommand::Redo,
                EditCommand::Delete,
                EditCommand::Duplicate,
                EditCommand::Rename,
                EditCommand::FixFinding,
                EditCommand::Act(ops::remove(&before, &[Subject::Node("one".parse().unwrap())])),
                EditCommand::Make { label: "Add".into(), edits: vec![add("three")], merge: Merge::Never },
            ] {
                assert_eq!(state.apply(Command::Edit(command.clone())), [], "{command:?}");
                assert_eq!(*state.lab(), before, "{command:?}");
            }
            assert!(state.notice().is_some_and(|notice| notice.text.contains("Ctrl 1")), "{:?}", state.notice());
            let offered: Vec<&str> = search(&state, "").iter().map(|entry| entry.title).collect();
            for title in ["Undo", "Redo", "Delete", "Duplicate", "Rename", "Fix the selected finding", "Versions of packages…"] {
                assert!(!offered.contains(&title), "{title}");
            }
        }
        state.apply(Command::Mode(ModeCommand::Design));
        state.apply(Command::Edit(EditCommand::Redo));
        assert_eq!(state.lab().nodes.len(), before.nodes.len() + 1);
    }
}
