//! The journal: what was begun and what was ended, on the disk before it is done.
//!
//! One JSON object a line. A line that was cut off by a crash is the last one, and counts as never written.

use crate::{
    host::state::{AppendFile, Locked, StateError},
    model::Observed,
    plan::{Action, StepId, step_id},
};
use serde::{Deserialize, Serialize};

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
}

/// Where lines are kept.
pub trait Log: Send {
    /// Adds a line, and returns once it cannot be lost.
    ///
    /// # Errors
    /// Where the disk refuses.
    fn line(&mut self, text: &str) -> Result<(), StateError>;
}

impl Log for AppendFile {
    fn line(&mut self, text: &str) -> Result<(), StateError> {
        Self::line(self, text)
    }
}

/// The journal of one lab's runs.
pub struct Journal {
    log: Box<dyn Log>,
    records: Vec<Record>,
}

impl Journal {
    /// The journal in a lab's folder, as it was left.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn open(folder: &Locked) -> Result<Self, JournalError> {
        let bytes = folder.folder().read(JOURNAL_FILE)?.unwrap_or_default();
        let records = Self::read(&String::from_utf8_lossy(&bytes));
        // What a crash cut off must not swallow the next line: the file is written anew without it.
        let lines = records.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        if text.as_bytes() != bytes {
            folder.write(JOURNAL_FILE, text.as_bytes())?;
        }
        Ok(Self { log: Box::new(folder.append(JOURNAL_FILE)?), records })
    }

    /// A journal that is kept elsewhere, as it was left.
    pub fn new(log: Box<dyn Log>, records: Vec<Record>) -> Self {
        Self { log, records }
    }

    /// The records of a journal's text, up to the first line that is none.
    pub fn read(text: &str) -> Vec<Record> {
        text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Where the disk refuses; then what the record says must not be done.
    pub fn write(&mut self, record: Record) -> Result<(), JournalError> {
        self.log.line(&serde_json::to_string(&record)?)?;
        self.records.push(record);
        Ok(())
    }

    /// What was begun and neither ended nor done again since: nobody knows how far it got.
    pub fn unfinished(&self) -> Vec<Action> {
        Self::unfinished_of(&self.records)
    }

    /// The same of records that somebody has read ([`Journal::read`]) who only looks.
    pub fn unfinished_of(records: &[Record]) -> Vec<Action> {
        let mut open: Vec<(StepId, Action)> = Vec::new();
        for record in records {
            match record {
                Record::Run { doubted, .. } => open = doubted.iter().map(|action| (step_id(action), action.clone())).collect(),
                Record::Begin { step, action } => {
                    open.retain(|(other, _)| other != step);
                    open.push((step.clone(), (**action).clone()));
                }
                Record::End { step } => open.retain(|(other, _)| other != step),
                Record::Settled => open.clear(),
                Record::Fail { .. } | Record::Over => {}
            }
        }
        open.into_iter().map(|(_, action)| action).collect()
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
        let mut begun: Vec<(StepId, Action)> = Vec::new();
        for record in self.records.iter().skip(start) {
            if let Record::Begin { step, action } = record
                && !begun.iter().any(|(other, _)| other == step)
            {
                begun.push((step.clone(), (**action).clone()));
            }
        }
        begun.into_iter().map(|(_, action)| action).collect()
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
        locked.append(JOURNAL_FILE).unwrap().line("{\"begin\":{\"st").unwrap();
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
}
