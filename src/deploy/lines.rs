//! The journal's records as lines of a file, and back.
//!
//! A list of host names has a line of its own before the first record whose machines have it; that record and later ones name it by its
//! number in the file. Records of earlier versions hold their lists themselves and are read as well.

use super::journal::Record;
use crate::model::{HostLists, Hosts, MachineSpec};
use serde::{Deserialize, Serialize};

/// A line that is more than a record.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<L, R> {
    /// A list of host names; the first of a file has the number 1.
    Hosts(L),
    /// A record, and the numbers of its machines' lists in the order of [`machines_of`].
    With { hosts: Vec<u32>, record: R },
}

/// Writes records as lines, one file from its beginning.
#[derive(Default)]
pub(super) struct LineWriter {
    lists: HostLists,
}

impl LineWriter {
    /// Adds a record's lines, each with its line feed. The record is as before when it is written.
    pub(super) fn write(&mut self, record: &mut Record, text: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let known = self.lists.lists().len();
        let hosts = self.lists.take(machines_of(record));
        let written = self.append(known, &hosts, record, text);
        self.lists.put(machines_of(record), &hosts);
        written
    }

    fn append(&self, known: usize, hosts: &[u32], record: &Record, text: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        for list in self.lists.lists().iter().skip(known) {
            serde_json::to_writer(&mut *text, &Line::<&Hosts, &Record>::Hosts(list))?;
            text.push(b'\n');
        }
        if hosts.is_empty() {
            serde_json::to_writer(&mut *text, record)?;
        } else {
            serde_json::to_writer(&mut *text, &Line::<&Hosts, &Record>::With { hosts: hosts.to_vec(), record })?;
        }
        text.push(b'\n');
        Ok(())
    }
}

/// A journal's text, as far as it can be read.
#[derive(Default)]
pub(super) struct ReadLines {
    /// Its records; the machines of one that names a list which cannot be read are without.
    pub(super) records: Vec<Record>,
    /// Writes on where the text ends.
    pub(super) writer: LineWriter,
    /// Whether another line is no record than a last one without its end: that one a crash cut off.
    pub(super) is_damaged: bool,
}

/// Reads a journal's text.
pub(super) fn read_lines(bytes: &[u8]) -> ReadLines {
    let mut read = ReadLines::default();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        // A record's own word is none of a line's, so trying the other first costs its first bytes only.
        match serde_json::from_slice::<Line<Hosts, Record>>(line) {
            Ok(Line::Hosts(list)) => read.writer.lists.push(list),
            Ok(Line::With { hosts, mut record }) => {
                read.is_damaged |= !read.writer.lists.put(machines_of(&mut record), &hosts);
                read.records.push(record);
            }
            Err(_) => match serde_json::from_slice(line) {
                Ok(record) => read.records.push(record),
                Err(_) => read.is_damaged |= line.ends_with(b"\n"),
            },
        }
    }
    read
}

/// The machines that a record specifies, in a fixed order.
fn machines_of(record: &mut Record) -> Box<dyn Iterator<Item = &mut MachineSpec> + '_> {
    match record {
        Record::Run { before, doubted } => {
            Box::new(before.machines_mut().chain(doubted.iter_mut().filter_map(|action| action.machine_mut())))
        }
        Record::Begin { action, .. } => Box::new(action.machine_mut().into_iter()),
        Record::Damaged { doubted, .. } => Box::new(doubted.iter_mut().filter_map(|action| action.machine_mut())),
        Record::End { .. } | Record::Fail { .. } | Record::Settled | Record::Over => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, fixture::mini_cloud, step_id};

    fn begin(node: &str, hosts: &[&str]) -> Record {
        let hosts = hosts.iter().map(|name| (std::net::Ipv4Addr::LOCALHOST, std::sync::Arc::from(*name)));
        let spec = MachineSpec { hosts: hosts.collect(), ..crate::testing::machine(node, Vec::new()) };
        let action = Action::CreateMachine { node: node.parse().unwrap(), spec };
        Record::Begin { step: step_id(&action), action: Box::new(action) }
    }

    fn written(records: &[Record]) -> Vec<u8> {
        let (mut writer, mut text) = (LineWriter::default(), Vec::new());
        for record in records {
            let mut copy = record.clone();
            writer.write(&mut copy, &mut text).unwrap();
            assert_eq!(copy, *record, "writing leaves a record as it is");
        }
        text
    }

    fn whole(text: &[u8]) -> Vec<Record> {
        let read = read_lines(text);
        assert!(!read.is_damaged, "{} bytes", text.len());
        read.records
    }

    #[test]
    fn what_is_added_to_a_text_that_was_read_uses_its_lists() {
        let mut text = written(&[begin("a", &["one"])]);
        let mut read = read_lines(&text);
        for mut record in [begin("b", &["one"]), begin("c", &["two"])] {
            read.writer.write(&mut record, &mut text).unwrap();
        }
        assert_eq!(whole(&text), [begin("a", &["one"]), begin("b", &["one"]), begin("c", &["two"])]);
        assert_eq!(text, written(&whole(&text)));
    }

    #[test]
    fn a_list_is_written_once_and_every_record_comes_back() {
        let spec = crate::plan::desired(&mini_cloud(), crate::catalog::Catalog::embedded(), &crate::plan::fixture::id());
        let mut before = crate::model::Observed::default();
        for (name, spec) in spec.machines {
            before.nodes.insert(name, crate::model::ObservedNode { spec: Some(spec), ..Default::default() });
        }
        let Record::Begin { action: doubted, .. } = begin("c", &["only-here"]) else { unreachable!() };
        let records = [
            Record::Run { before: Box::new(before), doubted: vec![*doubted] },
            begin("a", &["one", "two"]),
            begin("b", &["one", "two"]),
            begin("lonely", &[]),
            Record::Over,
        ];
        let text = written(&records);
        assert_eq!(whole(&text), records);
        for once in ["one", "only-here"] {
            assert_eq!(String::from_utf8_lossy(&text).matches(&format!("\"{once}\"")).count(), 1, "{once}");
        }
    }

    #[test]
    fn wherever_a_crash_cuts_the_lines_off_the_rest_can_be_read() {
        let records = [begin("a", &["one"]), begin("b", &["one", "two"]), begin("c", &["one"])];
        let text = written(&records);
        for length in 0..text.len() {
            let read = whole(&text[..length]);
            assert_eq!(read, records[..read.len()]);
        }
    }

    #[test]
    fn without_its_list_a_record_is_damaged_and_still_tells_what_was_begun() {
        let text = written(&[begin("a", &["one"]), begin("b", &["one"])]);
        let second = text.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let read = read_lines(&text[second..]);
        assert!(read.is_damaged);
        assert_eq!(read.records, [begin("a", &[]), begin("b", &[])]);
    }

    #[test]
    fn a_journal_of_the_earlier_form_is_read() {
        let earlier = include_bytes!("../../tests/earlier/journal-1.jsonl");
        let records = whole(earlier);
        let lists = records.iter().filter_map(|record| match record {
            Record::Begin { action, .. } => (**action).clone().machine_mut().map(|machine| machine.hosts.len()),
            _ => None,
        });
        let lists: Vec<usize> = lists.collect();
        assert!(lists.len() >= 6 && lists.iter().all(|length| *length == 3), "{lists:?}");
        let text = written(&records);
        assert!(text.len() < earlier.len());
        assert_eq!(whole(&text), records);
    }
}
