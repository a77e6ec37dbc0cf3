//! Whether the machine that VirtualBox runs on has what new machines need: asked before anything is made.

use super::VirtualBox;
use crate::model::MachineSpec;

/// What a machine has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Host {
    /// All of its memory, and what is free, in MiB.
    pub(super) memory_mib: (u64, u64),
    /// Its processors.
    pub(super) cpus: u16,
    /// Whether its processors can run machines; `None` where it does not say.
    pub(super) virtualises: Option<bool>,
}

impl Host {
    /// Reads `list hostinfo`. What is not said is 0, and is not judged.
    pub(super) fn parse(text: &str) -> Self {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ").map(str::trim));
        let mib = |key| value(key).and_then(|said| said.split_whitespace().next()?.parse().ok()).unwrap_or_default();
        Self {
            memory_mib: (mib("Memory size"), mib("Memory available")),
            cpus: value("Processor online count").and_then(|said| said.parse().ok()).unwrap_or_default(),
            virtualises: value("Processor supports HW virtualization").map(|said| said == "yes"),
        }
    }

    /// What does not fit, in words, and what to do.
    pub(super) fn lacks(&self, specs: &[&MachineSpec]) -> Option<(String, String)> {
        let most = specs.iter().map(|spec| spec.cpus).max().unwrap_or_default();
        if self.cpus > 0 && most > self.cpus {
            let why = format!("a node has {most} processors and this machine has {}", self.cpus);
            return Some((why, format!("Draw it with {} at most.", self.cpus)));
        }
        let wanted: u64 = specs.iter().map(|spec| u64::from(spec.memory_mib)).sum();
        let (size, free) = self.memory_mib;
        if size > 0 && wanted > free {
            let why = format!("the machines to start need {wanted} MiB of memory, and {free} of {size} MiB are free");
            return Some((why, "End other programs, or draw the nodes with less memory.".to_owned()));
        }
        None
    }
}

impl VirtualBox {
    pub(super) async fn host_has(&self) -> Option<Host> {
        self.manage.ask(&["list", "hostinfo"]).await.ok().map(|text| Host::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said() {
        let host = Host::parse(
            "Host Information:\n\nProcessor online count: 4\nProcessor supports HW virtualization: no\nMemory size: 8192 MByte\n\
             Memory available: 4096 MByte\n",
        );
        assert_eq!(host, Host { memory_mib: (8192, 4096), cpus: 4, virtualises: Some(false) });
        let spec = |cpus, memory_mib| MachineSpec { cpus, memory_mib, disk_gib: 1, ..crate::testing::machine("n", Vec::new()) };
        let (small, large, wide) = (spec(1, 2048), spec(4, 2049), spec(5, 1));
        assert_eq!(host.lacks(&[&small, &small]), None);
        assert!(host.lacks(&[&small, &large]).unwrap().0.contains("4097 MiB of memory, and 4096 of 8192"));
        assert!(host.lacks(&[&wide]).unwrap().0.contains("5 processors and this machine has 4"));
        assert_eq!(Host::parse("").lacks(&[&large, &wide]), None, "what is not known is not judged");
    }
}
