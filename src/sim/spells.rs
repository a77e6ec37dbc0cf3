//! Whether what a fault makes worse comes back again and again, or is over.

/// Looks in a row without it after which a spell is over: a second of a forecast.
const CALM_LOOKS: u32 = 4;
/// Spells from which on something comes and goes. One is an outage, and two are one of whatever takes over and gives back.
const SPELLS_MIN: u32 = 3;

/// The spells in which something was worse than before, of all looks at it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spells {
    looks: u32,
    count: u32,
    /// Good looks since the last bad one.
    calm: u32,
    /// The number of the last bad look.
    last_bad: u32,
}

impl Spells {
    /// Counts a look.
    pub(super) fn look(&mut self, is_bad: bool) {
        self.looks += 1;
        if !is_bad {
            self.calm += 1;
            return;
        }
        self.count += u32::from(self.count == 0 || self.calm >= CALM_LOOKS);
        self.calm = 0;
        self.last_bad = self.looks;
    }

    /// Whether it comes and goes: several spells, and one of them late.
    pub(super) fn alternates(self) -> bool {
        self.count >= SPELLS_MIN && self.last_bad > self.looks / 2
    }
}

/// What something was when it was first looked at, and the worst that it has been since.
#[derive(Clone, Copy)]
pub(super) struct Course<T> {
    first: T,
    pub(super) worst: T,
    spells: Spells,
}

impl<T: Copy + Ord> Course<T> {
    pub(super) fn from(first: T) -> Self {
        Self { first, worst: first, spells: Spells::default() }
    }

    /// Counts a look; whether it has never been as bad.
    pub(super) fn look(&mut self, now: T) -> bool {
        self.spells.look(now > self.first);
        let is_worst = now > self.worst;
        self.worst = self.worst.max(now);
        is_worst
    }

    /// Whether it comes and goes, and does not without the fault.
    pub(super) fn alternates(&self, without: &Self) -> bool {
        self.spells.alternates() && !without.spells.alternates()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(looks: &str, expected: bool) {
        let mut spells = Spells::default();
        looks.chars().for_each(|look| spells.look(look == 'x'));
        assert_eq!(spells.alternates(), expected, "{looks}");
    }

    #[test]
    fn one_outage_does_not_alternate_and_several_do() {
        check("", false);
        check("xxxxxxxxxxxxxxxxxxxxxxxx", false);
        check("....xxxx................", false);
        check("x....x....x............................", false);
        check("x....x....x....x....x...", true);
        check("xx.xx.xx.xx.xx.xx.xx.xx.", false);
    }
}
