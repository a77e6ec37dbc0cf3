//! The journal: what was begun and what was ended, on the disk before it is done.
//!
//! One JSON object a line ([`super::lines`]). A crash can cut off the last line, which then counts as never written. A journal that is
//! damaged in any other way is set aside whole and reported; what can still be read of it stays in doubt.

use super::{
    deployed::DEPLOYED_FILE,
    lines::{LineWriter, read_lines},
};
use crate::host::state::LabFolder;
use crate::{
    host::state::{AppendFile, Locked, StateError},
    model::Observed,
    plan::{Action, StepId, step_id},
};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// The journal's file in a lab's state folder.
pub const JOURNAL_FILE: &str = "journal.jsonl";

/// Why the journal cannot be kept. No step is begun that is not in it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk refuses.
    #[error("the journal cannot be kept: {0}")]
    State(#[from] StateError),
    /// A record cannot be written as JSON.
    #[error("the journal cannot be kept: {0}")]
    Json(#[from] serde_json::Error),
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A run begins.
    Run {
        /// What was there before it.
        before: Box<Observed>,
        /// What an earlier run began and never ended, and nobody has done since.
        doubted: Vec<Action>,
    },
    /// An action is about to be begun.
    Begin {
        /// Its step.
        step: StepId,
        /// What it does.
        action: Box<Action>,
    },
    /// It is done.
    End {
        /// Its step.
        step: StepId,
    },
    /// It failed; what it did is not known.
    Fail {
        /// Its step.
        step: StepId,
        /// Why.
        why: String,
    },
    /// The plan, which was made with all that was in doubt, is done or undone whole: nothing is in doubt any more.
    Settled,
    /// The run is over, and nothing of it is under way.
    Over,
    /// What came before this could not be read.
    Damaged {
        /// The file that it was set aside as.
        kept: PathBuf,
        /// What can still be read says that this was begun and never ended.
        doubted: Vec<Action>,
    },
}

/// Where lines are kept.
pub trait Log: Send {
    /// Adds lines, each with its line feed, and returns once they cannot be lost.
    ///
    /// # Errors
    /// Where the disk refuses.
    fn lines(&mut self, text: &[u8]) -> Result<(), StateError>;
}

impl Log for AppendFile {
    fn lines(&mut self, text: &[u8]) -> Result<(), StateError> {
        Self::lines(self, text)
    }
}

/// The journal of one lab's runs.
pub struct Journal {
    log: Box<dyn Log>,
    lines: LineWriter,
    records: Vec<Record>,
    is_lost: bool,
}

impl Journal {
    /// The journal in a lab's folder, as it was left. One that is damaged is set aside, and [`Journal::damaged`] says where.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn open(folder: &Locked) -> Result<Self, JournalError> {
        let name = JOURNAL_FILE;
        let is_lost = folder.folder().has(DEPLOYED_FILE) && !folder.folder().has(name);
        let (bytes, read) = match folder.folder().read(name) {
            Ok(bytes) => {
                let bytes = bytes.unwrap_or_default();
                let read = Self::read(&bytes);
                (bytes, read)
            }
            // Something else is in its place.
            Err(StateError::Io { .. }) if folder.folder().has(name) => (Vec::new(), Err(Vec::new())),
            Err(error) => return Err(error.into()),
        };
        let records = match read {
            Ok(records) => records,
            Err(legible) => {
                let kept = folder.set_aside(name)?;
                vec![Record::Damaged { kept, doubted: Self::unfinished_of(&legible) }]
            }
        };
        // Only the last run counts, so that a lab that is deployed again and again has no journal that grows for ever. A line that
        // was cut off must not swallow the next one. The file is rewritten without either.
        let mut records = Self::last_run(records);
        let mut lines = LineWriter::default();
        let mut text = Vec::new();
        for record in &mut records {
            lines.write(record, &mut text)?;
        }
        if text != bytes {
            folder.write(name, &text)?;
        }
        Ok(Self { log: Box::new(folder.append(name)?), lines, records, is_lost })
    }

    /// The records of the last run, or of what was found damaged since.
    fn last_run(mut records: Vec<Record>) -> Vec<Record> {
        let first = records.iter().rposition(|record| matches!(record, Record::Run { .. } | Record::Damaged { .. }));
        records.drain(..first.unwrap_or_default());
        records
    }

    /// Whether the last run is complete, or was undone completely: it left nothing half done.
    pub fn is_settled(&self) -> bool {
        let since = self.records.iter().rev().take_while(|record| !matches!(record, Record::Run { .. } | Record::Damaged { .. }));
        since.into_iter().any(|record| *record == Record::Settled)
    }

    /// A journal that is kept elsewhere, with the text that it has.
    pub fn new(log: Box<dyn Log>, text: &[u8]) -> Self {
        let read = read_lines(text);
        Self { log, lines: read.writer, records: read.records, is_lost: false }
    }

    /// The records of a journal's text. Only a last line without its end may be no record: a crash cut it off.
    ///
    /// # Errors
    /// Where another line is none; the error holds the records that can be read.
    pub fn read(bytes: &[u8]) -> Result<Vec<Record>, Vec<Record>> {
        let read = read_lines(bytes);
        if read.is_damaged { Err(read.records) } else { Ok(read.records) }
    }

    /// What the journal of a folder leaves in doubt, for a look that changes nothing.
    ///
    /// # Errors
    /// Where the journal cannot be read at all.
    pub fn doubted(folder: &LabFolder) -> Result<Vec<Action>, JournalError> {
        let bytes = folder.read(JOURNAL_FILE)?.unwrap_or_default();
        let records = Self::read(&bytes).unwrap_or_else(|legible| legible);
        Ok(Self::unfinished_of(&records))
    }

    /// Whether the last run made something, or found something that was there before. A journal that is missing or cannot be read
    /// does not say that nothing was made.
    pub(super) fn made_something(folder: &LabFolder) -> bool {
        let Ok(Some(bytes)) = folder.read(JOURNAL_FILE) else { return true };
        let Ok(records) = Self::read(&bytes) else { return true };
        Self::last_run(records).iter().any(|record| match record {
            Record::End { .. } | Record::Damaged { .. } => true,
            Record::Run { before, .. } => !before.is_empty(),
            Record::Begin { .. } | Record::Fail { .. } | Record::Settled | Record::Over => false,
        })
    }

    /// Whether the journal of a deployed lab was missing when it was opened: what the last run began and did not end is not known.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Where the journal was set aside, if it was damaged and nothing was run since.
    pub fn damaged(&self) -> Option<&std::path::Path> {
        let last = self.records.iter().rev().find(|record| matches!(record, Record::Run { .. } | Record::Damaged { .. }));
        match last {
            Some(Record::Damaged { kept, .. }) => Some(kept),
            _ => None,
        }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Where the disk refuses; then what the record says must not be done.
    pub fn write(&mut self, record: Record) -> Result<(), JournalError> {
        self.write_all([record])
    }

    /// Adds records, with one wait for the disk for all of them.
    ///
    /// # Errors
    /// As [`Journal::write`]; then none of what they say must be done.
    pub fn write_all(&mut self, records: impl IntoIterator<Item = Record>) -> Result<(), JournalError> {
        let mut records: Vec<Record> = records.into_iter().collect();
        if records.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for record in &mut records {
            self.lines.write(record, &mut text)?;
        }
        self.log.lines(&text)?;
        self.records.extend(records);
        Ok(())
    }

    /// What was begun and neither ended nor done again since: nobody knows how far it got.
    pub fn unfinished(&self) -> Vec<Action> {
        Self::unfinished_of(&self.records)
    }

    fn unfinished_of(records: &[Record]) -> Vec<Action> {
        let mut open = Open::default();
        for record in records {
            match record {
                Record::Run { doubted, .. } | Record::Damaged { doubted, .. } => {
                    open = Open::default();
                    doubted.iter().for_each(|action| open.begin(step_id(action), action));
                }
                Record::Begin { step, action } => open.begin(step.clone(), action),
                Record::End { step } => open.end(step),
                Record::Settled => open = Open::default(),
                Record::Fail { .. } | Record::Over => {}
            }
        }
        open.actions.into_values().cloned().collect()
    }

    /// Whether the last run was cut off: neither done, nor stopped, nor undone.
    pub fn is_cut_off(&self) -> bool {
        self.records.last().is_some_and(|record| *record != Record::Over)
    }

    /// What was there before the last run.
    pub fn before(&self) -> Option<&Observed> {
        self.records.iter().rev().find_map(|record| match record {
            Record::Run { before, .. } => Some(&**before),
            _ => None,
        })
    }

    /// What the last run began, in order, each once.
    pub fn begun(&self) -> Vec<Action> {
        let start = self.records.iter().rposition(|record| matches!(record, Record::Run { .. })).unwrap_or(0);
        let mut known = FxHashSet::default();
        let begun = self.records.iter().skip(start).filter_map(|record| match record {
            Record::Begin { step, action } if known.insert(step) => Some((**action).clone()),
            _ => None,
        });
        begun.collect()
    }
}

/// What was begun and not ended, in the order in which it was last begun. A run of a large lab has tens of thousands of steps.
#[derive(Default)]
struct Open<'a> {
    actions: BTreeMap<usize, &'a Action>,
    places: FxHashMap<StepId, usize>,
    begun: usize,
}

impl<'a> Open<'a> {
    fn begin(&mut self, step: StepId, action: &'a Action) {
        self.end(&step);
        self.actions.insert(self.begun, action);
        self.places.insert(step, self.begun);
        self.begun += 1;
    }

    fn end(&mut self, step: &StepId) {
        if let Some(place) = self.places.remove(step) {
            self.actions.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::state::{StateFolder, Wait};

    fn on(node: &str) -> Action {
        Action::PowerOn { node: node.parse().unwrap() }
    }

    fn begin(node: &str) -> Record {
        Record::Begin { step: step_id(&on(node)), action: Box::new(on(node)) }
    }

    #[test]
    fn a_crash_leaves_what_was_begun_and_a_cut_line_does_no_harm() {
        let root = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(root.path()).lab("lab");
        let locked = folder.lock(Wait::No).unwrap();
        let mut journal = Journal::open(&locked).unwrap();
        assert!(!journal.is_cut_off());
        journal.write(Record::Run { before: Box::default(), doubted: vec![on("c")] }).unwrap();
        for record in [begin("a"), begin("b"), Record::End { step: step_id(&on("a")) }] {
            journal.write(record).unwrap();
        }
        let mut bytes = folder.read(JOURNAL_FILE).unwrap().unwrap();
        bytes.extend(b"{\"begin\":{\"st");
        locked.write(JOURNAL_FILE, &bytes).unwrap();
        let mut again = Journal::open(&locked).unwrap();
        assert!(again.is_cut_off());
        assert_eq!(again.unfinished(), [on("c"), on("b")]);
        assert_eq!(again.begun(), [on("a"), on("b")]);
        again.write(Record::Over).unwrap();
        let last = Journal::open(&locked).unwrap();
        assert!(!last.is_cut_off(), "what was written after the cut line is read");
        assert_eq!(last.unfinished(), [on("c"), on("b")]);
        again.write(Record::Settled).unwrap();
        assert_eq!(again.unfinished(), []);
    }

    #[test]
    fn a_damaged_journal_is_set_aside_and_what_can_be_read_stays_in_doubt() {
        let root = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(root.path()).lab("lab");
        let locked = folder.lock(Wait::No).unwrap();
        let mut journal = Journal::open(&locked).unwrap();
        assert_eq!(journal.damaged(), None);
        journal.write(Record::Run { before: Box::default(), doubted: Vec::new() }).unwrap();
        for record in [begin("a"), begin("b"), Record::End { step: step_id(&on("a")) }, Record::Over] {
            journal.write(record).unwrap();
        }
        drop(journal);
        let whole = folder.read(JOURNAL_FILE).unwrap().unwrap();
        for at in 0..whole.len() - 1 {
            let mut bytes = whole.clone();
            bytes[at] = b'\0';
            locked.write(JOURNAL_FILE, &bytes).unwrap();
            let mut journal = Journal::open(&locked).unwrap();
            let kept = journal.damaged().expect("a byte that is no JSON anywhere").to_owned();
            assert_eq!(std::fs::read(&kept).unwrap(), bytes);
            assert_eq!(journal.before(), None, "nothing is undone by half a journal");
            if at == 0 {
                assert_eq!(journal.unfinished(), [on("b")], "the lines after the first can be read");
            }
            assert_eq!(Journal::open(&locked).unwrap().damaged(), Some(kept.as_path()), "it is said until something is run again");
            journal.write(Record::Run { before: Box::default(), doubted: journal.unfinished() }).unwrap();
            assert_eq!(journal.damaged(), None);
            std::fs::remove_file(kept).unwrap();
        }
    }

    #[test]
    fn a_journal_that_is_missing_beside_a_record_is_lost() {
        let root = tempfile::tempdir().unwrap();
        let locked = StateFolder::at(root.path()).lab("lab").lock(Wait::No).unwrap();
        assert!(!Journal::open(&locked).unwrap().is_lost(), "nothing is deployed");
        locked.write(DEPLOYED_FILE, b"{}").unwrap();
        assert!(!Journal::open(&locked).unwrap().is_lost());
        locked.remove_file(JOURNAL_FILE).unwrap();
        assert!(Journal::open(&locked).unwrap().is_lost());
    }

    #[test]
    fn something_else_in_its_place_is_set_aside() {
        let root = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(root.path()).lab("lab");
        let locked = folder.lock(Wait::No).unwrap();
        std::fs::create_dir(folder.path().join(JOURNAL_FILE)).unwrap();
        assert!(Journal::doubted(&folder).unwrap_err().to_string().contains("it is a folder"));
        assert!(Journal::open(&locked).unwrap().damaged().is_some_and(std::path::Path::is_dir));
    }
}
