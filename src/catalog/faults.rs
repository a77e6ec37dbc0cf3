//! Which faults a kind of service has. Offers, simulator and real nodes read it here.

use super::{Entry, sockets::is_on};
use crate::model::{Fault, ServiceSpec};

impl Entry {
    /// Why a fault cannot fall on a service of this kind; `None`: it can, or it does not fall on services. `is_on` says whether a
    /// yes-or-no setting of the service is on.
    pub fn withstands(&self, fault: &Fault, is_on: impl Fn(&str) -> bool) -> Option<&'static str> {
        match fault {
            Fault::Kill(_) | Fault::Hang(_) if self.without_process => {
                Some("it has no process of its own, because the kernel or a timer does its work; stop it instead")
            }
            Fault::Block(_) if self.ports.is_empty() => Some("it opens no port that could be blocked"),
            Fault::Expire(_) if !is_on("tls") => Some("it speaks no TLS: it has no certificate"),
            Fault::Cookie(_) if !self.behaviour.is_beam() => Some("it is not a BEAM node: it has no cookie"),
            Fault::Kill(_)
            | Fault::Hang(_)
            | Fault::Block(_)
            | Fault::Expire(_)
            | Fault::Cookie(_)
            | Fault::Stop(_)
            | Fault::Restart(_)
            | Fault::PowerOff(_)
            | Fault::Pause(_)
            | Fault::LinkDown(..)
            | Fault::OneWay(..)
            | Fault::Cut(..)
            | Fault::Loss(..)
            | Fault::Delay(..)
            | Fault::FillDisk(_)
            | Fault::FillMemory(_)
            | Fault::HogCpu(_)
            | Fault::Skew(..)
            | Fault::NoDns(_) => None,
        }
    }

    /// The same of a service as it is set up.
    pub fn set_up_withstands(&self, fault: &Fault, spec: &ServiceSpec) -> Option<&'static str> {
        self.withstands(fault, |setting| match spec.settings.contains_key(setting) {
            true => is_on(spec, setting),
            false => self.setting(setting).is_some_and(|known| known.default == Some(crate::model::Value::Bool(true))),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{catalog::Catalog, model::Fault};

    /// The words of the faults that can fall on a service of a kind, with no setting on.
    fn faults(kind: &str) -> Vec<&'static str> {
        let entry = Catalog::embedded().get(kind).unwrap();
        let words = ["stop", "kill", "hang", "restart", "cookie", "block", "expire"];
        let can = |word: &&str| {
            let fault: Fault = format!("{word} node/service").parse().unwrap();
            entry.withstands(&fault, |_| false).is_none()
        };
        words.into_iter().filter(can).collect()
    }

    #[test]
    fn what_the_kernel_does_cannot_be_frozen() {
        assert_eq!(faults("nginx"), ["stop", "kill", "hang", "restart", "block"]);
        assert_eq!(faults("beam"), ["stop", "kill", "hang", "restart", "cookie", "block"]);
        assert_eq!(faults("wireguard"), ["stop", "restart", "block"]);
        for kind in ["gateway", "port-forward", "rsync-backup"] {
            assert_eq!(faults(kind), ["stop", "restart"], "{kind}");
        }
    }
}
