//! Undo and redo: one step a gesture, kept as the edits that take it back.
//!
//! It never copies a lab: [`Lab::apply`] says how to undo what it did.

use crate::layout;
use crate::model::{Edit, EditError, Lab, Subject, Touched};

/// Steps that are kept; the oldest go first.
pub const STEPS_MAX: usize = 500;

/// Whether a step joins the one before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Merge {
    /// A step of its own.
    #[default]
    Never,
    /// One step with what was typed into the same field just before.
    Typing(Subject, String),
    /// One step with what the same drag did before; drags are numbered.
    Gesture(u64),
}

/// Why a step is not made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StepError {
    /// The lab refuses it.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The lab could be saved and not be opened again.
    #[error("{path}: {why}")]
    Value {
        /// Where the value stands.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
struct Step {
    /// What people read behind "Undo".
    label: String,
    /// What takes it back, or does it again.
    edits: Vec<Edit>,
    merge: Merge,
    /// The state of the lab after this step.
    id: u64,
}

/// The steps that can be undone and redone.
#[derive(Debug, Clone, Default)]
pub struct History {
    done: Vec<Step>,
    undone: Vec<Step>,
    next_id: u64,
    /// The state at the bottom of `done`.
    base_id: u64,
    saved_id: u64,
    closed: bool,
}

impl History {
    /// Makes a step on the lab and remembers how to undo it. A step of nothing is none.
    ///
    /// # Errors
    /// Where the lab refuses the edits, or no file could hold what they make of it; then nothing has changed.
    pub fn make(&mut self, lab: &mut Lab, label: &str, edits: &[Edit], merge: Merge) -> Result<Touched, StepError> {
        if edits.is_empty() {
            return Ok(Touched::default());
        }
        let applied = lab.apply(edits)?;
        if applied.touched.meaning()
            && let Some((path, why)) = layout::wrong_values(lab).into_iter().next()
        {
            lab.apply(&applied.inverse)?;
            return Err(StepError::Value { path: path.to_string(), why });
        }
        self.undone.clear();
        self.next_id += 1;
        let joins =
            !self.closed && merge != Merge::Never && self.done.last().is_some_and(|last| last.merge == merge && last.id != self.saved_id);
        self.closed = false;
        match self.done.last_mut() {
            Some(last) if joins => {
                let mut edits = applied.inverse;
                edits.append(&mut last.edits);
                last.edits = edits;
                last.id = self.next_id;
            }
            _ => {
                self.done.push(Step { label: label.to_owned(), edits: applied.inverse, merge, id: self.next_id });
                if self.done.len() > STEPS_MAX {
                    self.base_id = self.done.remove(0).id;
                }
            }
        }
        Ok(applied.touched)
    }

    /// Ends the typing or drag: what follows is a step of its own.
    pub fn close_step(&mut self) {
        self.closed = true;
    }

    /// Takes the last step back and gives the edits that did it; `None` where there is none.
    ///
    /// # Errors
    /// Never for steps that this history made; the lab's own refusal otherwise.
    pub fn undo(&mut self, lab: &mut Lab) -> Result<Option<(Vec<Edit>, Touched)>, EditError> {
        let Some(mut step) = self.done.pop() else { return Ok(None) };
        let applied = lab.apply(&step.edits)?;
        let made = std::mem::replace(&mut step.edits, applied.inverse);
        self.undone.push(step);
        self.closed = true;
        Ok(Some((made, applied.touched)))
    }

    /// Does the last undone step again; `None` where there is none.
    ///
    /// # Errors
    /// As [`History::undo`].
    pub fn redo(&mut self, lab: &mut Lab) -> Result<Option<(Vec<Edit>, Touched)>, EditError> {
        let Some(mut step) = self.undone.pop() else { return Ok(None) };
        let applied = lab.apply(&step.edits)?;
        let made = std::mem::replace(&mut step.edits, applied.inverse);
        self.done.push(step);
        self.closed = true;
        Ok(Some((made, applied.touched)))
    }

    /// What undo would take back.
    pub fn undo_label(&self) -> Option<&str> {
        self.done.last().map(|step| step.label.as_str())
    }

    /// What redo would do again.
    pub fn redo_label(&self) -> Option<&str> {
        self.undone.last().map(|step| step.label.as_str())
    }

    /// A number that is the same for the same state of the lab.
    pub fn state_id(&self) -> u64 {
        self.done.last().map_or(self.base_id, |step| step.id)
    }

    /// The lab as it was at this number is what the file holds.
    pub fn mark_saved(&mut self, state_id: u64) {
        self.saved_id = state_id;
    }

    /// The file holds something else than every state there is: a recovered lab, or one changed on disk.
    pub fn mark_unsaved(&mut self) {
        self.saved_id = u64::MAX;
    }

    /// Whether the lab differs from what was last saved.
    pub fn is_unsaved(&self) -> bool {
        self.state_id() != self.saved_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Subject;

    fn type_name(history: &mut History, lab: &mut Lab, name: &str) {
        history.make(lab, "Rename the lab", &[Edit::LabName(name.into())], Merge::Typing(Subject::Lab, "name".into())).unwrap();
    }

    #[test]
    fn typing_is_one_step_and_comes_back_whole() {
        let (mut history, mut lab) = (History::default(), Lab::new("old"));
        for text in ["n", "ne", "new"] {
            type_name(&mut history, &mut lab, text);
        }
        history.undo(&mut lab).unwrap();
        assert_eq!(lab.name, "old");
        assert!(history.undo(&mut lab).unwrap().is_none());
        history.redo(&mut lab).unwrap();
        assert_eq!(lab.name, "new");
    }

    #[test]
    fn a_closed_step_is_not_joined() {
        let (mut history, mut lab) = (History::default(), Lab::new("old"));
        type_name(&mut history, &mut lab, "a");
        history.close_step();
        type_name(&mut history, &mut lab, "b");
        history.undo(&mut lab).unwrap();
        assert_eq!(lab.name, "a");
    }

    #[test]
    fn unsaved_follows_undo_and_redo() {
        let (mut history, mut lab) = (History::default(), Lab::new("old"));
        assert!(!history.is_unsaved());
        type_name(&mut history, &mut lab, "a");
        assert!(history.is_unsaved());
        history.mark_saved(history.state_id());
        type_name(&mut history, &mut lab, "b");
        assert!(history.is_unsaved(), "a step after saving does not join the saved one");
        history.undo(&mut lab).unwrap();
        assert!(!history.is_unsaved());
        history.undo(&mut lab).unwrap();
        assert!(history.is_unsaved());
    }

    #[test]
    fn a_refused_step_leaves_no_trace() {
        let (mut history, mut lab) = (History::default(), Lab::new("old"));
        let wrong = [Edit::LabName("x".into()), Edit::Node { name: "ghost".parse().unwrap(), at: None, to: None }];
        assert!(history.make(&mut lab, "Remove", &wrong, Merge::Never).is_err());
        assert_eq!((lab.name.as_str(), history.undo_label()), ("old", None));
    }

    #[test]
    fn what_no_file_can_hold_is_refused() {
        let (mut history, mut lab) = (History::default(), Lab::new("x"));
        let with_memory = |memory| {
            let node = crate::model::Node { memory, ..crate::model::Node::new(crate::model::Role::Database) };
            [Edit::Node { name: "db1".parse().unwrap(), at: None, to: Some(Box::new(node)) }]
        };
        let refused = history.make(&mut lab, "Memory", &with_memory(0), Merge::Never).unwrap_err();
        assert!(refused.to_string().contains("memory is in MiB and at least 1"), "{refused}");
        assert_eq!((&lab, history.undo_label()), (&Lab::new("x"), None));
        assert!(history.make(&mut lab, "Memory", &with_memory(1), Merge::Never).is_ok());
    }
}
