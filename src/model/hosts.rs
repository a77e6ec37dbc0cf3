//! Lists of host names, and files that hold each of them once.
//!
//! A node of a network of hundreds knows all the others, so the lists of a large lab would be most of each file that holds its machines.
//! Such a file has a table of lists ([`HostLists`]); its machines have none and are told by number which is theirs.

use super::MachineSpec;
use rustc_hash::FxHashMap;
use std::{net::Ipv4Addr, sync::Arc};

/// Names and addresses for `/etc/hosts`, in order. Shared: nodes of one network have the same.
pub type Hosts = Arc<[(Ipv4Addr, Arc<str>)]>;

/// The address that a list gives for a name: the first one, as a resolver takes it. Case does not count (RFC 4343).
pub fn resolve_host(hosts: &Hosts, name: &str) -> Option<Ipv4Addr> {
    hosts.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(address, _)| *address)
}

/// Different lists in the order in which they were met; the first has the number 1.
#[derive(Debug, Clone, Default)]
pub struct HostLists {
    lists: Vec<Hosts>,
    numbers: FxHashMap<Hosts, u32>,
}

impl HostLists {
    /// The number of no list: the machine's own counts.
    const OWN: u32 = 0;

    /// The lists that a file holds, in order.
    pub fn of(lists: Vec<Hosts>) -> Self {
        let numbers = lists.iter().cloned().zip(1..).collect();
        Self { lists, numbers }
    }

    /// The lists in order.
    pub fn lists(&self) -> &[Hosts] {
        &self.lists
    }

    /// Adds a list that a file holds; it gets the next number.
    pub fn push(&mut self, list: Hosts) {
        self.lists.push(Arc::clone(&list));
        self.numbers.insert(list, self.last());
    }

    /// Takes the lists out of machines that are about to be written, and gives their numbers.
    pub fn take<'a>(&mut self, machines: impl Iterator<Item = &'a mut MachineSpec>) -> Vec<u32> {
        machines.map(|machine| self.number(std::mem::take(&mut machine.hosts))).collect()
    }

    /// Gives machines their lists, by the numbers of [`HostLists::take`]. `false`: a number has no list, or there are too few
    /// numbers or too many; those machines are left without.
    pub fn put<'a>(&self, machines: impl Iterator<Item = &'a mut MachineSpec>, numbers: &[u32]) -> bool {
        let (mut given, mut numbers) = (true, numbers.iter());
        for machine in machines {
            match numbers.next() {
                Some(&Self::OWN) => {}
                Some(number) => match usize::try_from(*number).ok().and_then(|number| self.lists.get(number.checked_sub(1)?)) {
                    Some(list) => machine.hosts = Arc::clone(list),
                    None => given = false,
                },
                None => given = false,
            }
        }
        given && numbers.next().is_none()
    }

    fn number(&mut self, list: Hosts) -> u32 {
        if list.is_empty() {
            return Self::OWN;
        }
        if let Some(known) = self.numbers.get(&list) {
            return *known;
        }
        self.push(list);
        self.last()
    }

    fn last(&self) -> u32 {
        // A lab has thousands of machines; the reader of layouts bounds their number.
        u32::try_from(self.lists.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine_with_hosts(names: &[&str]) -> MachineSpec {
        let hosts = names.iter().zip(1..).map(|(name, last)| (Ipv4Addr::new(10, 0, 0, last), Arc::from(*name)));
        MachineSpec { hosts: hosts.collect(), ..crate::testing::machine("a", Vec::new()) }
    }

    #[test]
    fn each_list_is_held_once_and_comes_back_to_its_machine() {
        let names = [&["a", "b"][..], &["a"], &[], &["a", "b"]];
        let mut machines: Vec<_> = names.iter().map(|names| machine_with_hosts(names)).collect();
        let before = machines.clone();
        let mut lists = HostLists::default();
        let numbers = lists.take(machines.iter_mut());
        assert_eq!(numbers, [1, 2, 0, 1]);
        assert!(machines.iter().all(|machine| machine.hosts.is_empty()));
        let read = HostLists::of(lists.lists().to_vec());
        assert_eq!(read.lists().len(), 2);
        assert!(read.put(machines.iter_mut(), &numbers));
        assert_eq!(machines, before);
        assert!(Arc::ptr_eq(&machines[0].hosts, &machines[3].hosts), "what is read is shared again");
    }

    #[test]
    fn numbers_that_lead_nowhere_are_told() {
        let lists = HostLists::of(vec![machine_with_hosts(&["a"]).hosts]);
        let mut machines = [machine_with_hosts(&[]), machine_with_hosts(&[])];
        for numbers in [&[1, 2][..], &[1], &[1, 1, 1], &[u32::MAX, 0]] {
            assert!(!lists.put(machines.iter_mut(), numbers), "{numbers:?}");
        }
        assert!(lists.put(machines.iter_mut(), &[0, 1]));
    }
}
