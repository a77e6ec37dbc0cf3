//! What a node said counts for nothing once its machine was turned off, and stays old while it is frozen.

use super::{Book, Steady, THAWED_MS};
use crate::model::{EventKind, NodeName, Observed, Power, Subject};

impl Book {
    pub(super) fn tell_powers(&mut self, seen: &mut Observed) {
        for (name, node) in seen.nodes.iter_mut().filter(|(_, node)| node.power == Power::Paused) {
            let thawed_ms = self.pages.get(name).and_then(|page| page.thawed_ms);
            if thawed_ms.is_some_and(|at_ms| seen.at_ms.saturating_sub(at_ms) < THAWED_MS) {
                node.power = Power::Running;
            }
        }
        for (name, node) in &seen.nodes {
            let before = self.powers.insert(name.clone(), node.power);
            if before.is_some_and(|before| before != node.power) {
                let text = format!("is {} now", node.power_title());
                self.tell(seen.at_ms, Subject::Node(name.clone()), EventKind::Machine, text);
            }
            if node.power != Power::Running
                && let Some(page) = self.pages.get_mut(name)
            {
                // What a machine said before it was turned off says nothing of it when it is on again.
                let was_frozen = node.power == Power::Paused;
                page.rounds = 0;
                page.seen_ms = None;
                if !was_frozen {
                    page.facts.clear();
                    page.addresses.clear();
                    page.listening.clear();
                }
                page.lines.values_mut().for_each(|line| line.steady = Steady::default());
            }
        }
        let gone: Vec<NodeName> = self.powers.keys().filter(|name| !seen.nodes.contains_key(*name)).cloned().collect();
        for name in gone {
            self.powers.remove(&name);
            self.tell(seen.at_ms, Subject::Node(name), EventKind::Machine, "does not exist any more");
        }
    }
}
