//! What the window tells its user: shown until it is read, and kept in a list until it is cleared.

use super::Command;
use crate::look::Tone;
use std::collections::VecDeque;

/// Notices that wait to be shown.
const WAITING_MAX: usize = 12;
/// Notices that the list keeps; the oldest go first.
const LISTED_MAX: usize = 100;

/// Something to be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Its number: every notice has another one.
    pub id: u64,
    /// How good it is.
    pub tone: Tone,
    /// What it says.
    pub text: String,
    /// When it was told, in milliseconds since the window opened.
    pub at_ms: u64,
    /// What can be done about it.
    pub action: Option<NoticeAction>,
}

/// What can be done about a notice.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticeAction {
    /// The word on its button.
    pub label: &'static str,
    /// What the button does, as its tooltip.
    pub about: &'static str,
    /// The command.
    pub command: Command,
}

/// All notices.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    waiting: VecDeque<Notice>,
    listed: VecDeque<Notice>,
    told: u64,
    /// The last notice that was told when the list was read.
    read: u64,
    now_ms: u64,
}

impl Notices {
    /// The clock goes on, in milliseconds since the window opened.
    pub fn set_clock(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }

    /// Tells something. What was told last is not told twice; its time is that of the last.
    pub(super) fn tell(&mut self, tone: Tone, text: String, action: Option<NoticeAction>) {
        let known = self.listed.back().filter(|last| last.text == text).map(|last| last.id);
        if known.is_some_and(|id| self.waiting.iter().any(|notice| notice.id == id)) {
            self.listed.back_mut().into_iter().for_each(|last| last.at_ms = self.now_ms);
            return;
        }
        if known.is_some() {
            self.listed.pop_back();
        }
        self.told += 1;
        let notice = Notice { id: self.told, tone, text, at_ms: self.now_ms, action };
        self.listed.push_back(notice.clone());
        if self.listed.len() > LISTED_MAX {
            self.listed.pop_front();
        }
        self.waiting.push_back(notice);
        if self.waiting.len() > WAITING_MAX {
            let least = self.waiting.iter().position(|notice| notice.tone == Tone::Good).unwrap_or(0);
            self.waiting.remove(least);
        }
    }

    /// What waits to be read once, the latest last.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = &Notice> {
        self.waiting.iter()
    }

    /// The list, the latest first.
    pub fn listed(&self) -> impl ExactSizeIterator<Item = &Notice> {
        self.listed.iter().rev()
    }

    /// Errors that were told since the list was read.
    pub fn unread_errors(&self) -> usize {
        self.listed.iter().filter(|notice| notice.id > self.read && notice.tone == Tone::Bad).count()
    }

    /// How long ago a notice was told, in words.
    pub fn age(&self, notice: &Notice) -> String {
        let secs = self.now_ms.saturating_sub(notice.at_ms) / 1000;
        match (secs / 3600, secs / 60) {
            (0, 0) => "now".to_owned(),
            (0, minutes) => format!("{minutes} min ago"),
            (hours, _) => format!("{hours} h ago"),
        }
    }

    /// The list is read, and nothing of it has to be shown any more.
    pub(super) fn mark_read(&mut self) {
        self.read = self.told;
        self.waiting.clear();
    }

    /// A notice was read where it was shown; it stays in the list.
    pub(super) fn close(&mut self, id: u64) {
        self.waiting.retain(|notice| notice.id != id);
    }

    /// Takes a notice from the list.
    pub(super) fn remove(&mut self, id: u64) {
        self.close(id);
        self.listed.retain(|notice| notice.id != id);
    }

    /// Empties the list.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.listed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_keeps_what_was_closed_is_bounded_and_counts_unread_errors() {
        let mut notices = Notices::default();
        notices.tell(Tone::Bad, "first".into(), None);
        notices.set_clock(61_000);
        notices.tell(Tone::Bad, "first".into(), None);
        assert_eq!((notices.listed().len(), notices.waiting().len(), notices.unread_errors()), (1, 1, 1), "told once");
        notices.set_clock(3_700_000);
        assert_eq!(notices.listed().map(|notice| notices.age(notice)).collect::<Vec<_>>(), ["1 h ago"]);
        notices.close(1);
        assert_eq!((notices.listed().len(), notices.waiting().len()), (1, 0));
        notices.tell(Tone::Bad, "first".into(), None);
        assert_eq!((notices.listed().len(), notices.waiting().len()), (1, 1), "it is shown again, and listed once");
        notices.mark_read();
        assert_eq!((notices.unread_errors(), notices.waiting().len()), (0, 0));
        for n in 0..LISTED_MAX + 20 {
            notices.tell(Tone::Warn, format!("warning {n}"), None);
        }
        assert_eq!((notices.listed().len(), notices.unread_errors()), (LISTED_MAX, 0), "warnings are no errors");
        let last = notices.listed().next().map(|notice| notice.id).unwrap();
        notices.remove(last);
        assert_eq!(notices.listed().next().map(|notice| notice.id), Some(last - 1));
        notices.clear();
        assert_eq!((notices.listed().len(), notices.waiting().len()), (0, 0));
    }
}
