//! How sure one must be: several answers of one sort before something is called well or not, and a word of its own for what
//! cannot make up its mind.

use crate::model::Health;

/// Good answers in a row after which something is healthy.
pub const RISE: u8 = 2;
/// Bad answers in a row after which something is not.
pub const FALL: u8 = 2;
/// Answers that are looked back on.
const MEMORY: u32 = 12;
/// Changes of mind among them from which it flaps, and at which it has calmed down again.
const FLAPS: (u32, u32) = (5, 2);

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It does what it is for.
    Good,
    /// It does part of it, and why only that.
    Poor(String),
    /// It does not, and why.
    Bad(String),
}

/// The answers so far, and what they come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steady {
    health: Health,
    reason: String,
    since_ms: u64,
    leaning: Health,
    in_a_row: u8,
    /// The last answers, one bit each: whether it was another than the one before.
    turns: u32,
    flaps: bool,
}

impl Steady {
    /// Takes one more answer. Gives whether the health is another now.
    pub fn take(&mut self, said: Said, now_ms: u64) -> bool {
        let (says, reason, needed) = match said {
            Said::Good => (Health::Healthy, String::new(), RISE),
            Said::Poor(why) => (Health::Degraded, why, FALL),
            Said::Bad(why) => (Health::Down, why, FALL),
        };
        let turned = self.leaning != Health::Unknown && says != self.leaning;
        self.in_a_row = if says == self.leaning { self.in_a_row.saturating_add(1) } else { 1 };
        self.leaning = says;
        self.turns = ((self.turns << 1) | u32::from(turned)) & ((1 << MEMORY) - 1);
        let turns = self.turns.count_ones();
        self.flaps = turns >= FLAPS.0 || (self.flaps && turns > FLAPS.1);
        let before = self.health;
        if self.flaps {
            self.health = Health::Degraded;
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            self.reason = format!("flapping, {turns} changes in the last {MEMORY} answers{why}");
        } else if self.health == says {
            self.reason = reason;
        } else if self.in_a_row >= needed {
            self.health = says;
            self.reason = reason;
        }
        if self.health != before {
            self.since_ms = now_ms;
        }
        self.health != before
    }

    /// What the answers come to.
    pub fn health(&self) -> Health {
        self.health
    }

    /// Why, where it is not well.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Since when it is so.
    pub fn since_ms(&self) -> u64 {
        self.since_ms
    }

    /// Whether enough was answered to say anything.
    pub fn is_known(&self) -> bool {
        self.health != Health::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healths(answers: &str) -> String {
        let mut steady = Steady::default();
        let letter = |(place, answer): (usize, char)| {
            steady.take(
                match answer {
                    'g' => Said::Good,
                    'p' => Said::Poor("half".into()),
                    _ => Said::Bad("gone".into()),
                },
                place as u64,
            );
            match steady.health() {
                Health::Unknown => '?',
                Health::Healthy => 'H',
                Health::Degraded => 'd',
                Health::Down => 'D',
            }
        };
        answers.chars().enumerate().map(letter).collect()
    }

    #[test]
    fn several_answers_of_one_sort() {
        for (answers, expected) in
            [("gg", "?H"), ("bb", "?D"), ("gb", "??"), ("ggbgbbgg", "?HHHHDDH"), ("ggppgg", "?HHddH"), ("ggbp", "?HHH")]
        {
            assert_eq!(healths(answers), expected, "{answers}");
        }
    }

    #[test]
    fn what_cannot_make_up_its_mind_flaps_until_it_has_calmed_down() {
        assert_eq!(healths("gggbgbgb"), "?HHHHHHd", "the fifth change");
        assert_eq!(healths("gggbgbgbgggggggggggg"), "?HHHHHHdddddddddddHH"[..20].to_owned());
        let mut steady = Steady::default();
        for place in 0..10 {
            steady.take(if place % 2 == 0 { Said::Good } else { Said::Bad("refused".into()) }, place);
        }
        assert!(steady.reason().starts_with("flapping") && steady.reason().ends_with("refused"), "{}", steady.reason());
    }

    #[test]
    fn it_says_since_when_and_why() {
        let mut steady = Steady::default();
        for at_ms in [10, 20, 30] {
            steady.take(Said::Bad(format!("at {at_ms}")), at_ms);
        }
        assert_eq!((steady.since_ms(), steady.reason()), (20, "at 30"), "the reason is the newest, the time the first");
        assert!(!steady.take(Said::Good, 40) && steady.take(Said::Good, 50));
        assert_eq!((steady.health(), steady.since_ms(), steady.reason()), (Health::Healthy, 50, ""));
    }
}
